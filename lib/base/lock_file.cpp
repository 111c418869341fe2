// See lock_file.hpp.
#include "base/lock_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/file.hpp"
#include "base/strings.hpp"

namespace sluice::base {

namespace {

constexpr auto kRetry = std::chrono::milliseconds(5);
constexpr int kTries = 6'000;            // half a minute: a disk may take its time
constexpr std::uint64_t kExiting = 0x4;  // PF_EXITING of the kernel

std::string owner_of(int fd) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  if (got <= 0) return "unknown";
  return std::string(trim({text.data(), static_cast<std::size_t>(got)}));
}

// False: held by somebody else.
Result<bool> try_lock(int fd, const std::string& path) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return tl::unexpected(errno_error("locking " + path, errno));
}

// A number that is none names nobody, and so nobody who ends.
bool goes_away(const std::string& pid) {
  if (pid.empty() || pid.find_first_not_of("0123456789") != std::string::npos) return false;
  const Result<std::string> stat = read_kernel_file("/proc/" + pid + "/stat", 4096);
  return !stat || is_ending(*stat);
}

}  // namespace

bool is_ending(std::string_view stat) {
  const std::size_t name_end = stat.rfind(')');  // the name may hold anything
  if (name_end == std::string_view::npos || name_end + 2 >= stat.size()) return true;
  const std::vector<std::string_view> fields = split(stat.substr(name_end + 2), ' ');
  constexpr std::size_t kFlags = 6;  // behind the name, from 0
  if (fields.size() <= kFlags) return true;
  if (fields[0] == "Z" || fields[0] == "X") return true;
  std::uint64_t flags = 0;
  const std::string_view text = fields[kFlags];
  std::from_chars(text.data(), text.data() + text.size(), flags);
  return (flags & kExiting) != 0;
}

Result<UniqueFd> take_lock(const std::string& path, const std::string& owner) {
  Result<UniqueFd> file = open_file(path, O_RDWR | O_CREAT, 0600);
  if (!file) return file;
  for (int tries = 0;; ++tries) {
    const Result<bool> locked = try_lock(file->get(), path);
    if (!locked) return tl::unexpected(locked.error());
    if (*locked) break;
    const std::string pid = owner_of(file->get());
    if (tries >= kTries || !goes_away(pid)) {
      return fail(ErrorCode::busy, "another " + owner + " (pid " + pid + ") uses this state");
    }
    std::this_thread::sleep_for(kRetry);
  }
  // For people, and to see whether the owner goes away: the lock holds without it.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file->get(), 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(file->get(), pid.data(), pid.size(), 0);
  }
  return file;
}

}  // namespace sluice::base
