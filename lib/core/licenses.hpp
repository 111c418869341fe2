// LicenseBook: who holds which licences, and whether a job's can be had now. A gate of the planner:
// a start counts at once, so that one pass never gives out more than there are.
//
// A reservation keeps its licences for its own jobs from its start to its end. A job outside that
// would still run when it begins can't have them; a job inside may take the reserved ones and any
// that are free.
//
// Invariants: what is in use of a licence is the sum over its holders; no start takes it beyond the
// configured total.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/settings.hpp"
#include "core/start_gate.hpp"
#include "model/reservation.hpp"

namespace sluice::core {

struct LicenseUse {
  Text name;
  std::uint32_t total = 0;
  std::uint32_t used = 0;
  std::uint32_t reserved = 0;  // by reservations that are active
};

class LicenseBook : public StartGate {
 public:
  void configure(const Settings& settings);
  // Known names, and no more than there are. The error is Slurm's.
  [[nodiscard]] Status check(std::string_view licenses) const;

  // What reservations keep. Times are monotonic.
  struct Kept {
    std::uint32_t reservation = 0;
    std::int64_t from_ms = 0;
    std::int64_t until_ms = 0;
    std::vector<model::LicenseNeed> needs;
  };
  void set_kept(std::vector<Kept> kept);
  void set_time(std::int64_t now_ms);

  [[nodiscard]] std::optional<GateBlock> refuses(const GateQuestion& question) const override;
  void started(JobId id, const GateQuestion& question) override;
  void taken_back(const GateQuestion& question) override;
  [[nodiscard]] std::uint64_t loosened() const override { return loosened_; }

  // The oldest start of the pass that was not settled yet now has its job: what it holds, as
  // "ansys:1,matlab:2".
  [[nodiscard]] Text settle(JobId id);
  // A running job from the store.
  void restore(JobId id, const Text& held, std::uint32_t reservation);
  void release(JobId id);

  [[nodiscard]] bool empty() const { return totals_.empty(); }
  [[nodiscard]] std::vector<LicenseUse> use() const;  // by name
  // A text names the first licence that is given out beyond its total while nothing was configured
  // away.
  [[nodiscard]] std::optional<std::string> check_totals() const;

 private:
  using Needs = std::vector<model::LicenseNeed>;
  struct Held {
    Needs needs;
    std::uint32_t reservation = 0;
  };
  struct Total {
    std::uint32_t count = 0;
    std::uint32_t used = 0;
    std::map<std::uint32_t, std::uint32_t> by_reservation;  // used by its jobs
  };
  [[nodiscard]] std::int64_t free_for(std::string_view name, std::uint32_t reservation,
                                      std::int64_t until_ms) const;
  // What would be taken; empty: it can't be had, and `block` says what is missing.
  [[nodiscard]] std::optional<Needs> choose(const GateQuestion& question, GateBlock* block) const;
  void take(const Held& held);
  void give_back(const Held& held);

  std::map<Text, Total> totals_;
  std::vector<Kept> kept_;
  std::deque<Held> fresh_;  // started in this pass, in order
  std::map<JobId, Held> held_;
  std::int64_t now_ms_ = 0;
  std::int64_t unit_ms_ = 60'000;
  std::uint64_t loosened_ = 1;
};

[[nodiscard]] std::string licenses_text(const std::vector<model::LicenseNeed>& needs);

}  // namespace sluice::core
