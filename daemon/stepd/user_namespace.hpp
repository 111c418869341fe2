// A user namespace of one's own, in which the user is root over nothing but what is the user's. For
// a forked child with one thread that is the user already; it doesn't come back.
#pragma once

#include <sys/types.h>

#include "base/result.hpp"

namespace sluice::stepd {

// With a mount namespace from which nothing gets out. Inside, the user has the ids `uid` and `gid`:
// 0 (root of the namespace) or the own ones.
[[nodiscard]] Status enter_user_namespace(uid_t uid, gid_t gid);

// Removes what the user's containers left, whatever its permissions are. Only the folder's content
// where its parent isn't the user's.
[[nodiscard]] Status remove_own_tree(const std::string& path);

}  // namespace sluice::stepd
