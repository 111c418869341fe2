// See image_homes.hpp.
#include "daemon/worker/image_homes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/quantity.hpp"

namespace sluice::worker {

namespace {

constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr mode_t kForOthers = 022;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// The folder above all homes: nobody else may put anything into it.
Result<base::UniqueFd> open_cache(const std::string& cache) {
  const std::size_t slash = cache.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    if (Status made = base::make_directories(cache.substr(0, slash), 0755); !made) {
      return tl::unexpected(made.error());
    }
  }
  if (::mkdir(cache.c_str(), 0711) != 0 && errno != EEXIST) {
    return tl::unexpected(base::errno_error("making " + cache, errno));
  }
  base::UniqueFd folder(::open(cache.c_str(), kFolder));
  if (!folder.is_open()) return tl::unexpected(base::errno_error("opening " + cache, errno));
  struct stat found {};
  if (::fstat(folder.get(), &found) != 0) {
    return tl::unexpected(base::errno_error("looking at " + cache, errno));
  }
  if (found.st_uid != ::geteuid() || (found.st_mode & kForOthers) != 0) {
    return fail(ErrorCode::access_denied,
                cache + ": others may write there; it must be the daemon's own, mode 0711");
  }
  return folder;
}

}  // namespace

Result<std::string> make_image_home(const std::string& cache, const ImageOwner& owner,
                                    bool change_user) {
  Result<base::UniqueFd> folder = open_cache(cache);
  if (!folder) return tl::unexpected(folder.error());
  const std::string name = std::to_string(owner.uid);
  std::string path = cache + "/" + name;
  if (::mkdirat(folder->get(), name.c_str(), 0700) != 0 && errno != EEXIST) {
    return tl::unexpected(base::errno_error("making " + path, errno));
  }
  const base::UniqueFd home(::openat(folder->get(), name.c_str(), kFolder));
  if (!home.is_open()) return tl::unexpected(base::errno_error("opening " + path, errno));
  struct stat found {};
  if (::fstat(home.get(), &found) != 0) {
    return tl::unexpected(base::errno_error("looking at " + path, errno));
  }
  const uid_t wanted = change_user ? owner.uid : ::geteuid();
  if (found.st_uid == wanted) return path;
  // Made just now, or by a daemon that was interrupted here.
  if (found.st_uid != ::geteuid()) {
    return fail(ErrorCode::access_denied, path + ": it belongs to somebody else");
  }
  if (::fchown(home.get(), owner.uid, owner.gid) != 0) {
    return tl::unexpected(base::errno_error("handing " + path + " over", errno));
  }
  return path;
}

std::string find_image_home(const std::string& cache, std::uint32_t uid) {
  std::string path = cache + "/" + std::to_string(uid);
  struct stat found {};
  const bool there = ::lstat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
  return there ? path : std::string();
}

std::vector<std::pair<std::string, ImageOwner>> image_homes(const std::string& cache) {
  std::vector<std::pair<std::string, ImageOwner>> homes;
  const std::unique_ptr<DIR, CloseDir> folder(::opendir(cache.c_str()));
  if (!folder) return homes;
  while (const dirent* entry = ::readdir(folder.get())) {
    const Result<std::uint32_t> uid = base::parse_u32(static_cast<const char*>(entry->d_name));
    struct stat found {};
    if (!uid || ::fstatat(::dirfd(folder.get()), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    if (S_ISDIR(found.st_mode)) {
      homes.emplace_back(cache + "/" + entry->d_name, ImageOwner{*uid, found.st_gid});
    }
  }
  return homes;
}

}  // namespace sluice::worker
