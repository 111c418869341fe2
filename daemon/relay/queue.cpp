// A message queue that speaks AMQP 0-9-1 (RabbitMQ): one persistent message for each event, on a
// durable exchange of type topic, with the event's name as routing key. The broker confirms each
// message once it is on its disk. A message that no queue takes comes back, and counts as not
// delivered: events wait in the controller's store rather than vanish.
#include <sys/time.h>

#include <optional>
#include <utility>

#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <fmt/core.h>

#include "base/clock.hpp"
#include "daemon/relay/target.hpp"
#include "event/text.hpp"

namespace sluice::relay {

namespace {

constexpr amqp_channel_t kChannel = 1;
constexpr int kFrameMax = 131'072;
constexpr const char* kHostCertificates = "/etc/ssl/certs/ca-certificates.crt";

amqp_bytes_t bytes(const std::string& text) {
  return {text.size(), const_cast<char*>(text.data())};
}

std::string text_of(const amqp_bytes_t& from) {
  return {static_cast<const char*>(from.bytes), from.len};
}

// What a method says that closes something, or sends a message back.
std::string reason_of(const amqp_method_t& method) {
  switch (method.id) {
    case AMQP_CONNECTION_CLOSE_METHOD:
      return text_of(static_cast<const amqp_connection_close_t*>(method.decoded)->reply_text);
    case AMQP_CHANNEL_CLOSE_METHOD:
      return text_of(static_cast<const amqp_channel_close_t*>(method.decoded)->reply_text);
    case AMQP_BASIC_RETURN_METHOD: {
      const auto* back = static_cast<const amqp_basic_return_t*>(method.decoded);
      return "no queue takes " + text_of(back->routing_key);
    }
    case AMQP_BASIC_NACK_METHOD: return "the broker could not keep a message";
    default: return fmt::format("unexpected method {:#x}", method.id);
  }
}

struct ConnectionEnd {
  void operator()(amqp_connection_state_t_* state) const { amqp_destroy_connection(state); }
};
using Connection = std::unique_ptr<amqp_connection_state_t_, ConnectionEnd>;

class Queue : public Target {
 public:
  Queue(const config::RelayTarget& target, std::string password, const Stop& stop)
      : target_(target), password_(std::move(password)), stop_(stop) {}

  Status deliver(std::span<const event::Event> events) override {
    Status done = connect();
    for (const event::Event& event : events) {
      if (done) done = publish(event);
    }
    if (done) done = await_confirms();
    // What is confirmed for this connection only is not known on another one.
    if (!done) connection_.reset();
    return done;
  }

 private:
  [[nodiscard]] timeval timeout() const { return {static_cast<time_t>(target_.timeout_s), 0}; }

  [[nodiscard]] tl::unexpected<Error> away(std::string_view what) const {
    return fail(ErrorCode::unavailable, fmt::format("{}:{}: {}", target_.host, target_.port, what));
  }

  [[nodiscard]] Status check(const amqp_rpc_reply_t& reply, std::string_view step) const {
    switch (reply.reply_type) {
      case AMQP_RESPONSE_NORMAL: return {};
      case AMQP_RESPONSE_SERVER_EXCEPTION:
        return away(fmt::format("{}: {}", step, reason_of(reply.reply)));
      case AMQP_RESPONSE_LIBRARY_EXCEPTION:
        return away(fmt::format("{}: {}", step, amqp_error_string2(reply.library_error)));
      case AMQP_RESPONSE_NONE: break;
    }
    return away(fmt::format("{}: no answer", step));
  }

  [[nodiscard]] amqp_socket_t* make_socket(amqp_connection_state_t state) const {
    if (!target_.tls) return amqp_tcp_socket_new(state);
    amqp_socket_t* socket = amqp_ssl_socket_new(state);
    if (socket == nullptr) return nullptr;
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    const char* known = target_.ca_file.empty() ? kHostCertificates : target_.ca_file.c_str();
    return amqp_ssl_socket_set_cacert(socket, known) == AMQP_STATUS_OK ? socket : nullptr;
  }

  Status connect() {
    if (connection_) return {};
    published_ = confirmed_ = 0;
    Connection made(amqp_new_connection());
    amqp_connection_state_t state = made.get();
    amqp_socket_t* socket = make_socket(state);
    if (socket == nullptr) return away("its certificates can't be judged: see ca_file");
    timeval wait = timeout();
    const int opened = amqp_socket_open_noblock(socket, target_.host.c_str(), target_.port, &wait);
    if (opened != AMQP_STATUS_OK) return away(amqp_error_string2(opened));
    amqp_set_handshake_timeout(state, &wait);
    amqp_set_rpc_timeout(state, &wait);
    Status done = check(amqp_login(state, target_.virtual_host.c_str(), 0, kFrameMax, 0,
                                   AMQP_SASL_METHOD_PLAIN, target_.user.c_str(), password_.c_str()),
                        "login as " + target_.user);
    if (done) done = prepare(state);
    if (done) connection_ = std::move(made);
    return done;
  }

  // The channel, and what messages go through; made where they are missing.
  Status prepare(amqp_connection_state_t state) const {
    amqp_channel_open(state, kChannel);
    Status done = check(amqp_get_rpc_reply(state), "open a channel");
    const auto next = [&](std::string_view step) {
      if (done) done = check(amqp_get_rpc_reply(state), step);
      return done.has_value();
    };
    if (done) {
      amqp_confirm_select(state, kChannel);
      next("ask for confirmations");
    }
    if (done) {
      amqp_exchange_declare(state, kChannel, bytes(target_.exchange), amqp_cstring_bytes("topic"),
                            0, 1, 0, 0, amqp_empty_table);
      next("exchange " + target_.exchange);
    }
    if (!done || target_.queue.empty()) return done;
    amqp_queue_declare(state, kChannel, bytes(target_.queue), 0, 1, 0, 0, amqp_empty_table);
    if (!next("queue " + target_.queue)) return done;
    amqp_queue_bind(state, kChannel, bytes(target_.queue), bytes(target_.exchange),
                    amqp_cstring_bytes("#"), amqp_empty_table);
    next("bind " + target_.queue);
    return done;
  }

  Status publish(const event::Event& event) {
    const std::string body = event::event_json(event);
    const std::string name = event::event_name(event);
    const std::string id = event::event_id(event);
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                        AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG |
                        AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_APP_ID_FLAG;
    properties.content_type = amqp_cstring_bytes("application/json");
    properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    properties.message_id = bytes(id);
    properties.timestamp = static_cast<std::uint64_t>(event.time / model::kSecond);
    properties.type = bytes(name);
    properties.app_id = amqp_cstring_bytes("sluice");
    constexpr amqp_boolean_t kMandatory = 1;
    const int sent = amqp_basic_publish(connection_.get(), kChannel, bytes(target_.exchange),
                                        bytes(name), kMandatory, 0, &properties, bytes(body));
    if (sent != AMQP_STATUS_OK) return away(amqp_error_string2(sent));
    ++published_;
    return {};
  }

  Status await_confirms() {
    const std::uint64_t until = base::monotonic_ms() + std::uint64_t{target_.timeout_s} * 1000;
    while (confirmed_ < published_) {
      if (stop_.is_set()) return fail(ErrorCode::interrupted);
      if (base::monotonic_ms() > until) return away("the broker doesn't confirm");
      timeval slice{0, 200'000};
      amqp_frame_t frame{};
      const int got = amqp_simple_wait_frame_noblock(connection_.get(), &frame, &slice);
      if (got == AMQP_STATUS_TIMEOUT) continue;
      if (got != AMQP_STATUS_OK) return away(amqp_error_string2(got));
      if (frame.frame_type != AMQP_FRAME_METHOD) continue;
      if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD) {
        return away(reason_of(frame.payload.method));
      }
      take(*static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded));
      amqp_maybe_release_buffers(connection_.get());
    }
    return {};
  }

  // Tags count from 1 in the order of publishing; the broker may confirm out of it.
  void take(const amqp_basic_ack_t& ack) {
    confirmed_ = ack.multiple ? std::max(confirmed_, ack.delivery_tag) : confirmed_ + 1;
  }

  config::RelayTarget target_;
  std::string password_;
  const Stop& stop_;
  Connection connection_;
  std::uint64_t published_ = 0;  // on this connection
  std::uint64_t confirmed_ = 0;
};

}  // namespace

Result<std::unique_ptr<Target>> make_queue(const config::RelayTarget& target, const Stop& stop) {
  std::string password = "guest";
  if (!target.password_file.empty()) {
    Result<std::string> read = read_secret(target.password_file);
    if (!read) return tl::unexpected(read.error());
    password = std::move(*read);
  }
  return std::make_unique<Queue>(target, std::move(password), stop);
}

}  // namespace sluice::relay
