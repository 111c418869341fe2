// Standard output in large pieces: reports are made in memory and written with as few calls as
// possible.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::cli {

// Writes all of it to standard output. False if that fails: the reader went away or the disk is
// full.
[[nodiscard]] bool write_out(std::string_view text);

// "Sat Nov 21 19:43:29 2026": the line above long and repeated reports.
[[nodiscard]] std::string date_line(std::int64_t now);

// Between two reports of --iterate.
void wait_seconds(std::uint32_t seconds);

}  // namespace sluice::cli
