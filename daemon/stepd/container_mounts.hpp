// Mounts of a container as texts: what the site's configuration says, which flags a mount may have,
// and what the kernel's own file systems look like inside. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/container_spec.hpp"

namespace sluice::stepd {

// One entry of the runtime's configuration.
struct RuntimeMount {
  std::string target;
  std::string type = "none";  // of a bind
  std::string source;
  std::vector<std::string> options;

  bool operator==(const RuntimeMount&) const = default;
};

// "SRC:DST[:FLAGS]", FLAGS joined by '+'; "SRC" alone is at the same place inside.
[[nodiscard]] Result<model::ContainerMount> parse_mount(std::string_view text);

// A bind with the flags of the option; it brings along what is mounted below its source.
[[nodiscard]] Result<RuntimeMount> bind_mount(const model::ContainerMount& mount);
[[nodiscard]] RuntimeMount plain_bind(const std::string& source, const std::string& target);

// proc, sys, a fresh /dev. `unshare` is ContainerSpec::unshare.
[[nodiscard]] std::vector<RuntimeMount> system_mounts(std::uint32_t unshare);

// What stands for the kernel as a whole and is nobody's business inside.
[[nodiscard]] const std::vector<std::string>& masked_paths();
[[nodiscard]] const std::vector<std::string>& readonly_paths();

}  // namespace sluice::stepd
