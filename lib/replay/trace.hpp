// Trace: the log of a parallel machine: who came when, wanted how many processors for how long, and
// how long it ran. Read from the Standard Workload Format: comment lines that begin with ';', then
// a line of 18 numbers for each job, -1 for what is unknown.
//
// A trace is read as a whole or not at all: an error names the line. Times are seconds from the
// trace's own beginning.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::replay {

struct TraceJob {
  std::int64_t id = 0;
  std::int64_t submit_s = 0;
  std::int64_t run_s = 0;
  std::int64_t estimate_s = 0;  // as asked for; the run time where the trace doesn't say
  std::int64_t processors = 0;
  std::int64_t user = 0;
};

struct Trace {
  std::int64_t processors = 0;  // of the machine; 0: the trace doesn't say
  std::vector<TraceJob> jobs;   // in the order of the file
};

// `name` stands in messages: "name:LINE: …".
[[nodiscard]] Result<Trace> read_swf(std::string_view text, std::string_view name);

struct Prepared {
  std::vector<TraceJob> jobs;  // by submission, then in the order of the file
  std::uint64_t dropped = 0;
};
struct PrepareOptions {
  std::int64_t processors = 0;
  std::int64_t shake_s = 0;  // every submission is moved by at most so much, either way
  std::uint64_t seed = 0;
};
// By how many seconds the n-th submission is moved.
[[nodiscard]] std::int64_t shaking(const PrepareOptions& options, std::size_t n);
// The jobs that can be replayed on so many processors: those that ran, came, and fit. Who ran
// longer than its estimate is taken to have been killed then.
[[nodiscard]] Prepared prepare(const Trace& trace, const PrepareOptions& options);

}  // namespace sluice::replay
