// The login environment of the calling user, for --get-user-env and --export=NONE.
#pragma once

#include <cstdint>

#include "base/env.hpp"
#include "base/result.hpp"

namespace sluice::cli {

enum class ShellMode { login, plain };  // --get-user-env=L and =S

// Runs the user's shell and takes over what its environment is. Fails after the given time
// (0: 8 seconds), because start-up files may hang.
[[nodiscard]] Result<base::Environment> user_environment(std::uint32_t seconds, ShellMode mode);

}  // namespace sluice::cli
