// What a file was that an image came from: by this a step whose image lies here unpacked finds it
// without reading the file again. <home>/files/HASH holds a NameRecord from the file's identity to
// the image's digest. sluice-image writes it; who starts a container reads it, as the user, so this
// is header-only and needs no library of images.
//
// Invariant: an identity is remembered only of a file that nobody had changed for a while before it
// was read: clocks of file systems are coarse, and a change within one tick would not be seen.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>

#include <fmt/core.h>

#include "base/hash.hpp"

namespace sluice::image {

inline constexpr const char* kFileFolder = "files";
inline constexpr std::int64_t kStillSeconds = 2;

struct FileIdentity {
  std::string text;
  std::int64_t changed_s = 0;

  [[nodiscard]] bool still(std::int64_t now_s) const { return changed_s + kStillSeconds < now_s; }
  [[nodiscard]] std::string file_name() const {
    return fmt::format("{:016x}", base::hash_bytes(text));
  }
};

// Of a file that this process may read, or of the index of a layout. Nothing: the long way.
[[nodiscard]] inline std::optional<FileIdentity> identity_of(const std::string& path,
                                                             const std::string& tag) {
  struct stat status {};
  std::string file = path;
  bool there = ::stat(file.c_str(), &status) == 0;
  if (there && S_ISDIR(status.st_mode)) {
    file += "/index.json";
    there = ::stat(file.c_str(), &status) == 0;
  }
  const bool fits = there && S_ISREG(status.st_mode) && ::access(file.c_str(), R_OK) == 0;
  if (!fits) return std::nullopt;
  FileIdentity identity;
  identity.changed_s = status.st_ctim.tv_sec;
  identity.text = fmt::format("{}:{}:{}:{}.{}:{}.{}:{}:{}", status.st_dev, status.st_ino,
                              status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                              status.st_ctim.tv_sec, status.st_ctim.tv_nsec, tag, file);
  return identity;
}

// PATH, or PATH:TAG of a layout.
[[nodiscard]] inline std::optional<FileIdentity> identity_of_image(const std::string& given) {
  if (::access(given.c_str(), F_OK) == 0) return identity_of(given, "");
  const std::size_t colon = given.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  return identity_of(given.substr(0, colon), given.substr(colon + 1));
}

}  // namespace sluice::image
