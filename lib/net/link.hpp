// Link: the one connection between two hosts. It carries messages between the hosts themselves
// ("channel 0") and any number of channels, each on behalf of a local user whose uid and gid the
// opening side stamps. Who the peer is, TLS has proved; how far its stamps count is decided by
// lib/auth.
//
// Each direction of a channel has a window: the sender may have that many bytes under way, and the
// receiver gives credit back as its user takes frames. A channel that nobody reads therefore holds
// one window of memory and never delays another. Channels take turns in small pieces; messages
// go before them. Pings find a dead peer.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "net/channel.hpp"
#include "net/tls.hpp"

namespace sluice::net {

// On whose behalf a channel is opened, and what it wants to talk to ("controller", "node:n3", …:
// the receiver's matter).
struct ChannelStamp {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  pid_t pid = 0;  // 0: none
  std::string target;

  bool operator==(const ChannelStamp&) const = default;
};

inline constexpr std::uint32_t kChannelWindow = 256 * 1024;
inline constexpr std::size_t kMaxTargetText = 1024;
// Types from here up are the link's own, not for messages. A channel's frames may use every type.
inline constexpr std::uint16_t kFirstLinkType = 0xff00;

struct LinkOptions {
  TlsSide side = TlsSide::client;         // who connected: decides the channel numbers
  std::size_t max_message = kMaxPayload;  // of one message, and of one frame on a channel
  std::size_t max_channels = 16'384;      // that the peer may have open; more are refused
  std::int64_t ping_after_ms = 10'000;    // of silence
  std::int64_t dead_after_ms = 30'000;    // of silence
};

class Link {
 public:
  virtual ~Link() = default;

  // Set the handlers, then start(). Channels arrive paused.
  virtual void on_message(std::function<void(Frame)> handler) = 0;
  virtual void on_channel(
      std::function<void(const ChannelStamp&, std::unique_ptr<FrameChannel>)> handler) = 0;
  virtual void on_drain(std::function<void()> handler) = 0;
  // At most once. Each channel is told by its own on_close.
  virtual void on_close(std::function<void(const Error&)> handler) = 0;
  virtual void start() = 0;

  // A message to the peer's on_message; type < kFirstLinkType.
  virtual void send(const Frame& message) = 0;
  // Bytes of messages and channels together that wait in the connection.
  [[nodiscard]] virtual std::size_t queued() const = 0;
  [[nodiscard]] bool congested() const { return queued() > kStreamHighWater; }

  // The channel may be used at once. It may outlive the link (then it is closed).
  virtual Result<std::unique_ptr<FrameChannel>> open(const ChannelStamp& stamp) = 0;
  [[nodiscard]] virtual std::size_t channel_count() const = 0;

  // Raises or lowers what the peer may send; a joining host begins small.
  virtual void set_max_message(std::size_t max_message) = 0;

  virtual void finish() = 0;
  virtual void close() = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
};

std::unique_ptr<Link> make_link(Loop& loop, std::unique_ptr<Stream> stream, LinkOptions options);

// Connecting: TCP, TLS and link in one.
struct LinkTarget {
  TcpTarget tcp;
  std::shared_ptr<const TlsContext> context;
  CheckPeer check;
  std::int64_t timeout_ms = 10'000;  // for each of connect and handshake
  LinkOptions options;               // side is set to client
};
struct LinkConnection {
  std::unique_ptr<Link> link;  // not started
  HostIdentity peer;
};
std::unique_ptr<Connecting> connect_link(Loop& loop, LinkTarget target,
                                         std::function<void(Result<LinkConnection>)> done);

// Listening for links. `failed` hears of refused handshakes, for the log; it may be empty.
struct LinkServerOptions {
  std::string address;  // numeric, empty for every interface
  std::uint16_t port = 0;
  std::shared_ptr<const TlsContext> context;
  CheckPeer check;
  std::int64_t handshake_timeout_ms = 10'000;
  std::size_t max_handshakes = 1024;  // at the same time; more connections are dropped
  LinkOptions options;                // side is set to server
  std::function<void(const std::string& remote, const Error&)> failed;
};
Result<std::unique_ptr<Listener>> listen_links(Loop& loop, LinkServerOptions options,
                                               std::function<void(LinkConnection)> accept);

}  // namespace sluice::net
