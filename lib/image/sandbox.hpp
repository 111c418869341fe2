// Work on an image's files happens in a child process: as root of a user namespace that holds only
// the user's own id, in a mount namespace where nothing but the work's folder can be reached or
// written. What an image says can thus lead nowhere else, and costs no privilege.
//
// The child is forked from a program with one thread. It returns one text, or an error, through a
// pipe; it dies with its parent and at the deadline.
#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"
#include "image/deadline.hpp"

namespace sluice::image {

using Work = std::function<Result<std::string>()>;

// The folder becomes the root of the file system: its content is all that there is. Descriptors
// that were open stay so.
[[nodiscard]] Result<std::string> run_inside(const std::string& folder, Deadline deadline,
                                             const Work& work);

// The host's files, all of them read-only but those below `writable` (may be empty: then all). The
// user is not root here, so programs that the work starts have no capability at all, and no
// network.
[[nodiscard]] Result<std::string> run_beside(const std::string& writable, Deadline deadline,
                                             const Work& work);

// With a mount namespace of its own, everything else as it is.
[[nodiscard]] Result<std::string> run_in_user_namespace(const Work& work, Deadline deadline = {});

}  // namespace sluice::image
