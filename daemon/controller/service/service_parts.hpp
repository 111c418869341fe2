// What the service keeps of each node's link and of each command that waits for a job.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "base/ids.hpp"
#include "daemon/controller/service/env.hpp"

namespace sluice::controller {

struct NodeLink {
  bool connected = false;
  std::uint64_t next_order = 1;
  std::int64_t lost_since = 0;  // when the link went, monotonic ms
  bool shown_silent = false;
  struct Sent {
    std::uint64_t order = 0;
    std::int64_t at_ms = 0;
  };
  std::unordered_map<Attempt, Sent> last_order;  // by attempt, on this link
};

struct Waiter {
  SessionId session = 0;
  std::uint64_t id = 0;
  bool started = false;
  bool ended = false;
  bool owned = false;
};

}  // namespace sluice::controller
