// Numbers as users write and read them: strict integers, memory sizes ("4G"), counts with suffixes
// ("1k"), node counts ("2-4"), and the printed forms of squeue and sacct.
// Strict means: the whole text, no blanks, no sign unless asked for, in range, or an error.
// Pure: usable from core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::base {

// Decimal digits only.
[[nodiscard]] Result<std::uint64_t> parse_unsigned(
    std::string_view text, std::uint64_t max = std::numeric_limits<std::uint64_t>::max());
[[nodiscard]] Result<std::uint32_t> parse_u32(
    std::string_view text, std::uint32_t max = std::numeric_limits<std::uint32_t>::max());

struct SignedRange {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};
// An optional '+' or '-', then decimal digits.
[[nodiscard]] Result<std::int64_t> parse_signed(std::string_view text, SignedRange range = {});

// "4G", "100M", "1T", "512K" (rounded up), plain numbers are MiB. Case doesn't matter and a final
// 'B' may follow the suffix ("4GB").
[[nodiscard]] Result<std::uint64_t> parse_memory_mib(std::string_view text);

// "16", "1k" = 1024, "2M" = 2*1024^2, "1G", "1T", "1P".
[[nodiscard]] Result<std::uint64_t> parse_count(std::string_view text);

// What -N asks for. `sizes` is filled only for the list forms ("1,5,9" and "1-13:4"): ascending,
// the acceptable counts; min and max are then its ends.
struct NodeCounts {
  std::uint32_t min = 0;
  std::uint32_t max = 0;
  std::vector<std::uint32_t> sizes;

  bool operator==(const NodeCounts&) const = default;
};
inline constexpr std::size_t kMaxNodeSizes = 4096;
// "4" (min = max = 4), "2-4", "1k-2k", "1,5,9", "1-13:4".
[[nodiscard]] Result<NodeCounts> parse_node_counts(std::string_view text);

// Powers of 1024.
enum class Unit : std::uint8_t { one, kilo, mega, giga, tera, peta, exa };

// The unit that a letter names, either case.
[[nodiscard]] Result<Unit> parse_unit(char letter);

// squeue's way: a larger unit only where nothing is lost. (1536, mega) -> "1536M"; 4096 -> "4G".
[[nodiscard]] std::string format_exact(std::uint64_t value, Unit unit);
// sacct's way: the largest unit that leaves at least one, two digits if it doesn't divide evenly.
// (1536, mega) -> "1.50G".
[[nodiscard]] std::string format_rounded(std::uint64_t value, Unit unit);
// sacct --units: in the unit `to`, (1536, mega) to giga -> "1.50G".
[[nodiscard]] std::string format_in(std::uint64_t value, Unit unit, Unit to);
// --noconvert: "1536M".
[[nodiscard]] std::string format_plain(std::uint64_t value, Unit unit);

}  // namespace sluice::base
