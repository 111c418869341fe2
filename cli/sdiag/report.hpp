// sdiag's report, in the layout of Slurm's, and the same as a document.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "opt/query_options.hpp"
#include "report/json_writer.hpp"
#include "wire/stats_messages.hpp"

namespace sluice::cli {

// Names of users that the controller doesn't tell have to be in `by_user` already.
[[nodiscard]] std::string stats_report(wire::SchedulerStats stats, opt::RequestOrder order);
// The members below "statistics"; the object is the caller's to open and close.
void write_stats(report::JsonWriter& writer, const wire::SchedulerStats& stats);

// What a figure was on average; 0 before the first.
[[nodiscard]] inline std::uint64_t mean(std::uint64_t all, std::uint64_t count) {
  return count == 0 ? 0 : all / count;
}
// Empty in the first minute.
[[nodiscard]] std::optional<std::uint64_t> cycles_per_minute(const wire::SchedulerStats& stats);

}  // namespace sluice::cli
