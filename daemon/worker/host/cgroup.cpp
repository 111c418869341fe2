// CgroupTree: names, creation, tracking, killing, removal. What limits mean in files is in
// cgroup_limits.cpp.
#include "daemon/worker/host/cgroup.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/strings.hpp"
#include "daemon/worker/host/cgroup_files.hpp"

namespace sluice::worker {

CgroupName job_group(std::uint32_t job_id) { return {fmt::format("job_{}", job_id)}; }

CgroupName step_group(const CgroupName& job, std::string_view step) {
  return {fmt::format("{}/step_{}", job.path, step)};
}

CgroupName task_group(const CgroupName& step, std::uint32_t task) {
  return {fmt::format("{}/task_{}", step.path, task)};
}

CgroupTree::CgroupTree(CgroupMounts mounts, std::string node)
    : mounts_(std::move(mounts)), node_(std::move(node)) {}

std::string CgroupTree::dir(const std::string& mount, const CgroupName& group) const {
  std::string path = mount + "/sluice/" + node_;
  if (!group.path.empty()) path += '/' + group.path;
  return path;
}

std::vector<std::string> CgroupTree::hierarchies() const {
  std::vector<std::string> result;
  if (!usable()) return result;
  for (const std::string* mount :
       {&mounts_.track, &mounts_.freezer, &mounts_.cpuset, &mounts_.memory, &mounts_.devices,
        &mounts_.pids, &mounts_.cpuacct}) {
    if (!mount->empty() && std::find(result.begin(), result.end(), *mount) == result.end()) {
      result.push_back(*mount);
    }
  }
  return result;
}

namespace {

// Another daemon may remove sluice/, as it leaves, between our two calls.
constexpr int kTries = 3;

Status make_node_group(const std::string& top, const std::string& node) {
  Status made;
  for (int i = 0; i < kTries; ++i) {
    made = cgroup::make_group(top);
    if (made) made = cgroup::make_group(node);
    if (made || made.error().code != ErrorCode::not_found) return made;
  }
  return made;
}

}  // namespace

Status CgroupTree::prepare_node() const {
  for (const std::string& mount : hierarchies()) {
    const std::string top = mount + "/sluice";
    const std::string node = dir(mount, {});
    if (auto made = make_node_group(top, node); !made) return made;
    for (const std::string& group : {top, node}) {
      if (mounts_.version == CgroupVersion::v2) {
        if (auto handed = hand_down(group); !handed) return handed;
      } else if (mount == mounts_.cpuset) {
        if (auto set = cgroup::inherit_cpuset(group); !set) return set;
      }
    }
  }
  return {};
}

// Version 2: lets the groups below use the controllers.
Status CgroupTree::hand_down(const std::string& group) const {
  const std::string control = group + "/cgroup.subtree_control";
  for (const auto& [part, name] : {std::pair{&mounts_.cpuset, "+cpuset"},
                                   {&mounts_.memory, "+memory"},
                                   {&mounts_.pids, "+pids"}}) {
    if (part->empty()) continue;
    if (auto set = cgroup::write_value(control, name); !set) return set;
  }
  return {};
}

Status CgroupTree::remove_node() const {
  if (!jobs().empty()) return fail(ErrorCode::busy, fmt::format("{}: has jobs", node_));
  for (const std::string& mount : hierarchies()) {
    if (auto removed = cgroup::remove_groups(dir(mount, {})); !removed) return removed;
    // Fails while other nodes are in it, which is what it is for.
    ::rmdir((mount + "/sluice").c_str());
  }
  return {};
}

std::vector<CgroupName> CgroupTree::jobs() const { return children({}); }

std::vector<CgroupName> CgroupTree::children(const CgroupName& group) const {
  std::vector<CgroupName> result;
  if (!usable()) return result;
  for (const std::string& name : cgroup::child_groups(dir(mounts_.track, group))) {
    result.push_back({group.path.empty() ? name : group.path + '/' + name});
  }
  return result;
}

Status CgroupTree::create(const CgroupName& group, const CgroupLimits& limits) const {
  if (!usable()) return {};
  if (auto made = cgroup::make_group(dir(mounts_.track, group)); !made) return made;
  return mounts_.version == CgroupVersion::v1 ? apply_v1(group, limits) : apply_v2(group, limits);
}

Status CgroupTree::change(const CgroupName& group, const CgroupLimits& limits) const {
  if (!exists(group)) {
    return usable() ? Status(fail(ErrorCode::not_found, group.path + ": no such group")) : Status();
  }
  return mounts_.version == CgroupVersion::v1 ? apply_v1(group, limits) : apply_v2(group, limits);
}

namespace {

// Tries the group's own file and then those of the groups above it, up to the job's.
Status attach_deepest(std::string dir, std::size_t levels, std::string_view file,
                      const std::string& pid) {
  for (; levels > 0; --levels) {
    auto written = cgroup::write_value(dir + std::string(file), pid);
    if (written || written.error().code != ErrorCode::not_found || cgroup::is_group(dir)) {
      return written;
    }
    dir.erase(dir.rfind('/'));
  }
  return {};  // this hierarchy has no group for the job
}

bool is_in(const std::string& mount, const std::string& dir) {
  const auto text = cgroup::read_value("/proc/self/cgroup");
  if (!text) return false;
  for (const std::string_view line : base::split_nonempty(*text, '\n')) {
    if (line.starts_with("0::")) return mount + std::string(line.substr(3)) == dir;
  }
  return false;
}

}  // namespace

Status CgroupTree::attach(const CgroupName& group, pid_t pid) const {
  if (!usable()) return {};
  const auto levels =
      static_cast<std::size_t>(1 + std::count(group.path.begin(), group.path.end(), '/'));
  if (mounts_.version == CgroupVersion::v2) {
    const std::string target = dir(mounts_.track, group);
    if (pid == 0 && is_in(mounts_.track, target)) return {};
    return attach_deepest(target, levels, "/cgroup.procs", std::to_string(pid));
  }
  // A thread that moves itself needs no lock over all the host's processes, hence "tasks".
  const std::string_view file = pid == 0 ? "/tasks" : "/cgroup.procs";
  for (const std::string& mount : hierarchies()) {
    auto moved = attach_deepest(dir(mount, group), levels, file, std::to_string(pid));
    if (!moved) return moved;
  }
  return {};
}

pid_t CgroupTree::fork_into(const CgroupName& group) const {
  if (mounts_.version != CgroupVersion::v2) return ::fork();
  const int target = ::open(dir(mounts_.track, group).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (target < 0) return -1;
  const base::UniqueFd owner(target);
  clone_args args{};
  args.flags = CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<std::uint64_t>(target);
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof(args)));
}

Status CgroupTree::freeze(const CgroupName& group) const {
  if (!usable()) return {};
  if (mounts_.version == CgroupVersion::v2) {
    return cgroup::write_value(dir(mounts_.track, group) + "/cgroup.freeze", "1");
  }
  if (mounts_.freezer.empty()) return fail(ErrorCode::unsupported, "no freezer");
  return cgroup::write_value(dir(mounts_.freezer, group) + "/freezer.state", "FROZEN");
}

Status CgroupTree::thaw(const CgroupName& group) const {
  if (!usable()) return {};
  if (mounts_.version == CgroupVersion::v2) {
    return cgroup::write_value(dir(mounts_.track, group) + "/cgroup.freeze", "0");
  }
  if (mounts_.freezer.empty()) return fail(ErrorCode::unsupported, "no freezer");
  return cgroup::write_value(dir(mounts_.freezer, group) + "/freezer.state", "THAWED");
}

bool CgroupTree::is_frozen(const CgroupName& group) const {
  if (!usable()) return false;
  if (mounts_.version == CgroupVersion::v2) {
    return cgroup::read_keyed(dir(mounts_.track, group) + "/cgroup.events", "frozen") != 0;
  }
  if (mounts_.freezer.empty()) return false;
  const auto state = cgroup::read_value(dir(mounts_.freezer, group) + "/freezer.state");
  return state && base::trim(*state) == "FROZEN";
}

std::vector<pid_t> CgroupTree::pids(const CgroupName& group) const {
  std::vector<pid_t> result;
  if (usable()) cgroup::collect_pids(dir(mounts_.track, group), result);
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

bool CgroupTree::is_empty(const CgroupName& group) const {
  return !usable() || !cgroup::has_process(dir(mounts_.track, group));
}

bool CgroupTree::exists(const CgroupName& group) const {
  return usable() && cgroup::is_group(dir(mounts_.track, group));
}

Result<std::size_t> CgroupTree::kill_all(const CgroupName& group, int signal) const {
  const std::vector<pid_t> all = pids(group);
  const bool fatal = signal == SIGKILL;
  if (all.empty()) return std::size_t{0};
  if (fatal && mounts_.version == CgroupVersion::v2) {
    // Kills atomically, also what is being forked; kernels before 5.14 lack the file.
    if (cgroup::write_value(dir(mounts_.track, group) + "/cgroup.kill", "1")) return all.size();
  }
  for (const pid_t pid : all) {
    if (::kill(pid, signal) != 0 && errno == EPERM) {
      return tl::unexpected(base::errno_error(fmt::format("kill {}", pid), EPERM));
    }
  }
  // Version 1: what is frozen dies only when it is thawed.
  if (fatal && mounts_.version == CgroupVersion::v1 && !mounts_.freezer.empty()) {
    for (const CgroupName& child : children(group)) static_cast<void>(thaw(child));
    if (auto thawed = thaw(group); !thawed) return tl::unexpected(thawed.error());
  }
  return all.size();
}

Status CgroupTree::remove(const CgroupName& group) const {
  if (group.path.empty()) return fail(ErrorCode::invalid_argument, "a group without a name");
  Status result;
  // The tracking hierarchy goes last: while it stands, the group is known to need removal.
  const auto all = hierarchies();
  for (auto mount = all.rbegin(); mount != all.rend(); ++mount) {
    if (auto removed = cgroup::remove_groups(dir(*mount, group)); !removed) return removed;
  }
  return result;
}

}  // namespace sluice::worker
