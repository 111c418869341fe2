// See derive.hpp.
#include "event/derive.hpp"

#include <string>
#include <string_view>

namespace sluice::event {

namespace {

// A task that leaves its array's rest has been submitted with it.
bool is_task_of_rest(const model::Job& job) {
  return job.array_job.is_set() && job.id != job.array_job;
}

What first_step(const model::Job& job) {
  if (model::is_finished(job.state)) {
    return job.state == model::JobState::preempted ? What::preempted : What::ended;
  }
  if (job.state != model::JobState::pending) return What::started;
  if (job.attempt != 0) return What::requeued;
  return is_task_of_rest(job) ? What::none : What::submitted;
}

// What an administrator sees of a node, whatever runs on it.
struct Mark {
  std::uint32_t flag;
  std::string_view word;
};
constexpr Mark kMarks[] = {{model::kNodeDrain, "+DRAIN"},
                           {model::kNodeFail, "+FAIL"},
                           {model::kNodeMaint, "+MAINT"},
                           {model::kNodeReboot, "+REBOOT"},
                           {model::kNodeInvalidRegistration, "+INVAL"}};

std::string condition(const model::Node& node) {
  std::string text = node.state == model::NodeState::down ? "DOWN" : "UP";
  for (const Mark& mark : kMarks) {
    if ((node.flags & mark.flag) != 0) text += mark.word;
  }
  return text;
}

What node_change(const model::Node& before, const model::Node& now) {
  const auto down = [](const model::Node& node) { return node.state == model::NodeState::down; };
  const auto drains = [](const model::Node& node) { return (node.flags & model::kNodeDrain) != 0; };
  if (down(before) != down(now)) return down(now) ? What::down : What::up;
  if (drains(before) != drains(now)) return drains(now) ? What::drained : What::undrained;
  return What::marked;
}

}  // namespace

What job_step(const std::optional<model::JobState>& before, const model::Job& now) {
  using model::JobState;
  if (!before) return first_step(now);
  if (*before == now.state) return What::none;
  if (model::is_finished(now.state)) {
    if (model::is_finished(*before)) return What::none;
    return now.state == JobState::preempted ? What::preempted : What::ended;
  }
  switch (now.state) {
    case JobState::running: return *before == JobState::suspended ? What::resumed : What::started;
    case JobState::suspended: return What::suspended;
    default: return What::requeued;
  }
}

JobChange facts_of(const model::Job& job) {
  JobChange facts;
  facts.job = job.id;
  facts.array_job = job.array_job;
  facts.array_task = job.array_task;
  if (job.array_rest)
    facts.array_tasks = static_cast<std::uint32_t>(model::task_count(*job.array_rest));
  facts.het_job = job.het_job;
  facts.het_offset = job.het_offset;
  facts.uid = job.uid;
  facts.attempt = job.attempt;
  facts.user_id = job.spec->uid;
  facts.user = job.spec->user;
  facts.account = job.request->account;
  facts.name = job.spec->name;
  facts.partition = job.partition;
  facts.qos = job.qos;
  facts.wckey = job.spec->wckey;
  facts.reservation = job.reservation;
  facts.state = job.state;
  facts.flags = job.flags;
  facts.reason = job.reason;
  facts.priority = job.priority;
  facts.submit = job.submit;
  facts.start = job.start;
  facts.end = job.end;
  facts.time_limit = job.time_limit;
  facts.exit_code = job.exit_code;
  if (!job.allocation) {
    facts.node_count = job.request->min_nodes;
    return facts;
  }
  facts.nodes = job.allocation->nodes;
  facts.node_count = static_cast<std::uint32_t>(job.allocation->shares.size());
  facts.cpus = job.allocation->cpus;
  for (const model::NodeShare& share : job.allocation->shares) facts.memory += share.memory;
  return facts;
}

NodeStep node_step(const model::Node* before, const model::Node& now) {
  NodeStep step;
  const std::string was = before == nullptr ? "UP" : condition(*before);
  const std::string is = condition(now);
  const bool other_reason = before != nullptr && is != "UP" && before->reason != now.reason;
  if (was == is && !other_reason) return step;
  const model::Node unmarked;
  step.what = node_change(before == nullptr ? unmarked : *before, now);
  step.facts = {now.name, is, was, now.reason};
  return step;
}

}  // namespace sluice::event
