// See the header. Waiting with a limit is asking again: flock has no timeout of its own.
#include "image/lock.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>

namespace sluice::image {
namespace {

constexpr int kFirstPauseMs = 5;
constexpr int kLongestPauseMs = 100;

// True if it was got, false if somebody else has it.
Result<bool> lock_now(int fd, LockKind kind, const std::string& path) {
  const int how = (kind == LockKind::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (::flock(fd, how) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return tl::unexpected(base::errno_error(path, errno));
  }
  return true;
}

}  // namespace

Result<std::optional<Lock>> Lock::try_take(const std::string& path, LockKind kind) {
  auto fd = base::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (!fd) return tl::unexpected(fd.error());
  auto got = lock_now(fd->get(), kind, path);
  if (!got) return tl::unexpected(got.error());
  if (!*got) return std::optional<Lock>();
  return std::optional<Lock>(Lock(std::move(*fd)));
}

Result<Lock> Lock::take(const std::string& path, LockKind kind, Deadline deadline) {
  auto fd = base::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (!fd) return tl::unexpected(fd.error());
  for (int pause_ms = kFirstPauseMs;; pause_ms = std::min(pause_ms * 2, kLongestPauseMs)) {
    auto got = lock_now(fd->get(), kind, path);
    if (!got) return tl::unexpected(got.error());
    if (*got) return Lock(std::move(*fd));
    if (deadline.passed()) {
      return fail(ErrorCode::busy, "another process is still busy with it; the time is over");
    }
    ::poll(nullptr, 0, deadline.wait_ms(pause_ms));
  }
}

}  // namespace sluice::image
