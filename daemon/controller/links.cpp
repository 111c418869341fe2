// Hosts: node daemons, login agents, and hosts that join with a token. Who a host is follows from
// its key alone; a key that nobody knows may say one thing, Join, and only while a token is open.
#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/log/log.hpp"
#include "daemon/controller/service/policies.hpp"
#include "daemon/controller/shell.hpp"

namespace sluice::controller {

namespace {

auth::Roles roles_of(std::string_view text) {
  auth::Roles roles;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    if (const auto role = auth::parse_role(text.substr(0, comma))) roles = roles | *role;
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return roles;
}

constexpr std::string_view kControllerTarget = "controller";

}  // namespace

Status Shell::listen() {
  Result<std::string> certificate = key_->certificate_der();
  Result<std::string> private_key = key_->private_key_der();
  if (!certificate) return tl::unexpected(certificate.error());
  if (!private_key) return tl::unexpected(private_key.error());
  auto tls = net::TlsContext::create(*certificate, *private_key);
  if (!tls) return tl::unexpected(tls.error());
  net::LinkServerOptions server;
  server.address = config_.listen_address;
  server.port = options_.port.value_or(config_.port);
  server.context = *tls;
  server.check = [this](const auth::PublicKey& key) { return identify(key); };
  server.failed = [](const std::string& remote, const Error& error) {
    log::debug("connection from {} refused: {}", remote, error.text);
  };
  auto links = net::listen_links(loop_, std::move(server), [this](net::LinkConnection connection) {
    add_link(std::move(connection));
  });
  if (!links) {
    return context("listening on port " + std::to_string(options_.port.value_or(config_.port)),
                   links.error());
  }
  link_listener_ = std::move(*links);
  auto socket = net::listen_unix(
      loop_, options_.dir + "/controller.sock", 0666,
      [this](std::unique_ptr<net::Stream> stream, const net::PeerCredentials& who) {
        auth::Peer peer;
        peer.uid = who.uid;
        peer.gid = who.gid;
        peer.pid = who.pid;
        peer.host = "controller";
        peer.roles = auth::Role::controller;
        add_session(net::make_channel(loop_, std::move(stream), net::kMaxPayloadUnknown), peer);
      });
  if (!socket) return tl::unexpected(socket.error());
  socket_listener_ = std::move(*socket);
  return base::write_file_atomic(options_.dir + "/port",
                                 std::to_string(link_listener_->port()) + "\n");
}

Result<net::HostIdentity> Shell::identify(const auth::PublicKey& key) const {
  const std::string text = auth::public_key_text(key);
  const std::vector<wire::HostRow>& hosts = service_ ? service_->hosts() : hosts_;
  for (const wire::HostRow& host : hosts) {
    if (host.public_key.view() == text) {
      return net::HostIdentity{host.name.str(), roles_of(host.roles), key};
    }
  }
  if (!tokens_.empty()) return net::HostIdentity{"", {}, key};
  return fail(ErrorCode::access_denied, "unknown host key");
}

void Shell::add_link(net::LinkConnection connection) {
  const LinkId id = next_link_++;
  HostLink& host = links_[id];
  host.link = std::move(connection.link);
  host.peer = std::move(connection.peer);
  host.link->on_message([this, id](const net::Frame& frame) { on_link_message(id, frame); });
  host.link->on_channel(
      [this, id](const net::ChannelStamp& stamp, std::unique_ptr<net::FrameChannel> channel) {
        const HostLink& from = links_.at(id);
        if (from.peer.roles.empty() || stamp.target != kControllerTarget) return;
        auth::Peer peer;
        peer.uid = stamp.uid;
        peer.gid = stamp.gid;
        peer.pid = stamp.pid;
        peer.host = from.peer.name;
        peer.roles = from.peer.roles;
        if (peer.is_host()) return;  // a stamp without a user speaks for nobody
        add_session(std::move(channel), std::move(peer));
      });
  host.link->on_close([this, id](const Error& error) { on_link_closed(id, error); });
  if (host.peer.roles.empty()) host.link->set_max_message(net::kMaxPayloadUnknown);
  host.link->start();
}

void Shell::on_link_message(LinkId id, const net::Frame& frame) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  HostLink& host = found->second;
  const auto type = static_cast<wire::MessageType>(frame.type);
  if (host.peer.roles.empty()) {
    if (type == wire::MessageType::join) return on_join(id, frame);
    return host.link->close();
  }
  const std::uint64_t begin = base::monotonic_us();
  if (type == wire::MessageType::node_hello) {
    on_hello(id, frame);
  } else if (host.node) {
    service_->on_node_message(*host.node, type, frame.payload);
  }
  service_->statistics().note_request(static_cast<std::uint16_t>(type), std::nullopt,
                                      static_cast<std::int64_t>(base::monotonic_us() - begin));
}

void Shell::on_hello(LinkId id, const net::Frame& frame) {
  HostLink& host = links_.at(id);
  const Result<wire::NodeHello> hello = wire::decode<wire::NodeHello>(frame.payload);
  if (!hello || hello->name.view() != host.peer.name) {
    log::warn("{} sent a wrong hello", host.peer.name);
    return host.link->close();
  }
  const auto node = service_->cluster().find_node(host.peer.name);
  if (!host.peer.roles.has(auth::Role::node) || !node) {
    // A login host: it wants the host list, nothing else.
    wire::NodeWelcome welcome;
    welcome.epoch = Epoch(service_->epoch());
    welcome.cluster = config_.settings->cluster_name;
    welcome.hosts = service_->hosts();
    if (host.peer.roles.has(auth::Role::node)) {
      log::warn("{} is no node of the configuration", host.peer.name);
    }
    return host.link->send(
        {static_cast<std::uint16_t>(wire::NodeWelcome::kType), 0, wire::encode(welcome)});
  }
  if (const auto older = node_links_.find(*node);
      older != node_links_.end() && older->second != id) {
    links_.erase(older->second);
    service_->on_node_closed(*node);
  }
  node_links_[*node] = id;
  host.node = *node;
  log::info("node {} registered", host.peer.name);
  service_->on_node_hello(*node, *hello);
}

void Shell::tell_hosts(const wire::HostListUpdate& update) {
  for (const auto& [id, host] : links_) {
    if (host.node || host.peer.roles.empty()) continue;
    host.link->send(
        {static_cast<std::uint16_t>(wire::HostListUpdate::kType), 0, wire::encode(update)});
  }
}

void Shell::on_link_closed(LinkId id, const Error& error) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  const std::optional<NodeIndex> node = found->second.node;
  if (!found->second.peer.roles.empty()) {
    log::info("link of {} ended: {}", found->second.peer.name, error.text);
  }
  links_.erase(found);
  if (!node) return;
  node_links_.erase(*node);
  service_->on_node_closed(*node);
}

void Shell::on_join(LinkId id, const net::Frame& frame) {
  HostLink& host = links_.at(id);
  const auto answer_error = [&](const Error& error) {
    wire::ErrorReply message;
    message.code = error.code;
    message.text = error.text;
    host.link->send({static_cast<std::uint16_t>(message.kType), frame.id, wire::encode(message)});
    host.link->finish();
  };
  const Result<wire::Join> join = wire::decode<wire::Join>(frame.payload);
  if (!join) return answer_error(join.error());
  const Result<auth::JoinToken> token = auth::parse_token(join->token_secret);
  if (!token) return answer_error(token.error());
  const std::int64_t now_s = base::wall_seconds();
  const auto known = std::ranges::find_if(tokens_, [&](const auto& entry) {
    const store::TokenRecord& record = entry.second;
    const auth::JoinGrant grant{record.secret_hash.str(), roles_of(record.role).bits,
                                record.expires / model::kSecond, record.uses_left};
    return auth::check_join(grant, token->secret, token->role, now_s).has_value();
  });
  if (known == tokens_.end()) {
    return answer_error({ErrorCode::access_denied, "the token is unknown, used or expired"});
  }
  const bool taken = std::ranges::any_of(
      service_->hosts(), [&](const wire::HostRow& row) { return row.name == join->name; });
  if (taken) return answer_error({ErrorCode::already_exists, "a host of this name has joined"});
  if (token->role == auth::Role::node && !service_->cluster().find_node(join->name)) {
    return answer_error({ErrorCode::invalid_node_name,
                         join->name.str() + " is no node of the cluster's configuration"});
  }
  store::TokenRecord used = known->second;
  --used.uses_left;
  if (used.uses_left == 0) {
    tokens_.erase(known);
  } else {
    known->second = used;
  }
  wire::HostRow row;
  row.name = join->name;
  row.address = join->address;
  row.port = join->port;
  row.public_key = auth::public_key_text(host.peer.key);
  row.roles = std::string(auth::role_name(token->role));
  service_->add_token(used, [](const Status&) {});
  service_->add_host(row, [this, id, request = frame.id](const Status&) {
    const auto still = links_.find(id);
    if (still == links_.end()) return;
    wire::JoinReply message;
    message.cluster = config_.settings->cluster_name;
    still->second.link->send(
        {static_cast<std::uint16_t>(message.kType), request, wire::encode(message)});
    still->second.link->finish();
  });
}

void Shell::make_token(const Call& call, const net::Frame& frame) {
  const Status allowed =
      service_->judge(auth::Policy<wire::MakeToken>::rule, call.peer, std::nullopt);
  if (!allowed) return refuse(call, allowed.error());
  const Result<wire::MakeToken> request = wire::decode<wire::MakeToken>(frame.payload);
  if (!request) return refuse(call, request.error());
  const auto role = auth::parse_role(request->role);
  if (!role || *role == auth::Role::controller) {
    return refuse(call,
                  {ErrorCode::invalid_argument, "a token is for the role node, login or gateway"});
  }
  const Result<auth::JoinSecret> secret = auth::make_join_secret();
  if (!secret) return refuse(call, secret.error());
  auth::JoinToken token;
  token.address = config_.control_host.empty() ? "127.0.0.1" : config_.control_host;
  token.port = port();
  token.controller = auth::fingerprint(key_->public_key());
  token.secret = *secret;
  token.role = *role;
  const std::int64_t expires_s = base::wall_seconds() + request->valid_s;
  const auth::JoinGrant grant = auth::grant_for(token, expires_s, request->uses);
  store::TokenRecord record{grant.secret_hash, request->role, expires_s * model::kSecond,
                            request->uses};
  tokens_[grant.secret_hash] = record;
  service_->add_token(record, [this, call, text = auth::token_text(token)](const Status&) {
    wire::TokenReply message;
    message.token = text;
    controller::reply(*static_cast<Env*>(this), call.session, call.id, message);
  });
}

}  // namespace sluice::controller
