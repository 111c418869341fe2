// The text. Scripts read it by its labels, so these and their order are Slurm's; lines that only
// mean something after the first cycle are left out before.
#include "cli/sdiag/report.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "base/timetext.hpp"

namespace sluice::cli {

namespace {

constexpr std::string_view kRule = "*******************************************************\n";

std::string time_text(model::WallTime at, model::WallTime now) {
  const std::int64_t seconds = at / model::kSecond;
  return fmt::format("{} ({})",
                     base::format_time_as(seconds, "%a %b %d %H:%M:%S %Y", now / model::kSecond),
                     seconds);
}

std::string head(const wire::SchedulerStats& stats) {
  std::string out(kRule);
  out += fmt::format("sdiag output at {}\n", time_text(stats.now, stats.now));
  out += fmt::format("Data since      {}\n", time_text(stats.since, stats.now));
  out += kRule;
  out += fmt::format("Server thread count:  {}\n", stats.threads);
  out += fmt::format("Agent queue size:     {}\n", stats.orders_waiting);
  out += "Agent count:          0\nAgent thread count:   0\n";  // the loop sends by itself
  out += fmt::format("DBD Agent queue size: {}\n", stats.commits_waiting);
  return out;
}

std::string jobs_text(const wire::JobStats& jobs, model::WallTime now) {
  std::string out;
  out += fmt::format("\nJobs submitted: {}\nJobs started:   {}\n", jobs.submitted, jobs.started);
  out += fmt::format("Jobs completed: {}\nJobs canceled:  {}\n", jobs.completed, jobs.cancelled);
  out += fmt::format("Jobs failed:    {}\n\n", jobs.failed);
  out += fmt::format("Job states ts:  {}\n", time_text(jobs.seen, now));
  out += fmt::format("Jobs pending:   {}\nJobs running:   {}\n", jobs.pending, jobs.running);
  return out;
}

std::string main_text(const wire::SchedulerStats& stats) {
  const wire::CycleStats& main = stats.main;
  std::string out = "\nMain schedule statistics (microseconds):\n";
  out += fmt::format("\tLast cycle:   {}\n\tMax cycle:    {}\n", main.us.last, main.us.most);
  out += fmt::format("\tTotal cycles: {}\n", main.count);
  if (main.count != 0) {
    out += fmt::format("\tMean cycle:   {}\n", mean(main.us.all, main.count));
    out += fmt::format("\tMean depth cycle:  {}\n", mean(main.depth.all, main.count));
    if (const auto each = cycles_per_minute(stats)) {
      out += fmt::format("\tCycles per minute: {}\n", *each);
    }
  }
  out += fmt::format("\tLast queue length: {}\n", main.queue.last);
  return out;
}

std::string backfill_text(const wire::SchedulerStats& stats) {
  const wire::CycleStats& cycles = stats.backfill;
  std::string out = "\nBackfilling stats\n";
  const auto line = [&](std::string_view label, std::uint64_t value) {
    out += fmt::format("\t{}: {}\n", label, value);
  };
  const auto line_after_first = [&](std::string_view label, const wire::CycleFigure& figure) {
    if (cycles.count != 0) line(label, mean(figure.all, cycles.count));
  };
  line("Total backfilled jobs (since last slurm start)", stats.backfilled_ever);
  line("Total backfilled jobs (since last stats cycle start)", stats.backfilled);
  line("Total backfilled heterogeneous job components", stats.backfilled_parts);
  line("Total cycles", cycles.count);
  out += fmt::format("\tLast cycle when: {}\n",
                     cycles.when == 0 ? "N/A" : time_text(cycles.when, stats.now));
  line("Last cycle", cycles.us.last);
  out += fmt::format("\tMax cycle:  {}\n", cycles.us.most);
  line_after_first("Mean cycle", cycles.us);
  line("Last depth cycle", cycles.depth.last);
  line("Last depth cycle (try sched)", cycles.tried.last);
  line_after_first("Depth Mean", cycles.depth);
  line_after_first("Depth Mean (try depth)", cycles.tried);
  line("Last queue length", cycles.queue.last);
  line_after_first("Queue length mean", cycles.queue);
  line("Last table size", cycles.table.last);
  line_after_first("Mean table size", cycles.table);
  return out;
}

// The most first, those that are equal by their numbers.
void sort_requests(std::vector<wire::RequestStats>& requests, opt::RequestOrder order) {
  const auto weight = [order](const wire::RequestStats& request) -> std::uint64_t {
    switch (order) {
      case opt::RequestOrder::count: return request.count;
      case opt::RequestOrder::total_time: return request.us_all;
      case opt::RequestOrder::mean_time: return mean(request.us_all, request.count);
      case opt::RequestOrder::id: break;
    }
    return 0;
  };
  std::ranges::stable_sort(requests, [&](const auto& a, const auto& b) {
    const std::uint64_t of_a = weight(a);
    const std::uint64_t of_b = weight(b);
    return of_a != of_b ? of_a > of_b : a.id < b.id;
  });
}

std::string times_text(const wire::RequestStats& request) {
  return fmt::format("count:{:<6} ave_time:{:<6} total_time:{}\n", request.count,
                     mean(request.us_all, request.count), request.us_all);
}

std::string requests_text(const wire::SchedulerStats& stats) {
  std::string out =
      fmt::format("\nLatency for 1000 calls to gettimeofday(): {} microseconds\n", stats.clock_us);
  out += "\nRemote Procedure Call statistics by message type\n";
  for (const wire::RequestStats& kind : stats.by_type) {
    out += fmt::format("\t{:<40}({:5}) {}", kind.name.view(), kind.id, times_text(kind));
  }
  out += "\nRemote Procedure Call statistics by user\n";
  for (const wire::RequestStats& user : stats.by_user) {
    out += fmt::format("\t{:<16}({:8}) {}", user.name.view(), user.id, times_text(user));
  }
  out += "\nPending RPC statistics\n";
  if (stats.pending.empty()) out += "\tNo pending RPCs\n";
  for (const wire::RequestStats& kind : stats.pending) {
    out += fmt::format("\t{:<40}({:5}) count:{}\n", kind.name.view(), kind.id, kind.count);
  }
  return out;
}

}  // namespace

std::optional<std::uint64_t> cycles_per_minute(const wire::SchedulerStats& stats) {
  const std::int64_t minutes = (stats.now - stats.since) / (60 * model::kSecond);
  if (minutes <= 0) return std::nullopt;
  return stats.main.count / static_cast<std::uint64_t>(minutes);
}

std::string stats_report(wire::SchedulerStats stats, opt::RequestOrder order) {
  sort_requests(stats.by_type, order);
  sort_requests(stats.by_user, order);
  return head(stats) + jobs_text(stats.jobs, stats.now) + main_text(stats) + backfill_text(stats) +
         requests_text(stats);
}

}  // namespace sluice::cli
