// First the text is cut where brackets and counts are, then each piece goes through a shunting-yard
// parser: operands go straight to the code, operators wait on a stack until one that binds less
// tightly, or the end, comes.
#include "core/constraint.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/quantity.hpp"

namespace sluice::core {

namespace {

constexpr std::size_t kMaxConstraint = 4096;  // bytes
constexpr std::size_t kMaxPieces = 64;        // alternatives, or counts
constexpr std::uint32_t kMaxNodes = 1U << 20U;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '=' || c == ':' || c == '+' || c == '/' || c == '%';
}

bool is_and(char c) { return c == '&' || c == ','; }

tl::unexpected<Error> refuse(std::string_view why) {
  return fail(ErrorCode::invalid_feature, fmt::format("Invalid feature specification: {}", why));
}

}  // namespace

class ExpressionParser {
 public:
  Result<FeatureExpression> parse(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
      const char c = text[at];
      if (is_name_char(c)) {
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
      case ']': return refuse("only one pair of brackets, and nothing around it but '&'");
      case '*': return refuse("a count stands behind a feature or parentheses joined by '&'");
      default: return refuse(fmt::format("unexpected '{}'", c));
    }
  }

  Result<FeatureExpression> finish() {
    if (want_operand_) return refuse("a feature is missing at the end");
    while (!stack_.empty()) {
      if (stack_.back() == '(') return refuse("'(' without ')'");
      pop();
    }
    return std::move(made_);
  }

  void pop() {
    made_.code_.push_back(stack_.back() == '&' ? FeatureExpression::kAnd : FeatureExpression::kOr);
    stack_.pop_back();
  }

  FeatureExpression made_;
  std::vector<char> stack_;
  bool want_operand_ = true;
};

bool FeatureExpression::matches(std::span<const std::string> features) const {
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

namespace {

// The pieces between operators outside of parentheses; `separators` holds those operators.
struct Pieces {
  std::vector<std::string_view> pieces;
  std::string separators;
};

Pieces cut_outside(std::string_view text, bool at_or) {
  Pieces cut;
  int depth = 0;
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '(') ++depth;
    if (text[at] == ')') --depth;
    if (depth > 0 || !(is_and(text[at]) || (at_or && text[at] == '|'))) continue;
    cut.pieces.push_back(text.substr(from, at - from));
    cut.separators += text[at];
    from = at + 1;
  }
  cut.pieces.push_back(text.substr(from));
  return cut;
}

Status add_expression(std::string_view text, std::vector<FeatureExpression>& to) {
  Result<FeatureExpression> made = ExpressionParser().parse(text);
  if (!made) return tl::unexpected(made.error());
  to.push_back(std::move(*made));
  return {};
}

// "name*3", "(a&b)*3"
Status add_count(std::string_view piece, std::vector<Constraint::Count>& to) {
  const std::size_t star = piece.rfind('*');
  const std::string_view of = piece.substr(0, star);
  const Result<std::uint32_t> nodes = base::parse_u32(piece.substr(star + 1), kMaxNodes);
  if (!nodes || *nodes == 0) return refuse("a number of nodes, 1 or more, stands behind '*'");
  const bool alone = std::all_of(of.begin(), of.end(), is_name_char);
  const bool enclosed = of.size() > 2 && of.front() == '(' && of.back() == ')';
  if (!alone && !enclosed) return refuse("before '*' stands one feature, or parentheses");
  Result<FeatureExpression> made = ExpressionParser().parse(of);
  if (!made) return tl::unexpected(made.error());
  to.push_back({std::move(*made), *nodes});
  return {};
}

Status add_counts(std::string_view text, Constraint& to, bool bracketed) {
  for (const std::string_view piece : cut_outside(text, false).pieces) {
    const bool counted = piece.find('*') != std::string_view::npos;
    if (!counted && bracketed) return refuse("inside brackets each feature has a count");
    if (Status done = counted ? add_count(piece, to.counts) : add_expression(piece, to.all);
        !done) {
      return done;
    }
  }
  if (to.counts.size() > kMaxPieces || to.counted_nodes() > kMaxNodes) {
    return refuse("the counts are too many");
  }
  return {};
}

Status add_bracketed(std::string_view inside, Constraint& to) {
  if (inside.find('*') != std::string_view::npos) return add_counts(inside, to, true);
  const Pieces cut = cut_outside(inside, true);
  if (std::any_of(cut.separators.begin(), cut.separators.end(), is_and)) {
    return refuse("inside brackets stand alternatives ('|'), or counts ('*') with '&'");
  }
  if (cut.pieces.size() > kMaxPieces) return refuse("the alternatives are too many");
  for (const std::string_view piece : cut.pieces) {
    if (Status done = add_expression(piece, to.alternatives); !done) return done;
  }
  return {};
}

Status add_outside(std::string_view text, Constraint& to) {
  if (text.find('*') != std::string_view::npos) return add_counts(text, to, false);
  return add_expression(text, to.all);
}

}  // namespace

Result<Constraint> Constraint::parse(std::string_view text) {
  Constraint made;
  if (text.empty()) return made;
  if (text.size() > kMaxConstraint) return refuse("it is too long");
  const std::size_t open = text.find('[');
  if (open == std::string_view::npos) {
    if (Status done = add_outside(text, made); !done) return tl::unexpected(done.error());
    return made;
  }
  const std::size_t close = text.find(']', open);
  if (close == std::string_view::npos) return refuse("'[' without ']'");
  std::string_view before = text.substr(0, open);
  std::string_view after = text.substr(close + 1);
  const bool joined =
      (before.empty() || is_and(before.back())) && (after.empty() || is_and(after.front()));
  if (!joined) return refuse("brackets are joined to the rest by '&'");
  if (!before.empty()) before.remove_suffix(1);
  if (!after.empty()) after.remove_prefix(1);
  const bool some_before = open != 0;
  const bool some_after = close + 1 != text.size();
  Status done = add_bracketed(text.substr(open + 1, close - open - 1), made);
  if (done && some_before) done = add_expression(before, made.all);
  if (done && some_after) done = add_expression(after, made.all);
  if (!done) return tl::unexpected(done.error());
  return made;
}

bool Constraint::allows(std::span<const std::string> features) const {
  const auto matches = [&](const FeatureExpression& each) { return each.matches(features); };
  return std::all_of(all.begin(), all.end(), matches) &&
         (alternatives.empty() || std::any_of(alternatives.begin(), alternatives.end(), matches));
}

std::vector<std::string> Constraint::names() const {
  std::vector<std::string> names;
  const auto add = [&](const FeatureExpression& each) {
    names.insert(names.end(), each.names().begin(), each.names().end());
  };
  for (const FeatureExpression& each : all) add(each);
  for (const FeatureExpression& each : alternatives) add(each);
  for (const Count& each : counts) add(each.of);
  return names;
}

std::uint32_t Constraint::counted_nodes() const {
  std::uint64_t sum = 0;
  for (const Count& each : counts) sum += each.nodes;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, 0xffffffff));
}

}  // namespace sluice::core
