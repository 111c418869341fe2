// Preemption and limits: nobody makes room for a job that a limit holds, not even where only the
// chosen nodes tell how much it would take.
#include "test/unit/core/with_accounts.hpp"

namespace sluice::test {
namespace {

using model::Association;
using model::JobState;
using model::kTresCpu;
using model::kTresMemory;

// Two nodes of 4 CPUs; partition urgent displaces batch's jobs.
class PreemptLimits : public WithAccounts {
 protected:
  PreemptLimits() {
    model::Settings settings = some_settings({.nodes = 2, .cpus = 4, .memory = 4000});
    settings.enforce = {.associations = true, .limits = true, .qos = true};
    settings.preempt.type = model::PreemptType::partition_prio;
    settings.preempt.mode = model::PreemptMode::requeue;
    model::Partition urgent = settings.partitions[0];
    urgent.name = "urgent";
    urgent.index = PartitionIndex(1);
    urgent.is_default = false;
    urgent.priority_tier = 10;
    settings.partitions.push_back(urgent);
    world.emplace(std::move(settings));
    world->register_all();
    take(editor().account("physics").user("ann", "physics").user("bob", "physics"));
    low = world->submit(job_of("ann").nodes(2).cpus(4).minutes(60));
    world->prepared(low);
  }
  JobBuilder whole() {
    return job_of("bob").minutes(10).on("urgent").request(
        [](model::Request& request) { request.sharing = model::Sharing::exclusive; });
  }
  void expect_left_alone(JobId id, const char* reason) {
    world->plan();
    EXPECT_EQ(world->job(id).state, JobState::pending);
    EXPECT_EQ(detail(id), reason);
    EXPECT_EQ(world->job(low).state, JobState::running);
    EXPECT_EQ(world->job(low).attempt, 0U);
  }

  JobId low;
};

TEST_F(PreemptLimits, TheCpusOfAWholeNodeAreKnownBeforeAnybodyGoes) {
  limit("physics", "bob", [](Association& a) { a.limits.max_tres_per_job = {{kTresCpu, 3}}; });
  expect_left_alone(world->submit(whole()), "AssocMaxCpuPerJobLimit");
}

TEST_F(PreemptLimits, AllMemoryOfANodeToo) {
  limit("physics", "bob", [](Association& a) { a.limits.grp_tres = {{kTresMemory, 3000}}; });
  expect_left_alone(world->submit(job_of("bob").cpus(1).minutes(10).on("urgent").request(
                        [](model::Request& request) { request.all_memory = true; })),
                    "AssocGrpMemLimit");
}

TEST_F(PreemptLimits, WhoStaysWithinItsLimitDisplaces) {
  limit("physics", "bob", [](Association& a) { a.limits.max_tres_per_job = {{kTresCpu, 4}}; });
  const JobId urgent = world->submit(whole());
  EXPECT_EQ(world->job(low).state, JobState::preempted);
  world->release(low);
  world->plan();
  EXPECT_EQ(world->job(urgent).state, JobState::running);
}

}  // namespace
}  // namespace sluice::test
