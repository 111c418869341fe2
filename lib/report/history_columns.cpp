// sacct's fields about state, times and resources.
#include "report/history_columns.hpp"

#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "base/strings.hpp"
#include "report/job_text.hpp"
#include "rollup/attempt.hpp"

namespace sluice::report::history {

namespace {

constexpr std::int64_t kMinute = 60;

// "billing=8,cpu=8,mem=600M,node=2": sacct sorts by name, and counts memory in the unit asked for.
std::string sorted_tres(std::string_view text, const Context& context) {
  constexpr std::string_view kMemory = "mem=";
  std::vector<std::string> parts;
  for (const std::string_view part : base::split_nonempty(text, ',')) {
    parts.emplace_back(part);
    if (context.units != SizeUnits::fixed || !part.starts_with(kMemory)) continue;
    const Result<std::uint64_t> mib = base::parse_memory_mib(part.substr(kMemory.size()));
    if (mib) parts.back() = "mem=" + base::format_in(*mib, base::Unit::mega, context.unit);
  }
  std::ranges::sort(parts);
  return base::join(parts, ",");
}

std::uint64_t allocated_memory(const model::Job& job) {
  std::uint64_t sum = 0;
  if (!job.allocation) return 0;
  for (const model::NodeShare& share : job.allocation->shares) sum += share.memory;
  return sum;
}

std::string step_tres(const model::Step& step) {
  std::string text = fmt::format("cpu={}", step.cpus);
  if (!step.gres.empty()) text += "," + step.gres.str();
  if (step.memory != 0) text += ",mem=" + base::format_exact(step.memory, base::Unit::mega);
  return text + fmt::format(",node={}", step.node_count);
}

model::WallTime clipped(model::WallTime when, const Context& context) {
  if (when == 0) return 0;
  if (context.from != 0) when = std::max(when, context.from);
  if (context.to != 0) when = std::min(when, context.to);
  return when;
}

}  // namespace

model::WallTime start_of(const Row& row, const Context& context) {
  return clipped(row.step != nullptr ? row.step->start : row.job->start, context);
}

model::WallTime end_of(const Row& row, const Context& context) {
  model::WallTime end = row.step != nullptr ? row.step->end : row.job->end;
  if (end == 0 && context.to != 0 && context.to < context.time.now * model::kSecond)
    end = context.to;
  return clipped(end, context);
}

std::int64_t elapsed_seconds(const Row& row, const Context& context) {
  const std::int64_t now = context.time.now;
  if (row.step == nullptr) {
    if (context.from == 0 && context.to == 0) return run_seconds(*row.job, now);
    const std::int64_t to = context.to != 0 ? rollup::seconds_of(context.to) : now;
    return rollup::run_seconds(*row.job, now, {rollup::seconds_of(context.from), to});
  }
  const model::WallTime start = start_of(row, context);
  if (start == 0) return 0;
  const model::WallTime end = end_of(row, context);
  const std::int64_t until = end != 0 ? rollup::seconds_of(end) : now;
  return std::max<std::int64_t>(0, until - rollup::seconds_of(start));
}

// Before there is an allocation: what was asked for.
std::uint32_t allocated_cpus(const Row& row) {
  return row.step != nullptr ? row.step->cpus : cpu_count(*row.job);
}

std::string size_text(std::uint64_t value, base::Unit unit, const Context& context) {
  switch (context.units) {
    case SizeUnits::kept: return base::format_plain(value, unit);
    case SizeUnits::fixed: return base::format_in(value, unit, context.unit);
    case SizeUnits::automatic: break;
  }
  return value == 0 ? "0" : base::format_exact(value, unit);
}

std::string state_text(const Row& row) {
  if (row.step != nullptr) return std::string(model::long_name(row.step->state, 0));
  const model::Job& job = *row.job;
  if (rollup::is_told_as_requeued(job)) return "REQUEUED";
  std::string text(model::long_name(job.state, 0));
  if (job.state == model::JobState::cancelled && job.cancelled_by != model::kNoTask) {
    text += fmt::format(" by {}", job.cancelled_by);
  }
  return text;
}

std::int64_t planned_seconds(const Row& row, const Context& context) {
  const model::Job& job = *row.job;
  if (job.eligible == 0) return 0;
  model::WallTime until = job.start != 0 ? job.start : job.end;
  if (until == 0) until = context.time.now * model::kSecond;
  return std::max<std::int64_t>(0, (until - job.eligible) / model::kSecond);
}

void state(const Row& row, const Context&, Out& out) { out += state_text(row); }

// A job that ran out of time or was taken away failed by no exit code of its own; its batch step
// shows the signal.
std::uint32_t shown_exit(const model::Job& job) {
  const bool taken = job.state == model::JobState::timeout ||
                     job.state == model::JobState::cancelled || rollup::is_told_as_requeued(job);
  return taken ? 0 : job.exit_code;
}

void exit_code(const Row& row, const Context&, Out& out) {
  if (row.step != nullptr) {
    out += exit_text(row.step->exit_code);
    return;
  }
  out += exit_text(shown_exit(*row.job));
}

void start(const Row& row, const Context& context, Out& out) {
  const bool never = row.step == nullptr && row.job->start == 0 && row.job->end != 0;
  add_time(out, start_of(row, context), context.time, never ? "None" : "Unknown");
}

void end(const Row& row, const Context& context, Out& out) {
  add_time(out, end_of(row, context), context.time, "Unknown");
}

void submit(const Row& row, const Context& context, Out& out) {
  add_time(out, row.step != nullptr ? row.step->start : row.job->submit, context.time, "Unknown");
}

void eligible(const Row& row, const Context& context, Out& out) {
  add_time(out, row.step != nullptr ? row.step->start : row.job->eligible, context.time, "Unknown");
}

void elapsed(const Row& row, const Context& context, Out& out) {
  out += base::format_duration(elapsed_seconds(row, context));
}

void time_limit(const Row& row, const Context&, Out& out) {
  if (row.step != nullptr) return;
  const std::uint32_t minutes = row.job->time_limit;
  if (minutes == 0) {
    out += "Partition_Limit";
  } else if (minutes == model::kUnlimited) {
    out += "UNLIMITED";
  } else {
    out += base::format_duration(minutes * kMinute);
  }
}

void time_limit_raw(const Row& row, const Context& context, Out& out) {
  if (row.step != nullptr) return;
  const std::uint32_t minutes = row.job->time_limit;
  if (minutes == 0 || minutes == model::kUnlimited) return time_limit(row, context, out);
  add_number(out, minutes);
}

void suspended(const Row& row, const Context& context, Out& out) {
  const std::int64_t now = context.time.now;
  out += base::format_duration(rollup::held_seconds(*row.job, now) -
                               rollup::run_seconds(*row.job, now));
}

void allocated_tres(const Row& row, const Context& context, Out& out) {
  out += row.step != nullptr ? sorted_tres(step_tres(*row.step), context)
                             : sorted_tres(report::allocated_tres(*row.job), context);
}

void requested_tres(const Row& row, const Context& context, Out& out) {
  if (row.step == nullptr) out += sorted_tres(report::requested_tres(*row.job), context);
}

// Of the whole job. Without a wish it is what the job got.
void requested_memory(const Row& row, const Context& context, Out& out) {
  if (row.step != nullptr) return;
  const model::Job& job = *row.job;
  const model::Request& request = *job.request;
  std::uint64_t mib = allocated_memory(job);
  if (request.memory_per_cpu != 0) mib = request.memory_per_cpu * requested_cpu_count(job);
  if (request.memory_per_node != 0) mib = request.memory_per_node * node_count(job);
  if (mib == 0) {
    out += '0';
  } else if (context.units == SizeUnits::automatic) {
    out += base::format_rounded(mib, base::Unit::mega);
  } else {
    out += size_text(mib, base::Unit::mega, context);
  }
}

void node_list(const Row& row, const Context&, Out& out) {
  if (row.step != nullptr) {
    out += row.step->nodes.view();
  } else {
    out +=
        row.job->allocation ? row.job->allocation->nodes.view() : std::string_view("None assigned");
  }
}

void flags(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr && row.job->start != 0) out += "SchedMain,StartReceived";
}

// "Cyclic": the first word of the distribution, as a name; without a wish what srun does then.
void layout(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) return;
  const std::string_view text = row.step->distribution;
  if (row.step->number >= base::kInteractiveStep) {
    out += "Unknown";
    return;
  }
  if (text.empty()) {
    out += row.step->tasks > row.step->node_count ? "Block" : "Cyclic";
    return;
  }
  std::string word = base::to_lower(text.substr(0, text.find_first_of(":=,")));
  word.front() = base::to_upper(word.substr(0, 1)).front();
  out += word;
}

}  // namespace sluice::report::history
