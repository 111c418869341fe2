// See the header.
#include "image/blobs.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.hpp"
#include "base/strings.hpp"
#include "image/digest.hpp"

namespace sluice::image {
namespace {

constexpr std::size_t kPiece = 256U << 10U;
constexpr int kMaxNesting = 4;

tl::unexpected<Error> failed(const std::string& path) {
  if (errno == ENOSPC || errno == EDQUOT) {
    return fail(ErrorCode::storage, "no space left where images are kept");
  }
  return tl::unexpected(base::errno_error(path, errno));
}

std::string offered(const Index& index) {
  std::string list;
  for (const IndexEntry& entry : index) {
    const std::string name = entry.name.empty() ? entry.blob.digest : base::escape(entry.name);
    list += (list.empty() ? "" : ", ") + name;
    if (list.size() > 400) return list + ", …";
  }
  return list;
}

bool is_named(const IndexEntry& entry, const std::string& tag) {
  if (entry.name == tag) return true;
  // Some write whole references: "docker.io/library/debian:12".
  const std::size_t colon = entry.name.rfind(':');
  return colon != std::string::npos && entry.name.substr(colon + 1) == tag;
}

Result<std::string> choose(const Index& index, const LayoutChoice& choice) {
  if (!choice.digest.empty()) return choice.digest;
  Index named = index;
  if (!choice.tag.empty()) {
    std::erase_if(named, [&](const IndexEntry& entry) { return !is_named(entry, choice.tag); });
  }
  if (named.empty()) {
    return fail(ErrorCode::not_found, index.empty() ? "there is no image in it"
                                                    : "no image '" + base::escape(choice.tag) +
                                                          "' in it; there is " + offered(index));
  }
  if (named.size() == 1) return named.front().blob.digest;
  const bool by_platform = std::all_of(named.begin(), named.end(), [&](const IndexEntry& entry) {
    return !entry.architecture.empty() && entry.name == named.front().name;
  });
  if (!by_platform) {
    return fail(ErrorCode::invalid_argument, "there are several images in it: " + offered(named));
  }
  auto entry = choose_entry(named);
  if (!entry) return tl::unexpected(entry.error());
  return entry->blob.digest;
}

Result<std::string> verified(const LayoutSource& source, const std::string& digest) {
  auto bytes = source.document(digest);
  if (!bytes) return bytes;
  if (digest_of(*bytes) == digest) return bytes;
  return fail(ErrorCode::protocol, "a broken image: " + digest + " isn't what its name says");
}

}  // namespace

Result<std::string> read_document(const Home& home, const std::string& digest) {
  auto bytes = base::read_file(home.blob(digest), kMaxDocument);
  if (!bytes) return bytes;
  if (digest_of(*bytes) == digest) return bytes;
  static_cast<void>(::unlink(home.blob(digest).c_str()));
  return fail(ErrorCode::protocol, digest + " is damaged");
}

Status write_document(const Home& home, const Document& document) {
  return base::write_file_atomic(home.blob(document.digest), document.bytes,
                                 {0600, base::Durability::fast});
}

bool has_whole(const Home& home, const BlobRef& blob) {
  struct stat status {};
  return ::lstat(home.blob(blob.digest).c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         static_cast<std::uint64_t>(status.st_size) == blob.size;
}

bool is_complete(const Home& home, const std::string& manifest_digest) {
  auto bytes = read_document(home, manifest_digest);
  if (!bytes) return false;
  auto manifest = parse_manifest(*bytes);
  if (!manifest || !has_whole(home, manifest->config)) return false;
  return std::all_of(manifest->layers.begin(), manifest->layers.end(),
                     [&](const BlobRef& layer) { return has_whole(home, layer); });
}

Result<BlobRef> copy_hashed(int from, const std::string& to, const CopyOptions& options) {
  auto out = base::open_file(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!out) return tl::unexpected(out.error());
  BlobRef blob;
  Sha256 hash;
  std::string buffer(kPiece, '\0');
  while (true) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("reading");
    if (got == 0) break;
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(got));
    blob.size += piece.size();
    if (blob.size > options.limit) {
      return fail(ErrorCode::invalid_argument, "the image is too large (the limit is " +
                                                   std::to_string(options.limit) + " bytes)");
    }
    hash.add(piece);
    if (!base::write_all(out->get(), piece)) return failed(to);
    if (options.tick) {
      if (auto go_on = options.tick(blob.size); !go_on) return tl::unexpected(go_on.error());
    }
  }
  blob.digest = hash.digest();
  return blob;
}

Result<std::string> adopt_layout(const Home& home, const LayoutSource& source,
                                 const LayoutChoice& choice) {
  auto top = parse_document(source.index);
  if (!top) return tl::unexpected(top.error());
  if (!std::holds_alternative<Index>(*top)) {
    return fail(ErrorCode::protocol, "a broken image: its index.json isn't an index");
  }
  auto digest = choose(std::get<Index>(*top), choice);
  for (int nesting = 0; digest && nesting < kMaxNesting; ++nesting) {
    auto bytes = verified(source, *digest);
    if (!bytes) return bytes;
    auto document = parse_document(*bytes);
    if (!document) return tl::unexpected(document.error());
    if (const auto* index = std::get_if<Index>(&*document)) {
      auto entry = choose_entry(*index);
      digest = entry ? Result<std::string>(entry->blob.digest) : tl::unexpected(entry.error());
      continue;
    }
    const auto& manifest = std::get<Manifest>(*document);
    if (auto done = source.bring(manifest.config); !done) return tl::unexpected(done.error());
    for (const BlobRef& layer : manifest.layers) {
      if (auto done = source.bring(layer); !done) return tl::unexpected(done.error());
    }
    auto written = write_document(home, {std::move(*bytes), *digest});
    if (!written) return tl::unexpected(written.error());
    return digest;
  }
  if (!digest) return digest;
  return fail(ErrorCode::protocol, "a broken image: indexes inside of indexes");
}

}  // namespace sluice::image
