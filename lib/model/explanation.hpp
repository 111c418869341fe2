// Explanation: everything the cluster knows about why a job waits, or why it runs where it does, as
// plain data: what `sluice why` and `sluice why-placed` print. It is the plan's own truth, copied;
// nothing in it is guessed, except `sooner`, which is planned with changed requests on the present
// state ("if nothing else changes").
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/types.hpp"

namespace sluice::model {

// A filter of the plan and how many nodes it removed, in the order applied.
struct ExplainedFilter {
  Text name;
  std::uint32_t removed = 0;

  bool operator==(const ExplainedFilter&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "removed", self.removed);
  }
};

// The job in one of its partitions, under one of its QOS.
struct ExplainedLane {
  Text partition;
  Reason reason = Reason::none;
  Text detail;
  std::uint32_t nodes = 0;  // of the partition
  std::vector<ExplainedFilter> filters;
  std::uint32_t wanted = 0;  // nodes
  std::uint32_t usable = 0;  // nodes left by the filters
  std::uint32_t free = 0;    // of those, that could take part of it this moment
  WallTime planned_start = 0;
  Text planned_nodes;
  Text qos;
  Text account;      // empty: no accounts are kept
  Text reservation;  // in which it is tried; empty: outside

  bool operator==(const ExplainedLane&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "partition", self.partition);
    visit(2, "reason", self.reason);
    visit(3, "detail", self.detail);
    visit(4, "nodes", self.nodes);
    visit(5, "filters", self.filters);
    visit(6, "wanted", self.wanted);
    visit(7, "usable", self.usable);
    visit(8, "free", self.free);
    visit(9, "planned_start", self.planned_start);
    visit(10, "planned_nodes", self.planned_nodes);
    visit(11, "qos", self.qos);
    visit(12, "account", self.account);
    visit(13, "reservation", self.reservation);
  }
};

// One of the jobs that use up a limit, or that end before this one can start.
struct ExplainedJob {
  JobId job;
  Text user;
  Text what;  // "4 cpu"
  WallTime start = 0;
  WallTime end = 0;  // expected; 0: unknown

  bool operator==(const ExplainedJob&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "user", self.user);
    visit(3, "what", self.what);
    visit(4, "start", self.start);
    visit(5, "end", self.end);
  }
};

struct ExplainedLimit {
  Text name;      // Slurm's name of the reason
  Text holder;    // whose limit
  Text resource;  // "cpu", "jobs", "gres/gpu"
  std::int64_t used = 0;
  std::int64_t wanted = 0;
  std::int64_t limit = 0;
  std::vector<ExplainedJob> by;  // who uses it, the largest first, at most ten

  bool operator==(const ExplainedLimit&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "holder", self.holder);
    visit(3, "resource", self.resource);
    visit(4, "used", self.used);
    visit(5, "wanted", self.wanted);
    visit(6, "limit", self.limit);
    visit(7, "by", self.by);
  }
};

// A changed request and when it would start.
struct Alternative {
  Text change;  // "--time=01:00:00"
  WallTime start = 0;
  Text nodes;
  Text partition;

  bool operator==(const Alternative&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "change", self.change);
    visit(2, "start", self.start);
    visit(3, "nodes", self.nodes);
    visit(4, "partition", self.partition);
  }
};

// Why a job runs on its nodes: noted when it started, and kept while it runs.
struct Placement {
  Text partition;
  std::vector<ExplainedFilter> filters;
  std::uint32_t wanted = 0;
  std::uint32_t usable = 0;
  std::uint32_t serving = 0;    // of those, that could take part of it at that moment
  WallTime planned_before = 0;  // the reservation it had; 0: none
  JobId ahead_of;               // started before this one, of higher priority, without delaying it
  std::vector<Text> rules;      // what decided between nodes that served, in order

  bool operator==(const Placement&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "partition", self.partition);
    visit(2, "filters", self.filters);
    visit(3, "wanted", self.wanted);
    visit(4, "usable", self.usable);
    visit(5, "serving", self.serving);
    visit(6, "planned_before", self.planned_before);
    visit(7, "ahead_of", self.ahead_of);
    visit(8, "rules", self.rules);
  }
};

struct Explanation {
  JobId job;
  JobState state = JobState::pending;
  Reason reason = Reason::none;
  Text detail;
  std::uint32_t priority = 0;
  WallTime at = 0;
  WallTime begin = 0;       // --begin, if it lies ahead
  Text dependency;          // what is still open
  std::uint32_t ahead = 0;  // queued jobs that come before it in its partitions
  std::vector<ExplainedLane> lanes;
  std::vector<ExplainedLimit> limits;
  JobId behind;  // the job whose planned start it must not delay
  WallTime behind_start = 0;
  Text behind_nodes;
  std::vector<ExplainedJob> until;  // running jobs whose ends its planned start counts on
  std::vector<Alternative> sooner;
  std::vector<Placement> placed;  // of a job that runs: none or one
  // Where no start is planned for it: when it could start if none of those before it that have no
  // planned start either took its place. 0: not asked for, or nobody knows.
  WallTime earliest = 0;

  bool operator==(const Explanation&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "state", self.state);
    visit(3, "reason", self.reason);
    visit(4, "detail", self.detail);
    visit(5, "priority", self.priority);
    visit(6, "at", self.at);
    visit(7, "begin", self.begin);
    visit(8, "dependency", self.dependency);
    visit(9, "ahead", self.ahead);
    visit(10, "lanes", self.lanes);
    visit(11, "limits", self.limits);
    visit(12, "behind", self.behind);
    visit(13, "behind_start", self.behind_start);
    visit(14, "behind_nodes", self.behind_nodes);
    visit(15, "until", self.until);
    visit(16, "sooner", self.sooner);
    visit(17, "placed", self.placed);
    visit(18, "earliest", self.earliest);
  }
};

}  // namespace sluice::model
