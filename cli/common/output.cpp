// See output.hpp.
#include "cli/common/output.hpp"

#include <time.h>

#include <cstdio>

#include "base/timetext.hpp"

namespace sluice::cli {

bool write_out(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

std::string date_line(std::int64_t now) {
  return base::format_time_as(now, "%a %b %d %H:%M:%S %Y", now) + "\n";
}

void wait_seconds(std::uint32_t seconds) {
  const timespec span{static_cast<time_t>(seconds), 0};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &span, nullptr);
}

}  // namespace sluice::cli
