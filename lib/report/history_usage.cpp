// sacct's fields about what the tasks of a step used. Counted are sums over the tasks and the
// largest memory with its place; of a step with one task these are also its average and extremes.
#include <fmt/core.h>

#include "base/duration.hpp"
#include "report/history_columns.hpp"

namespace sluice::report::history {

namespace {

bool counted(const Row& row) { return row.step != nullptr && row.usage.tasks != 0; }
bool single(const Row& row) { return counted(row) && row.usage.tasks == 1; }

std::uint64_t mean(const Row& row, std::uint64_t sum) { return sum / row.usage.tasks; }

std::string cpu_text(std::uint64_t microseconds) {
  return base::format_duration(static_cast<std::int64_t>(microseconds / 1'000'000));
}

std::uint64_t cpu_of(const model::Usage& usage) { return usage.user_us + usage.system_us; }

std::string memory(std::uint64_t kib, const Context& context) {
  return size_text(kib, base::Unit::kilo, context);
}

// Slurm counts disk traffic in megabytes.
std::string megabytes(std::uint64_t bytes, const Context& context) {
  if (context.units != SizeUnits::automatic) return size_text(bytes, base::Unit::one, context);
  return fmt::format("{:.2f}M", static_cast<double>(bytes) / (1024.0 * 1024.0));
}

struct Amounts {
  std::uint64_t cpu_us = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t rss_kib = 0;
  std::uint64_t pages = 0;
  std::uint64_t vm_kib = 0;
};

std::string in_text(const Amounts& amounts, const Context& context) {
  return fmt::format("cpu={},energy=0,fs/disk={},mem={},pages={},vmem={}", cpu_text(amounts.cpu_us),
                     amounts.read_bytes, memory(amounts.rss_kib, context), amounts.pages,
                     memory(amounts.vm_kib, context));
}

Amounts totals(const model::Usage& usage) {
  return {cpu_of(usage), usage.read_bytes, usage.total_rss_kib, usage.major_faults,
          usage.max_vm_kib};
}

}  // namespace

void ave_cpu(const Row& row, const Context&, Out& out) {
  if (counted(row)) out += cpu_text(mean(row, cpu_of(row.usage)));
}
void min_cpu(const Row& row, const Context&, Out& out) {
  if (single(row)) out += cpu_text(cpu_of(row.usage));
}
void ave_rss(const Row& row, const Context& context, Out& out) {
  if (counted(row)) out += memory(mean(row, row.usage.total_rss_kib), context);
}
void max_rss(const Row& row, const Context& context, Out& out) {
  if (counted(row)) out += memory(row.usage.max_rss_kib, context);
}
void ave_vm(const Row& row, const Context& context, Out& out) {
  if (single(row)) out += memory(row.usage.max_vm_kib, context);
}
void max_vm(const Row& row, const Context& context, Out& out) {
  if (counted(row)) out += memory(row.usage.max_vm_kib, context);
}
void ave_pages(const Row& row, const Context&, Out& out) {
  if (counted(row)) add_number(out, mean(row, row.usage.major_faults));
}
void max_pages(const Row& row, const Context&, Out& out) {
  if (single(row)) add_number(out, row.usage.major_faults);
}
void ave_read(const Row& row, const Context& context, Out& out) {
  if (counted(row)) out += megabytes(mean(row, row.usage.read_bytes), context);
}
void max_read(const Row& row, const Context& context, Out& out) {
  if (single(row)) out += megabytes(row.usage.read_bytes, context);
}
void ave_written(const Row& row, const Context& context, Out& out) {
  if (counted(row)) out += megabytes(mean(row, row.usage.written_bytes), context);
}
void max_written(const Row& row, const Context& context, Out& out) {
  if (single(row)) out += megabytes(row.usage.written_bytes, context);
}
void max_rss_node(const Row& row, const Context&, Out& out) {
  if (counted(row)) out += row.usage.max_rss_node.view();
}
void max_rss_task(const Row& row, const Context&, Out& out) {
  if (counted(row)) add_number(out, row.usage.max_rss_task);
}
void only_node(const Row& row, const Context&, Out& out) {
  if (single(row)) out += row.step->nodes.view();
}
void only_task(const Row& row, const Context&, Out& out) {
  if (single(row)) out += '0';
}

void usage_in_ave(const Row& row, const Context& context, Out& out) {
  if (!counted(row)) return;
  const Amounts sum = totals(row.usage);
  out += in_text({mean(row, sum.cpu_us), mean(row, sum.read_bytes), mean(row, sum.rss_kib),
                  mean(row, sum.pages), sum.vm_kib},
                 context);
}
void usage_in_max(const Row& row, const Context& context, Out& out) {
  if (single(row)) {
    out += in_text(totals(row.usage), context);
  } else if (counted(row)) {
    out += fmt::format("mem={},vmem={}", memory(row.usage.max_rss_kib, context),
                       memory(row.usage.max_vm_kib, context));
  }
}
void usage_in_max_node(const Row& row, const Context&, Out& out) {
  if (counted(row)) out += "mem=" + row.usage.max_rss_node.str();
}
void usage_in_max_task(const Row& row, const Context&, Out& out) {
  if (counted(row)) out += fmt::format("mem={}", row.usage.max_rss_task);
}
void usage_in_min(const Row& row, const Context& context, Out& out) {
  if (single(row)) out += in_text(totals(row.usage), context);
}
void usage_in_tot(const Row& row, const Context& context, Out& out) {
  if (counted(row)) out += in_text(totals(row.usage), context);
}
void usage_out_ave(const Row& row, const Context&, Out& out) {
  if (counted(row)) out += fmt::format("energy=0,fs/disk={}", mean(row, row.usage.written_bytes));
}
void usage_out_max(const Row& row, const Context&, Out& out) {
  if (single(row)) out += fmt::format("energy=0,fs/disk={}", row.usage.written_bytes);
}
void usage_out_tot(const Row& row, const Context&, Out& out) {
  if (counted(row)) out += fmt::format("energy=0,fs/disk={}", row.usage.written_bytes);
}

}  // namespace sluice::report::history
