// Constraint: what --constraint (and --prefer) asks of the features of a job's nodes.
//
// Features are joined by `&` (or a comma) and `|`, `&` binding tighter, with parentheses. Beyond
// that there are two forms that speak of all nodes of the job together, each at most once:
// `[a|b]`, matching OR: all nodes have a, or all have b; and counts, `[a*2&b*4]` or `a*2&c`: of
// different nodes two have a and four have b. What stands beside them with `&` every node must
// have. Pure values; expressions are kept in postfix order and evaluated without recursion.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::core {

// A question to one node. Empty: every node matches.
class FeatureExpression {
 public:
  [[nodiscard]] bool empty() const { return code_.empty(); }
  // `features`: sorted names.
  [[nodiscard]] bool matches(std::span<const std::string> features) const;
  // The feature names that the expression speaks of, in order of appearance.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  friend class ExpressionParser;
  static constexpr std::uint32_t kAnd = 0xffffffff;
  static constexpr std::uint32_t kOr = 0xfffffffe;

  std::vector<std::string> names_;
  std::vector<std::uint32_t> code_;  // a position in names_, kAnd or kOr
};

struct Constraint {
  struct Count {
    FeatureExpression of;
    std::uint32_t nodes = 0;
  };

  std::vector<FeatureExpression> all;           // each node matches each of them
  std::vector<FeatureExpression> alternatives;  // all nodes match one of these; empty: none asked
  std::vector<Count> counts;                    // so many nodes match, different ones for each

  // "" matches every node. Fails (invalid_feature) on what Slurm's grammar doesn't have.
  [[nodiscard]] static Result<Constraint> parse(std::string_view text);

  [[nodiscard]] bool empty() const { return all.empty() && alternatives.empty() && counts.empty(); }
  // Whether the node may be one of the job's, as far as the node alone can tell.
  [[nodiscard]] bool allows(std::span<const std::string> features) const;
  // All names that it speaks of.
  [[nodiscard]] std::vector<std::string> names() const;
  // The nodes that the counts add up to.
  [[nodiscard]] std::uint32_t counted_nodes() const;
};

}  // namespace sluice::core
