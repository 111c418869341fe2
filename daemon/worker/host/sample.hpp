// What processes use at one instant, from /proc. One open directory and two or three small reads
// for each process: about 15 us, so a step of a few processes may be sampled every second.
// A process's own counters die with it; what wait4() or the cgroup says of the dead is the
// caller's to add.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "base/result.hpp"

namespace sluice::worker {

struct ProcessSample {
  std::uint64_t rss_kib = 0;
  std::uint64_t vm_kib = 0;
  std::uint64_t user_us = 0;  // with its waited-for children
  std::uint64_t system_us = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t read_bytes = 0;  // by read() and the like; 0 where /proc/<pid>/io is closed to us
  std::uint64_t written_bytes = 0;

  bool operator==(const ProcessSample&) const = default;
};

// not_found if it is gone.
[[nodiscard]] Result<ProcessSample> sample_process(pid_t pid);
// The sum over those that still exist. A child's time that its listed parent already counted is
// counted once only while both live.
[[nodiscard]] ProcessSample sample_processes(std::span<const pid_t> pids);

// Load and free memory of the host, for `scontrol show node`.
struct HostLoad {
  std::uint32_t load_hundredths = 0;  // one-minute load average
  std::uint64_t free_memory_mib = 0;
};
[[nodiscard]] Result<HostLoad> sample_host();

}  // namespace sluice::worker
