// See the header.
#include "image/reference.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"
#include "image/digest.hpp"

namespace sluice::image {
namespace {

constexpr std::size_t kMaxReference = 4096;
constexpr std::size_t kMaxTag = 128;
constexpr std::string_view kSquashfsMagic = "hsqs";

bool is_lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > kMaxTag || !is_word(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

// Lower-case words with single separators between them, as registries have it.
bool is_path(std::string_view text) {
  for (const std::string_view part : base::split(text, '/')) {
    if (part.empty() || !is_lower(part.front()) || !is_lower(part.back())) return false;
    const bool fine = std::all_of(part.begin(), part.end(), [](char c) {
      return is_lower(c) || c == '.' || c == '_' || c == '-';
    });
    if (!fine || part.find("..") != std::string_view::npos) return false;
  }
  return true;
}

bool is_registry(std::string_view text) {
  if (text.empty() || text.front() == '-' || text.front() == '.') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_word(c) || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
  });
}

bool is_user(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '/' && c != '\\' && c != '"' && c != '\'';
  });
}

// The first part of "a/b/c" is a registry if it looks like a host, as everywhere.
bool looks_like_host(std::string_view part) {
  return part == "localhost" || part.find('.') != std::string_view::npos ||
         part.find(':') != std::string_view::npos;
}

tl::unexpected<Error> wrong(std::string_view given, std::string_view what) {
  return fail(ErrorCode::invalid_argument,
              "invalid image reference '" + base::escape(given) + "': " + std::string(what));
}

// "USER@REGISTRY#" in front of the name; what comes after it stays in `rest`.
Status take_front(Reference& reference, std::string_view& rest) {
  const std::size_t hash = rest.find('#');
  std::string_view front = hash == std::string_view::npos ? "" : rest.substr(0, hash);
  if (hash != std::string_view::npos) {
    rest.remove_prefix(hash + 1);
    const std::size_t at = front.rfind('@');
    if (at != std::string_view::npos) {
      reference.user = front.substr(0, at);
      if (!is_user(reference.user)) return wrong(reference.given, "bad user name");
      front.remove_prefix(at + 1);
    }
    if (!is_registry(front)) return wrong(reference.given, "bad registry name");
    reference.registry = front;
    return {};
  }
  // USER@IMAGE: an '@' that doesn't begin a digest.
  const std::size_t at = rest.find('@');
  if (at != std::string_view::npos && !is_digest(rest.substr(at + 1)) &&
      rest.substr(at + 1, kDigestPrefix.size()) != kDigestPrefix) {
    reference.user = rest.substr(0, at);
    if (!is_user(reference.user)) return wrong(reference.given, "bad user name");
    rest.remove_prefix(at + 1);
  }
  return {};
}

Status take_end(Reference& reference, std::string_view& rest) {
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    reference.digest = rest.substr(at + 1);
    if (!is_digest(reference.digest)) {
      return wrong(reference.given, "a digest is 'sha256:' and 64 lower-case hexadecimal digits");
    }
    rest = rest.substr(0, at);
  }
  const std::size_t colon = rest.rfind(':');
  const std::size_t slash = rest.rfind('/');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    reference.tag = rest.substr(colon + 1);
    if (!is_tag(reference.tag)) return wrong(reference.given, "bad tag");
    rest = rest.substr(0, colon);
  }
  return {};
}

Result<Reference> parse_remote(std::string_view given, std::string_view rest) {
  Reference reference;
  reference.given = given;
  if (auto front = take_front(reference, rest); !front) return tl::unexpected(front.error());
  if (auto end = take_end(reference, rest); !end) return tl::unexpected(end.error());
  const std::size_t slash = rest.find('/');
  if (reference.registry.empty() && slash != std::string_view::npos &&
      looks_like_host(rest.substr(0, slash))) {
    reference.registry = rest.substr(0, slash);
    if (!is_registry(reference.registry)) return wrong(given, "bad registry name");
    rest.remove_prefix(slash + 1);
  }
  if (rest.empty()) return wrong(given, "no image name");
  if (!is_path(rest)) {
    return wrong(given, "image names have lower-case letters, digits and single separators");
  }
  reference.path = rest;
  if (reference.registry.empty()) reference.registry = "docker.io";
  if (reference.registry == "docker.io" && reference.path.find('/') == std::string::npos) {
    reference.path.insert(0, "library/");
  }
  if (reference.tag.empty() && reference.digest.empty()) reference.tag = "latest";
  return reference;
}

Result<std::string> absolute(std::string_view path) {
  if (path.front() == '/') return std::string(path);
  std::array<char, PATH_MAX> folder{};
  if (::getcwd(folder.data(), folder.size()) == nullptr) {
    return tl::unexpected(base::errno_error("the working directory", errno));
  }
  return std::string(folder.data()) + "/" + std::string(path);
}

Result<Source> source_of_file(const std::string& path, const struct stat& status) {
  if (S_ISDIR(status.st_mode)) {
    if (base::file_exists(path + "/oci-layout")) return Source::oci_layout;
    return fail(ErrorCode::invalid_argument, path + ": a directory, but not an OCI layout");
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::invalid_argument, path + ": neither a file nor an OCI layout");
  }
  const auto fd = base::open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) return tl::unexpected(fd.error());
  std::array<char, 4> magic{};
  const ssize_t got = ::read(fd->get(), magic.data(), magic.size());
  if (got < 0) return tl::unexpected(base::errno_error(path, errno));
  if (got == 0) return fail(ErrorCode::invalid_argument, path + ": an empty file, not an image");
  return std::string_view(magic.data(), magic.size()) == kSquashfsMagic ? Source::squashfs
                                                                        : Source::archive;
}

Result<Reference> parse_file(std::string_view given) {
  auto path = absolute(given);
  if (!path) return tl::unexpected(path.error());
  Reference reference;
  reference.given = given;
  struct stat status {};
  bool there = ::stat(path->c_str(), &status) == 0;
  const int error = errno;
  const std::size_t colon = path->rfind(':');
  if (!there && error == ENOENT && colon != std::string::npos) {
    reference.tag = path->substr(colon + 1);
    path->resize(colon);
    there = ::stat(path->c_str(), &status) == 0;
    if (there && reference.tag.empty()) return wrong(given, "an empty tag");
  }
  if (!there) return tl::unexpected(base::errno_error(std::string(given), error));
  auto source = source_of_file(*path, status);
  if (!source) return tl::unexpected(source.error());
  if (!reference.tag.empty() && *source != Source::oci_layout) {
    return tl::unexpected(base::errno_error(std::string(given), error));
  }
  reference.source = *source;
  reference.file = std::move(*path);
  return reference;
}

}  // namespace

std::string Reference::canonical() const {
  if (source != Source::registry) return tag.empty() ? file : file + ":" + tag;
  std::string text = repository();
  if (!tag.empty()) text += ":" + tag;
  if (!digest.empty()) text += "@" + digest;
  return text;
}

Result<Reference> parse_reference(std::string_view text) {
  if (text.empty()) return wrong(text, "it is empty");
  if (text.size() > kMaxReference) return wrong(text.substr(0, 64), "it is too long");
  if (text.find('\0') != std::string_view::npos) return wrong(text, "a zero byte");
  const bool is_file =
      text.front() == '/' || text.substr(0, 2) == "./" || text.substr(0, 3) == "../";
  if (is_file) return parse_file(text);
  constexpr std::string_view kScheme = "docker://";
  std::string_view rest = text;
  if (rest.substr(0, kScheme.size()) == kScheme) rest.remove_prefix(kScheme.size());
  if (const std::size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    return wrong(text, "only docker:// is understood");
  }
  return parse_remote(text, rest);
}

}  // namespace sluice::image
