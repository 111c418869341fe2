// See the header. The ids are set by raw system calls: after fork() there is one thread, and the C
// library's versions take locks that another thread may have held.

#include "auth/user/become_user.hpp"

#include <grp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/user.hpp"

namespace sluice::auth {

namespace {

Result<UserIdentity> with_groups(base::User found) {
  auto groups = base::find_groups(found);
  if (!groups) return tl::unexpected<Error>(std::move(groups).error());
  return UserIdentity{.uid = found.uid,
                      .gid = found.gid,
                      .groups = std::move(*groups),
                      .name = std::move(found.name),
                      .home = std::move(found.home),
                      .shell = std::move(found.shell)};
}

bool ids_are(const UserIdentity& user) noexcept {
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  if (::getresuid(&real, &effective, &saved) != 0) return false;
  if (real != user.uid || effective != user.uid || saved != user.uid) return false;
  gid_t real_gid = 0;
  gid_t effective_gid = 0;
  gid_t saved_gid = 0;
  if (::getresgid(&real_gid, &effective_gid, &saved_gid) != 0) return false;
  return real_gid == user.gid && effective_gid == user.gid && saved_gid == user.gid;
}

// The kernel keeps groups sorted, so only the numbers can be compared: as many, and each is ours.
bool groups_are(const UserIdentity& user) noexcept {
  constexpr int kBatch = 1024;
  gid_t held[kBatch];
  const int count = ::getgroups(0, nullptr);
  if (count < 0 || static_cast<std::size_t>(count) != user.groups.size()) return false;
  if (count > kBatch) return true;  // too many to check without memory; the call succeeded
  if (::getgroups(kBatch, held) != count) return false;
  for (int i = 0; i < count; ++i) {
    bool wanted = false;
    for (const gid_t group : user.groups) wanted = wanted || group == held[i];
    if (!wanted) return false;
  }
  return true;
}

// An id of -1 tells these system calls to change nothing, which must never pass for success.
bool is_real_identity(const UserIdentity& user) noexcept {
  return user.uid != static_cast<uid_t>(-1) && user.gid != static_cast<gid_t>(-1);
}

}  // namespace

Result<UserIdentity> resolve_user(uid_t uid) {
  auto found = base::find_user(uid);
  if (!found) return tl::unexpected<Error>(std::move(found).error());
  return with_groups(std::move(*found));
}

Result<UserIdentity> resolve_user(const std::string& name) {
  auto found = base::find_user(name);
  if (!found) return tl::unexpected<Error>(std::move(found).error());
  return with_groups(std::move(*found));
}

UserIdentity resolve_user_or_bare(uid_t uid, gid_t gid) {
  auto found = resolve_user(uid);
  if (!found) {
    return UserIdentity{
        .uid = uid, .gid = gid, .groups = {gid}, .name = {}, .home = {}, .shell = {}};
  }
  found->gid = gid;
  return *found;
}

int become_user(const UserIdentity& user) noexcept {
  if (!is_real_identity(user)) return EINVAL;
  if (::geteuid() != 0) return ids_are(user) ? 0 : EPERM;
  if (::syscall(SYS_setgroups, user.groups.size(), user.groups.data()) != 0) return errno;
  if (!groups_are(user)) return EPERM;
  if (::syscall(SYS_setresgid, user.gid, user.gid, user.gid) != 0) return errno;
  if (::syscall(SYS_setresuid, user.uid, user.uid, user.uid) != 0) return errno;
  if (!ids_are(user)) return EPERM;
  // What was given up must be out of reach.
  if (user.uid != 0 && ::syscall(SYS_setresuid, -1, 0, -1) == 0) return EPERM;
  return 0;
}

void become_user_or_exit(const UserIdentity& user, int exit_code) noexcept {
  if (become_user(user) != 0) ::_exit(exit_code);
}

}  // namespace sluice::auth
