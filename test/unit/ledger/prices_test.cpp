// Price books: what is refused, which version holds, which price is chosen.
#include <gtest/gtest.h>

#include "test/unit/ledger/ledger_scene.hpp"

namespace sluice::ledger {
namespace {

PriceBook plain() { return a_book("2026-01-01", {a_price("core", "cpu", "0.05")}); }

PriceSet set_of(const std::vector<PriceBook>& books) {
  std::vector<PriceBookPtr> list;
  for (const PriceBook& book : books) list.push_back(std::make_shared<const PriceBook>(book));
  return PriceSet(std::move(list));
}

TEST(PriceBook, FaultsNameTheirKey) {
  using Break = void (*)(PriceBook&);
  const std::vector<std::pair<std::string, Break>> cases = {
      {"currency", [](PriceBook& b) { b.currency = ""; }},
      {"currency", [](PriceBook& b) { b.currency = "ABC"; }},
      {"name", [](PriceBook& b) { b.name = "a b"; }},
      {"version", [](PriceBook& b) { b.version = 0; }},
      {"valid_from", [](PriceBook& b) { b.from = 0; }},
      {"valid_until", [](PriceBook& b) { b.until = b.from; }},
      {"granularity", [](PriceBook& b) { b.granularity_s = 0; }},
      {"minimum", [](PriceBook& b) { b.minimum_s = 86'401; }},
      {"utc_offset", [](PriceBook& b) { b.utc_offset_s = 15 * 3'600; }},
      {"prices", [](PriceBook& b) { b.prices.clear(); }},
      {"sku", [](PriceBook& b) { b.prices.push_back(b.prices.front()); }},
      {"sku", [](PriceBook& b) { b.prices.front().sku = ""; }},
      {"meter", [](PriceBook& b) { b.prices.front().meter = "energy"; }},
      {"unit", [](PriceBook& b) { b.prices.front().unit = "card-hour"; }},
      {"price", [](PriceBook& b) { b.prices.front().unit_price = -1; }},
      {"service", [](PriceBook& b) { b.prices.front().service = ""; }},
      {"days", [](PriceBook& b) { b.prices.front().window.days = 0; }},
      {"hours",
       [](PriceBook& b) {
         b.prices.front().window = {0x7f, 60, 60};
       }},
  };
  EXPECT_FALSE(find_fault(std::vector{plain()}));
  for (const auto& [key, spoil] : cases) {
    PriceBook book = plain();
    spoil(book);
    const auto fault = find_fault(std::vector{book});
    ASSERT_TRUE(fault) << key;
    EXPECT_EQ(fault->key, key) << fault->text;
  }
}

TEST(PriceBook, VersionsMustNotOverlap) {
  PriceBook first = plain();
  PriceBook second = plain();
  second.version = 2;
  second.from = at("2026-07-01");
  auto fault = find_fault(std::vector{second, first});
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->book, 0U);
  EXPECT_NE(fault->text.find("overlaps with version 1"), std::string::npos) << fault->text;
  first.until = second.from;
  EXPECT_FALSE(find_fault(std::vector{first, second}));
  second.version = 1;
  fault = find_fault(std::vector{first, second});
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->key, "version");
  second.version = 2;
  second.currency = "EUR";
  EXPECT_EQ(find_fault(std::vector{first, second})->key, "currency");
}

TEST(PriceSet, FindsTheVersionThatHolds) {
  PriceBook first = plain();
  first.until = at("2026-07-01");
  PriceBook second = plain();
  second.version = 2;
  second.from = at("2026-08-01");
  PriceBook other = plain();
  other.name = "another";
  const PriceSet set = set_of({second, other, first});
  EXPECT_EQ(set.at("standard", at("2025-12-31")), nullptr);
  EXPECT_EQ(set.at("standard", at("2026-01-01"))->version, 1U);
  EXPECT_EQ(set.at("standard", at("2026-07-01") - 1)->version, 1U);
  EXPECT_EQ(set.at("standard", at("2026-07-01")), nullptr);
  EXPECT_EQ(set.at("standard", at("2030-01-01"))->version, 2U);
  EXPECT_EQ(set.at("unknown", at("2026-03-01")), nullptr);
  EXPECT_EQ(set.next_change("standard", at("2025-01-01")), first.from);
  EXPECT_EQ(set.next_change("standard", at("2026-01-01")), first.until);
  EXPECT_EQ(set.next_change("standard", at("2026-07-01")), second.from);
  EXPECT_EQ(set.next_change("standard", at("2026-08-01")), 0);
  EXPECT_EQ(set.last_change("standard"), second.from);
  EXPECT_EQ(set.version("standard", 2)->from, second.from);
  EXPECT_EQ(set.version("standard", 3), nullptr);
  EXPECT_EQ(set.currency("another").view(), "CHF");
  EXPECT_TRUE(set.currency("unknown").empty());
}

TEST(PriceSet, WhatWasInForceStays) {
  const WallTime now = at("2026-03-01");
  const PriceSet old = set_of({plain()});
  PriceBook changed = plain();
  changed.prices.front().unit_price += 1;
  EXPECT_EQ(change_prices(old, {changed}, now).fault->key, "version");
  // An end may be given, but not in the past.
  PriceBook ended = plain();
  ended.until = at("2026-02-01");
  EXPECT_EQ(change_prices(old, {ended}, now).fault->key, "valid_until");
  ended.until = at("2026-04-01");
  PriceBook next = changed;
  next.version = 2;
  next.from = ended.until;
  const PriceChangeResult both = change_prices(old, {ended, next}, now);
  ASSERT_FALSE(both.fault) << both.fault->text;
  EXPECT_EQ(both.change.changed.size(), 2U);
  // Without the first one in the file it stays, and its open end stands in the way.
  EXPECT_EQ(change_prices(old, {next}, now).fault->key, "valid_from");
  const PriceSet newer(both.change.all);
  const PriceChangeResult fewer = change_prices(newer, {ended}, now);
  ASSERT_FALSE(fewer.fault);
  EXPECT_EQ(fewer.change.all.size(), 1U);  // what hasn't begun goes
  EXPECT_EQ(change_prices(newer, {}, at("2026-05-01")).change.all.size(), 2U);
  next.from = at("2026-02-15");
  next.until = at("2026-02-16");
  ended.until = at("2026-02-15");
  EXPECT_TRUE(change_prices(old, {ended, next}, now).fault);
}

TEST(Window, DaysAndMidnight) {
  const Window night{0x1f, 20 * 60, 6 * 60};  // Monday to Friday, from the evening on
  EXPECT_TRUE(contains(night, at("2026-11-23T20:00:00Z")));
  EXPECT_TRUE(contains(night, at("2026-11-24T05:59:59Z")));
  EXPECT_FALSE(contains(night, at("2026-11-24T06:00:00Z")));
  EXPECT_FALSE(contains(night, at("2026-11-23T05:00:00Z")));  // Sunday's night
  EXPECT_TRUE(contains(night, at("2026-11-28T05:00:00Z")));   // Friday's
  EXPECT_FALSE(contains(night, at("2026-11-28T20:00:00Z")));
  EXPECT_TRUE(is_always(Window{}));
  EXPECT_TRUE(contains(Window{}, at("2026-11-28T23:59:59Z")));
}

class Tariffs : public ::testing::Test {
 protected:
  std::string items(const Allotment& allotment, WallTime when, bool suspended = false) {
    const std::vector<Text> accounts = {Text("phys"), Text("science")};
    const PriceSet set = set_of({book});
    const Tariff tariff =
        tariff_at(set, {"standard", allotment, {"batch", "normal", accounts, suspended}}, when);
    std::string text;
    for (const TariffItem& item : tariff.items) {
      text += item.price->sku.str() + "*" + std::to_string(item.count) + " ";
    }
    until = tariff.until;
    return text;
  }
  PriceBook book = plain();
  WallTime until = 0;
};

TEST_F(Tariffs, FirstMatchingPriceHolds) {
  Price night = a_price("night", "cpu", "0.02");
  night.window = {0x7f, 20 * 60, 6 * 60};
  Price elsewhere = a_price("elsewhere", "cpu", "0.01");
  elsewhere.partitions = {Text("gpu")};
  Price theirs = a_price("theirs", "cpu", "0.03");
  theirs.accounts = {Text("science")};
  theirs.qos = {Text("high"), Text("normal")};
  book.prices = {elsewhere, night, theirs, a_price("core", "cpu", "0.05")};
  EXPECT_EQ(items({{"cpu", 4}, {"mem", 100}}, at("2026-03-01T12:00:00Z")), "theirs*4 ");
  EXPECT_EQ(until, at("2026-03-01T20:00:00Z"));
  EXPECT_EQ(items({{"cpu", 4}}, at("2026-03-01T20:00:00Z")), "night*4 ");
  EXPECT_EQ(until, at("2026-03-02T06:00:00Z"));
  book.utc_offset_s = 3'600;
  EXPECT_EQ(items({{"cpu", 4}}, at("2026-03-01T19:30:00Z")), "night*4 ");
  EXPECT_EQ(until, at("2026-03-02T05:00:00Z"));
  EXPECT_EQ(items({{"cpu", 4}}, at("2025-12-31")), "");
  EXPECT_EQ(until, book.from);
}

TEST_F(Tariffs, TypedDevicesAreChargedOnce) {
  book.prices = {a_price("a100", "gres/gpu:a100", "2"), a_price("card", "gres/gpu", "1")};
  const WallTime now = at("2026-03-01");
  EXPECT_EQ(items({{"gres/gpu", 3}, {"gres/gpu:a100", 2}}, now), "card*1 a100*2 ");
  EXPECT_EQ(items({{"gres/gpu", 2}, {"gres/gpu:a100", 2}}, now), "a100*2 ");
  EXPECT_EQ(items({{"gres/gpu", 2}, {"gres/gpu:h100", 2}}, now), "card*2 ");
  EXPECT_EQ(items({{"gres/gpu:h100", 2}, {"gres/gpu:l4", 1}}, now), "card*3 ");
  EXPECT_EQ(items({{"gres/gpu:a100", 2}}, now), "a100*2 ");
  EXPECT_EQ(until, kEver);
}

TEST_F(Tariffs, TheDearestOnly) {
  book.combine = Combine::max;
  book.prices = {a_price("core", "cpu", "0.05"), a_price("memory", "mem", "0.01"),
                 a_price("card", "gres/gpu", "1"), a_price("licence", "license/x", "3")};
  const WallTime now = at("2026-03-01");
  EXPECT_EQ(items({{"cpu", 4}, {"mem", 10 * 1024}, {"license/x", 1}}, now), "core*4 licence*1 ");
  EXPECT_EQ(items({{"cpu", 4}, {"mem", 30 * 1024}}, now), "memory*30720 ");
  EXPECT_EQ(items({{"cpu", 4}, {"mem", 20 * 1024}}, now), "core*4 ");  // equal: the first group
  EXPECT_EQ(items({{"cpu", 4}, {"mem", 30 * 1024}, {"gres/gpu", 1}}, now), "card*1 ");
}

TEST_F(Tariffs, SuspendedTimeCostsWhatThePriceSays) {
  Price memory = a_price("memory", "mem", "0.01");
  memory.while_suspended = true;
  book.prices = {a_price("core", "cpu", "0.05"), memory};
  const WallTime now = at("2026-03-01");
  EXPECT_EQ(items({{"cpu", 4}, {"mem", 1024}}, now), "core*4 memory*1024 ");
  EXPECT_EQ(items({{"cpu", 4}, {"mem", 1024}}, now, true), "memory*1024 ");
  book.combine = Combine::max;
  EXPECT_EQ(items({{"cpu", 4}, {"mem", 1024}}, now), "core*4 ");
  EXPECT_EQ(items({{"cpu", 4}, {"mem", 1024}}, now, true), "memory*1024 ");
}

}  // namespace
}  // namespace sluice::ledger
