// Tar layers by libarchive, in two stages: the first only decompresses, so that the diff id can be
// computed over all that comes out; the second reads that as tar. No external decompressor is ever
// started, and what is decompressed is bounded as well as what is written.
#include "image/unpack.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "image/digest.hpp"
#include "image/sandbox.hpp"

namespace sluice::image {
namespace {

constexpr std::size_t kPiece = 256U << 10U;
// What an archive may hold around the content: headers, padding, long names.
constexpr std::uint64_t kOverheadPerEntry = 16U << 10U;

struct FreeArchive {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

tl::unexpected<Error> broken(archive* handle) {
  const char* text = archive_error_string(handle);
  return fail(ErrorCode::protocol,
              "a broken layer: " + base::escape(text == nullptr ? "unreadable" : text));
}

// The blob's bytes, hashed as they are read.
class BlobReader {
 public:
  BlobReader(base::UniqueFd fd, const LayerJob& job, Progress& progress)
      : fd_(std::move(fd)), job_(job), progress_(progress), buffer_(kPiece, '\0') {}

  // -1 on failure; the errno says why.
  la_ssize_t next(const void** piece) {
    ssize_t got = 0;
    do {
      got = ::read(fd_.get(), buffer_.data(), buffer_.size());
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
      hash_.add({buffer_.data(), static_cast<std::size_t>(got)});
      size_ += static_cast<std::uint64_t>(got);
      progress_.report("unpacking", job_.done_before + size_, job_.total);
    }
    *piece = buffer_.data();
    return got;
  }

  Status judge() {
    const void* ignored = nullptr;
    la_ssize_t got = 0;
    while ((got = next(&ignored)) > 0) {
    }
    if (got < 0) return tl::unexpected(base::errno_error("reading a layer", errno));
    if (hash_.digest() == job_.blob.digest) return {};
    return fail(ErrorCode::protocol, "the layer " + job_.blob.digest + " is damaged");
  }

 private:
  base::UniqueFd fd_;
  const LayerJob& job_;
  Progress& progress_;
  Sha256 hash_;
  std::uint64_t size_ = 0;
  std::string buffer_;
};

la_ssize_t read_blob(archive*, void* data, const void** piece) {
  return static_cast<BlobReader*>(data)->next(piece);
}

// The decompressed bytes, hashed and bounded.
class DiffReader {
 public:
  static Result<std::unique_ptr<DiffReader>> open(BlobReader& blob, const Bounds& bounds) {
    auto reader = std::unique_ptr<DiffReader>(new DiffReader(bounds));
    archive* handle = reader->archive_.get();
    const bool ready = handle != nullptr &&
                       archive_read_support_filter_gzip(handle) == ARCHIVE_OK &&
                       archive_read_support_filter_xz(handle) == ARCHIVE_OK &&
                       archive_read_support_filter_zstd(handle) == ARCHIVE_OK &&
                       archive_read_support_format_empty(handle) == ARCHIVE_OK &&
                       archive_read_support_format_raw(handle) == ARCHIVE_OK;
    if (!ready) return fail(ErrorCode::internal, "libarchive can't read gzip, xz and zstd");
    if (archive_read_open(handle, &blob, nullptr, read_blob, nullptr) != ARCHIVE_OK) {
      return broken(handle);
    }
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(handle, &entry);
    if (status == ARCHIVE_EOF) reader->ended_ = true;
    if (status != ARCHIVE_OK && status != ARCHIVE_EOF) return broken(handle);
    return reader;
  }

  la_ssize_t next(const void** piece) {
    *piece = buffer_.data();
    if (ended_) return 0;
    const la_ssize_t got = archive_read_data(archive_.get(), buffer_.data(), buffer_.size());
    if (got <= 0) {
      ended_ = true;
      if (got < 0) failure_ = broken(archive_.get()).value();
      return got;
    }
    size_ += static_cast<std::uint64_t>(got);
    if (size_ > limit_) {
      ended_ = true;
      failure_ = {ErrorCode::invalid_argument, "the image is too large once it is decompressed"};
      return -1;
    }
    hash_.add({buffer_.data(), static_cast<std::size_t>(got)});
    return got;
  }

  // What made next() fail is better known here than to who reads the tar.
  [[nodiscard]] const Error& failure() const { return failure_; }

  Status judge(const std::string& diff_id) {
    const void* ignored = nullptr;
    while (next(&ignored) > 0) {
    }
    if (!failure_.text.empty()) return tl::unexpected(failure_);
    if (hash_.digest() == diff_id) return {};
    return fail(ErrorCode::protocol, "a layer's content isn't what the image's configuration says");
  }

 private:
  explicit DiffReader(const Bounds& bounds) : archive_(archive_read_new()), buffer_(kPiece, '\0') {
    std::uint64_t overhead = 0;
    const bool over = __builtin_mul_overflow(bounds.entries, kOverheadPerEntry, &overhead) ||
                      __builtin_add_overflow(bounds.bytes, overhead, &limit_);
    if (over) limit_ = ~std::uint64_t{0};
  }

  Archive archive_;
  Sha256 hash_;
  Error failure_{ErrorCode::ok, ""};
  std::uint64_t size_ = 0;
  std::uint64_t limit_ = 0;
  std::string buffer_;
  bool ended_ = false;
};

la_ssize_t read_diff(archive*, void* data, const void** piece) {
  return static_cast<DiffReader*>(data)->next(piece);
}

std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

Status write_file(archive* handle, archive_entry* entry, const LayerEntry& named,
                  LayerWriter& writer) {
  if (auto begun = writer.begin_file(named); !begun) return begun;
  const void* piece = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  int status = ARCHIVE_OK;
  while ((status = archive_read_data_block(handle, &piece, &size, &offset)) == ARCHIVE_OK) {
    auto written =
        writer.write(static_cast<std::uint64_t>(offset), {static_cast<const char*>(piece), size});
    if (!written) return written;
  }
  if (status != ARCHIVE_EOF) return broken(handle);
  const la_int64_t length = archive_entry_size(entry);
  return writer.end_file(named, length < 0 ? 0 : static_cast<std::uint64_t>(length));
}

Status write_entry(archive* handle, archive_entry* entry, LayerWriter& writer) {
  const std::string path = text_or_empty(archive_entry_pathname(entry));
  if (path.empty()) return fail(ErrorCode::protocol, "a broken layer: an entry without a name");
  LayerEntry named;
  named.path = path;
  named.mode = archive_entry_perm(entry);
  named.time = {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
  auto whiteout = writer.take_whiteout(named);
  if (!whiteout) return tl::unexpected(whiteout.error());
  if (*whiteout) return {};
  if (const char* target = archive_entry_hardlink(entry); target != nullptr) {
    return writer.add_hard_link(named, target);
  }
  switch (archive_entry_filetype(entry)) {
    case AE_IFDIR: return writer.add_folder(named);
    case AE_IFLNK: return writer.add_link(named, text_or_empty(archive_entry_symlink(entry)));
    case AE_IFIFO: return writer.add_pipe(named);
    case AE_IFREG: return write_file(handle, entry, named, writer);
    default: return writer.skip();  // devices and sockets
  }
}

Status read_tar(DiffReader& diff, LayerWriter& writer) {
  const Archive tar(archive_read_new());
  const bool ready = tar != nullptr && archive_read_support_format_tar(tar.get()) == ARCHIVE_OK &&
                     archive_read_support_format_empty(tar.get()) == ARCHIVE_OK;
  if (!ready) return fail(ErrorCode::internal, "libarchive can't read tar");
  const auto cause = [&]() -> tl::unexpected<Error> {
    if (!diff.failure().text.empty()) return tl::unexpected(diff.failure());
    return broken(tar.get());
  };
  if (archive_read_open(tar.get(), &diff, nullptr, read_diff, nullptr) != ARCHIVE_OK) {
    return cause();
  }
  while (true) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(tar.get(), &entry);
    if (status == ARCHIVE_EOF) return writer.finish();
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return cause();
    auto written = write_entry(tar.get(), entry, writer);
    if (written) continue;
    if (!diff.failure().text.empty()) return tl::unexpected(diff.failure());
    return written;
  }
}

Result<std::string> unpack_here(base::UniqueFd fd, const LayerJob& job, Progress& progress) {
  BlobReader blob(std::move(fd), job, progress);
  auto diff = DiffReader::open(blob, job.bounds);
  if (!diff) {
    // Damage on the way here is more likely than an image that was broken from the start.
    if (auto whole = blob.judge(); !whole) return tl::unexpected(whole.error());
    return tl::unexpected(diff.error());
  }
  auto writer = LayerWriter::open("/", job.bounds);
  if (!writer) return tl::unexpected(writer.error());
  if (auto read = read_tar(**diff, *writer); !read) return tl::unexpected(read.error());
  if (auto judged = (*diff)->judge(job.diff_id); !judged) return tl::unexpected(judged.error());
  if (auto judged = blob.judge(); !judged) return tl::unexpected(judged.error());
  return fmt::format("{} {}", writer->bytes(), writer->entries());
}

}  // namespace

Result<Unpacked> unpack_layer(const LayerJob& job, Progress progress) {
  auto fd = base::open_file(job.blob_path, O_RDONLY | O_NOFOLLOW);
  if (!fd) return tl::unexpected(fd.error());
  auto answer = run_inside(job.folder, job.deadline,
                           [&]() { return unpack_here(std::move(*fd), job, progress); });
  if (!answer) return tl::unexpected(answer.error());
  const base::Cut cut = base::cut(*answer, ' ');
  auto bytes = base::parse_unsigned(cut.before);
  auto entries = base::parse_unsigned(cut.after);
  if (!bytes || !entries) return fail(ErrorCode::internal, "unpacking told nothing");
  return Unpacked{*bytes, *entries};
}

}  // namespace sluice::image
