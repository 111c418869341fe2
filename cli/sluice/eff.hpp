// `sluice eff JOB`: how well jobs used what they had: cores, memory, time, accelerators. Of jobs
// that ended by what is kept of their steps, of running ones by asking their nodes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/job.hpp"
#include "model/step.hpp"

namespace sluice::cli {

struct EffOptions {
  std::vector<std::string> jobs;  // "17", "17_3"; an array's number means all its tasks
  bool json = false;
};
[[nodiscard]] Result<std::string> efficiency_report(const EffOptions& options);

// What one device was made use of over the whole job.
struct DeviceEfficiency {
  Text node;
  Text name;
  Text type;
  std::uint32_t index = 0;
  std::uint32_t mean_percent = 0;
  std::uint32_t max_percent = 0;
  std::uint64_t mean_memory_mib = 0;
  std::uint64_t max_memory_mib = 0;
  std::uint64_t joules = 0;
  std::uint32_t max_watts = 0;
};

struct Efficiency {
  std::string job;  // "17", "17_3"
  std::string state;
  Text user;
  Text name;
  Text nodes;
  std::uint32_t node_count = 0;
  std::uint32_t cores = 0;
  std::int64_t elapsed_s = 0;
  std::int64_t limit_s = 0;  // 0: none
  std::uint64_t cpu_us = 0;
  std::uint64_t memory_mib = 0;       // allocated, all nodes
  std::uint64_t used_kib = 0;         // by the hungriest step, all nodes: maxima of its tasks
  std::uint64_t node_memory_mib = 0;  // of the node below
  std::uint64_t node_used_kib = 0;    // where a step took the most
  Text node;
  std::string gres;  // allocated, "gpu:2 on n1"; empty: none
  std::vector<DeviceEfficiency> devices;
  bool running = false;
  bool partly = false;  // some running step could not be asked
};

// Pure. Steps are those of the job's attempt, with what is known of their use; `now` in seconds.
[[nodiscard]] Efficiency measure(const model::Job& job, const std::vector<model::Step>& steps,
                                 std::int64_t now);
[[nodiscard]] std::string efficiency_text(const Efficiency& job);
// A line for each of several jobs, under a heading.
[[nodiscard]] std::string efficiency_table(const std::vector<Efficiency>& jobs);
[[nodiscard]] std::string efficiency_json(const std::vector<Efficiency>& jobs);

}  // namespace sluice::cli
