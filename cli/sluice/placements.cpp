// See placements.hpp.
#include "cli/sluice/placements.hpp"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "report/job_text.hpp"

namespace sluice::cli {

namespace {

constexpr std::string_view kColumns =
    "id\ttask\tjob\trun\tsubmit\tstart\tend\tstate\tlimit\taccount\tqos\tpartition\tlicenses\tnode"
    "\tcpus"
    "\t"
    "cpu_ids\tmemory\ttasks\tgres\treason\n";

std::string seconds(std::int64_t ms) { return fmt::format("{}.{:03}", ms / 1000, ms % 1000); }

std::string task_of(const model::Job& job) {
  return job.array_job.is_set() ? std::to_string(job.array_task) : "";
}

// Texts of users must not look like columns.
std::string plain(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '\t' || c == '\n'; }, ' ');
  return text;
}

std::string limit_of(const model::Job& job) {
  return job.time_limit == model::kUnlimited ? "UNLIMITED" : std::to_string(job.time_limit);
}

// What all lines of a stretch have at their beginnings.
std::string head_of(const replay::Submission& submission, const replay::Stretch& stretch) {
  const model::Job& job = *stretch.job;
  const bool ended = stretch.end_ms >= 0;
  return fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t", submission.id,
                     task_of(job), report::job_id_text(job), job.attempt + 1,
                     seconds(submission.at_ms), seconds(stretch.start_ms),
                     ended ? seconds(stretch.end_ms) : "",
                     ended ? model::long_name(stretch.became, 0) : "RUNNING", limit_of(job),
                     job.request->account.view(), job.qos.view(), job.partition.view(),
                     job.allocation->licenses.view());
}

// Of whom there is no stretch.
std::string line_of(const replay::Submission& submission, const std::string& task,
                    std::string_view state, const std::string& reason) {
  return fmt::format("{}\t{}\t\t\t{}\t\t\t{}\t\t\t\t\t\t\t\t\t\t\t\t{}\n", submission.id, task,
                     seconds(submission.at_ms), state, plain(reason));
}

}  // namespace

std::string placements_tsv(const std::vector<replay::Submission>& log,
                           const replay::Replayed& replayed) {
  std::string text(kColumns);
  for (const replay::Stretch& stretch : replayed.stretches) {
    const std::string head = head_of(log[stretch.submission], stretch);
    for (const model::NodeShare& share : stretch.job->allocation->shares) {
      text += head + fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t\n", share.name.view(), share.cpu_count,
                                 share.cpus.to_ranges(), share.memory, share.tasks,
                                 report::gres_detail(share));
    }
  }
  for (const auto& [place, reason] : replayed.refusals) {
    text += line_of(log[place], "", "REFUSED", reason);
  }
  for (const auto& [place, job] : replayed.never_began) {
    text += line_of(log[place], report::array_task_text(*job, 0), model::long_name(job->state, 0),
                    report::reason_text(*job));
  }
  return text;
}

}  // namespace sluice::cli
