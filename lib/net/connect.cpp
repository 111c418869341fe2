// Outgoing connections. The result always comes from the loop, never from inside connect_*().

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "net/client/unix_address.hpp"
#include "net/slot.hpp"
#include "net/socket_address.hpp"
#include "net/stream.hpp"

namespace sluice::net {

namespace {

// A full backlog is the one case in which a unix socket can't tell us when to try again.
constexpr std::int64_t kBacklogRetryMs = 5;

tl::unexpected<Error> unavailable(const std::string& what, const std::string& reason) {
  return fail(ErrorCode::unavailable, what + ": " + reason);
}

// What both kinds share: the time limit and the one answer.
class Attempt : public Connecting {
 public:
  Attempt(Loop& loop, ConnectDone done) : loop_(loop), done_(std::move(done)) {}

 protected:
  void limit(const std::string& what, std::int64_t timeout_ms) {
    limit_ = loop_.after(timeout_ms, [this, what] { answer(unavailable(what, "timed out")); });
  }
  // The last thing that a member does: the owner may destroy this object in it.
  void answer(Result<std::unique_ptr<Stream>> result) {
    limit_ = Timer();
    step_ = Timer();
    const Slot<void(Result<std::unique_ptr<Stream>>)> done = std::exchange(done_, {});
    done(std::move(result));
  }

  Loop& loop_;
  Timer step_;

 private:
  Slot<void(Result<std::unique_ptr<Stream>>)> done_;
  Timer limit_;
};

class UnixAttempt final : public Attempt {
 public:
  UnixAttempt(Loop& loop, std::string path, std::int64_t timeout_ms, ConnectDone done)
      : Attempt(loop, std::move(done)), path_(std::move(path)) {
    limit(path_, timeout_ms);
    step_ = loop_.after(0, [this] { attempt(); });
  }

 private:
  void attempt() {
    const auto address = unix_address(path_);
    if (!address) return answer(tl::unexpected<Error>(address.error()));
    base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.is_open()) return answer(tl::unexpected<Error>(base::errno_error("socket", errno)));
    if (::connect(fd.get(), address->get(), address->length) == 0) {
      return answer(make_stream(loop_, std::move(fd)));
    }
    if (errno == EAGAIN || errno == EINTR) return step_.restart(kBacklogRetryMs);
    answer(unavailable(path_, base::errno_text(errno)));
  }

  std::string path_;
};

class TcpAttempt final : public Attempt {
 public:
  TcpAttempt(Loop& loop, const TcpTarget& target, std::int64_t timeout_ms, ConnectDone done)
      : Attempt(loop, std::move(done)), name_(target.host + ":" + std::to_string(target.port)) {
    limit(name_, timeout_ms);
    if (auto number = numeric_address(target.host, target.port); number && !target.host.empty()) {
      addresses_.push_back(std::move(*number));
      step_ = loop_.after(0, [this] { next_address(); });
      return;
    }
    resolving_ = loop_.resolve(target.host, target.port, [this](auto found) {
      if (!found) return answer(unavailable(name_, found.error().text));
      addresses_ = std::move(*found);
      next_address();
    });
  }

 private:
  void next_address() {
    while (next_ < addresses_.size()) {
      const RawAddress& address = addresses_[next_++];
      auto fd = tcp_socket(address);
      if (!fd) {
        last_reason_ = fd.error().text;
        continue;
      }
      const int code = ::connect(fd->get(), reinterpret_cast<const sockaddr*>(address.data()),
                                 static_cast<socklen_t>(address.size()));
      if (code == 0 || errno == EINPROGRESS) return wait_for(std::move(*fd));
      last_reason_ = base::errno_text(errno);
    }
    answer(unavailable(name_, last_reason_));
  }

  void wait_for(base::UniqueFd fd) {
    auto watch = loop_.watch(fd.get(), {.write = true}, [this](Readiness) { decided(); });
    if (!watch) return answer(tl::unexpected<Error>(std::move(watch).error()));
    fd_ = std::move(fd);
    watch_ = std::move(*watch);
  }

  void decided() {
    int code = 0;
    socklen_t length = sizeof code;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &code, &length);
    watch_ = Watch();
    if (code == 0) {
      tune_tcp(fd_.get());
      return answer(make_stream(loop_, std::move(fd_)));
    }
    fd_.reset();
    last_reason_ = base::errno_text(code);
    next_address();
  }

  std::string name_;
  std::string last_reason_ = "no address";
  std::vector<RawAddress> addresses_;
  std::size_t next_ = 0;
  Resolving resolving_;
  base::UniqueFd fd_;
  Watch watch_;  // ends before the descriptor
};

}  // namespace

std::unique_ptr<Connecting> connect_unix(Loop& loop, const std::string& path,
                                         std::int64_t timeout_ms, ConnectDone done) {
  return std::make_unique<UnixAttempt>(loop, path, timeout_ms, std::move(done));
}

std::unique_ptr<Connecting> connect_tcp(Loop& loop, const TcpTarget& target,
                                        std::int64_t timeout_ms, ConnectDone done) {
  return std::make_unique<TcpAttempt>(loop, target, timeout_ms, std::move(done));
}

}  // namespace sluice::net
