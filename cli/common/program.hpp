// What every Slurm command does the same way: its invocation, its messages ("sbatch: error: …"),
// and how parsing that stops becomes an exit code.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "opt/invocation.hpp"

namespace sluice::cli {

// The process's arguments, environment, clock and uid. Files are read with the given limit.
[[nodiscard]] opt::Invocation invocation_of(int argc, char** argv, std::size_t max_file);

// Prints what parsing wants printed and returns its exit code.
[[nodiscard]] int stop_with(const opt::Stop& stop);

// "PROGRAM: error: TEXT" and "PROGRAM: TEXT" on stderr, each line of TEXT with the prefix.
void print_error(std::string_view program, std::string_view text);
void print_info(std::string_view program, std::string_view text);

// What went wrong with a file, without its name: "No such file or directory".
[[nodiscard]] std::string reason_of(const Error& error, const std::string& path);

// A refusal "TEXT: cause" in two: TEXT is the code's own, which scripts match to the end of the
// line; the cause may be empty.
struct Refusal {
  std::string text;
  std::string cause;
};
[[nodiscard]] Refusal refusal_of(const Error& error);
// "PROGRAM: error: CAUSE" if there is one, then "PROGRAM: error: DOING: TEXT".
void print_refusal(std::string_view program, std::string_view doing, const Error& error);

}  // namespace sluice::cli
