// Small writers that the tables of fields share: each appends to the column's text.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "model/types.hpp"

namespace sluice::report {

template <class Number>
void add_number(std::string& out, Number number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

// Slurm's words for "nothing": "(null)" for texts, "N/A" for what a job hasn't got.
inline void add_or(std::string& out, std::string_view text, std::string_view otherwise) {
  out += text.empty() ? otherwise : text;
}
inline void add_or_null(std::string& out, std::string_view text) { add_or(out, text, "(null)"); }

// `format` is SLURM_TIME_FORMAT; 0 prints `unknown`.
struct TimeStyle {
  std::string_view format;
  std::int64_t now = 0;
};
void add_time(std::string& out, model::WallTime when, const TimeStyle& style,
              std::string_view unknown);

// "0:05", "1:02:03", "1-02:03:04".
void add_short_duration(std::string& out, std::int64_t seconds);
// The same of minutes; kUnlimited is UNLIMITED.
void add_minutes(std::string& out, std::uint32_t minutes);

// "4G" where it is even, else "1500M"; not larger than M with `plain`.
enum class Sizes : std::uint8_t { shortest, plain };
void add_mib(std::string& out, std::uint64_t mib, Sizes sizes);

}  // namespace sluice::report
