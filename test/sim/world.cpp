// See world.hpp.
#include "test/sim/world.hpp"

#include <algorithm>
#include <array>
#include <csignal>

#include "test/sim/daemon.hpp"
#include "test/sim/srun.hpp"
#include "test/sim/step_process.hpp"

namespace sluice::sim {

namespace {

constexpr Micros kSettleBound = 3 * 3600 * kSec;
constexpr Micros kTend = 10 * kSec;
constexpr std::uint64_t kMostEvents = 3'000'000;  // a world that goes in circles

}  // namespace

World::World(const WorldOptions& options)
    : random(options.seed * 0x9e3779b97f4a7c15ULL + 1),
      trace(timeline, options.lines),
      weather(Weather::of(random)),
      judge(*this),
      disk(*this, options.skip_durable_commit),
      pipes(*this),
      controller(*this) {
  timeline.after(random.between(0, kSec), [] {});
  make_settings();
  for (std::uint32_t n = 0; n < settings->nodes.size(); ++n) {
    nodes.push_back(std::make_unique<NodeHost>(*this, NodeIndex(n), settings->nodes[n].facts));
  }
  users = std::make_unique<Users>(*this);
}

World::~World() {
  users.reset();
  nodes.clear();
}

void World::make_settings() {
  model::Settings made;
  made.node_timeout_s = static_cast<std::uint32_t>(random.between(15, 300));
  made.kill_wait_s = static_cast<std::uint32_t>(random.between(1, 30));
  made.unkillable_timeout_s = static_cast<std::uint32_t>(random.between(5, 60));
  made.min_job_age_s = static_cast<std::uint32_t>(random.between(10, 600));
  made.return_to_service = random.percent(70) ? 2 : random.below(3);
  made.reason_interval_ms = random.percent(50) ? 1000 : 0;
  made.cpu_unit_default = random.percent(70) ? model::CpuUnit::core : model::CpuUnit::thread;
  const std::uint32_t count = static_cast<std::uint32_t>(random.between(1, 5));
  model::NodeFacts facts;
  facts.sockets = 1 + random.below(2);
  facts.cores_per_socket = 1 + random.below(4);
  facts.threads_per_core = 1 + random.below(2);
  facts.memory = 8000;
  for (std::uint32_t n = 0; n < count; ++n) {
    model::NodeSetting node;
    node.name = "n" + std::to_string(n + 1);
    node.address = "10.0.0." + std::to_string(n + 1);
    node.facts = facts;
    node.facts_fixed = true;
    made.nodes.push_back(node);
    hosts.push_back({node.name, node.address, 6818, "key-" + node.name.str(), "node"});
  }
  for (const char* name : {"batch", "fast"}) {
    model::Partition partition;
    partition.name = name;
    partition.nodes = count == 1 ? Text("n1") : Text("n[1-" + std::to_string(count) + "]");
    partition.is_default = made.partitions.empty();
    partition.priority_tier = made.partitions.empty() ? 1 : 2;
    made.partitions.push_back(partition);
  }
  node_settings = {{"kill_wait", std::to_string(made.kill_wait_s)},
                   {"unkillable_step_timeout", std::to_string(made.unkillable_timeout_s)},
                   {"tree_width", std::to_string(random.between(1, 4))},
                   {"step_patience", std::to_string(random.between(5, 90))}};
  report_interval_s = static_cast<std::uint32_t>(random.between(2, 30));
  plan_budget = random.percent(70) ? 20'000 : static_cast<std::uint64_t>(random.between(1, 200));
  make_preemption(made);
  settings = std::make_shared<const model::Settings>(std::move(made));
}

// In half of the worlds jobs of the second partition displace those of the first.
void World::make_preemption(model::Settings& made) {
  if (random.percent(50)) return;
  constexpr std::array kModes{model::PreemptMode::cancel, model::PreemptMode::requeue,
                              model::PreemptMode::suspend};
  made.preempt.type = model::PreemptType::partition_prio;
  made.preempt.mode = kModes.at(random.below(kModes.size()));
  made.preempt.gang = true;
  if (random.percent(30)) {
    made.preempt.exempt_time_s = static_cast<std::uint32_t>(random.between(1, 60));
  }
  if (random.percent(50)) {
    made.partitions.front().grace_time = static_cast<std::uint32_t>(random.between(1, 20));
  }
}

NodeHost* World::find_node(const std::string& name) {
  const auto found = std::ranges::find_if(
      nodes, [&](const std::unique_ptr<NodeHost>& node) { return node->name() == name; });
  return found == nodes.end() ? nullptr : found->get();
}

std::pair<Task, Micros> World::make_task(const model::Job& job, bool is_script) {
  Task task;
  Micros runs = random.mostly_low(kMilli, 60 * kSec);
  if (random.percent(5)) runs = random.between(60 * kSec, 300 * kSec);
  if (random.percent(10)) runs = 0;
  if (random.percent(30)) task.status = static_cast<std::uint32_t>(random.between(1, 255)) << 8U;
  if (random.percent(5)) task.status = random.percent(50) ? SIGSEGV : SIGKILL;
  task.on_term = random.percent(70) ? 0 : 1 + random.below(2);
  if (random.permille(weather.stubborn)) {
    count(Fault::unkillable);
    task.stubborn_until = timeline.now() + runs + random.between(kSec, 240 * kSec);
  }
  if (is_script && random.percent(35)) {
    task.sruns_left = 1 + random.below(2);
    runs = random.mostly_low(0, 5 * kSec);
  }
  if (job.spec->kind != model::JobKind::batch) runs = std::min<Micros>(runs, 30 * kSec);
  return {std::move(task), runs};
}

wire::StepRequest World::make_step_request(const model::Job& job) {
  wire::StepRequest request;
  request.request_id = {random.next(), random.next()};
  request.job = job.id;
  const auto nodes_had = static_cast<std::uint32_t>(job.allocation->shares.size());
  model::StepSpec& spec = request.spec;
  spec.name = "task";
  spec.argv = {"task"};
  spec.min_nodes = 1 + random.below(nodes_had);
  spec.max_nodes = spec.min_nodes;
  spec.tasks = std::max(spec.min_nodes, 1 + random.below(job.allocation->cpus));
  spec.tasks_asked = true;
  spec.overcommit = random.percent(30);
  spec.overlap = random.percent(30);
  spec.immediate = random.percent(5);
  spec.kill_on_bad_exit = random.percent(20);
  spec.wait_after_first = random.percent(10) ? 5 : 0;
  spec.time_limit = random.percent(10) ? 1 : 0;
  return request;
}

// --- Trouble -------------------------------------------------------------------------------------

void World::trouble() {
  if (timeline.now() >= trouble_ends_) return;
  one_trouble();
  timeline.after(random.mostly_low(kMilli, 4 * weather.trouble_every_ms * kMilli),
                 [this] { trouble(); });
}

void World::one_trouble() {
  const std::uint32_t kind = random.below(100);
  if (kind < 30) {
    if (!controller.is_up()) return;
    count(Fault::controller_crash);
    controller.crash();
    if (random.percent(20)) {
      count(Fault::controller_reboot);
      controller.reboot_clock();
    }
    controller.start_after(random.mostly_low(10 * kMilli, 120 * kSec));
  } else if (kind < 40) {
    pipes.cut_one();
  } else if (kind < 45) {
    count(Fault::disk_full);
    disk.fill(true);
    timeline.after(random.mostly_low(kSec, 60 * kSec), [this] { disk.fill(false); });
  } else if (kind < 48) {
    disk.fail_next();
  } else if (kind < 51) {
    count(Fault::partition);
    pipes.isolate(kController);
    timeline.after(random.mostly_low(kSec, 60 * kSec), [this] { pipes.rejoin(kController); });
  } else {
    some_node_trouble();
  }
}

void World::some_node_trouble() {
  NodeHost& node = *random.pick(nodes);
  const std::uint32_t kind = random.below(50);
  if (kind < 18) {
    if (node.daemon() == nullptr) return;
    count(Fault::daemon_crash);
    node.crash_daemon();
  } else if (kind < 25) {
    node.reboot();
  } else if (kind < 36) {
    count(Fault::partition);
    pipes.isolate(node.place());
    const Micros away = random.mostly_low(kSec, 2 * std::int64_t{settings->node_timeout_s} * kSec);
    timeline.after(away, [this, &node] { pipes.rejoin(node.place()); });
  } else if (kind < 42) {
    count(Fault::spool_full);
    node.fill_spool(true);
    timeline.after(random.mostly_low(kSec, 60 * kSec), [&node] { node.fill_spool(false); });
  } else {
    node.kill_a_stepd();
  }
}

void World::calm_down() {
  trace.note("the trouble is over");
  weather = Weather{};
  disk.fill(false);
  pipes.rejoin(kController);
  for (const auto& node : nodes) {
    pipes.rejoin(node->place());
    node->fill_spool(false);
  }
}

// --- The course of things ------------------------------------------------------------------------

bool World::run_until(Micros end) {
  while (!judge.verdict() && timeline.step(end)) {
    if (timeline.events() > kMostEvents) judge.violation("I11: no end of events");
  }
  return !judge.verdict();
}

std::string World::unsettled() const {
  if (!controller.is_up()) return "the controller is down";
  for (const model::JobPtr& job : controller.service()->cluster().all_jobs()) {
    const bool over = model::is_finished(job->state) && (job->flags & model::kFlagCompleting) == 0;
    if (!over) {
      return fmt::format("job {} attempt {} is {}, {}", job->id.value, job->attempt,
                         model::long_name(job->state, job->flags), model::reason_name(job->reason));
    }
  }
  for (const auto& node : nodes) {
    if (!node->is_clean()) return node->name() + " has" + node->leftovers();
  }
  if (!users->is_idle()) return "a user still waits for an answer";
  return disk.is_quiet() ? "" : "the disk is busy";
}

std::string World::node_states() const {
  std::string text;
  if (!controller.is_up()) return text;
  const core::Cluster& cluster = controller.service()->cluster();
  for (const model::NodePtr& node : cluster.all_nodes()) {
    text += fmt::format("\n  {} is {}, {} of its attempts are strangers,{}", node->name.view(),
                        model::long_state(*node), cluster.strangers_on(node->index).size(),
                        nodes[node->index.value]->leftovers());
  }
  return text;
}

Outcome World::run() {
  controller.start();
  for (const auto& node : nodes) node->start_daemon_after(random.between(0, 3 * kSec));
  const Micros length = random.between(60, 900) * kSec;
  trouble_ends_ = timeline.now() + length;
  users->begin(trouble_ends_);
  if (weather.trouble_every_ms > 0)
    timeline.after(random.between(0, 5 * kSec), [this] { trouble(); });
  run_until(trouble_ends_);
  calm_down();
  const Micros bound = timeline.now() + kSettleBound;
  std::string left = "not looked at yet";
  while (!judge.verdict() && !left.empty() && timeline.now() < bound) {
    users->tend();
    const Micros until = timeline.now() + kTend;
    timeline.at(until, [] {});
    run_until(until);
    left = unsettled();
  }
  if (!left.empty()) judge.violation("I11: nothing settles: " + left + node_states());
  if (!judge.verdict()) {
    // What is over stays over after one more restart.
    controller.crash();
    controller.start();
    run_until(timeline.now() + kTend);
    judge.at_the_end();
  }
  counts.seeds = 1;
  counts.events = timeline.events();
  return {judge.verdict(), trace.digest(), counts};
}

}  // namespace sluice::sim
