// Channels straight over a stream, and the relay between two channels.

#include "net/channel.hpp"

#include <utility>

#include "net/slot.hpp"

namespace sluice::net {

namespace {

class StreamChannel final : public FrameChannel {
 public:
  StreamChannel(Loop& loop, std::unique_ptr<Stream> stream, std::size_t max_payload)
      : loop_(loop), stream_(std::move(stream)), decoder_(max_payload) {
    stream_->on_data([this](std::string_view bytes) {
      decoder_.push(bytes);
      deliver();
    });
    stream_->on_drain([this] { on_drain_(); });
    stream_->on_close([this](const Error& why) { stream_closed(why); });
  }

  void on_frame(std::function<void(Frame)> handler) override { on_frame_.set(std::move(handler)); }
  void on_drain(std::function<void()> handler) override { on_drain_.set(std::move(handler)); }
  void on_close(std::function<void(const Error&)> handler) override {
    on_close_.set(std::move(handler));
  }
  void send(const Frame& frame) override {
    if (!stream_->is_open()) return;
    scratch_.clear();
    append_frame(scratch_, frame);
    stream_->write(scratch_);
    if (scratch_.capacity() > kStreamHighWater) scratch_ = std::string();
  }
  [[nodiscard]] std::size_t queued() const override { return stream_->queued_bytes(); }

  void pause() override {
    reading_ = false;
    stream_->pause();
  }
  void resume() override;
  void finish() override {
    reading_ = false;
    finishing_ = true;
    stream_->finish();
  }
  void close() override {
    reading_ = false;
    ended_ = true;
    stream_->close();
  }
  [[nodiscard]] bool is_open() const override { return !ended_ && stream_->is_open(); }
  void set_max_payload(std::size_t max_payload) override { decoder_.set_max_payload(max_payload); }

 private:
  void deliver();
  void stream_closed(const Error& why);
  void tell_end();
  void break_off(Error why);

  Loop& loop_;
  std::unique_ptr<Stream> stream_;
  FrameDecoder decoder_;
  Slot<void(Frame)> on_frame_;
  Slot<void()> on_drain_;
  Slot<void(const Error&)> on_close_;
  std::string scratch_;
  Error why_closed_;
  bool reading_ = false;
  bool stream_ended_ = false;  // but frames may still wait in the decoder
  bool finishing_ = false;
  bool ended_ = false;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

// Only ever called from the loop. The owner may pause, close or destroy the channel in on_frame.
void StreamChannel::deliver() {
  const std::weak_ptr<char> alive = alive_;
  while (reading_) {
    auto frame = decoder_.next();
    if (!frame) return break_off(std::move(frame).error());
    if (!*frame) break;
    on_frame_(std::move(**frame));
    if (alive.expired()) return;
  }
  if (reading_ && stream_ended_) tell_end();
}

void StreamChannel::resume() {
  if (ended_ || finishing_ || reading_) return;
  reading_ = true;
  stream_->resume();
  if (decoder_.buffered() == 0 && !stream_ended_) return;
  loop_.post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) deliver();
  });
}

void StreamChannel::stream_closed(const Error& why) {
  stream_ended_ = true;
  why_closed_ = why;
  // After finish() nothing is read any more; otherwise whole frames come before the end.
  if (finishing_ || decoder_.buffered() == 0) return tell_end();
  deliver();
}

void StreamChannel::tell_end() {
  if (ended_) return;
  ended_ = true;
  reading_ = false;
  on_close_(why_closed_);
}

void StreamChannel::break_off(Error why) {
  stream_->close();
  why_closed_ = std::move(why);
  tell_end();
}

class RelayImpl final : public Relay {
 public:
  RelayImpl(std::unique_ptr<FrameChannel> a, std::unique_ptr<FrameChannel> b,
            std::function<void(const Error&)> done)
      : a_(std::move(a)), b_(std::move(b)), done_(std::move(done)) {
    connect(*a_, *b_);
    connect(*b_, *a_);
    a_->resume();
    b_->resume();
  }

 private:
  void connect(FrameChannel& from, FrameChannel& to) {
    from.on_frame([&from, &to](const Frame& frame) {
      to.send(frame);
      if (to.congested()) from.pause();
    });
    to.on_drain([&from] { from.resume(); });
    from.on_close([this, &to](const Error& why) { closed(to, why); });
  }

  void closed(FrameChannel& other, const Error& why) {
    if (!closing_) {
      closing_ = true;
      reason_ = why;
      if (other.is_open()) return other.finish();
    }
    done_(reason_);
  }

  std::unique_ptr<FrameChannel> a_;
  std::unique_ptr<FrameChannel> b_;
  Slot<void(const Error&)> done_;
  Error reason_;
  bool closing_ = false;
};

}  // namespace

std::unique_ptr<FrameChannel> make_channel(Loop& loop, std::unique_ptr<Stream> stream,
                                           std::size_t max_payload) {
  return std::make_unique<StreamChannel>(loop, std::move(stream), max_payload);
}

std::unique_ptr<Relay> relay(std::unique_ptr<FrameChannel> a, std::unique_ptr<FrameChannel> b,
                             std::function<void(const Error&)> done) {
  return std::make_unique<RelayImpl>(std::move(a), std::move(b), std::move(done));
}

}  // namespace sluice::net
