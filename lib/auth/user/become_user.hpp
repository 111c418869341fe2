// Becoming a user: groups, gid, uid, in that order, each verified. For forked children; the
// identity is resolved before the fork, and after it only system calls are made.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.hpp"

namespace sluice::auth {

struct UserIdentity {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  std::vector<gid_t> groups;  // all supplementary groups
  std::string name;
  std::string home;
  std::string shell;
};

// From the user database; not_found for a uid that it doesn't know.
Result<UserIdentity> resolve_user(uid_t uid);
Result<UserIdentity> resolve_user(const std::string& name);
// The same, but with `gid` as the primary group. A uid unknown to the database has only that group.
UserIdentity resolve_user_or_bare(uid_t uid, gid_t gid);

// 0, or the errno of the step that failed; the process must then exit without doing anything more.
// Async-signal-safe. An unprivileged process can only become itself: then its groups stay.
[[nodiscard]] int become_user(const UserIdentity& user) noexcept;
// The same, but leaves by _exit(`exit_code`) on failure.
void become_user_or_exit(const UserIdentity& user, int exit_code) noexcept;

}  // namespace sluice::auth
