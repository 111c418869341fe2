// Runs another program (skopeo, unsquashfs, mksquashfs) to its end: without a shell and without
// input, what it prints kept up to a limit, killed with all its children at the deadline, and dead
// if this process dies.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "image/deadline.hpp"

namespace sluice::image {

inline constexpr std::size_t kMaxProgramOutput = 16U << 20U;

struct ProgramCall {
  std::vector<std::string> command;  // the first is looked up in PATH unless it has a '/'
  Deadline deadline;
  std::function<void()> tick;  // called a few times a second
  // Takes standard output as it comes, instead of it being kept; an error ends the program.
  std::function<Status(std::string_view)> output;
};

struct ProgramEnd {
  int exit_code = 0;   // 128 + signal if it was killed
  std::string output;  // up to kMaxProgramOutput, beyond which the call fails
  std::string errors;  // the last part of it
};

// Fails if the program isn't there or the time is over, not if it ends with an exit code.
[[nodiscard]] Result<ProgramEnd> run_program(const ProgramCall& call);

}  // namespace sluice::image
