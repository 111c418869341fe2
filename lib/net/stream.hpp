// Byte streams: unix sockets, TCP, TLS over either, pipes. The owner holds a unique_ptr and may
// destroy the stream at any time, also inside one of its callbacks; destroying it drops what is
// still queued.
//
// A stream begins paused: set the handlers, then resume(). Writing never calls a handler from
// inside; bytes written in one turn of the loop go out together at its end. Nothing limits the
// queue but the writer: stop when congested() and go on at on_drain.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "net/loop.hpp"

namespace sluice::net {

// Above this many queued bytes a stream is congested; at half of it, on_drain is called.
inline constexpr std::size_t kStreamHighWater = 256 * 1024;

class Stream {
 public:
  virtual ~Stream() = default;

  virtual void on_data(std::function<void(std::string_view)> handler) = 0;
  virtual void on_drain(std::function<void()> handler) = 0;
  // Called at most once, and never after: the peer closed, an error, or the end of finish()
  // (with ErrorCode::ok). Not called for the owner's own close().
  virtual void on_close(std::function<void(const Error&)> handler) = 0;

  virtual void write(std::string_view bytes) = 0;
  [[nodiscard]] virtual std::size_t queued_bytes() const = 0;
  [[nodiscard]] bool congested() const { return queued_bytes() > kStreamHighWater; }

  // A paused stream notices the peer's end only when it is resumed.
  virtual void pause() = 0;
  virtual void resume() = 0;

  // Sends what is queued, however long the peer takes, then closes and calls on_close. Reading
  // stops at once.
  virtual void finish() = 0;
  virtual void close() = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
};

// Takes over a connected socket, or a pipe end, in any mode; makes it non-blocking.
Result<std::unique_ptr<Stream>> make_stream(Loop& loop, base::UniqueFd fd);

// Who is at the other end of a unix socket, as the kernel says; fixed at the time of connect.
struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};
Result<PeerCredentials> peer_credentials(int fd);

// Accepts until it is destroyed. A unix listener removes its path then.
class Listener {
 public:
  virtual ~Listener() = default;
  // The port in use; 0 for a unix listener.
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

using AcceptUnix = std::function<void(std::unique_ptr<Stream>, const PeerCredentials&)>;
// `remote` is the peer's numeric address, for messages only.
using AcceptTcp = std::function<void(std::unique_ptr<Stream>, const std::string& remote)>;

// `mode` is the socket's permission bits (0666 lets all users connect). A stale socket at `path` is
// replaced; one with a living listener, or a file that is no socket, is an error.
Result<std::unique_ptr<Listener>> listen_unix(Loop& loop, const std::string& path, unsigned mode,
                                              AcceptUnix accept);
// `address` is numeric, empty for every interface; port 0 lets the kernel choose.
Result<std::unique_ptr<Listener>> listen_tcp(Loop& loop, const std::string& address,
                                             std::uint16_t port, AcceptTcp accept);

// A connection attempt; destroying it cancels without a call.
class Connecting {
 public:
  virtual ~Connecting() = default;
};
using ConnectDone = std::function<void(Result<std::unique_ptr<Stream>>)>;

std::unique_ptr<Connecting> connect_unix(Loop& loop, const std::string& path,
                                         std::int64_t timeout_ms, ConnectDone done);

struct TcpTarget {
  std::string host;  // name or number
  std::uint16_t port = 0;
};
// Tries the host's addresses in turn within the one timeout.
std::unique_ptr<Connecting> connect_tcp(Loop& loop, const TcpTarget& target,
                                        std::int64_t timeout_ms, ConnectDone done);

}  // namespace sluice::net
