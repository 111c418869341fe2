// TRES: the trackable resources that limits, usage and billing count. Every cluster has the same
// first eight; GRES and licences follow as the configuration names them (AccountingStorageTRES) and
// keep their number for ever.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"

namespace sluice::model {

using TresId = std::uint32_t;
inline constexpr TresId kTresCpu = 1;
inline constexpr TresId kTresMemory = 2;  // MiB
inline constexpr TresId kTresEnergy = 3;  // joules
inline constexpr TresId kTresNode = 4;
inline constexpr TresId kTresBilling = 5;
inline constexpr TresId kTresFsDisk = 6;
inline constexpr TresId kTresVmem = 7;
inline constexpr TresId kTresPages = 8;
inline constexpr TresId kFirstConfiguredTres = 1001;

struct TresKind {
  TresId id = 0;
  Text type;  // "cpu", "gres", "license"
  Text name;  // "gpu", "gpu:a100", a licence's name; empty for the first eight

  bool operator==(const TresKind&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "id", self.id);
    visit(2, "type", self.type);
    visit(3, "name", self.name);
  }
};

// "cpu", "gres/gpu", "license/matlab".
[[nodiscard]] std::string tres_name(const TresKind& kind);

struct TresCount {
  TresId id = 0;
  std::int64_t count = 0;

  bool operator==(const TresCount&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "id", self.id);
    visit(2, "count", self.count);
  }
};

// Ascending by id, each id once. What is absent is no limit (in limits) or zero (in usage).
using TresCounts = std::vector<TresCount>;

[[nodiscard]] const TresCount* find_tres(const TresCounts& counts, TresId id);  // null: absent
[[nodiscard]] std::int64_t tres_count(const TresCounts& counts, TresId id);     // 0: absent
void set_tres(TresCounts& counts, TresId id, std::int64_t count);
void add_tres(TresCounts& counts, TresId id, std::int64_t count);

// The kinds that a cluster counts, ascending by id.
using TresTable = std::vector<TresKind>;

[[nodiscard]] TresTable first_tres();  // the eight
// The kind named like "gres/gpu", or null.
[[nodiscard]] const TresKind* find_tres_kind(const TresTable& table, std::string_view name);
// The table with kinds added for names that it lacks ("gres/gpu:a100"); numbers go on from the
// highest.
[[nodiscard]] Result<TresTable> with_tres(TresTable table, std::string_view comma_separated);

// "cpu=4,mem=16G,gres/gpu=2": sizes of memory take K/M/G/T, MiB without. An entry of -1 takes the
// limit away: its count is then -1. Fails on unknown kinds and broken numbers.
[[nodiscard]] Result<TresCounts> parse_tres(const TresTable& table, std::string_view text);
// As sacctmgr shows it: in the table's order; memory as "16G" if that is exact, else "1234M".
[[nodiscard]] std::string tres_text(const TresTable& table, const TresCounts& counts);

}  // namespace sluice::model
