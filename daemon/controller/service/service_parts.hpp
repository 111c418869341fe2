// What the service keeps of each request, of each node's link and of each command that waits for a
// job.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "auth/policy.hpp"
#include "base/ids.hpp"
#include "core/changes.hpp"
#include "daemon/controller/service/env.hpp"

namespace sluice::controller {

// One request under way.
struct Call {
  SessionId session = 0;
  std::uint64_t id = 0;
  auth::Peer peer;
};

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

// What happens when a commit is durable.
struct Effects {
  Delta delta;
  std::vector<core::Order> orders;
  std::function<void()> answer;
  std::vector<std::pair<NodeIndex, std::uint64_t>> acks;
};

struct Waiter {
  SessionId session = 0;
  std::uint64_t id = 0;
  bool started = false;
  bool ended = false;
  bool owned = false;
};

}  // namespace sluice::controller
