// Statistics: what the controller counts about itself, for sdiag: jobs, planning, requests, and
// what waits to be durable.
//
// As users of Slurm know it, counts begin anew at midnight, UTC, all but those of requests and of
// backfilled jobs; these do so only by hand. Pure: whoever calls says what time it is. Owned by the
// loop's thread. What a reader sees is a copy.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <variant>

#include "core/changes.hpp"
#include "wire/stats_messages.hpp"

namespace sluice::controller {

class Statistics {
 public:
  explicit Statistics(model::WallTime now);

  // The changes of a submit that was accepted; note() counts what else is in them.
  void note_submit(const core::Changes& changes, model::WallTime now);
  // Starts and ends, of any event's changes.
  void note(const core::Changes& changes, model::WallTime now);
  // A slice of a pass took `us`; the pass is over if `whole`.
  enum class Slice : std::uint8_t { partial, whole };
  void note_slice(const core::PassFigures& figures, std::int64_t us, Slice slice,
                  model::WallTime now);
  // Without a uid: a node's daemon asked.
  void note_request(std::uint16_t type, std::optional<std::uint32_t> uid, std::int64_t us);
  // Of a commit under way, and when it is over.
  void orders_wait(const std::vector<core::Order>& orders);
  void orders_given(const std::vector<core::Order>& orders);

  // By hand: everything begins anew.
  void reset(model::WallTime now);
  // Without what others know: jobs that wait and run, threads, commits, the clock's cost.
  [[nodiscard]] wire::SchedulerStats figures(model::WallTime now);

 private:
  void begin_day(model::WallTime now);  // resets if it is another one
  void clear(model::WallTime since);

  wire::SchedulerStats counts_;
  core::PassFigures pass_;  // of the pass under way
  std::int64_t pass_us_ = 0;
  std::map<std::uint32_t, wire::RequestStats> by_type_;
  std::map<std::uint32_t, wire::RequestStats> by_user_;
  std::array<std::uint64_t, std::variant_size_v<core::Order>> waiting_{};
};

}  // namespace sluice::controller
