// AgentLink: stepd's conversation with its node's sluiced. It begins on an inherited socket; stepd
// also listens in the step's folder, so that a restarted sluiced finds it. One conversation at a
// time: a new one replaces the old.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "daemon/stepd/poller.hpp"
#include "net/client/blocking_session.hpp"
#include "wire/codec.hpp"

namespace sluice::stepd {

class AgentLink {
 public:
  struct Handlers {
    std::function<void(const net::Frame&)> frame;
    std::function<void()> connected;  // by the socket in the folder
    std::function<void()> closed;
    std::function<void()> drained;  // was congested, and no longer is
  };
  AgentLink(Poller& poller, Handlers handlers) : poller_(poller), handlers_(std::move(handlers)) {}
  ~AgentLink();
  AgentLink(const AgentLink&) = delete;
  AgentLink& operator=(const AgentLink&) = delete;

  // The folder is root's (or our user's) alone: who can connect is the agent.
  [[nodiscard]] Status listen(const std::string& path);
  void adopt(net::BlockingSession session);
  // Hands over what came with a message that was read before adopt().
  void take_received() { on_session(POLLIN); }

  [[nodiscard]] bool connected() const { return session_.has_value(); }
  [[nodiscard]] bool congested() const;
  // Dropped without a connection. What is sent in one turn goes out together, by flush().
  template <class Message>
  void send(const Message& message) {
    send(static_cast<std::uint16_t>(Message::kType), wire::encode(message));
  }
  // At the end of each turn's work.
  void flush();
  void close();

 private:
  void send(std::uint16_t type, std::string payload);
  void on_listener();
  void on_session(short events);
  void update();

  Poller& poller_;
  Handlers handlers_;
  base::UniqueFd listener_;
  std::optional<net::BlockingSession> session_;
  bool was_congested_ = false;
};

}  // namespace sluice::stepd
