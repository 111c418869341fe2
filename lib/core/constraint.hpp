// Constraint: what --constraint asks of a node's features. Features are joined by `&` (or a comma)
// and `|`, `&` binding tighter, with parentheses. Forms that speak of sets of nodes (`[a|b]`,
// `[a*2&b]`, `a*2`) are refused with a clear error, never read as something else.
// Pure values; the expression is kept in postfix order and evaluated without recursion.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::core {

class Constraint {
 public:
  // "" matches every node. Fails (invalid_feature) on bad syntax and on the refused forms.
  [[nodiscard]] static Result<Constraint> parse(std::string_view text);

  [[nodiscard]] bool empty() const { return code_.empty(); }
  // `features`: sorted names.
  [[nodiscard]] bool matches(std::span<const std::string> features) const;
  // The feature names that the expression speaks of, in order of appearance.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  friend class ConstraintParser;
  static constexpr std::uint32_t kAnd = 0xffffffff;
  static constexpr std::uint32_t kOr = 0xfffffffe;

  std::vector<std::string> names_;
  std::vector<std::uint32_t> code_;  // a position in names_, kAnd or kOr
};

}  // namespace sluice::core
