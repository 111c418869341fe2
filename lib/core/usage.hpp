// Usage: what associations and QOS have used, charged while jobs run, rolled up to the root, and
// decayed.
//
// Exact. A running job has a meter; charging it brings it up to the time that it has run by now, so
// however often that is done, the job's charges add up to its TRES * elapsed time * usage factor,
// rounded down to a millionth once. A restart finds each meter again, since all running jobs are
// charged together and the time of that (the clock) is stored with the sums; what happens to one
// job alone in between (end, suspension) is charged in the transaction that says so.
//
// Decay multiplies by d^dt, d = 1 - 0.693 / half-life, as a fixed-point number of 63 bits, and
// rounds down; the sums are in millionths of a TRES-second. One decay is low by less than one
// millionth and by less than dt * 2^-63 of the sum; over all time, with a decay each dt seconds,
// that adds up to less than half-life / (0.693 dt) millionths: a hundredth of a TRES-second with
// Slurm's defaults. What a job used since the last decay is decayed with the rest at the next.
//
// Sums are 128 bits wide: they can't overflow.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "core/wide.hpp"
#include "model/policy_settings.hpp"
#include "model/usage_record.hpp"

namespace sluice::core {

// Millionths of a unit.
struct UsageSums {
  Wide raw = 0;
  Wide wall = 0;
  std::vector<std::pair<model::TresId, Wide>> tres;  // ascending by id

  [[nodiscard]] bool nothing() const;
};

// Whom and how a job is charged.
struct Meter {
  std::vector<std::uint32_t> associations;  // ids, from its own to the root's
  std::vector<std::uint32_t> qos;           // ids
  model::TresCounts tres;                   // with billing
  std::int64_t factor = 1'000'000;          // UsageFactor, millionths
  std::int64_t charged_us = 0;              // how much of its run is in the sums
};

class Usage {
 public:
  // As stored; `clock` comes back with them.
  void restore(const std::vector<model::UsageRecord>& records);

  void open(JobId job, Meter meter);
  // Brings the job's charges to a run of `run_us`. The wall clock may have been set back: then what
  // was charged too much is taken back.
  void charge(JobId job, std::int64_t run_us);
  // The same for many at once, in time proportional to the jobs and to the associations, not to
  // their product. `runs` by ascending job.
  void charge_all(const std::vector<std::pair<JobId, std::int64_t>>& runs);
  void close(JobId job);
  [[nodiscard]] Meter* meter(JobId job);  // null: not charged
  [[nodiscard]] const Meter* meter(JobId job) const;
  [[nodiscard]] const std::map<JobId, Meter>& meters() const { return meters_; }

  void decay(std::int64_t seconds, std::uint32_t half_life_s);
  void set_no_decay(std::set<std::uint32_t> qos) { no_decay_ = std::move(qos); }
  // An association's use becomes 0; what is above it loses as much.
  void reset_association(std::uint32_t id, const std::vector<std::uint32_t>& above);
  void reset_qos(std::uint32_t id);
  void reset_all();  // but for QOS without decay
  void forget_association(std::uint32_t id);
  void forget_qos(std::uint32_t id);

  [[nodiscard]] const UsageSums& association(std::uint32_t id) const;
  [[nodiscard]] const UsageSums& qos(std::uint32_t id) const;

  // Up to when running jobs have been charged together; 0: never.
  [[nodiscard]] model::WallTime clock() const { return clock_; }
  void set_clock(model::WallTime when);

  // What changed since the last call: for the store.
  [[nodiscard]] std::vector<model::UsageRecord> take_changed();
  // One that was taken away is stored as zero.
  [[nodiscard]] std::vector<model::UsageRecord> all() const;

 private:
  struct Delta;
  [[nodiscard]] static Delta delta_of(const Meter& meter, std::int64_t run_us);
  void apply(const Meter& whom, const Delta& delta);
  [[nodiscard]] static model::UsageRecord record(const UsageSums& sums);
  [[nodiscard]] model::UsageRecord clock_record() const;

  std::map<JobId, Meter> meters_;
  std::map<std::uint32_t, UsageSums> associations_;
  std::map<std::uint32_t, UsageSums> qos_;
  std::set<std::uint32_t> no_decay_;
  std::set<std::uint32_t> changed_associations_;
  std::set<std::uint32_t> changed_qos_;
  model::WallTime clock_ = 0;
  bool clock_changed_ = false;
};

// d^seconds with 63 bits behind the point (2^63 is 1).
[[nodiscard]] std::uint64_t decay_factor(std::int64_t seconds, std::uint32_t half_life_s);
// Rounded down.
[[nodiscard]] Wide decayed(Wide value, std::uint64_t factor);

// The start of the period that the time is in; a reset is due when it differs from that of the
// last calculation. `utc_offset_s`: local time's.
[[nodiscard]] model::WallTime period_start(model::WallTime when, model::UsageReset period,
                                           std::int32_t utc_offset_s);

}  // namespace sluice::core
