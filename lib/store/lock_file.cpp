// See lock_file.hpp.
#include "store/lock_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/strings.hpp"

namespace sluice::store {

namespace {

std::string owner_of(int fd) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  if (got <= 0) return "unknown";
  return std::string(base::trim({text.data(), static_cast<std::size_t>(got)}));
}

}  // namespace

Result<base::UniqueFd> take_lock(const std::string& path) {
  Result<base::UniqueFd> file = base::open_file(path, O_RDWR | O_CREAT, 0600);
  if (!file) return file;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file->get(), F_OFD_SETLK, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) {
      return tl::unexpected(base::errno_error("locking " + path, errno));
    }
    return fail(ErrorCode::busy,
                "another sluicectld (pid " + owner_of(file->get()) + ") uses this state");
  }
  // For people only: the lock holds without it, also on a full disk.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file->get(), 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(file->get(), pid.data(), pid.size(), 0);
  }
  return file;
}

}  // namespace sluice::store
