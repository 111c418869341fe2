// Host lists as Slurm writes them: "a[01-03,07],b". Reading accepts several brackets in one name
// ("c[1-2]x[3-4]", the last one running fastest); writing makes one bracket per group, at the
// number that ends the name, and keeps zero padding (a1 and a01 are different hosts).
// Reading is bounded: never more than kMaxHosts names of at most kMaxHostName bytes.
// Pure: usable from core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::base {

inline constexpr std::size_t kMaxHosts = 100000;
inline constexpr std::size_t kMaxHostName = 255;

// Every name in the order written, duplicates kept. "" is no host. Fails (invalid_node_name) on
// unbalanced or nested brackets, descending ranges and lists beyond the bounds. Blanks separate as
// commas do, and empty pieces between commas are skipped.
[[nodiscard]] Result<std::vector<std::string>> parse_hosts(std::string_view text);

// The shortest text for the names in the order given: what `scontrol show hostlist` prints.
// Neighbours with the same prefix share a bracket. Duplicates are kept.
[[nodiscard]] std::string compress_hosts(std::span<const std::string> hosts);

// The text for a set of names: sorted, each once. What Slurm prints as a job's NodeList.
[[nodiscard]] std::string compress_sorted_hosts(std::vector<std::string> hosts);

// Orders names by prefix, then by the digits of the number at the end, then by the number.
// Duplicates are kept: compress_hosts(sort_hosts(x)) is `scontrol show hostlistsorted`.
[[nodiscard]] std::vector<std::string> sort_hosts(std::vector<std::string> hosts);

// True if `a` comes before `b` in that order.
[[nodiscard]] bool host_less(std::string_view a, std::string_view b);

// {8,8,4} -> "8(x2),4": SLURM_TASKS_PER_NODE and SLURM_JOB_CPUS_PER_NODE.
[[nodiscard]] std::string repeat_list(std::span<const std::uint32_t> counts);
// And back; at most kMaxHosts numbers.
[[nodiscard]] Result<std::vector<std::uint32_t>> parse_repeat_list(std::string_view text);

}  // namespace sluice::base
