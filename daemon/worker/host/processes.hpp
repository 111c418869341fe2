// Finding and signalling the processes of a job where no cgroup holds them: by what they descend
// from, by session, and by a marker in their environment. A process that forked twice and made its
// own session still has the environment it was started with.
// A signal goes through a pidfd opened before the last check, so it never hits a stranger that got
// the same number.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::worker {

// A process belongs if any of these holds. It must also be one of `uid`, unless `uid` is kAnyUid.
inline constexpr std::uint32_t kAnyUid = 0xffffffff;
struct ProcessQuery {
  std::uint32_t uid = kAnyUid;
  std::vector<pid_t> ancestors;      // descends from one of these (which themselves don't count)
  std::vector<pid_t> sessions;       // in one of these sessions
  std::vector<std::string> markers;  // "NAME=value" entries, all of which stand in its environment
  std::vector<pid_t> except;         // never these
};

// Makes this process the one that inherits orphans among its descendants.
[[nodiscard]] Status become_subreaper();

// In ascending order. Reads /proc: about 20 us for each process of the host.
[[nodiscard]] std::vector<pid_t> find_processes(const ProcessQuery& query);

// Signals what find_processes() finds, each process once, and returns how many were signalled.
// Processes may be forking meanwhile: repeat until it answers 0.
[[nodiscard]] std::size_t signal_processes(const ProcessQuery& query, int signal);

// "NAME=value" in the process's environment at its start. False if it can't be read.
[[nodiscard]] bool has_environment(pid_t pid, std::string_view entry);

}  // namespace sluice::worker
