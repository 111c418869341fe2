// Random histories. After every event the cluster's invariants hold, and its records are what the
// store has (World checks both). A restart at any moment brings back exactly the state before it,
// and changes nothing of what follows: each history is also played twice, once straight and once
// with restarts, and both stay equal. (That comparison is without backfill, whose reservations have
// a memory of their own, and without giving up on nodes, which a restart grants a new term.)
//
// A failure prints its seed; SLUICE_SEED=n replays that one alone.
#include <algorithm>
#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "core/field_text.hpp"
#include "test/support/core_builders.hpp"

namespace sluice::test {
namespace {

using core::JobVerb;

class Player {
 public:
  enum class Kind { straight, restarting, full };  // full: with restarts, backfill, giving up

  Player(std::uint32_t seed, Kind kind) : random_(seed), kind_(kind), world_(settings(kind)) {}

  void play(int events) {
    for (int i = 0; i < events && !::testing::Test::HasFailure(); ++i) step();
  }
  // Lets everything end: the cluster must settle (I11).
  void wind_down() {
    for (std::uint32_t n = 0; n < kNodes; ++n) {
      world_.register_node(n);
      world_.apply(core::UpdateNode{.nodes = {NodeIndex(n)}, .verb = core::NodeVerb::resume});
    }
    for (const model::JobPtr& job : world_.cluster->all_jobs()) {
      world_.act_as_admin(JobVerb::cancel, job->id);
    }
    for (const model::JobPtr& job : world_.cluster->all_jobs()) {
      if (job->allocation && (job->flags & model::kFlagCompleting) != 0) world_.release(job->id);
    }
  }
  [[nodiscard]] World& world() { return world_; }

 private:
  static constexpr std::uint32_t kNodes = 4;

  static model::Settings settings(Kind kind) {
    model::Settings settings = some_settings({.nodes = kNodes});
    if (kind != Kind::full) {
      settings.backfill = false;
      settings.unkillable_timeout_s = 1'000'000;
    }
    model::Partition small;
    small.name = "small";
    small.nodes = "n[1-2]";
    small.max_time = 40;
    small.priority_tier = 2;
    settings.partitions.push_back(small);
    settings.min_job_age_s = 120;
    settings.device_fault_policy = model::DeviceFaultPolicy::requeue;
    for (core::NodeSetting& node : settings.nodes) node.facts.gres = {three_gpus()};
    return settings;
  }

  static model::NodeGres three_gpus() {
    model::NodeGres gpus{.name = "gpu", .type = "a", .count = 3};
    for (const char* file : {"/dev/x0", "/dev/x1", "/dev/x2"}) {
      gpus.files.emplace_back(file);
      gpus.devices.emplace_back().file = file;
    }
    return gpus;
  }

  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  // Some job in memory, or none.
  JobId some_job() {
    const std::vector<model::JobPtr> all = world_.cluster->all_jobs();
    return all.empty() ? JobId(7) : all[pick(static_cast<std::uint32_t>(all.size()))]->id;
  }

  void step() {
    const std::uint32_t what = pick(100);
    if (what < 30) return submit();
    if (what < 55) return report();
    if (what < 75) return act();
    if (what < 82) return update();
    if (what < 90) return node_event();
    if (what < 98) return world_.pass(pick(900));
    if (kind_ != Kind::straight) {
      world_.planning = false;
      world_.restart();
      world_.planning = true;
      world_.apply(core::Tick{});
    } else {  // as the nodes see a restart
      world_.planning = false;
      for (std::uint32_t n = 0; n < kNodes; ++n) world_.apply(core::NodeSilent{NodeIndex(n)});
      world_.register_all();
      world_.planning = true;
      world_.apply(core::Tick{});
    }
  }

  void submit() {
    JobBuilder job = a_job();
    job.cpus(1 + pick(4)).minutes(1 + pick(60)).memory(100 * (1 + pick(20)));
    job.named(pick(2) == 0 ? "a" : "b").by(1000 + pick(3));
    if (pick(4) == 0) job.nodes(1 + pick(3));
    if (pick(3) == 0) job.on(pick(2) == 0 ? "small" : "small,batch");
    if (pick(4) == 0) job.array("0-12:3,20-22", pick(3));
    if (pick(6) == 0) job.begin(world_.now.wall + pick(600) * model::kSecond);
    if (pick(8) == 0) job.held();
    if (pick(6) == 0) job.interactive().spec([](auto& spec) { spec.array = Text(); });
    if (pick(8) == 0) job.spec([](auto& spec) { spec.no_kill = spec.no_requeue = true; });
    if (pick(9) == 0) job.spec([](auto& spec) { spec.signal = 10, spec.signal_before = 90; });
    if (pick(9) == 0) {
      const model::WallTime deadline = world_.now.wall + 3600 * model::kSecond;
      job.spec([&](auto& spec) { spec.deadline = deadline; });
    }
    if (pick(3) == 0) {
      const std::uint32_t count = 1 + pick(3);
      job.request([&](auto& request) { request.gres = {{"gpu", "", count}}; });
    }
    const std::string dependency = a_dependency();
    job.after(dependency.c_str());
    if (pick(3) == 0) job.spec([](auto& spec) { spec.kill_on_invalid_dependency = true; });
    core::SubmitJob event = job.event();
    event.uid = {++submitted_, 5};  // the same in both plays
    const bool plain = !event.spec->array.empty() || pick(6) != 0;
    plain ? void(world_.apply(event)) : submit_whole(std::move(event));
  }

  // The job with one or two more components.
  void submit_whole(core::SubmitJob first) {
    core::SubmitHetJob whole;
    whole.parts.push_back(std::move(first));
    for (std::uint32_t more = 1 + pick(2); more > 0; --more) {
      JobBuilder part = a_job().cpus(1 + pick(4)).minutes(1 + pick(60)).nodes(1 + pick(2));
      if (pick(6) == 0) part.held();
      core::SubmitJob event = part.event();
      event.uid = {++submitted_, 5};
      whole.parts.push_back(std::move(event));
    }
    world_.apply(whole);
  }

  std::string a_dependency() {
    const char* const kinds[] = {"afterok:", "afterany:", "afternotok:", "aftercorr:", "after:"};
    if (pick(3) != 0) return "";
    if (pick(4) == 0) return "singleton";
    std::string text = kinds[pick(5)] + std::to_string(some_job().value);
    if (text.starts_with("after:") && pick(2) == 0) text += "+3";
    if (pick(4) == 0) text += (pick(2) == 0 ? "?" : ",") + std::string("singleton");
    return text;
  }

  // A node reports about one of the jobs that hold something there.
  void report() {
    const NodeIndex node(pick(kNodes));
    const std::vector<model::JobPtr> there = world_.cluster->jobs_on(node);
    if (there.empty()) return;
    const model::JobPtr job = there[pick(static_cast<std::uint32_t>(there.size()))];
    const Attempt attempt{job->uid, job->attempt};
    const bool first = job->allocation->shares.front().node == node;
    switch (pick(5)) {
      case 0: world_.apply(core::JobPrepared{attempt, node, pick(6) != 0, "no"}); break;
      case 1:
      case 2:
        if (first) {
          world_.apply(core::BatchEnded{.attempt = attempt,
                                        .exit_code = pick(3) == 0 ? 256U : 0U,
                                        .out_of_memory = pick(9) == 0,
                                        .launch_failed = pick(9) == 0,
                                        .error = "x",
                                        .released = pick(2) == 0});
        }
        break;
      case 3: world_.apply(core::NodeReleased{attempt, node, pick(9) == 0}); break;
      default: step_report(*job); break;
    }
  }

  void step_report(const model::Job& job) {
    model::Step step;
    step.job = job.id;
    step.attempt = {job.uid, job.attempt};
    step.number = pick(3);
    step.start = world_.now.wall;
    if (pick(2) == 0) {
      world_.apply(core::StepStarted{std::make_shared<const model::Step>(step)});
      return;
    }
    step.end = world_.now.wall;
    step.state = model::JobState::completed;
    world_.apply(core::StepEnded{std::make_shared<const model::Step>(step)});
  }

  void act() {
    const auto verb = static_cast<JobVerb>(pick(10));
    core::ActOnJob event{.verb = verb, .selector = {some_job(), {}}, .by_uid = 1000};
    if (pick(4) == 0) event.selector.tasks = {{0, 6, 3}};
    event.by_admin = pick(2) == 0;
    event.signal = 10;
    event.exit_code = pick(2) * 256;
    world_.apply(event);
  }

  void update() {
    core::JobPatch patch;
    switch (pick(6)) {
      case 0: patch.time_limit = 1 + pick(90); break;
      case 1: patch.array_limit = pick(4); break;
      case 2: patch.priority = pick(5); break;
      case 3: patch.name = pick(2) == 0 ? "a" : "b"; break;
      case 4: patch.dependency = a_dependency(); break;
      default: patch.partitions = "batch"; break;
    }
    core::UpdateJob event{{some_job(), {}}, patch, 1000, pick(2) == 0};
    if (pick(4) == 0) event.selector.tasks = {{3, 21, 1}};
    world_.apply(event);
  }

  void node_event() {
    const NodeIndex node(pick(kNodes));
    switch (pick(9)) {
      case 7:
      case 8: set_faults(node); break;
      case 0: world_.apply(core::NodeSilent{node}); break;
      case 1: world_.apply(core::NodeLost{node}); break;
      case 2: world_.apply(core::NodeFault{node, "fault"}); break;
      case 3: world_.register_node(node.value, pick(4) == 0 ? "boot-2" : "boot-1"); break;
      case 4: set_partition(); break;
      default: {
        core::UpdateNode event{.nodes = {node}, .verb = core::NodeVerb::resume};
        if (pick(4) == 0) {
          event.verb = static_cast<core::NodeVerb>(pick(7));
          event.reason = "test";
        }
        world_.apply(event);
      }
    }
  }

  void set_faults(NodeIndex node) {
    core::DevicesFaulty event{node, {}};
    for (std::uint32_t d = 0; d < 3; ++d) {
      if (pick(3) == 0) event.faults.push_back({"gpu", "a", d, "fault"});
    }
    world_.apply(event);
  }

  void set_partition() {
    model::Partition partition = *world_.cluster->all_partitions().at(1);
    partition.state = static_cast<model::PartitionState>(pick(4));
    partition.max_time = 20 + pick(60);
    world_.apply(core::UpdatePartition{partition});
  }

  std::mt19937 random_;
  Kind kind_;
  std::uint64_t submitted_ = 0;
  World world_;
};

// Why a queued job waits is the planner's, and written down only when it changes for a leader.
model::Job without_plan(const model::Job& job) {
  model::Job bare = job;
  bare.planned_start = 0;
  bare.planned_nodes = Text();
  if (job.state != model::JobState::pending || job.priority == 0) return bare;
  bare.reason = model::Reason::none;
  bare.reason_detail = Text();
  return bare;
}

std::string first_difference(const World& a, const World& b) {
  const std::vector<model::JobPtr> left = a.cluster->all_jobs();
  const std::vector<model::JobPtr> right = b.cluster->all_jobs();
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    const model::Job one = without_plan(*left[i]);
    const model::Job other = without_plan(*right[i]);
    if (core::field_text(one) != core::field_text(other)) {
      return core::field_text(one) + " or " + core::field_text(other);
    }
  }
  if (left.size() != right.size()) return "other jobs";
  for (std::size_t n = 0; n < a.cluster->all_nodes().size(); ++n) {
    const std::string one = model::long_state(*a.cluster->all_nodes()[n]);
    const std::string other = model::long_state(*b.cluster->all_nodes()[n]);
    if (one != other) return "node " + std::to_string(n + 1) + ": " + one + " or " + other;
  }
  return "";
}

constexpr int kEvents = 300;

class RandomEvents : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomEvents, HoldTheInvariantsAndSurviveRestarts) {
  const char* replay = std::getenv("SLUICE_SEED");
  const auto seed = replay == nullptr
                        ? GetParam()
                        : static_cast<std::uint32_t>(std::strtoul(replay, nullptr, 10));
  SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed));
  Player straight(seed, Player::Kind::straight);
  Player restarting(seed, Player::Kind::restarting);
  for (int event = 0; event < kEvents; event += 10) {
    straight.play(10);
    restarting.play(10);
    if (HasFailure()) FAIL() << "at event " << event;
    const std::string difference = first_difference(straight.world(), restarting.world());
    ASSERT_EQ(difference, "") << "event " << event;
  }
  ASSERT_EQ(straight.world().ended.size(), restarting.world().ended.size());
  Player full(seed, Player::Kind::full);
  full.play(kEvents);
  full.wind_down();
  full.world().pass(600);
  EXPECT_TRUE(full.world().cluster->all_jobs().empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomEvents, ::testing::Range(1U, 13U));

}  // namespace
}  // namespace sluice::test
