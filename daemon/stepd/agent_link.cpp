// See the header.
#include "daemon/stepd/agent_link.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "net/client/unix_address.hpp"

namespace sluice::stepd {
namespace {

constexpr std::size_t kHighWater = 512 * 1024;

}  // namespace

AgentLink::~AgentLink() {
  close();
  if (listener_.is_open()) poller_.forget(listener_.get());
}

Status AgentLink::listen(const std::string& path) {
  auto address = net::unix_address(path);
  if (!address) return tl::unexpected(address.error());
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return tl::unexpected(base::errno_error("socket", errno));
  if (::bind(fd.get(), address->get(), address->length) != 0 || ::listen(fd.get(), 8) != 0) {
    return tl::unexpected(base::errno_error(path, errno));
  }
  listener_ = std::move(fd);
  poller_.watch(listener_.get(), POLLIN, [this](short) { on_listener(); });
  return {};
}

void AgentLink::on_listener() {
  base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.is_open()) return;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  if (peer.uid != 0 && peer.uid != ::geteuid()) return;
  auto session = net::BlockingSession::adopt(std::move(fd));
  if (!session) return;
  adopt(std::move(*session));
  handlers_.connected();
  flush();
}

void AgentLink::adopt(net::BlockingSession session) {
  close();
  session_.emplace(std::move(session));
  was_congested_ = false;
  poller_.watch(session_->fd(), POLLIN, [this](short events) { on_session(events); });
}

bool AgentLink::congested() const { return session_ && session_->queued_bytes() > kHighWater; }

void AgentLink::send(std::uint16_t type, std::string payload) {
  if (!session_) return;
  session_->queue(net::Frame{type, 0, std::move(payload)});
  was_congested_ = was_congested_ || congested();
}

void AgentLink::flush() {
  if (!session_ || !session_->wants_write()) return;
  // A failed write shows as a closed connection to the reader, which also takes what came before.
  static_cast<void>(session_->flush());
  update();
}

void AgentLink::update() {
  const short events = static_cast<short>(session_->wants_write() ? POLLIN | POLLOUT : POLLIN);
  poller_.change(session_->fd(), events);
}

void AgentLink::on_session(short events) {
  if (!session_) return;
  if ((events & POLLOUT) != 0) {
    flush();
    if (was_congested_ && session_->queued_bytes() < kHighWater / 2) {
      was_congested_ = false;
      handlers_.drained();
    }
    flush();
  }
  if ((events & ~POLLOUT) == 0) return;
  for (;;) {
    auto frame = session_->try_receive();
    if (!frame) {
      close();
      return handlers_.closed();
    }
    if (!*frame) return flush();
    handlers_.frame(**frame);
    if (!session_) return;
  }
}

void AgentLink::close() {
  if (!session_) return;
  static_cast<void>(session_->flush());
  poller_.forget(session_->fd());
  session_.reset();
}

}  // namespace sluice::stepd
