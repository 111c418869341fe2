// What the kernel offers, asked by libcgroup, and what of it this process may use, found by doing:
// a directory sluice/ is made where it can be.
//
// libcgroup is used here only. Its cgroup_create_cgroup() opens and writes every control file of a
// group (0.25 ms for each controller), where a job needs two or three values set: cgroup.cpp makes
// and writes just those.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <fmt/core.h>
#include <libcgroup.h>

#include "base/fd.hpp"
#include "base/strings.hpp"
#include "daemon/worker/host/cgroup.hpp"
#include "daemon/worker/host/cgroup_files.hpp"
#include "daemon/worker/host/device_filter.hpp"

namespace sluice::worker {
namespace {

struct Found {
  std::string mount;
  CgroupVersion version = CgroupVersion::none;
};

Found find_controller(const char* name) {
  char* mount = nullptr;
  if (::cgroup_get_subsys_mount_point(name, &mount) != 0) return {};
  Found found{mount, CgroupVersion::v1};
  std::free(mount);  // NOLINT(cppcoreguidelines-no-malloc): libcgroup's own
  struct statfs info {};
  if (::statfs(found.mount.c_str(), &info) != 0) return {};
  if (info.f_type == CGROUP2_SUPER_MAGIC) found.version = CgroupVersion::v2;
  return found;
}

// libcgroup knows controllers; a unified tree without any still tracks processes.
std::string unified_mount() {
  const auto mounts = cgroup::read_value("/proc/self/mounts");
  if (!mounts) return "";
  for (const std::string_view line : base::split_nonempty(*mounts, '\n')) {
    const auto words = base::split_nonempty(line, ' ');
    if (words.size() > 2 && words[2] == "cgroup2") return std::string(words[1]);
  }
  return "";
}

// Makes <mount>/sluice and checks that groups below it can be ours.
Status try_mount(const std::string& mount) {
  const std::string dir = mount + "/sluice";
  if (auto made = cgroup::make_group(dir); !made) return made;
  if (::access((dir + "/cgroup.procs").c_str(), W_OK) == 0) return {};
  return tl::unexpected(base::errno_error(dir, errno));
}

void use_v1(CgroupMounts& found, const char* name, std::string CgroupMounts::*slot) {
  const Found controller = find_controller(name);
  if (controller.version != CgroupVersion::v1) return;
  if (auto usable = try_mount(controller.mount); !usable) {
    if (found.why_not.empty()) found.why_not = usable.error().text;
    return;
  }
  const std::string dir = controller.mount + "/sluice";
  if (slot == &CgroupMounts::cpuset && !cgroup::inherit_cpuset(dir)) return;
  found.*slot = controller.mount;
}

CgroupMounts probe_v1() {
  CgroupMounts found;
  use_v1(found, "freezer", &CgroupMounts::freezer);
  use_v1(found, "cpuset", &CgroupMounts::cpuset);
  use_v1(found, "memory", &CgroupMounts::memory);
  use_v1(found, "devices", &CgroupMounts::devices);
  use_v1(found, "pids", &CgroupMounts::pids);
  use_v1(found, "cpuacct", &CgroupMounts::cpuacct);
  for (const std::string* mount :
       {&found.freezer, &found.pids, &found.memory, &found.cpuset, &found.cpuacct}) {
    if (found.track.empty()) found.track = *mount;
  }
  if (found.track.empty()) return found;
  found.version = CgroupVersion::v1;
  found.why_not.clear();
  const std::string memory = found.memory + "/sluice/memory.memsw.limit_in_bytes";
  found.swap = !found.memory.empty() && ::access(memory.c_str(), W_OK) == 0;
  return found;
}

CgroupMounts probe_v2(const std::string& mount) {
  CgroupMounts found;
  if (auto usable = try_mount(mount); !usable) {
    found.why_not = usable.error().text;
    return found;
  }
  found.version = CgroupVersion::v2;
  found.track = mount;
  found.freezer = mount;
  found.cpuacct = mount;
  const std::string dir = mount + "/sluice";
  // A controller that can't be handed down (held by version 1, or by a container's limits) is
  // missed by what reads the list below; its write has nothing more to say.
  for (const char* name : {"+cpuset", "+memory", "+pids"}) {
    static_cast<void>(cgroup::write_value(mount + "/cgroup.subtree_control", name));
  }
  const auto controllers = cgroup::read_value(dir + "/cgroup.controllers");
  if (!controllers) return found;
  for (const std::string_view name : base::split_nonempty(base::trim(*controllers), ' ')) {
    if (name == "cpuset") found.cpuset = mount;
    if (name == "memory") found.memory = mount;
    if (name == "pids") found.pids = mount;
  }
  if (cgroup::can_filter_devices()) found.devices = mount;
  found.swap = !found.memory.empty();
  return found;
}

}  // namespace

CgroupMounts probe_cgroups() {
  CgroupMounts none;
  if (const int error = ::cgroup_init(); error != 0) {
    none.why_not = fmt::format("libcgroup: {}", ::cgroup_strerror(error));
    return none;
  }
  CgroupMounts v1 = probe_v1();
  if (v1.version == CgroupVersion::v1) return v1;
  std::string mount;
  for (const char* name : {"memory", "pids", "cpuset"}) {
    const Found controller = find_controller(name);
    if (mount.empty() && controller.version == CgroupVersion::v2) mount = controller.mount;
  }
  if (mount.empty()) mount = unified_mount();
  if (!mount.empty()) return probe_v2(mount);
  none.why_not = v1.why_not.empty() ? "no cgroup hierarchy is mounted" : v1.why_not;
  return none;
}

}  // namespace sluice::worker
