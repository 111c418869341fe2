// HostLinks: this host's connections to the others. One kept link to the controller, opened again
// for ever; links to other agents on demand; and the listening port. Channels come and go on them;
// what they mean is the owner's matter.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "auth/host_key.hpp"
#include "daemon/worker/agent_config.hpp"
#include "net/link.hpp"
#include "wire/client_messages.hpp"

namespace sluice::worker {

// What a channel is opened for.
inline constexpr std::string_view kControllerTarget = "controller";
inline constexpr std::string_view kAgentTarget = "agent";  // a user's conversation with a node
inline constexpr std::string_view kStepTarget = "step";    // an agent's own, in the tree of a step

class HostLinks {
 public:
  struct Handlers {
    std::function<void()> controller_up;
    std::function<void(const net::Frame&)> controller_message;
    std::function<void()> controller_down;
    std::function<void(const net::HostIdentity&, const net::ChannelStamp&,
                       std::unique_ptr<net::FrameChannel>)>
        channel;
  };

  static Result<std::unique_ptr<HostLinks>> create(net::Loop& loop, const AgentConfig& config,
                                                   Handlers handlers);
  ~HostLinks();

  // Begins to connect; nothing is called from inside.
  void start();
  void set_hosts(const std::vector<wire::HostRow>& hosts) { hosts_ = hosts; }
  [[nodiscard]] std::uint16_t port() const;

  // Null while there is no link to the controller.
  [[nodiscard]] net::Link* controller() { return controller_.get(); }
  // A channel to another node's agent, when the link is there; `done` comes later, once.
  using ChannelDone = std::function<void(Result<std::unique_ptr<net::FrameChannel>>)>;
  void open(const std::string& node, net::ChannelStamp stamp, ChannelDone done);

 private:
  struct Peer {
    std::unique_ptr<net::Connecting> connecting;
    std::unique_ptr<net::Link> link;
    std::vector<std::pair<net::ChannelStamp, ChannelDone>> waiting;
    net::Timer idle;
  };
  struct Incoming {
    net::HostIdentity peer;
    std::unique_ptr<net::Link> link;
  };

  HostLinks(net::Loop& loop, const AgentConfig& config, Handlers handlers)
      : loop_(loop), config_(config), handlers_(std::move(handlers)) {}
  Status listen();
  void connect_controller();
  void controller_connected(Result<net::LinkConnection> connection);
  void controller_lost(const Error& error);
  void connect_peer(const std::string& node, Peer& peer);
  void peer_connected(const std::string& node, Result<net::LinkConnection> connection);
  void accept(net::LinkConnection connection);
  [[nodiscard]] Result<net::HostIdentity> identify(const auth::PublicKey& key) const;
  void watch_idle(const std::string& node);

  net::Loop& loop_;
  const AgentConfig& config_;
  Handlers handlers_;
  std::shared_ptr<const net::TlsContext> tls_;
  auth::PublicKey controller_key_{};
  std::vector<wire::HostRow> hosts_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Connecting> connecting_;
  std::unique_ptr<net::Link> controller_;
  net::Timer retry_;
  std::int64_t backoff_ms_ = 0;
  std::string last_error_;
  std::map<std::string, Peer> peers_;
  std::map<std::uint64_t, Incoming> incoming_;
  std::uint64_t next_incoming_ = 1;
};

}  // namespace sluice::worker
