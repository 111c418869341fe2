// Quotes: what an attempt would cost, before it is submitted: the charges of its whole time limit,
// by the same engine. Packages are left out: a quote says what the use is worth.
//
// When a job starts isn't known, and prices change with the hour and with new versions. `most` is
// never less than what it can cost at any start from now on, by the prices known now (the next two
// years; after the last known change they repeat weekly).
#pragma once

#include <cstdint>
#include <vector>

#include "ledger/metering.hpp"

namespace sluice::ledger {

struct QuoteLine {
  PricedBy price;
  std::int64_t count = 0;
  WallTime from = 0;
  WallTime to = 0;
  Quantity priced;
  Money list = 0;
  Money contracted = 0;
};

struct Quote {
  std::vector<QuoteLine> lines;  // if it started at `start`, in the order of time
  Money list = 0;
  Money contracted = 0;
  Money most = 0;  // contracted, whenever it starts
};

// `start.start`: when it would start at the earliest. `limit_s`: its time limit.
[[nodiscard]] Quote quote(const Customer& customer, const PriceSet& prices,
                          const AttemptStart& start, std::int64_t limit_s);

}  // namespace sluice::ledger
