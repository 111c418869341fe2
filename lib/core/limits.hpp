// Limits of associations and QOS: how much is in use, and whether a job may be submitted, may age,
// or may start.
//
// Precedence, as Slurm's: the partition's QOS, the job's QOS (the other way round if the job's has
// OverPartQOS), the user's association, the accounts above it. A limit (of one TRES, where it is a
// list) that is set in an earlier one hides the same limit of the later ones; but what a Grp* limit
// of an account sums up must hold at each account.
//
// Counting. Each job makes a claim: what it counts for in its phase. Claims are added and taken
// away as jobs come and go, and Cluster::check() compares the sums with those of a recount. What
// jobs take that a pass has started and the cluster hasn't heard of yet is counted apart, and
// dropped when the cluster takes the pass.
//
// Nodes are counted once, however many jobs of the holder use them; which those are is known only
// for holders that have such a limit. When one gets its first, everything has to be counted anew.
//
// Where no limits are enforced nothing is counted, until they are: then all is counted anew. Who
// wants to know the sums all the same counts them by a Limits of his own (count_always).
//
// A tested limit is never exceeded by what starts; it may be below what is in use already (lowered
// since, or a job was put under it): then nothing more starts.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/account_tree.hpp"
#include "core/limit_names.hpp"
#include "core/multifactor.hpp"
#include "core/start_gate.hpp"
#include "core/usage.hpp"

namespace sluice::core {

// What a job counts for.
struct LimitClaim {
  std::uint32_t association = 0;        // 0: none
  std::uint32_t qos = 0;                // 0: none
  std::uint32_t partition_qos = 0;      // 0: none
  std::vector<std::uint32_t> more_qos;  // it was submitted to these as well; ascending
  std::uint32_t uid = 0;
  std::uint32_t submitted = 0;  // tasks, of an array's rest
  std::uint32_t running = 0;
  std::uint32_t accruing = 0;
  model::TresCounts in_use;
  model::TresCounts run_seconds;
  std::vector<std::uint32_t> nodes;  // by index, if Limits::counts_nodes()

  bool operator==(const LimitClaim&) const = default;
};

struct LimitUse {
  std::int64_t submitted = 0;
  std::int64_t running = 0;
  std::int64_t accruing = 0;
  model::TresCounts in_use;
  model::TresCounts run_seconds;
  std::map<std::uint32_t, std::uint32_t> nodes;  // jobs on each; of a holder with a limit of nodes

  bool operator==(const LimitUse&) const = default;
  [[nodiscard]] bool nothing() const;
};

// Whose sum: an association's, a QOS's, or a QOS's for one user or account.
struct LimitHolder {
  enum class Kind : std::uint8_t { association, qos, qos_user, qos_account };
  Kind kind = Kind::association;
  std::uint32_t id = 0;
  std::uint32_t part = 0;  // uid, or the account's association

  auto operator<=>(const LimitHolder&) const = default;
};
using LimitUses = std::map<LimitHolder, LimitUse>;  // none of nothing

struct LimitRules {
  AccountTreePtr tree;  // null: no limits
  model::EnforceSettings enforce;
  std::int64_t limit_unit_ms = 60'000;
  std::uint32_t priority_flags = 0;
  struct Partition {
    std::uint32_t qos = 0;
    TresWeights billing;
  };
  std::vector<Partition> partitions;  // by index
};

class Limits final : public StartGate {
 public:
  explicit Limits(const Usage& usage) : usage_(usage) {}
  Limits(const Limits&) = delete;
  Limits& operator=(const Limits&) = delete;

  void configure(LimitRules rules);
  [[nodiscard]] const LimitRules& rules() const { return rules_; }
  void set_shares(PriorityInputsPtr inputs);  // for UsageThreshold

  // Counting
  void count_always();
  [[nodiscard]] bool counts() const { return counts_; }
  void count(const LimitClaim& claim);
  void uncount(const LimitClaim& claim);
  void drop_counts();
  // Who has a limit of nodes; if these are others than before, the counts aren't right any more.
  using NodeHolders = std::set<std::pair<LimitHolder::Kind, std::uint32_t>>;
  [[nodiscard]] const NodeHolders& node_holders() const { return of_nodes_; }
  [[nodiscard]] bool counts_nodes() const { return !of_nodes_.empty(); }
  [[nodiscard]] const LimitUses& uses() const { return uses_; }
  [[nodiscard]] const LimitUse& use(const LimitHolder& holder) const;
  void forget_started();  // the cluster counts what the pass started from now on
  void loosen() { ++loosened_; }

  // Starting
  [[nodiscard]] std::optional<GateBlock> refuses(const GateQuestion& question) const override;
  void started(JobId id, const GateQuestion& question) override;
  void taken_back(const GateQuestion& question) override;
  [[nodiscard]] std::uint64_t loosened() const override { return loosened_; }
  [[nodiscard]] bool may_reserve(const GateQuestion& question,
                                 std::uint32_t priority) const override;
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> nodes_within(
      const GateQuestion& question, const GateBlock& block) const override;

  // Submitting: so many more tasks; and what DenyOnLimit refuses of the job by itself.
  [[nodiscard]] std::optional<GateBlock> refuses_submit(const LimitClaim& claim) const;
  [[nodiscard]] std::optional<GateBlock> refuses_alone(const GateQuestion& question) const;
  // Whether one more pending job may age.
  [[nodiscard]] std::optional<GateBlock> refuses_accrual(const LimitClaim& claim) const;
  [[nodiscard]] bool limits_accrual() const { return limits_accrual_; }
  // MaxWall in force, minutes; kNoLimit: none.
  [[nodiscard]] std::uint32_t max_wall(const LimitClaim& claim) const;
  // A running job of the claim has to end: all minutes of a group are used up.
  [[nodiscard]] std::optional<GateBlock> used_up(const LimitClaim& claim) const;

  // "user ann in account physics".
  [[nodiscard]] static std::string describe(const GateBlock& block);

  struct Case;  // limits.cpp

 private:
  void add(const LimitClaim& claim, std::int64_t sign);
  void add_nodes(const LimitHolder& holder, LimitUse& use, const LimitClaim& claim,
                 std::int64_t sign) const;
  [[nodiscard]] Case case_of(const LimitClaim& claim) const;
  [[nodiscard]] Case case_of(const GateQuestion& question) const;
  [[nodiscard]] const model::AssociationLimits& in_force(AccountTree::Place place) const;

  const Usage& usage_;
  LimitRules rules_;
  PriorityInputsPtr inputs_;
  LimitUses uses_;
  std::vector<LimitClaim> started_;
  std::uint64_t loosened_ = 1;
  bool limits_accrual_ = false;
  bool counts_ = false;
  bool counts_always_ = false;
  NodeHolders of_nodes_;
  mutable std::map<AccountTree::Place, model::AssociationLimits> in_force_;  // as asked for
};

}  // namespace sluice::core
