// Customers: who pays. A customer owns an account of the cluster and everything below it, down to
// accounts that another customer owns. Prepaid customers pay before they use (top-ups); postpaid
// ones are sent an invoice for each month, up to a credit limit.
//
// Packages: a quantity of one meter that was paid beforehand. Use is drawn from packages first,
// from those that expire soonest first.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "ledger/calendar.hpp"
#include "ledger/money.hpp"
#include "ledger/quantity.hpp"

namespace sluice::ledger {

// Numbers are stored.
enum class CustomerKind : std::uint8_t { prepaid = 0, postpaid = 1 };
[[nodiscard]] std::string_view kind_name(CustomerKind kind);

struct Customer {
  std::uint32_t id = 0;  // given by the books, never used again
  Text name;             // unique
  Text account;          // root of what it owns; unique
  CustomerKind kind = CustomerKind::prepaid;
  Text currency;
  Text book;                   // of prices
  std::uint32_t discount = 0;  // thousandths off the list price
  Money credit_limit = 0;      // postpaid: how far balance and receivable together may fall
  // At zero no job starts. Running jobs whose cost isn't held go on until the funds are this far
  // below zero, then they end after the grace time. kUnlimitedMoney: they go on. So nobody is
  // overdrawn by more than that and what its running jobs cost in one grace time each.
  Money overdraft = 0;
  std::uint32_t grace_s = 0;
  // How much of a job's time limit is held when it starts: 0 is all of it; else as many hours, held
  // anew as it runs. Jobs without a limit: kUnlimitedHoldHours if 0.
  std::uint32_t hold_hours = 0;
  std::vector<Money> warn_at;  // funds; descending
  bool closed = false;         // starts nothing more
  Text display_name;           // of invoices; empty: the name
  Text address;                // of invoices, lines separated by "\n"

  bool operator==(const Customer&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "id", self.id);
    visit(2, "name", self.name);
    visit(3, "account", self.account);
    visit(4, "kind", self.kind);
    visit(5, "currency", self.currency);
    visit(6, "book", self.book);
    visit(7, "discount", self.discount);
    visit(8, "credit_limit", self.credit_limit);
    visit(9, "overdraft", self.overdraft);
    visit(10, "grace_s", self.grace_s);
    visit(11, "hold_hours", self.hold_hours);
    visit(12, "warn_at", self.warn_at);
    visit(13, "closed", self.closed);
    visit(14, "display_name", self.display_name);
    visit(15, "address", self.address);
  }
};
inline constexpr std::uint32_t kUnlimitedHoldHours = 24;

// Each value for itself; what it has to do with others is the books' matter. The error names the
// key ("credit_limit: ...").
[[nodiscard]] Status check_customer(const Customer& customer);

// Limits that keep products within 128 bits.
inline constexpr std::int64_t kMaxPackageUnits = 1'000'000'000;
inline constexpr Money kMaxPackagePrice = 1'000'000'000'000'000;  // 10^9 units

struct Package {
  std::uint32_t id = 0;
  std::uint32_t customer = 0;
  Text name;
  Text meter;
  Text unit;
  Text service;
  Quantity total;
  Quantity used;
  Quantity held;  // for running jobs
  Money price = 0;
  Money amortised = 0;  // floor(price * used / total)
  WallTime bought = 0;
  WallTime expires = 0;  // 0: never
  bool ended = false;    // expired: what was left is gone

  bool operator==(const Package&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "id", self.id);
    visit(2, "customer", self.customer);
    visit(3, "name", self.name);
    visit(4, "meter", self.meter);
    visit(5, "unit", self.unit);
    visit(6, "service", self.service);
    visit(7, "total", self.total);
    visit(8, "used", self.used);
    visit(9, "held", self.held);
    visit(10, "price", self.price);
    visit(11, "amortised", self.amortised);
    visit(12, "bought", self.bought);
    visit(13, "expires", self.expires);
    visit(14, "ended", self.ended);
  }
};

// What has been billed in a month that isn't closed yet.
struct MonthSum {
  Month month;
  Money billed = 0;

  bool operator==(const MonthSum&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "month", self.month);
    visit(2, "billed", self.billed);
  }
};

// A customer's ledger accounts. Above zero is in the customer's favour, so all of them together,
// with its packages' unused prices, are always zero.
struct Balance {
  std::uint32_t customer = 0;
  Money balance = 0;     // to spend; of postpaid customers at most zero before a closing
  Money held = 0;        // for running jobs
  Money receivable = 0;  // below zero: invoices that aren't paid
  Money packages = 0;    // paid for and not used
  Money cash = 0;        // below zero: what came in
  Money earnings = 0;
  Money adjustments = 0;
  Money transfers = 0;           // over all customers together zero
  std::vector<MonthSum> months;  // ascending
  std::uint32_t warned = 0;      // how many of the customer's thresholds the funds are below

  bool operator==(const Balance&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "customer", self.customer);
    visit(2, "balance", self.balance);
    visit(3, "held", self.held);
    visit(4, "receivable", self.receivable);
    visit(5, "packages", self.packages);
    visit(6, "cash", self.cash);
    visit(7, "earnings", self.earnings);
    visit(8, "adjustments", self.adjustments);
    visit(9, "transfers", self.transfers);
    visit(10, "months", self.months);
    visit(11, "warned", self.warned);
  }
};

// What may still be held or spent. Below zero: overdrawn.
[[nodiscard]] Money available(const Customer& customer, const Balance& balance);
// The same with what is held: falls by use alone, not by the coming and going of holds.
[[nodiscard]] Money funds(const Customer& customer, const Balance& balance);
// How many of the customer's thresholds they are below.
[[nodiscard]] std::uint32_t thresholds_passed(const Customer& customer, const Balance& balance);

}  // namespace sluice::ledger
