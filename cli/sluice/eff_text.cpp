// `sluice eff`: what is printed.
#include <algorithm>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "base/quantity.hpp"
#include "cli/sluice/eff.hpp"
#include "report/json_writer.hpp"

namespace sluice::cli {

namespace {

constexpr double kKibPerMib = 1024.0;

// "62.5%"; "-" of nothing.
std::string percent(double part, double whole) {
  return whole <= 0 ? "-" : fmt::format("{:.1f}%", 100.0 * part / whole);
}

double core_seconds(const Efficiency& job) {
  return static_cast<double>(job.elapsed_s) * static_cast<double>(job.cores);
}
double cpu_seconds(const Efficiency& job) { return static_cast<double>(job.cpu_us) / 1e6; }
double used_mib(std::uint64_t kib) { return static_cast<double>(kib) / kKibPerMib; }

std::string size_kib(std::uint64_t kib) { return base::format_rounded(kib, base::Unit::kilo); }
std::string size_mib(std::uint64_t mib) { return base::format_rounded(mib, base::Unit::mega); }

std::string cpu_percent(const Efficiency& job) {
  return percent(cpu_seconds(job), core_seconds(job));
}
std::string memory_percent(const Efficiency& job) {
  return percent(used_mib(job.used_kib), static_cast<double>(job.memory_mib));
}

std::uint64_t mean_of_devices(const Efficiency& job) {
  std::uint64_t sum = 0;
  for (const DeviceEfficiency& device : job.devices) sum += device.mean_percent;
  return sum / job.devices.size();
}

std::string device_name(const DeviceEfficiency& device) {
  const std::string type = device.type.empty() ? "" : ":" + device.type.str();
  return fmt::format("{}{} {} on {}", device.name.view(), type, device.index, device.node.view());
}

std::string device_line(const DeviceEfficiency& device) {
  std::string line =
      fmt::format("{}: busy {}% on average, {}% at most; memory {} on average, {} at most",
                  device_name(device), device.mean_percent, device.max_percent,
                  size_mib(device.mean_memory_mib), size_mib(device.max_memory_mib));
  if (device.max_watts > 0) {
    line += fmt::format("; {} J, {} W at most", device.joules, device.max_watts);
  }
  return line;
}

std::string row(std::string_view label, std::string_view text) {
  return fmt::format("{:<13}{}\n", label, text);
}

}  // namespace

std::string efficiency_text(const Efficiency& job) {
  std::string out =
      row("Job", fmt::format("{} {} of {}", job.job, job.name.view(), job.user.view()));
  out += row("State", job.state + (job.running ? " (so far)" : ""));
  out += row("Nodes", fmt::format("{}: {}", job.node_count, job.nodes.view()));
  out += row("Cores", std::to_string(job.cores));
  std::string time = base::format_duration(job.elapsed_s);
  if (job.limit_s > 0) {
    time +=
        fmt::format(", {} of the limit of {}",
                    percent(static_cast<double>(job.elapsed_s), static_cast<double>(job.limit_s)),
                    base::format_duration(job.limit_s));
  }
  out += row("Time", time);
  out +=
      row("CPU", fmt::format("{} of {} of core time: {}",
                             base::format_duration(static_cast<std::int64_t>(cpu_seconds(job))),
                             base::format_duration(job.elapsed_s * job.cores), cpu_percent(job)));
  out += row("Memory", fmt::format("{} of {}: {}", size_kib(job.used_kib), size_mib(job.memory_mib),
                                   memory_percent(job)));
  if (job.node_count > 1 && !job.node.empty()) {
    out += row("", fmt::format("fullest node {}: {} of {}: {}", job.node.view(),
                               size_kib(job.node_used_kib), size_mib(job.node_memory_mib),
                               percent(used_mib(job.node_used_kib),
                                       static_cast<double>(job.node_memory_mib))));
  }
  for (std::size_t i = 0; i < job.devices.size(); ++i) {
    out += row(i == 0 ? "Devices" : "", device_line(job.devices[i]));
  }
  if (job.devices.empty() && !job.gres.empty()) {
    out += row("Devices", job.gres + ": nothing is known of their use");
  }
  if (job.partly) out += row("", "some steps could not be asked; they are not counted");
  return out;
}

std::string efficiency_table(const std::vector<Efficiency>& jobs) {
  std::string out = fmt::format("{:<16}{:<14}{:>6}{:>13}{:>8}{:>8}{:>8}\n", "Job", "State", "Cores",
                                "Time", "CPU", "Memory", "Devices");
  for (const Efficiency& job : jobs) {
    const std::string devices =
        job.devices.empty() ? "-" : fmt::format("{}%", mean_of_devices(job));
    out += fmt::format("{:<16}{:<14}{:>6}{:>13}{:>8}{:>8}{:>8}\n", job.job, job.state, job.cores,
                       base::format_duration(job.elapsed_s), cpu_percent(job), memory_percent(job),
                       devices);
  }
  return out;
}

namespace {

void put_share(report::JsonWriter& writer, std::string_view name, double part, double whole) {
  writer.key(name);
  if (whole <= 0) return writer.null();
  writer.value(part / whole);
}

void put_device(report::JsonWriter& writer, const DeviceEfficiency& device) {
  writer.open_object();
  writer.member("node", device.node);
  writer.member("name", device.name);
  writer.member("type", device.type);
  writer.member("index", device.index);
  writer.member("utilization_mean_percent", device.mean_percent);
  writer.member("utilization_max_percent", device.max_percent);
  writer.member("memory_mean_mib", device.mean_memory_mib);
  writer.member("memory_max_mib", device.max_memory_mib);
  writer.member("energy_joules", device.joules);
  writer.member("power_max_watts", device.max_watts);
  writer.close();
}

void put_job(report::JsonWriter& writer, const Efficiency& job) {
  writer.open_object();
  writer.member("job", job.job);
  writer.member("name", job.name);
  writer.member("user", job.user);
  writer.member("state", job.state);
  writer.member("running", job.running);
  writer.member("complete", !job.partly);
  writer.member("nodes", job.nodes);
  writer.member("node_count", job.node_count);
  writer.member("cores", job.cores);
  writer.member("elapsed_seconds", job.elapsed_s);
  writer.key("limit_seconds");
  if (job.limit_s > 0) {
    writer.value(job.limit_s);
  } else {
    writer.null();
  }
  writer.member("cpu_seconds", cpu_seconds(job));
  put_share(writer, "cpu_efficiency", cpu_seconds(job), core_seconds(job));
  writer.member("memory_allocated_mib", job.memory_mib);
  writer.member("memory_used_kib", job.used_kib);
  put_share(writer, "memory_efficiency", used_mib(job.used_kib),
            static_cast<double>(job.memory_mib));
  writer.member("fullest_node", job.node);
  writer.member("fullest_node_used_kib", job.node_used_kib);
  writer.member("fullest_node_allocated_mib", job.node_memory_mib);
  writer.member("gres", job.gres);
  writer.key("devices");
  writer.open_array();
  for (const DeviceEfficiency& device : job.devices) put_device(writer, device);
  writer.close();
  writer.close();
}

}  // namespace

std::string efficiency_json(const std::vector<Efficiency>& jobs) {
  report::JsonWriter writer(report::DocumentStyle::json);
  writer.open_object();
  writer.key("jobs");
  writer.open_array();
  for (const Efficiency& job : jobs) put_job(writer, job);
  writer.close();
  writer.close();
  return writer.take();
}

}  // namespace sluice::cli
