// Qos: quality of service: limits, priority and preemption rights that a job may run under, beside
// those of its association. Words and rules are Slurm's.
#pragma once

#include <cstdint>
#include <vector>

#include "base/text.hpp"
#include "model/association.hpp"
#include "model/tres.hpp"
#include "model/types.hpp"

namespace sluice::model {

enum QosFlag : std::uint32_t {
  kQosDenyOnLimit = 1U << 0U,  // refuse at submit what exceeds the QOS's Max* limits
  kQosEnforceUsageThreshold = 1U << 1U,
  kQosNoReserve = 1U << 2U,          // no reservation by backfill
  kQosPartitionMaxNodes = 1U << 3U,  // may exceed the partition's limit
  kQosPartitionMinNodes = 1U << 4U,
  kQosPartitionTimeLimit = 1U << 5U,
  kQosOverPartQos = 1U << 6U,  // its limits come before the partition QOS's
  kQosNoDecay = 1U << 7U,
  kQosRequiresReservation = 1U << 8U,
  kQosUsageFactorSafe = 1U << 9U,
  kQosRelative = 1U << 10U,
};

struct QosLimits {
  TresCounts grp_tres;
  TresCounts grp_tres_mins;
  TresCounts grp_tres_run_mins;
  std::uint32_t grp_jobs = kNoLimit;
  std::uint32_t grp_jobs_accrue = kNoLimit;
  std::uint32_t grp_submit_jobs = kNoLimit;
  std::uint32_t grp_wall = kNoLimit;  // minutes
  TresCounts max_tres_per_job;
  TresCounts max_tres_per_node;
  TresCounts max_tres_per_user;
  TresCounts max_tres_per_account;
  TresCounts max_tres_mins_per_job;
  TresCounts max_tres_run_mins_per_user;
  TresCounts max_tres_run_mins_per_account;
  TresCounts min_tres_per_job;
  std::uint32_t max_jobs_per_user = kNoLimit;
  std::uint32_t max_jobs_per_account = kNoLimit;
  std::uint32_t max_jobs_accrue_per_user = kNoLimit;
  std::uint32_t max_jobs_accrue_per_account = kNoLimit;
  std::uint32_t max_submit_jobs_per_user = kNoLimit;
  std::uint32_t max_submit_jobs_per_account = kNoLimit;
  std::uint32_t max_wall_per_job = kNoLimit;  // minutes
  std::uint32_t min_prio_threshold = kNoLimit;

  bool operator==(const QosLimits&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "grp_tres", self.grp_tres);
    visit(2, "grp_tres_mins", self.grp_tres_mins);
    visit(3, "grp_tres_run_mins", self.grp_tres_run_mins);
    visit(4, "grp_jobs", self.grp_jobs);
    visit(5, "grp_jobs_accrue", self.grp_jobs_accrue);
    visit(6, "grp_submit_jobs", self.grp_submit_jobs);
    visit(7, "grp_wall", self.grp_wall);
    visit(8, "max_tres_per_job", self.max_tres_per_job);
    visit(9, "max_tres_per_node", self.max_tres_per_node);
    visit(10, "max_tres_per_user", self.max_tres_per_user);
    visit(11, "max_tres_per_account", self.max_tres_per_account);
    visit(12, "max_tres_mins_per_job", self.max_tres_mins_per_job);
    visit(13, "max_tres_run_mins_per_user", self.max_tres_run_mins_per_user);
    visit(14, "max_tres_run_mins_per_account", self.max_tres_run_mins_per_account);
    visit(15, "min_tres_per_job", self.min_tres_per_job);
    visit(16, "max_jobs_per_user", self.max_jobs_per_user);
    visit(17, "max_jobs_per_account", self.max_jobs_per_account);
    visit(18, "max_jobs_accrue_per_user", self.max_jobs_accrue_per_user);
    visit(19, "max_jobs_accrue_per_account", self.max_jobs_accrue_per_account);
    visit(20, "max_submit_jobs_per_user", self.max_submit_jobs_per_user);
    visit(21, "max_submit_jobs_per_account", self.max_submit_jobs_per_account);
    visit(22, "max_wall_per_job", self.max_wall_per_job);
    visit(23, "min_prio_threshold", self.min_prio_threshold);
  }
};

struct Qos {
  std::uint32_t id = 0;  // 1: "normal", which always exists
  Text name;
  Text description;
  std::uint32_t priority = 0;
  std::uint32_t flags = 0;       // QosFlag
  std::uint32_t grace_time = 0;  // seconds
  std::vector<Text> preempt;     // QOS that it may preempt
  PreemptMode preempt_mode = PreemptMode::cluster_default;
  std::uint32_t exempt_time = kNoLimit;   // seconds safe from preemption; kNoLimit: cluster's
  std::int64_t usage_factor = 1'000'000;  // millionths
  std::int64_t usage_threshold = -1;      // millionths of a fair-share factor; -1: none
  std::int64_t limit_factor = -1;         // millionths; -1: none
  QosLimits limits;

  bool operator==(const Qos&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "id", self.id);
    visit(2, "name", self.name);
    visit(3, "description", self.description);
    visit(4, "priority", self.priority);
    visit(5, "flags", self.flags);
    visit(6, "grace_time", self.grace_time);
    visit(7, "preempt", self.preempt);
    visit(8, "preempt_mode", self.preempt_mode);
    visit(9, "exempt_time", self.exempt_time);
    visit(10, "usage_factor", self.usage_factor);
    visit(11, "usage_threshold", self.usage_threshold);
    visit(12, "limit_factor", self.limit_factor);
    visit(13, "limits", self.limits);
  }
};

}  // namespace sluice::model
