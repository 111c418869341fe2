// sdiag: what the controller counts about itself. Counts and sums hold since `since`, unless they
// say otherwise; times of work are in microseconds.
#pragma once

#include <cstdint>
#include <vector>

#include "base/text.hpp"
#include "model/types.hpp"
#include "wire/conversation.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

struct QueryStats {
  static constexpr MessageType kType = MessageType::query_stats;
  bool reset = false;  // counts begin anew; the answer has them as they were

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "reset", self.reset);
  }
};

// Tasks of arrays and components of heterogeneous jobs count each.
struct JobStats {
  std::uint64_t submitted = 0;
  std::uint64_t started = 0;
  std::uint64_t completed = 0;  // ended by themselves, by their limit, or to be queued again
  std::uint64_t cancelled = 0;
  std::uint64_t failed = 0;   // by a node, not by their own exit code
  std::uint64_t pending = 0;  // at `seen`
  std::uint64_t running = 0;
  model::WallTime seen = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "submitted", self.submitted);
    visit(2, "started", self.started);
    visit(3, "completed", self.completed);
    visit(4, "cancelled", self.cancelled);
    visit(5, "failed", self.failed);
    visit(6, "pending", self.pending);
    visit(7, "running", self.running);
    visit(8, "seen", self.seen);
  }
};

// A figure that each cycle has.
struct CycleFigure {
  std::uint64_t last = 0;
  std::uint64_t most = 0;
  std::uint64_t all = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "last", self.last);
    visit(2, "most", self.most);
    visit(3, "all", self.all);
  }
};

struct CycleStats {
  std::uint64_t count = 0;
  model::WallTime when = 0;  // of the last one; 0: there was none
  CycleFigure us;
  CycleFigure depth;  // groups of equal jobs looked at
  CycleFigure tried;  // of those, with limits and nodes that allow a start
  CycleFigure queue;  // jobs that wait for resources
  CycleFigure table;  // starts planned for later

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "count", self.count);
    visit(2, "when", self.when);
    visit(3, "us", self.us);
    visit(4, "depth", self.depth);
    visit(5, "tried", self.tried);
    visit(6, "queue", self.queue);
    visit(7, "table", self.table);
  }
};

// Requests of one kind, or of one user.
struct RequestStats {
  std::uint32_t id = 0;  // message type, or uid
  Text name;
  std::uint64_t count = 0;
  std::uint64_t us_most = 0;
  std::uint64_t us_all = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "id", self.id);
    visit(2, "name", self.name);
    visit(3, "count", self.count);
    visit(4, "us_most", self.us_most);
    visit(5, "us_all", self.us_all);
  }
};

struct SchedulerStats {
  model::WallTime now = 0;
  model::WallTime since = 0;
  JobStats jobs;
  CycleStats main;                     // every pass of the planner
  CycleStats backfill;                 // those that met a job without room, or passed one
  std::uint64_t backfilled = 0;        // jobs started ahead of a blocked one
  std::uint64_t backfilled_ever = 0;   // the same since the controller's start, or a reset by hand
  std::uint64_t backfilled_parts = 0;  // components of heterogeneous jobs among the latter
  std::uint32_t threads = 0;           // at work in the controller
  std::uint64_t orders_waiting = 0;    // for nodes, until they are durable
  std::uint64_t commits_waiting = 0;   // on their way to the disk
  std::uint64_t clock_us = 0;         // for 1000 readings of the clock, when the controller started
  std::vector<RequestStats> by_type;  // since the controller's start, or a reset by hand
  std::vector<RequestStats> by_user;
  std::vector<RequestStats> pending;  // orders that wait, by type; counts alone

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "now", self.now);
    visit(2, "since", self.since);
    visit(3, "jobs", self.jobs);
    visit(4, "main", self.main);
    visit(5, "backfill", self.backfill);
    visit(6, "backfilled", self.backfilled);
    visit(7, "backfilled_ever", self.backfilled_ever);
    visit(8, "backfilled_parts", self.backfilled_parts);
    visit(9, "threads", self.threads);
    visit(10, "orders_waiting", self.orders_waiting);
    visit(11, "commits_waiting", self.commits_waiting);
    visit(12, "clock_us", self.clock_us);
    visit(13, "by_type", self.by_type);
    visit(14, "by_user", self.by_user);
    visit(15, "pending", self.pending);
  }
};

struct StatsReply {
  static constexpr MessageType kType = MessageType::stats_reply;
  std::vector<KeyValue> values;  // of the store and the sessions
  SchedulerStats scheduler;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "values", self.values);
    visit(2, "scheduler", self.scheduler);
  }
};

}  // namespace sluice::wire
