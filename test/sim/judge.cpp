// See judge.hpp.
#include "test/sim/judge.hpp"

#include <algorithm>

#include "store/records.hpp"
#include "test/sim/srun.hpp"
#include "test/sim/world.hpp"

namespace sluice::sim {

namespace {

bool is_running(const model::Job& job) {
  return job.state == model::JobState::running || job.state == model::JobState::suspended;
}

bool is_completing(const model::Job& job) { return (job.flags & model::kFlagCompleting) != 0; }

std::string name_of(const model::Job& job) {
  return fmt::format("job {} attempt {} ({})", job.id.value, job.attempt,
                     model::long_name(job.state, job.flags));
}

}  // namespace

void Judge::violation(std::string text) {
  // With a store that lies everything may break; what counts is that its losses are seen.
  if (verdict_ || (world_.disk.is_lying() && !text.starts_with("I1:"))) return;
  world_.trace.note("VIOLATION {}", text);
  verdict_ = std::move(text);
}

// --- The controller ------------------------------------------------------------------------------

void Judge::committing(const store::Transaction& transaction) {
  for (const model::JobPtr& job : transaction.jobs) {
    const auto known = latest_.find(job->id);
    if (known == latest_.end()) {
      // An array's task gets its record when it starts or is touched; the rest may have been
      // cancelled and requeued before, as one.
      const auto rest = latest_.find(job->array_job);
      const std::uint32_t begun = rest == latest_.end() ? 0 : rest->second->attempt;
      if (job->attempt > begun) violation("I5: " + name_of(*job) + " appears from nowhere");
      latest_.emplace(job->id, job);
      continue;
    }
    check_transition(*known->second, *job, transaction);
    known->second = job;
  }
}

void Judge::check_transition(const model::Job& before, const model::Job& after,
                             const store::Transaction& transaction) {
  const bool over = model::is_finished(before.state);
  bool legal = before.uid == after.uid;
  if (after.attempt == before.attempt) {
    if (before.state == model::JobState::pending) {
      legal = legal && after.state != model::JobState::suspended;
    } else if (is_running(before)) {
      legal = legal && (is_running(after) || model::is_finished(after.state));
    } else if (is_completing(before)) {
      const bool stays = after.state == before.state;
      const bool cancelled =
          (before.flags & model::kFlagRequeued) != 0 && after.state == model::JobState::cancelled;
      legal = legal && (stays || cancelled);
    } else {
      legal = legal && after.state == before.state && !is_completing(after);
    }
  } else {
    const bool recorded = (over && !is_completing(before)) ||
                          std::ranges::any_of(transaction.ended, [&](const model::JobPtr& job) {
                            return job->id == before.id && job->attempt == before.attempt;
                          });
    // It waits again, or its deadline has come too near meanwhile.
    const bool waits = after.state == model::JobState::pending;
    const bool too_late = after.state == model::JobState::deadline && after.spec->deadline != 0;
    legal = legal && after.attempt == before.attempt + 1 && recorded && (waits || too_late);
  }
  if (!legal) violation("I5: " + name_of(before) + " became " + name_of(after));
}

void Judge::durable(const store::Transaction& transaction) {
  for (const model::JobPtr& job : transaction.jobs) {
    std::set<std::uint32_t>& ids = made_[job->spec->name.str()];
    ids.insert((job->array_job.is_set() ? job->array_job : job->id).value);
    if (ids.size() > 1) {
      violation(fmt::format("I2: {} became jobs {} and {}", job->spec->name.view(), *ids.begin(),
                            *ids.rbegin()));
    }
  }
  for (const model::JobPtr& job : transaction.ended) {
    if (!model::is_finished(job->state)) {
      violation("I6: accounted without an end: " + name_of(*job));
    }
    if (!accounted_.insert({job->uid, job->attempt}).second) {
      violation("I6: accounted twice: " + name_of(*job));
    }
    ++world_.counts.attempts;
    check_exit(*job);
  }
}

void Judge::check_exit(const model::Job& ended) {
  const Attempt attempt{ended.uid, ended.attempt};
  if (ended.spec->kind != model::JobKind::batch || blamed_.contains(attempt)) return;
  const bool by_payload =
      ended.state == model::JobState::completed ||
      (ended.state == model::JobState::failed && ended.reason != model::Reason::job_launch_failure);
  const auto payload = payload_exits_.find(attempt);
  if (payload == payload_exits_.end()) {
    if (by_payload || ended.exit_code != 0) {
      violation(fmt::format("I8: {} has exit {} without a payload's end", name_of(ended),
                            ended.exit_code));
    }
    return;
  }
  if (by_payload ? payload->second != ended.exit_code
                 : ended.exit_code != 0 && payload->second != ended.exit_code) {
    violation(fmt::format("I8: {} has exit {}, its payload {}", name_of(ended), ended.exit_code,
                          payload->second));
  }
}

void Judge::check_answers() {
  for (const auto& [request, job] : acknowledged_jobs_) {
    if (!world_.disk.has_job(job)) {
      violation(fmt::format("I1: job {} was acknowledged and is lost", job.value));
    }
  }
  for (const Uid128& request : acknowledged_) {
    if (!world_.disk.replies().contains(request)) {
      violation("I1: an acknowledged request is lost");
    }
  }
}

void Judge::recovered() {
  check_answers();
  latest_.clear();
  for (const auto& [key, job] : world_.disk.jobs()) latest_[job->id] = job;
}

void Judge::look_at(const core::Cluster& cluster) {
  ++world_.counts.checks;
  auto wrong = cluster.check();
  if (!wrong) return;
  violation("I4: " + *wrong);
}

void Judge::compare_reload(const core::Cluster& cluster, core::Now now) {
  // Finished jobs leave memory by a timer, and are left out by a load: not at the same instant.
  const std::int64_t age = std::int64_t{world_.settings->min_job_age_s} * model::kSecond;
  const std::vector<model::JobPtr> jobs = cluster.all_jobs();
  std::vector<model::JobPtr> live;
  for (const model::JobPtr& job : jobs) {
    if (store::is_live(*job)) live.push_back(job);
  }
  const store::StillNeeded needed = store::still_needed(live);
  for (const model::JobPtr& job : jobs) {
    const bool due = !store::is_live(*job) && job->end + age < now.wall + model::kSecond;
    if (due && !store::is_needed(*job, needed)) return;
  }
  std::string memory = cluster.fingerprint();
  if (memory == memory_text_) return;
  ++world_.counts.reloads;
  const store::LoadedState loaded = world_.disk.peek();
  core::StoredState stored;
  stored.next_job_id = loaded.next_job_id;
  // An array that was over, forgotten in part, and then requeued in part: a reload knows more.
  for (const model::JobPtr& job : loaded.jobs) {
    const bool overdue = !store::is_live(*job) && job->end + age < now.wall;
    if (!overdue || cluster.find_job(job->id)) stored.jobs.push_back(job);
  }
  stored.nodes = loaded.nodes;
  stored.partitions = loaded.partitions;
  stored.steps = loaded.steps;
  stored.released = loaded.released;
  stored.accounts = loaded.accounts;
  stored.usage = loaded.usage;
  stored.reservations = loaded.reservations;
  const std::string disk = core::Cluster(world_.settings, stored, now).fingerprint();
  if (disk == memory) {
    memory_text_ = std::move(memory);
    return;
  }
  const auto differ = std::ranges::mismatch(memory, disk);
  const auto place = static_cast<std::size_t>(differ.in1 - memory.begin());
  const auto line_of = [&](const std::string& text) {
    const std::size_t at = std::min(place, text.size());
    const std::size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    return text.substr(begin, text.find('\n', at) - begin);
  };
  violation("I10: memory has\n  " + line_of(memory) + "\na reload gives\n  " + line_of(disk));
}

// --- Users ---------------------------------------------------------------------------------------

void Judge::asked(const Uid128& request, const std::string& name) { requests_[request] = name; }

void Judge::told_job(const Uid128& request, JobId job) {
  const auto [known, is_new] = acknowledged_jobs_.emplace(request, job);
  if (!is_new && known->second != job) {
    violation(fmt::format("I2: one request was answered with jobs {} and {}", known->second.value,
                          job.value));
  }
  if (is_new) ++world_.counts.jobs;
}

void Judge::told(const Uid128& request) { acknowledged_.insert(request); }

// --- Nodes ---------------------------------------------------------------------------------------

void Judge::prepared(const NodeHost& host, const worker::JobOnHost& job) {
  launched_[job.attempt] = job.job;
  const auto row = world_.disk.jobs().find({job.job->id, job.attempt.number});
  const bool committed =
      row != world_.disk.jobs().end() && row->second->state != model::JobState::pending;
  if (!committed) {
    violation(fmt::format("I3: {} got job {}, whose start is not on the disk", host.name(),
                          job.job->id.value));
  }
}

std::shared_ptr<const model::Job> Judge::launched_job(const Attempt& attempt) const {
  const auto found = launched_.find(attempt);
  return found == launched_.end() ? nullptr : found->second;
}

// Suspended, or suspended when it was ended: its CPUs are others' by right. (The order to stand
// still may have been lost on its way here; it is repeated when the node registers.)
bool Judge::is_asleep(const Attempt& attempt) const {
  const store::LoadedState loaded = world_.disk.peek();
  return std::any_of(loaded.jobs.begin(), loaded.jobs.end(), [&](const model::JobPtr& job) {
    return Attempt{job->uid, job->attempt} == attempt && job->suspended_at != 0;
  });
}

bool Judge::is_given_up(const Attempt& attempt) const {
  const store::LoadedState loaded = world_.disk.peek();
  return std::none_of(loaded.jobs.begin(), loaded.jobs.end(), [&](const model::JobPtr& job) {
    return Attempt{job->uid, job->attempt} == attempt && !model::is_finished(job->state);
  });
}

void Judge::task_started(const NodeHost& host, const Task& task) {
  const Attempt& attempt = task.step.attempt;
  if (!started_tasks_.insert({task.step, task.number}).second) {
    const auto job = launched_job(attempt);
    violation(fmt::format("I3: task {} of step {} of job {} attempt {} started twice, now on {}",
                          task.number, task.step.step, job ? job->id.value : 0, attempt.number,
                          host.name()));
  }
  NodePresence& present = present_[host.index()];
  Present& mine = present[attempt];
  mine.share = task.share;
  ++mine.live;
  std::uint64_t memory = 0;
  for (const auto& [other, held] : present) {
    memory += held.share.memory;
    if (other == attempt || !held.share.cpus.intersects(task.share.cpus)) continue;
    if (is_asleep(other) || host.is_frozen(other) || host.is_frozen(attempt)) continue;
    // Both lost to the controller, which has them ended and keeps everybody else away till then.
    if (is_given_up(attempt) && is_given_up(other)) continue;
    const auto job = launched_job(attempt);
    const auto before = launched_job(other);
    violation(fmt::format("I4: on {} jobs {} and {} run on the same CPUs", host.name(),
                          job ? job->id.value : 0, before ? before->id.value : 0));
  }
  if (memory > host.facts().memory) violation("I4: memory of " + host.name() + " is exceeded");
}

void Judge::leave(NodeIndex node, const Attempt& attempt) {
  NodePresence& present = present_[node];
  const auto found = present.find(attempt);
  if (found != present.end() && --found->second.live == 0) present.erase(found);
}

void Judge::task_ended(NodeIndex node, const Task& task, std::uint32_t status) {
  leave(node, task.step.attempt);
  if (task.step.step == base::kBatchStep) payload_exits_[task.step.attempt] = status;
}

void Judge::task_gone(NodeIndex node, const worker::StepKey& step, std::uint32_t) {
  leave(node, step.attempt);
}

void Judge::cleaned(const NodeHost& host, const Attempt& attempt) {
  const auto node = present_.find(host.index());
  if (node == present_.end() || !node->second.contains(attempt)) return;
  violation("I7: " + host.name() + " calls a job clean whose tasks live");
}

void Judge::at_the_end() {
  check_answers();
  for (const auto& [key, job] : world_.disk.jobs()) {
    const bool current = latest_.contains(job->id) && latest_.at(job->id)->attempt == job->attempt;
    if (current && !model::is_finished(job->state)) continue;
    if (!accounted_.contains({job->uid, job->attempt})) {
      violation("I6: no accounting record of " + name_of(*job));
    }
  }
  std::set<std::string> names;
  for (const auto& [request, name] : requests_) names.insert(name);
  for (const auto& [name, ids] : made_) {
    if (!names.contains(name)) violation("I2: nobody asked for the job " + name);
  }
}

}  // namespace sluice::sim
