// File descriptors that close themselves, and the calls that make them. Every descriptor made here
// has close-on-exec set: what a child is to inherit is named one by one (keep_on_exec).
// Not for core: talks to the kernel.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace sluice::base {

// Owns one descriptor, or none (-1).
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  // Gives the descriptor away: the caller closes it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

struct FdPair {
  UniqueFd first;   // of a pipe: the end to read
  UniqueFd second;  // of a pipe: the end to write
};

[[nodiscard]] Result<FdPair> make_pipe();
// Connected unix sockets; `type` is SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM.
[[nodiscard]] Result<FdPair> make_socket_pair(int type);
[[nodiscard]] Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode = 0);
[[nodiscard]] Result<UniqueFd> duplicate(int fd);

[[nodiscard]] Status set_nonblocking(int fd);
[[nodiscard]] Status set_blocking(int fd);
[[nodiscard]] Status close_on_exec(int fd);
[[nodiscard]] Status keep_on_exec(int fd);

// Writes everything, repeating after short writes and interrupts. For blocking descriptors.
[[nodiscard]] Status write_all(int fd, std::string_view bytes);
// Reads to the end of file; fails if there is more than `limit`. For blocking descriptors.
[[nodiscard]] Result<std::string> read_to_end(int fd, std::size_t limit);

// "No such file or directory", thread-safe.
[[nodiscard]] std::string errno_text(int error_number);
// An io error from an errno value, "doing: reason"; ENOENT gives not_found, EACCES and EPERM
// access_denied, EEXIST already_exists.
[[nodiscard]] Error errno_error(std::string_view doing, int error_number);

}  // namespace sluice::base
