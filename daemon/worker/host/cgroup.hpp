// CgroupTree: the control groups of one node daemon: sluice/<node>/job_<id>/step_<id>/task_<n>.
// They confine (cpuset, memory, devices, pids) and they track: whatever a job starts stays in its
// group, so a job has ended when its group is empty and killing the group leaves nothing behind.
//
// Version 1 (each controller mounted by itself) and 2 (one unified tree) look the same from here.
// A directory is made only in the hierarchies that a limit needs, plus one for tracking (freezer,
// else pids, memory, cpuset or cpuacct), because each costs CPU for every job.
// Found mounts travel from sluiced to stepd (CgroupMounts), which then has nothing to detect.
// Where groups can't be made, `usable()` is false, every change is a success without effect, and
// processes are tracked by processes.hpp instead.
// Nothing here waits or repeats: removal of a busy group answers `busy` and the caller tries again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::worker {

enum class CgroupVersion : std::uint8_t { none = 0, v1 = 1, v2 = 2 };

// Where each controller can be used: the directory under which sluice/ is made. "": not usable.
// With version 2 all are the same directory.
struct CgroupMounts {
  CgroupVersion version = CgroupVersion::none;
  std::string track;  // the hierarchy that all processes of jobs are in
  std::string freezer;
  std::string cpuset;
  std::string memory;
  std::string devices;  // version 2: set where BPF device programs can be loaded
  std::string pids;
  std::string cpuacct;
  bool swap = false;    // swap can be limited
  std::string why_not;  // version none: the reason, one line for the log

  bool operator==(const CgroupMounts&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "version", self.version);
    visit(2, "track", self.track);
    visit(3, "freezer", self.freezer);
    visit(4, "cpuset", self.cpuset);
    visit(5, "memory", self.memory);
    visit(6, "devices", self.devices);
    visit(7, "pids", self.pids);
    visit(8, "cpuacct", self.cpuacct);
    visit(9, "swap", self.swap);
    visit(10, "why_not", self.why_not);
  }
};

// Reads what the kernel offers (libcgroup) and tries to make a directory. Some milliseconds: once,
// in sluiced. Never fails: the answer may be CgroupVersion::none with why_not.
[[nodiscard]] CgroupMounts probe_cgroups();

// One line of a device allow-list.
struct DeviceRule {
  bool block = false;       // else a character device
  std::int64_t major = -1;  // -1: any
  std::int64_t minor = -1;
  std::string access = "rwm";
};
// The rule for a device file; fails if it is none.
[[nodiscard]] Result<DeviceRule> device_rule(const std::string& path);

// What a group may use. Nothing set: tracking alone.
struct CgroupLimits {
  std::string cpus;              // OS numbers, "0-3,7"; "": as the parent
  std::string mems;              // NUMA nodes; "": as the parent
  std::uint64_t memory_mib = 0;  // 0: no limit
  std::uint64_t swap_mib = 0;    // beside memory; used only where memory is limited
  std::uint32_t pids = 0;        // 0: no limit
  bool confine_devices = false;  // only the common ones (null, tty, ptmx, …) and `devices`
  std::vector<DeviceRule> devices;
  std::vector<DeviceRule> denied;  // without confine_devices: all but these (GRES of others)
  bool count_memory = false;       // a memory group even without a limit: peak and OOM counts
  bool count_cpu = false;          // a cpuacct group; version 2 counts anyway
};

// The name of a group: its path below sluice/<node>. Made by the functions below only.
struct CgroupName {
  std::string path;
  bool operator==(const CgroupName&) const = default;
};
[[nodiscard]] CgroupName job_group(std::uint32_t job_id);                           // job_7
[[nodiscard]] CgroupName step_group(const CgroupName& job, std::string_view step);  // …/step_batch
[[nodiscard]] CgroupName task_group(const CgroupName& step, std::uint32_t task);    // …/task_0

// What a group's memory controller counted; zeros where it has none.
struct CgroupMemory {
  std::uint64_t peak_kib = 0;
  std::uint64_t current_kib = 0;
  std::uint64_t oom_kills = 0;  // in the group and below it
};

class CgroupTree {
 public:
  // `node` names the directory under sluice/: unique on this host, also among clusters.
  CgroupTree(CgroupMounts mounts, std::string node);

  [[nodiscard]] bool usable() const { return mounts_.version != CgroupVersion::none; }
  [[nodiscard]] const CgroupMounts& mounts() const { return mounts_; }

  // Makes sluice/<node> in all hierarchies and hands the controllers down (version 2). Once, at the
  // daemon's start; an existing tree is kept.
  [[nodiscard]] Status prepare_node() const;
  // Removes sluice/<node> if no job is in it (else busy), and sluice/ if that was the last node.
  [[nodiscard]] Status remove_node() const;
  // The job groups that exist, e.g. after a restart.
  [[nodiscard]] std::vector<CgroupName> jobs() const;
  [[nodiscard]] std::vector<CgroupName> children(const CgroupName& group) const;

  // Makes a group whose parent exists. An existing group gets the limits again.
  [[nodiscard]] Status create(const CgroupName& group, const CgroupLimits& limits) const;
  [[nodiscard]] Status change(const CgroupName& group, const CgroupLimits& limits) const;
  // Moves a process, in each hierarchy to the deepest existing group on the way. Processes live in
  // steps and tasks, not in a job's own group (version 2: what has parts has no processes of its
  // own once a part is limited). 0 is the calling
  // thread of a process with one thread: on version 1 that takes 20 us, while another process costs
  // a grace period of the kernel (5 to 15 ms). So the way to start a task is
  //   pid_t pid = tree.fork_into(step); if (pid == 0) { attach(step, 0) or _exit; become user; exec
  //   }
  [[nodiscard]] Status attach(const CgroupName& group, pid_t pid) const;
  // As fork(), -1 with errno. With version 2 the child is born in the group; else attach() moves
  // it.
  [[nodiscard]] pid_t fork_into(const CgroupName& group) const;

  [[nodiscard]] Status freeze(const CgroupName& group) const;
  [[nodiscard]] Status thaw(const CgroupName& group) const;
  [[nodiscard]] bool is_frozen(const CgroupName& group) const;  // all of it stands

  // Of the group and all groups below it.
  [[nodiscard]] std::vector<pid_t> pids(const CgroupName& group) const;
  [[nodiscard]] bool is_empty(const CgroupName& group) const;  // also true if it doesn't exist
  [[nodiscard]] bool exists(const CgroupName& group) const;
  // Signals every process of the group once and returns how many there were. With SIGKILL a frozen
  // group is killed too. New processes may have come meanwhile: repeat until is_empty().
  [[nodiscard]] Result<std::size_t> kill_all(const CgroupName& group, int signal) const;

  // Removes the group and those below it. busy while a process is in it, or the kernel is still
  // taking one apart: the caller tries again a little later. A missing group is a success.
  [[nodiscard]] Status remove(const CgroupName& group) const;

  [[nodiscard]] CgroupMemory memory(const CgroupName& group) const;
  // CPU time of the group in microseconds; 0 where nothing counts it.
  [[nodiscard]] std::uint64_t cpu_us(const CgroupName& group) const;

 private:
  [[nodiscard]] std::string dir(const std::string& mount, const CgroupName& group) const;
  [[nodiscard]] std::vector<std::string> hierarchies() const;
  [[nodiscard]] Status hand_down(const std::string& group) const;
  [[nodiscard]] Status apply_v1(const CgroupName& group, const CgroupLimits& limits) const;
  [[nodiscard]] Status apply_v2(const CgroupName& group, const CgroupLimits& limits) const;

  CgroupMounts mounts_;
  std::string node_;
};

}  // namespace sluice::worker
