// See source.hpp.
#include "daemon/relay/source.hpp"

#include "base/clock.hpp"
#include "wire/codec.hpp"
#include "wire/conversation.hpp"

namespace sluice::relay {

namespace {

constexpr std::int64_t kConnectMs = 5'000;
constexpr std::int64_t kAnswerMs = 30'000;  // beside what the query itself may wait
constexpr std::int64_t kSliceMs = 200;      // a stop is seen so late

template <class Message>
net::Frame frame_of(const Message& message, std::uint64_t id) {
  return {static_cast<std::uint16_t>(Message::kType), id, wire::encode(message)};
}

}  // namespace

Status Source::connect() {
  if (session_) return {};
  asked_ = false;
  Result<net::BlockingSession> made = net::BlockingSession::connect(socket_, kConnectMs);
  if (!made) return tl::unexpected(made.error());
  wire::Hello hello;
  hello.program = "sluice-relay";
  made->queue(frame_of(hello, 0));
  session_.emplace(std::move(*made));
  return {};
}

Result<net::Frame> Source::receive(std::int64_t timeout_ms) {
  const std::uint64_t until = base::monotonic_ms() + static_cast<std::uint64_t>(timeout_ms);
  while (base::monotonic_ms() < until) {
    if (stop_.is_set()) return fail(ErrorCode::interrupted);
    Result<std::optional<net::Frame>> frame = session_->receive(kSliceMs);
    if (!frame) return tl::unexpected(frame.error());
    if (*frame) return std::move(**frame);
  }
  return fail(ErrorCode::unavailable, "the controller doesn't answer");
}

Result<wire::EventsReply> Source::next(const wire::QueryEvents& query) {
  if (Status connected = connect(); !connected) return tl::unexpected(connected.error());
  if (!asked_) {
    if (Status sent = session_->send(frame_of(query, 1), kAnswerMs); !sent) {
      session_.reset();
      return tl::unexpected(sent.error());
    }
    asked_ = true;
  }
  Result<net::Frame> frame = receive(query.wait_ms + kAnswerMs);
  if (!frame) {
    session_.reset();
    return tl::unexpected(frame.error());
  }
  if (frame->type == static_cast<std::uint16_t>(wire::ErrorReply::kType)) {
    asked_ = false;
    const auto error = wire::decode<wire::ErrorReply>(frame->payload);
    if (!error) return tl::unexpected(error.error());
    return fail(error->code, error->text.str());
  }
  Result<wire::EventsReply> reply = wire::decode<wire::EventsReply>(frame->payload);
  if (!reply || reply->last) asked_ = false;
  return reply;
}

}  // namespace sluice::relay
