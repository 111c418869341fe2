// See the header.
#include "image/home.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include <fmt/core.h>

#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "base/file.hpp"
#include "base/quantity.hpp"
#include "image/digest.hpp"
#include "image/sandbox.hpp"
#include "wire/codec.hpp"

namespace sluice::image {
namespace {

constexpr std::size_t kMaxRecord = 1U << 20U;
constexpr int kWorkTries = 8;
constexpr const char* kFolders[] = {"blobs",          "blobs/sha256", kLayerFolder, "sizes",
                                    kRecordFolder,    "names",        "locks",      "tmp",
                                    kContainerFolder, kFileFolder};

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// Locks the folder itself, if it still is what its path names.
bool own(const std::string& path, base::UniqueFd& fd) {
  auto opened = base::open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!opened || ::flock(opened->get(), LOCK_EX | LOCK_NB) != 0) return false;
  struct stat mine {};
  struct stat named {};
  if (::fstat(opened->get(), &mine) != 0 || ::lstat(path.c_str(), &named) != 0) return false;
  if (mine.st_ino != named.st_ino || mine.st_dev != named.st_dev) return false;
  fd = std::move(*opened);
  return true;
}

}  // namespace

std::vector<std::string> entries_of(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(folder.c_str()));
  if (directory == nullptr) return names;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status remove_own_tree(const std::string& path) {
  if (base::remove_tree(path)) return {};
  auto removed = run_in_user_namespace([&path]() -> Result<std::string> {
    if (auto done = base::remove_tree(path); !done) return tl::unexpected(done.error());
    return std::string();
  });
  if (!removed) return tl::unexpected(removed.error());
  return {};
}

WorkFolder::~WorkFolder() {
  if (!path_.empty()) static_cast<void>(remove_own_tree(path_));
}

Result<Home> Home::open(const std::string& path) {
  if (path.empty() || path.front() != '/') {
    return fail(ErrorCode::invalid_argument, "the image folder must be an absolute path");
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return tl::unexpected(base::errno_error(path, errno));
  if (!S_ISDIR(status.st_mode)) return fail(ErrorCode::io, path + ": not a folder");
  if (status.st_uid != ::geteuid() || (status.st_mode & 022U) != 0) {
    return fail(ErrorCode::access_denied,
                path + ": must be the user's own, and nobody else may write there");
  }
  Home home(path);
  for (const char* name : kFolders) {
    const std::string folder = home.folder(name);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
      return tl::unexpected(base::errno_error(folder, errno));
    }
  }
  home.sweep();
  return home;
}

std::string Home::folder(std::string_view name) const { return path_ + "/" + std::string(name); }
std::string Home::lock(std::string_view name) const { return folder("locks/") + std::string(name); }
std::string Home::blob(std::string_view digest) const {
  return folder("blobs/sha256/") + hex_of(digest);
}
std::string Home::layer(std::string_view diff_id) const {
  return folder(kLayerFolder) + "/" + hex_of(diff_id);
}
std::string Home::record(std::string_view digest) const {
  return folder(kRecordFolder) + "/" + hex_of(digest);
}

bool Home::has_blob(std::string_view digest) const { return base::file_exists(blob(digest)); }
bool Home::has_layer(std::string_view diff_id) const { return base::file_exists(layer(diff_id)); }

Result<std::optional<ImageRecord>> Home::find_record(std::string_view digest) const {
  auto bytes = base::read_file(record(digest), kMaxRecord);
  if (!bytes) {
    if (bytes.error().code == ErrorCode::not_found) return std::optional<ImageRecord>();
    return tl::unexpected(bytes.error());
  }
  auto decoded = wire::decode<ImageRecord>(*bytes);
  // Another version's, or torn by a power cut: it is made anew.
  if (!decoded || decoded->digest.view() != digest) return std::optional<ImageRecord>();
  for (const Text& layer_name : decoded->layers) {
    if (!is_hex(layer_name) || !base::file_exists(folder(kLayerFolder) + "/" + layer_name.str())) {
      return std::optional<ImageRecord>();
    }
  }
  return std::optional<ImageRecord>(std::move(*decoded));
}

Result<std::vector<ImageRecord>> Home::records() const {
  std::vector<ImageRecord> all;
  for (const std::string& name : entries_of(folder(kRecordFolder))) {
    if (!is_hex(name)) continue;
    auto found = find_record(std::string(kDigestPrefix) + name);
    if (!found) return tl::unexpected(found.error());
    if (*found) all.push_back(std::move(**found));
  }
  return all;
}

Status Home::write_record(const ImageRecord& image) const {
  return base::write_file_atomic(record(image.digest), wire::encode(image),
                                 {0600, base::Durability::synced});
}

void Home::touch(std::string_view digest) const {
  static_cast<void>(::utimensat(AT_FDCWD, record(digest).c_str(), nullptr, 0));
}

std::int64_t Home::last_use(std::string_view digest) const {
  struct stat status {};
  return ::stat(record(digest).c_str(), &status) == 0 ? status.st_mtim.tv_sec : 0;
}

Status Home::remember(std::string_view reference, std::string_view digest) const {
  NameRecord name;
  name.reference = reference;
  name.digest = digest;
  name.time = static_cast<std::uint64_t>(base::wall_seconds());
  return base::write_file_atomic(folder("names/") + hex_of(digest_of(reference)),
                                 wire::encode(name), {0600, base::Durability::fast});
}

std::optional<NameRecord> Home::find_name(std::string_view reference) const {
  auto bytes = base::read_file(folder("names/") + hex_of(digest_of(reference)), kMaxRecord);
  if (!bytes) return std::nullopt;
  auto name = wire::decode<NameRecord>(*bytes);
  if (!name || name->reference.view() != reference || !is_digest(name->digest)) {
    return std::nullopt;
  }
  return std::move(*name);
}

std::vector<NameRecord> Home::names() const {
  std::vector<NameRecord> all;
  for (const std::string& file : entries_of(folder("names"))) {
    auto bytes = base::read_file(folder("names/") + file, kMaxRecord);
    if (!bytes) continue;
    auto name = wire::decode<NameRecord>(*bytes);
    if (name && is_digest(name->digest)) all.push_back(std::move(*name));
  }
  return all;
}

Status Home::forget(std::string_view reference) const {
  const std::string path = folder("names/") + hex_of(digest_of(reference));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return tl::unexpected(base::errno_error(path, errno));
  }
  return {};
}

Status Home::remember_file(const FileIdentity& file, std::string_view digest) const {
  NameRecord name;
  name.reference = file.text;
  name.digest = digest;
  name.time = static_cast<std::uint64_t>(base::wall_seconds());
  return base::write_file_atomic(folder(kFileFolder) + "/" + file.file_name(), wire::encode(name),
                                 {0600, base::Durability::fast});
}

void Home::forget_files() const {
  for (const std::string& file : entries_of(folder(kFileFolder))) {
    const std::string path = folder(kFileFolder) + "/" + file;
    const auto bytes = base::read_file(path, kMaxRecord);
    const auto name = wire::decode<NameRecord>(bytes ? *bytes : std::string());
    const bool lives = name && is_digest(name->digest) && base::file_exists(record(name->digest));
    if (!lives) static_cast<void>(::unlink(path.c_str()));
  }
}

Status Home::write_layer_size(std::string_view diff_id, std::uint64_t bytes) const {
  return base::write_file_atomic(folder("sizes/") + hex_of(diff_id), std::to_string(bytes),
                                 {0600, base::Durability::fast});
}

std::uint64_t Home::layer_size(std::string_view diff_id) const {
  auto text = base::read_file(folder("sizes/") + hex_of(diff_id), 32);
  if (!text) return 0;
  return base::parse_unsigned(*text).value_or(0);
}

Result<WorkFolder> Home::make_work(std::string_view purpose) const {
  for (int tries = 0; tries < kWorkTries; ++tries) {
    const std::string path = fmt::format("{}/tmp/{}.{}", path_, purpose, base::random_hex(8));
    if (::mkdir(path.c_str(), 0700) != 0) return tl::unexpected(base::errno_error(path, errno));
    base::UniqueFd fd;
    // A sweeper may have been quicker than our lock; then there is nothing left of it.
    if (own(path, fd)) return WorkFolder(path, std::move(fd));
  }
  return fail(ErrorCode::io, path_ + "/tmp: no folder stays there");
}

Status Home::publish(const std::string& from, const std::string& to) const {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno == EEXIST) return {};
  const bool no_flag = errno == EINVAL;  // a file system that doesn't know RENAME_NOREPLACE
  if (no_flag && (base::file_exists(to) || std::rename(from.c_str(), to.c_str()) == 0)) return {};
  return tl::unexpected(base::errno_error(to, errno));
}

void Home::sweep() const {
  for (const std::string& name : entries_of(folder("tmp"))) {
    const std::string path = folder("tmp/") + name;
    base::UniqueFd fd;
    if (own(path, fd)) static_cast<void>(remove_own_tree(path));
  }
}

}  // namespace sluice::image
