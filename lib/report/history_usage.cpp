// sacct's and sstat's fields about what the tasks of a step used. Of each quantity there is the sum
// over the tasks, and the least and the greatest with their places; of a step with one task these
// are all the same. What devices were made use of is told by GRES name: a mean over devices of each
// one's mean, the greatest of all samples, the sum of the means; no task is named for it.
#include <algorithm>
#include <array>
#include <optional>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "report/history_columns.hpp"

namespace sluice::report::history {

namespace {

using model::UsageKind;

bool counted(const Row& row) { return row.step != nullptr && row.usage.tasks != 0; }

std::uint64_t mean(const Row& row, std::uint64_t sum) { return sum / row.usage.tasks; }

std::uint64_t total_of(const model::Usage& usage, UsageKind kind) {
  switch (kind) {
    case UsageKind::cpu_us: return usage.user_us + usage.system_us;
    case UsageKind::read_bytes: return usage.read_bytes;
    case UsageKind::rss_kib: return usage.total_rss_kib;
    case UsageKind::pages: return usage.major_faults;
    case UsageKind::vm_kib: return std::max(usage.total_vm_kib, usage.max_vm_kib);
    case UsageKind::written_bytes: break;
  }
  return usage.written_bytes;
}

// None of steps whose tasks were not told apart.
std::optional<model::TaskRange> range_of(const Row& row, UsageKind kind) {
  if (!counted(row)) return std::nullopt;
  const model::Usage& usage = row.usage;
  const auto index = static_cast<std::size_t>(kind);
  if (usage.ranges.size() == model::kUsageKinds) return usage.ranges[index];
  if (usage.tasks != 1) return std::nullopt;
  const std::uint64_t value = total_of(usage, kind);
  return model::TaskRange{value, 0, row.step->nodes, value, 0, row.step->nodes};
}

std::string cpu_text(std::uint64_t microseconds) {
  return base::format_duration(static_cast<std::int64_t>(microseconds / 1'000'000));
}

// sstat --noconvert counts in bytes.
bool in_bytes(const Context& context) { return context.live && context.units == SizeUnits::kept; }

std::string memory(std::uint64_t kib, const Context& context) {
  if (in_bytes(context)) return std::to_string(kib * 1024);
  return size_text(kib, base::Unit::kilo, context);
}

// sacct counts disk traffic in megabytes, sstat in bytes.
std::string disk(std::uint64_t bytes, const Context& context) {
  if (context.live || bytes == 0) return std::to_string(bytes);
  if (context.units != SizeUnits::automatic) return size_text(bytes, base::Unit::one, context);
  return fmt::format("{:.2f}M", static_cast<double>(bytes) / (1024.0 * 1024.0));
}

std::string value_text(UsageKind kind, std::uint64_t value, const Context& context) {
  switch (kind) {
    case UsageKind::cpu_us: return cpu_text(value);
    case UsageKind::rss_kib:
    case UsageKind::vm_kib: return memory(value, context);
    case UsageKind::pages: return std::to_string(value);
    case UsageKind::read_bytes:
    case UsageKind::written_bytes: break;
  }
  return disk(value, context);
}

// The devices of one GRES name.
struct DeviceSum {
  Text name;
  std::uint64_t devices = 0;
  std::uint64_t utilization = 0;  // sum of the means, percent
  std::uint64_t utilization_min = 0;
  std::uint64_t utilization_max = 0;
  Text utilization_node;          // of the greatest
  std::uint64_t memory = 0;       // sum of the means, MiB
  std::uint64_t memory_peak = 0;  // sum of the maxima
  std::uint64_t memory_min = 0;
  std::uint64_t memory_max = 0;
  Text memory_node;
};

void add(DeviceSum& sum, const model::DeviceUse& use) {
  const std::uint64_t utilization = use.utilization_sum / use.samples;
  const std::uint64_t memory = use.memory_sum / use.samples;
  const bool first = sum.devices == 0;
  ++sum.devices;
  sum.utilization += utilization;
  sum.memory += memory;
  sum.memory_peak += use.memory_max;
  if (first || utilization < sum.utilization_min) sum.utilization_min = utilization;
  if (first || memory < sum.memory_min) sum.memory_min = memory;
  if (first || use.utilization_max > sum.utilization_max) {
    sum.utilization_max = use.utilization_max;
    sum.utilization_node = use.node;
  }
  if (first || use.memory_max > sum.memory_max) {
    sum.memory_max = use.memory_max;
    sum.memory_node = use.node;
  }
}

std::vector<DeviceSum> device_sums(const model::Usage& usage) {
  std::vector<DeviceSum> sums;
  for (const model::DeviceUse& use : usage.devices) {
    if (use.samples == 0) continue;
    auto found = std::ranges::find_if(sums, [&](const auto& sum) { return sum.name == use.name; });
    if (found == sums.end()) {
      sums.emplace_back().name = use.name;
      found = sums.end() - 1;
    }
    add(*found, use);
  }
  std::ranges::sort(sums, {}, [](const DeviceSum& sum) { return sum.name.view(); });
  return sums;
}

std::uint64_t joules(const model::Usage& usage) {
  std::uint64_t sum = 0;
  for (const model::DeviceUse& use : usage.devices) sum += use.energy_mj;
  return sum / 1000;
}

// "name=value" pairs by comma, in the order of their names.
class Pairs {
 public:
  explicit Pairs(Out& out) : out_(out), begin_(out.size()) {}
  void add(std::string_view name, std::string_view value) {
    if (out_.size() != begin_) out_ += ',';
    out_ += name;
    out_ += '=';
    out_ += value;
  }
  // Both quantities of each kind of device.
  template <class MemoryOf, class UtilizationOf>
  void add_devices(const Row& row, const MemoryOf& memory_of, const UtilizationOf& utilization_of) {
    for (const DeviceSum& sum : device_sums(row.usage)) {
      add(fmt::format("gres/{}mem", sum.name.view()), memory_of(sum));
      add(fmt::format("gres/{}util", sum.name.view()), utilization_of(sum));
    }
  }

 private:
  Out& out_;
  std::size_t begin_;
};

struct Quantity {
  std::string_view name;
  UsageKind kind;
};
// Before and after what devices add.
constexpr std::array<Quantity, 3> kBehind = {
    Quantity{"mem", UsageKind::rss_kib}, {"pages", UsageKind::pages}, {"vmem", UsageKind::vm_kib}};

// In-lists: `text` of each quantity, `energy`, and the two texts of devices.
template <class TextOf, class MemoryOf, class UtilizationOf>
struct InList {
  TextOf text;
  std::string energy;
  MemoryOf memory_of;
  UtilizationOf utilization_of;
};
template <class List>
void put_in(const Row& row, const List& list, Out& out) {
  Pairs pairs(out);
  pairs.add("cpu", list.text(UsageKind::cpu_us));
  if (!list.energy.empty()) pairs.add("energy", list.energy);
  pairs.add("fs/disk", list.text(UsageKind::read_bytes));
  pairs.add_devices(row, list.memory_of, list.utilization_of);
  for (const Quantity& quantity : kBehind) pairs.add(quantity.name, list.text(quantity.kind));
}

std::string mebibytes(std::uint64_t mib, const Context& context) {
  if (in_bytes(context)) return std::to_string(mib * 1024 * 1024);
  return size_text(mib, base::Unit::mega, context);
}

// Disk traffic in these lists is in bytes for both commands.
std::string list_text(UsageKind kind, std::uint64_t value, const Context& context) {
  const bool disk = kind == UsageKind::read_bytes || kind == UsageKind::written_bytes;
  return disk ? std::to_string(value) : value_text(kind, value, context);
}

bool told_apart(const Row& row) { return range_of(row, UsageKind::cpu_us).has_value(); }

void put_out_list(std::string_view energy, std::string_view disk, Out& out) {
  Pairs pairs(out);
  if (!energy.empty()) pairs.add("energy", energy);
  pairs.add("fs/disk", disk);
}

std::string energy_node(const Row& row) {
  if (joules(row.usage) != 0) return row.usage.devices.front().node.str();
  return range_of(row, UsageKind::cpu_us)->max_node.str();
}

}  // namespace

template <UsageKind Kind>
void average(const Row& row, const Context& context, Out& out) {
  if (counted(row)) out += value_text(Kind, mean(row, total_of(row.usage, Kind)), context);
}
template <UsageKind Kind>
void maximum(const Row& row, const Context& context, Out& out) {
  if (const auto range = range_of(row, Kind)) out += value_text(Kind, range->max, context);
}
template <UsageKind Kind>
void maximum_node(const Row& row, const Context&, Out& out) {
  if (const auto range = range_of(row, Kind)) out += range->max_node.view();
}
template <UsageKind Kind>
void maximum_task(const Row& row, const Context&, Out& out) {
  if (const auto range = range_of(row, Kind)) add_number(out, range->max_task);
}

template void average<UsageKind::cpu_us>(const Row&, const Context&, Out&);
template void average<UsageKind::read_bytes>(const Row&, const Context&, Out&);
template void average<UsageKind::rss_kib>(const Row&, const Context&, Out&);
template void average<UsageKind::pages>(const Row&, const Context&, Out&);
template void average<UsageKind::vm_kib>(const Row&, const Context&, Out&);
template void average<UsageKind::written_bytes>(const Row&, const Context&, Out&);
template void maximum<UsageKind::read_bytes>(const Row&, const Context&, Out&);
template void maximum<UsageKind::pages>(const Row&, const Context&, Out&);
template void maximum<UsageKind::written_bytes>(const Row&, const Context&, Out&);
template void maximum_node<UsageKind::read_bytes>(const Row&, const Context&, Out&);
template void maximum_node<UsageKind::pages>(const Row&, const Context&, Out&);
template void maximum_node<UsageKind::vm_kib>(const Row&, const Context&, Out&);
template void maximum_node<UsageKind::written_bytes>(const Row&, const Context&, Out&);
template void maximum_task<UsageKind::read_bytes>(const Row&, const Context&, Out&);
template void maximum_task<UsageKind::pages>(const Row&, const Context&, Out&);
template void maximum_task<UsageKind::vm_kib>(const Row&, const Context&, Out&);
template void maximum_task<UsageKind::written_bytes>(const Row&, const Context&, Out&);

void min_cpu(const Row& row, const Context&, Out& out) {
  if (const auto range = range_of(row, UsageKind::cpu_us)) out += cpu_text(range->min);
}
void min_cpu_node(const Row& row, const Context&, Out& out) {
  if (const auto range = range_of(row, UsageKind::cpu_us)) out += range->min_node.view();
}
void min_cpu_task(const Row& row, const Context&, Out& out) {
  if (const auto range = range_of(row, UsageKind::cpu_us)) add_number(out, range->min_task);
}
void max_rss(const Row& row, const Context& context, Out& out) {
  if (counted(row)) out += memory(row.usage.max_rss_kib, context);
}
void max_vm(const Row& row, const Context& context, Out& out) {
  if (counted(row)) out += memory(row.usage.max_vm_kib, context);
}
void max_rss_node(const Row& row, const Context&, Out& out) {
  if (counted(row)) out += row.usage.max_rss_node.view();
}
void max_rss_task(const Row& row, const Context&, Out& out) {
  if (counted(row)) add_number(out, row.usage.max_rss_task);
}
void energy(const Row& row, const Context&, Out& out) {
  if (row.step != nullptr) add_number(out, joules(row.usage));
}

void usage_in_ave(const Row& row, const Context& context, Out& out) {
  if (!counted(row)) return;
  put_in(row,
         InList{[&](UsageKind kind) {
                  return list_text(kind, mean(row, total_of(row.usage, kind)), context);
                },
                std::to_string(mean(row, joules(row.usage))),
                [&](const DeviceSum& sum) { return mebibytes(sum.memory / sum.devices, context); },
                [](const DeviceSum& sum) { return std::to_string(sum.utilization / sum.devices); }},
         out);
}
void usage_in_max(const Row& row, const Context& context, Out& out) {
  if (counted(row) && !told_apart(row)) {
    out += fmt::format("mem={},vmem={}", memory(row.usage.max_rss_kib, context),
                       memory(row.usage.max_vm_kib, context));
    return;
  }
  if (!counted(row)) return;
  put_in(row,
         InList{[&](UsageKind kind) { return list_text(kind, range_of(row, kind)->max, context); },
                std::to_string(joules(row.usage)),
                [&](const DeviceSum& sum) { return mebibytes(sum.memory_max, context); },
                [](const DeviceSum& sum) { return std::to_string(sum.utilization_max); }},
         out);
}
void usage_in_max_node(const Row& row, const Context&, Out& out) {
  if (counted(row) && !told_apart(row)) out += "mem=" + row.usage.max_rss_node.str();
  if (!told_apart(row)) return;
  put_in(row,
         InList{[&](UsageKind kind) { return range_of(row, kind)->max_node.str(); },
                energy_node(row), [](const DeviceSum& sum) { return sum.memory_node.str(); },
                [](const DeviceSum& sum) { return sum.utilization_node.str(); }},
         out);
}
void usage_in_max_task(const Row& row, const Context&, Out& out) {
  if (counted(row) && !told_apart(row)) out += fmt::format("mem={}", row.usage.max_rss_task);
  if (!told_apart(row)) return;
  put_in(row,
         InList{[&](UsageKind kind) { return std::to_string(range_of(row, kind)->max_task); },
                std::string(), [](const DeviceSum&) { return "-1"; },
                [](const DeviceSum&) { return "-1"; }},
         out);
}
void usage_in_min(const Row& row, const Context& context, Out& out) {
  if (!told_apart(row)) return;
  put_in(row,
         InList{[&](UsageKind kind) { return list_text(kind, range_of(row, kind)->min, context); },
                std::to_string(joules(row.usage)),
                [&](const DeviceSum& sum) { return mebibytes(sum.memory_min, context); },
                [](const DeviceSum& sum) { return std::to_string(sum.utilization_min); }},
         out);
}
void usage_in_min_node(const Row& row, const Context&, Out& out) {
  if (!told_apart(row)) return;
  Pairs pairs(out);
  pairs.add("cpu", range_of(row, UsageKind::cpu_us)->min_node.view());
  pairs.add("energy", energy_node(row));
  pairs.add("fs/disk", range_of(row, UsageKind::read_bytes)->min_node.view());
  for (const Quantity& each : kBehind)
    pairs.add(each.name, range_of(row, each.kind)->min_node.view());
}
void usage_in_min_task(const Row& row, const Context&, Out& out) {
  if (!told_apart(row)) return;
  Pairs pairs(out);
  const auto add = [&](std::string_view name, UsageKind kind) {
    pairs.add(name, std::to_string(range_of(row, kind)->min_task));
  };
  add("cpu", UsageKind::cpu_us);
  add("fs/disk", UsageKind::read_bytes);
  for (const Quantity& each : kBehind) add(each.name, each.kind);
}
void usage_in_tot(const Row& row, const Context& context, Out& out) {
  if (!counted(row)) return;
  put_in(row,
         InList{[&](UsageKind kind) { return list_text(kind, total_of(row.usage, kind), context); },
                std::to_string(joules(row.usage)),
                [&](const DeviceSum& sum) { return mebibytes(sum.memory_peak, context); },
                [](const DeviceSum& sum) { return std::to_string(sum.utilization); }},
         out);
}
void usage_out_ave(const Row& row, const Context&, Out& out) {
  if (counted(row)) put_out_list("0", std::to_string(mean(row, row.usage.written_bytes)), out);
}
void usage_out_max(const Row& row, const Context&, Out& out) {
  const auto range = range_of(row, UsageKind::written_bytes);
  if (range) put_out_list("0", std::to_string(range->max), out);
}
void usage_out_max_node(const Row& row, const Context&, Out& out) {
  const auto range = range_of(row, UsageKind::written_bytes);
  if (range) put_out_list(range->max_node.view(), range->max_node.view(), out);
}
void usage_out_max_task(const Row& row, const Context&, Out& out) {
  const auto range = range_of(row, UsageKind::written_bytes);
  if (range) put_out_list("", std::to_string(range->max_task), out);
}
void usage_out_min(const Row& row, const Context&, Out& out) {
  const auto range = range_of(row, UsageKind::written_bytes);
  if (range) put_out_list("0", std::to_string(range->min), out);
}
void usage_out_min_node(const Row& row, const Context&, Out& out) {
  const auto range = range_of(row, UsageKind::written_bytes);
  if (range) put_out_list(range->min_node.view(), range->min_node.view(), out);
}
void usage_out_min_task(const Row& row, const Context&, Out& out) {
  const auto range = range_of(row, UsageKind::written_bytes);
  if (range) put_out_list("", std::to_string(range->min_task), out);
}
void usage_out_tot(const Row& row, const Context&, Out& out) {
  if (counted(row)) put_out_list("0", std::to_string(row.usage.written_bytes), out);
}

}  // namespace sluice::report::history
