// The tree's structure: starting a step here and below, broken hops, lost nodes, the end.
// What travels through it is in tree_messages.cpp.
#include "daemon/worker/service/tree.hpp"

#include <algorithm>
#include <csignal>

#include "daemon/worker/service/components.hpp"

namespace sluice::worker {

namespace {
constexpr std::int64_t kRetryMs = 500;
constexpr std::int64_t kReapMs = 20;
constexpr std::uint32_t kReapTries = 250;
}  // namespace

bool index_layout(StepRun& step) {
  const wire::StepLayout& layout = step.layout;
  if (layout.nodes.empty() || step.count == 0) return false;
  if (step.first >= layout.nodes.size() || step.count > layout.nodes.size() - step.first) {
    return false;
  }
  std::size_t placed = 0;
  for (const wire::StepNode& node : layout.nodes) placed += node.tasks.size();
  if (placed != layout.tasks) return false;
  step.node_of.assign(layout.tasks, model::kNoTask);
  step.exited.assign(layout.tasks, false);
  for (std::uint32_t i = 0; i < layout.nodes.size(); ++i) {
    for (const std::uint32_t task : layout.nodes[i].tasks) {
      if (task >= layout.tasks || step.node_of[task] != model::kNoTask) return false;
      step.node_of[task] = i;
    }
  }
  return true;
}

bool Tree::is_member(StepRun& step) const {
  step.member = step.layout.nodes[step.first].name.view() == context_.options.name;
  if (!step.member) step.own_done = true;
  return step.member;
}

StepRun& Tree::start(JobRun& job, StepRun step, std::string script, const Uid128& request) {
  const StepNumber number = step.number;
  StepRun& run = job.steps.emplace(number, std::move(step)).first->second;
  store_step(context_, job, run, request);
  if (is_member(run)) {
    wire::LaunchStep launch;
    launch.epoch = context_.epoch;
    launch.job = *job.host.job;
    launch.spec = run.spec;
    launch.layout = run.layout;
    launch.first = run.first;
    launch.count = 1;
    launch.script = std::move(script);
    make_own(launch, run, run.first);
    if (!launch.spec.container.empty()) {
      launch.settings.push_back({Text(kFetchFromKey), image_source(run)});
    }
    run.stepd = context_.env.start_stepd(job.host, std::move(launch));
    context_.stepds[run.stepd] = StepKey{job.host.attempt, number};
  }
  open_children(job, run);
  return run;
}

// The node above, if it has a part in the step; else the step's first. Empty: this one pulls.
Text Tree::image_source(const StepRun& step) const {
  if (step.first == 0) return {};
  const auto parent = context_.streams.find(step.parent);
  if (parent != context_.streams.end()) {
    for (const wire::StepNode& node : step.layout.nodes) {
      if (node.name.view() == parent->second.peer.host) return node.name;
    }
  }
  return step.layout.nodes.front().name;
}

StepRun& Tree::adopt(JobRun& job, StepRun step) {
  const StepNumber number = step.number;
  StepRun& run = job.steps.emplace(number, std::move(step)).first->second;
  if (is_member(run)) {
    run.stepd_known = context_.env.step_began(job.host, number);
    run.stepd = context_.env.adopt_stepd(job.host, number);
    context_.stepds[run.stepd] = StepKey{job.host.attempt, number};
  }
  // On other nodes the parent comes back with its launch, and only then is the subtree known to be
  // still ours.
  if (run.root) open_children(job, run);
  return run;
}

void Tree::launched(JobRun& job, StreamId parent, const wire::LaunchStep& launch) {
  const StepNumber number = launch.layout.step;
  if (job.finished.contains(number)) {
    // Acknowledged long ago; somebody above has forgotten.
    wire::StepDone done;
    done.node = launch.first;
    send_stream(context_.env, parent, done);
    return;
  }
  const auto known = job.steps.find(number);
  if (known == job.steps.end()) {
    StepRun step;
    step.number = number;
    step.spec = launch.spec;
    step.layout = launch.layout;
    step.first = launch.first;
    step.count = launch.count;
    step.parent = parent;
    step.portions = launch.portions;
    if (!index_layout(step)) {
      return context_.refuse(parent, 0, Error{ErrorCode::protocol, "the step's layout is wrong"});
    }
    start(job, std::move(step), {});
    return;
  }
  StepRun& step = known->second;
  if (step.root || launch.first != step.first) return;
  if (step.parent != 0 && step.parent != parent) {
    context_.streams.erase(step.parent);
    context_.env.close_stream(step.parent);
  }
  step.parent = parent;
  // Above us somebody died, or this daemon was restarted: the subtree may be another one now.
  if (step.count != launch.count || step.children.empty()) {
    for (Child& child : step.children) {
      context_.timers.cancel(child.retry);
      if (child.stream == 0) continue;
      context_.streams.erase(child.stream);
      context_.env.close_stream(child.stream);
    }
    step.children.clear();
    step.count = std::min<std::uint32_t>(
        launch.count, static_cast<std::uint32_t>(step.layout.nodes.size()) - step.first);
    store_step(context_, job, step);
    open_children(job, step);
  }
  for (const auto& [node, started] : step.started) up(job, step, started);
  for (const wire::TaskExit& exit : step.exits) up(job, step, exit);
  for (const auto& [node, done] : step.done) up(job, step, done);
  wire::AttachStep attach;
  attach.job = job.host.job->id;
  attach.step = number;
  down(step, attach);
}

void Tree::open_children(JobRun& job, StepRun& step) {
  const std::uint32_t own = step.member ? 1 : 0;
  const std::uint32_t below = step.count - own;
  const std::uint32_t width = std::clamp<std::uint32_t>(context_.settings.tree_width, 1, 1024);
  const std::uint32_t parts = std::min(below, width);
  std::uint32_t next = step.first + own;
  for (std::uint32_t i = 0; i < parts; ++i) {
    Child child;
    child.first = next;
    child.count = below / parts + (i < below % parts ? 1 : 0);
    next += child.count;
    step.children.push_back(child);
  }
  for (Child& child : step.children) open_child(job, step, child);
}

void Tree::open_child(JobRun& job, StepRun& step, Child& child) {
  const std::string node = step.layout.nodes[child.first].name.str();
  child.stream = context_.env.open_peer(node, *job.host.job->spec);
  StreamState state;
  state.from_agent = true;
  state.role = StreamRole::child;
  state.step = StepKey{job.host.attempt, step.number};
  context_.streams[child.stream] = state;
  wire::LaunchStep launch;
  launch.epoch = context_.epoch;
  launch.job = *job.host.job;
  launch.spec = step.spec;
  launch.layout = step.layout;
  launch.first = child.first;
  launch.count = child.count;
  make_own(launch, step, child.first);
  send_stream(context_.env, child.stream, launch);
}

void Tree::on_child_closed(const StepKey& key, StreamId stream) {
  JobRun* job = context_.find(key.attempt);
  StepRun* step = context_.find(key);
  if (job == nullptr || step == nullptr) return;
  const auto child = std::ranges::find(step->children, stream, &Child::stream);
  if (child == step->children.end()) return;
  child->stream = 0;
  bool open = false;
  for (std::uint32_t i = 0; i < child->count; ++i) open |= !step->done.contains(child->first + i);
  if (!open) return;
  const std::int64_t now = context_.env.now().mono_ms;
  if (child->lost_since < 0) child->lost_since = now;
  if (now - child->lost_since >= std::int64_t{context_.settings.patience_s} * 1000) {
    return give_up(*job, *step, static_cast<std::size_t>(child - step->children.begin()));
  }
  child->retry = context_.timers.after(
      kRetryMs, [this, key, first = child->first] { retry_child(key, first); });
}

void Tree::retry_child(const StepKey& key, std::uint32_t first) {
  JobRun* job = context_.find(key.attempt);
  StepRun* step = context_.find(key);
  if (job == nullptr || step == nullptr) return;
  const auto child = std::ranges::find(step->children, first, &Child::first);
  if (child == step->children.end() || child->stream != 0) return;
  child->retry = 0;
  open_child(*job, *step, *child);
}

// Whoever is its parent in the tree has to give it up.
void Tree::lose(JobRun& job, StepRun& step, std::uint32_t node) {
  if (step.done.contains(node)) return;
  for (std::size_t i = 0; i < step.children.size(); ++i) {
    const Child& child = step.children[i];
    if (node - child.first >= child.count) continue;
    if (node == child.first) return give_up(job, step, i);
    wire::LosePart below;
    below.node = node;
    if (child.stream != 0) send_stream(context_.env, child.stream, below);
    return lose_node(job, step, node, kNodeLost);
  }
}

// Its own children take its place; its own tasks are lost.
void Tree::give_up(JobRun& job, StepRun& step, std::size_t index) {
  Child lost = step.children[index];
  context_.timers.cancel(lost.retry);
  if (lost.stream != 0) {
    context_.streams.erase(lost.stream);
    context_.env.close_stream(lost.stream);
  }
  step.children.erase(step.children.begin() + static_cast<std::ptrdiff_t>(index));
  for (std::uint32_t i = 1; i < lost.count; ++i) {
    Child orphan;
    orphan.first = lost.first + i;
    orphan.count = 1;
    if (step.done.contains(orphan.first)) continue;
    step.children.push_back(orphan);
    open_child(job, step, step.children.back());
  }
  lose_node(job, step, lost.first, kNodeLost);
}

void Tree::lose_node(JobRun& job, StepRun& step, std::uint32_t node, const Text& why) {
  const StepKey key{job.host.attempt, step.number};
  if (step.done.contains(node)) return;
  wire::TaskExit exit;
  exit.node = node;
  exit.status = SIGKILL;
  for (const std::uint32_t task : step.layout.nodes[node].tasks) {
    if (!step.exited[task]) exit.tasks.push_back(task);
  }
  if (!exit.tasks.empty()) take(job, step, wire::TaskExit::kType, wire::encode(exit));
  wire::StepDone done;
  done.node = node;
  done.exit_code = exit.tasks.empty() ? 0 : SIGKILL;
  done.error = why;
  done.ended = context_.env.now().wall;
  // The step may end by what was taken, so it is looked up again.
  if (StepRun* again = context_.find(key)) {
    take(job, *again, wire::StepDone::kType, wire::encode(done));
  }
}

void Tree::on_stepd_closed(StepdId stepd) {
  const auto found = context_.stepds.find(stepd);
  if (found == context_.stepds.end()) return;
  const StepKey key = found->second;
  context_.stepds.erase(found);
  JobRun* job = context_.find(key.attempt);
  StepRun* step = context_.find(key);
  if (job == nullptr || step == nullptr || step->stepd != stepd) return;
  step->stepd = 0;
  if (step->own_done) return;
  reap(key, 0);
}

// stepd is gone without a word: what it left on disk counts, else what it left running is killed.
void Tree::reap(const StepKey& key, std::uint32_t tries) {
  JobRun* job = context_.find(key.attempt);
  StepRun* step = context_.find(key);
  if (job == nullptr || step == nullptr || step->own_done) return;
  step->reap = 0;
  if (const auto record = context_.env.step_record(job->host, key.step)) {
    wire::TaskExit exit;
    exit.node = step->first;
    exit.status = record->exit_code;
    exit.out_of_memory = record->out_of_memory;
    for (const std::uint32_t task : step->layout.nodes[step->first].tasks) {
      if (!step->exited[task]) exit.tasks.push_back(task);
    }
    wire::StepDone done = *record;
    done.node = step->first;
    if (!exit.tasks.empty()) take(*job, *step, wire::TaskExit::kType, wire::encode(exit));
    if (StepRun* again = context_.find(key)) {
      take(*job, *again, wire::StepDone::kType, wire::encode(done));
    }
    return;
  }
  if (context_.env.kill_step(job->host, key.step) > 0 && tries < kReapTries) {
    step->reap = context_.timers.after(kReapMs, [this, key, tries] { reap(key, tries + 1); });
    return;
  }
  const bool never = !step->stepd_known && step->started.find(step->first) == step->started.end();
  const Text why = never ? "sluice-stepd could not be started" : "sluice-stepd was killed";
  context_.log(LogLevel::warn, "job {} step {}: {}", job->host.job->id.value, step_name(key.step),
               why.view());
  if (never) {
    wire::StepStarted started;
    started.node = step->first;
    started.error = why;
    take(*job, *step, wire::StepStarted::kType, wire::encode(started));
  }
  if (StepRun* again = context_.find(key)) lose_node(*job, *again, again->first, why);
}

void Tree::on_parent_closed(const StepKey& key, StreamId stream) {
  StepRun* step = context_.find(key);
  if (step != nullptr && step->parent == stream) step->parent = 0;
}

void Tree::acknowledge(JobRun& job, StepRun& step, std::uint32_t node) {
  if (!step.done.contains(node) || !step.acknowledged.insert(node).second) return;
  wire::StepDoneAck ack;
  ack.node = node;
  to_node(step, node, wire::StepDoneAck::kType, wire::encode(ack));
  forget_if_settled(job, step);
}

void Tree::acknowledge_all(JobRun& job, StepRun& step) {
  for (const auto& [node, done] : step.done) {
    if (!step.acknowledged.insert(node).second) continue;
    wire::StepDoneAck ack;
    ack.node = node;
    to_node(step, node, wire::StepDoneAck::kType, wire::encode(ack));
  }
  forget_if_settled(job, step);
}

void Tree::forget_if_settled(JobRun& job, StepRun& step) {
  if (step.acknowledged.size() >= step.count && step.all_done()) drop(job, step.number);
}

void Tree::drop(JobRun& job, StepNumber number) {
  const auto found = job.steps.find(number);
  if (found == job.steps.end()) return;
  StepRun& step = found->second;
  context_.timers.cancel(step.reap);
  for (Child& child : step.children) {
    context_.timers.cancel(child.retry);
    if (child.stream == 0) continue;
    context_.streams.erase(child.stream);
    context_.env.close_stream(child.stream);
  }
  if (step.parent != 0) {
    context_.streams.erase(step.parent);
    context_.env.close_stream(step.parent);
  }
  if (step.stepd != 0) {
    context_.stepds.erase(step.stepd);
    context_.env.close_stepd(step.stepd);
  }
  const Attempt attempt = job.host.attempt;
  StepEntry entry;
  entry.attempt = attempt;
  entry.number = number;
  entry.finished = true;
  context_.env.ledger_put(ledger_key(StepKey{attempt, number}), wire::encode(entry));
  // The end of a job removes all of it at once.
  if (!job.is_ending()) context_.env.remove_step(job.host, number);
  job.finished.insert(number);
  job.steps.erase(found);
  image_news_(StepKey{attempt, number});
  gone_(attempt);
}

}  // namespace sluice::worker
