// See job_filter.hpp.
#include "daemon/controller/service/job_filter.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace sluice::controller {

namespace {

template <class Value, class Wanted>
bool listed(const std::vector<Wanted>& wanted, const Value& value) {
  return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
}

bool in_reservations(const model::Job& job, const std::vector<Text>& wanted) {
  if (wanted.empty() || (!job.reservation.empty() && listed(wanted, job.reservation))) return true;
  if (!job.reservation.empty()) return false;
  const std::vector<std::string_view> asked = base::split_nonempty(job.request->reservation, ',');
  return std::ranges::any_of(asked,
                             [&](std::string_view name) { return listed(wanted, Text(name)); });
}

bool runs_on(const model::Job& job, const std::vector<Text>& nodes) {
  if (nodes.empty()) return true;
  if (!job.allocation) return false;
  return std::ranges::any_of(job.allocation->shares, [&](const model::NodeShare& share) {
    return std::ranges::find(nodes, share.name) != nodes.end();
  });
}

bool in_partitions(const model::Job& job, const std::vector<Text>& partitions) {
  if (partitions.empty()) return true;
  const std::string all = "," + job.partition.str() + ",";
  return std::ranges::any_of(partitions, [&](const Text& name) {
    return all.find("," + name.str() + ",") != std::string::npos;
  });
}

bool has_state(const model::Job& job, std::uint64_t states) {
  if (states == 0) return true;
  if (((states >> 32U) & job.flags) != 0) return true;
  return ((states >> static_cast<unsigned>(job.state)) & 1U) != 0;
}

bool contains(const model::TaskRun& run, std::uint32_t task) {
  return task >= run.first && task <= run.last && (task - run.first) % std::max(run.step, 1U) == 0;
}

// A plain number means a job, an array with all its tasks, a heterogeneous job with all its
// components, or a task or component by its own id.
bool is_meant(const model::Job& job, const wire::JobRef& ref) {
  if (ref.component != model::kNoTask) {
    return job.het_job == ref.job && job.het_offset == ref.component;
  }
  if (ref.tasks.empty()) {
    return job.id == ref.job || job.array_job == ref.job || job.het_job == ref.job;
  }
  if (job.array_job != ref.job) return false;
  const auto wanted = [&](std::uint32_t task) {
    return std::ranges::any_of(ref.tasks,
                               [&](const model::TaskRun& run) { return contains(run, task); });
  };
  if (job.array_task != model::kNoTask) return wanted(job.array_task);
  if (!job.array_rest) return false;
  return std::ranges::any_of(job.array_rest->runs, [&](const model::TaskRun& rest) {
    return std::ranges::any_of(ref.tasks, [&](const model::TaskRun& run) {
      return run.first <= rest.last && rest.first <= run.last;
    });
  });
}

}  // namespace

bool matches_conditions(const model::Job& job, const wire::JobFilter& filter) {
  return has_state(job, filter.states) && listed(filter.uids, job.spec->uid) &&
         listed(filter.accounts, job.request->account) && listed(filter.names, job.spec->name) &&
         listed(filter.qos, job.request->qos) && listed(filter.wckeys, job.spec->wckey) &&
         in_reservations(job, filter.reservations) &&
         listed(filter.licenses, job.request->licenses) && in_partitions(job, filter.partitions) &&
         runs_on(job, filter.nodes);
}

bool matches(const model::Job& job, const wire::JobFilter& filter) {
  const bool meant =
      filter.jobs.empty() ||
      std::ranges::any_of(filter.jobs, [&](const wire::JobRef& ref) { return is_meant(job, ref); });
  return meant && matches_conditions(job, filter);
}

}  // namespace sluice::controller
