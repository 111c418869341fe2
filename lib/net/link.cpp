// The link itself: sorting what arrives, letting channels take turns, and watching for silence.

#include "net/link.hpp"

#include <utility>

#include "base/assert.hpp"
#include "net/link_core.hpp"

namespace sluice::net {

namespace {

// The tick after which a whole period has been silent.
constexpr std::int64_t kTicksWithPing = 2;

tl::unexpected<Error> broken(std::string what) {
  return fail(ErrorCode::protocol, "link: " + std::move(what));
}

class LinkImpl final : public Link {
 public:
  explicit LinkImpl(std::shared_ptr<LinkCore> core) : core_(std::move(core)) {}
  ~LinkImpl() override { core_->forget(); }
  LinkImpl(const LinkImpl&) = delete;
  LinkImpl& operator=(const LinkImpl&) = delete;

  void on_message(std::function<void(Frame)> handler) override {
    core_->on_message.set(std::move(handler));
  }
  void on_channel(
      std::function<void(const ChannelStamp&, std::unique_ptr<FrameChannel>)> handler) override {
    core_->on_channel.set(std::move(handler));
  }
  void on_drain(std::function<void()> handler) override { core_->on_drain.set(std::move(handler)); }
  void on_close(std::function<void(const Error&)> handler) override {
    core_->on_close.set(std::move(handler));
  }
  void start() override { core_->start(); }
  void send(const Frame& message) override {
    SLUICE_ASSERT(message.type < kFirstLinkType, "message type {}", message.type);
    core_->send(message.type, message.id, message.payload);
  }
  [[nodiscard]] std::size_t queued() const override { return core_->queued(); }
  Result<std::unique_ptr<FrameChannel>> open(const ChannelStamp& stamp) override {
    return core_->open(stamp);
  }
  [[nodiscard]] std::size_t channel_count() const override { return core_->channel_count(); }
  void set_max_message(std::size_t max_message) override { core_->set_max_message(max_message); }
  void finish() override { core_->finish(); }
  void close() override { core_->close(); }
  [[nodiscard]] bool is_open() const override { return core_->is_open(); }

 private:
  std::shared_ptr<LinkCore> core_;
};

}  // namespace

std::unique_ptr<Link> make_link(Loop& loop, std::unique_ptr<Stream> stream, LinkOptions options) {
  return std::make_unique<LinkImpl>(std::make_shared<LinkCore>(loop, std::move(stream), options));
}

LinkCore::LinkCore(Loop& loop, std::unique_ptr<Stream> stream, LinkOptions options)
    : loop_(loop),
      stream_(std::move(stream)),
      options_(options),
      next_id_(options.side == TlsSide::client ? 1 : 2) {
  set_max_message(options.max_message);
}

void LinkCore::set_max_message(std::size_t max_message) {
  options_.max_message = max_message;
  // The link's own frames must always fit.
  decoder_.set_max_payload(max_message > kMaxPiece ? max_message : kMaxPiece);
}

void LinkCore::start() {
  stream_->on_data([this](std::string_view bytes) { receive(bytes); });
  stream_->on_drain([this] {
    const auto self = shared_from_this();
    on_drain();  // messages first
    pump();
  });
  stream_->on_close([this](const Error& why) { end(why); });
  keepalive_ = loop_.every(options_.ping_after_ms, [this] { tick(); });
  stream_->resume();
}

void LinkCore::send(std::uint16_t type, std::uint64_t id, std::string_view payload) {
  if (!open_) return;
  scratch_.clear();
  append_frame(scratch_, type, id, payload);
  stream_->write(scratch_);
  if (scratch_.capacity() > kStreamHighWater) scratch_ = std::string();
}

// --- receiving --------------------------------------------------------------------------------

void LinkCore::receive(std::string_view bytes) {
  const auto self = shared_from_this();
  silent_ticks_ = 0;
  decoder_.push(bytes);
  while (open_) {
    auto frame = decoder_.next();
    if (!frame) return end(frame.error());
    if (!*frame) return;
    if (const Status handled = handle(std::move(**frame)); !handled) return end(handled.error());
  }
}

Status LinkCore::handle(Frame frame) {
  if (frame.type < kFirstLinkType) {
    on_message(std::move(frame));
    return {};
  }
  switch (static_cast<LinkFrame>(frame.type)) {
    case LinkFrame::open: return handle_open(frame);
    case LinkFrame::data: return handle_data(std::move(frame));
    case LinkFrame::credit: return handle_credit(frame);
    case LinkFrame::close: return handle_close(frame);
    case LinkFrame::ping: control(LinkFrame::pong, 0, {}); return {};
    case LinkFrame::pong: return {};
  }
  return broken("unknown frame type " + std::to_string(frame.type));
}

bool LinkCore::opened_by_peer(std::uint64_t id) const { return id % 2 != next_id_ % 2; }

Result<std::shared_ptr<LinkChannelState>> LinkCore::find(std::uint64_t id) const {
  if (const auto found = channels_.find(id); found != channels_.end()) return found->second;
  const bool was = id != 0 && (opened_by_peer(id) ? id <= last_peer_id_ : id < next_id_);
  if (!was) return broken("no channel " + std::to_string(id));
  return nullptr;
}

Status LinkCore::handle_open(const Frame& frame) {
  if (!opened_by_peer(frame.id) || frame.id <= last_peer_id_) return broken("bad channel number");
  last_peer_id_ = frame.id;
  const auto stamp = decode_stamp(frame.payload);
  if (!stamp) return tl::unexpected<Error>(stamp.error());
  if (peer_channels_ >= options_.max_channels || !on_channel.is_set()) {
    const Error why{ErrorCode::busy, "too many channels"};
    control(LinkFrame::close, frame.id, encode_close(why));
    return {};
  }
  auto state =
      std::make_shared<LinkChannelState>(shared_from_this(), frame.id, options_.max_message);
  channels_.emplace(frame.id, state);
  ++peer_channels_;
  on_channel(*stamp, make_link_channel(std::move(state)));
  return {};
}

Status LinkCore::handle_data(Frame frame) {
  const auto channel = find(frame.id);
  if (!channel) return tl::unexpected<Error>(channel.error());
  if (*channel == nullptr) return {};
  if (frame.payload.empty() || !(*channel)->receive(std::move(frame.payload))) {
    return broken("more data than the window allows");
  }
  return {};
}

Status LinkCore::handle_credit(const Frame& frame) {
  const auto channel = find(frame.id);
  if (!channel) return tl::unexpected<Error>(channel.error());
  const auto bytes = decode_credit(frame.payload);
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  if (*channel != nullptr && !(*channel)->add_credit(*bytes)) return broken("too much credit");
  return {};
}

Status LinkCore::handle_close(const Frame& frame) {
  const auto channel = find(frame.id);
  if (!channel) return tl::unexpected<Error>(channel.error());
  auto why = decode_close(frame.payload);
  if (!why) return tl::unexpected<Error>(why.error());
  if (*channel != nullptr) (*channel)->remote_closed(std::move(*why));
  return {};
}

// --- channels ---------------------------------------------------------------------------------

Result<std::unique_ptr<FrameChannel>> LinkCore::open(const ChannelStamp& stamp) {
  if (!open_) return fail(ErrorCode::unavailable, "the link is closed");
  if (stamp.target.size() > kMaxTargetText) return fail(ErrorCode::pathname_too_long);
  auto state =
      std::make_shared<LinkChannelState>(shared_from_this(), next_id_, options_.max_message);
  channels_.emplace(next_id_, state);
  control(LinkFrame::open, next_id_, encode_stamp(stamp));
  next_id_ += 2;
  return make_link_channel(std::move(state));
}

void LinkCore::remove(std::uint64_t id) {
  if (channels_.erase(id) != 0 && opened_by_peer(id)) --peer_channels_;
}

void LinkCore::take_turn(const std::shared_ptr<LinkChannelState>& channel) {
  if (!open_ || channel->in_turn || !channel->can_send()) return;
  channel->in_turn = true;
  senders_.push_back(channel);
  plan_pump();
}

void LinkCore::plan_pump() {
  if (pump_planned_ || stream_->congested()) return;  // on_drain pumps
  pump_planned_ = true;
  loop_.at_turn_end_once([self = shared_from_this()] {
    self->pump_planned_ = false;
    self->pump();
  });
}

void LinkCore::pump() {
  while (open_ && !senders_.empty() && !stream_->congested()) {
    const auto channel = std::move(senders_.front());
    senders_.pop_front();
    if (channel->can_send()) {
      control(LinkFrame::data, channel->id(), channel->next_piece());
      channel->piece_sent();
    }
    channel->in_turn = channel->can_send();
    if (channel->in_turn) senders_.push_back(channel);
  }
}

// --- life and end -----------------------------------------------------------------------------

// Counts ticks, not time: after a stall of this process the peer's bytes are read before the next.
void LinkCore::tick() {
  ++silent_ticks_;
  if (silent_ticks_ >= kTicksWithPing + 1 &&
      silent_ticks_ * options_.ping_after_ms >= options_.dead_after_ms) {
    return end(Error{ErrorCode::unavailable, "the peer is silent"});
  }
  if (silent_ticks_ >= kTicksWithPing) control(LinkFrame::ping, 0, {});
}

void LinkCore::lose_channels(const Error& why) {
  const auto lost = std::exchange(channels_, {});
  const auto waiting = std::exchange(senders_, {});
  peer_channels_ = 0;
  for (const auto& [id, channel] : lost) channel->link_lost(why);
}

void LinkCore::end(const Error& why) {
  const auto self = shared_from_this();
  lose_channels(why);
  close();
  end_due_ = true;
  loop_.post([self, why] {
    if (self->end_due_) self->on_close(why);
  });
}

void LinkCore::close() {
  open_ = false;
  end_due_ = false;
  keepalive_ = Timer();
  stream_->close();
  lose_channels(Error{ErrorCode::unavailable, "the link is closed"});
}

void LinkCore::finish() {
  if (!open_) return;
  open_ = false;
  lose_channels(Error{ErrorCode::unavailable, "the link is closed"});
  keepalive_ = loop_.after(options_.dead_after_ms, [this] {
    end(Error{ErrorCode::unavailable, "the peer takes no more"});
  });
  stream_->finish();
}

void LinkCore::forget() {
  on_message.clear();
  on_channel.clear();
  on_drain.clear();
  on_close.clear();
  close();
}

}  // namespace sluice::net
