// Opening files without trusting paths. A path that a user can influence is opened by a short-lived
// child which is that user, and only the descriptor comes back. Trees that root owns are walked
// beneath a folder, without following links.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <string>

#include "auth/user/become_user.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

namespace sluice::auth {

struct UserOpen {
  std::string path;       // relative to `directory`
  std::string directory;  // entered first, as the user; empty: "/"
  int flags = O_RDONLY;   // O_CLOEXEC and O_NOCTTY are added
  mode_t mode = 0666;     // for a new file, less `umask`
  mode_t umask = 022;
  std::int64_t timeout_ms = 10'000;  // a dead file system or a fifo without a reader
};

// The error's text names the path and the system's reason. access_denied, not_found, io, or
// unavailable when the time is over.
Result<base::UniqueFd> open_as_user(const UserIdentity& user, const UserOpen& request);

// openat2 with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS; O_CLOEXEC is added.
Result<base::UniqueFd> open_beneath(int directory_fd, const std::string& path, int flags,
                                    mode_t mode = 0);

}  // namespace sluice::auth
