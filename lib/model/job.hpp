// Job: one job, one array task, or the not yet started rest of an array. Records are immutable
// once published and shared between the core, the read snapshots and the store's queue; a change
// makes a new record. What many jobs have in common (JobSpec, Request) is interned and shared.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/allocation.hpp"
#include "model/job_spec.hpp"
#include "model/request.hpp"
#include "model/task_set.hpp"
#include "model/tres.hpp"
#include "model/types.hpp"

namespace sluice::model {

// A stretch in which an attempt held its nodes but stood still.
struct Suspension {
  WallTime from = 0;
  WallTime to = 0;

  bool operator==(const Suspension&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "from", self.from);
    visit(2, "to", self.to);
  }
};

struct Job {
  JobId id;
  JobId array_job;  // 0: not of an array. For the rest record: equal to id
  std::uint32_t array_task = kNoTask;
  TaskSetPtr array_rest;          // only in the rest record
  std::uint32_t array_count = 0;  // tasks of the whole array, for SLURM_ARRAY_TASK_COUNT
  std::uint32_t array_min = 0;
  std::uint32_t array_max = 0;
  std::uint32_t array_step = 0;
  Uid128 uid;
  std::uint32_t attempt = 0;
  std::uint32_t restarts = 0;  // SLURM_RESTART_COUNT
  JobSpecPtr spec;
  RequestPtr request;
  Text partition;  // chosen, or the list as asked while pending
  JobState state = JobState::pending;
  std::uint32_t flags = 0;  // JobFlag
  Reason reason = Reason::none;
  Text reason_detail;          // printed in place of the reason's name when not empty
  std::uint32_t priority = 0;  // 0: held
  WallTime submit = 0;
  WallTime eligible = 0;
  WallTime start = 0;  // of the current attempt
  WallTime end = 0;
  WallTime planned_start = 0;  // by the last plan; 0: none
  WallTime suspended_at = 0;
  std::int64_t suspended_us = 0;   // sum of past suspensions of this attempt
  std::uint32_t time_limit = 0;    // minutes in force; kUnlimited
  std::uint32_t exit_code = 0;     // of the batch script or allocation: status as wait() has it
  std::uint32_t derived_exit = 0;  // highest of the steps
  std::uint32_t cancelled_by = kNoTask;  // uid
  AllocationPtr allocation;              // null while pending
  Text batch_host;
  std::uint32_t next_step = 0;
  Text planned_nodes;  // SchedNodeList
  Text failed_node;
  std::uint32_t launch_failures = 0;  // in a row
  Text dependency;                    // what is still open, as Slurm shows it
  std::uint32_t association = 0;      // id; 0: none (accounting doesn't enforce them)
  Text qos;                           // in force; while pending the first of those asked for
  bool priority_fixed = false;        // --priority or scontrol: not computed
  std::int32_t site_factor = 0;
  WallTime accrue = 0;  // from when on it ages; 0: not yet
  TresCounts tres;      // allocated, with billing; empty while pending
  WallTime preempted_at = 0;
  JobId het_job;                 // leader of a heterogeneous job; 0: none
  std::uint32_t het_offset = 0;  // its component
  std::uint32_t het_count = 0;   // components of the whole
  Text reservation;              // that it runs in (a magnetic one may differ from the request's)
  std::vector<Suspension> suspensions;  // past ones of this attempt, in order

  bool operator==(const Job&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    own_fields(self, visit);
    visit(12, "spec", self.spec);
    visit(13, "request", self.request);
  }
  // All but the shared parts, for messages that carry many jobs and each shared part once.
  template <class Self, class Visitor>
  static void own_fields(Self& self, Visitor& visit) {
    visit(1, "id", self.id);
    visit(2, "array_job", self.array_job);
    visit(3, "array_task", self.array_task);
    visit(4, "array_rest", self.array_rest);
    visit(5, "array_count", self.array_count);
    visit(6, "array_min", self.array_min);
    visit(7, "array_max", self.array_max);
    visit(8, "array_step", self.array_step);
    visit(9, "uid", self.uid);
    visit(10, "attempt", self.attempt);
    visit(11, "restarts", self.restarts);
    visit(14, "partition", self.partition);
    visit(15, "state", self.state);
    visit(16, "flags", self.flags);
    visit(17, "reason", self.reason);
    visit(18, "reason_detail", self.reason_detail);
    visit(19, "priority", self.priority);
    visit(20, "submit", self.submit);
    visit(21, "eligible", self.eligible);
    visit(22, "start", self.start);
    visit(23, "end", self.end);
    visit(24, "planned_start", self.planned_start);
    visit(25, "suspended_at", self.suspended_at);
    visit(26, "suspended_us", self.suspended_us);
    visit(27, "time_limit", self.time_limit);
    visit(28, "exit_code", self.exit_code);
    visit(29, "derived_exit", self.derived_exit);
    visit(30, "cancelled_by", self.cancelled_by);
    visit(31, "allocation", self.allocation);
    visit(32, "batch_host", self.batch_host);
    visit(33, "next_step", self.next_step);
    visit(34, "planned_nodes", self.planned_nodes);
    // 35: once the nodes still to report the end; node_release.hpp has what became of that.
    visit(36, "failed_node", self.failed_node);
    visit(37, "launch_failures", self.launch_failures);
    visit(38, "dependency", self.dependency);
    visit(39, "association", self.association);
    visit(40, "qos", self.qos);
    visit(41, "priority_fixed", self.priority_fixed);
    visit(42, "site_factor", self.site_factor);
    visit(43, "accrue", self.accrue);
    visit(44, "tres", self.tres);
    visit(45, "preempted_at", self.preempted_at);
    visit(46, "het_job", self.het_job);
    visit(47, "het_offset", self.het_offset);
    visit(48, "het_count", self.het_count);
    visit(49, "reservation", self.reservation);
    visit(50, "suspensions", self.suspensions);
  }
};
using JobPtr = std::shared_ptr<const Job>;

// Notes that the suspension that began at `suspended_at` is over. However often a job is suspended,
// no more than one stretch a minute is kept: those that begin in the same minute become one, as
// long as they are together.
void add_suspension(Job& job, WallTime until);

}  // namespace sluice::model
