// What travels through the tree: upwards remembered and merged, downwards copied or routed by the
// node that a task runs on. Repeated messages (after an attach) are recognised and dropped here.
#include <algorithm>

#include "daemon/worker/service/tree.hpp"

namespace sluice::worker {

void Tree::on_stepd_frame(StepdId stepd, wire::MessageType type, std::string_view payload) {
  const auto found = context_.stepds.find(stepd);
  if (found == context_.stepds.end()) return;
  const StepKey key = found->second;
  JobRun* job = context_.find(key.attempt);
  StepRun* step = context_.find(key);
  if (job == nullptr || step == nullptr) return;
  step->stepd_known = true;
  if (type == wire::MessageType::stepd_hello) return;
  if (type == wire::MessageType::step_progress) note_image(key, *step, payload);
  take(*job, *step, type, payload);
}

void Tree::on_child_frame(const StepKey& key, wire::MessageType type, std::string_view payload) {
  JobRun* job = context_.find(key.attempt);
  StepRun* step = context_.find(key);
  if (job != nullptr && step != nullptr) take(*job, *step, type, payload);
}

void Tree::take(JobRun& job, StepRun& step, wire::MessageType type, std::string_view payload) {
  using wire::MessageType;
  switch (type) {
    case MessageType::step_started: return take_started(job, step, payload);
    case MessageType::task_exit: return take_exit(job, step, payload);
    case MessageType::step_done: return take_done(job, step, payload);
    case MessageType::fence: return take_fence(job, step, payload);
    case MessageType::direct: return take_direct(step, payload);
    case MessageType::output:
    case MessageType::input_ack:
    case MessageType::step_abort:
    case MessageType::step_progress:
    case MessageType::step_status: return up(job, step, type, payload);
    case MessageType::error_reply:
      return context_.log(LogLevel::warn, "job {}: an agent refused step {}",
                          job.host.job->id.value, step.number);
    default:
      return context_.log(LogLevel::warn, "job {}: unexpected message {} from below",
                          job.host.job->id.value, static_cast<unsigned>(type));
  }
}

void Tree::note_image(const StepKey& key, StepRun& step, std::string_view payload) {
  const auto progress = wire::decode<wire::StepProgress>(payload);
  if (!progress || progress->phase != Text(kImageReady)) return;
  step.image_digest = progress->image_digest;
  image_news_(key);
}

void Tree::up(JobRun& job, StepRun& step, wire::MessageType type, std::string_view payload) {
  if (step.root) return root_message_(job, step, type, payload);
  if (step.parent != 0) context_.env.send_stream(step.parent, type, 0, std::string(payload));
}

void Tree::take_started(JobRun& job, StepRun& step, std::string_view payload) {
  auto started = wire::decode<wire::StepStarted>(payload);
  if (!started || started->node >= step.layout.nodes.size()) return;
  for (Child& child : step.children) {
    if (started->node - child.first < child.count) child.lost_since = -1;
  }
  if (!step.started.emplace(started->node, *started).second) return;
  up(job, step, wire::StepStarted::kType, payload);
}

void Tree::take_exit(JobRun& job, StepRun& step, std::string_view payload) {
  auto exit = wire::decode<wire::TaskExit>(payload);
  if (!exit) return;
  std::erase_if(exit->tasks, [&](std::uint32_t task) {
    return task >= step.exited.size() || step.exited[task];
  });
  if (exit->tasks.empty()) return;
  for (const std::uint32_t task : exit->tasks) step.exited[task] = true;
  step.exited_count += static_cast<std::uint32_t>(exit->tasks.size());
  step.exits.push_back(*exit);
  up(job, step, *exit);
}

void Tree::take_done(JobRun& job, StepRun& step, std::string_view payload) {
  auto done = wire::decode<wire::StepDone>(payload);
  if (!done || done->node - step.first >= step.count) return;
  const std::uint32_t node = done->node;
  if (!step.done.emplace(node, *done).second) {
    if (!step.acknowledged.contains(node)) return;
    wire::StepDoneAck ack;
    ack.node = node;
    return to_node(step, node, wire::StepDoneAck::kType, wire::encode(ack));
  }
  const StepKey key{job.host.attempt, step.number};
  const bool own = node == step.first;
  if (own) step.own_done = true;
  up(job, step, wire::StepDone::kType, payload);
  if (own) image_news_(key);
}

// A fence of all tasks is passed up when this node's subtree is complete, so that each link carries
// it once. Fences of fewer tasks go up as they come: only the root can count them.
void Tree::take_fence(JobRun& job, StepRun& step, std::string_view payload) {
  auto fence = wire::decode<wire::Fence>(payload);
  if (!fence) return;
  const auto key = std::pair{fence->participants, fence->number};
  FenceState& state = step.fences[key];
  state.expected = std::max(state.expected, fence->expected);
  for (wire::FencePart& part : fence->parts) {
    const bool known = std::ranges::any_of(
        state.parts, [&](const wire::FencePart& had) { return had.node == part.node; });
    if (!known) state.parts.push_back(std::move(part));
  }
  std::uint32_t wanted = step.root ? state.expected : 0;
  if (fence->participants.empty()) wanted = step.count;
  if (state.parts.size() < wanted) return;
  std::ranges::sort(state.parts, {}, &wire::FencePart::node);
  if (step.root) {
    wire::FenceDone done;
    done.number = fence->number;
    done.participants = fence->participants;
    done.parts = std::move(state.parts);
    step.fences.erase(key);
    return to_all(step, wire::FenceDone::kType, wire::encode(done));
  }
  wire::Fence merged = std::move(*fence);
  merged.parts = std::move(state.parts);
  step.fences.erase(key);
  up(job, step, merged);
}

void Tree::take_direct(StepRun& step, std::string_view payload) {
  const auto direct = wire::decode<wire::Direct>(payload);
  if (!direct || direct->to >= step.layout.nodes.size()) return;
  if (direct->to - step.first < step.count) {
    return to_node(step, direct->to, wire::Direct::kType, payload);
  }
  if (step.parent != 0) {
    context_.env.send_stream(step.parent, wire::Direct::kType, 0, std::string(payload));
  }
}

void Tree::to_node(StepRun& step, std::uint32_t node, wire::MessageType type,
                   std::string_view payload) {
  if (node == step.first && step.member) {
    if (step.stepd != 0) context_.env.send_stepd(step.stepd, type, std::string(payload));
    return;
  }
  for (const Child& child : step.children) {
    if (node - child.first >= child.count) continue;
    if (child.stream != 0) context_.env.send_stream(child.stream, type, 0, std::string(payload));
    return;
  }
}

void Tree::to_all(StepRun& step, wire::MessageType type, std::string_view payload) {
  if (step.stepd != 0) context_.env.send_stepd(step.stepd, type, std::string(payload));
  for (const Child& child : step.children) {
    if (child.stream != 0) context_.env.send_stream(child.stream, type, 0, std::string(payload));
  }
}

namespace {

// The task that a message from above is for; kNoTask: all. Nothing: it can't be read.
template <class Message>
std::optional<std::uint32_t> target_task(std::string_view payload) {
  const auto message = wire::decode<Message>(payload);
  if (!message) return std::nullopt;
  return message->task;
}

}  // namespace

void Tree::down(StepRun& step, wire::MessageType type, std::string_view payload) {
  using wire::MessageType;
  std::optional<std::uint32_t> task = model::kNoTask;
  switch (type) {
    case MessageType::input: task = target_task<wire::Input>(payload); break;
    case MessageType::signal_step: task = target_task<wire::SignalStep>(payload); break;
    case MessageType::output_ack: task = target_task<wire::OutputAck>(payload); break;
    case MessageType::window_size: task = 0; break;
    case MessageType::step_abort: return to_node(step, 0, type, payload);
    case MessageType::direct: return take_direct(step, payload);
    case MessageType::fence_done:
    case MessageType::attach_step:
    case MessageType::query_step: break;
    default: return;
  }
  if (!task) return;
  if (*task == model::kNoTask) return to_all(step, type, payload);
  if (*task < step.node_of.size()) to_node(step, step.node_of[*task], type, payload);
}

void Tree::signal_here(StepRun& step, std::uint32_t signal, std::uint32_t task) {
  if (step.stepd == 0) return;
  wire::SignalStep message;
  message.signal = signal;
  message.task = task;
  send_stepd(context_.env, step.stepd, message);
}

void Tree::tell_here(StepRun& step, const Text& text) {
  if (step.stepd != 0) send_stepd(context_.env, step.stepd, wire::StepNotice{text});
}

}  // namespace sluice::worker
