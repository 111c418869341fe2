// Metering: how an attempt's time becomes quantities, and quantities amounts. The one engine behind
// charges, holds and quotes, so that what was promised is what is charged.
//
// Rules. Time is charged in granules from the attempt's start; the price that holds when a granule
// begins holds for all of it; a granule that has begun is charged whole at the end. Charges on the
// way stop at a granule's end (or a month's), so each of them is of time that has passed. A change
// of what is allocated, and a suspension, cut at once. The amounts of a line are differences of
// floor(quantity so far * price), so cuts don't matter.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ledger/attempt.hpp"

namespace sluice::ledger {

// The granules of an attempt.
class Granules {
 public:
  Granules(WallTime start, std::uint32_t granularity_s, std::uint32_t minimum_s);
  [[nodiscard]] WallTime begin(WallTime when) const;  // of the one that the time is in
  [[nodiscard]] WallTime end(WallTime when) const;    // the first end at or after the time

 private:
  WallTime start_;
  std::int64_t size_;
  WallTime first_end_;
};

// The tariff that was found last, and how long it stays: most charges ask nothing else. Forget it
// (assign {}) when prices or the attempt change.
struct TariffCache {
  Tariff tariff;
  WallTime from = 0;
  WallTime until = 0;  // the end of a granule
};

// One price, one count, one month, without a gap.
struct Piece {
  std::uint32_t line = 0;  // of the attempt
  const PriceBook* book = nullptr;
  const Price* price = nullptr;
  std::int64_t count = 0;
  WallTime from = 0;
  WallTime to = 0;
  Wide consumed = 0;
  Wide priced = 0;
};

enum class Upto : std::uint8_t {
  granule,  // the last whole granule, or the month's beginning if that is later
  exactly,  // something changes there
  end,      // the attempt is over: the granule is charged whole
};

struct MeterQuestion {
  WallTime to = 0;
  Upto upto = Upto::granule;
  std::span<const WallTime> cuts;  // ascending: no piece goes across
};
// Brings `charged_until` forward, adds lines that are new; their quantities are the funding's
// matter. Pieces in the order of time.
[[nodiscard]] std::vector<Piece> advance(const PriceSet& prices, OpenAttempt& attempt,
                                         TariffCache& cache, const MeterQuestion& question);

// From which packages quantities may be drawn, in this order.
struct PurseShare {
  std::uint32_t package = 0;
  Text meter;
  WallTime expires = 0;  // 0: never
  Wide left = 0;
};
using Purse = std::vector<PurseShare>;

// A part of a piece, and where it is taken from.
struct Draw {
  Piece piece;                // with this part's quantities
  std::uint32_t package = 0;  // 0: money
  Money list = 0;
  Money contracted = 0;
};
// Takes from the purse, adds to the attempt's lines.
[[nodiscard]] std::vector<Draw> fund(const std::vector<Piece>& pieces, OpenAttempt& attempt,
                                     Purse& purse);

// The ends of the purse's packages, for MeterQuestion::cuts.
[[nodiscard]] std::vector<WallTime> cuts_of(const Purse& purse);

}  // namespace sluice::ledger
