// An image between two hosts, or in an OCI archive: a tar stream of a layout. The sender writes the
// documents first; the receiver takes the files in any order, and believes nothing that isn't what
// its name says.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <set>

#include <archive.h>
#include <archive_entry.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"
#include "image/blobs.hpp"
#include "image/digest.hpp"
#include "image/fetch.hpp"

namespace sluice::image {
namespace {

constexpr std::size_t kPiece = 256U << 10U;
constexpr std::size_t kMaxFiles = 10'000;
constexpr int kLookMs = 1000;
constexpr std::string_view kBlobs = "blobs/sha256/";

struct FreeReader {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using Reader = std::unique_ptr<archive, FreeReader>;
struct FreeWriter {
  void operator()(archive* handle) const { archive_write_free(handle); }
};
using Writer = std::unique_ptr<archive, FreeWriter>;
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

tl::unexpected<Error> broken(archive* handle) {
  const char* text = archive_error_string(handle);
  return fail(ErrorCode::protocol,
              "the image's archive: " + base::escape(text == nullptr ? "unreadable" : text));
}

// A descriptor that may be a pipe on which nothing comes any more.
struct Input {
  int fd = -1;
  Deadline deadline;
  std::string buffer = std::string(kPiece, '\0');
};

la_ssize_t read_input(archive* handle, void* data, const void** piece) {
  auto& input = *static_cast<Input*>(data);
  *piece = input.buffer.data();
  while (true) {
    pollfd waiting{input.fd, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, input.deadline.wait_ms(kLookMs));
    if (ready <= 0 && input.deadline.passed()) {
      archive_set_error(handle, ETIMEDOUT, "the time for it is over");
      return -1;
    }
    if (ready <= 0) continue;
    const ssize_t got = ::read(input.fd, input.buffer.data(), input.buffer.size());
    if (got >= 0) return got;
    if (errno == EINTR || errno == EAGAIN) continue;
    archive_set_error(handle, errno, "%s", base::errno_text(errno).c_str());
    return -1;
  }
}

Result<Reader> open_archive(Input& input) {
  Reader reader(archive_read_new());
  const bool ready = reader != nullptr &&
                     archive_read_support_filter_gzip(reader.get()) == ARCHIVE_OK &&
                     archive_read_support_filter_xz(reader.get()) == ARCHIVE_OK &&
                     archive_read_support_filter_zstd(reader.get()) == ARCHIVE_OK &&
                     archive_read_support_format_tar(reader.get()) == ARCHIVE_OK;
  if (!ready) return fail(ErrorCode::internal, "libarchive can't read tar");
  if (archive_read_open(reader.get(), &input, nullptr, read_input, nullptr) != ARCHIVE_OK) {
    return broken(reader.get());
  }
  return reader;
}

std::string name_of(archive_entry* entry) {
  const char* raw = archive_entry_pathname(entry);
  std::string_view name = raw == nullptr ? "" : raw;
  while (name.substr(0, 2) == "./") name.remove_prefix(2);
  return std::string(name);
}

class Receiver {
 public:
  Receiver(const Home& home, const FetchOptions& options, std::string work)
      : home_(home), options_(options), work_(std::move(work)), progress_(options.progress_fd) {}

  Status read(archive* handle) {
    for (std::size_t files = 0;; ++files) {
      archive_entry* entry = nullptr;
      const int status = archive_read_next_header(handle, &entry);
      if (status == ARCHIVE_EOF) return {};
      if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return broken(handle);
      if (files > kMaxFiles)
        return fail(ErrorCode::protocol, "the image's archive has too many files");
      if (archive_entry_filetype(entry) != AE_IFREG) continue;
      if (auto done = take(handle, name_of(entry)); !done) return done;
    }
  }

  Result<Fetched> adopt() {
    if (index_.empty()) return fail(ErrorCode::protocol, "the image's archive has no index.json");
    LayoutSource source;
    source.index = index_;
    source.document = [this](const std::string& digest) {
      const std::string path = work_ + "/" + hex_of(digest);
      return base::read_file(base::file_exists(path) ? path : home_.blob(digest), kMaxDocument);
    };
    source.bring = [this](const BlobRef& blob) -> Status {
      if (has_whole(home_, blob)) return {};
      const std::string path = work_ + "/" + hex_of(blob.digest);
      if (!base::file_exists(path)) {
        return fail(ErrorCode::protocol, "the image's archive lacks " + blob.digest);
      }
      if (auto done = home_.publish(path, home_.blob(blob.digest)); !done) return done;
      if (has_whole(home_, blob)) return {};
      return fail(ErrorCode::protocol, blob.digest + " has another size than its manifest says");
    };
    auto digest = adopt_layout(home_, source, {options_.digest, ""});
    if (!digest) return tl::unexpected(digest.error());
    return Fetched{*digest, !loaded_};
  }

 private:
  Status take(archive* handle, const std::string& name) {
    if (name == "index.json") {
      auto text = read_text(handle);
      if (!text) return tl::unexpected(text.error());
      index_ = std::move(*text);
      return {};
    }
    const bool is_blob = name.rfind(kBlobs, 0) == 0 && is_hex(name.substr(kBlobs.size()));
    return is_blob ? take_blob(handle, name.substr(kBlobs.size())) : drop(handle);
  }

  // Gives each piece to `use` until the entry is over.
  Status each_piece(archive* handle, const std::function<Status(std::string_view)>& use) {
    std::string buffer(kPiece, '\0');
    while (true) {
      const la_ssize_t got = archive_read_data(handle, buffer.data(), buffer.size());
      if (got < 0) return broken(handle);
      if (got == 0) return {};
      bytes_ += static_cast<std::uint64_t>(got);
      if (bytes_ > options_.bounds.bytes) {
        return fail(ErrorCode::invalid_argument, "the image is too large (the limit is " +
                                                     std::to_string(options_.bounds.bytes) +
                                                     " bytes)");
      }
      if (options_.skopeo.deadline.passed()) {
        return fail(ErrorCode::busy, "the time for it is over");
      }
      auto done = use({buffer.data(), static_cast<std::size_t>(got)});
      if (!done) return done;
      progress_.report("fetching", bytes_, 0);
    }
  }

  Status drop(archive* handle) {
    return each_piece(handle, [](std::string_view) { return Status(); });
  }

  Result<std::string> read_text(archive* handle) {
    std::string text;
    auto done = each_piece(handle, [&text](std::string_view piece) -> Status {
      text += piece;
      if (text.size() <= kMaxDocument) return {};
      return fail(ErrorCode::protocol, "the image's archive: index.json is too long");
    });
    if (!done) return tl::unexpected(done.error());
    return text;
  }

  Status take_blob(archive* handle, const std::string& hex) {
    const std::string digest = std::string(kDigestPrefix) + hex;
    const std::string path = work_ + "/" + hex;
    if (home_.has_blob(digest) || base::file_exists(path)) return drop(handle);
    loaded_ = true;
    auto out = base::open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!out) return tl::unexpected(out.error());
    Sha256 hash;
    auto done = each_piece(handle, [&](std::string_view piece) -> Status {
      hash.add(piece);
      if (base::write_all(out->get(), piece)) return {};
      if (errno == ENOSPC || errno == EDQUOT) {
        return fail(ErrorCode::storage, "no space left where images are kept");
      }
      return tl::unexpected(base::errno_error(path, errno));
    });
    if (!done) return done;
    if (hash.digest() == digest) return {};
    return fail(ErrorCode::protocol, digest + " arrived damaged");
  }

  const Home& home_;
  const FetchOptions& options_;
  std::string work_;
  Progress progress_;
  std::string index_;
  std::uint64_t bytes_ = 0;
  bool loaded_ = false;
};

class Sender {
 public:
  explicit Sender(archive* handle) : handle_(handle) {}

  Status text(const std::string& name, const std::string& bytes) {
    if (auto begun = begin(name, bytes.size()); !begun) return begun;
    return data(bytes);
  }

  Status file(const std::string& name, const std::string& path) {
    auto fd = base::open_file(path, O_RDONLY | O_NOFOLLOW);
    if (!fd) return tl::unexpected(fd.error());
    struct stat status {};
    if (::fstat(fd->get(), &status) != 0) return tl::unexpected(base::errno_error(path, errno));
    auto begun = begin(name, static_cast<std::uint64_t>(status.st_size));
    std::string buffer(kPiece, '\0');
    while (begun) {
      const ssize_t got = ::read(fd->get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return tl::unexpected(base::errno_error(path, errno));
      if (got == 0) break;
      begun = data({buffer.data(), static_cast<std::size_t>(got)});
    }
    return begun;
  }

 private:
  Status begin(const std::string& name, std::uint64_t size) {
    const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    return archive_write_header(handle_, entry.get()) == ARCHIVE_OK ? Status() : failed();
  }

  Status data(std::string_view bytes) {
    while (!bytes.empty()) {
      const la_ssize_t done = archive_write_data(handle_, bytes.data(), bytes.size());
      if (done <= 0) return failed();
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
  }

  tl::unexpected<Error> failed() {
    const char* text = archive_error_string(handle_);
    return fail(ErrorCode::io, std::string("sending the image: ") +
                                   (text == nullptr ? "it can't be written" : text));
  }

  archive* handle_;
};

}  // namespace

Result<ArchiveKind> look_into_archive(const std::string& path) {
  auto fd = base::open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) return tl::unexpected(fd.error());
  Input input{fd->get(), {}};
  auto reader = open_archive(input);
  std::set<std::string> found;
  for (std::size_t files = 0; reader && files < kMaxFiles; ++files) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader->get(), &entry);
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) break;
    const std::string name = name_of(entry);
    if (name == "manifest.json") return ArchiveKind::docker;
    if (name == "oci-layout" || name == "index.json") found.insert(name);
  }
  if (found.size() == 2) return ArchiveKind::oci;
  return fail(ErrorCode::invalid_argument,
              path + ": neither squashfs nor an archive of an image (docker-archive, OCI)");
}

Result<Fetched> receive(const Home& home, int fd, const FetchOptions& options) {
  auto work = home.make_work("fetch");
  if (!work) return tl::unexpected(work.error());
  Receiver receiver(home, options, work->path());
  Input input{fd, options.skopeo.deadline};
  auto reader = open_archive(input);
  if (!reader) return tl::unexpected(reader.error());
  if (auto read = receiver.read(reader->get()); !read) return tl::unexpected(read.error());
  return receiver.adopt();
}

Status send(const Home& home, const std::string& digest, int fd) {
  auto bytes = read_document(home, digest);
  if (!bytes) return tl::unexpected(bytes.error());
  auto manifest = parse_manifest(*bytes);
  if (!manifest) return tl::unexpected(manifest.error());
  const Writer writer(archive_write_new());
  const bool ready = writer != nullptr &&
                     archive_write_set_format_pax_restricted(writer.get()) == ARCHIVE_OK &&
                     archive_write_set_bytes_per_block(writer.get(), kPiece) == ARCHIVE_OK &&
                     archive_write_set_bytes_in_last_block(writer.get(), 1) == ARCHIVE_OK &&
                     archive_write_open_fd(writer.get(), fd) == ARCHIVE_OK;
  if (!ready) return fail(ErrorCode::internal, "libarchive can't write tar");
  Sender sender(writer.get());
  const BlobRef self{digest, bytes->size(), manifest->media_type};
  auto done = sender.text("oci-layout", layout_text());
  if (done) done = sender.text("index.json", layout_index(self));
  const auto blob_name = [](const std::string& of) { return std::string(kBlobs) + hex_of(of); };
  if (done) done = sender.text(blob_name(digest), *bytes);
  if (done)
    done = sender.file(blob_name(manifest->config.digest), home.blob(manifest->config.digest));
  std::set<std::string> sent;
  for (const BlobRef& layer : manifest->layers) {
    if (!done) return done;
    if (!sent.insert(layer.digest).second) continue;
    done = sender.file(blob_name(layer.digest), home.blob(layer.digest));
  }
  if (!done) return done;
  if (archive_write_close(writer.get()) == ARCHIVE_OK) return {};
  return fail(ErrorCode::io, "sending the image: its end can't be written");
}

}  // namespace sluice::image
