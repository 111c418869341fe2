// UsageRecord: what an association or a QOS has used, as stored and shown. Integers, exact to a
// millionth of a TRES-second: whole units, and beside them the millionths below one. Decay
// multiplies and rounds down, so that sums never exceed what was used.
//
// The record of neither an association nor a QOS is the clock: `wall` says up to when running jobs
// have been charged.
#pragma once

#include <cstdint>

#include "model/tres.hpp"
#include "model/types.hpp"

namespace sluice::model {

struct UsageRecord {
  std::uint32_t association = 0;  // either this
  std::uint32_t qos = 0;          // or that
  // Decayed: billing TRES * seconds * usage factor (sshare's RawUsage), job seconds (GrpWall),
  // TRES * seconds * usage factor (GrpTRESMins).
  std::int64_t raw = 0;
  std::int64_t wall = 0;
  TresCounts tres;
  std::uint32_t raw_micro = 0;
  std::uint32_t wall_micro = 0;
  TresCounts tres_micro;
  // Of running jobs, not stored: shown by sshare and `scontrol show assoc_mgr`.
  TresCounts run_seconds;  // TRES * seconds that running jobs may still use (GrpTRESRunMins)
  TresCounts in_use;       // now (GrpTRES)
  std::uint32_t jobs = 0;
  std::uint32_t submitted = 0;
  std::uint32_t accruing = 0;
  // Fair-share, for associations: billionths of 1. level_fs: 10^9 is 1; INT64_MAX: infinite.
  std::int64_t norm_shares = 0;
  std::int64_t norm_usage = 0;
  std::int64_t effective_usage = 0;
  std::int64_t level_fs = 0;
  std::int64_t factor = 0;  // of a user; 0 for accounts

  bool operator==(const UsageRecord&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "association", self.association);
    visit(2, "qos", self.qos);
    visit(3, "raw", self.raw);
    visit(4, "wall", self.wall);
    visit(5, "tres", self.tres);
    visit(6, "run_seconds", self.run_seconds);
    visit(7, "in_use", self.in_use);
    visit(8, "jobs", self.jobs);
    visit(9, "submitted", self.submitted);
    visit(10, "accruing", self.accruing);
    visit(11, "norm_shares", self.norm_shares);
    visit(12, "norm_usage", self.norm_usage);
    visit(13, "effective_usage", self.effective_usage);
    visit(14, "level_fs", self.level_fs);
    visit(15, "factor", self.factor);
    visit(16, "raw_micro", self.raw_micro);
    visit(17, "wall_micro", self.wall_micro);
    visit(18, "tres_micro", self.tres_micro);
  }
};

}  // namespace sluice::model
