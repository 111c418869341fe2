// See the header.
#include "daemon/stepd/user_namespace.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/file.hpp"

namespace sluice::stepd {
namespace {

Status write_map(const char* path, const std::string& text) {
  const base::UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd.is_open()) return tl::unexpected(base::errno_error(path, errno));
  return base::write_all(fd.get(), text);
}

}  // namespace

Status enter_user_namespace(uid_t uid, gid_t gid) {
  const uid_t own_uid = ::geteuid();
  const gid_t own_gid = ::getegid();
  // Who has changed user doesn't own its files in /proc.
  ::prctl(PR_SET_DUMPABLE, 1);
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    const int code = errno;
    return fail(ErrorCode::unavailable,
                fmt::format("making a user namespace: {} (user.max_user_namespaces, or a security "
                            "module, may forbid it)",
                            base::errno_text(code)));
  }
  if (auto set = write_map("/proc/self/setgroups", "deny"); !set) return set;
  if (auto set = write_map("/proc/self/uid_map", fmt::format("{} {} 1", uid, own_uid)); !set) {
    return set;
  }
  if (auto set = write_map("/proc/self/gid_map", fmt::format("{} {} 1", gid, own_gid)); !set) {
    return set;
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return tl::unexpected(base::errno_error("making mounts private", errno));
  }
  return {};
}

Status empty_own_folder(const std::string& path) {
  static_cast<void>(enter_user_namespace(0, 0));
  DIR* const folder = ::opendir(path.c_str());
  if (folder == nullptr) return tl::unexpected(base::errno_error(path, errno));
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(folder)) names.emplace_back(entry->d_name);
  ::closedir(folder);
  Status result;
  for (const std::string& name : names) {
    if (name == "." || name == "..") continue;
    if (auto removed = base::remove_tree(path + '/' + name); !removed) result = removed;
  }
  return result;
}

}  // namespace sluice::stepd
