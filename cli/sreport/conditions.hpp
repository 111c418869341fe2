// What a report is to be about: the words after its name, "start=2026-11-01 accounts=physics tree".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "opt/states.hpp"

namespace sluice::cli::reporting {

// Which conditions a report knows; all know clusters, start, end and format.
enum ConditionKind : std::uint32_t {
  kByAccount = 1U << 0U,
  kByUser = 1U << 1U,
  kByWckey = 1U << 2U,
  kAsTree = 1U << 3U,
  kOfJobs = 1U << 4U,  // gid, grouping, jobs, nodes, partitions, printjobcount, flatview, …
  kOfReservations = 1U << 5U,
  kOfTop = 1U << 6U,
};

struct Conditions {
  std::int64_t start = 0;  // whole hours; `end` is the first second after
  std::int64_t end = 0;
  std::vector<std::string> clusters;
  std::vector<std::string> accounts;
  std::vector<std::string> users;
  std::vector<std::string> wckeys;
  std::vector<std::string> names;
  std::vector<std::string> nodes;
  std::vector<std::string> partitions;
  std::vector<std::uint32_t> gids;
  std::vector<opt::JobRef> jobs;
  std::vector<std::uint32_t> grouping;  // where the second and further groups begin
  bool one_by_one = false;              // grouping=individual
  std::uint32_t top_count = 10;
  bool tree = false;
  bool group = false;
  bool flat = false;
  bool as_parents = false;
  bool count_jobs = false;
  std::string format;
  // What is wrong; the rest holds all the same, as with Slurm.
  std::vector<std::string> complaints;
  bool failed = false;
};

// `now` decides what "yesterday", which is reported on unless told otherwise, and "now-1hour" mean.
[[nodiscard]] Conditions parse_conditions(const std::vector<std::string>& words,
                                          std::uint32_t kinds, std::int64_t now);

}  // namespace sluice::cli::reporting
