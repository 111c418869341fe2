// A shunting-yard parser for feature expressions: operands go straight to the code, operators wait
// on a stack until one that binds less tightly, or the end, comes.
#include "core/constraint.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace sluice::core {

namespace {

constexpr std::size_t kMaxConstraint = 4096;  // bytes

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '=' || c == ':' || c == '+' || c == '/' || c == '%';
}

tl::unexpected<Error> refuse(std::string_view why) {
  return fail(ErrorCode::invalid_feature, fmt::format("Invalid feature specification: {}", why));
}

}  // namespace

class ConstraintParser {
 public:
  Result<Constraint> parse(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
      const char c = text[at];
      if (c == ' ') {
        ++at;
      } else if (is_name_char(c)) {
        std::size_t end = at;
        while (end < text.size() && is_name_char(text[end])) ++end;
        if (!want_operand_) return refuse("two features without an operator between them");
        made_.code_.push_back(static_cast<std::uint32_t>(made_.names_.size()));
        made_.names_.emplace_back(text.substr(at, end - at));
        want_operand_ = false;
        at = end;
      } else {
        if (Status done = take_operator(c); !done) return tl::unexpected(done.error());
        ++at;
      }
    }
    return finish();
  }

 private:
  Status take_operator(char c) {
    switch (c) {
      case '(':
        if (!want_operand_) return refuse("an operator is missing before '('");
        stack_.push_back('(');
        return {};
      case ')':
        if (want_operand_) return refuse("a feature is missing before ')'");
        while (!stack_.empty() && stack_.back() != '(') pop();
        if (stack_.empty()) return refuse("')' without '('");
        stack_.pop_back();
        return {};
      case '&':
      case ',':
      case '|':
        if (want_operand_) return refuse(fmt::format("a feature is missing before '{}'", c));
        while (!stack_.empty() && (stack_.back() == '&' || (stack_.back() == '|' && c == '|'))) {
          pop();
        }
        stack_.push_back(c == '|' ? '|' : '&');
        want_operand_ = true;
        return {};
      case '[':
      case ']':
      case '*':
        return refuse("node counts and bracketed alternatives ('*', '[...]') are not supported");
      default: return refuse(fmt::format("unexpected '{}'", c));
    }
  }

  Result<Constraint> finish() {
    if (want_operand_) return refuse("a feature is missing at the end");
    while (!stack_.empty()) {
      if (stack_.back() == '(') return refuse("'(' without ')'");
      pop();
    }
    return std::move(made_);
  }

  void pop() {
    made_.code_.push_back(stack_.back() == '&' ? Constraint::kAnd : Constraint::kOr);
    stack_.pop_back();
  }

  Constraint made_;
  std::vector<char> stack_;
  bool want_operand_ = true;
};

Result<Constraint> Constraint::parse(std::string_view text) {
  if (text.empty()) return Constraint{};
  if (text.size() > kMaxConstraint) return refuse("it is too long");
  return ConstraintParser().parse(text);
}

bool Constraint::matches(std::span<const std::string> features) const {
  if (code_.empty()) return true;
  std::vector<bool> values;
  for (const std::uint32_t code : code_) {
    if (code != kAnd && code != kOr) {
      values.push_back(std::binary_search(features.begin(), features.end(), names_[code]));
      continue;
    }
    const bool right = values.back();
    values.pop_back();
    values.back() = code == kAnd ? (values.back() && right) : (values.back() || right);
  }
  return values.back();
}

}  // namespace sluice::core
