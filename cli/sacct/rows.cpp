// See rows.hpp.
#include "cli/sacct/rows.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "cli/sacct/query.hpp"

namespace sluice::cli {

namespace {

using Key = std::pair<std::uint32_t, std::uint32_t>;  // job, attempt
using Steps = std::map<Key, std::vector<model::StepPtr>>;

// batch, extern, interactive, then by number.
std::tuple<bool, StepNumber> rank(const model::Step& step) {
  switch (step.number) {
    case base::kBatchStep: return {false, 0};
    case base::kExternStep: return {false, 1};
    case base::kInteractiveStep: return {false, 2};
    default: return {true, step.number};
  }
}

Steps sorted_steps(const std::vector<model::StepPtr>& steps) {
  Steps by_attempt;
  for (const model::StepPtr& step : steps) {
    by_attempt[{step->job.value, step->attempt.number}].push_back(step);
  }
  for (auto& [key, list] : by_attempt) {
    std::ranges::sort(list, {}, [](const model::StepPtr& step) { return rank(*step); });
  }
  return by_attempt;
}

model::Usage total_of(const std::vector<model::StepPtr>& steps) {
  model::Usage sum;
  for (const model::StepPtr& step : steps) model::add(sum, step->usage);
  return sum;
}

// Slurm counts tasks one by one from here on; the record they share stays as it is.
void add_tasks(HistoryRows& result, const model::Job& rest) {
  for (const model::TaskRun& run : rest.array_rest->runs) {
    for (std::uint64_t task = run.first; task <= run.last; task += std::max(run.step, 1U)) {
      model::Job one = rest;
      one.array_rest = nullptr;
      one.array_task = static_cast<std::uint32_t>(task);
      result.made.push_back(std::make_shared<const model::Job>(std::move(one)));
      result.rows.push_back({result.made.back().get(), nullptr, {}});
    }
  }
}

}  // namespace

HistoryRows history_rows(const JobAnswer& answer, const opt::SacctOptions& options,
                         std::int64_t until) {
  static const std::vector<model::StepPtr> kNone;
  const Steps steps = sorted_steps(answer.steps);
  HistoryRows result;
  for (const model::JobPtr& job : answer.jobs) {
    if (!is_wanted(*job, options, until)) continue;
    const auto found = steps.find({job->id.value, job->attempt});
    const std::vector<model::StepPtr>& own = found == steps.end() ? kNone : found->second;
    if (job_row_wanted(*job, options)) {
      if (options.array && job->array_rest) {
        add_tasks(result, *job);
      } else {
        result.rows.push_back({job.get(), nullptr, total_of(own)});
      }
    }
    for (const model::StepPtr& step : own) {
      if (!step_row_wanted(*job, *step, options)) continue;
      result.rows.push_back({job.get(), step.get(), step->usage});
    }
  }
  return result;
}

}  // namespace sluice::cli
