// remove_tree: a walk by descriptors. Every directory is opened relative to its parent's descriptor
// and may be neither a link nor on another mount, so nobody who renames things underneath can lead
// it out of the tree.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/fd.hpp"
#include "base/file.hpp"

namespace sluice::base {
namespace {

// One descriptor is open per level.
constexpr int kMaxDepth = 200;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

tl::unexpected<Error> failed(const char* name, int error) {
  return tl::unexpected<Error>(errno_error(name, error));
}

int open_below(int parent, const char* name) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  const long fd = syscall(SYS_openat2, parent, name, &how, sizeof(how));
  if (fd >= 0 || errno != ENOSYS) return static_cast<int>(fd);
  return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

Status remove_entry(int parent, const char* name, int depth);

Status remove_content(UniqueFd fd, int depth) {
  const Directory directory(fdopendir(fd.get()));
  if (directory == nullptr) return failed("fdopendir", errno);
  static_cast<void>(fd.release());  // the stream owns it now
  while (true) {
    errno = 0;
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    auto removed = remove_entry(dirfd(directory.get()), entry->d_name, depth);
    if (!removed) return removed;
  }
  if (errno != 0) return failed("readdir", errno);
  return {};
}

Status remove_entry(int parent, const char* name, int depth) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return failed(name, errno);
  const int unlink_error = errno;
  if (depth >= kMaxDepth) return fail(ErrorCode::io, std::string(name) + ": nested too deeply");
  UniqueFd fd(open_below(parent, name));
  if (!fd.is_open() && errno == ENOENT) return {};  // somebody else removes it as well
  if (!fd.is_open()) return failed(name, errno == ENOTDIR ? unlink_error : errno);
  if (auto emptied = remove_content(std::move(fd), depth + 1); !emptied) {
    return context(name, std::move(emptied.error()));
  }
  if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) return failed(name, errno);
  return {};
}

}  // namespace

Status remove_tree(const std::string& path) {
  std::string whole = path;
  while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
  const std::size_t slash = whole.rfind('/');
  const std::string name = slash == std::string::npos ? whole : whole.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    return fail(ErrorCode::invalid_argument, "'" + path + "' can not be removed");
  }
  const std::string parent_path =
      slash == std::string::npos ? "." : whole.substr(0, slash == 0 ? 1 : slash);
  const auto parent = open_file(parent_path, O_PATH | O_DIRECTORY);
  if (!parent) {
    if (parent.error().code == ErrorCode::not_found) return {};
    return tl::unexpected<Error>(parent.error());
  }
  auto removed = remove_entry(parent->get(), name.c_str(), 0);
  if (!removed) return context("removing " + path, std::move(removed.error()));
  return {};
}

}  // namespace sluice::base
