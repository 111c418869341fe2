// The two wire formats of the "simple" PMI that MPICH and its relatives speak over PMI_FD.
//
// PMI-1: lines, "cmd=put kvsname=x key=a value=b\n"; a blank ends a value. The exception is spawn,
// "mcmd=spawn\n" and lines up to "endcmd\n".
// PMI-2: a length in six columns, then "cmd=kvs-put;key=a;value=b;"; in a value ';' is doubled.
// A PMI-2 client begins with one PMI-1 line, "cmd=init pmi_version=2 pmi_subversion=0\n".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace sluice::mpi_pmi {

inline constexpr std::size_t kMaxCommand = 64U << 10U;
inline constexpr std::size_t kMaxKvsName = 256;
inline constexpr std::size_t kMaxKey = 64;
inline constexpr std::size_t kMaxValue = 1024;

struct Command {
  std::string name;
  std::vector<std::pair<std::string, std::string>> fields;

  // "" if there is none.
  [[nodiscard]] std::string_view get(std::string_view key) const;
  Command& add(std::string_view key, std::string_view value) {
    fields.emplace_back(key, value);
    return *this;
  }
};

// `line` without its end. Fails without a cmd.
[[nodiscard]] Result<Command> parse_line(std::string_view line);
[[nodiscard]] std::string format_line(const Command& command);

// `body` without the length.
[[nodiscard]] Result<Command> parse_message(std::string_view body);
[[nodiscard]] std::string format_message(const Command& command);

// The first complete command's extent in `input`: the text and where the next one begins. found is
// false while more bytes are needed; protocol if it can't become one.
struct Extent {
  std::string_view text;
  std::size_t end = 0;
  bool found = false;
};
[[nodiscard]] Result<Extent> cut_line(std::string_view input);
[[nodiscard]] Result<Extent> cut_message(std::string_view input);

}  // namespace sluice::mpi_pmi
