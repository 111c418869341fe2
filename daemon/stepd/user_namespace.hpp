// A user namespace of one's own, in which the user is root over nothing but what is the user's. For
// a forked child with one thread that is the user already; it doesn't come back.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.hpp"

namespace sluice::stepd {

// With a mount namespace from which nothing gets out. Inside, the user has the ids `uid` and `gid`:
// 0 (root of the namespace) or the own ones.
[[nodiscard]] Status enter_user_namespace(uid_t uid, gid_t gid);

// Removes what is in the folder, whatever its permissions are. The folder stays: its parent need
// not be the user's.
[[nodiscard]] Status empty_own_folder(const std::string& path);

}  // namespace sluice::stepd
