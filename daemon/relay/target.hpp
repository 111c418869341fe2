// Target: somebody who is sent events. Used by one thread.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"
#include "config/relay_target.hpp"
#include "daemon/relay/stop.hpp"
#include "event/event.hpp"

namespace sluice::relay {

class Target {
 public:
  virtual ~Target() = default;
  // Success: all of them are acknowledged. Otherwise it isn't known which of them have arrived, and
  // all are to be sent again; they have ids. Returns soon when stopped.
  [[nodiscard]] virtual Status deliver(std::span<const event::Event> events) = 0;
};

// Fails if a file that the target needs can't be used.
[[nodiscard]] Result<std::unique_ptr<Target>> make_webhook(const config::RelayTarget& target,
                                                           const Stop& stop);
[[nodiscard]] Result<std::unique_ptr<Target>> make_queue(const config::RelayTarget& target,
                                                         const Stop& stop);

// A secret in a file that only its owner (this process's user, or root) can read; line ends at the
// end are no part of it.
[[nodiscard]] Result<std::string> read_secret(const std::string& path);

}  // namespace sluice::relay
