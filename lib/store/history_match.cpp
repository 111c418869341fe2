// See history_match.hpp.
#include "store/history_match.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

#include "model/task_set.hpp"
#include "rollup/attempt.hpp"

namespace sluice::store {

namespace {

constexpr unsigned kFlagShift = 32;  // the upper half of `states` is JobFlag's bits

struct Window {
  model::WallTime from = 0;
  model::WallTime to = 0;

  // `end` 0: not over yet.
  [[nodiscard]] bool meets(model::WallTime begin, model::WallTime end) const {
    return begin <= to && (end == 0 || end >= from);
  }
};

Window window_of(const HistoryFilter& filter) {
  return {filter.from, filter.to != 0 ? filter.to : std::numeric_limits<model::WallTime>::max()};
}

bool asks_for(const HistoryFilter& filter, model::JobState state) {
  return ((filter.states >> static_cast<unsigned>(state)) & 1U) != 0;
}

template <class Value, class Wanted>
bool listed(const std::vector<Wanted>& wanted, const Value& value) {
  return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
}

// A job that waits may name several partitions.
bool in_partitions(std::string_view names, const std::vector<Text>& wanted) {
  if (wanted.empty()) return true;
  while (true) {
    const std::size_t comma = names.find(',');
    const std::string_view name = names.substr(0, comma);
    if (std::ranges::find(wanted, name, &Text::view) != wanted.end()) return true;
    if (comma == std::string_view::npos) return false;
    names.remove_prefix(comma + 1);
  }
}

bool ran_on(const model::Job& job, const std::vector<Text>& nodes) {
  if (nodes.empty()) return true;
  if (!job.allocation) return false;
  return std::ranges::any_of(job.allocation->shares, [&](const model::NodeShare& share) {
    return listed(nodes, share.name);
  });
}

bool was_suspended(const model::Job& job, const Window& window) {
  if (job.suspended_at != 0 && window.meets(job.suspended_at, 0)) return true;
  return std::ranges::any_of(job.suspensions, [&](const model::Suspension& one) {
    return window.meets(one.from, one.to);
  });
}

bool had_state(const model::Job& job, const HistoryFilter& filter) {
  const Window window = window_of(filter);
  const auto asked = [&](model::JobState state) { return asks_for(filter, state); };
  if (asked(model::JobState::pending) && job.eligible != 0 &&
      window.meets(job.eligible, job.start != 0 ? job.start : job.end)) {
    return true;
  }
  if (asked(model::JobState::running) && job.start != 0 && window.meets(job.start, job.end)) {
    return true;
  }
  if (asked(model::JobState::suspended) && was_suspended(job, window)) return true;
  const bool requeued = rollup::is_told_as_requeued(job);
  const std::uint32_t flags = requeued ? job.flags : job.flags & ~model::kFlagRequeued;
  if (((filter.states >> kFlagShift) & flags) != 0 && window.meets(job.submit, job.end)) {
    return true;
  }
  if (job.state == model::JobState::pending || job.state == model::JobState::running || requeued ||
      !asked(job.state)) {
    return false;
  }
  if (!model::is_finished(job.state)) return window.meets(job.submit, job.end);
  return job.end >= window.from && job.end <= window.to;
}

bool overlaps(const model::TaskSet& rest, const std::vector<model::TaskRun>& tasks) {
  return !model::common_tasks(rest, tasks).empty();
}

bool is_in(const model::Job& job, const HistoryFilter::JobRange& range) {
  if (range.tasks.empty()) return job.id == range.job || job.array_job == range.job;
  if (job.array_job != range.job) return false;
  if (job.array_rest) return overlaps(*job.array_rest, range.tasks);
  return model::names_task(range.tasks, job.array_task);
}

}  // namespace

bool may_match(model::WallTime submit, model::JobState state, const HistoryFilter& filter) {
  if (filter.to != 0 && submit > filter.to) return false;
  if (filter.states == 0 || (filter.states >> kFlagShift) != 0) return true;
  return state != model::JobState::pending || asks_for(filter, state);
}

bool spec_matches(const model::JobSpec& spec, const HistoryFilter& filter) {
  return listed(filter.uids, spec.uid) && listed(filter.names, spec.name) &&
         listed(filter.wckeys, spec.wckey);
}

bool request_matches(const model::Request& request, const HistoryFilter& filter) {
  return listed(filter.accounts, request.account) && listed(filter.qos, request.qos);
}

bool job_matches(const model::Job& job, const HistoryFilter& filter) {
  if (!in_partitions(job.partition.view(), filter.partitions)) return false;
  if (!ran_on(job, filter.nodes) || !listed(filter.associations, job.association)) return false;
  if (filter.states != 0) return had_state(job, filter);
  return window_of(filter).meets(job.submit, job.end);
}

bool is_meant(const model::Job& job, const HistoryFilter& filter) {
  return filter.jobs.empty() ||
         std::ranges::any_of(
             filter.jobs, [&](const HistoryFilter::JobRange& range) { return is_in(job, range); });
}

}  // namespace sluice::store
