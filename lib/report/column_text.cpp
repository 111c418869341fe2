// See column_text.hpp.
#include "report/column_text.hpp"

#include "base/duration.hpp"
#include "base/quantity.hpp"
#include "base/timetext.hpp"

namespace sluice::report {

void add_time(std::string& out, model::WallTime when, const TimeStyle& style,
              std::string_view unknown) {
  if (when == 0) {
    out += unknown;
  } else {
    out += base::format_time_as(when / model::kSecond, style.format, style.now);
  }
}

void add_short_duration(std::string& out, std::int64_t seconds) {
  out += base::format_short_duration(seconds);
}

void add_minutes(std::string& out, std::uint32_t minutes) {
  if (minutes == model::kUnlimited) {
    out += "UNLIMITED";
  } else {
    add_short_duration(out, std::int64_t{minutes} * 60);
  }
}

void add_mib(std::string& out, std::uint64_t mib, Sizes sizes) {
  out += sizes == Sizes::plain ? base::format_plain(mib, base::Unit::mega)
                               : base::format_exact(mib, base::Unit::mega);
}

}  // namespace sluice::report
