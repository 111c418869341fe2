// ReservationPatch: what `scontrol create` and `update reservation` ask for, as it travels and as
// the core takes it. Names of users and groups are resolved before.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/text.hpp"
#include "model/reservation.hpp"

namespace sluice::model {

// A comma-separated list: replaced ('='), added to ('+') or taken from ('-').
struct ListEdit {
  std::uint32_t mode = 0;  // 0: replace, 1: add, 2: take away
  Text list;

  bool operator==(const ListEdit&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "mode", self.mode);
    visit(2, "list", self.list);
  }
};

// What `create` and `update reservation` say. Only what is set is meant.
struct ReservationPatch {
  std::optional<WallTime> start;
  std::optional<WallTime> end;
  std::optional<std::uint32_t> duration_min;  // kUnlimited: a year
  std::uint32_t duration_mode = 0;            // 0: replace, 1: longer by, 2: shorter by
  std::uint32_t set_flags = 0;
  std::uint32_t clear_flags = 0;
  std::optional<Text> nodes;  // a list, "ALL", or empty: choose anew
  std::optional<std::uint32_t> node_count;
  std::vector<std::uint32_t> core_counts;  // one: of all nodes; several: by node
  std::optional<Text> partition;
  std::optional<Text> features;
  std::optional<Text> licenses;
  std::optional<ListEdit> users;
  std::optional<ListEdit> groups;
  std::optional<ListEdit> accounts;
  std::optional<ListEdit> qos;
  std::optional<ListEdit> partitions;
  std::optional<std::uint32_t> purge_s;
  std::optional<std::uint32_t> start_delay_s;
  std::optional<Text> comment;
  bool skip = false;
  std::int32_t utc_offset_s = 0;
  std::uint32_t nodes_mode = 0;  // of `nodes`: 0: replace, 1: add, 2: take away

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "start", self.start);
    visit(2, "end", self.end);
    visit(3, "duration_min", self.duration_min);
    visit(4, "duration_mode", self.duration_mode);
    visit(5, "set_flags", self.set_flags);
    visit(6, "clear_flags", self.clear_flags);
    visit(7, "nodes", self.nodes);
    visit(8, "node_count", self.node_count);
    visit(9, "core_counts", self.core_counts);
    visit(10, "partition", self.partition);
    visit(11, "features", self.features);
    visit(12, "licenses", self.licenses);
    visit(13, "users", self.users);
    visit(14, "groups", self.groups);
    visit(15, "accounts", self.accounts);
    visit(16, "qos", self.qos);
    visit(17, "partitions", self.partitions);
    visit(18, "purge_s", self.purge_s);
    visit(19, "start_delay_s", self.start_delay_s);
    visit(20, "comment", self.comment);
    visit(21, "skip", self.skip);
    visit(22, "utc_offset_s", self.utc_offset_s);
    visit(23, "nodes_mode", self.nodes_mode);
  }
};

enum class ReservationVerb : std::uint8_t { create = 0, update = 1, remove = 2 };

}  // namespace sluice::model
