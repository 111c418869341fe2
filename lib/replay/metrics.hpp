// What is said of a replay: waits, bounded slowdowns, use of the machine, and how evenly users
// fared.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/replay.hpp"

namespace sluice::replay {

struct Metrics {
  std::uint64_t jobs = 0;  // that started
  double mean_wait_s = 0;  // start - submission
  double median_wait_s = 0;
  double p95_wait_s = 0;
  double max_wait_s = 0;
  double mean_slowdown = 0;  // max(1, (wait + run) / max(run, 10 s)), over jobs
  double utilisation = 0;    // of the processors, from the first submission to the last end
  double makespan_s = 0;
  std::uint64_t users = 0;
  // Jain's index over the users' mean bounded slowdowns: 1: all fare equally, 1/users: one alone
  // bears it all.
  double fairness = 0;
  double worst_user_slowdown = 0;  // the highest mean of a user
};
[[nodiscard]] Metrics measure(const std::vector<TraceJob>& jobs, const Played& played,
                              std::int64_t processors);

// Means over several replays, each with its own seed.
[[nodiscard]] Metrics mean_of(const std::vector<Metrics>& replays);
// Standard error of the mean bounded slowdown over the replays; 0: there is one only.
[[nodiscard]] double slowdown_error(const std::vector<Metrics>& replays);

// A table for people.
[[nodiscard]] std::string metrics_table(const Metrics& metrics, double slowdown_error);
// One line for each job: id,user,processors,submit,start,run,estimate,wait,slowdown.
[[nodiscard]] std::string jobs_csv(const std::vector<TraceJob>& jobs, const Played& played);
// "id\tstart" lines in the order of the trace's ids as given.
[[nodiscard]] std::string starts_tsv(const std::vector<TraceJob>& jobs, const Played& played);
// Busy and wanted processors over time, as a picture.
[[nodiscard]] std::string load_svg(const std::vector<TraceJob>& jobs, const Played& played,
                                   std::int64_t processors);

}  // namespace sluice::replay
