// See table.hpp.
#include "cli/squeue/table.hpp"

#include <unordered_map>

#include "base/strings.hpp"
#include "report/job_order.hpp"

namespace sluice::cli {

namespace {

constexpr std::string_view kJobs = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R";
constexpr std::string_view kJobsLong = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R";
constexpr std::string_view kStart = "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R";
constexpr std::string_view kSteps = "%.15i %.8j %.9P %.8u %.9M %N";
constexpr std::string_view kBadField = "Invalid job format specification: ";
constexpr std::string_view kBadStepField = "Invalid job step format specification: ";
constexpr std::size_t kBytesPerRow = 96;  // a guess that saves most growing

std::string_view default_format(const opt::SqueueOptions& options) {
  if (options.show_steps) return kSteps;
  if (options.start) return kStart;
  return options.long_form ? kJobsLong : kJobs;
}

std::string_view default_sort(const opt::SqueueOptions& options) {
  if (options.show_steps) return "P,i";
  return options.start ? "S" : "P,t,-p";
}

template <class FieldType>
report::Format format_of(std::span<const FieldType> fields, const opt::SqueueOptions& options,
                         std::string_view problem) {
  if (options.format_long_given) {
    return report::parse_names(
        options.format_long, report::names_of(fields),
        [fields](std::size_t field) { return fields[field].width; }, kBadField);
  }
  std::string text(options.format_given ? std::string_view(options.format)
                                        : default_format(options));
  if (text == "%all") text = report::all_letters(fields);
  return report::parse_letters(text, report::letters_of(fields), problem);
}

// Order, header, rows. A wrong order is told after the header, as users know it.
template <class Record, class Pointer, class Sort>
TableText make_table(std::span<const report::Field<Record, report::JobContext>> fields,
                     report::Format format, std::vector<Pointer>& records, const Sort& sort) {
  TableText text;
  text.problems = format.problems;
  report::Table<Record, report::JobContext> table(fields, std::move(format), sort.by_letter);
  if (!sort.no_header) table.header(text.out);
  Result<std::vector<report::SortLetter>> order = report::parse_sort(sort.text, sort.known);
  if (!order) {
    text.problems.push_back("Invalid sort specification: " + order.error().text);
    text.exit_code = 1;
    return text;
  }
  sort.apply(records, *order);
  text.out.reserve(text.out.size() + records.size() * kBytesPerRow);
  for (const Pointer& record : records) {
    if constexpr (std::is_same_v<Record, Pointer>) {
      table.row(record, sort.context, text.out);
    } else {
      table.row(*record, sort.context, text.out);
    }
  }
  return text;
}

template <class Apply>
struct SortPlan {
  std::string_view text;
  std::string_view known;
  bool by_letter;
  bool no_header;
  const report::JobContext& context;
  Apply apply;
};

std::string_view sort_of(const opt::SqueueOptions& options) {
  return options.sort.empty() ? default_sort(options) : std::string_view(options.sort);
}

}  // namespace

TableText job_table(std::vector<model::JobPtr> jobs, const opt::SqueueOptions& options,
                    const report::JobContext& context) {
  const auto apply = [&](std::vector<model::JobPtr>& records,
                         const std::vector<report::SortLetter>& order) {
    report::sort_jobs(records, order, context);
  };
  const SortPlan<decltype(apply)> plan{sort_of(options),
                                       report::job_sort_letters(),
                                       !options.format_long_given,
                                       options.no_header,
                                       context,
                                       apply};
  return make_table(report::job_fields(), format_of(report::job_fields(), options, kBadField), jobs,
                    plan);
}

std::vector<report::StepRecord> steps_of(const JobAnswer& answer) {
  std::unordered_map<std::uint32_t, const model::Job*> jobs;
  for (const model::JobPtr& job : answer.jobs) jobs.emplace(job->id.value, job.get());
  std::vector<report::StepRecord> steps;
  for (const model::StepPtr& step : answer.steps) {
    const auto job = jobs.find(step->job.value);
    if (job != jobs.end()) steps.push_back({step.get(), job->second});
  }
  return steps;
}

TableText step_table(const JobAnswer& answer, const opt::SqueueOptions& options,
                     const report::JobContext& context) {
  std::vector<report::StepRecord> steps = steps_of(answer);
  const auto apply = [&](std::vector<report::StepRecord>& records,
                         const std::vector<report::SortLetter>& order) {
    report::sort_steps(records, order, context);
  };
  const SortPlan<decltype(apply)> plan{sort_of(options),
                                       report::step_sort_letters(),
                                       !options.format_long_given,
                                       options.no_header,
                                       context,
                                       apply};
  return make_table(report::step_fields(), format_of(report::step_fields(), options, kBadStepField),
                    steps, plan);
}

bool shows_cluster(const opt::SqueueOptions& options) {
  return options.format_long_given &&
         base::to_lower(options.format_long).find("cluster") != std::string::npos;
}

}  // namespace sluice::cli
