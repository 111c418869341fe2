// What was used, and what could have been: the records that reports are made of. Times within them
// are whole seconds since 1970 UTC; amounts are TRES times seconds. An attempt counts from the
// second it began in to the second it ended in, as sacct shows both, less the seconds it was
// suspended for; so amounts are whole numbers, and sums over periods equal the sum over attempts.
#pragma once

#include <cstdint>
#include <vector>

#include "base/text.hpp"
#include "model/tres.hpp"
#include "model/types.hpp"

namespace sluice::model {

// Whom use is counted for. Names are kept: they outlive the association.
struct UseKey {
  std::uint32_t association = 0;
  Text account;
  Text user;
  Text qos;
  Text wckey;
  std::uint32_t gid = 0;

  bool operator==(const UseKey&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "association", self.association);
    visit(2, "account", self.account);
    visit(3, "user", self.user);
    visit(4, "qos", self.qos);
    visit(5, "wckey", self.wckey);
    visit(6, "gid", self.gid);
  }
};

// Of one key over a period: of all jobs, or of those of one size.
struct UseRow {
  UseKey key;
  std::uint32_t cpus = 0;  // of a job; 0: of any size
  std::int64_t jobs = 0;   // attempts that ran at some time in the period
  TresCounts seconds;

  bool operator==(const UseRow&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "key", self.key);
    visit(2, "cpus", self.cpus);
    visit(3, "jobs", self.jobs);
    visit(4, "seconds", self.seconds);
  }
};

// The cluster's time over a period, by TRES.
struct ClusterUse {
  TresCounts counts;  // configured: the mean over the period
  TresCounts reported;
  TresCounts allocated;  // by jobs and by reservations that were there for them
  TresCounts down;
  TresCounts planned_down;    // maintenance
  TresCounts planned;         // idle while jobs waited that could not start
  TresCounts over_committed;  // what waited beyond that
  TresCounts idle;

  bool operator==(const ClusterUse&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "counts", self.counts);
    visit(2, "reported", self.reported);
    visit(3, "allocated", self.allocated);
    visit(4, "down", self.down);
    visit(5, "planned_down", self.planned_down);
    visit(6, "planned", self.planned);
    visit(7, "over_committed", self.over_committed);
    visit(8, "idle", self.idle);
  }
};

// One occurrence of a reservation, over its whole time.
struct ReservationUse {
  std::uint32_t id = 0;
  Text name;
  WallTime start = 0;
  WallTime end = 0;
  std::uint32_t flags = 0;
  Text nodes;
  Text users;
  Text accounts;
  TresCounts counts;
  TresCounts seconds;  // used in it

  bool operator==(const ReservationUse&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "id", self.id);
    visit(2, "name", self.name);
    visit(3, "start", self.start);
    visit(4, "end", self.end);
    visit(5, "flags", self.flags);
    visit(6, "nodes", self.nodes);
    visit(7, "users", self.users);
    visit(8, "accounts", self.accounts);
    visit(9, "counts", self.counts);
    visit(10, "seconds", self.seconds);
  }
};

// A stretch in which a node could not be used, or (without a name) in which the cluster had these
// TRES.
struct NodeSpan {
  Text node;
  WallTime from = 0;
  WallTime to = 0;          // 0: still so
  std::uint32_t state = 0;  // NodeState
  std::uint32_t flags = 0;  // NodeFlag
  TresCounts tres;
  Text reason;
  std::uint32_t uid = 0;

  bool operator==(const NodeSpan&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
    visit(2, "from", self.from);
    visit(3, "to", self.to);
    visit(4, "state", self.state);
    visit(5, "flags", self.flags);
    visit(6, "tres", self.tres);
    visit(7, "reason", self.reason);
    visit(8, "uid", self.uid);
  }
};

}  // namespace sluice::model
