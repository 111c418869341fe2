// The login environment of the calling user, for --get-user-env and --export=NONE.
#pragma once

#include <cstdint>

#include "base/env.hpp"
#include "base/result.hpp"

namespace sluice::cli {

// Runs the user's login shell and takes over what its environment is. Fails after the given time
// (0: 8 seconds), because start-up files may hang.
[[nodiscard]] Result<base::Environment> login_environment(std::uint32_t seconds);

}  // namespace sluice::cli
