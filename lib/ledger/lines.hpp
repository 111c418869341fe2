// Lines: charges added up by account, user and price, as statements and invoices list them.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "ledger/entry.hpp"

namespace sluice::ledger {

struct UsageLine {
  Text account;
  Text user;
  JobId job;  // only where lines are by job
  PricedBy price;
  std::uint32_t package = 0;  // drawn from; 0: money
  bool correction = false;    // of closed months
  Quantity consumed;
  Quantity priced;
  Money list = 0;
  Money contracted = 0;
  Money effective = 0;
  Money billed = 0;
  std::uint64_t entries = 0;

  bool operator==(const UsageLine&) const = default;
};

// What isn't use: one line each.
struct MoneyLine {
  std::uint64_t entry = 0;
  WallTime time = 0;
  EntryKind kind = EntryKind::none;
  Money amount = 0;
  Money effective = 0;
  Money billed = 0;
  std::uint32_t package = 0;
  std::uint64_t refers_to = 0;
  bool correction = false;
  Text note;

  bool operator==(const MoneyLine&) const = default;
};

struct LineTotals {
  Money list = 0;
  Money contracted = 0;
  Money effective = 0;
  Money billed = 0;

  bool operator==(const LineTotals&) const = default;
};

enum class LineDetail : std::uint8_t { by_price, by_job };

// Charges and reversals go into the lines; everything else that has a price or a payment is a line
// of its own. Holds, releases and what concerns nobody's money are left out.
class Lines {
 public:
  explicit Lines(LineDetail detail = LineDetail::by_price) : detail_(detail) {}
  void add(const Entry& entry);
  // By account, user, job, service, SKU; then version, price, package.
  [[nodiscard]] std::vector<UsageLine> usage() const;
  [[nodiscard]] const std::vector<MoneyLine>& money() const { return money_; }
  [[nodiscard]] const LineTotals& totals() const { return totals_; }  // of both

 private:
  using Key = std::tuple<Text, Text, JobId, Text, Text, Text, std::uint32_t, std::uint32_t,
                         std::uint32_t, bool>;
  LineDetail detail_;
  std::map<Key, UsageLine> usage_;
  std::vector<MoneyLine> money_;
  LineTotals totals_;
};

}  // namespace sluice::ledger
