// The few operations on control files that CgroupTree is made of: one write() or read() each, as
// the kernel wants them. For daemon/worker/host alone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::worker::cgroup {

// Error texts name the file and the value.
[[nodiscard]] Status write_value(const std::string& file, std::string_view value);
[[nodiscard]] Result<std::string> read_value(const std::string& file);
// 0 if the file can't be read; of "max" too.
[[nodiscard]] std::uint64_t read_number(const std::string& file);
// The number behind `key` in a file of lines "key number"; 0 if there is none.
[[nodiscard]] std::uint64_t read_keyed(const std::string& file, std::string_view key);

// Makes one directory; one that exists is fine.
[[nodiscard]] Status make_group(const std::string& dir);
// Removes a directory and the groups in it, deepest first. busy, or fine if it doesn't exist.
[[nodiscard]] Status remove_groups(const std::string& dir);
[[nodiscard]] std::vector<std::string> child_groups(const std::string& dir);
[[nodiscard]] bool is_group(const std::string& dir);

// Version 1: a new cpuset has no CPUs, and nothing may enter it. Gives it all that the group above
// has, unless it has some already.
[[nodiscard]] Status inherit_cpuset(const std::string& dir);

// Appends the processes of the group and those below.
void collect_pids(const std::string& dir, std::vector<pid_t>& pids);
// True if the group or one below it has a process.
[[nodiscard]] bool has_process(const std::string& dir);

}  // namespace sluice::worker::cgroup
