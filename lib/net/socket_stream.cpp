// Streams over one descriptor: a socket or a pipe end. Output is gathered and leaves at the end of
// the turn, or at once when much has gathered. Whatever ends the stream is told by way of
// Loop::post, so no handler ever runs inside a call of the owner.

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "net/slot.hpp"
#include "net/stream.hpp"

namespace sluice::net {

namespace {

constexpr std::size_t kReadSize = 64 * 1024;
// Reads per readiness: one busy stream must not keep the loop from the others.
constexpr int kReadsPerTurn = 4;
constexpr std::size_t kFlushEarly = 64 * 1024;
constexpr std::size_t kKeptCapacity = 16 * 1024;
// How long a TCP stream waits, with everything sent, for the peer's end: closing earlier with
// unread input would make the kernel reset the connection and lose what the peer hasn't read.
constexpr std::int64_t kLingerMs = 2000;

bool would_block(int code) { return code == EAGAIN || code == EWOULDBLOCK; }

enum class FdKind { pipe, local_socket, network_socket };

FdKind kind_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return FdKind::pipe;
  return address.ss_family == AF_UNIX ? FdKind::local_socket : FdKind::network_socket;
}

class SocketStream final : public Stream {
 public:
  SocketStream(Loop& loop, base::UniqueFd fd)
      : loop_(loop), kind_(kind_of(fd.get())), fd_(std::move(fd)) {}

  Status start();

  void on_data(std::function<void(std::string_view)> handler) override {
    on_data_.set(std::move(handler));
  }
  void on_drain(std::function<void()> handler) override { on_drain_.set(std::move(handler)); }
  void on_close(std::function<void(const Error&)> handler) override {
    on_close_.set(std::move(handler));
  }
  void write(std::string_view bytes) override;
  [[nodiscard]] std::size_t queued_bytes() const override { return out_.size() - sent_; }
  void pause() override;
  void resume() override;
  void finish() override;
  void close() override;
  [[nodiscard]] bool is_open() const override { return phase_ != Phase::closed; }

 private:
  enum class Phase { open, finishing, lingering, closed };

  void ready(Readiness now);
  void read_some();
  ssize_t receive(char* buffer) const;
  void flush();
  ssize_t transmit(std::string_view bytes) const;
  void after_flush();
  void drop_output();
  void all_sent();
  void end(Error why);
  void update_interest();

  Loop& loop_;
  FdKind kind_;
  base::UniqueFd fd_;
  Watch watch_;  // ends before the descriptor
  Slot<void(std::string_view)> on_data_;
  Slot<void()> on_drain_;
  Slot<void(const Error&)> on_close_;
  std::string out_;
  std::size_t sent_ = 0;  // of out_
  Error why_closed_;
  Timer linger_;
  Phase phase_ = Phase::open;
  bool reading_ = false;
  bool blocked_ = false;          // the kernel takes no more for now
  bool peer_takes_none_ = false;  // writing failed; what it sent before may still be read
  bool flush_planned_ = false;
  bool was_congested_ = false;
  bool end_due_ = false;  // on_close is on its way
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

thread_local std::array<char, kReadSize> read_buffer;

Status SocketStream::start() {
  auto watch = loop_.watch(fd_.get(), {}, [this](Readiness now) { ready(now); });
  if (!watch) return tl::unexpected<Error>(std::move(watch).error());
  watch_ = std::move(*watch);
  return {};
}

void SocketStream::update_interest() {
  if (!is_open()) return;
  watch_.set({.read = reading_ || phase_ == Phase::lingering, .write = blocked_});
}

void SocketStream::ready(Readiness now) {
  const std::weak_ptr<char> alive = alive_;
  if (now.write && blocked_) {
    blocked_ = false;
    flush();
  }
  if (now.read && is_open()) read_some();
  // An error makes the loop stop watching; asking again is harmless where nothing changed.
  if (!alive.expired()) update_interest();
}

ssize_t SocketStream::receive(char* buffer) const {
  for (;;) {
    const ssize_t count = kind_ == FdKind::pipe ? ::read(fd_.get(), buffer, kReadSize)
                                                : ::recv(fd_.get(), buffer, kReadSize, 0);
    if (count >= 0 || errno != EINTR) return count;
  }
}

void SocketStream::read_some() {
  const std::weak_ptr<char> alive = alive_;
  for (int round = 0; round < kReadsPerTurn; ++round) {
    if (!reading_ && phase_ != Phase::lingering) return;
    const ssize_t count = receive(read_buffer.data());
    if (count < 0 && would_block(errno)) return;
    if (count <= 0) {
      if (phase_ == Phase::lingering) return end(Error{ErrorCode::ok, "finished"});
      return end(
          Error{ErrorCode::unavailable, count == 0 ? "closed by peer" : base::errno_text(errno)});
    }
    const auto size = static_cast<std::size_t>(count);
    if (phase_ == Phase::open) on_data_(std::string_view(read_buffer.data(), size));
    if (alive.expired() || !is_open()) return;
    if (size < kReadSize) return;
  }
}

void SocketStream::write(std::string_view bytes) {
  if (phase_ != Phase::open || peer_takes_none_ || bytes.empty()) return;
  out_.append(bytes);
  if (queued_bytes() > kStreamHighWater) was_congested_ = true;
  if (blocked_) return;
  if (queued_bytes() >= kFlushEarly) return flush();
  if (flush_planned_) return;
  flush_planned_ = true;
  loop_.at_turn_end_once([this, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired()) return;
    flush_planned_ = false;
    flush();
  });
}

ssize_t SocketStream::transmit(std::string_view bytes) const {
  for (;;) {
    const ssize_t count = kind_ == FdKind::pipe
                              ? ::write(fd_.get(), bytes.data(), bytes.size())
                              : ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0 || errno != EINTR) return count;
  }
}

void SocketStream::flush() {
  while (is_open() && !blocked_ && sent_ < out_.size()) {
    const ssize_t count = transmit(std::string_view(out_).substr(sent_));
    if (count >= 0) {
      sent_ += static_cast<std::size_t>(count);
    } else if (would_block(errno)) {
      blocked_ = true;
    } else {
      drop_output();
    }
  }
  if (is_open()) after_flush();
}

void SocketStream::drop_output() {
  peer_takes_none_ = true;
  why_closed_ = Error{ErrorCode::unavailable, base::errno_text(errno)};
  out_.clear();
  sent_ = 0;
  if (kind_ == FdKind::pipe) end(why_closed_);  // nothing can be read from this end
}

void SocketStream::after_flush() {
  if (sent_ == out_.size()) {
    sent_ = 0;
    out_.clear();
    if (out_.capacity() > kKeptCapacity) out_ = std::string();
  } else if (sent_ > out_.size() / 2) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  if (was_congested_ && queued_bytes() <= kStreamHighWater / 2) {
    was_congested_ = false;
    loop_.post([this, alive = std::weak_ptr<char>(alive_)] {
      if (!alive.expired() && phase_ == Phase::open) on_drain_();
    });
  }
  if (phase_ == Phase::finishing && queued_bytes() == 0) all_sent();
  update_interest();
}

// Everything that finish() waited for is with the kernel, or can't go any more.
void SocketStream::all_sent() {
  if (peer_takes_none_) return end(why_closed_);
  if (kind_ != FdKind::network_socket) return end(Error{ErrorCode::ok, "finished"});
  phase_ = Phase::lingering;
  ::shutdown(fd_.get(), SHUT_WR);
  linger_ = loop_.after(kLingerMs, [this] { end(Error{ErrorCode::ok, "finished"}); });
}

void SocketStream::pause() {
  reading_ = false;
  update_interest();
}

void SocketStream::resume() {
  if (phase_ != Phase::open) return;
  reading_ = true;
  update_interest();
}

void SocketStream::finish() {
  if (phase_ != Phase::open) return;
  phase_ = Phase::finishing;
  reading_ = false;
  flush();
}

void SocketStream::end(Error why) {
  if (!is_open()) return;
  close();
  why_closed_ = std::move(why);
  end_due_ = true;
  loop_.post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired() && end_due_) on_close_(why_closed_);
  });
}

void SocketStream::close() {
  phase_ = Phase::closed;
  end_due_ = false;
  reading_ = false;
  linger_ = Timer();
  watch_ = Watch();
  fd_.reset();
  out_ = std::string();
  sent_ = 0;
}

}  // namespace

Result<std::unique_ptr<Stream>> make_stream(Loop& loop, base::UniqueFd fd) {
  if (Status done = base::set_nonblocking(fd.get()); !done) {
    return tl::unexpected<Error>(std::move(done).error());
  }
  auto stream = std::make_unique<SocketStream>(loop, std::move(fd));
  if (Status done = stream->start(); !done) return tl::unexpected<Error>(std::move(done).error());
  return stream;
}

}  // namespace sluice::net
