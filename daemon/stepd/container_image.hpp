// Has sluice-image bring the image of a step, as the user, in a process of the step's. The first
// node of a step pulls; the others let their agent fetch what the node above them has. For a forked
// child that is the user already.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "daemon/stepd/container_plan.hpp"

namespace sluice::stepd {

using ImageProgress =
    std::function<void(std::string_view phase, std::uint64_t done, std::uint64_t total)>;

// Holds the image's lock from then on, by a descriptor that outlives execve: whoever removes unused
// images leaves this one alone while a process has it.
[[nodiscard]] Result<image::ImageRecord> prepare_image(const ContainerPlan& plan,
                                                       const ImageProgress& progress);

// For a kept container's image.
[[nodiscard]] Status lock_image(const ContainerPlan& plan, std::string_view digest);

// Runs a program to its end, with what it prints on standard error as the reason if it fails.
struct QuietRun {
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::string folder;  // its working directory; empty: ours
};
[[nodiscard]] Status run_quietly(const QuietRun& run);

// The same in two steps; who starts one ends it.
struct QuietChild {
  pid_t pid = -1;
  base::UniqueFd messages;
  std::string program;
};
[[nodiscard]] Result<QuietChild> start_quietly(const QuietRun& run);
[[nodiscard]] Status end_quietly(QuietChild& child);

// Of a program's messages, the one that tells why: without "NAME: error: ".
[[nodiscard]] std::string condensed_reason(std::string_view messages);

}  // namespace sluice::stepd
