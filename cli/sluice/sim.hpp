// `sluice sim`: replays a trace of a parallel machine, or a log of submissions to a cluster,
// through the scheduler, in virtual time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/settings.hpp"

namespace sluice::cli {

struct SimOptions {
  std::string trace;            // "-": standard input
  std::int64_t processors = 0;  // 0: as the trace says
  std::string submissions;      // instead of a trace; "-": standard input
  std::string accounts;         // for submissions: sacctmgr's commands, or its dump; empty: none
  std::string config;           // a sluice.yaml or slurm.conf; empty: the trace's processors
  std::string policy;         // fcfs, easy, conservative, site; empty: the configuration's, or site
  std::int64_t per_node = 0;  // processors to a node; 0: all in one
  std::int64_t shake_s = 0;
  std::uint64_t seed = 1;
  std::uint32_t replays = 1;  // with the seeds from `seed` on
  std::string starts;         // files to write; empty: none; of the last replay
  std::string placements;     // for submissions: what each held of which node, and when
  std::string csv;
  std::string svg;
};

// The cluster that a file describes: sluice.yaml, or, by its name, a slurm.conf.
struct ClusterFile {
  model::SettingsPtr settings;
  std::vector<std::string> left_out;  // of a slurm.conf: what nothing here corresponds to
};
[[nodiscard]] Result<ClusterFile> read_cluster_file(const std::string& path);
[[nodiscard]] std::string left_out_lines(const std::vector<std::string>& notes);

// The table to print.
[[nodiscard]] Result<std::string> simulate(const SimOptions& options);
[[nodiscard]] Result<std::string> simulate_submissions(const SimOptions& options);

}  // namespace sluice::cli
