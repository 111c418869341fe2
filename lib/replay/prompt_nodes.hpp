// Nodes that prepare and clean up in no time: a replay without daemons answers the core's orders by
// them. Each answer may bring new orders, which are answered in their turn.
#pragma once

#include <deque>
#include <utility>
#include <variant>
#include <vector>

#include "core/changes.hpp"
#include "core/events.hpp"

namespace sluice::replay {

class PromptNodes {
 public:
  void give(const std::vector<core::Order>& orders) {
    orders_.insert(orders_.end(), orders.begin(), orders.end());
  }

  // `take(event)` applies an answer; it may give orders and call this again, which does nothing.
  template <typename Take>
  void obey(Take&& take) {
    if (std::exchange(obeying_, true)) return;
    while (!orders_.empty()) {
      const core::Order order = std::move(orders_.front());
      orders_.pop_front();
      if (const auto* launch = std::get_if<core::LaunchJob>(&order)) {
        core::JobPrepared done;
        done.attempt = {launch->job->uid, launch->job->attempt};
        done.node = launch->node;
        take(core::Event(std::move(done)));
      } else if (const auto* ending = std::get_if<core::TerminateJob>(&order)) {
        take(core::Event(core::NodeReleased{ending->attempt, ending->node}));
      }
    }
    obeying_ = false;
  }

 private:
  std::deque<core::Order> orders_;
  bool obeying_ = false;
};

}  // namespace sluice::replay
