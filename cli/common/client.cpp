// See client.hpp.
#include "cli/common/client.hpp"

#include <poll.h>

#include <algorithm>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/key_values.hpp"

namespace sluice::cli {

namespace {

constexpr const char* kDefaultConf = "/etc/sluice/client.conf";
constexpr std::size_t kMaxConf = 64 * 1024;
constexpr std::int64_t kConnectMs = 10'000;
constexpr std::int64_t kFirstPauseMs = 20;
constexpr std::int64_t kLongestPauseMs = 500;

void pause_ms(std::int64_t ms) { ::poll(nullptr, 0, static_cast<int>(ms)); }

Result<net::BlockingSession> greet(Result<net::BlockingSession> link) {
  if (!link) return link;
  wire::Hello hello;
  link->queue({static_cast<std::uint16_t>(wire::Hello::kType), 0, wire::encode(hello)});
  return link;
}

Result<net::BlockingSession> by_agent(const Sockets& sockets, const std::string& node) {
  if (sockets.agent.empty()) {
    // Not `unavailable`: trying again would not help.
    return fail(ErrorCode::unsupported, "no agent_socket is configured on this host");
  }
  Result<net::BlockingSession> link = net::BlockingSession::connect(sockets.agent, kConnectMs);
  if (!link) return link;
  wire::Route route;
  route.node = node;
  link->queue({static_cast<std::uint16_t>(wire::Route::kType), 0, wire::encode(route)});
  return link;
}

}  // namespace

Result<Sockets> find_sockets(const base::Environment& environment) {
  Sockets sockets;
  if (const auto agent = environment.get("SLUICE_AGENT_SOCKET"); agent && !agent->empty()) {
    sockets.agent = *agent;
    return sockets;
  }
  const std::string path(environment.get("SLUICE_CONF").value_or(kDefaultConf));
  Result<std::string> text = base::read_file(path, kMaxConf);
  if (!text) {
    return fail(ErrorCode::unavailable, "no cluster is configured here: " + text.error().text);
  }
  Result<base::KeyValues> values = base::parse_key_values(*text, path);
  if (!values) return tl::unexpected(values.error());
  sockets.controller = base::value_or(*values, "controller_socket", "");
  sockets.agent = base::value_or(*values, "agent_socket", "");
  return sockets;
}

Result<Session> Session::to_controller(const Sockets& sockets) {
  Result<net::BlockingSession> link = greet(
      sockets.controller.empty() ? by_agent(sockets, "")
                                 : net::BlockingSession::connect(sockets.controller, kConnectMs));
  if (!link) return tl::unexpected(link.error());
  return Session(std::move(*link));
}

Result<Session> Session::to_node(const Sockets& sockets, const std::string& node) {
  Result<net::BlockingSession> link = greet(by_agent(sockets, node));
  if (!link) return tl::unexpected(link.error());
  return Session(std::move(*link));
}

Result<net::Frame> Session::receive(std::int64_t timeout_ms) {
  Result<std::optional<net::Frame>> frame = link_.receive(timeout_ms);
  if (!frame) return tl::unexpected(frame.error());
  if (!*frame) return fail(ErrorCode::unavailable, "Socket timed out on send/recv operation");
  if ((*frame)->type == static_cast<std::uint16_t>(wire::ErrorReply::kType)) {
    Result<wire::ErrorReply> error = wire::decode<wire::ErrorReply>((*frame)->payload);
    if (!error) return tl::unexpected(error.error());
    return fail(error->code, error->text.str());
  }
  return std::move(**frame);
}

Result<Client> Client::create(const base::Environment& environment) {
  Result<Sockets> sockets = find_sockets(environment);
  if (!sockets) return tl::unexpected(sockets.error());
  return Client(std::move(*sockets));
}

Result<Session> Client::session(std::int64_t retry_ms) {
  const auto until = static_cast<std::int64_t>(base::monotonic_ms()) + retry_ms;
  std::int64_t pause = kFirstPauseMs;
  while (true) {
    Result<Session> made = Session::to_controller(sockets_);
    if (made || made.error().code != ErrorCode::unavailable) return made;
    if (static_cast<std::int64_t>(base::monotonic_ms()) + pause > until) return made;
    pause_ms(pause);
    pause = std::min(pause * 2, kLongestPauseMs);
  }
}

Result<net::Frame> Client::exchange(const net::Frame& request, CallOptions options) {
  const auto until = static_cast<std::int64_t>(base::monotonic_ms()) + options.retry_ms;
  std::int64_t pause = kFirstPauseMs;
  while (true) {
    Result<net::Frame> answer = fail(ErrorCode::unavailable);
    if (!session_) {
      Result<Session> made = Session::to_controller(sockets_);
      if (made) {
        session_.emplace(std::move(*made));
      } else {
        answer = tl::unexpected(made.error());
      }
    }
    if (session_) {
      const Status sent = session_->link().send(request, options.answer_ms);
      answer = sent ? session_->receive(options.answer_ms)
                    : Result<net::Frame>(tl::unexpected(sent.error()));
    }
    if (answer || answer.error().code != ErrorCode::unavailable) return answer;
    session_.reset();
    if (static_cast<std::int64_t>(base::monotonic_ms()) + pause > until) return answer;
    pause_ms(pause);
    pause = std::min(pause * 2, kLongestPauseMs);
  }
}

Error as_seen_by_user(const Error& error) {
  if (error.code != ErrorCode::unavailable) return error;
  if (error.text.find("timed out") != std::string::npos) return error;
  return {error.code, "Unable to contact slurm controller (connect failure)"};
}

}  // namespace sluice::cli
