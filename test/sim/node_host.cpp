// See node_host.hpp.
#include "test/sim/node_host.hpp"

#include <algorithm>
#include <csignal>

#include "test/sim/daemon.hpp"
#include "test/sim/srun.hpp"
#include "test/sim/step_process.hpp"
#include "test/sim/world.hpp"

namespace sluice::sim {

NodeHost::NodeHost(World& world, NodeIndex index, model::NodeFacts facts)
    : world_(world),
      index_(index),
      name_("n" + std::to_string(index.value + 1)),
      facts_(std::move(facts)) {
  facts_.hostname = name_;
  facts_.boot_id = name_ + "-boot-0";
  facts_.boot_time = world.timeline.wall() - 3600 * model::kSecond;
}

NodeHost::~NodeHost() {
  for (auto& [id, task] : tasks_) task.srun.reset();
}

std::int64_t NodeHost::mono_ms() const {
  return (world_.timeline.now() - boot_at_) / kMilli + 10'000;
}

void NodeHost::start_daemon() {
  if (daemon_) return;
  ++life_;
  world_.trace.note("n{}: the daemon starts", place() + 1);
  daemon_ = std::make_unique<Daemon>(world_, *this);
  daemon_->begin();
}

void NodeHost::start_daemon_after(Micros delay) {
  world_.timeline.after(delay, [this, boot = boots_] {
    if (boot == boots_) start_daemon();
  });
}

void NodeHost::crash_daemon() {
  if (!daemon_) return;
  world_.trace.note("n{}: the daemon crashes", place() + 1);
  daemon_.reset();
  start_daemon_after(world_.random.mostly_low(10 * kMilli, 90 * kSec));
}

void NodeHost::turn(const std::function<void(worker::Service&)>& what) {
  if (!daemon_) return;
  what(daemon_->service());
  const bool dies = world_.random.permille(world_.weather.daemon_dies);
  if (dies && world_.random.percent(50)) {
    world_.count(Fault::daemon_crash_unflushed);
    return crash_daemon();
  }
  daemon_->end_turn();
  if (!dies) return;
  world_.count(Fault::daemon_crash);
  crash_daemon();
}

void NodeHost::reboot() {
  world_.trace.note("n{} reboots", place() + 1);
  world_.count(Fault::node_reboot);
  daemon_.reset();
  ++boots_;
  stepds_.clear();
  for (auto& [id, task] : tasks_) {
    world_.judge.blame(task.step.attempt);
    world_.judge.task_gone(index_, task.step, task.number);
  }
  for (const auto& [attempt, group] : groups_) world_.judge.blame(attempt);
  tasks_.clear();
  groups_.clear();
  spool_full_ = false;
  if (world_.random.percent(30)) {
    world_.count(Fault::ledger_lost);
    ledger_.clear();
    records_.clear();
    begun_.clear();
  } else if (world_.random.percent(50) && !ledger_.empty()) {
    world_.count(Fault::ledger_torn);
    const auto most = static_cast<std::int64_t>(std::min<std::size_t>(ledger_.size(), 40));
    ledger_.resize(ledger_.size() - static_cast<std::size_t>(world_.random.between(1, most)));
  }
  const Micros up = world_.random.between(5 * kSec, 60 * kSec);
  boot_at_ = world_.timeline.now() + up / 2;
  facts_.boot_id = name_ + "-boot-" + std::to_string(boots_);
  facts_.boot_time = world_.timeline.wall() + up / 2;
  start_daemon_after(up);
}

void NodeHost::kill_a_stepd() {
  if (stepds_.empty()) return;
  auto victim = stepds_.begin();
  std::advance(victim, world_.random.below(static_cast<std::uint32_t>(stepds_.size())));
  world_.trace.note("n{}: a stepd is killed", place() + 1);
  world_.count(Fault::stepd_killed);
  world_.judge.blame(victim->first.attempt);
  stepds_.erase(victim);
}

void NodeHost::write_ledger(const std::string& key, std::optional<std::string> value) {
  ledger_.emplace_back(key, std::move(value));
}

worker::LedgerRecords NodeHost::ledger() const {
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < ledger_.size(); ++i) last[ledger_[i].first] = i;
  worker::LedgerRecords records;
  for (std::size_t i = 0; i < ledger_.size(); ++i) {
    const auto& [key, value] = ledger_[i];
    if (last.at(key) == i && value) records.emplace_back(key, *value);
  }
  return records;
}

void NodeHost::make_group(const worker::JobOnHost& job) { groups_.try_emplace(job.attempt); }

void NodeHost::drop_group(const Attempt& attempt) {
  groups_.erase(attempt);
  std::erase_if(records_, [&](const auto& entry) { return entry.first.attempt == attempt; });
  std::erase_if(begun_, [&](const StepKey& key) { return key.attempt == attempt; });
}

bool NodeHost::is_frozen(const Attempt& attempt) const {
  const auto group = groups_.find(attempt);
  return group != groups_.end() && group->second.frozen;
}

void NodeHost::freeze_group(const Attempt& attempt, bool frozen) {
  const auto group = groups_.find(attempt);
  if (group == groups_.end() || group->second.frozen == frozen) return;
  group->second.frozen = frozen;
  if (frozen) return;
  std::vector<std::uint64_t> due;
  for (const auto& [id, task] : tasks_) {
    if (task.step.attempt == attempt && (task.end_is_due || task.term_is_due)) due.push_back(id);
  }
  for (const std::uint64_t id : due) {
    const Task& late = tasks_.at(id);
    if (late.term_is_due) {
      signal_tasks(late.step, SIGTERM, late.number);
    } else {
      task_is_through(id);
    }
  }
}

// Folders and groups of jobs that the ledger knows nothing of.
void NodeHost::sweep(const std::set<Attempt>& known) {
  std::vector<Attempt> strangers;
  for (const auto& [attempt, group] : groups_) {
    if (!known.contains(attempt)) strangers.push_back(attempt);
  }
  for (const auto& [key, record] : records_) {
    if (!known.contains(key.attempt)) strangers.push_back(key.attempt);
  }
  for (const Attempt& attempt : strangers) {
    kill_tasks(attempt, nullptr);
    drop_group(attempt);
  }
}

StepProcess& NodeHost::start_stepd(const StepKey& key) {
  if (stepds_.contains(key)) world_.judge.violation("I3: two stepds of one step on " + name_);
  auto& process = stepds_[key];
  process = std::make_unique<StepProcess>(world_, *this, key);
  return *process;
}

StepProcess* NodeHost::stepd(const StepKey& key) const {
  const auto found = stepds_.find(key);
  return found == stepds_.end() ? nullptr : found->second.get();
}

void NodeHost::stepd_ends(const StepKey& key) { stepds_.erase(key); }

std::optional<wire::StepDone> NodeHost::record(const StepKey& key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? std::nullopt : std::optional(found->second);
}

// In the job's folder, if that is still there.
void NodeHost::keep_record(const StepKey& key, const wire::StepDone& done) {
  if (groups_.contains(key.attempt)) records_[key] = done;
}

void NodeHost::forget_step(const StepKey& key) {
  records_.erase(key);
  begun_.erase(key);
}

Task* NodeHost::task(std::uint64_t id) {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : &found->second;
}

void NodeHost::start_task(Task given, Micros runs) {
  const std::uint64_t id = world_.next_number();
  Task& task = tasks_[id];
  task = std::move(given);
  task.id = id;
  world_.judge.task_started(*this, task);
  world_.timeline.after(runs, [this, id] { task_is_through(id); });
}

// Its work is done, or the srun that it waited for has ended.
void NodeHost::task_is_through(std::uint64_t id) {
  Task* through = task(id);
  if (through == nullptr) return;
  if (is_frozen(through->step.attempt)) {
    through->end_is_due = true;
  } else if (through->sruns_left > 0) {
    --through->sruns_left;
    run_srun(*through);
  } else {
    end_task(id, through->status);
  }
}

void NodeHost::run_srun(Task& script) {
  const StepProcess* process = stepd(script.step);
  const auto job = world_.judge.launched_job(script.step.attempt);
  if (process == nullptr || !job) return end_task(script.id, script.status);
  SrunOptions options;
  options.from = place();
  options.manager = index_;
  options.peer.uid = job->spec->uid;
  options.peer.gid = job->spec->gid;
  options.peer.host = name_;
  options.peer.roles = auth::Role::node;
  options.request = world_.make_step_request(*job);
  script.srun = std::make_unique<Srun>(world_, std::move(options), [this, id = script.id] {
    Task* waiting = task(id);
    if (waiting == nullptr) return;
    waiting->srun.reset();
    task_is_through(id);
  });
}

void NodeHost::end_task(std::uint64_t id, std::uint32_t status) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return;
  const Task ended = std::move(found->second);
  tasks_.erase(found);
  world_.trace.note("n{}: task {} of step {} ends with {}", place() + 1, ended.number,
                    ended.step.step, status);
  world_.judge.task_ended(index_, ended, status);
  if (StepProcess* process = stepd(ended.step)) process->task_ended(ended.number, status);
}

std::size_t NodeHost::kill_tasks(const Attempt& attempt, const StepNumber* step) {
  std::size_t count = 0;
  const Micros now = world_.timeline.now();
  for (const auto& [id, task] : tasks_) {
    if (task.step.attempt != attempt || (step != nullptr && task.step.step != *step)) continue;
    ++count;
    const Micros when = std::max(task.stubborn_until, now + world_.random.between(0, 2000));
    if (task.stubborn_until <= now) {
      world_.timeline.at(when, [this, number = id] { end_task(number, SIGKILL); });
    }
  }
  return count;
}

void NodeHost::signal_tasks(const StepKey& key, std::uint32_t signal, std::uint32_t number) {
  if (signal == SIGKILL && number == model::kNoTask) {
    kill_tasks(key.attempt, &key.step);
    return;
  }
  if (signal != SIGKILL && signal != SIGTERM) return;
  for (auto& [id, task] : tasks_) {
    if (task.step != key || (number != model::kNoTask && task.number != number)) continue;
    if (is_frozen(key.attempt)) {
      task.term_is_due = true;
      continue;
    }
    task.term_is_due = false;
    if (signal == SIGTERM && task.on_term == 2) continue;
    const bool trapped = signal == SIGTERM && task.on_term == 1;
    const std::uint32_t status = trapped ? task.status : signal;
    const Micros wait = world_.random.between(0, trapped ? 3 * kSec : 2 * kMilli);
    world_.timeline.after(wait, [this, victim = id, status] { end_task(victim, status); });
  }
}

std::size_t NodeHost::live_tasks(const StepKey& key) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(tasks_, [&](const auto& entry) { return entry.second.step == key; }));
}

bool NodeHost::is_clean() const { return leftovers().empty(); }

std::string NodeHost::leftovers() const {
  std::string text;
  const auto add = [&](std::string_view what, std::size_t count) {
    if (count != 0) text += fmt::format(" {} {}", count, what);
  };
  add("tasks", tasks_.size());
  add("stepds", stepds_.size());
  add("groups", groups_.size());
  add("step records", records_.size());
  if (!daemon_) return text + " no daemon";
  const worker::Context& context = daemon_->service().context();
  for (const auto& [attempt, job] : context.jobs) {
    text += fmt::format(" job {} in phase {},", job.host.job->id.value,
                        static_cast<unsigned>(job.phase));
  }
  add("streams", context.streams.size());
  add("stepd links", context.stepds.size());
  add("unacknowledged reports", context.reports.pending().size());
  if (!daemon_->is_linked()) text += " no link";
  return text;
}

}  // namespace sluice::sim
