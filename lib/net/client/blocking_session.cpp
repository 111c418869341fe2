// See the header. The socket is non-blocking throughout; waiting is poll() against a deadline.

#include "net/client/blocking_session.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <limits>
#include <utility>

#include "net/client/unix_address.hpp"

namespace sluice::net {

namespace {

using Clock = std::chrono::steady_clock;

class Deadline {
 public:
  explicit Deadline(std::int64_t timeout_ms)
      : forever_(timeout_ms < 0), end_(Clock::now() + std::chrono::milliseconds(timeout_ms)) {}

  // For poll(): -1 without a limit, 0 when the time is over.
  [[nodiscard]] int left_ms() const {
    if (forever_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now()).count();
    if (left <= 0) return 0;
    constexpr std::int64_t kMost = std::numeric_limits<int>::max();
    return static_cast<int>(left < kMost ? left : kMost);
  }

 private:
  bool forever_;
  Clock::time_point end_;
};

// What poll() saw; 0 when the time is over.
Result<short> wait_for(int fd, short events, const Deadline& deadline) {
  for (;;) {
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    const int count = ::poll(&entry, 1, deadline.left_ms());
    if (count > 0) return entry.revents;
    if (count == 0) return short{0};
    if (errno != EINTR) return tl::unexpected<Error>(base::errno_error("poll", errno));
  }
}

Error gone(std::string text) { return Error{ErrorCode::unavailable, std::move(text)}; }

bool would_block(int code) { return code == EAGAIN || code == EWOULDBLOCK; }

}  // namespace

Result<BlockingSession> BlockingSession::connect(const std::string& path, std::int64_t timeout_ms) {
  auto address = unix_address(path);
  if (!address) return tl::unexpected<Error>(std::move(address).error());
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return tl::unexpected<Error>(base::errno_error("socket", errno));
  // A full backlog makes connect() wait as long as a send may.
  if (timeout_ms >= 0) {
    const timeval limit{.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 + 1};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  while (::connect(fd.get(), address->get(), address->length) != 0) {
    if (errno == EINTR) continue;
    const std::string reason = would_block(errno) ? "timed out" : base::errno_text(errno);
    return tl::unexpected<Error>(gone(path + ": " + reason));
  }
  return adopt(std::move(fd));
}

Result<BlockingSession> BlockingSession::adopt(base::UniqueFd fd) {
  if (Status done = base::set_nonblocking(fd.get()); !done) {
    return tl::unexpected<Error>(std::move(done).error());
  }
  return BlockingSession(std::move(fd));
}

Status BlockingSession::send(const Frame& frame, std::int64_t timeout_ms) {
  const Deadline deadline(timeout_ms);
  queue(frame);
  for (;;) {
    if (Status done = flush(); !done) return done;
    if (out_.empty()) return {};
    auto seen = wait_for(fd_.get(), POLLOUT, deadline);
    if (!seen) return tl::unexpected<Error>(std::move(seen).error());
    if (*seen == 0) return tl::unexpected<Error>(gone("sending timed out"));
  }
}

Result<std::optional<Frame>> BlockingSession::receive(std::int64_t timeout_ms) {
  const Deadline deadline(timeout_ms);
  for (;;) {
    auto frame = try_receive();
    if (!frame || *frame) return frame;
    // A peer that takes no more may still have sent an answer: reading decides.
    if (!flush()) out_.clear();
    const short events = static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT));
    auto seen = wait_for(fd_.get(), events, deadline);
    if (!seen) return tl::unexpected<Error>(std::move(seen).error());
    if (*seen == 0) return std::nullopt;
  }
}

void BlockingSession::queue(const Frame& frame) { append_frame(out_, frame); }

Status BlockingSession::flush() {
  std::size_t sent = 0;
  Status result;
  while (sent < out_.size()) {
    const ssize_t count = ::send(fd_.get(), out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (would_block(errno)) {
      break;
    } else if (errno != EINTR) {
      result = tl::unexpected<Error>(gone("sending: " + base::errno_text(errno)));
      break;
    }
  }
  out_.erase(0, sent);
  return result;
}

// True if bytes came, false if there are none now.
Result<bool> BlockingSession::read_some() {
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (count > 0) {
      decoder_.push(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
      return true;
    }
    if (count == 0) return tl::unexpected<Error>(gone("closed by peer"));
    if (would_block(errno)) return false;
    if (errno != EINTR) return tl::unexpected<Error>(gone("receiving: " + base::errno_text(errno)));
  }
}

Result<std::optional<Frame>> BlockingSession::try_receive() {
  for (;;) {
    auto frame = decoder_.next();
    if (!frame || *frame) return frame;
    auto more = read_some();
    if (!more) return tl::unexpected<Error>(std::move(more).error());
    if (!*more) return std::nullopt;
  }
}

}  // namespace sluice::net
