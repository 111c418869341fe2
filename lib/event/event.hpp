// Event: one line of the cluster's event stream. Jobs, nodes and the ledger each tell what became
// of them; whoever follows the stream (a dashboard, a site's billing, a message queue) sees each
// change once, in the order in which the changes became durable.
//
// Cursors count from 1 without gaps, so a reader that has seen a cursor knows what it missed. An
// event's id is made of its cursor and of a random number of the controller's start that wrote it:
// never the same for two events, not even after a database was restored from a copy.
//
// Numbers are stored and travel: they never change.
#pragma once

#include <cstdint>
#include <memory>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "ledger/entry.hpp"
#include "model/types.hpp"

namespace sluice::event {

enum class Kind : std::uint8_t { none = 0, job = 1, node = 2, ledger = 3 };
inline constexpr std::uint32_t kKinds = 4;
inline constexpr std::uint32_t kAllKinds = 0b1110;  // bits by kind

// Of jobs and nodes; what happened to the ledger is the kind of its entry.
enum class What : std::uint8_t {
  none = 0,
  submitted = 1,
  started = 2,
  suspended = 3,
  resumed = 4,
  ended = 5,      // once for each attempt that is not preempted
  preempted = 6,  // ended so
  requeued = 7,   // another attempt waits
  changed = 8,    // by somebody's request: limits, priority, hold, ...
  down = 20,
  up = 21,
  drained = 22,  // takes no more jobs; some may still run
  undrained = 23,
  marked = 24,  // anything else that an administrator sees of it
};

// Of a job as it was then. Nodes and amounts are those held, or asked for while it waits.
struct JobChange {
  JobId job;
  JobId array_job;  // 0: not of an array
  std::uint32_t array_task = model::kNoTask;
  std::uint32_t array_tasks = 0;  // of the not yet started rest of an array: how many
  JobId het_job;                  // 0: not heterogeneous
  std::uint32_t het_offset = 0;
  Uid128 uid;
  std::uint32_t attempt = 0;
  std::uint32_t user_id = 0;
  Text user;
  Text account;
  Text name;
  Text partition;
  Text qos;
  Text wckey;
  Text reservation;
  model::JobState state = model::JobState::pending;
  std::uint32_t flags = 0;  // model::JobFlag
  model::Reason reason = model::Reason::none;
  std::uint32_t priority = 0;
  model::WallTime submit = 0;
  model::WallTime start = 0;
  model::WallTime end = 0;
  std::uint32_t time_limit = 0;  // minutes
  std::uint32_t exit_code = 0;   // as wait() has it
  Text nodes;
  std::uint32_t node_count = 0;
  std::uint32_t cpus = 0;
  std::uint64_t memory = 0;  // MiB

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "array_job", self.array_job);
    visit(3, "array_task", self.array_task);
    visit(4, "array_tasks", self.array_tasks);
    visit(5, "het_job", self.het_job);
    visit(6, "het_offset", self.het_offset);
    visit(7, "uid", self.uid);
    visit(8, "attempt", self.attempt);
    visit(9, "user_id", self.user_id);
    visit(10, "user", self.user);
    visit(11, "account", self.account);
    visit(12, "name", self.name);
    visit(13, "partition", self.partition);
    visit(14, "qos", self.qos);
    visit(15, "wckey", self.wckey);
    visit(16, "reservation", self.reservation);
    visit(17, "state", self.state);
    visit(18, "flags", self.flags);
    visit(19, "reason", self.reason);
    visit(20, "priority", self.priority);
    visit(21, "submit", self.submit);
    visit(22, "start", self.start);
    visit(23, "end", self.end);
    visit(24, "time_limit", self.time_limit);
    visit(25, "exit_code", self.exit_code);
    visit(26, "nodes", self.nodes);
    visit(27, "node_count", self.node_count);
    visit(28, "cpus", self.cpus);
    visit(29, "memory", self.memory);
  }
};

// Of a node: whether it can be used. What jobs hold of it is told by the jobs' events.
struct NodeChange {
  Text name;
  Text state;  // "DOWN", "UP", "UP+DRAIN"
  Text before;
  Text reason;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "state", self.state);
    visit(3, "before", self.before);
    visit(4, "reason", self.reason);
  }
};

// Exactly one of `job`, `node` and `entry` is set.
struct Event {
  std::uint64_t cursor = 0;
  std::uint64_t origin = 0;  // of the controller's start that wrote it
  model::WallTime time = 0;  // never before that of the event before
  Kind kind = Kind::none;
  What what = What::none;
  std::shared_ptr<const JobChange> job;
  std::shared_ptr<const NodeChange> node;
  std::shared_ptr<const ledger::Entry> entry;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "cursor", self.cursor);
    visit(2, "origin", self.origin);
    visit(3, "time", self.time);
    visit(4, "kind", self.kind);
    visit(5, "what", self.what);
    visit(6, "job", self.job);
    visit(7, "node", self.node);
    visit(8, "entry", self.entry);
  }
};

}  // namespace sluice::event
