// Listeners: a bound socket, watched; each readiness accepts what waits, within a limit. When the
// process has no descriptors left, accepting rests for a moment instead of spinning.

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/client/unix_address.hpp"
#include "net/slot.hpp"
#include "net/socket_address.hpp"
#include "net/stream.hpp"

namespace sluice::net {

namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsPerTurn = 64;
constexpr std::int64_t kRestMs = 100;

// The file that a unix socket made, so that only that one is removed.
struct SocketFile {
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
};

class SocketListener final : public Listener {
 public:
  using Accepted = std::function<void(std::unique_ptr<Stream>, int, const RawAddress&)>;

  SocketListener(Loop& loop, base::UniqueFd fd, Accepted accepted)
      : loop_(loop), fd_(std::move(fd)), accepted_(std::move(accepted)) {}
  ~SocketListener() override { remove_file(); }
  SocketListener(const SocketListener&) = delete;
  SocketListener& operator=(const SocketListener&) = delete;

  Status start();
  void set_port(std::uint16_t port) { port_ = port; }
  void set_file(SocketFile file) { file_ = std::move(file); }
  [[nodiscard]] std::uint16_t port() const override { return port_; }

 private:
  void accept_some();
  bool accept_one();
  void remove_file() const;

  Loop& loop_;
  base::UniqueFd fd_;
  Watch watch_;
  Slot<void(std::unique_ptr<Stream>, int, const RawAddress&)> accepted_;
  Timer rest_;
  SocketFile file_;
  std::uint16_t port_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

Status SocketListener::start() {
  auto watch = loop_.watch(fd_.get(), {.read = true}, [this](Readiness) { accept_some(); });
  if (!watch) return tl::unexpected<Error>(std::move(watch).error());
  watch_ = std::move(*watch);
  return {};
}

void SocketListener::accept_some() {
  const std::weak_ptr<char> alive = alive_;
  for (int count = 0; count < kAcceptsPerTurn; ++count) {
    if (!accept_one() || alive.expired()) return;
  }
}

// Whether there may be more.
bool SocketListener::accept_one() {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  base::UniqueFd fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length,
                              SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.is_open()) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      watch_.set({});
      rest_ = loop_.after(kRestMs, [this] { watch_.set({.read = true}); });
      return false;
    }
    return errno != EAGAIN && errno != EWOULDBLOCK;
  }
  const int raw = fd.get();
  auto stream = make_stream(loop_, std::move(fd));
  if (stream) {
    accepted_(std::move(*stream), raw, RawAddress(reinterpret_cast<const char*>(&address), length));
  }
  return true;
}

void SocketListener::remove_file() const {
  struct stat now {};
  if (file_.path.empty() || ::lstat(file_.path.c_str(), &now) != 0) return;
  if (now.st_dev == file_.device && now.st_ino == file_.inode) ::unlink(file_.path.c_str());
}

Error failed(const std::string& what, int code) { return base::errno_error(what, code); }

// Removes what a dead process left; refuses to touch anything else.
Status remove_stale(const std::string& path, const UnixAddress& address) {
  struct stat now {};
  if (::lstat(path.c_str(), &now) != 0) {
    if (errno == ENOENT) return {};
    return tl::unexpected<Error>(failed(path, errno));
  }
  if (!S_ISSOCK(now.st_mode)) return fail(ErrorCode::already_exists, path + ": not a socket");
  const base::UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int result = ::connect(probe.get(), address.get(), address.length);
  if (result == 0 || errno == EAGAIN) {
    return fail(ErrorCode::already_exists, path + ": another process listens there");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return tl::unexpected<Error>(failed(path, errno));
  }
  return {};
}

// Bound and listening; nobody can connect before the mode is set, since listen() comes after.
Result<SocketFile> bind_unix(int fd, const std::string& path, unsigned mode) {
  auto address = unix_address(path);
  if (!address) return tl::unexpected<Error>(std::move(address).error());
  if (Status done = remove_stale(path, *address); !done) {
    return tl::unexpected<Error>(std::move(done).error());
  }
  if (::bind(fd, address->get(), address->length) != 0) {
    return tl::unexpected<Error>(failed(path, errno));
  }
  struct stat made {};
  if (::chmod(path.c_str(), mode) != 0 || ::lstat(path.c_str(), &made) != 0 ||
      ::listen(fd, kBacklog) != 0) {
    const int code = errno;
    ::unlink(path.c_str());
    return tl::unexpected<Error>(failed(path, code));
  }
  return SocketFile{.path = path, .device = made.st_dev, .inode = made.st_ino};
}

Status bind_tcp(int fd, const RawAddress& address) {
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);  // fails on IPv4: no harm
  if (::bind(fd, reinterpret_cast<const sockaddr*>(address.data()),
             static_cast<socklen_t>(address.size())) != 0 ||
      ::listen(fd, kBacklog) != 0) {
    return tl::unexpected<Error>(failed("listening on " + address_text(address), errno));
  }
  return {};
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return address_port(RawAddress(reinterpret_cast<const char*>(&address), length));
}

}  // namespace

Result<PeerCredentials> peer_credentials(int fd) {
  ucred found{};
  socklen_t length = sizeof found;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &length) != 0) {
    return tl::unexpected<Error>(failed("peer credentials", errno));
  }
  return PeerCredentials{.pid = found.pid, .uid = found.uid, .gid = found.gid};
}

Result<std::unique_ptr<Listener>> listen_unix(Loop& loop, const std::string& path, unsigned mode,
                                              AcceptUnix accept) {
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return tl::unexpected<Error>(failed("socket", errno));
  auto file = bind_unix(fd.get(), path, mode);
  if (!file) return tl::unexpected<Error>(std::move(file).error());
  auto listener = std::make_unique<SocketListener>(
      loop, std::move(fd),
      [accept = std::move(accept)](std::unique_ptr<Stream> stream, int raw, const RawAddress&) {
        // A peer that the kernel can't name is nobody, and is dropped.
        if (const auto peer = peer_credentials(raw)) accept(std::move(stream), *peer);
      });
  listener->set_file(std::move(*file));
  if (Status done = listener->start(); !done) return tl::unexpected<Error>(std::move(done).error());
  return listener;
}

Result<std::unique_ptr<Listener>> listen_tcp(Loop& loop, const std::string& address,
                                             std::uint16_t port, AcceptTcp accept) {
  auto raw_address = numeric_address(address, port);
  if (!raw_address) return tl::unexpected<Error>(std::move(raw_address).error());
  auto fd = tcp_socket(*raw_address);
  if (!fd) return tl::unexpected<Error>(std::move(fd).error());
  if (Status done = bind_tcp(fd->get(), *raw_address); !done) {
    return tl::unexpected<Error>(std::move(done).error());
  }
  const std::uint16_t real_port = bound_port(fd->get());
  auto listener = std::make_unique<SocketListener>(
      loop, std::move(*fd),
      [accept = std::move(accept)](std::unique_ptr<Stream> stream, int raw,
                                   const RawAddress& remote) {
        tune_tcp(raw);
        accept(std::move(stream), address_text(remote));
      });
  listener->set_port(real_port);
  if (Status done = listener->start(); !done) return tl::unexpected<Error>(std::move(done).error());
  return listener;
}

}  // namespace sluice::net
