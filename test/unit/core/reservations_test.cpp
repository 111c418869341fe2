// Reservations through the cluster's door: each flag has a test that shows what it does.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/reservation_rules.hpp"
#include "test/support/core_builders.hpp"

namespace sluice::core {
namespace {

using model::kSecond;
using model::ReservationVerb;
using test::a_job;
using test::World;

constexpr model::WallTime kMinute = 60 * kSecond;

class Reservations : public ::testing::Test {
 protected:
  Reservations() : world({.nodes = 4, .cpus = 4, .memory = 4000}) { world.register_all(); }

  // now+from minutes, so many minutes long, for user u1000.
  EditReservation a_reservation(const char* name, std::int64_t from, std::uint32_t minutes) {
    EditReservation event;
    event.name = name;
    event.by_operator = true;
    event.patch.start = world.now.wall + from * kMinute;
    event.patch.duration_min = minutes;
    event.patch.users = model::ListEdit{0, "user1000"};
    return event;
  }
  EditReservation on_nodes(const char* name, std::int64_t from, std::uint32_t minutes,
                           const char* nodes, std::uint32_t flags = 0) {
    EditReservation event = a_reservation(name, from, minutes);
    event.patch.nodes = Text(nodes);
    event.patch.set_flags = flags;
    return event;
  }
  EditReservation counted(const char* name, std::int64_t from, std::uint32_t minutes,
                          std::uint32_t nodes, std::uint32_t flags = 0) {
    EditReservation event = a_reservation(name, from, minutes);
    event.patch.node_count = nodes;
    event.patch.set_flags = flags;
    return event;
  }
  std::string apply(const EditReservation& event) {
    const Changes changes = world.apply(event);
    return changes.outcome ? "" : changes.outcome.error().text;
  }
  std::string update(const char* name, model::ReservationPatch patch) {
    EditReservation event;
    event.verb = ReservationVerb::update;
    event.name = name;
    event.patch = std::move(patch);
    event.by_operator = true;
    return apply(event);
  }
  std::string remove(const char* name) {
    EditReservation event;
    event.verb = ReservationVerb::remove;
    event.name = name;
    event.by_operator = true;
    return apply(event);
  }
  const model::Reservation* find(const char* name) {
    for (const model::ReservationPtr& known : world.cluster->all_reservations()) {
      if (known->name.view() == name) {
        kept = known;
        return kept.get();
      }
    }
    return nullptr;
  }
  // A restart of which no node knows yet.
  void begin_anew() {
    StoredState state;
    state.next_job_id = world.cluster->next_job_id();
    state.nodes = world.cluster->all_nodes();
    state.partitions = world.cluster->all_partitions();
    state.accounts = world.cluster->accounts().pointer();
    state.reservations = world.cluster->all_reservations();
    world.cluster = std::make_unique<Cluster>(world.settings, std::move(state), world.now);
  }
  static test::JobBuilder mine(std::uint32_t minutes, const char* reservation = "") {
    return a_job()
        .by(1000)
        .minutes(minutes)
        .spec([](auto& s) { s.user = "user1000"; })
        .request([reservation](auto& r) { r.reservation = reservation; });
  }
  static test::JobBuilder other(std::uint32_t minutes) {
    return a_job().by(2000).minutes(minutes).spec([](auto& s) { s.user = "user2000"; });
  }
  std::string nodes(JobId id) {
    const model::Job& job = world.job(id);
    return job.allocation ? job.allocation->nodes.str() : "";
  }

  World world;
  model::ReservationPtr kept;
};

TEST_F(Reservations, KeepsOthersOffItsNodes) {
  ASSERT_EQ(apply(on_nodes("r", 0, 60, "n[1-3]")), "");
  const JobId outside = world.submit(other(10).cpus(4));
  const JobId waits = world.submit(other(10).cpus(4));
  const JobId inside = world.submit(mine(10, "r").cpus(4));
  EXPECT_EQ(nodes(outside), "n4");
  EXPECT_EQ(world.state(waits), "PENDING/Resources");
  EXPECT_EQ(nodes(inside), "n1");
  EXPECT_EQ(world.job(inside).reservation.view(), "r");
}

TEST_F(Reservations, MarksItsNodesWhileItLasts) {
  ASSERT_EQ(apply(on_nodes("r", 1, 2, "n1")), "");
  EXPECT_EQ(world.node(0).flags & model::kNodeReserved, 0U);
  world.pass(61);
  EXPECT_NE(world.node(0).flags & model::kNodeReserved, 0U);
  world.pass(121);
  EXPECT_EQ(world.node(0).flags & model::kNodeReserved, 0U);
  EXPECT_EQ(find("r"), nullptr);
}

TEST_F(Reservations, JobsThatWouldRunIntoItWait) {
  ASSERT_EQ(apply(on_nodes("r", 30, 60, "ALL")), "");
  const JobId short_enough = world.submit(other(30).cpus(1));
  const JobId too_long = world.submit(other(31).cpus(1));
  EXPECT_EQ(world.job(short_enough).state, model::JobState::running);
  EXPECT_EQ(world.state(too_long), "PENDING/ReqNodeNotAvail");
  EXPECT_EQ(world.job(too_long).reason_detail.view(),
            "ReqNodeNotAvail, May be reserved for other job");
  EXPECT_EQ(world.job(too_long).planned_start, world.now.wall + 90 * kMinute);
}

TEST_F(Reservations, MaintenanceIsNamed) {
  ASSERT_EQ(apply(on_nodes("m", 10, 60, "ALL", model::kResvMaint)), "");
  const JobId job = world.submit(other(20).cpus(1));
  EXPECT_EQ(world.job(job).reason_detail.view(), "ReqNodeNotAvail, Reserved for maintenance");
  world.pass(601);
  EXPECT_NE(world.node(0).flags & model::kNodeMaint, 0U);
  // Whom it is for may still run there.
  EXPECT_EQ(world.job(world.submit(mine(5, "m"))).state, model::JobState::running);
}

TEST_F(Reservations, WaitsForItsStart) {
  ASSERT_EQ(apply(on_nodes("r", 10, 60, "n2")), "");
  const JobId job = world.submit(mine(5, "r"));
  EXPECT_EQ(world.state(job), "PENDING/Reservation");
  world.pass(601);
  EXPECT_EQ(nodes(job), "n2");
}

TEST_F(Reservations, AccessIsByUserAccountGroupAndQos) {
  EditReservation event = on_nodes("r", 0, 60, "n1");
  event.patch.users = model::ListEdit{0, "-user2000"};
  ASSERT_EQ(apply(event), "");
  const Status denied = world.try_submit(other(5).request([](auto& r) { r.reservation = "r"; }));
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().text, "Access denied to requested reservation");
  EXPECT_TRUE(world.try_submit(mine(5, "r")));
  const Status unknown = world.try_submit(mine(5, "nosuch"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::invalid_reservation);

  model::Reservation r;
  r.accounts = "physics";
  r.qos = "high,low";
  ReservationUser who{.user = "u",
                      .group = "g",
                      .account = "quarks",
                      .ancestors = {"physics", "root"},
                      .qos = "low",
                      .uid = 1000,
                      .groups = nullptr};
  EXPECT_TRUE(may_use_reservation(r, who));
  who.qos = "normal";
  EXPECT_FALSE(may_use_reservation(r, who));
  r.qos = "-high";
  EXPECT_TRUE(may_use_reservation(r, who));
  r.accounts = "-physics";
  EXPECT_FALSE(may_use_reservation(r, who));
}

TEST_F(Reservations, JobsEndWithIt) {
  ASSERT_EQ(apply(on_nodes("r", 0, 10, "n1")), "");
  const JobId job = world.submit(mine(60, "r"));
  const JobId waits = world.submit(mine(60, "r").cpus(4));
  world.prepared(job);
  world.pass(601);
  EXPECT_EQ(world.job(job).state, model::JobState::timeout);
  world.release(job);
  EXPECT_EQ(find("r"), nullptr);
  EXPECT_EQ(world.job(waits).reason_detail.view(), "Reservation r was deleted");
  EXPECT_NE(world.job(waits).flags & model::kFlagResvDelHold, 0U);
  EXPECT_EQ(world.job(waits).priority, 0U);
  EXPECT_TRUE(world.act(JobVerb::release, waits).outcome);
  EXPECT_EQ(world.job(waits).state, model::JobState::running);
  EXPECT_EQ(world.job(waits).flags & model::kFlagResvDelHold, 0U);
}

// The time that a job sleeps is added to its time limit, not to the reservation.
TEST_F(Reservations, SleepDoesNotOutlastIt) {
  ASSERT_EQ(apply(on_nodes("r", 0, 30, "n1")), "");
  const JobId job = world.submit(mine(60, "r").cpus(4));
  world.prepared(job);
  world.pass(600);
  world.act_as_admin(JobVerb::suspend, job);
  world.pass(600);
  world.act_as_admin(JobVerb::resume, job);
  world.pass(599);
  EXPECT_EQ(world.job(job).state, model::JobState::running);
  world.pass(2);
  EXPECT_EQ(world.job(job).state, model::JobState::timeout);
}

TEST_F(Reservations, WhoSleepsAtItsEndIsEndedOnceAwake) {
  ASSERT_EQ(apply(on_nodes("r", 0, 30, "n1")), "");
  const JobId job = world.submit(mine(60, "r").cpus(4));
  world.prepared(job);
  world.act_as_admin(JobVerb::suspend, job);
  world.pass(2400);
  EXPECT_EQ(world.job(job).state, model::JobState::suspended);
  EXPECT_NE(find("r"), nullptr);
  world.act_as_admin(JobVerb::resume, job);
  world.pass(1);
  EXPECT_EQ(world.job(job).state, model::JobState::timeout);
  world.release(job);
  EXPECT_EQ(find("r"), nullptr);
}

TEST_F(Reservations, NoHoldLetsThemRunOutside) {
  ASSERT_EQ(apply(on_nodes("r", 0, 10, "n1", model::kResvNoHoldJobs)), "");
  const JobId first = world.submit(mine(60, "r").cpus(4));
  const JobId second = world.submit(mine(60, "r").cpus(4));
  world.prepared(first);
  world.pass(601);
  EXPECT_EQ(world.job(second).state, model::JobState::running);
  EXPECT_TRUE(world.job(second).reservation.empty());
}

TEST_F(Reservations, FlexBeginsBeforeAndElsewhere) {
  ASSERT_EQ(apply(on_nodes("r", 10, 10, "n1", model::kResvFlex)), "");
  const JobId job = world.submit(mine(60, "r").nodes(2).tasks(8).cpus(1));
  EXPECT_EQ(world.job(job).state, model::JobState::running);
  EXPECT_EQ(nodes(job), "n[1-2]");
  world.prepared(job);
  world.pass(1300);
  EXPECT_EQ(world.job(job).state, model::JobState::running);  // it outlives the reservation
}

TEST_F(Reservations, MagneticDrawsWhoMayUseIt) {
  ASSERT_EQ(apply(on_nodes("r", 0, 60, "n3", model::kResvMagnetic)), "");
  const JobId drawn = world.submit(mine(5));
  EXPECT_EQ(nodes(drawn), "n3");
  EXPECT_EQ(world.job(drawn).reservation.view(), "r");
  EXPECT_EQ(nodes(world.submit(other(5))), "n1");
  // What doesn't fit there runs outside.
  EXPECT_EQ(nodes(world.submit(mine(5).cpus(4))), "n2");
}

TEST_F(Reservations, RepeatsDaily) {
  ASSERT_EQ(apply(on_nodes("r", 0, 10, "n1", model::kResvDaily)), "");
  const model::WallTime start = find("r")->start;
  world.pass(601);
  ASSERT_NE(find("r"), nullptr);
  EXPECT_EQ(find("r")->start, start + 24 * 60 * kMinute);
  const JobId job = world.submit(mine(5, "r"));
  EXPECT_EQ(world.state(job), "PENDING/Reservation");
  // A long job keeps clear of all that is to come.
  const JobId outside =
      world.submit(other(3 * 24 * 60).request([](auto& r) { r.node_list = "n1"; }));
  EXPECT_EQ(world.job(outside).reason_detail.view(),
            "ReqNodeNotAvail, May be reserved for other job");
  world.pass(24 * 3600 - 600);
  EXPECT_EQ(nodes(job), "n1");
}

TEST_F(Reservations, SkipsAnOccurrence) {
  ASSERT_EQ(apply(on_nodes("r", 5, 10, "n1", model::kResvWeekly)), "");
  const model::WallTime start = find("r")->start;
  model::ReservationPatch skip;
  skip.skip = true;
  EXPECT_EQ(update("r", skip), "");
  EXPECT_EQ(find("r")->start, start + 7 * 24 * 60 * kMinute);
  ASSERT_EQ(apply(on_nodes("once", 5, 10, "n2")), "");
  EXPECT_EQ(update("once", skip), "Reservation given is not skipable, try deleting instead");
}

TEST_F(Reservations, IgnoresRunningJobsWhenTold) {
  const JobId running = world.submit(other(600).cpus(4));
  ASSERT_EQ(nodes(running), "n1");
  EXPECT_EQ(apply(on_nodes("r", 0, 60, "n1")), "Requested nodes are busy");
  EXPECT_EQ(apply(on_nodes("r", 0, 60, "n1", model::kResvIgnoreJobs)), "");
  EXPECT_EQ(apply(counted("all", 0, 60, 4)), "Requested nodes are busy");
  // A job that will have ended is no obstacle.
  EXPECT_EQ(apply(on_nodes("later", 11 * 60, 60, "n1")), "");
}

TEST_F(Reservations, OverlapsOnlyByRight) {
  ASSERT_EQ(apply(on_nodes("r", 0, 60, "n1")), "");
  const char* taken = "Requested reservation overlaps with another reservation";
  EXPECT_EQ(apply(on_nodes("s", 30, 60, "n[1-2]")), taken);
  EXPECT_EQ(apply(on_nodes("after", 60, 60, "n1")), "");
  EXPECT_EQ(apply(on_nodes("over", 0, 60, "n1", model::kResvOverlap)), "");
  EXPECT_EQ(apply(on_nodes("maint", 0, 60, "n1", model::kResvMaint)), "");
  // Jobs of the lower one keep clear of those above it; jobs above run.
  EXPECT_EQ(world.state(world.submit(mine(5, "r"))), "PENDING/ReqNodeNotAvail");
  EXPECT_EQ(nodes(world.submit(mine(5, "over"))), "n1");
}

TEST_F(Reservations, AnyNodesReservesLicencesAlone) {
  auto settings = std::make_shared<Settings>(*world.settings);
  settings->licenses = {{"matlab", 4}};
  world.apply(Configure{settings});
  EditReservation event = a_reservation("lic", 0, 60);
  event.patch.licenses = Text("matlab:3");
  EXPECT_EQ(apply(event), "Invalid license specification");
  event.patch.set_flags = model::kResvAnyNodes;
  EXPECT_EQ(apply(event), "");
  event.name = "lic2";
  EXPECT_EQ(apply(event), "Invalid license specification");
  const auto takes = [](auto& r) { r.licenses = "matlab:2"; };
  const JobId outside = world.submit(other(5).request(takes));
  EXPECT_EQ(world.state(outside), "PENDING/Licenses");
  const JobId inside = world.submit(mine(5, "lic").request(takes));
  EXPECT_EQ(world.job(inside).state, model::JobState::running);
  EXPECT_EQ(world.job(inside).allocation->licenses.view(), "matlab:2");
  world.prepared(inside);
  world.pass(3601);
  EXPECT_EQ(find("lic"), nullptr);
}

TEST_F(Reservations, PurgedWhenIdle) {
  EditReservation event = on_nodes("r", 0, 600, "n1", model::kResvPurgeComp);
  event.patch.purge_s = 120;
  ASSERT_EQ(apply(event), "");
  const JobId job = world.submit(mine(60, "r"));
  world.prepared(job);
  world.pass(300);
  EXPECT_NE(find("r"), nullptr);
  world.finish(job);
  world.pass(60);
  EXPECT_NE(find("r"), nullptr);
  world.pass(61);
  EXPECT_EQ(find("r"), nullptr);
}

TEST_F(Reservations, ReplaceKeepsIdleNodesAtHand) {
  ASSERT_EQ(apply(counted("r", 0, 60, 2, model::kResvReplace)), "");
  EXPECT_EQ(find("r")->nodes.view(), "n[1-2]");
  const JobId job = world.submit(mine(5, "r").cpus(4));
  EXPECT_EQ(nodes(job), "n1");
  EXPECT_EQ(find("r")->nodes.view(), "n[2-3]");
  EXPECT_EQ(apply(on_nodes("named", 0, 60, "n4", model::kResvReplace)),
            "Invalid node name specified");
}

TEST_F(Reservations, NodesThatGoDownAreReplacedUnlessStatic) {
  ASSERT_EQ(apply(counted("moves", 0, 60, 1, model::kResvReplaceDown)), "");
  ASSERT_EQ(apply(counted("stays", 0, 60, 1, model::kResvStatic)), "");
  EXPECT_EQ(find("moves")->nodes.view(), "n1");
  EXPECT_EQ(find("stays")->nodes.view(), "n2");
  world.apply(UpdateNode{.nodes = {NodeIndex(0), NodeIndex(1)},
                         .verb = NodeVerb::down,
                         .reason = Text("broken"),
                         .features = {},
                         .comment = {},
                         .extra = {},
                         .weight = {}});
  EXPECT_EQ(find("moves")->nodes.view(), "n3");
  EXPECT_EQ(find("stays")->nodes.view(), "n2");
}

TEST_F(Reservations, ARestartMovesNoneThoughNodesHaveYetToRegister) {
  ASSERT_EQ(apply(counted("soon", 10, 60, 1)), "");
  ASSERT_EQ(apply(counted("idle", 0, 60, 1, model::kResvReplace)), "");
  const Text soon = find("soon")->nodes;
  const Text idle = find("idle")->nodes;
  begin_anew();
  for (std::uint32_t n = 4; n-- > 0;) {
    world.register_node(n);
    world.pass(1);
    EXPECT_EQ(find("soon")->nodes, soon);
    EXPECT_EQ(find("idle")->nodes, idle);
  }
}

// Unless one doesn't come back.
TEST_F(Reservations, ANodeThatIsLostAfterARestartIsReplaced) {
  ASSERT_EQ(apply(counted("soon", 10, 60, 1)), "");
  ASSERT_EQ(find("soon")->nodes.view(), "n1");
  begin_anew();
  for (std::uint32_t n = 1; n < 4; ++n) world.register_node(n);
  EXPECT_EQ(find("soon")->nodes.view(), "n1");
  world.apply(NodeLost{NodeIndex(0)});
  world.pass(1);
  EXPECT_EQ(find("soon")->nodes.view(), "n2");
}

TEST_F(Reservations, PartNodesFollowThePartition) {
  EditReservation event = on_nodes("r", 10, 60, "ALL", model::kResvPartNodes);
  event.patch.partition = Text("batch");
  ASSERT_EQ(apply(event), "");
  EXPECT_EQ(find("r")->nodes.view(), "n[1-4]");
  model::Partition smaller = *world.cluster->all_partitions().front();
  smaller.nodes = "n[1-2]";
  world.apply(UpdatePartition{smaller});
  EXPECT_EQ(find("r")->nodes.view(), "n[1-2]");
}

TEST_F(Reservations, FloatingOneStaysAhead) {
  ASSERT_EQ(apply(on_nodes("r", 30, 60, "ALL", model::kResvTimeFloat)), "");
  world.pass(3600);
  EXPECT_EQ(world.job(world.submit(other(29))).state, model::JobState::running);
  EXPECT_EQ(world.state(world.submit(other(60))), "PENDING/ReqNodeNotAvail");
  EXPECT_NE(find("r"), nullptr);
  EXPECT_EQ(apply(on_nodes("d", 30, 60, "n1", model::kResvTimeFloat | model::kResvDaily)),
            "Requested operation not supported on this system");
}

TEST_F(Reservations, UsersRemoveWhatTheyMay) {
  ASSERT_EQ(apply(on_nodes("r", 0, 60, "n1")), "");
  EditReservation mine_to_remove;
  mine_to_remove.verb = ReservationVerb::remove;
  mine_to_remove.name = "r";
  mine_to_remove.by_uid = 1000;
  mine_to_remove.by_user = "user1000";
  EXPECT_FALSE(world.apply(mine_to_remove).outcome);
  model::ReservationPatch patch;
  patch.set_flags = model::kResvUserDelete;
  ASSERT_EQ(update("r", patch), "");
  EditReservation foreign = mine_to_remove;
  foreign.by_user = "user2000";
  EXPECT_FALSE(world.apply(foreign).outcome);
  EXPECT_TRUE(world.apply(mine_to_remove).outcome);
  EXPECT_EQ(find("r"), nullptr);
}

TEST_F(Reservations, ForceStartAllowsAPastStartOfRepeatingOnes) {
  EXPECT_EQ(apply(on_nodes("r", -600, 60, "n1", model::kResvDaily)), "Invalid time specified");
  EXPECT_EQ(apply(on_nodes("r", -600, 60, "n1", model::kResvDaily | model::kResvForceStart)), "");
  EXPECT_EQ(find("r")->start, world.now.wall + (24 * 60 - 600) * kMinute);
}

TEST_F(Reservations, CoresOfANode) {
  EditReservation event = on_nodes("r", 0, 60, "n1");
  event.patch.core_counts = {2};
  ASSERT_EQ(apply(event), "");
  EXPECT_EQ(find("r")->core_count, 2U);
  const auto on_n1 = [](auto& r) { r.node_list = "n1"; };
  EXPECT_EQ(world.job(world.submit(other(5).cpus(2).request(on_n1))).state,
            model::JobState::running);
  EXPECT_EQ(world.job(world.submit(other(5).cpus(1).request(on_n1))).state,
            model::JobState::pending);
  const JobId inside = world.submit(mine(5, "r").cpus(1));
  EXPECT_EQ(nodes(inside), "n1");
  EXPECT_EQ(nodes(world.submit(mine(5, "r").cpus(1))), "n1");
  EXPECT_EQ(world.job(world.submit(mine(5, "r").cpus(1))).state, model::JobState::pending);
  event = a_reservation("spread", 0, 60);
  event.patch.core_counts = {6};
  ASSERT_EQ(apply(event), "");
  EXPECT_EQ(find("spread")->core_count, 6U);
}

TEST_F(Reservations, InUseIsNotRemoved) {
  ASSERT_EQ(apply(on_nodes("r", 10, 60, "n1")), "");
  const JobId job = world.submit(mine(5, "r"));
  EXPECT_EQ(remove("r"), "Requested reservation is in use");
  world.act(JobVerb::cancel, job);
  EXPECT_EQ(remove("r"), "");
  EXPECT_EQ(remove("r"), "Requested reservation is invalid");
}

TEST_F(Reservations, UpdatesAreCheckedAsAWhole) {
  ASSERT_EQ(apply(on_nodes("r", 0, 60, "n1")), "");
  ASSERT_EQ(apply(on_nodes("s", 0, 60, "n2")), "");
  model::ReservationPatch patch;
  patch.start = world.now.wall + kMinute;
  EXPECT_EQ(update("r", patch), "Reservation already started");
  patch = {};
  patch.nodes = Text("n2");
  EXPECT_EQ(update("r", patch), "Requested reservation overlaps with another reservation");
  EXPECT_EQ(find("r")->nodes.view(), "n1");
  patch.nodes_mode = 1;
  patch.nodes = Text("n3");
  EXPECT_EQ(update("r", patch), "");
  EXPECT_EQ(find("r")->nodes.view(), "n[1,3]");
  patch = {};
  patch.users = model::ListEdit{2, "user1000"};
  EXPECT_EQ(update("r", patch), "Reservation request lacks users, groups or accounts");
  patch.users = model::ListEdit{1, "user3000"};
  EXPECT_EQ(update("r", patch), "");
  EXPECT_EQ(find("r")->users.view(), "user1000,user3000");
  patch = {};
  patch.duration_min = 30;
  EXPECT_EQ(update("r", patch), "");
  EXPECT_EQ(find("r")->end, find("r")->start + 30 * kMinute);
}

TEST_F(Reservations, ChoosesOneOfSeveral) {
  ASSERT_EQ(apply(on_nodes("a", 10, 60, "n1")), "");
  ASSERT_EQ(apply(on_nodes("b", 0, 60, "n2")), "");
  const JobId job = world.submit(mine(5, "a,b"));
  EXPECT_EQ(nodes(job), "n2");
  EXPECT_EQ(world.job(job).reservation.view(), "b");
}

TEST_F(Reservations, SurviveARestart) {
  ASSERT_EQ(apply(on_nodes("r", 0, 60, "n1")), "");
  const JobId job = world.submit(mine(120, "r"));
  world.prepared(job);
  world.restart();
  ASSERT_NE(find("r"), nullptr);
  EXPECT_EQ(world.state(world.submit(other(5).request([](auto& r) { r.node_list = "n1"; }))),
            "PENDING/ReqNodeNotAvail");
  world.pass(3601);
  EXPECT_EQ(world.job(job).state, model::JobState::timeout);
}

TEST_F(Reservations, TestOnlyTellsTheStart) {
  ASSERT_EQ(apply(on_nodes("r", 10, 60, "n2")), "");
  SubmitJob event = mine(5, "r").event();
  event.test_only = true;
  const Changes changes = world.apply(event);
  ASSERT_TRUE(changes.tested);
  EXPECT_EQ(changes.tested->planned_start, world.now.wall + 10 * kMinute);
  EXPECT_EQ(changes.tested->planned_nodes.view(), "n2");
}

TEST_F(Reservations, TestOnlyOfAHeterogeneousJobToo) {
  ASSERT_EQ(apply(on_nodes("r", 10, 60, "n2,n3")), "");
  const auto tested = [&](std::uint32_t minutes, const char* name) {
    SubmitHetJob event;
    event.parts = {mine(minutes, name).event(), mine(minutes, name).event()};
    event.parts[1].uid = {7, 7};
    event.parts[0].test_only = event.parts[1].test_only = true;
    const Changes changes = world.apply(event);
    EXPECT_TRUE(changes.outcome) << changes.outcome.error().text;
    return changes.tested.value_or(PlanEntry{});
  };
  const PlanEntry inside = tested(5, "r");
  EXPECT_EQ(inside.planned_start, world.now.wall + 10 * kMinute);
  EXPECT_EQ(inside.planned_nodes.view(), "n[2-3]");
  // Somebody who has half of it until then: the whole starts afterwards, inside.
  const JobId half = world.submit(mine(20, "r").cpus(4));
  world.pass(600);
  EXPECT_EQ(nodes(half), "n2");
  EXPECT_EQ(tested(5, "r").planned_start, world.job(half).start + 20 * kMinute);
  EXPECT_EQ(world.cluster->all_jobs().size(), 1U);
  // Outside, other nodes serve at once.
  EXPECT_EQ(tested(5, "").planned_start, world.now.wall);
}

}  // namespace
}  // namespace sluice::core
