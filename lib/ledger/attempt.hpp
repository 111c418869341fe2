// OpenAttempt: an attempt that runs and is charged: what it has allocated, up to when it has been
// charged, what is held for it. It is stored whenever it changes; with the prices it is all that
// goes on after a restart.
#pragma once

#include <cstdint>
#include <vector>

#include "ledger/customer.hpp"
#include "ledger/job_ref.hpp"
#include "ledger/tariff.hpp"

namespace sluice::ledger {

// What has been charged by one price of one version. Amounts are floors of the whole quantity, so
// they don't depend on how time was cut into charges.
struct RatedLine {
  std::uint32_t version = 0;
  Text sku;
  Quantity priced;

  bool operator==(const RatedLine&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "version", self.version);
    visit(2, "sku", self.sku);
    visit(3, "priced", self.priced);
  }
};

// The charges of a line by where they were taken from and by month: what a reversal gives back.
struct ChargedSum {
  std::uint32_t line = 0;
  std::uint32_t package = 0;  // 0: money
  Month month;
  Quantity consumed;
  Quantity priced;
  Money list = 0;
  Money contracted = 0;
  Money effective = 0;
  std::uint64_t last_entry = 0;

  bool operator==(const ChargedSum&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "line", self.line);
    visit(2, "package", self.package);
    visit(3, "month", self.month);
    visit(4, "consumed", self.consumed);
    visit(5, "priced", self.priced);
    visit(6, "list", self.list);
    visit(7, "contracted", self.contracted);
    visit(8, "effective", self.effective);
    visit(9, "last_entry", self.last_entry);
  }
};

struct PackageHold {
  std::uint32_t package = 0;
  Quantity quantity;

  bool operator==(const PackageHold&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "package", self.package);
    visit(2, "quantity", self.quantity);
  }
};

struct OpenAttempt {
  JobRef job;
  std::uint32_t customer = 0;
  std::vector<Text> accounts;  // the job's, and those above it
  Allotment allotment;
  bool suspended = false;
  WallTime start = 0;
  WallTime charged_until = 0;
  WallTime held_until = 0;
  // As at the beginning:
  Text book;
  std::uint32_t discount = 0;
  std::uint32_t granularity_s = 1;
  std::uint32_t minimum_s = 0;
  std::uint32_t free_fates = kFreeFates;
  std::vector<RatedLine> lines;
  std::vector<ChargedSum> charged;
  Money held = 0;
  std::vector<PackageHold> packages;  // ascending by package
  WallTime limit_end = 0;             // of its time limit; 0: none, or it is suspended
  WallTime grace_until = 0;           // it is no longer paid for and ends then; 0: it is

  bool operator==(const OpenAttempt&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "customer", self.customer);
    visit(3, "accounts", self.accounts);
    visit(4, "allotment", self.allotment);
    visit(5, "suspended", self.suspended);
    visit(6, "start", self.start);
    visit(7, "charged_until", self.charged_until);
    visit(8, "held_until", self.held_until);
    visit(9, "book", self.book);
    visit(10, "discount", self.discount);
    visit(11, "granularity_s", self.granularity_s);
    visit(12, "minimum_s", self.minimum_s);
    visit(13, "free_fates", self.free_fates);
    visit(14, "lines", self.lines);
    visit(15, "charged", self.charged);
    visit(16, "held", self.held);
    visit(17, "packages", self.packages);
    visit(18, "limit_end", self.limit_end);
    visit(19, "grace_until", self.grace_until);
  }
};

struct AttemptStart {
  JobRef job;
  std::vector<Text> accounts;  // the job's, and those above it
  Allotment allotment;
  WallTime start = 0;
  WallTime limit_end = 0;  // 0: no time limit
};
// By the customer's terms and the version of its book that holds at the start.
[[nodiscard]] OpenAttempt begin_attempt(const Customer& customer, const PriceSet& prices,
                                        const AttemptStart& start);

// Up to when to hold: all of the time limit, or as the customer's hold_hours say. `job_end` 0: no
// time limit.
[[nodiscard]] WallTime hold_end(const Customer& customer, WallTime from, WallTime job_end);

}  // namespace sluice::ledger
