// Client: how every command talks to the cluster. Finds the sockets, speaks frames, retries what
// may be retried. Blocking and light: no event loop, no TLS; who we are is the kernel's to say.
//
// Where: inside a job SLUICE_AGENT_SOCKET (the node's agent); else the file SLUICE_CONF (or
// /etc/sluice/client.conf) with `controller_socket` and `agent_socket`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/env.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "net/client/blocking_session.hpp"
#include "wire/client_messages.hpp"
#include "wire/codec.hpp"

namespace sluice::cli {

struct Sockets {
  std::string controller;  // on the controller's host; empty elsewhere
  std::string agent;       // of this host
};
[[nodiscard]] Result<Sockets> find_sockets(const base::Environment& environment);

// A conversation with the controller or with a node's agent, over whatever leads there.
class Session {
 public:
  // Tries once. ErrorCode::unavailable: nobody there.
  [[nodiscard]] static Result<Session> to_controller(const Sockets& sockets);
  // To the agent of `node` (srun to the job's first node).
  [[nodiscard]] static Result<Session> to_node(const Sockets& sockets, const std::string& node);

  template <class Request>
  [[nodiscard]] Status send(const Request& request, std::uint64_t id = 1) {
    return link_.send({static_cast<std::uint16_t>(Request::kType), id, wire::encode(request)},
                      kSendTimeoutMs);
  }
  // The next frame; an ErrorReply becomes the error. Waits for ever with a negative timeout; an
  // error of code `unavailable` when time is over or the peer is gone.
  [[nodiscard]] Result<net::Frame> receive(std::int64_t timeout_ms);
  template <class Reply>
  [[nodiscard]] Result<Reply> receive_as(std::int64_t timeout_ms) {
    Result<net::Frame> frame = receive(timeout_ms);
    if (!frame) return tl::unexpected(frame.error());
    if (frame->type != static_cast<std::uint16_t>(Reply::kType)) {
      return fail(ErrorCode::protocol, "unexpected answer");
    }
    return wire::decode<Reply>(frame->payload);
  }
  [[nodiscard]] net::BlockingSession& link() { return link_; }

 private:
  explicit Session(net::BlockingSession link) : link_(std::move(link)) {}
  static constexpr std::int64_t kSendTimeoutMs = 30'000;
  net::BlockingSession link_;
};

// How long a command goes on trying while the controller restarts.
inline constexpr std::int64_t kRetryMs = 60'000;
// What reading waits for an answer.
inline constexpr std::int64_t kAnswerMs = 60'000;

struct CallOptions {
  std::int64_t answer_ms = kAnswerMs;
  std::int64_t retry_ms = kRetryMs;  // 0: one try
};

// Sends a request and returns its single answer. A request with a request_id is repeated after a
// lost connection until the time is over; so is one that only reads.
class Client {
 public:
  [[nodiscard]] static Result<Client> create(const base::Environment& environment);
  explicit Client(Sockets sockets) : sockets_(std::move(sockets)) {}

  template <class Reply, class Request>
  [[nodiscard]] Result<Reply> call(const Request& request, CallOptions options = {}) {
    Result<net::Frame> frame =
        exchange({static_cast<std::uint16_t>(Request::kType), 1, wire::encode(request)}, options);
    if (!frame) return tl::unexpected(frame.error());
    if (frame->type != static_cast<std::uint16_t>(Reply::kType)) {
      return fail(ErrorCode::protocol, "unexpected answer");
    }
    return wire::decode<Reply>(frame->payload);
  }
  [[nodiscard]] const Sockets& sockets() const { return sockets_; }
  // An open conversation, after retries.
  [[nodiscard]] Result<Session> session(std::int64_t retry_ms = kRetryMs);

 private:
  Result<net::Frame> exchange(const net::Frame& request, CallOptions options);

  Sockets sockets_;
  std::optional<Session> session_;
};

// "Unable to contact slurm controller (connect failure)": what users' scripts match.
[[nodiscard]] Error as_seen_by_user(const Error& error);

}  // namespace sluice::cli
