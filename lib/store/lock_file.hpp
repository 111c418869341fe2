// The lock that keeps a second controller away from the same state. An open-file-description lock:
// the kernel drops it with the process, however that ends, so a left-over file means nothing.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace sluice::store {

// Held as long as the descriptor is open. The file holds the owner's process id as text.
[[nodiscard]] Result<base::UniqueFd> take_lock(const std::string& path);

}  // namespace sluice::store
