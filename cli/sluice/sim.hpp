// `sluice sim`: replays a trace of a parallel machine through the scheduler, in virtual time.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace sluice::cli {

struct SimOptions {
  std::string trace;            // "-": standard input
  std::int64_t processors = 0;  // 0: as the trace says
  std::string config;           // a sluice.yaml; empty: the trace's processors
  std::string policy;         // fcfs, easy, conservative, site; empty: the configuration's, or site
  std::int64_t per_node = 0;  // processors to a node; 0: all in one
  std::int64_t shake_s = 0;
  std::uint64_t seed = 1;
  std::uint32_t replays = 1;  // with the seeds from `seed` on
  std::string starts;         // files to write; empty: none; of the last replay
  std::string csv;
  std::string svg;
};

// The table to print.
[[nodiscard]] Result<std::string> simulate(const SimOptions& options);

}  // namespace sluice::cli
