// See the header.
#include "image/layer_writer.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.hpp"
#include "base/strings.hpp"

namespace sluice::image {
namespace {

constexpr std::uint32_t kKeptBits = 01777;
constexpr std::uint32_t kFolderBits = 0700;
constexpr std::uint32_t kFileBits = 0400;
constexpr std::size_t kMaxFolderTimes = 1U << 18U;
constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kForeignWhiteout = ".wh..wh.";  // aufs' own files
// What overlay reads with the mount option userxattr.
constexpr const char* kOpaqueAttribute = "user.overlay.opaque";
constexpr const char* kWhiteoutAttribute = "user.overlay.whiteout";

tl::unexpected<Error> failed(std::string_view path) {
  const int error = errno;
  if (error == ENOSPC || error == EDQUOT) {
    return fail(ErrorCode::storage,
                "no space left where images are kept (" + base::errno_text(error) + ")");
  }
  return tl::unexpected(base::errno_error(base::escape(path), error));
}

tl::unexpected<Error> refused(std::string_view path, std::string_view why) {
  return fail(ErrorCode::invalid_argument,
              "entry '" + base::escape(path.substr(0, 200)) + "' of the image " + std::string(why));
}

int open_in_root(int root, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
}

bool is_whiteout_node(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0);
}

// Whatever overlay would take for a whiteout.
bool is_whiteout_at(int folder, const std::string& name) {
  struct stat status {};
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (is_whiteout_node(status)) return true;
  if (!S_ISREG(status.st_mode) || status.st_size != 0) return false;
  const base::UniqueFd fd(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  return fd.is_open() && ::fgetxattr(fd.get(), kWhiteoutAttribute, nullptr, 0) >= 0;
}

Status set_attribute(int fd, const char* name, std::string_view value) {
  if (::fsetxattr(fd, name, value.data(), value.size(), 0) == 0) return {};
  if (errno != EOPNOTSUPP) return failed(name);
  return fail(ErrorCode::io, "the file system where images are kept has no extended attributes");
}

std::string joined(const std::vector<std::string_view>& parts, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) path += '/';
    path += parts[i];
  }
  return path.empty() ? "." : path;
}

}  // namespace

Result<LayerWriter> LayerWriter::open(const std::string& root, Bounds bounds) {
  auto fd = base::open_file(root, O_RDONLY | O_DIRECTORY);
  if (!fd) return tl::unexpected(fd.error());
  return LayerWriter(std::move(*fd), bounds);
}

Status LayerWriter::count() {
  if (++entries_ <= bounds_.entries) return {};
  return fail(ErrorCode::invalid_argument, "the image has too many files");
}

Status LayerWriter::skip() { return count(); }

// "./a//b/" -> a, b.
Result<std::vector<std::string_view>> LayerWriter::parts_of(std::string_view path) const {
  if (path.size() > kMaxPathBytes) return refused(path, "has too long a path");
  std::vector<std::string_view> parts;
  for (const std::string_view part : base::split_nonempty(path, '/')) {
    if (part == ".") continue;
    if (part == "..") return refused(path, "leads out of it");
    if (part.size() > kMaxNameBytes) return refused(path, "has too long a name");
    parts.push_back(part);
  }
  if (parts.size() > kMaxPathDepth) return refused(path, "is nested too deeply");
  return parts;
}

Result<LayerWriter::Place> LayerWriter::place_of(std::string_view path) {
  auto parts = parts_of(path);
  if (!parts) return tl::unexpected(parts.error());
  if (parts->empty()) return Place{root_.get(), ""};
  const std::string folder = joined(*parts, parts->size() - 1);
  if (!parent_.is_open() || folder != parent_path_) {
    auto opened = open_folder(folder, 0);
    if (!opened) return tl::unexpected(opened.error());
    parent_ = std::move(*opened);
    parent_path_ = folder;
  }
  return Place{parent_.get(), std::string(parts->back())};
}

// Folders on the way that the archive doesn't list are made.
Result<base::UniqueFd> LayerWriter::open_folder(const std::string& path, int depth) {
  base::UniqueFd fd(open_in_root(root_.get(), path));
  if (fd.is_open()) return fd;
  if ((errno != ENOENT && errno != ENOTDIR) || path == ".") return failed(path);
  if (depth > static_cast<int>(kMaxPathDepth)) return refused(path, "is nested too deeply");
  const std::size_t slash = path.rfind('/');
  const std::string above = slash == std::string::npos ? "." : path.substr(0, slash);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  auto parent = open_folder(above, depth + 1);
  if (!parent) return parent;
  if (auto counted = count(); !counted) return tl::unexpected(counted.error());
  if (auto made = make_folder(parent->get(), name, 0755); !made) {
    return tl::unexpected(made.error());
  }
  fd.reset(open_in_root(root_.get(), path));
  if (!fd.is_open()) return refused(path, "lies below something that isn't a folder");
  return fd;
}

// One that is there stays; a whiteout becomes an opaque folder: the lower one's content is hidden.
Status LayerWriter::make_folder(int folder, const std::string& name, std::uint32_t mode) {
  const bool hidden = is_whiteout_at(folder, name);
  if (hidden && ::unlinkat(folder, name.c_str(), 0) != 0) return failed(name);
  if (::mkdirat(folder, name.c_str(), mode | kFolderBits) != 0) {
    if (errno == EEXIST) return {};
    return failed(name);
  }
  if (!hidden) return {};
  const base::UniqueFd fd(
      ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.is_open()) return failed(name);
  return set_attribute(fd.get(), kOpaqueAttribute, "y");
}

// Before something that is no folder comes into its place.
Status LayerWriter::make_room(const Place& place) {
  if (place.name.empty()) return refused("/", "would replace the root");
  if (::unlinkat(place.folder, place.name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return failed(place.name);
  if (::unlinkat(place.folder, place.name.c_str(), AT_REMOVEDIR) == 0) return {};
  return refused(place.name, "replaces a folder of the same layer by something else");
}

Status LayerWriter::add_folder(const LayerEntry& entry) {
  if (auto counted = count(); !counted) return counted;
  auto place = place_of(entry.path);
  if (!place) return tl::unexpected(place.error());
  const std::uint32_t mode = (entry.mode & kKeptBits) | kFolderBits;
  if (place->name.empty()) return ::fchmod(root_.get(), mode) == 0 ? Status() : failed("/");
  struct stat status {};
  const bool there =
      ::fstatat(place->folder, place->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (there && !S_ISDIR(status.st_mode) && !is_whiteout_at(place->folder, place->name)) {
    if (auto room = make_room(*place); !room) return room;
  }
  if (auto made = make_folder(place->folder, place->name, mode); !made) return made;
  const base::UniqueFd fd(::openat(place->folder, place->name.c_str(),
                                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.is_open() || ::fchmod(fd.get(), mode) != 0) return failed(entry.path);
  if (folder_times_.size() < kMaxFolderTimes) {
    folder_times_.emplace_back(std::string(entry.path), entry.time);
  }
  return {};
}

Status LayerWriter::add_link(const LayerEntry& entry, const std::string& target) {
  if (auto counted = count(); !counted) return counted;
  auto place = place_of(entry.path);
  if (!place) return tl::unexpected(place.error());
  if (target.empty() || target.size() > kMaxPathBytes) {
    return refused(entry.path, "is a link to nowhere");
  }
  if (auto room = make_room(*place); !room) return room;
  if (::symlinkat(target.c_str(), place->folder, place->name.c_str()) != 0) {
    return failed(entry.path);
  }
  return {};
}

Status LayerWriter::add_hard_link(const LayerEntry& entry, std::string_view target) {
  if (auto counted = count(); !counted) return counted;
  auto parts = parts_of(target);
  if (!parts) return tl::unexpected(parts.error());
  if (parts->empty()) return refused(entry.path, "is a hard link to the root");
  const base::UniqueFd from(open_in_root(root_.get(), joined(*parts, parts->size() - 1)));
  const std::string name(parts->back());
  struct stat source {};
  if (!from.is_open() || ::fstatat(from.get(), name.c_str(), &source, AT_SYMLINK_NOFOLLOW) != 0 ||
      S_ISDIR(source.st_mode) || is_whiteout_at(from.get(), name)) {
    return refused(entry.path, "is a hard link to nothing in its layer");
  }
  auto place = place_of(entry.path);
  if (!place) return tl::unexpected(place.error());
  struct stat there {};
  const bool same =
      ::fstatat(place->folder, place->name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
      there.st_ino == source.st_ino && there.st_dev == source.st_dev;
  if (same) return {};
  if (auto room = make_room(*place); !room) return room;
  if (::linkat(from.get(), name.c_str(), place->folder, place->name.c_str(), 0) != 0) {
    return failed(entry.path);
  }
  return {};
}

Status LayerWriter::add_pipe(const LayerEntry& entry) {
  if (auto counted = count(); !counted) return counted;
  auto place = place_of(entry.path);
  if (!place) return tl::unexpected(place.error());
  if (auto room = make_room(*place); !room) return room;
  const std::uint32_t mode = (entry.mode & 0777U) | kFileBits;
  return ::mkfifoat(place->folder, place->name.c_str(), mode) == 0 ? Status() : failed(entry.path);
}

Result<bool> LayerWriter::take_whiteout(const LayerEntry& entry) {
  auto parts = parts_of(entry.path);
  if (!parts) return tl::unexpected(parts.error());
  if (parts->empty() || parts->back().substr(0, kWhiteout.size()) != kWhiteout) return false;
  if (auto counted = count(); !counted) return tl::unexpected(counted.error());
  const std::string_view name = parts->back();
  auto place = place_of(entry.path);
  if (!place) return tl::unexpected(place.error());
  if (name == kOpaque) {
    if (auto set = set_attribute(place->folder, kOpaqueAttribute, "y"); !set) {
      return tl::unexpected(set.error());
    }
    return true;
  }
  if (name.substr(0, kForeignWhiteout.size()) == kForeignWhiteout) return true;
  place->name = name.substr(kWhiteout.size());
  if (place->name.empty() || place->name == "." || place->name == "..") {
    return refused(entry.path, "hides what it may not");
  }
  if (auto hidden = hide(*place); !hidden) return tl::unexpected(hidden.error());
  return true;
}

Status LayerWriter::hide(const Place& place) {
  struct stat status {};
  if (::fstatat(place.folder, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    // The layer has something of that name itself, which hides the lower one; a folder would let
    // its content through.
    if (!S_ISDIR(status.st_mode)) return {};
    const base::UniqueFd fd(::openat(place.folder, place.name.c_str(),
                                     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.is_open()) return failed(place.name);
    return set_attribute(fd.get(), kOpaqueAttribute, "y");
  }
  if (::mknodat(place.folder, place.name.c_str(), S_IFCHR, ::makedev(0, 0)) == 0) return {};
  if (errno != EPERM) return failed(place.name);
  // Where the kernel refuses such nodes: the form with attributes, on the file and its folder.
  const base::UniqueFd fd(::openat(place.folder, place.name.c_str(),
                                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.is_open()) return failed(place.name);
  if (auto set = set_attribute(fd.get(), kWhiteoutAttribute, "y"); !set) return set;
  if (::fgetxattr(place.folder, kOpaqueAttribute, nullptr, 0) >= 0) return {};
  return set_attribute(place.folder, kOpaqueAttribute, "x");
}

Status LayerWriter::begin_file(const LayerEntry& entry) {
  if (auto counted = count(); !counted) return counted;
  auto place = place_of(entry.path);
  if (!place) return tl::unexpected(place.error());
  if (auto room = make_room(*place); !room) return room;
  file_.reset(::openat(place->folder, place->name.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  return file_.is_open() ? Status() : failed(entry.path);
}

Status LayerWriter::write(std::uint64_t offset, std::string_view bytes) {
  bytes_ += bytes.size();
  if (bytes_ > bounds_.bytes) {
    return fail(ErrorCode::invalid_argument, "the image is too large");
  }
  while (!bytes.empty()) {
    const ssize_t done =
        ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return failed("writing");
    offset += static_cast<std::uint64_t>(done);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return {};
}

Status LayerWriter::end_file(const LayerEntry& entry, std::uint64_t length) {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) return failed(entry.path);
  const bool shorter = static_cast<std::uint64_t>(status.st_size) < length;
  if (shorter && ::ftruncate(file_.get(), static_cast<off_t>(length)) != 0) {
    return failed(entry.path);
  }
  if (::fchmod(file_.get(), (entry.mode & 0777U) | kFileBits) != 0) return failed(entry.path);
  const timespec times[2] = {{entry.time.seconds, entry.time.nanoseconds},
                             {entry.time.seconds, entry.time.nanoseconds}};
  static_cast<void>(::futimens(file_.get(), times));  // a date out of range is no loss
  file_.reset();
  return {};
}

Status LayerWriter::finish() {
  for (auto it = folder_times_.rbegin(); it != folder_times_.rend(); ++it) {
    const base::UniqueFd fd(open_in_root(root_.get(), it->first));
    const timespec times[2] = {{it->second.seconds, it->second.nanoseconds},
                               {it->second.seconds, it->second.nanoseconds}};
    if (fd.is_open()) static_cast<void>(::futimens(fd.get(), times));
  }
  return {};
}

}  // namespace sluice::image
