// Price files: what is read, and what is said of broken ones.
#include "config/price_file.hpp"

#include <random>

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "ledger/books.hpp"

namespace sluice::config {
namespace {

constexpr const char* kGood = R"(price_books:
  - name: standard
    version: 1
    currency: CHF
    valid_from: 2026-01-01
    valid_until: 2026-07-01T00:00:00+02:00
    utc_offset: "+02:00"
    granularity: 60
    minimum: 300
    combine: max
    free: [node_fail, preempted]
    prices:
      - sku: core-night
        meter: cpu
        unit: core-hour
        price: 0.02
        service: HPC batch
        partitions: [batch, long]
        qos: normal
        accounts: [science]
        days: mon-fri,sun
        hours: 20:00-06:00
        suspended: charged
      - {sku: core, meter: cpu, price: 0, service: HPC}
customers:
  - name: physics
    account: phys
    kind: postpaid
    currency: CHF
    book: standard
    discount: 12.5%
    credit_limit: 1000.50
    overdraft: unlimited
    grace: 600
    hold_hours: 24
    warn_at: [100, 10]
    closed: no
    display_name: Institute
)";

std::string error_of(const std::string& text) {
  const Result<PriceFile> file = parse_price_file(text, "p.yaml");
  return file ? "(no error)" : file.error().text;
}

std::string with(std::string what, const std::string& instead) {
  std::string text = kGood;
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), instead);
}

TEST(PriceFile, IsRead) {
  const Result<PriceFile> file = parse_price_file(kGood, "p.yaml");
  ASSERT_TRUE(file) << file.error().text;
  ASSERT_EQ(file->load.books.size(), 1U);
  const ledger::PriceBook& book = file->load.books[0];
  EXPECT_EQ(ledger::utc_text(book.until), "2026-06-30T22:00:00Z");
  EXPECT_EQ(book.utc_offset_s, 7'200);
  EXPECT_EQ(book.granularity_s, 60U);
  EXPECT_EQ(book.minimum_s, 300U);
  EXPECT_EQ(book.combine, ledger::Combine::max);
  EXPECT_EQ(book.free_fates,
            ledger::fate_bit(ledger::Fate::node_fail) | ledger::fate_bit(ledger::Fate::preempted));
  ASSERT_EQ(book.prices.size(), 2U);
  const ledger::Price& night = book.prices[0];
  EXPECT_EQ(night.unit_price, 20'000);
  EXPECT_EQ(night.partitions, (std::vector<Text>{"batch", "long"}));
  EXPECT_EQ(night.qos, (std::vector<Text>{"normal"}));
  EXPECT_EQ(night.window, (ledger::Window{0x5f, 1'200, 360}));
  EXPECT_TRUE(night.while_suspended);
  EXPECT_TRUE(ledger::is_always(book.prices[1].window));
  EXPECT_EQ(book.prices[1].unit_price, 0);
  ASSERT_EQ(file->load.customers.size(), 1U);
  const ledger::Customer& customer = file->load.customers[0];
  EXPECT_EQ(customer.kind, ledger::CustomerKind::postpaid);
  EXPECT_EQ(customer.discount, 125U);
  EXPECT_EQ(customer.credit_limit, 1'000'500'000);
  EXPECT_EQ(customer.overdraft, ledger::kUnlimitedMoney);
  EXPECT_EQ(customer.grace_s, 600U);
  EXPECT_EQ(customer.warn_at, (std::vector<ledger::Money>{100'000'000, 10'000'000}));
}

TEST(PriceFile, ErrorsNameLineAndKey) {
  EXPECT_EQ(error_of(with("    currency: CHF\n    valid_from", "    valid_from")),
            "p.yaml:2: currency: a price book needs a currency");
  EXPECT_EQ(error_of(with("currency: CHF\n    valid_from", "currency: CHX\n    valid_from")),
            "p.yaml:4: currency: \"CHX\" is no currency of ISO 4217");
  EXPECT_EQ(error_of(with("price: 0.02", "price: 0.0200001")),
            "p.yaml:16: price: expected an amount like 12.5, at most six decimals, not "
            "\"0.0200001\"");
  EXPECT_EQ(error_of(with("price: 0.02", "price: -1")).substr(0, 16), "p.yaml:16: price");
  EXPECT_EQ(error_of(with("        price: 0.02\n", "")).substr(0, 16), "p.yaml:13: price");
  EXPECT_EQ(error_of(with("meter: cpu", "meter: energy")).substr(0, 16), "p.yaml:14: meter");
  EXPECT_EQ(error_of(with("sku: core,", "sku: core-night,")),
            "p.yaml:24: sku: \"core-night\" stands twice in the book");
  EXPECT_EQ(error_of(with("hours: 20:00-06:00", "hours: 20-6")),
            "p.yaml:22: hours: expected hours like 20:00-06:00, not \"20-6\"");
  EXPECT_EQ(error_of(with("days: mon-fri,sun", "days: monday")).substr(0, 15), "p.yaml:21: days");
  EXPECT_EQ(error_of(with("free: [node_fail,", "free: [luck,")).substr(0, 15), "p.yaml:11: free");
  EXPECT_EQ(error_of(with("    minimum: 300", "    minimal: 300")),
            "p.yaml:9: unknown key minimal");
  EXPECT_EQ(error_of(with("kind: postpaid", "kind: barter")),
            "p.yaml:28: kind: expected prepaid or postpaid, not \"barter\"");
  EXPECT_EQ(error_of(with("kind: postpaid", "kind: prepaid")),
            "p.yaml:32: credit_limit: only postpaid customers have credit");
  EXPECT_EQ(error_of(with("warn_at: [100, 10]", "warn_at: [10, 100]")).substr(0, 18),
            "p.yaml:36: warn_at");
  EXPECT_EQ(error_of("price_books: {a: b}").substr(0, 22), "p.yaml:1: price_books:");
  EXPECT_EQ(error_of("price_books:\n  - 5\n").substr(0, 22), "p.yaml:2: price_books:");
  EXPECT_EQ(error_of("prices: []\n"), "p.yaml:1: unknown key prices");
  EXPECT_EQ(error_of("price_books: [\n"), "p.yaml:2: end of sequence flow not found");
}

TEST(PriceFile, OverlapsNameTheSecondBook) {
  const std::string twice = std::string("price_books:\n") +
                            "  - {name: a, version: 1, currency: CHF, valid_from: 2026-01-01,\n"
                            "     prices: [{sku: c, meter: cpu, price: 1, service: s}]}\n"
                            "  - {name: a, version: 2, currency: CHF, valid_from: 2026-02-01,\n"
                            "     prices: [{sku: c, meter: cpu, price: 1, service: s}]}\n";
  EXPECT_EQ(error_of(twice),
            "p.yaml:4: valid_from: a version 2 overlaps with version 1, which holds from "
            "2026-01-01T00:00:00Z until further notice");
}

TEST(PriceFile, WhatTheBooksFindHasALineToo) {
  const Result<PriceFile> file =
      parse_price_file(with("    book: standard", "    book: other"), "p.yaml");
  ASSERT_TRUE(file) << file.error().text;
  const ledger::Books books;
  const auto fault = books.check_load(file->load, file->load.books[0].from);
  ASSERT_TRUE(fault);
  EXPECT_EQ(file->say(*fault), "p.yaml:30: book: there is no price book other");
}

TEST(PriceFile, BooksThatAreLeftOutStay) {
  EXPECT_FALSE(parse_price_file(kGood, "p.yaml")->load.keep_books);
  EXPECT_FALSE(parse_price_file("price_books: []\n", "p.yaml")->load.keep_books);
  EXPECT_TRUE(parse_price_file("customers: []\n", "p.yaml")->load.keep_books);
}

TEST(PriceFile, MutilatedFilesAreAnswered) {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    std::string text = kGood;
    for (int times = 0; times < 3; ++times) {
      const std::size_t at = random() % text.size();
      const char other = ":-[]{}\"' \n0aZ#&*"[random() % 16];
      if (random() % 2 == 0) {
        text.erase(at, 1 + random() % 9);
      } else {
        text[at] = other;
      }
    }
    const Result<PriceFile> file = parse_price_file(text, "p.yaml");
    EXPECT_TRUE(file || file.error().text.starts_with("p.yaml:")) << "seed " << seed;
  }
}

TEST(PriceFile, TheExampleIsGood) {
  const Result<std::string> text =
      base::read_file(std::string(SLUICE_SOURCE_DIR) + "/etc/prices.yaml", 1 << 20);
  ASSERT_TRUE(text) << text.error().text;
  const Result<PriceFile> file = parse_price_file(*text, "prices.yaml");
  ASSERT_TRUE(file) << file.error().text;
  ledger::Books books;
  ledger::Stamp stamp;
  stamp.now = file->load.books[0].from;
  const auto loaded = books.load(file->load, stamp);
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->entries.size(), 4U);
}

}  // namespace
}  // namespace sluice::config
