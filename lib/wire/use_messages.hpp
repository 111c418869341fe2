// sreport: what was used in a period. Sums are made where the history is. And sluice rebuild, which
// makes them anew.
#pragma once

#include <cstdint>
#include <vector>

#include "base/text.hpp"
#include "model/use.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

// Parts of an answer.
enum UsePart : std::uint32_t {
  kUseRows = 1U << 0U,
  kUseSizes = 1U << 1U,  // rows by size of job
  kUseCluster = 1U << 2U,
  kUseReservations = 1U << 3U,
  kUseSpans = 1U << 4U,
};

struct QueryUse {
  static constexpr MessageType kType = MessageType::query_use;
  model::WallTime from = 0;
  model::WallTime to = 0;
  std::uint32_t parts = kUseRows;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "from", self.from);
    visit(2, "to", self.to);
    visit(3, "parts", self.parts);
  }
};

// In several frames where it is large; lists are continued.
struct UseReply {
  static constexpr MessageType kType = MessageType::use_reply;
  Text cluster;
  model::TresTable tres;
  std::vector<model::UseRow> rows;
  std::vector<model::ClusterUse> whole;  // none or one; none: nothing is known of that period
  std::vector<model::ReservationUse> reservations;
  std::vector<model::NodeSpan> spans;
  bool last = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "cluster", self.cluster);
    visit(2, "tres", self.tres);
    visit(3, "rows", self.rows);
    visit(4, "whole", self.whole);
    visit(5, "reservations", self.reservations);
    visit(6, "spans", self.spans);
    visit(7, "last", self.last);
  }
};

// The sums of use are made anew from the records of all jobs. Administrators.
struct EditHistory {
  static constexpr MessageType kType = MessageType::edit_history;
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

struct EditHistoryReply {
  static constexpr MessageType kType = MessageType::edit_history_reply;
  std::uint64_t rows = 0;
  bool same = false;  // they were right before

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "rows", self.rows);
    visit(2, "same", self.same);
  }
};

}  // namespace sluice::wire
