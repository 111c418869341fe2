// See host_links.hpp.
#include "daemon/worker/host_links.hpp"

#include <algorithm>
#include <utility>

#include "base/log/log.hpp"
#include "base/strings.hpp"

namespace sluice::worker {

namespace {

constexpr std::int64_t kBackoffFirstMs = 100;
constexpr std::int64_t kBackoffMostMs = 5'000;
constexpr std::int64_t kConnectMs = 10'000;
constexpr std::int64_t kIdleMs = 60'000;

auth::Roles roles_of(std::string_view text) {
  auth::Roles roles;
  for (const std::string_view name : base::split_nonempty(text, ',')) {
    if (const auto role = auth::parse_role(base::trim(name))) roles = roles | *role;
  }
  return roles;
}

}  // namespace

Result<std::unique_ptr<HostLinks>> HostLinks::create(net::Loop& loop, const AgentConfig& config,
                                                     Handlers handlers) {
  std::unique_ptr<HostLinks> links(new HostLinks(loop, config, std::move(handlers)));
  Result<auth::PublicKey> controller = auth::parse_public_key(config.controller_key);
  if (!controller) return context("controller_key", controller.error());
  links->controller_key_ = *controller;
  Result<auth::HostKey> key = auth::HostKey::load_or_create(config.key_file);
  if (!key) return tl::unexpected(key.error());
  Result<std::string> certificate = key->certificate_der();
  Result<std::string> private_key = key->private_key_der();
  if (!certificate) return tl::unexpected(certificate.error());
  if (!private_key) return tl::unexpected(private_key.error());
  auto tls = net::TlsContext::create(*certificate, *private_key);
  if (!tls) return tl::unexpected(tls.error());
  links->tls_ = *tls;
  if (Status listening = links->listen(); !listening) return tl::unexpected(listening.error());
  return links;
}

HostLinks::~HostLinks() = default;

Status HostLinks::listen() {
  if (config_.login) return {};  // nobody opens channels to a login host
  net::LinkServerOptions server;
  server.address = config_.listen_address;
  server.port = config_.port;
  server.context = tls_;
  server.check = [this](const auth::PublicKey& key) { return identify(key); };
  server.failed = [](const std::string& remote, const Error& error) {
    log::debug("connection from {} refused: {}", remote, error.text);
  };
  auto listener = net::listen_links(loop_, std::move(server), [this](net::LinkConnection incoming) {
    accept(std::move(incoming));
  });
  if (!listener) {
    return context("listening on port " + std::to_string(config_.port), listener.error());
  }
  listener_ = std::move(*listener);
  return {};
}

std::uint16_t HostLinks::port() const { return listener_ ? listener_->port() : config_.port; }

Result<net::HostIdentity> HostLinks::identify(const auth::PublicKey& key) const {
  if (key == controller_key_) {
    return net::HostIdentity{"controller", auth::Role::controller, key};
  }
  const std::string text = auth::public_key_text(key);
  for (const wire::HostRow& host : hosts_) {
    if (host.public_key.view() == text) {
      return net::HostIdentity{host.name.str(), roles_of(host.roles), key};
    }
  }
  return fail(ErrorCode::access_denied, "unknown host key");
}

void HostLinks::accept(net::LinkConnection connection) {
  const std::uint64_t id = next_incoming_++;
  Incoming& incoming = incoming_[id];
  incoming.peer = std::move(connection.peer);
  incoming.link = std::move(connection.link);
  incoming.link->on_channel(
      [this, id](const net::ChannelStamp& stamp, std::unique_ptr<net::FrameChannel> channel) {
        handlers_.channel(incoming_.at(id).peer, stamp, std::move(channel));
      });
  incoming.link->on_close([this, id](const Error&) { incoming_.erase(id); });
  incoming.link->start();
}

void HostLinks::start() { connect_controller(); }

void HostLinks::connect_controller() {
  net::LinkTarget target;
  target.tcp = {config_.controller_address, config_.controller_port};
  target.context = tls_;
  target.check = [this](const auth::PublicKey& key) -> Result<net::HostIdentity> {
    if (key != controller_key_) return fail(ErrorCode::access_denied, "not the controller's key");
    return net::HostIdentity{"controller", auth::Role::controller, key};
  };
  target.timeout_ms = kConnectMs;
  connecting_ = net::connect_link(loop_, std::move(target), [this](auto connection) {
    controller_connected(std::move(connection));
  });
}

void HostLinks::controller_connected(Result<net::LinkConnection> connection) {
  if (!connection) return controller_lost(connection.error());
  controller_ = std::move(connection->link);
  controller_->on_message([this](const net::Frame& frame) {
    // A controller that accepts us but drops the link at once must not be called in a tight loop.
    backoff_ms_ = 0;
    handlers_.controller_message(frame);
  });
  controller_->on_close([this](const Error& error) { controller_lost(error); });
  controller_->start();
  log::info("connected to the controller");
  last_error_.clear();
  handlers_.controller_up();
}

void HostLinks::controller_lost(const Error& error) {
  const bool was_up = controller_ != nullptr;
  if (was_up || error.text != last_error_) log::warn("controller: {}", error.text);
  last_error_ = error.text;
  controller_.reset();
  if (was_up) handlers_.controller_down();
  backoff_ms_ = std::clamp(backoff_ms_ * 2, kBackoffFirstMs, kBackoffMostMs);
  retry_ = loop_.after(backoff_ms_, [this] { connect_controller(); });
}

void HostLinks::open(const std::string& node, net::ChannelStamp stamp, ChannelDone done) {
  Peer& peer = peers_[node];
  peer.waiting.emplace_back(std::move(stamp), std::move(done));
  if (peer.link) {
    loop_.post([this, node] { peer_connected(node, net::LinkConnection{}); });
  } else if (!peer.connecting) {
    connect_peer(node, peer);
  }
}

void HostLinks::connect_peer(const std::string& node, Peer& peer) {
  const auto host = std::ranges::find(hosts_, std::string_view(node),
                                      [](const wire::HostRow& row) { return row.name.view(); });
  if (host == hosts_.end() || host->address.empty() || host->port == 0) {
    return loop_.post([this, node] {
      peer_connected(node,
                     fail(ErrorCode::invalid_node_name, "no address of " + node + " is known"));
    });
  }
  net::LinkTarget target;
  target.tcp = {host->address.str(), static_cast<std::uint16_t>(host->port)};
  target.context = tls_;
  target.timeout_ms = kConnectMs;
  target.check = [this, node](const auth::PublicKey& key) -> Result<net::HostIdentity> {
    Result<net::HostIdentity> who = identify(key);
    if (who && who->name != node) return fail(ErrorCode::access_denied, "the key of another host");
    return who;
  };
  peer.connecting = net::connect_link(loop_, std::move(target), [this, node](auto connection) {
    peer_connected(node, std::move(connection));
  });
}

// Also called for a link that is already there, to serve who waits.
void HostLinks::peer_connected(const std::string& node, Result<net::LinkConnection> connection) {
  const auto found = peers_.find(node);
  if (found == peers_.end()) return;
  Peer& peer = found->second;
  auto waiting = std::exchange(peer.waiting, {});
  if (!connection) {
    log::warn("{}: {}", node, connection.error().text);
    peers_.erase(found);
    for (auto& [stamp, done] : waiting) done(tl::unexpected(connection.error()));
    return;
  }
  if (connection->link) {
    peer.connecting.reset();
    peer.link = std::move(connection->link);
    peer.link->on_channel(
        [this, node](const net::ChannelStamp& stamp, std::unique_ptr<net::FrameChannel> channel) {
          for (const wire::HostRow& row : hosts_) {
            if (row.name.view() != node) continue;
            net::HostIdentity who;
            who.name = node;
            who.roles = roles_of(row.roles);
            return handlers_.channel(who, stamp, std::move(channel));
          }
        });
    peer.link->on_close([this, node](const Error&) { peers_.erase(node); });
    peer.link->start();
    watch_idle(node);
  }
  for (auto& [stamp, done] : waiting) {
    const auto again = peers_.find(node);
    if (again == peers_.end() || !again->second.link) {
      done(fail(ErrorCode::unavailable, "the link was lost"));
    } else {
      done(again->second.link->open(stamp));
    }
  }
}

void HostLinks::watch_idle(const std::string& node) {
  peers_.at(node).idle = loop_.every(kIdleMs, [this, node] {
    const auto found = peers_.find(node);
    if (found == peers_.end() || !found->second.waiting.empty()) return;
    if (found->second.link && found->second.link->channel_count() == 0) peers_.erase(found);
  });
}

}  // namespace sluice::worker
