// For net's own files: the two shared halves of a link. LinkCore owns the stream and knows the
// channels; LinkChannelState is one channel, shared by the core's table and the user's handle. A
// channel leaves the table as soon as either side has closed it; its handle may live on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "net/link.hpp"
#include "net/link_wire.hpp"
#include "net/slot.hpp"

namespace sluice::net {

class LinkCore;

class LinkChannelState : public std::enable_shared_from_this<LinkChannelState> {
 public:
  LinkChannelState(std::shared_ptr<LinkCore> core, std::uint64_t id, std::size_t max_payload);

  Slot<void(Frame)> on_frame;
  Slot<void()> on_drain;
  Slot<void(const Error&)> on_close;

  // What the handle's owner does.
  void send(const Frame& frame);
  void pause() { reading_ = false; }
  void resume();
  void finish();
  void close();
  void forget();  // close, and never call anything again
  [[nodiscard]] bool is_open() const { return !ended_; }
  [[nodiscard]] std::size_t queued() const { return out_.size() - out_sent_; }
  void set_max_payload(std::size_t max_payload) { decoder_.set_max_payload(max_payload); }

  // What the core does.
  [[nodiscard]] std::uint64_t id() const { return id_; }
  // False if the peer sent more than its window.
  [[nodiscard]] bool receive(std::string piece);
  [[nodiscard]] bool add_credit(std::uint32_t bytes);
  void remote_closed(Error why);
  void link_lost(const Error& why);
  [[nodiscard]] bool can_send() const { return !ended_ && queued() > 0 && send_window_ > 0; }
  // The next piece of output; valid until the next call.
  [[nodiscard]] std::string_view next_piece();
  void piece_sent();

  bool in_turn = false;  // whether the core has it in its queue of senders

 private:
  void deliver();
  void return_credit();
  void finish_now();
  void remote_end(Error why);
  void tell_end(const Error& why);

  std::shared_ptr<LinkCore> core_;
  std::uint64_t id_;
  FrameDecoder decoder_;
  std::deque<std::string> inbox_;  // at most a window
  std::uint32_t receive_window_ = kChannelWindow;
  std::uint32_t owed_ = 0;  // taken from the inbox, not yet given back as credit
  std::string out_;
  std::size_t out_sent_ = 0;
  std::size_t piece_ = 0;
  std::uint32_t send_window_ = kChannelWindow;
  Error remote_why_;
  bool reading_ = false;
  bool was_congested_ = false;
  bool finishing_ = false;
  bool remote_ended_ = false;
  bool ended_ = false;    // told, or closed by us
  bool end_due_ = false;  // on_close is on its way
};

class LinkCore : public std::enable_shared_from_this<LinkCore> {
 public:
  LinkCore(Loop& loop, std::unique_ptr<Stream> stream, LinkOptions options);

  Slot<void(Frame)> on_message;
  Slot<void(const ChannelStamp&, std::unique_ptr<FrameChannel>)> on_channel;
  Slot<void()> on_drain;
  Slot<void(const Error&)> on_close;

  void start();
  void send(std::uint16_t type, std::uint64_t id, std::string_view payload);
  void control(LinkFrame type, std::uint64_t id, std::string_view payload) {
    send(static_cast<std::uint16_t>(type), id, payload);
  }
  Result<std::unique_ptr<FrameChannel>> open(const ChannelStamp& stamp);
  void finish();
  void close();
  void forget();

  void take_turn(const std::shared_ptr<LinkChannelState>& channel);
  void remove(std::uint64_t id);

  [[nodiscard]] Loop& loop() const { return loop_; }
  [[nodiscard]] bool is_open() const { return open_; }
  [[nodiscard]] std::size_t queued() const { return stream_->queued_bytes(); }
  [[nodiscard]] std::size_t channel_count() const { return channels_.size(); }
  void set_max_message(std::size_t max_message);

 private:
  void receive(std::string_view bytes);
  [[nodiscard]] Status handle(Frame frame);
  [[nodiscard]] Status handle_open(const Frame& frame);
  [[nodiscard]] Status handle_data(Frame frame);
  [[nodiscard]] Status handle_credit(const Frame& frame);
  [[nodiscard]] Status handle_close(const Frame& frame);
  // The channel; null if it is closed already; an error if it can never have been.
  [[nodiscard]] Result<std::shared_ptr<LinkChannelState>> find(std::uint64_t id) const;
  [[nodiscard]] bool opened_by_peer(std::uint64_t id) const;
  void plan_pump();
  void pump();
  void tick();
  void lose_channels(const Error& why);
  void end(const Error& why);

  Loop& loop_;
  std::unique_ptr<Stream> stream_;
  LinkOptions options_;
  FrameDecoder decoder_;
  std::unordered_map<std::uint64_t, std::shared_ptr<LinkChannelState>> channels_;
  std::deque<std::shared_ptr<LinkChannelState>> senders_;  // take turns
  std::string scratch_;
  std::uint64_t next_id_;
  std::uint64_t last_peer_id_ = 0;
  std::size_t peer_channels_ = 0;
  Timer keepalive_;
  std::int64_t silent_ticks_ = 0;
  bool open_ = true;
  bool end_due_ = false;  // on_close is on its way
  bool pump_planned_ = false;
};

// The user's end of a channel.
std::unique_ptr<FrameChannel> make_link_channel(std::shared_ptr<LinkChannelState> state);

}  // namespace sluice::net
