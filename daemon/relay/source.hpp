// Source: the controller's event stream, read by one thread over the controller's own socket.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "daemon/relay/stop.hpp"
#include "daemon/relay/stream.hpp"
#include "net/client/blocking_session.hpp"

namespace sluice::relay {

class Source : public Stream {
 public:
  Source(std::string socket, const Stop& stop) : socket_(std::move(socket)), stop_(stop) {}

  [[nodiscard]] Result<wire::EventsReply> next(const wire::QueryEvents& query) override;

 private:
  [[nodiscard]] Status connect();
  [[nodiscard]] Result<net::Frame> receive(std::int64_t timeout_ms);

  std::string socket_;
  const Stop& stop_;
  std::optional<net::BlockingSession> session_;
  bool asked_ = false;
};

}  // namespace sluice::relay
