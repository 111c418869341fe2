// Which container runtime this host has, by what the configuration asks for.
#pragma once

#include <string>
#include <string_view>

namespace sluice::worker {

struct ContainerRuntime {
  std::string path;     // absolute; empty: none, or a command pattern
  std::string version;  // what --version prints
  std::string why_not;  // empty: containers can be run
};

// `wanted` is container_runtime of sluice.yaml ("auto" and "" alike); `pattern` the command pattern
// that it names, if it names one. Runs the runtime once, for its version, with a short time limit.
[[nodiscard]] ContainerRuntime find_container_runtime(const std::string& wanted,
                                                      const std::string& pattern);

}  // namespace sluice::worker
