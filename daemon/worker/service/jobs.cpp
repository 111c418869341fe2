// Jobs: orders of the controller, preparation, the start of the batch script. The end of a job is
// in jobs_end.cpp.
#include "daemon/worker/service/jobs.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include "daemon/worker/service/components.hpp"
#include "daemon/worker/service/manager.hpp"

namespace sluice::worker {

namespace {

constexpr std::int64_t kParkMs = 20'000;
constexpr std::size_t kMaxParked = 1024;
constexpr std::size_t kMaxBehind = 64;

std::optional<std::size_t> share_of(const model::Job& job, std::string_view node) {
  if (!job.allocation || !job.spec || !job.request) return std::nullopt;
  const auto& shares = job.allocation->shares;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].name.view() == node) return i;
  }
  return std::nullopt;
}

// Whether another agent may start this step here: its node is one of the job's, it speaks for the
// job's user, and asks for no more than the controller gave the job on this node.
bool may_launch(const JobRun& job, const StreamState& state, const wire::LaunchStep& launch) {
  const model::NodeShare& mine = job.host.my_share();
  const model::NodeShare& asked = launch.layout.nodes[launch.first].share;
  const bool gres_within = std::ranges::all_of(asked.gres, [&](const model::GresShare& gres) {
    return std::ranges::any_of(mine.gres, [&](const model::GresShare& have) {
      return have.name == gres.name && have.type == gres.type && gres.count <= have.count &&
             gres.indices.size() == have.indices.size() && gres.indices.is_subset_of(have.indices);
    });
  });
  // The job's first node makes the steps; nobody launches there.
  return !job.is_root() && spans(job, state.peer.host) && state.peer.uid == job.host.uid() &&
         gres_within && asked.memory <= mine.memory && asked.cpus.size() == mine.cpus.size() &&
         asked.cpus.is_subset_of(mine.cpus);
}

Text default_output(const model::Job& job) {
  return job.array_task == model::kNoTask ? "slurm-%j.out" : "slurm-%A_%a.out";
}

}  // namespace

model::StepSpec batch_spec(const model::Job& job, std::string_view environment) {
  const model::JobSpec& from = *job.spec;
  model::StepSpec spec;
  spec.name = "batch";
  spec.argv.push_back(from.command);
  spec.argv.insert(spec.argv.end(), from.arguments.begin(), from.arguments.end());
  while (!environment.empty()) {
    const std::size_t end = std::min(environment.find('\0'), environment.size());
    if (end > 0) spec.environment.emplace_back(environment.substr(0, end));
    environment.remove_prefix(std::min(end + 1, environment.size()));
  }
  spec.work_dir = from.work_dir;
  spec.umask = from.propagate_umask;
  spec.limits = from.limits;
  spec.tasks = 1;
  spec.min_nodes = 1;
  spec.max_nodes = 1;
  spec.std_in = from.std_in.empty() ? Text("/dev/null") : from.std_in;
  spec.std_out = from.std_out.empty() ? default_output(job) : from.std_out;
  spec.std_err = from.std_err;
  spec.input = model::InputMode::file;
  spec.append_output = from.append_output;
  spec.cpu_bind = model::CpuBind::none;
  spec.mpi = "none";
  spec.submit_line = from.submit_line;
  spec.container = from.container;
  return spec;
}

bool Jobs::known(const Attempt& attempt) const {
  return context_.jobs.contains(attempt) || tombstones_.contains(attempt);
}

void Jobs::launch(wire::LaunchJob order) {
  const Attempt attempt{order.job.uid, order.job.attempt};
  if (known(attempt)) return report_again(attempt, order.job.id);
  const auto share = share_of(order.job, context_.options.name);
  if (!share) {
    wire::JobPrepared answer;
    answer.attempt = attempt;
    answer.job = order.job.id;
    answer.ok = false;
    answer.error = "the job has no share of this node";
    return context_.reports.add(attempt, order.job.id, answer);
  }
  JobEntry entry{std::move(order), 0};
  if (entry.launch.remaining_ms > 0) {
    entry.ends =
        context_.env.now().wall + static_cast<model::WallTime>(entry.launch.remaining_ms) * 1000;
  }
  context_.env.ledger_put(ledger_key('J', attempt), wire::encode(entry));
  restore_job(std::move(entry));
  prepare(*context_.find(attempt));
}

void Jobs::restore_job(JobEntry entry) {
  wire::LaunchJob& order = entry.launch;
  const Attempt attempt{order.job.uid, order.job.attempt};
  const auto share = share_of(order.job, context_.options.name);
  if (!share) return;
  JobRun run;
  run.host.attempt = attempt;
  run.host.gids = std::move(order.gids);
  run.host.share = *share;
  run.host.ends = entry.ends;
  run.host.job = std::make_shared<const model::Job>(std::move(order.job));
  for (model::Job& one : order.components) {
    run.host.components.push_back(std::make_shared<const model::Job>(std::move(one)));
  }
  run.script = std::move(order.script);
  run.environment = std::move(order.environment);
  run.next_step = run.host.job->next_step;
  context_.jobs.insert_or_assign(attempt, std::move(run));
}

void Jobs::restore_progress(const Attempt& attempt, const JobProgress& progress) {
  JobRun* job = context_.find(attempt);
  if (job == nullptr) return;
  job->phase = progress.phase;
  job->why = progress.why;
  job->batch_started = progress.batch_started;
  job->batch_ended = progress.batch_ended;
  job->suspended = progress.suspended;
  job->prepared = progress.phase != wire::HoldPhase::preparing;
}

void Jobs::restore_tombstone(const Attempt& attempt, JobId job) {
  if (tombstones_.emplace(attempt, job).second) tombstone_order_.push_back(attempt);
}

void Jobs::bury_all() {
  for (const auto& [attempt, job] : std::exchange(context_.jobs, {})) {
    context_.log(LogLevel::warn, "job {} was lost by a reboot", job.host.job->id.value);
    bury(attempt, job.host.job->id);
  }
}

void Jobs::resume() {
  std::vector<Attempt> attempts;
  for (const auto& [attempt, job] : context_.jobs) attempts.push_back(attempt);
  for (const Attempt& attempt : attempts) {
    JobRun& job = *context_.find(attempt);
    context_.log(LogLevel::info, "job {} is still here", job.host.job->id.value);
    if (job.phase == wire::HoldPhase::preparing) {
      prepare(job);
    } else if (job.is_ending()) {
      begin_end(job, 0);
    } else if (job.has_batch() && !job.batch_started && !job.suspended) {
      start_batch(job);
    }
  }
}

void Jobs::prepare(JobRun& job) {
  const Attempt attempt = job.host.attempt;
  context_.env.prepare_job(job.host,
                           [this, attempt](const Status& status) { prepared(attempt, status); });
}

void Jobs::prepared(const Attempt& attempt, const Status& status) {
  JobRun* job = context_.find(attempt);
  if (job == nullptr || job->prepared) return;
  job->prepared = true;
  if (job->is_ending()) return begin_end(*job, 0);
  wire::JobPrepared answer;
  answer.attempt = attempt;
  answer.job = job->host.job->id;
  answer.ok = status.has_value();
  if (!status) {
    answer.error = status.error().text;
    context_.log(LogLevel::error, "job {} can't be prepared: {}", answer.job.value,
                 status.error().text);
    // A hook of the administrator that fails is the node's fault, not the job's.
    if (status.error().code == ErrorCode::launch_failed) {
      send_controller(context_.env, wire::NodeFault{status.error().text});
    }
  }
  if (status) {
    job->phase = wire::HoldPhase::running;
    store_progress(context_, *job);
  }
  context_.reports.add(attempt, answer.job, answer);
  if (!status) {
    job->why = model::JobState::failed;
    return begin_end(*job, 0);
  }
  // Suspended while it was being prepared: nothing of it starts before it is resumed.
  if (job->suspended) return context_.env.freeze_job(job->host, true);
  go_on(*job);
}

// Whatever waited for the job to be prepared, or to be resumed.
void Jobs::go_on(JobRun& job) {
  const Attempt attempt = job.host.attempt;
  if (job.has_batch() && !job.batch_started) start_batch(job);
  if (JobRun* run = context_.find(attempt)) unpark(*run);
  manager_.grant_waiting(attempt);
}

void Jobs::start_batch(JobRun& job) {
  model::StepSpec spec = batch_spec(*job.host.job, job.environment);
  job.batch_started = true;
  store_progress(context_, job);
  std::string script = std::move(job.script);
  job.environment.clear();
  job.environment.shrink_to_fit();
  job.script = {};
  manager_.start_batch(job, std::move(spec), std::move(script));
}

void Jobs::park(StreamId stream, const Attempt& attempt, wire::LaunchStep launch) {
  JobRun* job = context_.find(attempt);
  StreamState* state = context_.stream(stream);
  if (state == nullptr) return;
  if (job != nullptr && job->prepared && !job->suspended && !job->is_ending()) {
    if (!may_launch(*job, *state, launch)) {
      return context_.refuse(stream, 0, Error{ErrorCode::access_denied, "the launch is refused"});
    }
    state->role = StreamRole::parent;
    state->step = StepKey{attempt, launch.layout.step};
    return tree_.launched(*job, stream, launch);
  }
  if (tombstones_.contains(attempt) || (job != nullptr && job->is_ending())) {
    return context_.refuse(stream, 0, Error{ErrorCode::already_done, "the job has ended here"});
  }
  if (parked_.size() >= kMaxParked) {
    return context_.refuse(stream, 0, Error{ErrorCode::busy, "too many launches wait here"});
  }
  state->role = StreamRole::parked;
  state->step = StepKey{attempt, launch.layout.step};
  parked_[attempt].push_back({stream, std::move(launch), {}});
  wait_parked(stream, attempt);
}

// Until the job comes, is prepared, is resumed.
void Jobs::wait_parked(StreamId stream, const Attempt& attempt) {
  context_.timers.after(kParkMs, [this, stream, attempt] {
    StreamState* waiting = context_.stream(stream);
    if (waiting == nullptr || waiting->role != StreamRole::parked) return;
    if (context_.find(attempt) != nullptr) return wait_parked(stream, attempt);
    context_.refuse(stream, 0, Error{ErrorCode::invalid_job_id, "no such job on this node"});
    stream_closed(stream);
    context_.env.close_stream(stream);
    context_.streams.erase(stream);
  });
}

void Jobs::unpark(JobRun& job) {
  auto node = parked_.extract(job.host.attempt);
  if (node.empty()) return;
  for (ParkedLaunch& parked : node.mapped()) {
    const StepKey key{job.host.attempt, parked.launch.layout.step};
    park(parked.stream, job.host.attempt, std::move(parked.launch));
    for (const auto& [type, payload] : parked.behind) {
      if (StepRun* step = context_.find(key)) tree_.down(*step, type, payload);
    }
  }
}

// A signal must not be lost because it is faster than the job.
void Jobs::parked_frame(StreamId stream, wire::MessageType type, std::string_view payload) {
  for (auto& [attempt, list] : parked_) {
    for (ParkedLaunch& parked : list) {
      if (parked.stream != stream) continue;
      if (parked.behind.size() < kMaxBehind) parked.behind.emplace_back(type, payload);
      return;
    }
  }
}

void Jobs::stream_closed(StreamId stream) {
  for (auto it = parked_.begin(); it != parked_.end();) {
    std::erase_if(it->second, [&](const ParkedLaunch& p) { return p.stream == stream; });
    it = it->second.empty() ? parked_.erase(it) : std::next(it);
  }
}

void Jobs::signal(const wire::SignalJob& order) {
  JobRun* job = context_.find(order.attempt);
  if (job == nullptr) return;
  if (order.step != model::kNoTask) {
    const auto found = job->steps.find(order.step);
    if (found == job->steps.end()) return;
    const bool ends = order.signal == 0 || order.signal == SIGKILL;
    if (found->second.root && ends) {
      manager_.end_step(*job, found->second, model::JobState::cancelled, {});
    } else if (order.signal != 0) {
      tree_.signal_here(found->second, order.signal);
    }
    return;
  }
  for (auto& [number, step] : job->steps) {
    const bool batch = number == base::kBatchStep;
    if (order.batch_only && !batch) continue;
    if (batch && !order.batch_only && !order.full && order.signal != SIGKILL) continue;
    const bool script_alone = batch && order.batch_only;
    tree_.signal_here(step, order.signal, script_alone ? 0 : model::kNoTask);
  }
}

// What people are told comes out where the batch script's complaints do.
void Jobs::tell(const wire::TellJob& order) {
  JobRun* job = context_.find(order.attempt);
  if (job == nullptr) return;
  const auto batch = job->steps.find(base::kBatchStep);
  if (batch != job->steps.end()) tree_.tell_here(batch->second, order.text);
}

// The job has one node less: later steps are not placed there, also after a restart.
void Jobs::shrink(JobRun& job, std::string_view lost) {
  remove_node(job, lost);
  JobEntry entry;
  entry.ends = job.host.ends;
  entry.launch.job = *job.host.job;
  entry.launch.gids = job.host.gids;
  entry.launch.script = job.script;
  entry.launch.environment = job.environment;
  for (const auto& one : job.host.components) entry.launch.components.push_back(*one);
  context_.env.ledger_put(ledger_key('J', job.host.attempt), wire::encode(entry));
}

void Jobs::lose_node(const wire::LoseNode& order) {
  JobRun* job = context_.find(order.attempt);
  if (job == nullptr || !job->is_root() || order.lost == job->host.my_share().name) return;
  if (spans(*job, order.lost.view())) shrink(*job, order.lost.view());
  std::vector<StepNumber> numbers;
  for (const auto& [number, step] : job->steps) numbers.push_back(number);
  for (const StepNumber number : numbers) {
    job = context_.find(order.attempt);
    if (job == nullptr) return;
    const auto found = job->steps.find(number);
    if (found == job->steps.end() || !found->second.root) continue;
    const auto& nodes = found->second.layout.nodes;
    const auto lost = std::ranges::find(nodes, order.lost, &wire::StepNode::name);
    if (lost == nodes.end()) continue;
    tree_.lose(*job, found->second, static_cast<std::uint32_t>(lost - nodes.begin()));
  }
}

void Jobs::freeze(const Attempt& attempt, bool frozen, std::uint64_t order) {
  JobRun* job = context_.find(attempt);
  if (job == nullptr || job->is_ending() || order < job->still_order) return;
  job->still_order = order;
  if (job->suspended == frozen) return;
  job->suspended = frozen;
  store_progress(context_, *job);
  if (!job->prepared) return;  // prepared() looks at it
  context_.env.freeze_job(job->host, frozen);
  if (!frozen) go_on(*job);
}

std::vector<wire::Hold> Jobs::holds() const {
  std::vector<wire::Hold> list;
  for (const auto& [attempt, job] : context_.jobs) {
    list.push_back({attempt, job.host.job->id, job.phase, job.suspended});
  }
  for (const auto& [serial, report] : context_.reports.pending()) {
    const bool last = report.type == wire::MessageType::node_released ||
                      report.type == wire::MessageType::batch_ended;
    if (!last || context_.jobs.contains(report.attempt)) continue;
    list.push_back({report.attempt, report.job, wire::HoldPhase::released});
  }
  return list;
}

void Jobs::report_again(const Attempt& attempt, JobId job) {
  context_.reports.resend(attempt);
  if (context_.jobs.contains(attempt)) return;
  if (context_.reports.has(attempt, wire::MessageType::node_released)) return;
  wire::NodeReleased released;
  released.attempt = attempt;
  released.job = job;
  context_.reports.add(attempt, job, released);
}

}  // namespace sluice::worker
