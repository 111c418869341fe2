// A small cluster of accounts for tests of limits: account physics with users ann and bob, three
// QOS, two partitions of which the second has a QOS.
#pragma once

#include <string>

#include "core/limits.hpp"

namespace sluice::test {

using core::GateBlock;
using core::GateQuestion;
using core::LimitClaim;
using core::LimitRules;
using core::Limits;
using model::kTresCpu;
using model::kTresMemory;
using model::kTresNode;

inline constexpr std::uint32_t kRoot = 1;
inline constexpr std::uint32_t kPhysics = 2;
inline constexpr std::uint32_t kAnn = 3;
inline constexpr std::uint32_t kBob = 4;
inline constexpr std::uint32_t kNormal = 1;
inline constexpr std::uint32_t kHigh = 2;
inline constexpr std::uint32_t kOfPartition = 3;

inline model::Accounts some_accounts() {
  model::Accounts accounts;
  accounts.tres = *model::with_tres(model::first_tres(), "gres/gpu");
  const auto add = [&](std::uint32_t parent, const char* account, const char* user) {
    model::Association made;
    made.id = static_cast<std::uint32_t>(accounts.associations.size() + 1);
    made.parent = parent;
    made.account = account;
    made.user = user;
    accounts.associations.push_back(made);
  };
  add(0, "root", "");
  add(kRoot, "physics", "");
  add(kPhysics, "physics", "ann");
  add(kPhysics, "physics", "bob");
  for (const char* name : {"normal", "high", "of_partition"}) {
    model::Qos qos;
    qos.id = static_cast<std::uint32_t>(accounts.qos.size() + 1);
    qos.name = name;
    accounts.qos.push_back(qos);
  }
  return accounts;
}

// Two partitions; the second has a QOS.
class Scene {
 public:
  model::Accounts accounts = some_accounts();
  core::Usage usage;
  Limits limits{usage};
  bool safe = false;

  model::Association& association(std::uint32_t id) { return accounts.associations.at(id - 1); }
  model::Qos& qos(std::uint32_t id) { return accounts.qos.at(id - 1); }
  void settle() {
    LimitRules rules;
    rules.tree = std::make_shared<const core::AccountTree>(
        std::make_shared<const model::Accounts>(accounts));
    rules.enforce.limits = true;
    rules.enforce.safe = safe;
    rules.partitions = {{}, {.qos = kOfPartition, .billing = {}}};
    limits.configure(std::move(rules));
  }
};

struct Try {
  std::uint32_t association = kAnn;
  std::uint32_t qos = kNormal;
  std::uint32_t partition = 0;
  std::uint32_t cpus = 1;
  std::uint64_t memory = 10;  // on each node
  std::uint32_t nodes = 1;
  std::uint32_t first_node = 0;
  std::uint32_t gpus = 0;  // on the first node
  std::uint32_t minutes = 10;

  [[nodiscard]] core::RankedJob job() const {
    return {.uid = 1000 + association, .association = association, .qos = qos};
  }
  [[nodiscard]] model::Allocation allocation() const {
    model::Allocation made;
    made.cpus = cpus;
    made.shares.resize(nodes);
    for (std::uint32_t n = 0; n < nodes; ++n) {
      made.shares[n].node = NodeIndex(first_node + n);
      made.shares[n].memory = memory;
      made.shares[n].cpu_count = cpus / nodes + (n < cpus % nodes ? 1 : 0);
    }
    if (gpus != 0) {
      made.shares[0].gres = {{.name = "gpu", .type = "", .indices = {}, .count = gpus}};
    }
    return made;
  }
};

inline std::string refusal(const Limits& limits, const Try& what) {
  const core::RankedJob job = what.job();
  const model::Allocation allocation = what.allocation();
  const auto no = limits.refuses({.job = job,
                                  .partition = PartitionIndex(what.partition),
                                  .time_limit = what.minutes,
                                  .allocation = &allocation});
  return no ? no->detail.str() : "";
}

inline void start(Limits& limits, const Try& what) {
  const core::RankedJob job = what.job();
  const model::Allocation allocation = what.allocation();
  limits.started(JobId(1), {.job = job,
                            .partition = PartitionIndex(what.partition),
                            .time_limit = what.minutes,
                            .allocation = &allocation});
}

}  // namespace sluice::test
