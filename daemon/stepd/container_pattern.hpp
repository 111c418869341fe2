// Command patterns for container runtimes that are no OCI runtimes (apptainer, enroot,
// charliecloud), with the %-words of Slurm's oci.conf. A pattern is split into words first and
// expanded then, so nothing of a user's can become a word of its own, and no shell is involved.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::stepd {

struct PatternValues {
  std::vector<std::string> argv;  // %@: as words of its own, or quoted for a shell inside a word
  std::string bundle;             // %b
  std::string env_file;           // %e
  std::uint32_t job = 0;          // %j
  std::string spool;              // %m
  std::string node;               // %n
  std::int64_t pid = 0;           // %p
  std::string rootfs;             // %r
  std::string step;               // %s
  std::uint32_t task = 0;         // %t
  std::string user;               // %u
  std::uint32_t uid = 0;          // %U
  std::string work_dir;           // %Z
};

[[nodiscard]] Result<std::vector<std::string>> expand_pattern(std::string_view pattern,
                                                              const PatternValues& values);
// Whether the pattern has this letter after a '%'.
[[nodiscard]] bool pattern_uses(std::string_view pattern, char letter);

}  // namespace sluice::stepd
