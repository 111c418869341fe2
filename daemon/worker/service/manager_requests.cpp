// Sessions of the step manager: requests that are granted or wait, owners that leave and come back,
// readers (sattach), questions about live use (sstat).
#include <algorithm>
#include <csignal>

#include "daemon/worker/service/components.hpp"
#include "daemon/worker/service/manager.hpp"

namespace sluice::worker {

namespace {

constexpr std::int64_t kQueryMs = 5'000;
constexpr std::size_t kMaxWaiting = 10'000;

}  // namespace

void Manager::request(JobRun& job, StreamId stream, std::uint64_t id, wire::StepRequest request) {
  StreamState* state = context_.stream(stream);
  if (state == nullptr) return;
  state->id = id;
  const Attempt attempt = job.host.attempt;
  // A repeated request is the first one's owner coming back.
  if (const auto known = job.granted.find(request.request_id);
      request.request_id.is_set() && known != job.granted.end()) {
    const auto step = job.steps.find(known->second);
    if (step == job.steps.end())
      return context_.refuse(
          stream, id,
          Error{ErrorCode::already_done, std::string(error_text(ErrorCode::already_done))});
    adopt_owner(job, step->second, stream);
    wire::StepGranted granted;
    granted.job = job.host.job->id;
    granted.layout = step->second.layout;
    return send_stream(context_.env, stream, granted, id);
  }
  const auto same = std::ranges::find_if(job.waiting, [&](const WaitingRequest& waiting) {
    return waiting.stream == stream ||
           (request.request_id.is_set() && waiting.request.request_id == request.request_id);
  });
  state->role = StreamRole::waiting;
  state->step = StepKey{attempt, 0};
  if (same != job.waiting.end()) {
    same->stream = stream;
    same->id = id;
    return;
  }
  if (job.waiting.size() >= kMaxWaiting) {
    return context_.refuse(stream, id, Error{ErrorCode::busy, "too many steps wait in this job"});
  }
  const bool immediate = request.spec.immediate;
  job.waiting.push_back({stream, id, std::move(request), context_.env.now().wall});
  grant_waiting(attempt);
  JobRun* again = context_.find(attempt);
  if (again == nullptr || !again->prepared) return;
  const auto still = std::ranges::find(again->waiting, stream, &WaitingRequest::stream);
  if (still == again->waiting.end()) return;
  // It stays in line (srun tells its user when no answer comes), except with --immediate.
  if (!immediate) return;
  again->waiting.erase(still);
  if (StreamState* fresh = context_.stream(stream)) fresh->role = StreamRole::fresh;
  context_.refuse(stream, id,
                  Error{ErrorCode::nodes_busy, std::string(error_text(ErrorCode::nodes_busy))});
}

void Manager::grant_waiting(const Attempt& attempt) {
  JobRun* job = context_.find(attempt);
  if (job == nullptr || !job->prepared || job->is_ending() || job->suspended) return;
  // Everyone gets a chance: a small step may run beside a big one that waits.
  std::vector<StreamId> order;
  for (const WaitingRequest& waiting : job->waiting) order.push_back(waiting.stream);
  for (const StreamId stream : order) {
    job = context_.find(attempt);
    if (job == nullptr || job->is_ending()) return;
    const auto waiting = std::ranges::find(job->waiting, stream, &WaitingRequest::stream);
    if (waiting == job->waiting.end()) continue;
    const WaitingRequest copy = *waiting;
    const Result<bool> granted = try_grant(*job, copy);
    if (granted && !*granted) continue;
    job = context_.find(attempt);
    if (job == nullptr) return;
    std::erase_if(job->waiting, [&](const WaitingRequest& w) { return w.stream == stream; });
    if (granted) continue;
    if (StreamState* state = context_.stream(stream)) state->role = StreamRole::fresh;
    context_.refuse(stream, copy.id, granted.error());
  }
}

Result<bool> Manager::try_grant(JobRun& job, const WaitingRequest& waiting) {
  wire::StepRequest plain;
  const bool one = waiting.request.parts.empty();
  if (one) plain.parts.push_back({0, waiting.request.spec});
  const wire::StepRequest& request = one ? plain : waiting.request;
  const model::StepSpec& spec = request.parts.front().spec;
  const model::Job& record = *job.host.job;
  Result<PlacedStep> placed = place_parts(job, request, context_.options.facts);
  if (!placed) {
    if (placed.error().code == ErrorCode::nodes_busy) return false;
    return tl::unexpected(placed.error());
  }
  wire::StepLayout* const layout = &placed->layout;
  if (one) placed->portions.clear();  // a step of the job as such
  layout->step = job.next_step++;
  for (wire::StepNode& node : layout->nodes)
    node.share.tasks = static_cast<std::uint32_t>(node.tasks.size());
  add_addresses(*layout, waiting.stream);
  if (waiting.request.request_id.is_set()) {
    job.granted[waiting.request.request_id] = layout->step;
  }
  wire::StepGranted granted;
  granted.job = record.id;
  granted.layout = *layout;
  const model::WallTime waited = context_.env.now().wall - waiting.since;
  granted.waited =
      static_cast<std::uint32_t>(std::max<model::WallTime>(waited, 0) / model::kSecond);
  send_stream(context_.env, waiting.stream, granted, waiting.id);
  StepRun step = make_step(job, *layout, spec, std::move(placed->portions));
  step.root->owned = true;
  StepRun& run = tree_.start(job, std::move(step), {}, waiting.request.request_id);
  adopt_owner(job, run, waiting.stream);
  report_start(job, run);
  arm_limit(job, run);
  return true;
}

// Of the nodes, and of the host from which srun speaks.
void Manager::add_addresses(wire::StepLayout& layout, StreamId srun) {
  for (wire::StepNode& node : layout.nodes) {
    const wire::HostRow* host = context_.host(node.name.view());
    if (host == nullptr) continue;
    node.address = host->address;
    node.port = host->port;
  }
  const StreamState* stream = context_.stream(srun);
  const wire::HostRow* from = stream == nullptr ? nullptr : context_.host(stream->peer.host);
  if (from == nullptr) from = context_.host(context_.options.name);
  if (from == nullptr) return;
  layout.launch_address = from->address;
  layout.launch_port = from->port;
}

void Manager::adopt_owner(JobRun& job, StepRun& step, StreamId stream) {
  RootPart& root = *step.root;
  if (root.owner != 0 && root.owner != stream) {
    context_.streams.erase(root.owner);
    context_.env.close_stream(root.owner);
  }
  root.owner = stream;
  root.abandoned = false;
  context_.timers.cancel(root.patience);
  if (StreamState* state = context_.stream(stream)) {
    state->role = StreamRole::owner;
    state->step = StepKey{job.host.attempt, step.number};
  }
}

void Manager::attach(JobRun& job, StreamId stream, std::uint64_t id,
                     const wire::AttachStep& attach) {
  StreamState* state = context_.stream(stream);
  const auto found = job.steps.find(attach.step);
  if (state == nullptr) return;
  if (found == job.steps.end() || !found->second.root || found->second.root->abandoned) {
    return context_.refuse(
        stream, id,
        Error{ErrorCode::step_not_found, std::string(error_text(ErrorCode::step_not_found))});
  }
  StepRun& step = found->second;
  state->id = id;
  wire::AttachReply reply;
  reply.layout = step.layout;
  reply.exits = step.exits;
  reply.input_offset = attach.input_offset;
  send_stream(context_.env, stream, reply, id);
  if (!attach.owner) {
    state->role = StreamRole::reader;
    state->step = StepKey{job.host.attempt, attach.step};
    step.root->readers.insert(stream);
    return;
  }
  adopt_owner(job, step, stream);
  for (const auto& [node, done] : step.done) send_stream(context_.env, stream, done, id);
  tree_.down(step, attach);
}

void Manager::owner_frame(const StepKey& key, wire::MessageType type, std::string_view payload) {
  using wire::MessageType;
  StepRun* step = context_.find(key);
  JobRun* job = context_.find(key.attempt);
  if (step == nullptr || !step->root || job == nullptr) return;
  switch (type) {
    case MessageType::output_ack:
    case MessageType::input:
    case MessageType::signal_step:
    case MessageType::window_size: return tree_.down(*step, type, payload);
    case MessageType::step_abort: return end_step(*job, *step, model::JobState::cancelled, {});
    default: return;
  }
}

void Manager::owner_closed(const StepKey& key, StreamId stream) {
  JobRun* job = context_.find(key.attempt);
  StepRun* step = context_.find(key);
  if (job == nullptr || step == nullptr || !step->root || step->root->owner != stream) return;
  step->root->owner = 0;
  // srun leaves when it has seen everything.
  if (step->root->finished) step->root->abandoned = true;
  if (step->root->finished) return settle(*job, *step);
  arm_patience(*job, *step);
}

void Manager::arm_patience(JobRun& job, StepRun& step) {
  if (step.root->patience != 0 || step.root->owner != 0) return;
  const StepKey key{job.host.attempt, step.number};
  const std::int64_t wait_ms = std::int64_t{context_.settings.patience_s} * 1000;
  step.root->patience = context_.timers.after(wait_ms, [this, key] {
    JobRun* run = context_.find(key.attempt);
    StepRun* alone = context_.find(key);
    if (run == nullptr || alone == nullptr) return;
    alone->root->patience = 0;
    alone->root->abandoned = true;
    if (alone->root->finished) return settle(*run, *alone);
    end_step(*run, *alone, model::JobState::cancelled, "srun is gone");
  });
}

void Manager::arm_limit(JobRun& job, StepRun& step) {
  const StepKey key{job.host.attempt, step.number};
  if (step.spec.time_limit == 0 || step.spec.time_limit == model::kUnlimited) return;
  const std::int64_t used_ms = (context_.env.now().wall - step.root->record.start) / 1000;
  const std::int64_t left_ms = std::max<std::int64_t>(
      std::int64_t{step.spec.time_limit} * 60'000 - std::max<std::int64_t>(used_ms, 0), 0);
  step.root->limit = context_.timers.after(left_ms, [this, key] {
    JobRun* run = context_.find(key.attempt);
    StepRun* late = context_.find(key);
    if (late != nullptr) end_step(*run, *late, model::JobState::timeout, {});
  });
  if (step.spec.signal == 0) return;
  const std::int64_t before_ms = std::int64_t{step.spec.signal_before} * 1000;
  step.root->warn = context_.timers.after(std::max<std::int64_t>(left_ms - before_ms, 0),
                                          [this, key, signal = step.spec.signal] {
                                            StepRun* run = context_.find(key);
                                            if (run == nullptr) return;
                                            wire::SignalStep message;
                                            message.signal = signal;
                                            tree_.down(*run, message);
                                          });
}

void Manager::reader_closed(const StepKey& key, StreamId stream) {
  StepRun* step = context_.find(key);
  if (step != nullptr && step->root) step->root->readers.erase(stream);
}

void Manager::waiter_closed(const Attempt& attempt, StreamId stream) {
  JobRun* job = context_.find(attempt);
  if (job == nullptr) return;
  std::erase_if(job->waiting, [&](const WaitingRequest& w) { return w.stream == stream; });
}

void Manager::query(JobRun& job, StreamId stream, std::uint64_t id, StepNumber number) {
  const auto found = job.steps.find(number);
  if (found == job.steps.end() || !found->second.root) {
    return context_.refuse(
        stream, id,
        Error{ErrorCode::step_not_found, std::string(error_text(ErrorCode::step_not_found))});
  }
  StepRun& step = found->second;
  const std::uint64_t query = next_query_++;
  Query& open = queries_[query];
  open.step = StepKey{job.host.attempt, number};
  open.stream = stream;
  open.id = id;
  open.missing = step.count - static_cast<std::uint32_t>(step.done.size());
  open.timer = context_.timers.after(kQueryMs, [this, query] { answer_query(query); });
  if (open.missing == 0) return answer_query(query);
  wire::QueryStep down;
  down.job = job.host.job->id;
  down.step = number;
  tree_.down(step, down);
}

void Manager::status(JobRun& job, StepRun& step, std::string_view payload) {
  const auto part = wire::decode<wire::StepStatus>(payload);
  if (!part) return;
  const StepKey key{job.host.attempt, step.number};
  std::vector<std::uint64_t> complete;
  for (auto& [query, open] : queries_) {
    if (open.step != key) continue;
    model::add(open.sum.usage, part->usage);
    open.sum.tasks.insert(open.sum.tasks.end(), part->tasks.begin(), part->tasks.end());
    if (open.missing > 0) --open.missing;
    if (open.missing == 0) complete.push_back(query);
  }
  for (const std::uint64_t query : complete) answer_query(query);
}

void Manager::answer_query(std::uint64_t query) {
  auto node = queries_.extract(query);
  if (node.empty()) return;
  Query& open = node.mapped();
  context_.timers.cancel(open.timer);
  if (context_.stream(open.stream) != nullptr) {
    send_stream(context_.env, open.stream, open.sum, open.id);
  }
}

}  // namespace sluice::worker
