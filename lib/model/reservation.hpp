// Reservation: nodes, cores or licences set aside over a span of time for some users, accounts,
// groups or QOS. The record is what is stored and shown; what the cluster derives from it (which
// nodes by index, which jobs run in it) is the core's.
//
// A list that begins with '-' in each entry denies: everybody else may use the reservation.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"
#include "model/types.hpp"

namespace sluice::model {

enum ReservationFlag : std::uint32_t {
  kResvMaint = 1U << 0U,
  kResvFlex = 1U << 1U,
  kResvMagnetic = 1U << 2U,
  kResvHourly = 1U << 3U,
  kResvDaily = 1U << 4U,
  kResvWeekday = 1U << 5U,
  kResvWeekend = 1U << 6U,
  kResvWeekly = 1U << 7U,
  kResvIgnoreJobs = 1U << 8U,
  kResvAnyNodes = 1U << 9U,
  kResvPurgeComp = 1U << 10U,
  kResvOverlap = 1U << 11U,
  kResvReplace = 1U << 12U,
  kResvReplaceDown = 1U << 13U,
  kResvNoHoldJobs = 1U << 14U,  // NO_HOLD_JOBS_AFTER_END
  kResvStatic = 1U << 15U,      // STATIC_ALLOC
  kResvPartNodes = 1U << 16U,
  kResvTimeFloat = 1U << 17U,
  kResvUserDelete = 1U << 18U,
  kResvSpecNodes = 1U << 19U,  // made for nodes that were named
  kResvForceStart = 1U << 20U,
};
inline constexpr std::uint32_t kResvRepeats =
    kResvHourly | kResvDaily | kResvWeekday | kResvWeekend | kResvWeekly;

// What it has of one node.
struct ReservedNode {
  Text name;
  std::uint32_t cores = 0;  // 0: the whole node

  bool operator==(const ReservedNode&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "cores", self.cores);
  }
};

struct Reservation {
  std::uint32_t id = 0;
  Text name;
  WallTime start = 0;  // of this occurrence; TIME_FLOAT: see float_s
  WallTime end = 0;
  std::uint32_t flags = 0;          // ReservationFlag
  Text nodes;                       // compressed
  std::vector<ReservedNode> parts;  // in node-table order
  std::uint32_t node_count = 0;     // of `parts`
  std::uint32_t core_count = 0;     // of all of them
  std::uint32_t wanted_nodes = 0;   // NodeCnt as asked; 0: nodes were named
  std::uint32_t wanted_cores = 0;   // CoreCnt as asked; 0: whole nodes
  Text features;
  Text partition;
  Text licenses;
  Text users;
  Text groups;
  Text accounts;
  Text qos;
  Text partitions;                  // AllowedPartitions
  std::uint32_t purge_s = 0;        // PURGE_COMP
  std::uint32_t start_delay_s = 0;  // MaxStartDelay; 0: none
  std::uint32_t float_s = 0;        // TIME_FLOAT: how far ahead of the present it begins
  Text comment;
  std::uint32_t creator = 0;    // uid
  WallTime idle_since = 0;      // PURGE_COMP: active and without a job since then; 0: not idle
  std::uint32_t cpu_count = 0;  // threads of the cores
  // Of one that repeats: the offset by which its start is read as local time, and how long it lasts
  // on the local clock (0: as from start to end).
  std::int32_t utc_offset_s = 0;
  std::uint32_t length_s = 0;

  bool operator==(const Reservation&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "id", self.id);
    visit(2, "name", self.name);
    visit(3, "start", self.start);
    visit(4, "end", self.end);
    visit(5, "flags", self.flags);
    visit(6, "nodes", self.nodes);
    visit(7, "parts", self.parts);
    visit(8, "node_count", self.node_count);
    visit(9, "core_count", self.core_count);
    visit(10, "wanted_nodes", self.wanted_nodes);
    visit(11, "wanted_cores", self.wanted_cores);
    visit(12, "features", self.features);
    visit(13, "partition", self.partition);
    visit(14, "licenses", self.licenses);
    visit(15, "users", self.users);
    visit(16, "groups", self.groups);
    visit(17, "accounts", self.accounts);
    visit(18, "qos", self.qos);
    visit(19, "partitions", self.partitions);
    visit(20, "purge_s", self.purge_s);
    visit(21, "start_delay_s", self.start_delay_s);
    visit(22, "float_s", self.float_s);
    visit(23, "comment", self.comment);
    visit(24, "creator", self.creator);
    visit(25, "idle_since", self.idle_since);
    visit(26, "cpu_count", self.cpu_count);
    visit(27, "utc_offset_s", self.utc_offset_s);
    visit(28, "length_s", self.length_s);
  }
};
using ReservationPtr = std::shared_ptr<const Reservation>;

// "MAINT,FLEX,SPEC_NODES" in Slurm's order; PURGE_COMP with its time.
[[nodiscard]] std::string flags_text(const Reservation& reservation);
// One flag as typed, in either case, or a beginning of it that only it has; 0: none.
[[nodiscard]] std::uint32_t flag_named(std::string_view word);
// Every word for a flag, also those that can only be shown.
[[nodiscard]] std::vector<std::string_view> flag_words();
[[nodiscard]] inline bool repeats(const Reservation& r) { return (r.flags & kResvRepeats) != 0; }
[[nodiscard]] inline bool has_flag(const Reservation& r, ReservationFlag flag) {
  return (r.flags & flag) != 0;
}
// It stands above others: it may overlap them, and their jobs keep clear of it.
[[nodiscard]] inline bool stands_above(const Reservation& r) {
  return (r.flags & (kResvMaint | kResvOverlap)) != 0;
}
// Whether the list lets the name in; an empty list lets nobody or everybody in, as the caller says.
enum class ListVerdict : std::uint8_t { unset, allowed, denied };
[[nodiscard]] ListVerdict judge_list(const Text& list, std::string_view name);

// A licence as a request or a reservation names it.
struct LicenseNeed {
  Text name;
  std::uint32_t count = 1;

  bool operator==(const LicenseNeed&) const = default;
};
struct LicenseRequest {
  std::vector<LicenseNeed> needs;  // by name, each once
  bool any = false;                // one of them suffices ('|')
};
// "matlab:2,ansys" or "matlab:2|ansys:1". "a:2" and "a=2" are the same. Fails on anything else.
[[nodiscard]] Result<LicenseRequest> parse_licenses(std::string_view text);

}  // namespace sluice::model
