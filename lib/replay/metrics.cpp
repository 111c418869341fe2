// Sums in the order of the jobs, so that equal replays give equal figures to the last digit.
#include "replay/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/core.h>

namespace sluice::replay {

namespace {

constexpr double kShortRun_s = 10;

double as_double(std::int64_t number) { return static_cast<double>(number); }

double slowdown_of(const TraceJob& job, std::int64_t start) {
  const double run = as_double(job.run_s);
  return std::max(1.0, (as_double(start - job.submit_s) + run) / std::max(run, kShortRun_s));
}

double quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  const auto place = static_cast<std::size_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(place),
                   values.end());
  return values[place];
}

struct UserSum {
  double slowdown = 0;
  double jobs = 0;
};

void judge_users(const std::map<std::int64_t, UserSum>& users, Metrics& made) {
  double sum = 0;
  double squares = 0;
  for (const auto& [user, own] : users) {
    const double mean = own.slowdown / own.jobs;
    sum += mean;
    squares += mean * mean;
    made.worst_user_slowdown = std::max(made.worst_user_slowdown, mean);
  }
  made.users = users.size();
  if (squares > 0) made.fairness = sum * sum / (static_cast<double>(users.size()) * squares);
}

}  // namespace

Metrics measure(const std::vector<TraceJob>& jobs, const Played& played, std::int64_t processors) {
  Metrics made;
  std::vector<double> waits;
  std::map<std::int64_t, UserSum> users;
  double area = 0;
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = 0;
  for (std::size_t n = 0; n < jobs.size(); ++n) {
    const std::int64_t start = played.starts[n];
    if (start < 0) continue;
    const TraceJob& job = jobs[n];
    waits.push_back(as_double(start - job.submit_s));
    made.mean_wait_s += waits.back();
    made.max_wait_s = std::max(made.max_wait_s, waits.back());
    const double slowdown = slowdown_of(job, start);
    made.mean_slowdown += slowdown;
    users[job.user].slowdown += slowdown;
    users[job.user].jobs += 1;
    area += as_double(job.run_s) * as_double(job.processors);
    first = std::min(first, job.submit_s);
    last = std::max(last, start + job.run_s);
  }
  if (waits.empty()) return made;
  made.jobs = waits.size();
  made.mean_wait_s /= static_cast<double>(made.jobs);
  made.mean_slowdown /= static_cast<double>(made.jobs);
  made.median_wait_s = quantile(waits, 0.5);
  made.p95_wait_s = quantile(waits, 0.95);
  made.makespan_s = as_double(last - first);
  made.utilisation = area / (as_double(processors) * made.makespan_s);
  judge_users(users, made);
  return made;
}

Metrics mean_of(const std::vector<Metrics>& replays) {
  Metrics mean;
  if (replays.empty()) return mean;
  const auto count = static_cast<double>(replays.size());
  constexpr double Metrics::*kMeans[] = {
      &Metrics::mean_wait_s, &Metrics::median_wait_s, &Metrics::p95_wait_s,
      &Metrics::max_wait_s,  &Metrics::mean_slowdown, &Metrics::utilisation,
      &Metrics::makespan_s,  &Metrics::fairness,      &Metrics::worst_user_slowdown};
  mean.jobs = replays.front().jobs;
  mean.users = replays.front().users;
  for (const auto member : kMeans) {
    for (const Metrics& one : replays) mean.*member += one.*member;
    mean.*member /= count;
  }
  return mean;
}

double slowdown_error(const std::vector<Metrics>& replays) {
  if (replays.size() < 2) return 0;
  const auto count = static_cast<double>(replays.size());
  const double mean = mean_of(replays).mean_slowdown;
  double squares = 0;
  for (const Metrics& one : replays) {
    squares += (one.mean_slowdown - mean) * (one.mean_slowdown - mean);
  }
  return std::sqrt(squares / (count - 1) / count);
}

std::string metrics_table(const Metrics& m, double error) {
  std::string text;
  text += fmt::format("jobs                   {:>14}\n", m.jobs);
  text += fmt::format("users                  {:>14}\n", m.users);
  text += fmt::format("mean wait              {:>14.1f} s\n", m.mean_wait_s);
  text += fmt::format("median wait            {:>14.1f} s\n", m.median_wait_s);
  text += fmt::format("95% wait at most       {:>14.1f} s\n", m.p95_wait_s);
  text += fmt::format("longest wait           {:>14.1f} s\n", m.max_wait_s);
  text += fmt::format("mean bounded slowdown  {:>14.3f}", m.mean_slowdown);
  text += error == 0 ? "\n" : fmt::format(" +- {:.3f}\n", error);
  text += fmt::format("utilisation            {:>14.5f}\n", m.utilisation);
  text += fmt::format("makespan               {:>14.0f} s\n", m.makespan_s);
  text += fmt::format("fairness by user       {:>14.4f}\n", m.fairness);
  text += fmt::format("worst user's slowdown  {:>14.1f}\n", m.worst_user_slowdown);
  return text;
}

std::string jobs_csv(const std::vector<TraceJob>& jobs, const Played& played) {
  std::string text = "id,user,processors,submit,start,run,estimate,wait,slowdown\n";
  for (std::size_t n = 0; n < jobs.size(); ++n) {
    const TraceJob& job = jobs[n];
    const std::int64_t start = played.starts[n];
    if (start < 0) continue;
    text += fmt::format("{},{},{},{},{},{},{},{},{:.4f}\n", job.id, job.user, job.processors,
                        job.submit_s, start, job.run_s, job.estimate_s, start - job.submit_s,
                        slowdown_of(job, start));
  }
  return text;
}

std::string starts_tsv(const std::vector<TraceJob>& jobs, const Played& played) {
  std::string text = "id\tstart\n";
  for (std::size_t n = 0; n < jobs.size(); ++n) {
    text += fmt::format("{}\t{}\n", jobs[n].id, played.starts[n]);
  }
  return text;
}

}  // namespace sluice::replay
