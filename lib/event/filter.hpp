// Which events a reader wants. Pure.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "event/event.hpp"

namespace sluice::event {

// Empty: any. What names a job, a user, an account or a partition leaves out what has none.
struct EventFilter {
  std::uint32_t kinds = kAllKinds;  // bits by Kind
  JobId job;                        // a job, an array with its tasks, a heterogeneous job
  Text user;
  Text account;
  Text partition;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "kinds", self.kinds);
    visit(2, "job", self.job);
    visit(3, "user", self.user);
    visit(4, "account", self.account);
    visit(5, "partition", self.partition);
  }
};

[[nodiscard]] bool passes(const Event& event, const EventFilter& filter);
// "job,ledger" -> bits. Fails: it names something else.
[[nodiscard]] Result<std::uint32_t> parse_kinds(std::string_view text);

}  // namespace sluice::event
