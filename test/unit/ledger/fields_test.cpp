// The field tables of what is stored: every number and every name once.
#include "model/fields.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "ledger/books_state.hpp"

namespace sluice::ledger {
namespace {

struct Collect {
  std::set<int> numbers;
  std::set<std::string> names;
  std::size_t fields = 0;

  template <class T>
  void operator()(int number, const char* name, const T&) {
    numbers.insert(number);
    names.insert(name);
    ++fields;
  }
};

template <class Record>
void expect_table() {
  static_assert(model::HasFields<Record>);
  Collect collect;
  const Record record{};
  Record::fields(record, collect);
  EXPECT_GT(collect.fields, 0U);
  EXPECT_EQ(collect.numbers.size(), collect.fields);
  EXPECT_EQ(collect.names.size(), collect.fields);
  EXPECT_EQ(*collect.numbers.begin(), 1);
  EXPECT_EQ(*collect.numbers.rbegin(), static_cast<int>(collect.fields));
}

TEST(Fields, NumbersAndNamesOnce) {
  expect_table<Quantity>();
  expect_table<Window>();
  expect_table<Price>();
  expect_table<PriceBook>();
  expect_table<Customer>();
  expect_table<Package>();
  expect_table<MonthSum>();
  expect_table<Balance>();
  expect_table<MeterCount>();
  expect_table<JobRef>();
  expect_table<PricedBy>();
  expect_table<Posting>();
  expect_table<Entry>();
  expect_table<RatedLine>();
  expect_table<ChargedSum>();
  expect_table<PackageHold>();
  expect_table<OpenAttempt>();
  expect_table<BooksHead>();
  expect_table<RequestSeen>();
}

}  // namespace
}  // namespace sluice::ledger
