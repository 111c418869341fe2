// What every Slurm command does the same way: its invocation, its messages ("sbatch: error: …"), and
// how parsing that stops becomes an exit code.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "opt/invocation.hpp"

namespace sluice::cli {

// The process's arguments, environment, clock and uid. Files are read with the given limit.
[[nodiscard]] opt::Invocation invocation_of(int argc, char** argv, std::size_t max_file);

// Prints what parsing wants printed and returns its exit code.
[[nodiscard]] int stop_with(const opt::Stop& stop);

// "PROGRAM: error: TEXT" and "PROGRAM: TEXT" on stderr, each line of TEXT with the prefix.
void print_error(std::string_view program, std::string_view text);
void print_info(std::string_view program, std::string_view text);

}  // namespace sluice::cli
