// What a command line is read in, and how reading it may end without options. Parsing looks at
// nothing but the Invocation (and the user database, for names): no clock, no getenv, no printing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/env.hpp"
#include "base/result.hpp"

namespace sluice::opt {

inline constexpr const char* kVersionLine = "slurm 25.11.0\n";

struct Invocation {
  std::vector<std::string> arguments;  // without the program's name
  base::Environment environment;
  std::int64_t now = 0;   // seconds since 1970, for --begin=now+1hour
  std::uint32_t uid = 0;  // the caller's, for --uid, --me
  // Reads a whole file that the user named (--nodefile, -w FILE, the batch script; "" is standard
  // input). The program supplies it, with its limits. The path is as typed.
  std::function<Result<std::string>(const std::string& path)> read_file;
};

// Print `out` to stdout and `err` to stderr as they are, then exit with exit_code. Made by --help,
// --usage, --version and by every error; texts end with a newline or are empty.
struct Stop {
  int exit_code = 0;
  std::string out;
  std::string err;

  bool operator==(const Stop&) const = default;
};

template <class T>
using Parsed = tl::expected<T, Stop>;

}  // namespace sluice::opt
