// Descriptors: see the header.
#include "base/fd.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

namespace sluice::base {
namespace {

tl::unexpected<Error> failed(std::string_view doing) {
  return tl::unexpected<Error>(errno_error(doing, errno));
}

enum class Change { add, remove };

Status change_status_flags(int fd, Change change, int flag) {
  const int old = fcntl(fd, F_GETFL);
  if (old < 0) return failed("fcntl");
  const int wanted = change == Change::add ? old | flag : old & ~flag;
  if (wanted != old && fcntl(fd, F_SETFL, wanted) != 0) return failed("fcntl");
  return {};
}

}  // namespace

void UniqueFd::reset(int fd) {
  // close() is not repeated after EINTR: on Linux the descriptor is gone by then.
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<FdPair> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return failed("pipe");
  return FdPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<FdPair> make_socket_pair(int type) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0) return failed("socketpair");
  return FdPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode) {
  while (true) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return UniqueFd(fd);
    if (errno != EINTR) return failed(path);
  }
}

Result<UniqueFd> duplicate(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return failed("dup");
  return UniqueFd(copy);
}

Status set_nonblocking(int fd) { return change_status_flags(fd, Change::add, O_NONBLOCK); }
Status set_blocking(int fd) { return change_status_flags(fd, Change::remove, O_NONBLOCK); }

Status close_on_exec(int fd) {
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return failed("fcntl");
  return {};
}

Status keep_on_exec(int fd) {
  if (fcntl(fd, F_SETFD, 0) != 0) return failed("fcntl");
  return {};
}

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed("write");
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<std::string> read_to_end(int fd, std::size_t limit) {
  constexpr std::size_t kFirst = 4096;  // most of what is read so is a line of the kernel's
  constexpr std::size_t kMost = 65536;
  std::string bytes;
  while (true) {
    const std::size_t have = bytes.size();
    if (have > limit) {
      return fail(ErrorCode::io, fmt::format("longer than {} bytes", limit));
    }
    // One byte beyond the limit tells "exactly that long" from "longer".
    bytes.resize(have + std::min(std::clamp(have, kFirst, kMost), limit - have + 1));
    const ssize_t got = ::read(fd, bytes.data() + have, bytes.size() - have);
    const int error = errno;
    bytes.resize(have + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return bytes;
    if (got < 0 && error != EINTR) return tl::unexpected<Error>(errno_error("read", error));
  }
}

std::string errno_text(int error_number) {
  std::array<char, 256> buffer{};
  return strerror_r(error_number, buffer.data(), buffer.size());  // the GNU form
}

Error errno_error(std::string_view doing, int error_number) {
  ErrorCode code = ErrorCode::io;
  switch (error_number) {
    case ENOENT: code = ErrorCode::not_found; break;
    case EACCES:
    case EPERM: code = ErrorCode::access_denied; break;
    case EEXIST: code = ErrorCode::already_exists; break;
    default: break;
  }
  return Error{code, fmt::format("{}: {}", doing, errno_text(error_number))};
}

}  // namespace sluice::base
