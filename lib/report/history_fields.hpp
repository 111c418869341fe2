// sacct's columns: every field of --format for the rows of jobs and of their steps, in the order of
// `sacct -e`.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.hpp"
#include "model/job.hpp"
#include "model/step.hpp"
#include "report/column_text.hpp"
#include "report/job_text.hpp"

namespace sluice::report {

// One row: a job, or (with `step`) one of its steps. `usage` is the step's, or the sum over all
// steps of the job.
struct HistoryRow {
  const model::Job* job = nullptr;
  const model::Step* step = nullptr;
  model::Usage usage;
  std::vector<std::uint32_t> pids = {};  // of a running step's tasks, for sstat
};

// How sizes are printed: as they are kept, in one unit, or as suits each.
enum class SizeUnits : std::uint8_t { automatic, kept, fixed };

struct HistoryContext {
  TimeStyle time;
  std::string cluster;
  SizeUnits units = SizeUnits::automatic;
  base::Unit unit = base::Unit::mega;  // with fixed
  std::size_t task_list_room = kTaskListRoom;
  bool expand_patterns = false;
  bool live = false;  // for sstat: bytes of disk traffic as they are
  // --truncate: what lies outside of the window isn't counted or shown. 0: no bound.
  model::WallTime from = 0;
  model::WallTime to = 0;
  std::map<std::string, std::uint32_t> qos_ids;  // where QOSRAW is shown
};

struct HistoryField {
  std::string_view name;  // also the header
  std::uint16_t width = 10;
  bool left = false;  // justified; most are not
  void (*text)(const HistoryRow& row, const HistoryContext& context, std::string& out) = nullptr;
};

[[nodiscard]] std::span<const HistoryField> history_fields();

// By name, case aside: the whole, or else the first that it begins. Null if there is none.
[[nodiscard]] const HistoryField* find_history_field(std::string_view name);
[[nodiscard]] const HistoryField* find_history_field(std::string_view name,
                                                     std::span<const HistoryField> fields);

// sstat's: of steps that run, in the order of `sstat -e`.
[[nodiscard]] std::span<const HistoryField> live_fields();

}  // namespace sluice::report
