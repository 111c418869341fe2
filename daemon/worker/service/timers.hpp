// Timers of the service: what to do at which monotonic time. Ties run in the order they were set.
// A timer's function may set and cancel any timer. Functions hold keys, never pointers to records.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>

#include "daemon/worker/service/env.hpp"

namespace sluice::worker {

using TimerId = std::uint64_t;  // 0: none

class Timers {
 public:
  explicit Timers(Env& env) : env_(env) {}

  TimerId at(std::int64_t mono_ms, std::function<void()> function);
  TimerId after(std::int64_t delay_ms, std::function<void()> function) {
    return at(env_.now().mono_ms + delay_ms, std::move(function));
  }
  // Forgets it and clears `id`; nothing happens for 0 or one that has run.
  void cancel(TimerId& id);
  // Runs what is due, then asks the Env for the next wake.
  void run_due();

 private:
  void arm();

  Env& env_;
  std::uint64_t next_ = 1;
  std::int64_t armed_ = 0;
  std::map<std::pair<std::int64_t, TimerId>, std::function<void()>> due_;
  std::unordered_map<TimerId, std::int64_t> when_;
};

}  // namespace sluice::worker
