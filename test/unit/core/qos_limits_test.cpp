// What QOS do to jobs in a whole cluster beside counting them: limits of partitions that their jobs
// may pass, reservations that they need, nodes that are not kept for them; limits of different
// nodes when nodes are chosen; and what a job must pass that is submitted to several QOS and
// partitions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/core/with_accounts.hpp"

namespace sluice::test {
namespace {

using model::Association;
using model::Qos;
using ::testing::HasSubstr;

// Four nodes of 4 CPUs. Partitions: batch; short, of at most 10 minutes and one node; wide, of at
// least two nodes; paid and tight, with the QOS of_paid, the latter of at most 10 minutes.
class QosLimits : public WithAccounts {
 protected:
  QosLimits() {
    model::Settings settings = some_settings();
    settings.enforce = {.associations = true, .limits = true, .qos = true};
    settings.priority.type = model::PriorityType::multifactor;
    settings.priority.decay_half_life_s = 0;
    settings.priority.weight_fairshare = 1000;
    const auto add = [&](const char* name, auto&& change) {
      model::Partition made = settings.partitions.front();
      made.name = name;
      made.is_default = false;
      change(made);
      settings.partitions.push_back(made);
    };
    add("short", [](model::Partition& made) { made.max_time = 10, made.max_nodes = 1; });
    add("wide", [](model::Partition& made) { made.min_nodes = 2; });
    add("paid", [](model::Partition& made) { made.qos = "of_paid"; });
    add("tight", [](model::Partition& made) { made.qos = "of_paid", made.max_time = 10; });
    world.emplace(std::move(settings));
    world->register_all();
    take(editor()
             .qos("high")
             .qos("of_paid")
             .account("physics")
             .user("ann", "physics")
             .user("bob", "physics")
             .change("root", "", [](Association& a) { a.qos.emplace_back("high"); }));
  }
  void flag(const char* name, std::uint32_t flags) {
    change_qos(name, [&](Qos& qos) { qos.flags = flags; });
  }
  std::string nodes_of(JobId id) {
    std::string names;
    for (const model::NodeShare& share : world->job(id).allocation->shares) {
      names += (names.empty() ? "" : ",") + share.name.str();
    }
    return names;
  }
  std::string refusal(const JobBuilder& job) {
    const Status done = world->try_submit(job);
    return done ? "" : done.error().text;
  }
};

TEST_F(QosLimits, LimitsOfPartitionsMayBePassed) {
  const JobId time = world->submit(job_of("ann", "high").on("short").minutes(20));
  const JobId most = world->submit(job_of("ann", "high").on("short").minutes(5).nodes(2).tasks(2));
  const JobId least = world->submit(job_of("ann", "high").on("wide").minutes(5).nodes(1));
  EXPECT_EQ(world->state(time), "PENDING/PartitionTimeLimit");
  EXPECT_EQ(world->state(most), "PENDING/PartitionNodeLimit");
  EXPECT_EQ(world->state(least), "PENDING/PartitionNodeLimit");
  // They wait for nothing else, and are looked at again.
  flag("high", model::kQosPartitionTimeLimit);
  EXPECT_EQ(world->job(time).state, model::JobState::running);
  EXPECT_EQ(world->job(time).time_limit, 20U);
  EXPECT_EQ(world->state(most), "PENDING/PartitionNodeLimit");
  flag("high", model::kQosPartitionMaxNodes);
  EXPECT_EQ(world->job(most).state, model::JobState::running);
  EXPECT_EQ(world->state(least), "PENDING/PartitionNodeLimit");
  flag("high", model::kQosPartitionMinNodes);
  EXPECT_EQ(world->job(least).allocation->shares.size(), 1U);
}

TEST_F(QosLimits, WhatIsNotAskedForStaysThePartitions) {
  flag("high", model::kQosPartitionTimeLimit | model::kQosPartitionMinNodes);
  const JobId time = world->submit(job_of("ann", "high").on("short").minutes(0));
  EXPECT_EQ(world->job(time).time_limit, 10U);
  const JobId nodes =
      world->submit(job_of("ann", "high").on("wide").tasks(2).request([](model::Request& request) {
        request.min_nodes = 0;
      }));
  EXPECT_EQ(world->job(nodes).allocation->shares.size(), 2U);
  // It is the job's QOS that counts, not the partition's.
  flag("of_paid", model::kQosPartitionTimeLimit);
  const JobId tight = world->submit(job_of("ann").on("tight").minutes(20));
  EXPECT_EQ(world->state(tight), "PENDING/PartitionTimeLimit");
}

TEST_F(QosLimits, TakingTheFlagAwayStopsWhoWaits) {
  flag("high", model::kQosPartitionTimeLimit);
  const JobId filler = world->submit(job_of("bob").cpus(4).nodes(4).tasks(4));
  const JobId id = world->submit(job_of("ann", "normal,high").on("short").minutes(20));
  EXPECT_EQ(world->state(id), "PENDING/Resources");
  flag("high", 0);
  EXPECT_EQ(world->state(id), "PENDING/PartitionTimeLimit");
  flag("high", model::kQosPartitionTimeLimit);
  world->finish(filler);
  EXPECT_EQ(world->job(id).qos, Text("high")) << "only as such it may run that long";
}

TEST_F(QosLimits, ReservationsMayBeRequired) {
  const JobId before = world->submit(job_of("ann", "high").held());
  flag("high", model::kQosRequiresReservation);
  EXPECT_EQ(refusal(job_of("ann", "high")), "Invalid qos specification");
  EXPECT_EQ(refusal(job_of("ann", "normal,high")), "Invalid qos specification");
  core::EditReservation made;
  made.name = "r1";
  made.by_operator = true;
  made.patch.start = world->now.wall;
  made.patch.duration_min = 60;
  made.patch.nodes = Text("n1");
  made.patch.users = model::ListEdit{0, "ann"};
  const core::Changes changes = world->apply(made);
  ASSERT_TRUE(changes.outcome) << changes.outcome.error().text;
  const auto inside = [](model::Request& request) { request.reservation = "r1"; };
  const JobId id = world->submit(job_of("ann", "high").request(inside));
  EXPECT_EQ(world->job(id).state, model::JobState::running);
  const JobId waits = world->submit(job_of("ann", "high").request(inside).held());
  core::JobPatch none;
  none.reservation = Text();
  world->update(waits, none);
  EXPECT_EQ(world->job(waits).request->reservation, Text("r1")) << "it can't be taken away";
  core::JobPatch other;
  other.qos = Text("high");
  const JobId normal = world->submit(job_of("ann").held());
  world->update(normal, other);
  EXPECT_EQ(world->job(normal).qos, Text("normal"));
  world->act_as_admin(core::JobVerb::release, before);  // it was there before the flag
  EXPECT_EQ(world->job(before).state, model::JobState::running);
}

// Three nodes are busy for 10 minutes; who wants all four waits for them, and somebody else would
// use the fourth for an hour.
class Backfilling : public QosLimits {
 protected:
  bool lets_others_pass(const char* qos, const char* partition = "batch") {
    const JobId filler = world->submit(job_of("bob").cpus(4).nodes(3).tasks(3).minutes(10));
    const JobId large =
        world->submit(job_of("ann", qos).on(partition).cpus(4).nodes(4).tasks(4).minutes(10));
    const JobId small = world->submit(job_of("bob").cpus(4).minutes(60));
    const bool passes = world->job(small).state == model::JobState::running;
    EXPECT_EQ(world->state(large), "PENDING/Resources");
    EXPECT_EQ(world->job(large).planned_start == 0, passes);
    for (const JobId id : {small, large}) world->act_as_admin(core::JobVerb::cancel, id);
    if (passes) world->release(small);
    world->finish(filler);
    return passes;
  }
};

TEST_F(Backfilling, NoReserveKeepsNoNodes) {
  EXPECT_FALSE(lets_others_pass("high"));
  flag("high", model::kQosNoReserve);
  EXPECT_TRUE(lets_others_pass("high"));
  EXPECT_FALSE(lets_others_pass("normal"));
  flag("of_paid", model::kQosNoReserve);
  EXPECT_TRUE(lets_others_pass("normal", "paid"));
}

TEST_F(Backfilling, NodesAreKeptForAHighPriorityOnly) {
  const auto least = [](std::uint32_t priority) {
    return [priority](auto& holder) { holder.limits.min_prio_threshold = priority; };
  };
  limit("physics", "", least(2000));
  EXPECT_TRUE(lets_others_pass("high"));
  limit("physics", "ann", least(1));
  EXPECT_FALSE(lets_others_pass("high"));
  change_qos("high", least(2000));
  EXPECT_TRUE(lets_others_pass("high"));
  EXPECT_FALSE(lets_others_pass("normal"));
  change_qos("of_paid", least(1));
  EXPECT_FALSE(lets_others_pass("high", "paid"));
  flag("high", model::kQosOverPartQos);
  EXPECT_TRUE(lets_others_pass("high", "paid"));
}

TEST_F(QosLimits, JobsGetNodesThatTheirHolderHasInUse) {
  limit("physics", "ann", [](Association& a) { a.limits.grp_tres = {{model::kTresNode, 2}}; });
  const auto on = [](const char* nodes) {
    return [nodes](model::Request& request) { request.node_list = nodes; };
  };
  const JobId other = world->submit(job_of("bob").cpus(2).request(on("n2")));
  const JobId first = world->submit(job_of("ann").cpus(2).request(on("n3")));
  // The fullest node that serves would be n2, but a third one must be left for the next.
  const JobId second = world->submit(job_of("ann").nodes(2).tasks(2));
  EXPECT_EQ(world->job(second).state, model::JobState::running) << detail(second);
  EXPECT_THAT(nodes_of(second), HasSubstr("n3"));
  const JobId third = world->submit(job_of("ann").nodes(2).tasks(2));
  EXPECT_EQ(nodes_of(third), nodes_of(second));
  const JobId fourth = world->submit(job_of("ann").cpus(4));
  EXPECT_EQ(detail(fourth), "AssocGrpNodeLimit") << "a node of its own would be the third";
  world->restart();
  world->finish(first);
  world->finish(second);
  EXPECT_EQ(detail(fourth), "AssocGrpNodeLimit");
  world->finish(third);
  EXPECT_EQ(world->job(fourth).state, model::JobState::running);
  world->finish(other);
}

// Who is given a shorter time limit leaves minutes to others at once, awake or suspended.
TEST_F(QosLimits, AShorterTimeLimitLeavesMinutesToOthers) {
  change_qos("high", [](Qos& qos) { qos.limits.grp_tres_run_mins = {{model::kTresCpu, 100}}; });
  const JobId first = world->submit(job_of("ann", "high").minutes(80));
  const JobId second = world->submit(job_of("bob", "high").minutes(60));
  EXPECT_EQ(detail(second), "QOSGrpCPURunMinutesLimit");
  core::JobPatch shorter;
  shorter.time_limit = 40;
  world->update(first, shorter);
  EXPECT_EQ(world->job(second).state, model::JobState::running) << detail(second);
  const JobId third = world->submit(job_of("ann", "high").minutes(20));
  EXPECT_EQ(detail(third), "QOSGrpCPURunMinutesLimit");
  world->act_as_admin(core::JobVerb::suspend, first);
  shorter.time_limit = 20;
  world->update(first, shorter);
  EXPECT_EQ(world->job(third).state, model::JobState::running) << detail(third);
}

// When the first limit of nodes is set, those in use are counted.
TEST_F(QosLimits, NodesInUseAreKnownWhenALimitAppears) {
  const JobId first = world->submit(job_of("ann").nodes(2).tasks(2));
  world->submit(job_of("ann").nodes(2).tasks(2));
  limit("physics", "", [](Association& a) { a.limits.grp_tres = {{model::kTresNode, 2}}; });
  const JobId third = world->submit(job_of("bob").nodes(2).tasks(2));
  EXPECT_EQ(nodes_of(third), nodes_of(first));
  EXPECT_EQ(detail(world->submit(job_of("bob").nodes(3).tasks(3))), "AssocGrpNodeLimit");
  limit("physics", "", [](Association& a) { a.limits.grp_tres.clear(); });
  EXPECT_TRUE(world->try_submit(job_of("bob").nodes(3).tasks(3)));
}

TEST_F(QosLimits, EachPartitionAndQosMustLetASubmitIn) {
  change_qos("of_paid", [](Qos& qos) { qos.limits.max_submit_jobs_per_user = 1; });
  const JobId filler = world->submit(job_of("bob").cpus(4).nodes(4).tasks(4));
  const JobId both = world->submit(job_of("ann").on("batch,paid"));
  EXPECT_THAT(refusal(job_of("ann").on("paid")), HasSubstr("QOSMaxSubmitJobPerUserLimit"));
  EXPECT_THAT(refusal(job_of("ann").on("batch,paid")), HasSubstr("QOSMaxSubmitJobPerUserLimit"));
  EXPECT_EQ(refusal(job_of("ann")), "");
  world->restart();
  EXPECT_THAT(refusal(job_of("ann").on("paid")), HasSubstr("QOSMaxSubmitJobPerUserLimit"));
  world->finish(filler);
  ASSERT_EQ(world->job(both).partition, Text("batch"));
  EXPECT_EQ(refusal(job_of("ann").on("paid")), "")
      << "it runs in batch and counts for paid no more";

  change_qos("high", [](Qos& qos) { qos.limits.max_submit_jobs_per_user = 0; });
  EXPECT_THAT(refusal(job_of("ann", "normal,high")), HasSubstr("QOSMaxSubmitJobPerUserLimit"));
  change_qos("high", [](Qos& qos) {
    qos.limits.max_submit_jobs_per_user = model::kNoLimit;
    qos.limits.max_tres_per_job = {{model::kTresCpu, 2}};
  });
  EXPECT_EQ(refusal(job_of("ann", "normal,high").cpus(3)), "");
  flag("high", model::kQosDenyOnLimit);
  EXPECT_THAT(refusal(job_of("ann", "normal,high").cpus(3)), HasSubstr("QOSMaxCpuPerJobLimit"));
}

TEST_F(QosLimits, TheShortestMaxWallIsTheDefaultTime) {
  change_qos("of_paid", [](Qos& qos) { qos.limits.max_wall_per_job = 5; });
  change_qos("high", [](Qos& qos) { qos.limits.max_wall_per_job = 7; });
  EXPECT_EQ(world->job(world->submit(job_of("ann").on("batch,paid").minutes(0))).time_limit, 5U);
  EXPECT_EQ(world->job(world->submit(job_of("ann", "normal,high").minutes(0))).time_limit, 7U);
}

}  // namespace
}  // namespace sluice::test
