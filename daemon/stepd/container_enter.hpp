// A task's way into its container: the namespaces of the process that holds it. For a forked child
// that is the user already; what it is allowed inside is what any user is.
#pragma once

#include <cstdint>

#include "base/result.hpp"

namespace sluice::stepd {

struct ContainerDoor {
  int holder = -1;            // a pidfd
  std::uint32_t unshare = 0;  // ContainerSpec::unshare
  bool root_inside = false;   // --container-remap-root
};

// Joins user and mount namespace, and those that the container has for itself.
[[nodiscard]] Status join_container(const ContainerDoor& door);
// Gives up what joining brought. Root of a container keeps what concerns the user's own files.
[[nodiscard]] Status drop_privileges(bool root_inside);

}  // namespace sluice::stepd
