// One channel of a link: its window in each direction, its frames, its end.

#include <utility>

#include "net/link_core.hpp"

namespace sluice::net {

namespace {

// Credit goes back in parts, not for each piece.
constexpr std::uint32_t kCreditStep = kChannelWindow / 4;

class LinkChannel final : public FrameChannel {
 public:
  explicit LinkChannel(std::shared_ptr<LinkChannelState> state) : state_(std::move(state)) {}
  ~LinkChannel() override { state_->forget(); }
  LinkChannel(const LinkChannel&) = delete;
  LinkChannel& operator=(const LinkChannel&) = delete;

  void on_frame(std::function<void(Frame)> handler) override {
    state_->on_frame.set(std::move(handler));
  }
  void on_drain(std::function<void()> handler) override {
    state_->on_drain.set(std::move(handler));
  }
  void on_close(std::function<void(const Error&)> handler) override {
    state_->on_close.set(std::move(handler));
  }
  void send(const Frame& frame) override { state_->send(frame); }
  [[nodiscard]] std::size_t queued() const override { return state_->queued(); }
  void pause() override { state_->pause(); }
  void resume() override { state_->resume(); }
  void finish() override { state_->finish(); }
  void close() override { state_->close(); }
  [[nodiscard]] bool is_open() const override { return state_->is_open(); }
  void set_max_payload(std::size_t max_payload) override { state_->set_max_payload(max_payload); }

 private:
  std::shared_ptr<LinkChannelState> state_;
};

}  // namespace

std::unique_ptr<FrameChannel> make_link_channel(std::shared_ptr<LinkChannelState> state) {
  return std::make_unique<LinkChannel>(std::move(state));
}

LinkChannelState::LinkChannelState(std::shared_ptr<LinkCore> core, std::uint64_t id,
                                   std::size_t max_payload)
    : core_(std::move(core)), id_(id), decoder_(max_payload) {}

// --- sending ----------------------------------------------------------------------------------

void LinkChannelState::send(const Frame& frame) {
  if (ended_ || finishing_ || remote_ended_) return;
  append_frame(out_, frame);
  if (queued() > kStreamHighWater) was_congested_ = true;
  core_->take_turn(shared_from_this());
}

std::string_view LinkChannelState::next_piece() {
  piece_ = queued();
  if (piece_ > kMaxPiece) piece_ = kMaxPiece;
  if (piece_ > send_window_) piece_ = send_window_;
  return std::string_view(out_).substr(out_sent_, piece_);
}

void LinkChannelState::piece_sent() {
  out_sent_ += piece_;
  send_window_ -= static_cast<std::uint32_t>(piece_);
  piece_ = 0;
  if (out_sent_ == out_.size()) {
    out_ = std::string();
    out_sent_ = 0;
  } else if (out_sent_ > out_.size() / 2) {
    out_.erase(0, out_sent_);
    out_sent_ = 0;
  }
  if (was_congested_ && queued() <= kStreamHighWater / 2) {
    was_congested_ = false;
    core_->loop().post([self = shared_from_this()] {
      if (!self->ended_ && !self->finishing_) self->on_drain();
    });
  }
  if (finishing_ && queued() == 0) finish_now();
}

bool LinkChannelState::add_credit(std::uint32_t bytes) {
  if (bytes > kChannelWindow - send_window_) return false;
  send_window_ += bytes;
  core_->take_turn(shared_from_this());
  return true;
}

// --- receiving --------------------------------------------------------------------------------

bool LinkChannelState::receive(std::string piece) {
  if (piece.size() > receive_window_) return false;
  receive_window_ -= static_cast<std::uint32_t>(piece.size());
  if (finishing_) return true;  // nothing is read any more
  inbox_.push_back(std::move(piece));
  deliver();
  return true;
}

// Only ever called from the loop. The owner may do anything to the channel in on_frame.
void LinkChannelState::deliver() {
  const auto self = shared_from_this();
  while (reading_ && !ended_) {
    auto frame = decoder_.next();
    if (!frame) {
      core_->control(LinkFrame::close, id_, encode_close(frame.error()));
      core_->remove(id_);
      return tell_end(frame.error());
    }
    if (*frame) {
      on_frame(std::move(**frame));
    } else if (inbox_.empty()) {
      break;
    } else {
      decoder_.push(inbox_.front());
      owed_ += static_cast<std::uint32_t>(inbox_.front().size());
      inbox_.pop_front();
    }
  }
  return_credit();
  if (reading_ && remote_ended_) tell_end(remote_why_);
}

void LinkChannelState::return_credit() {
  if (ended_ || remote_ended_ || owed_ < kCreditStep) return;
  receive_window_ += owed_;
  core_->control(LinkFrame::credit, id_, encode_credit(owed_));
  owed_ = 0;
}

void LinkChannelState::resume() {
  if (ended_ || finishing_ || reading_) return;
  reading_ = true;
  core_->loop().post([self = shared_from_this()] { self->deliver(); });
}

// --- the end ----------------------------------------------------------------------------------

void LinkChannelState::finish() {
  if (ended_ || finishing_) return;
  finishing_ = true;
  reading_ = false;
  inbox_.clear();
  if (queued() == 0 || remote_ended_) finish_now();
}

void LinkChannelState::finish_now() {
  close();
  end_due_ = true;
  core_->loop().post([self = shared_from_this()] {
    if (self->end_due_) self->on_close(Error{ErrorCode::ok, "finished"});
  });
}

void LinkChannelState::close() {
  end_due_ = false;
  if (ended_) return;
  ended_ = true;
  reading_ = false;
  inbox_.clear();
  out_ = std::string();
  out_sent_ = 0;
  if (remote_ended_) return;
  core_->control(LinkFrame::close, id_, encode_close(Error{ErrorCode::ok, {}}));
  core_->remove(id_);
}

void LinkChannelState::forget() {
  on_frame.clear();
  on_drain.clear();
  on_close.clear();
  close();
}

void LinkChannelState::remote_closed(Error why) {
  core_->remove(id_);
  remote_end(std::move(why));
}

void LinkChannelState::link_lost(const Error& why) {
  remote_ended_ = true;
  core_->loop().post([self = shared_from_this(), why] { self->remote_end(why); });
}

// Whole frames that have arrived come before the end, when the owner takes them.
void LinkChannelState::remote_end(Error why) {
  if (ended_) return;
  remote_ended_ = true;
  remote_why_ = std::move(why);
  out_ = std::string();
  out_sent_ = 0;
  const bool nothing_left = inbox_.empty() && decoder_.buffered() == 0;
  if (finishing_ || nothing_left) return tell_end(remote_why_);
  deliver();
}

void LinkChannelState::tell_end(const Error& why) {
  if (ended_) return;
  ended_ = true;
  reading_ = false;
  on_close(why);
}

}  // namespace sluice::net
