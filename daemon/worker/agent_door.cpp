// The door: conversations of local users (the kernel says who they are) and channels from other
// hosts (their keys say which host, their stamps whom they speak for). Opaque relaying to the
// controller and to other nodes; what is for this node goes to the service.
#include "base/log/log.hpp"
#include "daemon/worker/agent.hpp"

namespace sluice::worker {

namespace {

constexpr std::size_t kMaxSessions = 16'384;

}  // namespace

Status Agent::open_door() {
  auto door = net::listen_unix(
      loop_, config_.socket, 0666,
      [this](std::unique_ptr<net::Stream> stream, const net::PeerCredentials& who) {
        if (sessions_.size() + relays_.size() >= kMaxSessions) return;
        admit(net::make_channel(loop_, std::move(stream), net::kMaxPayloadUnknown), who);
      });
  if (!door) return context("listening on " + config_.socket, door.error());
  door_ = std::move(*door);
  return {};
}

void Agent::admit(std::unique_ptr<net::FrameChannel> channel, const net::PeerCredentials& who) {
  const std::uint64_t id = next_session_++;
  Session& session = sessions_[id];
  session.channel = std::move(channel);
  session.peer.uid = who.uid;
  session.peer.gid = who.gid;
  session.peer.pid = who.pid;
  session.peer.host = config_.name;
  session.peer.roles = config_.login ? auth::Role::login : auth::Role::node;
  session.channel->on_frame([this, id](const net::Frame& frame) { route(id, frame); });
  session.channel->on_close([this, id](const Error&) { sessions_.erase(id); });
  session.channel->resume();
}

// The first frame of a session: where it goes.
void Agent::route(std::uint64_t id, const net::Frame& frame) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const auto type = static_cast<wire::MessageType>(frame.type);
  if (type == wire::MessageType::image_fetch || type == wire::MessageType::image_home) {
    return serve_helper(id, frame);
  }
  const auto wanted = wire::decode<wire::Route>(frame.payload);
  if (frame.type != static_cast<std::uint16_t>(wire::Route::kType) || !wanted) {
    sessions_.erase(found);
    return;
  }
  Session& session = found->second;
  session.channel->pause();
  session.channel->set_max_payload(net::kMaxPayload);
  net::ChannelStamp stamp;
  stamp.uid = session.peer.uid;
  stamp.gid = session.peer.gid;
  stamp.pid = session.peer.pid;
  if (wanted->node.empty()) {
    stamp.target = kControllerTarget;
    net::Link* link = links_->controller();
    if (link == nullptr) return session.channel->finish();
    auto channel = link->open(stamp);
    if (!channel) return session.channel->finish();
    std::unique_ptr<net::FrameChannel> from = std::move(session.channel);
    sessions_.erase(id);
    return join(std::move(from), std::move(*channel));
  }
  if (wanted->node.view() == config_.name && !config_.login) {
    std::unique_ptr<net::FrameChannel> channel = std::move(session.channel);
    const auth::Peer peer = session.peer;
    sessions_.erase(id);
    add_stream(std::move(channel), peer, false);
    return;
  }
  stamp.target = kAgentTarget;
  links_->open(wanted->node.str(), stamp, [this, id](auto channel) {
    const auto waiting = sessions_.find(id);
    if (waiting == sessions_.end()) return;
    std::unique_ptr<net::FrameChannel> from = std::move(waiting->second.channel);
    sessions_.erase(waiting);
    if (!channel) {
      wire::ErrorReply error;
      error.code = ErrorCode::unavailable;
      error.text = channel.error().text;
      from->send({static_cast<std::uint16_t>(error.kType), 0, wire::encode(error)});
      const std::uint64_t last = next_session_++;
      from->on_frame([](const net::Frame&) {});
      from->on_close([this, last](const Error&) { sessions_.erase(last); });
      from->finish();
      sessions_[last].channel = std::move(from);
      return;
    }
    join(std::move(from), std::move(*channel));
  });
}

void Agent::serve_helper(std::uint64_t id, const net::Frame& frame) {
  if (frame.type == static_cast<std::uint16_t>(wire::ImageHome::kType)) return tell_image_home(id);
  auto session = sessions_.extract(id);
  if (config_.login) return;  // there are no jobs here
  session.mapped().channel->pause();
  session.mapped().channel->set_max_payload(net::kMaxPayload);
  const StreamId stream =
      add_stream(std::move(session.mapped().channel), session.mapped().peer, false);
  service_->on_stream_frame(stream,
                            {static_cast<wire::MessageType>(frame.type), frame.id, frame.payload});
}

void Agent::tell_image_home(std::uint64_t id) {
  Session& session = sessions_.at(id);
  const Result<std::string> home = containers_->home_of(session.peer.uid, session.peer.gid);
  const auto send = [&](const auto& message) {
    session.channel->send({static_cast<std::uint16_t>(message.kType), 0, wire::encode(message)});
  };
  if (home) {
    send(wire::ImageHomeReply{*home});
  } else {
    wire::ErrorReply error;
    error.code = home.error().code;
    error.text = home.error().text;
    send(error);
  }
  session.channel->finish();
}

void Agent::join(std::unique_ptr<net::FrameChannel> from, std::unique_ptr<net::FrameChannel> to) {
  const std::uint64_t id = next_relay_++;
  relays_[id] =
      net::relay(std::move(from), std::move(to), [this, id](const Error&) { relays_.erase(id); });
}

void Agent::channel_arrived(const net::HostIdentity& from, const net::ChannelStamp& stamp,
                            std::unique_ptr<net::FrameChannel> channel) {
  auth::Peer peer;
  peer.uid = stamp.uid;
  peer.gid = stamp.gid;
  peer.pid = stamp.pid;
  peer.host = from.name;
  peer.roles = from.roles;
  const bool step = stamp.target == kStepTarget && from.roles.has(auth::Role::node);
  const bool agent = stamp.target == kAgentTarget;
  if (config_.login || peer.is_host() || (!step && !agent)) return;  // dropping it closes it
  // Before the controller's order a step's launch waits; a user must have a job on both nodes.
  if (agent && !peer.trusted_host() && !service_->user_shares_job_with(peer.uid, peer.host)) {
    return log::warn("{} may not speak for uid {}", peer.host, peer.uid);
  }
  add_stream(std::move(channel), peer, step);
}

StreamId Agent::add_stream(std::unique_ptr<net::FrameChannel> channel, const auth::Peer& peer,
                           bool from_agent) {
  const StreamId id = next_stream_++;
  streams_[id];
  service_->stream_opened(id, peer, from_agent);
  bind_stream(id, std::move(channel));
  return id;
}

void Agent::bind_stream(StreamId id, std::unique_ptr<net::FrameChannel> channel) {
  Conversation& conversation = streams_.at(id);
  conversation.channel = std::move(channel);
  net::FrameChannel& bound = *conversation.channel;
  bound.on_frame([this, id](const net::Frame& frame) {
    service_->on_stream_frame(
        id, {static_cast<wire::MessageType>(frame.type), frame.id, frame.payload});
  });
  bound.on_close([this, id](const Error&) { stream_closed(id); });
  for (const net::Frame& frame : conversation.waiting) bound.send(frame);
  conversation.waiting.clear();
  if (conversation.closing) return bound.finish();
  bound.resume();
}

void Agent::stream_closed(StreamId id) {
  if (streams_.erase(id) > 0) service_->on_stream_closed(id);
}

void Agent::send_stream(StreamId id, wire::MessageType type, std::uint64_t frame_id,
                        std::string payload) {
  const auto found = streams_.find(id);
  if (found == streams_.end() || found->second.closing) return;
  net::Frame frame{static_cast<std::uint16_t>(type), frame_id, std::move(payload)};
  if (found->second.channel) {
    found->second.channel->send(frame);
  } else {
    found->second.waiting.push_back(std::move(frame));
  }
}

void Agent::close_stream(StreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end() || found->second.closing) return;
  found->second.closing = true;
  if (found->second.channel) found->second.channel->finish();
}

bool Agent::congested(StreamId id) const {
  const auto found = streams_.find(id);
  return found != streams_.end() && found->second.channel && found->second.channel->congested();
}

StreamId Agent::open_peer(const std::string& node, const model::JobSpec& spec) {
  const StreamId id = next_stream_++;
  streams_[id];
  net::ChannelStamp stamp;
  stamp.uid = spec.uid;
  stamp.gid = spec.gid;
  stamp.target = kStepTarget;
  links_->open(node, stamp, [this, id](auto channel) {
    if (!streams_.contains(id)) return;
    if (!channel) return stream_closed(id);
    bind_stream(id, std::move(*channel));
  });
  return id;
}

}  // namespace sluice::worker
