// Every reason that a waiting job shows is true.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "model/task_set.hpp"
#include "test/histories/picture.hpp"

namespace sluice::histories {

namespace {

using model::Job;
using model::Reason;

bool overlap(const Picture& picture, const model::Partition& a, const model::Partition& b) {
  const std::vector<bool> left = nodes_of(picture, a);
  const std::vector<bool> right = nodes_of(picture, b);
  for (std::size_t n = 0; n < left.size(); ++n) {
    if (left[n] && right[n]) return true;
  }
  return false;
}

bool waits_for_nodes(Reason reason) {
  return reason == Reason::resources || reason == Reason::priority || reason == Reason::node_down ||
         reason == Reason::none || reason == Reason::reservation;
}

// Whether some other job that waits for nodes stands before it in a partition that shares nodes.
bool somebody_is_ahead(const Picture& picture, const Job& job) {
  for (const model::JobPtr& other : picture.jobs) {
    if (other->id == job.id || other->state != model::JobState::pending) continue;
    // What it shows may be of another partition.
    const bool waits =
        waits_for_nodes(picture.reason(*other)) || partitions_of(picture, *other).size() > 1;
    if (picture.planned(*other) == nullptr || !waits) continue;
    for (const model::Partition* theirs : partitions_of(picture, *other)) {
      for (const model::Partition* own : partitions_of(picture, job)) {
        if (!overlap(picture, *own, *theirs)) continue;
        if (rank_of(picture, *other, *theirs) >= rank_of(picture, job, *own)) return true;
      }
    }
  }
  return false;
}

bool is_short_of_licenses(const Picture& picture, const Job& job) {
  std::map<std::string, std::uint32_t> used;
  for (const model::JobPtr& other : picture.jobs) {
    if (!runs(*other) || !other->allocation) continue;
    for (const auto& [name, count] : licenses_of(other->allocation->licenses.view())) {
      used[name] += count;
    }
  }
  for (const auto& [name, count] : licenses_of(job.request->licenses.view())) {
    for (const model::LicenseSetting& license : picture.settings->licenses) {
      if (license.name.view() == name && used[name] + count > license.count) return true;
    }
  }
  return false;
}

// In the order of submission, the tasks of an array by their numbers.
std::pair<JobId, std::uint32_t> submitted(const Job& job) {
  if (!job.array_job.is_set()) return {job.id, 0};
  const bool rest = job.array_rest && !job.array_rest->runs.empty();
  return {job.array_job, rest ? job.array_rest->runs.front().first : job.array_task};
}

// Of the dependencies that the histories make: "afterany:ID", "afterok:ID", "singleton", one each.
bool has_open_dependency(const Picture& picture, const Job& job) {
  const std::string_view text = job.spec->dependency.view();
  if (text == "singleton") {
    return std::ranges::any_of(picture.jobs, [&](const model::JobPtr& other) {
      const bool counts =
          runs(*other) || is_completing(*other) || submitted(*other) < submitted(job);
      return counts && other->id != job.id && other->spec->uid == job.spec->uid &&
             other->spec->name == job.spec->name &&
             (!model::is_finished(other->state) || is_completing(*other));
    });
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return !text.empty();
  const JobId target(static_cast<std::uint32_t>(std::stoul(std::string(text.substr(colon + 1)))));
  const Job* other = picture.find(target);
  if (other == nullptr) {
    return std::ranges::any_of(picture.jobs, [&](const model::JobPtr& task) {
      return task->array_job == target &&
             (!model::is_finished(task->state) || is_completing(*task));
    });
  }
  if (other->array_job.is_set() || other->het_job.is_set()) return true;  // not followed here
  return !model::is_finished(other->state) || is_completing(*other);
}

Problem wrong_unless(bool is_true, const Job& job, std::string_view why) {
  return is_true ? Problem() : fmt::format("{}: {}", name(job), why);
}

// Not by brute force: components that must start together, jobs inside reservations, and jobs that
// wait for nodes in one partition and for something else in another.
bool is_followed(const Picture& picture, const Job& job) {
  if (job.het_job.is_set() || !job.request->reservation.empty()) return false;
  const bool gates = picture.settings->enforce.limits || !job.request->licenses.empty();
  return !gates || partitions_of(picture, job).size() == 1;
}

Problem check_waiting(const Picture& picture, const Job& job) {
  if (job.het_job.is_set()) return {};  // ahead of it may be who is ahead of another component
  if (picture.reason(job) == Reason::priority) {
    const Problem alone = wrong_unless(somebody_is_ahead(picture, job), job,
                                       "waits for Priority, but nobody is ahead");
    if (!alone.empty()) return alone;
  }
  if (!is_followed(picture, job)) return {};
  const std::string place = possible_start(picture, job);
  return wrong_unless(place.empty(), job,
                      fmt::format("waits for {}, but could start on{}",
                                  model::reason_name(picture.reason(job)), place));
}

Problem check_one(const Picture& picture, const Job& job) {
  const Reason reason = picture.reason(job);
  const auto wrong = [&](bool is_true, const char* why) { return wrong_unless(is_true, job, why); };
  switch (reason) {
    case Reason::none:
    case Reason::priority:
    case Reason::resources:
      if (picture.planned(job) == nullptr) return {};
      return check_waiting(picture, job);
    case Reason::job_held_user:
    case Reason::job_held_admin:
    case Reason::job_requeued_in_held_state: return wrong(job.priority == 0, "isn't held");
    case Reason::begin_time: return wrong(job.spec->begin > picture.now.wall, "may begin");
    case Reason::dependency:
      return wrong(has_open_dependency(picture, job), "depends on nothing any more");
    case Reason::licenses:
      if (job.het_job.is_set()) return {};  // with what its other components take
      return wrong(!picture.reservations.empty() || is_short_of_licenses(picture, job),
                   "has its licences");
    case Reason::association_limit:
    case Reason::qos_limit: return untrue_limit(picture, job);
    case Reason::partition_time_limit:
      return wrong(std::ranges::any_of(partitions_of(picture, job),
                                       [&](auto* p) { return job.time_limit > p->max_time; }),
                   "is within the partition's time limit");
    case Reason::partition_down:
      return wrong(
          std::ranges::any_of(partitions_of(picture, job),
                              [](auto* p) { return p->state == model::PartitionState::down; }),
          "its partition isn't down");
    case Reason::partition_inactive:
      return wrong(
          std::ranges::any_of(partitions_of(picture, job),
                              [](auto* p) { return p->state == model::PartitionState::inactive; }),
          "its partition isn't inactive");
    case Reason::bad_constraints:
      if (job.het_job.is_set()) return {};  // of any of its components
      return wrong(!could_ever_run(picture, job), "could run");
    case Reason::node_down:
      if (!is_followed(picture, job)) return {};
      return wrong(possible_start(picture, job).empty(), "needs no node that isn't available");
    default: return {};
  }
}

}  // namespace

Problem untrue_reasons(const Picture& picture) {
  for (const model::JobPtr& job : picture.jobs) {
    if (job->state != model::JobState::pending) continue;
    const bool held = job->priority == 0;
    const Reason reason = picture.reason(*job);
    if (held && reason == Reason::priority) return fmt::format("{} is held", name(*job));
    if (Problem wrong = check_one(picture, *job); !wrong.empty()) return wrong;
  }
  return {};
}

}  // namespace sluice::histories
