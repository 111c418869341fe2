// Priorities, usage and limits in a whole cluster: who is charged what over a job's life, restarts,
// what is refused at submit and what waits with which reason, who ages, who goes first; and random
// histories with limits, in which no limit is ever exceeded.
#include <optional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/core/with_accounts.hpp"

namespace sluice::test {
namespace {

using core::JobPatch;
using core::JobVerb;
using model::Association;
using ::testing::HasSubstr;

class PoliciesTest : public WithAccounts {
 protected:
  static model::Settings usual() {
    model::Settings settings = some_settings();
    settings.enforce = {.associations = true, .limits = true, .qos = true};
    settings.priority.type = model::PriorityType::multifactor;
    settings.priority.decay_half_life_s = 0;
    settings.priority.weight_fairshare = 1000;
    return settings;
  }
  void build(model::Settings settings = usual()) {
    world.emplace(std::move(settings));
    world->register_all();
    take(editor()
             .qos("high")
             .account("physics")
             .account("biology")
             .user("ann", "physics")
             .user("bob", "biology")
             .change("root", "", [](Association& a) { a.qos.emplace_back("high"); }));
  }
  std::uint32_t association(const char* account, const char* user) {
    const core::AccountTree& tree = world->cluster->accounts();
    return tree.at(*user == '\0' ? tree.find_account(account) : tree.find(account, user, "")).id;
  }
  model::UsageRecord usage(const char* account, const char* user = "") {
    const std::uint32_t id = association(account, user);
    for (const model::UsageRecord& record : world->cluster->usage()) {
      if (record.association == id) return record;
    }
    return {};
  }
  model::UsageRecord qos_usage(const char* name) {
    for (const model::UsageRecord& record : world->cluster->usage()) {
      if (record.qos != 0 && record.qos == world->cluster->accounts().qos(name)->id) return record;
    }
    return {};
  }
};

// Nothing is counted while no limits are enforced; who runs then counts as soon as they are.
TEST_F(PoliciesTest, WhoRunsCountsOnceLimitsAreEnforced) {
  model::Settings settings = usual();
  settings.enforce = {};
  build(settings);
  limit("physics", "", [](Association& a) { a.limits.grp_jobs = 2; });
  const JobId first = world->submit(job_of("ann"));
  const JobId second = world->submit(job_of("ann"));
  const JobId third = world->submit(job_of("ann"));
  EXPECT_EQ(world->state(third), "RUNNING");
  EXPECT_EQ(usage("physics").jobs, 3U);  // shown all the same
  settings.enforce = {.associations = true, .limits = true, .qos = true};
  settings.nodes = world->settings->nodes;
  EXPECT_TRUE(
      world->apply(core::Configure{std::make_shared<const model::Settings>(settings)}).outcome);
  EXPECT_EQ(usage("physics").jobs, 3U);
  const JobId fourth = world->submit(job_of("ann"));
  EXPECT_EQ(detail(fourth), "AssocGrpJobsLimit");
  world->finish(first);
  EXPECT_EQ(detail(fourth), "AssocGrpJobsLimit");
  world->finish(second);
  EXPECT_EQ(world->state(fourth), "RUNNING");
  settings.enforce = {};
  EXPECT_TRUE(
      world->apply(core::Configure{std::make_shared<const model::Settings>(settings)}).outcome);
  EXPECT_EQ(world->state(world->submit(job_of("ann"))), "RUNNING");
  EXPECT_EQ(usage("physics").jobs, 3U);
}

TEST_F(PoliciesTest, ComponentsCountForEachOther) {
  build();
  change_qos("high", [](model::Qos& qos) { qos.limits.max_jobs_per_user = 1; });
  const auto two = [&](const JobBuilder& first, const JobBuilder& second) {
    core::SubmitHetJob whole;
    whole.parts = {first.event(), second.event()};
    const core::Changes changes = world->apply(whole);
    EXPECT_TRUE(changes.outcome) << changes.outcome.error().text;
    return changes.job;
  };
  const JobId limited = two(job_of("ann", "high"), job_of("ann", "high"));
  EXPECT_EQ(world->state(limited), "PENDING/QOSResourceLimit");
  EXPECT_EQ(detail(limited), "QOSMaxJobsPerUserLimit");
  // What the refused components had been counted for is free again.
  EXPECT_EQ(world->job(world->submit(job_of("ann", "high"))).state, model::JobState::running);
}

TEST_F(PoliciesTest, ARequeuedVictimDoesNotComeBackBeforeWhoeverDisplacedIt) {
  model::Settings settings = usual();
  settings.preempt.type = model::PreemptType::qos;
  settings.preempt.mode = model::PreemptMode::requeue;
  build(settings);
  change_qos("high", [](model::Qos& qos) { qos.preempt.emplace_back("normal"); });
  const JobId low = world->submit(job_of("ann", "normal").nodes(4).cpus(4).minutes(60));
  world->prepared(low);
  const JobId high = world->submit(job_of("bob", "high").nodes(4).cpus(4).minutes(60));
  EXPECT_EQ(world->job(low).state, model::JobState::preempted);
  world->release(low);
  world->plan();
  EXPECT_EQ(world->job(high).state, model::JobState::running);
  EXPECT_EQ(world->job(low).state, model::JobState::pending);
}

TEST_F(PoliciesTest, ChargesAreTresTimesElapsed) {
  build();
  const JobId id = world->submit(job_of("ann").cpus(3).minutes(100));
  EXPECT_EQ(world->job(id).tres, (model::TresCounts{{model::kTresCpu, 3},
                                                    {model::kTresMemory, 100},
                                                    {model::kTresNode, 1},
                                                    {model::kTresBilling, 3}}));
  EXPECT_EQ(usage("physics", "ann").run_seconds.front().count, 3 * 6000);
  EXPECT_EQ(usage("root").jobs, 1U);
  world->pass(1000);
  world->act_as_admin(JobVerb::suspend, id);
  world->pass(700);
  world->restart();
  world->act_as_admin(JobVerb::resume, id);
  world->pass(50);
  world->restart();
  world->pass(433);
  world->finish(id);
  for (const auto& [account, user] : {std::pair{"physics", "ann"}, {"physics", ""}, {"root", ""}}) {
    const model::UsageRecord used = usage(account, user);
    EXPECT_EQ(used.raw, 3 * 1483) << account;
    EXPECT_EQ(used.raw_micro, 0U);
    EXPECT_EQ(used.wall, 1483);
    EXPECT_EQ(model::tres_count(used.tres, model::kTresMemory), 148'300);
    EXPECT_EQ(used.jobs, 0U);
    EXPECT_TRUE(used.run_seconds.empty());
  }
  EXPECT_EQ(qos_usage("normal").raw, 3 * 1483);
  EXPECT_EQ(usage("biology").raw, 0);
}

TEST_F(PoliciesTest, UsageFactorAndRequeuesAreCharged) {
  build();
  change_qos("high", [](model::Qos& qos) { qos.usage_factor = 1'500'000; });
  const JobId id = world->submit(job_of("ann", "high").cpus(2));
  world->pass(10);
  world->act_as_admin(JobVerb::requeue, id);
  world->release(id);
  EXPECT_EQ(usage("physics", "ann").raw, 30);
  world->pass(200);  // it runs again
  world->finish(id);
  EXPECT_EQ(usage("physics", "ann").raw, 630);
  EXPECT_EQ(usage("physics", "ann").wall, 210);
}

TEST_F(PoliciesTest, DecayAndResets) {
  model::Settings settings = usual();
  settings.priority.decay_half_life_s = 86'400;
  build(settings);
  change_qos("high", [](model::Qos& qos) { qos.flags |= model::kQosNoDecay; });
  const JobId id = world->submit(job_of("ann", "high").cpus(1).minutes(60));
  world->pass(1000);
  world->finish(id);
  world->pass(86'400);
  EXPECT_NEAR(static_cast<double>(usage("root").raw), 500, 5);
  EXPECT_EQ(qos_usage("high").raw, 1000);
  model::AccountsEdit edit;
  edit.generation = world->cluster->accounts().accounts().generation;
  edit.reset_usage = {association("physics", "")};
  edit.reset_qos_usage = {world->cluster->accounts().qos("high")->id};
  EXPECT_TRUE(world->apply(core::EditAccounts{edit}).outcome);
  EXPECT_EQ(usage("physics", "ann").raw, 0);
  EXPECT_EQ(usage("root").raw, 0);
  EXPECT_EQ(qos_usage("high").raw, 0);
}

TEST_F(PoliciesTest, PeriodsEndUse) {
  model::Settings settings = usual();
  settings.priority.usage_reset = model::UsageReset::daily;
  build(settings);
  const JobId id = world->submit(job_of("ann").minutes(60));
  world->pass(100);
  world->finish(id);
  EXPECT_EQ(usage("root").raw, 100);
  world->pass(86'400);
  EXPECT_EQ(usage("root").raw, 0);
}

TEST_F(PoliciesTest, UnderservedUsersGoFirst) {
  build();
  const JobId first = world->submit(job_of("ann").cpus(4).nodes(4).tasks(4).minutes(30));
  world->pass(600);
  const JobId more = world->submit(job_of("ann").cpus(4).nodes(4).tasks(4));
  const JobId other = world->submit(job_of("bob").cpus(4).nodes(4).tasks(4));
  world->pass(300);
  world->finish(first);
  EXPECT_EQ(world->job(other).state, model::JobState::running);
  EXPECT_EQ(world->job(more).state, model::JobState::pending);
  const core::PriorityInputsPtr inputs = world->cluster->priority_inputs();
  EXPECT_EQ(core::shown_priority(world->job(more), *inputs), 333U);  // ann is the last of three
  EXPECT_GT(world->job(other).priority, 333U);
}

TEST_F(PoliciesTest, FixedPrioritiesNiceAndSiteFactor) {
  build();
  const JobId filler = world->submit(job_of("ann").cpus(4).nodes(4).tasks(4));
  const JobId id = world->submit(job_of("bob").cpus(4).nodes(4).tasks(4));
  const std::uint32_t computed = world->job(id).priority;
  const auto update = [&](auto&& set, bool admin) {
    JobPatch patch;
    set(patch);
    return world->update(id, patch, admin).outcome;
  };
  EXPECT_FALSE(update([](JobPatch& patch) { patch.site_factor = 5; }, false));
  EXPECT_TRUE(update([](JobPatch& patch) { patch.site_factor = 5; }, true));
  EXPECT_EQ(world->job(id).priority, computed + 5);
  EXPECT_TRUE(update([](JobPatch& patch) { patch.priority = 77; }, true));
  EXPECT_EQ(world->job(id).priority, 77U);
  EXPECT_TRUE(world->job(id).priority_fixed);
  world->pass(1000);
  EXPECT_EQ(core::shown_priority(world->job(id), *world->cluster->priority_inputs()), 77U);
  EXPECT_TRUE(update([](JobPatch& patch) { patch.nice = 100; }, false));
  EXPECT_FALSE(world->job(id).priority_fixed);
  EXPECT_EQ(world->job(id).priority, computed + 5 - 100);
  world->act_as_admin(JobVerb::hold, id);
  EXPECT_EQ(world->job(id).priority, 0U);
  EXPECT_TRUE(update([](JobPatch& patch) { patch.nice = 0; }, false));
  EXPECT_EQ(world->job(id).priority, 0U);
  world->act_as_admin(JobVerb::release, id);
  EXPECT_EQ(world->job(id).priority, computed + 5);
  world->finish(filler);
}

TEST_F(PoliciesTest, JobsAgeWhileTheyCouldRun) {
  build();
  world->submit(job_of("ann").cpus(4).nodes(4).tasks(4));
  const JobId held = world->submit(job_of("ann").cpus(4).held());
  const JobId waiting = world->submit(job_of("ann").cpus(4));
  const std::string after = "afterany:" + std::to_string(waiting.value);
  const JobId dependent = world->submit(job_of("ann").after(after.c_str()));
  EXPECT_EQ(world->job(waiting).accrue, world->now.wall);
  EXPECT_EQ(world->job(held).accrue, 0);
  EXPECT_EQ(world->job(dependent).accrue, 0);
  world->pass(100);
  world->act_as_admin(JobVerb::release, held);
  EXPECT_EQ(world->job(held).accrue, world->now.wall);
  world->act_as_admin(JobVerb::hold, waiting);
  EXPECT_EQ(world->job(waiting).accrue, 0);
}

TEST_F(PoliciesTest, AccrueLimitsLetSoManyAge) {
  build();
  limit("physics", "", [](Association& a) { a.limits.max_jobs_accrue = 1; });
  const JobId filler = world->submit(job_of("bob").cpus(4).nodes(4).tasks(4));
  const JobId first = world->submit(job_of("ann").cpus(4));
  const JobId second = world->submit(job_of("ann").cpus(3));
  EXPECT_NE(world->job(first).accrue, 0);
  EXPECT_EQ(world->job(second).accrue, 0);
  world->act(JobVerb::cancel, first);
  world->pass(301);
  EXPECT_NE(world->job(second).accrue, 0);
  world->finish(filler);
}

TEST_F(PoliciesTest, ALimitHoldsAJobWithItsReason) {
  build();
  limit("physics", "", [](Association& a) { a.limits.grp_tres = {{model::kTresCpu, 4}}; });
  const JobId first = world->submit(job_of("ann").cpus(3));
  const JobId second = world->submit(job_of("ann").cpus(2));
  const JobId third = world->submit(job_of("bob").cpus(2));
  EXPECT_EQ(world->job(third).state, model::JobState::running);
  EXPECT_EQ(world->job(second).state, model::JobState::pending);
  EXPECT_EQ(detail(second), "AssocGrpCpuLimit");
  const core::PlanEntry* plan = world->cluster->explain(second);
  ASSERT_TRUE(plan != nullptr && plan->gate);
  EXPECT_EQ(plan->gate->holder, Text("account physics"));
  EXPECT_EQ(plan->gate->used, 3);
  EXPECT_EQ(plan->gate->wanted, 2);
  EXPECT_EQ(plan->gate->limit, 4);
  world->restart();
  EXPECT_EQ(world->job(second).state, model::JobState::pending);
  world->finish(first);
  EXPECT_EQ(world->job(second).state, model::JobState::running);
}

TEST_F(PoliciesTest, AJobRunsUnderTheFirstOfItsQosThatLetsItStart) {
  build();
  change_qos("high", [](model::Qos& qos) {
    qos.priority = 10;
    qos.limits.max_jobs_per_user = 1;
  });
  const JobId first = world->submit(job_of("ann", "normal,high"));
  EXPECT_EQ(world->job(first).request->qos, Text("high,normal")) << "by priority";
  EXPECT_EQ(world->job(first).qos, Text("high"));
  const JobId second = world->submit(job_of("ann", "high,normal"));
  EXPECT_EQ(world->job(second).state, model::JobState::running);
  EXPECT_EQ(world->job(second).qos, Text("normal"));
  world->pass(10);
  EXPECT_EQ(qos_usage("normal").jobs, 1U);
  const JobId third = world->submit(job_of("ann", "high"));
  EXPECT_EQ(detail(third), "QOSMaxJobsPerUserLimit");
  world->act(JobVerb::cancel, third);
  change_qos("normal", [](model::Qos& qos) { qos.limits.max_jobs_per_user = 1; });
  const JobId fourth = world->submit(job_of("ann", "high,normal").array("1-2"));
  EXPECT_EQ(detail(fourth), "QOSMaxJobsPerUserLimit");
  world->restart();
  world->finish(second);
  EXPECT_EQ(world->job(world->cluster->find_task(fourth, 1)->id).qos, Text("normal"));
  world->finish(first);
  EXPECT_EQ(world->job(world->cluster->find_task(fourth, 2)->id).qos, Text("high"));
}

TEST_F(PoliciesTest, EachOfSeveralQosMustBeAllowed) {
  build();
  EXPECT_FALSE(world->try_submit(job_of("ann", "high,nope")));
  const JobId filler = world->submit(job_of("bob").cpus(4).nodes(4).tasks(4));
  const JobId id = world->submit(job_of("ann", "high,normal"));
  limit("root", "", [](Association& a) { a.qos = {Text("normal")}; });
  EXPECT_EQ(world->state(id), "PENDING/Resources");
  world->finish(filler);
  EXPECT_EQ(world->job(id).state, model::JobState::running);
  EXPECT_EQ(world->job(id).qos, Text("normal")) << "high was taken away while it waited";
}

TEST_F(PoliciesTest, TheAssociationIsThatOfThePartition) {
  model::Settings settings = usual();
  model::Partition gpu = settings.partitions.front();
  settings.partitions.front().nodes = "n[1-2]";
  gpu.name = "gpu";
  gpu.nodes = "n[3-4]";
  gpu.is_default = false;
  settings.partitions.push_back(gpu);
  build(std::move(settings));
  take(editor().user("ann", "physics", "gpu").with([](Association& a) { a.limits.max_jobs = 1; }));
  const auto in_both = [](model::Request& request) { request.partitions = "gpu,batch"; };
  const auto association = [&](JobId id) {
    const core::AccountTree& tree = world->cluster->accounts();
    return tree.at(tree.place_of(world->job(id).association)).partition;
  };
  const JobId first = world->submit(job_of("ann").request(in_both));
  EXPECT_EQ(world->job(first).partition, Text("gpu"));
  EXPECT_EQ(association(first), Text("gpu"));
  const JobId second = world->submit(job_of("ann").request(in_both));
  EXPECT_EQ(world->job(second).partition, Text("batch"));
  EXPECT_EQ(association(second), Text());
  world->restart();
  world->finish(first);
  const JobId third = world->submit(job_of("ann").request(in_both));
  EXPECT_EQ(association(third), Text("gpu"));
}

TEST_F(PoliciesTest, ArraysStartAsFarAsTheLimitAllows) {
  build();
  change_qos("normal", [](model::Qos& qos) { qos.limits.max_jobs_per_user = 2; });
  const JobId id = world->submit(job_of("ann").array("1-5"));
  EXPECT_EQ(usage("root").jobs, 2U);
  EXPECT_EQ(usage("root").submitted, 5U);
  EXPECT_EQ(detail(id), "QOSMaxJobsPerUserLimit");
  world->finish(world->cluster->find_task(id, 1)->id);
  EXPECT_EQ(usage("root").jobs, 2U);
  EXPECT_EQ(usage("root").submitted, 4U);
}

// As in Slurm, a job that is moved must be let in where it goes; its own place isn't in its way.
TEST_F(PoliciesTest, MovingAJobIsASubmit) {
  build();
  change_qos("high", [](model::Qos& qos) { qos.limits.max_submit_jobs_per_user = 1; });
  const JobId first = world->submit(job_of("ann", "high").held());
  const JobId second = world->submit(job_of("ann").held());
  JobPatch patch;
  patch.qos = "high";
  const core::Changes refused = world->update(second, patch);
  ASSERT_FALSE(refused.outcome);
  EXPECT_THAT(refused.outcome.error().text, HasSubstr("QOSMaxSubmitJobPerUserLimit"));
  EXPECT_EQ(world->job(second).qos, Text("normal"));
  EXPECT_TRUE(world->update(first, patch).outcome);
  world->act_as_admin(JobVerb::cancel, first);
  EXPECT_TRUE(world->update(second, patch).outcome);
  EXPECT_EQ(world->job(second).qos, Text("high"));
}

TEST_F(PoliciesTest, SubmitsAreRefusedWithTheCause) {
  build();
  limit("physics", "", [](Association& a) { a.limits.max_submit_jobs = 3; });
  world->submit(job_of("ann").array("1-2"));
  const Status refused = world->try_submit(job_of("ann").array("1-2"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text,
              HasSubstr("Job violates accounting/QOS policy (job submit limit, user's size and/or "
                        "time limits): AssocMaxSubmitJobLimit: user ann in account physics has 2 "
                        "of 3 jobs, 2 more wanted"));
  EXPECT_TRUE(world->try_submit(job_of("ann")));
  change_qos("high", [](model::Qos& qos) {
    qos.flags |= model::kQosDenyOnLimit;
    qos.limits.max_tres_per_job = {{model::kTresCpu, 2}};
  });
  EXPECT_THAT(world->try_submit(job_of("bob", "high").cpus(3)).error().text,
              HasSubstr("QOSMaxCpuPerJobLimit"));
  EXPECT_TRUE(world->try_submit(job_of("bob", "high").cpus(2)));
}

TEST_F(PoliciesTest, MaxWallIsTheDefaultTime) {
  build();
  limit("physics", "", [](Association& a) { a.limits.max_wall_per_job = 7; });
  const JobId given = world->submit(job_of("ann").minutes(8));
  const JobId none = world->submit(job_of("ann").minutes(0));
  EXPECT_EQ(detail(given), "AssocMaxWallDurationPerJobLimit");
  EXPECT_EQ(world->job(none).time_limit, 7U);
}

TEST_F(PoliciesTest, JobsEndWhenAllMinutesAreUsed) {
  build();
  limit("physics", "", [](Association& a) { a.limits.grp_tres_mins = {{model::kTresCpu, 20}}; });
  const JobId id = world->submit(job_of("ann").cpus(2).minutes(60));
  world->pass(590);
  EXPECT_EQ(world->job(id).state, model::JobState::running);
  world->pass(20);
  EXPECT_EQ(world->job(id).state, model::JobState::timeout);
  EXPECT_EQ(detail(id), "AssociationTimeLimit");
  const JobId next = world->submit(job_of("ann"));
  EXPECT_EQ(detail(next), "AssocGrpCPUMinutesLimit");
}

TEST_F(PoliciesTest, ReconfiguringKeepsUseAndCounts) {
  build();
  const JobId id = world->submit(job_of("ann").cpus(3).minutes(100));
  world->pass(100);
  model::Settings more = usual();
  more.nodes.push_back(more.nodes.front());
  more.nodes.back().name = "n9";
  EXPECT_TRUE(world->apply(core::Configure{std::make_shared<const model::Settings>(more)}).outcome);
  world->pass(100);
  world->finish(id);
  EXPECT_EQ(usage("root").raw, 600);
}

// No limit is ever exceeded, whatever happens; World checks after each event that the counts are
// those of a recount, and that a restart brings the same use back.
class RandomPolicies : public PoliciesTest, public ::testing::WithParamInterface<std::uint32_t> {
 protected:
  // What the running jobs hold, added up from their records.
  std::int64_t cpus(std::string_view user) {
    std::int64_t sum = 0;
    for (const model::JobPtr& job : world->cluster->all_jobs()) {
      if (job->state != model::JobState::running && job->state != model::JobState::suspended) {
        continue;
      }
      if (user.empty() || job->spec->user.view() == user) sum += job->allocation->cpus;
    }
    return sum;
  }
  std::int64_t running(std::string_view qos) {
    std::int64_t count = 0;
    for (const model::JobPtr& job : world->cluster->all_jobs()) {
      const bool runs =
          job->state == model::JobState::running || job->state == model::JobState::suspended;
      if (runs && job->qos.view() == qos) ++count;
    }
    return count;
  }
};

TEST_P(RandomPolicies, NeverExceedALimit) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937 random(GetParam());
  const auto pick = [&](std::uint32_t below) {
    return static_cast<std::uint32_t>(random() % below);
  };
  build();
  const std::int64_t all = 3 + pick(8);
  const std::int64_t anns = 1 + pick(6);
  const std::uint32_t high = 1 + pick(3);
  limit("root", "", [&](Association& a) { a.limits.grp_tres = {{model::kTresCpu, all}}; });
  limit("physics", "ann", [&](Association& a) { a.limits.grp_tres = {{model::kTresCpu, anns}}; });
  change_qos("high", [&](model::Qos& qos) { qos.limits.grp_jobs = high; });
  for (int event = 0; event < 150 && !HasFailure(); ++event) {
    const std::vector<model::JobPtr> jobs = world->cluster->all_jobs();
    const JobId some =
        jobs.empty() ? JobId(1) : jobs[pick(static_cast<std::uint32_t>(jobs.size()))]->id;
    switch (pick(9)) {
      case 0:
      case 1:
      case 2: {
        JobBuilder job = job_of(pick(2) == 0 ? "ann" : "bob", pick(3) == 0 ? "high" : "");
        job.cpus(1 + pick(3)).minutes(1 + pick(30));
        if (pick(5) == 0) job.array("1-4", pick(3));
        world->submit(job);
        break;
      }
      case 3:
      case 4:
        if (!jobs.empty() && world->job(some).state == model::JobState::running) {
          world->finish(some);
        }
        break;
      case 5: world->act_as_admin(static_cast<JobVerb>(pick(6)), some); break;
      case 6: world->pass(pick(600)); break;
      case 7: world->restart(); break;
      default:
        if (!jobs.empty() && world->job(some).allocation &&
            world->job(some).state != model::JobState::running) {
          world->release(some);
        }
    }
    ASSERT_LE(cpus(""), all);
    ASSERT_LE(cpus("ann"), anns);
    ASSERT_LE(running("high"), high);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPolicies, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace sluice::test
