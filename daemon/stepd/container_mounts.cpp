// See the header.
#include "daemon/stepd/container_mounts.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::stepd {
namespace {

constexpr std::array<std::string_view, 26> kFlags = {
    "ro",         "rw",          "nosuid",     "suid",     "nodev",      "dev",         "noexec",
    "exec",       "noatime",     "atime",      "relatime", "norelatime", "strictatime", "bind",
    "rbind",      "private",     "rprivate",   "shared",   "rshared",    "slave",       "rslave",
    "unbindable", "runbindable", "nodiratime", "sync",     "dirsync"};

bool is_flag(std::string_view flag) {
  return std::find(kFlags.begin(), kFlags.end(), flag) != kFlags.end();
}

Status check_place(std::string_view target, std::string_view whole) {
  const auto pieces = base::split_nonempty(target, '/');
  const bool climbs = std::find(pieces.begin(), pieces.end(), "..") != pieces.end();
  if (target.starts_with('/') && !pieces.empty() && !climbs) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("container mount '{}': the place inside must be an absolute path below "
                          "'/', without '..'",
                          whole));
}

}  // namespace

Result<model::ContainerMount> parse_mount(std::string_view text) {
  const auto parts = base::split(text, ':');
  if (parts.size() > 3 || parts[0].empty() || (parts.size() > 1 && parts[1].empty())) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("container mount '{}': expected SRC:DST[:FLAG[+FLAG]...]", text));
  }
  model::ContainerMount mount;
  mount.source = Text(parts[0]);
  mount.target = Text(parts.size() > 1 ? parts[1] : parts[0]);
  if (parts.size() == 3) {
    for (const std::string_view flag : base::split_nonempty(parts[2], '+')) {
      mount.flags.emplace_back(flag);
    }
  }
  return mount;
}

RuntimeMount plain_bind(const std::string& source, const std::string& target) {
  return {target, "none", source, {"bind"}};
}

Result<RuntimeMount> bind_mount(const model::ContainerMount& mount) {
  const std::string shown = fmt::format("{}:{}", mount.source.view(), mount.target.view());
  if (!mount.source.view().starts_with('/')) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("container mount '{}': the source must be an absolute path", shown));
  }
  if (auto placed = check_place(mount.target.view(), shown); !placed) {
    return tl::unexpected(placed.error());
  }
  RuntimeMount result{mount.target.str(), "none", mount.source.str(), {}};
  bool bind = false;
  for (const Text& flag : mount.flags) {
    if (!is_flag(flag.view())) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("container mount '{}': unknown flag '{}'", shown, flag.view()));
    }
    bind = bind || flag.view() == "bind" || flag.view() == "rbind";
    result.options.push_back(flag.str());
  }
  if (!bind) result.options.insert(result.options.begin(), "rbind");
  return result;
}

std::vector<RuntimeMount> system_mounts(std::uint32_t unshare) {
  std::vector<RuntimeMount> mounts;
  // Without a pid namespace of its own a container can only have the host's.
  mounts.push_back({"/proc", "none", "/proc", {"rbind", "nosuid", "nodev", "noexec"}});
  mounts.push_back({"/sys", "none", "/sys", {"rbind", "nosuid", "nodev", "noexec", "ro"}});
  mounts.push_back({"/dev", "tmpfs", "tmpfs", {"nosuid", "mode=755", "size=65536k"}});
  mounts.push_back({"/dev/pts",
                    "devpts",
                    "devpts",
                    {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}});
  mounts.push_back({"/dev/shm", "tmpfs", "shm", {"nosuid", "nodev", "mode=1777"}});
  if ((unshare & model::kUnshareIpc) != 0) {
    mounts.push_back({"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}});
  }
  return mounts;
}

const std::vector<std::string>& masked_paths() {
  static const std::vector<std::string> paths = {
      "/proc/acpi",        "/proc/kcore",
      "/proc/keys",        "/proc/latency_stats",
      "/proc/timer_list",  "/proc/timer_stats",
      "/proc/sched_debug", "/proc/scsi",
      "/sys/firmware",     "/sys/devices/virtual/powercap"};
  return paths;
}

const std::vector<std::string>& readonly_paths() {
  static const std::vector<std::string> paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                 "/proc/sysrq-trigger"};
  return paths;
}

}  // namespace sluice::stepd
