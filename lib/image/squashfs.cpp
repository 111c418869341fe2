// Squashfs files: unpacked by unsquashfs, which sees the host's files read-only but for the layer's
// folder, has no capability there and no network. What comes out is then judged and tidied as tar
// layers are. The kernel never mounts such a file.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "image/digest.hpp"
#include "image/program.hpp"
#include "image/sandbox.hpp"
#include "image/skopeo.hpp"
#include "image/unpack.hpp"

namespace sluice::image {
namespace {

constexpr std::size_t kMaxLine = 16384;
constexpr std::size_t kPiece = 256U << 10U;

tl::unexpected<Error> failed(const std::string& path) {
  return tl::unexpected(base::errno_error(base::escape(path), errno));
}

// Adds up what `unsquashfs -lln` tells of each entry:
// "-rw-r--r-- 0/0   27 2022-01-01 10:00 squashfs-root/etc/motd"
class Listing {
 public:
  explicit Listing(Bounds bounds) : bounds_(bounds) {}

  Status take(std::string_view piece) {
    line_.append(piece);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = line_.find('\n', begin)) != std::string::npos;) {
      if (auto counted = count({line_.data() + begin, end - begin}); !counted) return counted;
      begin = end + 1;
    }
    line_.erase(0, begin);
    if (line_.size() > kMaxLine) return fail(ErrorCode::protocol, "a broken squashfs file");
    return {};
  }
  [[nodiscard]] Unpacked sum() const { return sum_; }

 private:
  Status count(std::string_view line) {
    if (++sum_.entries > bounds_.entries) {
      return fail(ErrorCode::invalid_argument, "the image has too many files");
    }
    if (line.empty() || line.front() != '-') return {};
    const auto words = base::split_nonempty(line.substr(0, 200), ' ');
    const auto size = words.size() < 3 ? Result<std::uint64_t>(0) : base::parse_unsigned(words[2]);
    const bool over = __builtin_add_overflow(sum_.bytes, size.value_or(0), &sum_.bytes);
    if (!over && sum_.bytes <= bounds_.bytes) return {};
    return fail(ErrorCode::invalid_argument, "the image is too large");
  }

  Bounds bounds_;
  Unpacked sum_;
  std::string line_;
};

tl::unexpected<Error> complaint(const ProgramEnd& end) {
  if (end.errors.find("No space left") != std::string::npos) {
    return fail(ErrorCode::storage, "no space left where images are kept");
  }
  return fail(ErrorCode::protocol, "unsquashfs: " + condense_complaint(end.errors));
}

Result<Unpacked> list(const LayerJob& job) {
  const auto work = [&job]() -> Result<std::string> {
    Listing listing(job.bounds);
    ProgramCall call;
    call.command = {"unsquashfs", "-lln", job.blob_path};
    call.deadline = job.deadline;
    call.output = [&listing](std::string_view piece) { return listing.take(piece); };
    auto end = run_program(call);
    if (!end) return tl::unexpected(end.error());
    if (end->exit_code != 0) return complaint(*end);
    return fmt::format("{} {}", listing.sum().bytes, listing.sum().entries);
  };
  auto answer = run_beside("", job.deadline, work);
  if (!answer) return tl::unexpected(answer.error());
  const base::Cut cut = base::cut(*answer, ' ');
  return Unpacked{base::parse_unsigned(cut.before).value_or(0),
                  base::parse_unsigned(cut.after).value_or(0)};
}

Status extract(const LayerJob& job) {
  const auto work = [&job]() -> Result<std::string> {
    ProgramCall call;
    // What can't be taken over (devices) is no failure: it isn't wanted.
    call.command = {"unsquashfs", "-quiet", "-no-progress", "-no-xattrs", "-no-exit-code",
                    "-force",     "-dest",  job.folder,     job.blob_path};
    call.deadline = job.deadline;
    auto end = run_program(call);
    if (!end) return tl::unexpected(end.error());
    if (end->exit_code != 0 || end->errors.find("No space left") != std::string::npos) {
      return complaint(*end);
    }
    return std::string();
  };
  auto done = run_beside(job.folder, job.deadline, work);
  if (!done) return tl::unexpected(done.error());
  return {};
}

Status tidy_entry(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return failed(path);
  const bool wanted = S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) ||
                      S_ISLNK(status.st_mode) || S_ISFIFO(status.st_mode);
  if (!wanted) return ::unlink(path.c_str()) == 0 ? Status() : failed(path);
  if (S_ISLNK(status.st_mode)) return {};
  const mode_t kept = S_ISDIR(status.st_mode) ? (status.st_mode & 01777U) | 0700U
                                              : (status.st_mode & 0777U) | 0400U;
  if (kept == (status.st_mode & 07777U)) return {};
  return ::chmod(path.c_str(), kept) == 0 ? Status() : failed(path);
}

// Runs with the layer as its root.
Result<std::string> tidy() {
  namespace fs = std::filesystem;
  std::error_code error;
  if (::chmod("/", 0755) != 0) return failed("/");
  fs::recursive_directory_iterator at("/", error);
  while (!error && at != fs::recursive_directory_iterator()) {
    if (at.depth() > static_cast<int>(kMaxPathDepth)) {
      return fail(ErrorCode::invalid_argument, "the image is nested too deeply");
    }
    if (auto done = tidy_entry(at->path().string()); !done) return tl::unexpected(done.error());
    at.increment(error);
  }
  if (error) return fail(ErrorCode::io, "looking through the image: " + error.message());
  return std::string();
}

// The file must be what its digest says before a program reads it.
Status judge_blob(const LayerJob& job, Progress& progress) {
  auto fd = base::open_file(job.blob_path, O_RDONLY | O_NOFOLLOW);
  if (!fd) return tl::unexpected(fd.error());
  Sha256 hash;
  std::string buffer(kPiece, '\0');
  std::uint64_t size = 0;
  while (true) {
    const ssize_t got = ::read(fd->get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(job.blob_path);
    if (got == 0) break;
    hash.add({buffer.data(), static_cast<std::size_t>(got)});
    size += static_cast<std::uint64_t>(got);
    progress.report("unpacking", job.done_before + size / 2, job.total);
  }
  if (hash.digest() == job.blob.digest) return {};
  return fail(ErrorCode::protocol, "the file " + job.blob.digest + " is damaged");
}

}  // namespace

Result<Unpacked> unpack_squashfs(const LayerJob& job, Progress progress) {
  if (auto judged = judge_blob(job, progress); !judged) return tl::unexpected(judged.error());
  auto listed = list(job);
  if (!listed) return tl::unexpected(listed.error());
  if (auto done = extract(job); !done) return tl::unexpected(done.error());
  auto tidied = run_inside(job.folder, job.deadline, tidy);
  if (!tidied) return tl::unexpected(tidied.error());
  progress.report("unpacking", job.done_before + job.blob.size, job.total);
  return listed;
}

}  // namespace sluice::image
