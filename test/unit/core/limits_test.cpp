// Limits: each by a scene of its own, precedence, `safe`, DenyOnLimit, and random histories against
// a slow checker that adds up the jobs each time: no limit is ever exceeded, each refusal is true.
#include "core/limits.hpp"

#include <functional>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using core::GateBlock;
using core::GateQuestion;
using core::LimitClaim;
using core::LimitRules;
using core::Limits;
using model::kTresCpu;
using model::kTresMemory;
using model::kTresNode;

constexpr std::uint32_t kRoot = 1;
constexpr std::uint32_t kPhysics = 2;
constexpr std::uint32_t kAnn = 3;
constexpr std::uint32_t kBob = 4;
constexpr std::uint32_t kNormal = 1;
constexpr std::uint32_t kHigh = 2;
constexpr std::uint32_t kOfPartition = 3;

model::Accounts some_accounts() {
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
      made.shares[n].memory = memory;
      made.shares[n].cpu_count = cpus / nodes + (n < cpus % nodes ? 1 : 0);
    }
    if (gpus != 0) {
      made.shares[0].gres = {{.name = "gpu", .type = "", .indices = {}, .count = gpus}};
    }
    return made;
  }
};

std::string refusal(const Limits& limits, const Try& what) {
  const core::RankedJob job = what.job();
  const model::Allocation allocation = what.allocation();
  const auto no = limits.refuses({.job = job,
                                  .partition = PartitionIndex(what.partition),
                                  .time_limit = what.minutes,
                                  .allocation = &allocation});
  return no ? no->detail.str() : "";
}

void start(Limits& limits, const Try& what) {
  const core::RankedJob job = what.job();
  const model::Allocation allocation = what.allocation();
  limits.started(JobId(1), {.job = job,
                            .partition = PartitionIndex(what.partition),
                            .time_limit = what.minutes,
                            .allocation = &allocation});
}

TEST(Limits, EachHasItsOwnReason) {
  using model::TresCounts;
  struct Row {
    std::function<void(Scene&)> set;
    Try running;
    Try wanted;
    const char* reason;
  };
  const TresCounts four_cpus{{kTresCpu, 4}};
  const std::vector<Row> rows = {
      {[](Scene& s) { s.association(kPhysics).limits.grp_jobs = 1; },
       {.association = kBob},
       {},
       "AssocGrpJobsLimit"},
      {[](Scene& s) { s.association(kPhysics).limits.max_jobs = 1; }, {}, {}, "AssocMaxJobsLimit"},
      {[&](Scene& s) { s.association(kRoot).limits.grp_tres = four_cpus; },
       {.association = kBob, .cpus = 3},
       {.cpus = 2},
       "AssocGrpCpuLimit"},
      {[](Scene& s) {
         s.association(kPhysics).limits.grp_tres = {{kTresMemory, 25}};
       },
       {.nodes = 2},
       {},
       "AssocGrpMemLimit"},
      {[](Scene& s) {
         s.association(kPhysics).limits.grp_tres = {{kTresNode, 2}};
       },
       {.nodes = 2},
       {},
       "AssocGrpNodeLimit"},
      {[](Scene& s) {
         s.association(kPhysics).limits.grp_tres = {{1001, 2}};
       },
       {.gpus = 1},
       {.gpus = 2},
       "AssocGrpGRES"},
      {[](Scene& s) {
         s.association(kPhysics).limits.grp_tres = {{model::kTresBilling, 3}};
       },
       {.cpus = 2},
       {.cpus = 2},
       "AssocGrpBilling"},
      {[](Scene& s) {
         s.association(kPhysics).limits.grp_tres_run_mins = {{kTresCpu, 50}};
       },
       {.cpus = 4},
       {.cpus = 2},
       "AssocGrpCPURunMinutesLimit"},
      {[](Scene& s) {
         s.association(kPhysics).limits.max_tres_run_mins = {{kTresCpu, 50}};
       },
       {.cpus = 4},
       {.cpus = 2},
       "AssocMaxCPURunMinutesPerUser"},
      {[&](Scene& s) { s.association(kRoot).limits.max_tres_per_job = four_cpus; },
       {},
       {.cpus = 5},
       "AssocMaxCpuPerJobLimit"},
      {[](Scene& s) {
         s.association(kRoot).limits.max_tres_per_node = {{kTresMemory, 9}};
       },
       {.association = kBob},
       {.nodes = 2},
       "AssocMaxMemPerNode"},
      {[](Scene& s) {
         s.association(kAnn).limits.max_tres_mins_per_job = {{kTresCpu, 19}};
       },
       {},
       {.cpus = 2},
       "AssocMaxCPUMinutesPerJobLimit"},
      {[](Scene& s) { s.association(kPhysics).limits.max_wall_per_job = 9; },
       {},
       {},
       "AssocMaxWallDurationPerJobLimit"},
      {[](Scene& s) { s.qos(kNormal).limits.grp_jobs = 1; }, {}, {}, "QOSGrpJobsLimit"},
      {[](Scene& s) { s.qos(kNormal).limits.max_jobs_per_user = 1; },
       {},
       {},
       "QOSMaxJobsPerUserLimit"},
      {[](Scene& s) { s.qos(kNormal).limits.max_jobs_per_account = 1; },
       {.association = kBob},
       {},
       "MaxJobsPerAccount"},
      {[&](Scene& s) { s.qos(kNormal).limits.grp_tres = four_cpus; },
       {.association = kBob, .cpus = 4},
       {},
       "QOSGrpCpuLimit"},
      {[&](Scene& s) { s.qos(kNormal).limits.max_tres_per_user = four_cpus; },
       {.cpus = 4},
       {},
       "QOSMaxCpuPerUserLimit"},
      {[](Scene& s) {
         s.qos(kNormal).limits.max_tres_per_user = {{kTresMemory, 15}};
       },
       {},
       {},
       "QOSMaxMemoryPerUser"},
      {[](Scene& s) {
         s.qos(kNormal).limits.max_tres_per_account = {{1001, 2}};
       },
       {.association = kBob, .gpus = 2},
       {.gpus = 1},
       "MaxGRESPerAccount"},
      {[&](Scene& s) { s.qos(kNormal).limits.max_tres_per_job = four_cpus; },
       {},
       {.cpus = 5},
       "QOSMaxCpuPerJobLimit"},
      {[](Scene& s) {
         s.qos(kNormal).limits.max_tres_per_node = {{1001, 1}};
       },
       {},
       {.gpus = 2},
       "QOSMaxGRESPerNode"},
      {[](Scene& s) {
         s.qos(kNormal).limits.max_tres_mins_per_job = {{kTresMemory, 99}};
       },
       {.minutes = 1},
       {},
       "QOSMaxMemoryMinutesPerJob"},
      {[](Scene& s) {
         s.qos(kNormal).limits.grp_tres_run_mins = {{kTresNode, 15}};
       },
       {},
       {},
       "QOSGrpNodeRunMinutes"},
      {[](Scene& s) { s.qos(kNormal).limits.max_wall_per_job = 9; },
       {},
       {},
       "QOSMaxWallDurationPerJobLimit"},
      {[&](Scene& s) { s.qos(kOfPartition).limits.grp_tres = four_cpus; },
       {.partition = 1, .cpus = 4},
       {.partition = 1},
       "QOSGrpCpuLimit"},
  };
  for (const Row& row : rows) {
    Scene scene;
    row.set(scene);
    scene.settle();
    start(scene.limits, row.running);
    EXPECT_EQ(refusal(scene.limits, row.wanted), row.reason);
    scene.limits.forget_started();
    EXPECT_TRUE(scene.limits.uses().empty());
    if (std::string(row.reason).find("PerJob") == std::string::npos &&
        std::string(row.reason).find("PerNode") == std::string::npos) {
      EXPECT_EQ(refusal(scene.limits, row.wanted), "") << row.reason;
    }
  }
}

TEST(Limits, EarlierHoldersHideTheSameLimitOfLaterOnes) {
  Scene scene;
  scene.association(kAnn).limits.max_jobs = 0;
  scene.association(kPhysics).limits.grp_tres = {{kTresCpu, 1}, {kTresMemory, 5}};
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {}), "AssocMaxJobsLimit");
  scene.qos(kNormal).limits.max_jobs_per_user = 20;
  scene.qos(kNormal).limits.grp_tres = {{kTresCpu, 50}};
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.cpus = 2}), "AssocGrpMemLimit");  // CPUs are hidden, memory not
  EXPECT_EQ(refusal(scene.limits, {.cpus = 2, .memory = 5}), "");
  scene.qos(kOfPartition).limits.grp_tres = {{kTresCpu, 1}};
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.partition = 1, .cpus = 2, .memory = 5}), "QOSGrpCpuLimit");
  scene.qos(kNormal).flags = model::kQosOverPartQos;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.partition = 1, .cpus = 2, .memory = 5}), "");
}

TEST(Limits, MaxIsInheritedAndGroupsHoldAtEachLevel) {
  Scene scene;
  scene.association(kPhysics).limits.max_tres_per_job = {{kTresCpu, 4}, {kTresMemory, 5}};
  scene.association(kAnn).limits.max_tres_per_job = {{kTresCpu, 8}};
  scene.association(kAnn).limits.grp_tres = {{kTresCpu, 100}};
  scene.association(kRoot).limits.grp_tres = {{kTresCpu, 7}};
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.cpus = 6, .memory = 5}), "");
  EXPECT_EQ(refusal(scene.limits, {.association = kBob, .cpus = 6}), "AssocMaxCpuPerJobLimit");
  EXPECT_EQ(refusal(scene.limits, {.cpus = 6}), "AssocMaxMemPerJob");
  EXPECT_EQ(refusal(scene.limits, {.cpus = 8, .memory = 5}), "AssocGrpCpuLimit");
}

TEST(Limits, LimitFactorStretchesTheAssociations) {
  Scene scene;
  scene.association(kPhysics).limits.grp_tres = {{kTresCpu, 30}};
  scene.qos(kNormal).limit_factor = 2'000'000;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.cpus = 60}), "");
  EXPECT_EQ(refusal(scene.limits, {.cpus = 61}), "AssocGrpCpuLimit");
  EXPECT_EQ(refusal(scene.limits, {.qos = kHigh, .cpus = 31}), "AssocGrpCpuLimit");
}

// So many CPU minutes used by ann, in QOS normal.
void use(Scene& scene, std::int64_t minutes) {
  core::Meter meter;
  meter.associations = {kAnn, kPhysics, kRoot};
  meter.qos = {kNormal};
  meter.tres = {{kTresCpu, 1}, {model::kTresBilling, 1}};
  scene.usage.open(JobId(9), meter);
  scene.usage.charge(JobId(9), minutes * 60 * model::kSecond);
  scene.usage.close(JobId(9));
}

TEST(Limits, MinutesRunOutAndSafeLooksAhead) {
  Scene scene;
  scene.association(kPhysics).limits.grp_tres_mins = {{kTresCpu, 100}};
  scene.association(kRoot).limits.grp_tres_mins = {{kTresCpu, 1}};  // not enforced there
  scene.association(kRoot).limits.grp_wall = 1;
  scene.settle();
  use(scene, 95);
  EXPECT_EQ(refusal(scene.limits, {}), "");
  scene.safe = true;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.minutes = 5}), "");
  EXPECT_EQ(refusal(scene.limits, {}), "AssocGrpCPUMinutesLimit");
  start(scene.limits, {.minutes = 3});
  EXPECT_EQ(refusal(scene.limits, {.minutes = 3}), "AssocGrpCPUMinutesLimit");
  EXPECT_EQ(refusal(scene.limits, {.minutes = 2}), "");
  scene.safe = false;
  scene.settle();
  use(scene, 5);
  EXPECT_EQ(refusal(scene.limits, {.minutes = 1}), "AssocGrpCPUMinutesLimit");
  LimitClaim running{.association = kBob, .qos = kHigh, .uid = 7};
  EXPECT_FALSE(scene.limits.used_up(running));  // it has no CPU
  running.in_use = {{kTresCpu, 1}};
  ASSERT_TRUE(scene.limits.used_up(running));
  EXPECT_EQ(scene.limits.used_up(running)->holder, Text("account physics"));
  scene.association(kPhysics).limits.grp_tres_mins = {};
  scene.association(kPhysics).limits.grp_wall = 100;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {}), "AssocGrpWallLimit");
  scene.qos(kNormal).limits.grp_wall = 101;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {}), "");
}

TEST(Limits, UsageFactorCountsForRunMinutes) {
  Scene scene;
  scene.qos(kNormal).usage_factor = 2'000'000;
  scene.association(kPhysics).limits.grp_tres_run_mins = {{kTresCpu, 20}};
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {.minutes = 10}), "");
  EXPECT_EQ(refusal(scene.limits, {.minutes = 11}), "AssocGrpCPURunMinutesLimit");
  EXPECT_EQ(refusal(scene.limits, {.qos = kHigh, .minutes = 20}), "");
}

TEST(Limits, RefuseSubmits) {
  Scene scene;
  scene.association(kPhysics).limits.max_submit_jobs = 3;
  scene.association(kPhysics).limits.grp_submit_jobs = 4;
  scene.settle();
  LimitClaim ann{.association = kAnn, .qos = kNormal, .uid = 1, .submitted = 3};
  const LimitClaim bob{.association = kBob, .qos = kNormal, .uid = 2, .submitted = 2};
  EXPECT_FALSE(scene.limits.refuses_submit(ann));
  scene.limits.count(ann);
  EXPECT_EQ(scene.limits.refuses_submit(bob)->detail, Text("AssocGrpSubmitJobsLimit"));
  ann.submitted = 1;
  const auto no = scene.limits.refuses_submit(ann);
  EXPECT_EQ(no->detail, Text("AssocMaxSubmitJobLimit"));
  EXPECT_EQ(Limits::describe(*no),
            "AssocMaxSubmitJobLimit: user ann in account physics has 3 of 3 jobs, 1 more wanted");
  scene.qos(kNormal).limits.max_submit_jobs_per_user = 3;
  scene.qos(kNormal).limits.grp_submit_jobs = 9;
  scene.settle();
  EXPECT_EQ(scene.limits.refuses_submit(ann)->detail, Text("QOSMaxSubmitJobPerUserLimit"));
  EXPECT_FALSE(scene.limits.refuses_submit(bob));
  scene.qos(kNormal).limits.max_submit_jobs_per_account = 4;
  scene.settle();
  EXPECT_EQ(scene.limits.refuses_submit(bob)->detail, Text("MaxSubmitJobsPerAccount"));
}

TEST(Limits, AccrualHasItsOwn) {
  Scene scene;
  scene.settle();
  EXPECT_FALSE(scene.limits.limits_accrual());
  scene.association(kPhysics).limits.max_jobs_accrue = 1;
  scene.qos(kOfPartition).limits.grp_jobs_accrue = 0;  // a partition's QOS has no say
  scene.settle();
  EXPECT_TRUE(scene.limits.limits_accrual());
  const LimitClaim ann{.association = kAnn,
                       .qos = kNormal,
                       .partition_qos = kOfPartition,
                       .uid = 1,
                       .submitted = 1,
                       .accruing = 1};
  EXPECT_FALSE(scene.limits.refuses_accrual(ann));
  scene.limits.count(ann);
  EXPECT_EQ(scene.limits.refuses_accrual(ann)->detail, Text("AssocMaxJobsAccrueLimit"));
}

TEST(Limits, DenyOnLimitLooksAtTheJobAlone) {
  Scene scene;
  scene.qos(kNormal).limits.max_tres_per_job = {{kTresCpu, 4}};
  scene.qos(kNormal).limits.min_tres_per_job = {{kTresCpu, 2}};
  scene.association(kPhysics).limits.grp_tres = {{kTresNode, 2}};
  scene.settle();
  model::Request request;
  request.min_nodes = 1;
  request.tasks = 5;
  core::RankedJob job{.request = &request, .association = kAnn, .qos = kNormal};
  const GateQuestion question{.job = job, .partition = PartitionIndex(0), .time_limit = 10};
  EXPECT_FALSE(scene.limits.refuses_alone(question));
  EXPECT_EQ(scene.limits.refuses(question)->detail, Text("QOSMaxCpuPerJobLimit"));
  scene.qos(kNormal).flags = model::kQosDenyOnLimit;
  scene.settle();
  EXPECT_EQ(scene.limits.refuses_alone(question)->detail, Text("QOSMaxCpuPerJobLimit"));
  request.tasks = 1;
  EXPECT_EQ(scene.limits.refuses_alone(question)->detail, Text("QOSMinCpuNotSatisfied"));
  request.tasks = request.min_nodes = 3;
  EXPECT_EQ(scene.limits.refuses_alone(question)->detail, Text("AssocGrpNodeLimit"));
  request.min_nodes = 2;
  start(scene.limits, {.nodes = 2});
  EXPECT_FALSE(scene.limits.refuses_alone(question));
}

TEST(Limits, ThresholdOfFairShare) {
  Scene scene;
  scene.qos(kNormal).usage_threshold = 500'000;
  scene.settle();
  auto inputs = std::make_shared<core::PriorityInputs>();
  inputs->shares.resize(4);
  inputs->shares[2].factor = 400'000'000;
  scene.limits.set_shares(inputs);
  EXPECT_EQ(refusal(scene.limits, {}), "");
  scene.qos(kNormal).flags = model::kQosEnforceUsageThreshold;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {}), "QOSUsageThreshold");
}

TEST(Limits, NothingIsRefusedUnlessEnforced) {
  Scene scene;
  scene.association(kRoot).limits.grp_jobs = 0;
  scene.settle();
  EXPECT_EQ(refusal(scene.limits, {}), "AssocGrpJobsLimit");
  LimitRules rules = scene.limits.rules();
  rules.enforce.limits = false;
  scene.limits.configure(rules);
  EXPECT_EQ(refusal(scene.limits, {}), "");
}

// The slow checker: the jobs that run are added up anew for each question, and every holder's limit
// is looked at by its rule.
struct Slow {
  const model::Accounts& accounts;
  const std::vector<Try>& running;

  [[nodiscard]] bool below(std::uint32_t id, std::uint32_t above) const {
    for (; id != 0; id = accounts.associations[id - 1].parent) {
      if (id == above) return true;
    }
    return false;
  }
  [[nodiscard]] static std::vector<std::uint32_t> qos_of(const Try& job,
                                                         const model::Accounts& accounts) {
    std::vector<std::uint32_t> order;
    if (job.partition == 1) order.push_back(kOfPartition);
    if (job.qos == kOfPartition && job.partition == 1) return order;
    const bool over = (accounts.qos[job.qos - 1].flags & model::kQosOverPartQos) != 0;
    order.insert(over ? order.begin() : order.end(), job.qos);
    return order;
  }
  static std::int64_t amount(const Try& job, model::TresId id) {
    switch (id) {
      case kTresCpu: return job.cpus;
      case kTresMemory: return static_cast<std::int64_t>(job.memory) * job.nodes;
      case kTresNode: return job.nodes;
      default: return job.gpus;
    }
  }
  template <class Counts>
  [[nodiscard]] std::int64_t sum(Counts&& counts,
                                 const std::function<std::int64_t(const Try&)>& of) const {
    std::int64_t all = 0;
    for (const Try& job : running) {
      if (counts(job)) all += of(job);
    }
    return all;
  }

  [[nodiscard]] std::set<std::string> broken(const Try& wanted) const {
    std::set<std::string> names;
    const std::vector<std::uint32_t> order = qos_of(wanted, accounts);
    const auto in_qos = [&](std::uint32_t qos) {
      return [this, qos](const Try& job) {
        const auto theirs = qos_of(job, accounts);
        return std::find(theirs.begin(), theirs.end(), qos) != theirs.end();
      };
    };
    const auto one = [](const Try&) { return std::int64_t{1}; };
    // The first in the order that sets it.
    const auto first_qos = [&](const auto& sets) -> std::uint32_t {
      for (const std::uint32_t id : order) {
        if (sets(accounts.qos[id - 1].limits)) return id;
      }
      return 0;
    };
    const std::uint32_t grp_jobs =
        first_qos([](const auto& limits) { return limits.grp_jobs != model::kNoLimit; });
    if (grp_jobs != 0) {
      if (sum(in_qos(grp_jobs), one) >= accounts.qos[grp_jobs - 1].limits.grp_jobs) {
        names.insert("QOSGrpJobsLimit");
      }
    } else {
      for (const model::Association& at : accounts.associations) {
        if (at.limits.grp_jobs == model::kNoLimit || !below(wanted.association, at.id)) continue;
        const auto there = [&](const Try& job) { return below(job.association, at.id); };
        if (sum(there, one) >= at.limits.grp_jobs) names.insert("AssocGrpJobsLimit");
      }
    }
    const auto own = [&](const Try& job) { return job.association == wanted.association; };
    const std::uint32_t max_jobs =
        first_qos([](const auto& limits) { return limits.max_jobs_per_user != model::kNoLimit; });
    if (max_jobs != 0) {
      const auto mine = [&](const Try& job) { return own(job) && in_qos(max_jobs)(job); };
      if (sum(mine, one) >= accounts.qos[max_jobs - 1].limits.max_jobs_per_user) {
        names.insert("QOSMaxJobsPerUserLimit");
      }
    } else {
      for (std::uint32_t id = wanted.association; id != 0;
           id = accounts.associations[id - 1].parent) {
        const std::uint32_t most = accounts.associations[id - 1].limits.max_jobs;
        if (most == model::kNoLimit) continue;
        if (sum(own, one) >= most) names.insert("AssocMaxJobsLimit");
        break;
      }
    }
    for (const model::TresId tres : {kTresCpu, kTresMemory, kTresNode, model::TresId{1001}}) {
      check_tres(wanted, tres, first_qos, in_qos, names);
    }
    return names;
  }

  template <class First, class InQos>
  void check_tres(const Try& wanted, model::TresId tres, First&& first_qos, InQos&& in_qos,
                  std::set<std::string>& names) const {
    const std::int64_t more = amount(wanted, tres);
    if (more == 0) return;
    const auto of = [&](const Try& job) { return amount(job, tres); };
    const auto minutes = [&](const Try& job) { return amount(job, tres) * job.minutes; };
    const model::TresKind& kind =
        *std::find_if(accounts.tres.begin(), accounts.tres.end(),
                      [&](const model::TresKind& k) { return k.id == tres; });
    const auto note = [&](core::TresLimitKind what, bool of_qos) {
      names.insert(core::limit_name({what, core::LimitScope::all, of_qos}, kind));
    };
    const auto group = [&](auto qos_list, auto list, core::TresLimitKind what, const auto& sums,
                           std::int64_t wants) {
      const std::uint32_t qos = first_qos(
          [&](const auto& limits) { return model::find_tres(limits.*qos_list, tres) != nullptr; });
      if (qos != 0) {
        const std::int64_t most = model::tres_count(accounts.qos[qos - 1].limits.*qos_list, tres);
        if (sum(in_qos(qos), sums) + wants > most) note(what, true);
        return;
      }
      for (const model::Association& at : accounts.associations) {
        const model::TresCount* most = model::find_tres(at.limits.*list, tres);
        if (most == nullptr || !below(wanted.association, at.id)) continue;
        const auto there = [&](const Try& job) { return below(job.association, at.id); };
        if (sum(there, sums) + wants > most->count) note(what, false);
      }
    };
    using model::AssociationLimits;
    using model::QosLimits;
    group(&QosLimits::grp_tres, &AssociationLimits::grp_tres, core::TresLimitKind::in_use, of,
          more);
    group(&QosLimits::grp_tres_run_mins, &AssociationLimits::grp_tres_run_mins,
          core::TresLimitKind::run_minutes, minutes, more * wanted.minutes);
    const std::uint32_t per_job = first_qos([&](const auto& limits) {
      return model::find_tres(limits.max_tres_per_job, tres) != nullptr;
    });
    if (per_job != 0) {
      if (more > model::tres_count(accounts.qos[per_job - 1].limits.max_tres_per_job, tres)) {
        note(core::TresLimitKind::per_job, true);
      }
      return;
    }
    for (std::uint32_t id = wanted.association; id != 0;
         id = accounts.associations[id - 1].parent) {
      const model::TresCount* most =
          model::find_tres(accounts.associations[id - 1].limits.max_tres_per_job, tres);
      if (most == nullptr) continue;
      if (more > most->count) note(core::TresLimitKind::per_job, false);
      break;
    }
  }
};

class RandomLimits : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomLimits, AgreeWithTheSlowChecker) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937 random(GetParam());
  const auto pick = [&](std::uint32_t below) {
    return static_cast<std::uint32_t>(random() % below);
  };
  const auto some_tres = [&](std::uint32_t scale) {
    model::TresCounts counts;
    for (const model::TresId id : {kTresCpu, kTresMemory, kTresNode, model::TresId{1001}}) {
      if (pick(5) == 0) counts.push_back({id, (id == kTresMemory ? 20 : 3) * (1 + pick(scale))});
    }
    return counts;
  };
  for (int round = 0; round < 20; ++round) {
    Scene scene;
    const auto set_limits = [&](auto& limits) {
      if (pick(4) == 0) limits.grp_jobs = 1 + pick(5);
      limits.grp_tres = some_tres(5);
      limits.grp_tres_run_mins = some_tres(40);
      limits.max_tres_per_job = some_tres(2);
    };
    for (model::Association& at : scene.accounts.associations) {
      set_limits(at.limits);
      if (pick(4) == 0) at.limits.max_jobs = 1 + pick(3);
    }
    for (model::Qos& at : scene.accounts.qos) {
      if (pick(2) == 0) set_limits(at.limits);
      if (pick(4) == 0) at.limits.max_jobs_per_user = 1 + pick(3);
      if (pick(3) == 0) at.flags = model::kQosOverPartQos;
    }
    scene.settle();
    std::vector<Try> running;
    std::vector<LimitClaim> claims;
    for (int event = 0; event < 60; ++event) {
      if (!running.empty() && pick(3) == 0) {
        const std::size_t which = pick(static_cast<std::uint32_t>(running.size()));
        scene.limits.uncount(claims[which]);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
        claims.erase(claims.begin() + static_cast<std::ptrdiff_t>(which));
        continue;
      }
      const Try wanted{.association = kAnn + pick(2),
                       .qos = 1 + pick(3),
                       .partition = pick(2),
                       .cpus = 1 + pick(6),
                       .memory = 5 * (1 + pick(4)),
                       .nodes = 1,
                       .gpus = pick(3),
                       .minutes = 1 + pick(12)};
      const std::set<std::string> broken = Slow{scene.accounts, running}.broken(wanted);
      const std::string reason = refusal(scene.limits, wanted);
      if (broken.empty()) {
        ASSERT_EQ(reason, "") << "round " << round << " event " << event;
      } else {
        ASSERT_TRUE(broken.contains(reason)) << reason << " but " << *broken.begin();
        continue;
      }
      LimitClaim claim{.association = wanted.association,
                       .qos = wanted.qos,
                       .partition_qos = wanted.partition == 1 ? kOfPartition : 0,
                       .uid = 1000 + wanted.association,
                       .submitted = 1,
                       .running = 1};
      for (const model::TresId id : {kTresCpu, kTresMemory, kTresNode, model::TresId{1001}}) {
        const std::int64_t count = Slow::amount(wanted, id);
        if (count == 0) continue;
        claim.in_use.push_back({id, count});
        claim.run_seconds.push_back({id, count * wanted.minutes * 60});
      }
      scene.limits.count(claim);
      running.push_back(wanted);
      claims.push_back(std::move(claim));
    }
    for (const LimitClaim& claim : claims) scene.limits.uncount(claim);
    ASSERT_TRUE(scene.limits.uses().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomLimits, ::testing::Range(1U, 13U));

}  // namespace
}  // namespace sluice::test
