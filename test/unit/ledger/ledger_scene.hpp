// Builders for the tests of the ledger: price books, customers, jobs; books that an auditor
// follows.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "ledger/audit.hpp"
#include "ledger/books.hpp"

namespace sluice::ledger {

inline constexpr WallTime kHour = 3'600 * kSecond;

inline WallTime at(std::string_view text) {
  const Result<WallTime> when = parse_utc(text);
  EXPECT_TRUE(when) << text;
  return when ? *when : 0;
}

// "0.05" of a unit of money.
inline Money money(std::string_view text) {
  const Result<Money> amount = parse_money(text);
  EXPECT_TRUE(amount) << text;
  return amount ? *amount : 0;
}

inline Price a_price(std::string_view sku, std::string_view meter, std::string_view amount) {
  Price price;
  price.sku = Text(sku);
  price.meter = Text(meter);
  price.service = "HPC batch";
  price.unit_price = money(amount);
  return price;
}

inline PriceBook a_book(std::string_view from, std::vector<Price> prices) {
  PriceBook book;
  book.name = "standard";
  book.version = 1;
  book.currency = "CHF";
  book.from = at(from);
  book.prices = std::move(prices);
  return book;
}

inline Customer a_customer(std::string_view name, CustomerKind kind) {
  Customer customer;
  customer.name = Text(name);
  customer.account = Text(name);
  customer.kind = kind;
  customer.currency = "CHF";
  customer.book = "standard";
  return customer;
}

inline AttemptStart a_job(std::uint32_t id, std::string_view account, WallTime start,
                          Allotment allotment) {
  AttemptStart job;
  job.job.job = JobId{id};
  job.job.uid = {7, id};
  job.job.account = Text(account);
  job.job.user = "ann";
  job.job.partition = "batch";
  job.job.qos = "normal";
  job.job.name = "wrap";
  job.accounts = {Text(account), Text("root")};
  job.allotment = std::move(allotment);
  job.start = start;
  return job;
}

// Books whose every entry is kept and audited at once.
struct Scene {
  Books books;
  Auditor auditor;
  std::vector<Entry> entries;
  std::vector<Entry> notices;
  WallTime now = at("2026-03-01");

  [[nodiscard]] Stamp stamp(std::string_view note = {}) const {
    Stamp stamp;
    stamp.now = now;
    stamp.note = Text(note);
    return stamp;
  }
  void take(Posted posted) {
    for (Entry& entry : posted.entries) {
      const auto finding = auditor.add(entry);
      EXPECT_FALSE(finding) << "entry " << entry.sequence << " (" << kind_name(entry.kind)
                            << "): " << finding->text;
      if (entry.kind == EntryKind::notice) notices.push_back(entry);
      entries.push_back(std::move(entry));
    }
  }
  // False: refused.
  bool take(Result<Posted> posted) {
    if (!posted) {
      refused = posted.error().text;
      return false;
    }
    take(std::move(*posted));
    return true;
  }
  void check() const {
    const auto finding = auditor.compare(books.state());
    EXPECT_FALSE(finding) << finding->text;
  }
  bool load(std::vector<PriceBook> prices, std::vector<Customer> customers) {
    const bool keep = prices.empty();
    return take(books.load({std::move(prices), keep, std::move(customers)}, stamp()));
  }
  bool top_up(std::string_view customer, std::string_view amount) {
    return take(books.top_up({Text(customer), money(amount), nullptr}, stamp()));
  }
  const Balance& balance(std::string_view customer) const {
    return books.balance(books.customer_named(customer)->id);
  }
  [[nodiscard]] Money sum(EntryKind kind, Money Entry::*amount) const {
    Money sum = 0;
    for (const Entry& entry : entries) {
      if (entry.kind == kind) sum += entry.*amount;
    }
    return sum;
  }

  std::string refused;
};

}  // namespace sluice::ledger
