// The lines of one record: indented below its first line, or joined to one line.
#pragma once

#include <string>
#include <string_view>

#include "report/column_text.hpp"

namespace sluice::report {

class TextBlock {
 public:
  TextBlock(std::string& out, bool one_line) : out_(out), one_line_(one_line) {}

  void line(std::string_view text) {
    if (!first_) out_ += one_line_ ? " " : "\n   ";
    first_ = false;
    out_ += text;
  }
  // Ends the record. Records are separated by an empty line unless they are one line each.
  void end() { out_ += one_line_ ? "\n" : "\n\n"; }

 private:
  std::string& out_;
  bool one_line_;
  bool first_ = true;
};

[[nodiscard]] inline std::string time_text(const TimeStyle& style, model::WallTime when,
                                           std::string_view unknown) {
  std::string text;
  add_time(text, when, style, unknown);
  return text;
}

// Slurm's word for a text that isn't there.
[[nodiscard]] inline std::string_view or_null(std::string_view text) {
  return text.empty() ? std::string_view("(null)") : text;
}

}  // namespace sluice::report
