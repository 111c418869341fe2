// See query.hpp.
#include "cli/sacct/query.hpp"

#include <algorithm>
#include <set>

#include "base/strings.hpp"
#include "base/timetext.hpp"
#include "cli/common/job_query.hpp"
#include "model/task_set.hpp"
#include "report/job_text.hpp"

namespace sluice::cli {

namespace {

template <class Value, class Wanted>
bool listed(const std::vector<Wanted>& wanted, const Value& value) {
  return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
}

bool in_range(std::uint32_t value, std::uint32_t least, std::uint32_t most) {
  return (least == 0 && most == 0) || (value >= least && value <= most);
}

// -k alone is this limit, with -K a range.
bool limit_fits(std::uint32_t minutes, const opt::SacctOptions& options) {
  if (options.timelimit_min == 0) return true;
  if (options.timelimit_max == 0) return minutes == options.timelimit_min;
  return minutes >= options.timelimit_min && minutes <= options.timelimit_max;
}

bool has_features(const model::Job& job, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return true;
  const std::string_view asked = job.request->features;
  return std::ranges::any_of(wanted, [&](const std::string& feature) {
    std::size_t at = 0;
    while (at < asked.size()) {
      const std::size_t end = std::min(asked.find_first_of(",&|[]()*", at), asked.size());
      if (asked.substr(at, end - at) == feature) return true;
      at = end + 1;
    }
    return false;
  });
}

bool waited_for(const model::Job& job, const std::vector<std::string>& reasons) {
  if (reasons.empty()) return true;
  return std::ranges::any_of(reasons, [&](const std::string& reason) {
    return base::iequals(reason, model::reason_name(job.reason)) ||
           base::iequals(reason, report::reason_text(job));
  });
}

// One planner starts all jobs, and says so.
bool has_flag(const model::Job& job, const std::vector<std::string>& flags) {
  return flags.empty() || (job.start != 0 && std::ranges::any_of(flags, [](const auto& flag) {
                             return flag == "schedmain" || flag == "startreceived";
                           }));
}

// Whether the reference, its step aside, is to this job.
bool names_job(const opt::JobRef& ref, const model::Job& job) {
  if (ref.component) {
    return job.het_job.value == ref.job && job.het_offset == *ref.component;
  }
  const bool array = job.array_job.is_set() && job.array_job.value == ref.job;
  if (job.id.value == ref.job && !ref.task && ref.tasks.empty()) return true;
  if (!array) return false;
  if (!ref.task && ref.tasks.empty()) return true;
  const Result<wire::JobRef> made = wire_ref(ref);
  if (!made) return false;
  if (job.array_task != model::kNoTask) return model::names_task(made->tasks, job.array_task);
  return job.array_rest && !model::common_tasks(*job.array_rest, made->tasks).empty();
}

}  // namespace

Result<HistoryWindow> window_of(const opt::SacctOptions& options, std::int64_t now) {
  HistoryWindow window;
  const bool by_id = !options.jobs.empty();
  const bool by_state = options.states.given();
  if (options.start) {
    window.from = *options.start;
  } else if (!by_id) {
    window.from = by_state ? options.end.value_or(now) : base::local_midnight(now);
  }
  if (options.end) {
    window.to = *options.end;
  } else if (by_state && options.start) {
    window.to = *options.start;
  }
  if (window.to != 0 && window.from > window.to) {
    return fail(ErrorCode::invalid_time, "Start time (" + base::format_time(window.from) +
                                             ") requested is after end time (" +
                                             base::format_time(window.to) + ").");
  }
  return window;
}

Result<wire::QueryHistory> history_query(const opt::SacctOptions& options,
                                         const HistoryWindow& window, std::uint32_t uid) {
  Result<std::vector<wire::JobRef>> jobs = wire_refs(options.jobs);
  if (!jobs) return tl::unexpected(jobs.error());
  wire::QueryHistory query;
  query.filter.jobs = std::move(*jobs);
  // Components have consecutive ids, by which history finds them; is_wanted() looks closer.
  for (wire::JobRef& ref : query.filter.jobs) {
    if (ref.component == model::kNoTask) continue;
    ref.job = JobId(ref.job.value + ref.component);
    ref.component = model::kNoTask;
  }
  query.filter.uids = options.users;
  const bool own = options.users.empty() && !options.all_users && options.jobs.empty() && uid != 0;
  if (own) query.filter.uids.push_back(uid);
  query.filter.accounts = texts(options.accounts);
  query.filter.partitions = texts(options.partitions);
  query.filter.names = texts(options.names);
  query.filter.qos = texts(options.qos);
  query.filter.nodes = texts(options.nodes);
  query.filter.wckeys = texts(options.wckeys);
  query.filter.associations = options.associations;
  query.filter.states = state_mask(options.states);
  query.from = window.from * model::kSecond;
  // The whole last second counts.
  if (window.to != 0) query.to = window.to * model::kSecond + model::kSecond - 1;
  query.duplicates = options.duplicates;
  return query;
}

std::vector<opt::JobRef> further_components(const JobAnswer& answer,
                                            const opt::SacctOptions& options) {
  std::vector<opt::JobRef> further;
  const bool parts_alone = options.whole_hetjob && !*options.whole_hetjob;
  if (options.jobs.empty() || parts_alone) return further;
  std::set<std::uint32_t> known;
  for (const model::JobPtr& job : answer.jobs) known.insert(job->id.value);
  for (const model::JobPtr& job : answer.jobs) {
    const auto named = [&](const opt::JobRef& ref) {
      return !ref.component && names_job(ref, *job);
    };
    const bool leads = job->id == job->het_job && std::ranges::any_of(options.jobs, named);
    if (!job->het_job.is_set() || (!leads && !options.whole_hetjob)) continue;
    for (std::uint32_t i = 0; i < job->het_count; ++i) {
      opt::JobRef ref;
      ref.job = job->het_job.value;
      ref.component = i;
      if (known.insert(ref.job + i).second) further.push_back(ref);
    }
  }
  return further;
}

bool is_wanted(const model::Job& job, const opt::SacctOptions& options, std::int64_t until) {
  // What could never start yet is shown only to who asks for it.
  const bool never = job.eligible == 0 || job.eligible > (until + 1) * model::kSecond;
  const bool asked = options.states.given() && model::is_finished(job.state);
  if (never && !asked && job.start == 0 && options.jobs.empty()) return false;
  const std::uint32_t nodes = job.allocation ? report::node_count(job) : 0;
  const std::uint32_t cpus = job.allocation ? report::cpu_count(job) : 0;
  return listed(options.groups, job.spec->gid) && listed(options.wckeys, job.spec->wckey.view()) &&
         in_range(nodes, options.min_nodes, options.max_nodes) &&
         in_range(cpus, options.min_cpus, options.max_cpus) &&
         limit_fits(job.time_limit, options) && has_features(job, options.constraints) &&
         waited_for(job, options.reasons) && has_flag(job, options.flags);
}

bool job_row_wanted(const model::Job& job, const opt::SacctOptions& options) {
  if (options.jobs.empty()) return true;
  return std::ranges::any_of(
      options.jobs, [&](const opt::JobRef& ref) { return !ref.step && names_job(ref, job); });
}

bool step_row_wanted(const model::Job& job, const model::Step& step,
                     const opt::SacctOptions& options) {
  if (options.allocations) return false;
  if (options.jobs.empty()) return true;
  return std::ranges::any_of(options.jobs, [&](const opt::JobRef& ref) {
    return (!ref.step || *ref.step == step.number) && names_job(ref, job);
  });
}

}  // namespace sluice::cli
