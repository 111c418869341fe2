// CgroupTree: what limits and counters mean in control files, for both versions.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/strings.hpp"
#include "daemon/worker/host/cgroup.hpp"
#include "daemon/worker/host/cgroup_files.hpp"
#include "daemon/worker/host/device_filter.hpp"

namespace sluice::worker {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

struct Setting {
  std::string file;  // "/memory.max"
  std::string value;
};
using Settings = std::vector<Setting>;

Status write_settings(const std::string& dir, const Settings& settings) {
  for (const Setting& setting : settings) {
    if (auto set = cgroup::write_value(dir + setting.file, setting.value); !set) return set;
  }
  return {};
}

std::string number_text(std::int64_t number) { return number < 0 ? "*" : std::to_string(number); }

std::string rule_text(const DeviceRule& rule) {
  return fmt::format("{} {}:{} {}", rule.block ? 'b' : 'c', number_text(rule.major),
                     number_text(rule.minor), rule.access);
}

Settings device_settings_v1(const CgroupLimits& limits) {
  Settings settings;
  if (limits.confine_devices) {
    settings.push_back({"/devices.deny", "a"});
    for (const auto* list : {&cgroup::common_devices(), &limits.devices}) {
      for (const DeviceRule& rule : *list) settings.push_back({"/devices.allow", rule_text(rule)});
    }
    return settings;
  }
  for (const DeviceRule& rule : limits.denied) {
    settings.push_back({"/devices.deny", rule_text(rule)});
  }
  return settings;
}

// The kernel wants memory <= memory+swap at each moment, so the order depends on the direction.
Status set_memory_v1(const std::string& dir, const CgroupLimits& limits, bool swap) {
  if (limits.memory_mib == 0) return {};
  const std::string memory = std::to_string(limits.memory_mib * kMiB);
  if (!swap) return cgroup::write_value(dir + "/memory.limit_in_bytes", memory);
  const std::string both = std::to_string((limits.memory_mib + limits.swap_mib) * kMiB);
  const Settings settings = {{"/memory.limit_in_bytes", memory},
                             {"/memory.memsw.limit_in_bytes", both}};
  if (write_settings(dir, settings)) return {};
  return write_settings(dir, {settings[1], settings[0]});
}

bool wants_memory(const CgroupLimits& limits) {
  return limits.memory_mib != 0 || limits.count_memory;
}
bool wants_devices(const CgroupLimits& limits) {
  return limits.confine_devices || !limits.denied.empty();
}

Status set_cpuset_v1(const std::string& dir, const std::string& cpus, const std::string& mems) {
  if (cpus.empty() || mems.empty()) {
    if (auto inherited = cgroup::inherit_cpuset(dir); !inherited) return inherited;
  }
  Settings settings;
  if (!cpus.empty()) settings.push_back({"/cpuset.cpus", cpus});
  if (!mems.empty()) settings.push_back({"/cpuset.mems", mems});
  return write_settings(dir, settings);
}

enum class Kind : std::uint8_t { cpuset = 0, other = 1 };

// Makes the group in one hierarchy. The groups above may be missing there: a step can be limited
// in what its job is not.
Result<std::string> make_path_v1(const std::string& node_dir, const std::string& group, Kind kind) {
  std::string path = node_dir + '/' + group;
  if (cgroup::make_group(path)) return path;
  for (std::size_t at = group.find('/'); at != std::string::npos; at = group.find('/', at + 1)) {
    const std::string above = node_dir + '/' + group.substr(0, at);
    if (cgroup::is_group(above)) continue;
    if (auto made = cgroup::make_group(above); !made) return tl::unexpected(made.error());
    if (kind != Kind::cpuset) continue;
    if (auto set = cgroup::inherit_cpuset(above); !set) return tl::unexpected(set.error());
  }
  if (auto made = cgroup::make_group(path); !made) return tl::unexpected(made.error());
  return path;
}

}  // namespace

Result<DeviceRule> device_rule(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return tl::unexpected(base::errno_error(path, errno));
  if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)) {
    return fail(ErrorCode::invalid_argument, path + ": not a device file");
  }
  return DeviceRule{S_ISBLK(info.st_mode), static_cast<std::int64_t>(major(info.st_rdev)),
                    static_cast<std::int64_t>(minor(info.st_rdev)), "rwm"};
}

Status CgroupTree::apply_v1(const CgroupName& group, const CgroupLimits& limits) const {
  const std::string top = "/sluice/" + node_;
  if (!mounts_.cpuset.empty() && (!limits.cpus.empty() || !limits.mems.empty())) {
    const auto path = make_path_v1(mounts_.cpuset + top, group.path, Kind::cpuset);
    if (!path) return tl::unexpected(path.error());
    if (auto set = set_cpuset_v1(*path, limits.cpus, limits.mems); !set) return set;
  }
  if (!mounts_.memory.empty() && wants_memory(limits)) {
    const auto path = make_path_v1(mounts_.memory + top, group.path, Kind::other);
    if (!path) return tl::unexpected(path.error());
    if (auto set = set_memory_v1(*path, limits, mounts_.swap); !set) return set;
  }
  if (!mounts_.pids.empty() && limits.pids != 0) {
    const auto path = make_path_v1(mounts_.pids + top, group.path, Kind::other);
    if (!path) return tl::unexpected(path.error());
    auto set = cgroup::write_value(*path + "/pids.max", std::to_string(limits.pids));
    if (!set) return set;
  }
  if (!mounts_.devices.empty() && wants_devices(limits)) {
    const auto path = make_path_v1(mounts_.devices + top, group.path, Kind::other);
    if (!path) return tl::unexpected(path.error());
    if (auto set = write_settings(*path, device_settings_v1(limits)); !set) return set;
  }
  if (mounts_.cpuacct.empty() || !limits.count_cpu) return {};
  const auto path = make_path_v1(mounts_.cpuacct + top, group.path, Kind::other);
  return path ? Status() : Status(tl::unexpected(path.error()));
}

Status CgroupTree::apply_v2(const CgroupName& group, const CgroupLimits& limits) const {
  const std::string path = dir(mounts_.track, group);
  Settings settings;
  std::string wanted;
  if (!mounts_.cpuset.empty() && !limits.cpus.empty()) {
    settings.push_back({"/cpuset.cpus", limits.cpus});
  }
  if (!mounts_.cpuset.empty() && !limits.mems.empty()) {
    settings.push_back({"/cpuset.mems", limits.mems});
  }
  if (!settings.empty()) wanted = "+cpuset ";
  if (!mounts_.memory.empty() && wants_memory(limits)) wanted += "+memory ";
  if (!mounts_.memory.empty() && limits.memory_mib != 0) {
    settings.push_back({"/memory.max", std::to_string(limits.memory_mib * kMiB)});
    if (mounts_.swap) {
      settings.push_back({"/memory.swap.max", std::to_string(limits.swap_mib * kMiB)});
    }
  }
  if (!mounts_.pids.empty() && limits.pids != 0) {
    wanted += "+pids ";
    settings.push_back({"/pids.max", std::to_string(limits.pids)});
  }
  // The node hands its controllers to jobs; a job does it when the first step needs one.
  if (!wanted.empty() && group.path.find('/') != std::string::npos) {
    const std::string above = path.substr(0, path.rfind('/')) + "/cgroup.subtree_control";
    if (auto set = cgroup::write_value(above, base::trim(wanted)); !set) return set;
  }
  for (const Setting& setting : settings) {
    const auto set = cgroup::write_value(path + setting.file, setting.value);
    // Without swap accounting in the kernel there is no file, and nothing to limit.
    if (set || (setting.file == "/memory.swap.max" && set.error().code == ErrorCode::not_found)) {
      continue;
    }
    return set;
  }
  if (mounts_.devices.empty() || !wants_devices(limits)) return {};
  cgroup::DevicePolicy policy;
  if (limits.confine_devices) {
    policy.rules = cgroup::common_devices();
    policy.rules.insert(policy.rules.end(), limits.devices.begin(), limits.devices.end());
  } else {
    policy.otherwise = cgroup::DeviceDefault::allow;
    policy.rules = limits.denied;
  }
  return cgroup::attach_device_filter(path, policy);
}

namespace {

// Version 1 counts an OOM kill where the victim was, not in the groups above.
std::uint64_t oom_kills_v1(const std::string& dir) {
  std::uint64_t sum = cgroup::read_keyed(dir + "/memory.oom_control", "oom_kill");
  for (const std::string& name : cgroup::child_groups(dir)) sum += oom_kills_v1(dir + '/' + name);
  return sum;
}

}  // namespace

CgroupMemory CgroupTree::memory(const CgroupName& group) const {
  CgroupMemory result;
  if (!usable() || mounts_.memory.empty()) return result;
  const std::string path = dir(mounts_.memory, group);
  if (mounts_.version == CgroupVersion::v1) {
    result.peak_kib = cgroup::read_number(path + "/memory.max_usage_in_bytes") / 1024;
    result.current_kib = cgroup::read_number(path + "/memory.usage_in_bytes") / 1024;
    result.oom_kills = oom_kills_v1(path);
    return result;
  }
  result.peak_kib = cgroup::read_number(path + "/memory.peak") / 1024;
  result.current_kib = cgroup::read_number(path + "/memory.current") / 1024;
  result.oom_kills = cgroup::read_keyed(path + "/memory.events", "oom_kill");
  return result;
}

std::uint64_t CgroupTree::cpu_us(const CgroupName& group) const {
  if (!usable() || mounts_.cpuacct.empty()) return 0;
  const std::string path = dir(mounts_.cpuacct, group);
  if (mounts_.version == CgroupVersion::v1) {
    return cgroup::read_number(path + "/cpuacct.usage") / 1000;
  }
  return cgroup::read_keyed(path + "/cpu.stat", "usage_usec");
}

}  // namespace sluice::worker
