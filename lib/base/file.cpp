// Reading and writing whole files.
#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>

#include "base/fd.hpp"

namespace sluice::base {
namespace {

tl::unexpected<Error> failed(const std::string& path) {
  return tl::unexpected<Error>(errno_error(path, errno));
}

Result<UniqueFd> open_regular(const std::string& path) {
  // Not blocking: opening a named pipe must fail below, not hang.
  auto fd = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) return fd;
  struct stat status {};
  if (fstat(fd->get(), &status) != 0) return failed(path);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::io, path + ": not a regular file");
  return fd;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A temporary file that vanishes unless it was renamed.
class Temporary {
 public:
  Temporary(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Temporary(Temporary&& other) noexcept
      : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)) {}
  Temporary& operator=(Temporary&&) = delete;
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!path_.empty()) unlink(path_.c_str());
  }

  [[nodiscard]] int fd() const { return fd_.get(); }
  Status rename_to(const std::string& target) {
    if (std::rename(path_.c_str(), target.c_str()) != 0) return failed(target);
    path_.clear();
    return {};
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

Result<Temporary> make_temporary(const std::string& beside) {
  std::string path = beside + ".XXXXXX";
  const int fd = mkostemp(path.data(), O_CLOEXEC);
  if (fd < 0) return failed(beside);
  return Temporary(path, UniqueFd(fd));
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const auto fd = open_regular(path);
  if (!fd) return tl::unexpected<Error>(fd.error());
  auto content = read_to_end(fd->get(), limit);
  if (!content) return context(path, std::move(content.error()));
  return content;
}

Result<std::string> read_kernel_file(const std::string& path, std::size_t limit) {
  const auto fd = open_file(path, O_RDONLY);
  if (!fd) return tl::unexpected<Error>(fd.error());
  auto content = read_to_end(fd->get(), limit);
  if (!content) return context(path, std::move(content.error()));
  return content;
}

Status write_file_atomic(const std::string& path, std::string_view content,
                         const WriteOptions& options) {
  auto temporary = make_temporary(path);
  if (!temporary) return tl::unexpected<Error>(temporary.error());
  if (fchmod(temporary->fd(), options.mode) != 0) return failed(path);
  if (auto written = write_all(temporary->fd(), content); !written) {
    return context(path, std::move(written.error()));
  }
  const bool synced = options.durability == Durability::synced;
  if (synced && fsync(temporary->fd()) != 0) return failed(path);
  if (auto renamed = temporary->rename_to(path); !renamed) return renamed;
  return synced ? sync_directory(directory_of(path)) : Status();
}

Status append_file(const std::string& path, std::string_view content, unsigned mode) {
  const auto fd = open_file(path, O_WRONLY | O_APPEND | O_CREAT, mode);
  if (!fd) return tl::unexpected<Error>(fd.error());
  if (auto written = write_all(fd->get(), content); !written) {
    return context(path, std::move(written.error()));
  }
  return {};
}

Status make_directories(const std::string& path, unsigned mode) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), mode) != 0) {
      const int error = errno;
      struct stat status {};
      const bool is_there = stat(part.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
      if (!is_there) return tl::unexpected<Error>(errno_error(part, error));
    }
    if (end == std::string::npos) return {};
  }
}

bool file_exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

Status sync_directory(const std::string& path) {
  const auto fd = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!fd) return tl::unexpected<Error>(fd.error());
  if (fsync(fd->get()) != 0) return failed(path);
  return {};
}

}  // namespace sluice::base
