// The ledger at size: entries written by the store's own writer, then what reads them: a customer's
// statement of its last week, an invoice, a month's entries, and verify.
//   bench_ledger [DIRECTORY [ENTRIES [CUSTOMERS]]]     default: below /tmp, 1000000 of 100
//   customers
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "base/assert.hpp"
#include "base/file.hpp"
#include "ledger/books.hpp"
#include "ledger/invoice.hpp"
#include "store/ledger_reader.hpp"
#include "store/store.hpp"

namespace {

using namespace sluice;
using ledger::kMicro;
using Clock = std::chrono::steady_clock;

constexpr model::WallTime kBegin = 1'767'225'600 * model::kSecond;  // 2026-01-01
constexpr std::size_t kPerCommit = 512;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double megabytes(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 ? static_cast<double>(facts.st_size) / 1e6 : 0;
}

// Jobs of an hour, one after the other: a hold, a charge on the way, one at the end, a release.
// Months are closed as they go by.
class Site {
 public:
  Site(store::Store& store, std::uint32_t customers) : store_(store), customers_(customers) {
    ledger::PriceBook book;
    book.name = "standard";
    book.version = 1;
    book.currency = "CHF";
    book.from = kBegin;
    ledger::Price price;
    price.sku = "core";
    price.meter = "cpu";
    price.service = "HPC batch";
    price.unit_price = kMicro / 25;
    book.prices = {price};
    ledger::PriceLoad load{{book}, false, {}};
    for (std::uint32_t n = 0; n < customers; ++n) {
      ledger::Customer customer;
      customer.name = customer.account = "customer" + std::to_string(n);
      customer.currency = "CHF";
      customer.book = "standard";
      load.customers.push_back(std::move(customer));
    }
    take(*books_.load(load, stamp()));
    for (std::uint32_t n = 0; n < customers; ++n) {
      take(*books_.top_up({Text("customer" + std::to_string(n)), 10'000'000 * kMicro, nullptr},
                          stamp()));
    }
  }

  // Times go by so that all of it takes three months.
  void fill(std::uint64_t entries) {
    const auto step = static_cast<model::WallTime>(90 * ledger::kDay / (entries / 4 + 1));
    while (books_.last_entry() < entries) {
      job();
      now_ += step;
      const ledger::Month last{ledger::month_of(now_).value - 1};
      if (last > ledger::month_of(kBegin) || last == ledger::month_of(kBegin)) close(last);
    }
    commit();
  }
  [[nodiscard]] model::WallTime now() const { return now_; }

 private:
  [[nodiscard]] ledger::Stamp stamp() const { return {.now = now_}; }
  void take(ledger::Posted posted) {
    ledger::BooksRows rows;
    rows.entries = std::move(posted.entries);
    rows.changed = books_.take_changed();
    pending_ = ledger::joined(std::move(pending_), std::move(rows));
    if (pending_.entries.size() >= kPerCommit) commit();
  }
  void commit() {
    store::Transaction transaction;
    transaction.books =
        std::make_shared<const ledger::BooksRows>(std::exchange(pending_, ledger::BooksRows()));
    std::promise<Status> done;
    store_.commit(std::move(transaction),
                  [&](Status status) { done.set_value(std::move(status)); });
    const Status status = done.get_future().get();
    SLUICE_ASSERT(status.has_value(), "{}", status.error().text);
  }
  void job() {
    const std::string account = "customer" + std::to_string(++jobs_ % customers_);
    ledger::AttemptStart start;
    start.job.job = JobId(jobs_);
    start.job.uid = {1, jobs_};
    start.job.name = "simulation";
    start.job.account = account;
    start.job.user = "user" + std::to_string(jobs_ % 7);
    start.job.partition = "batch";
    start.job.qos = "normal";
    start.accounts = {Text(account), Text("root")};
    start.allotment = {{"cpu", 16}};
    start.start = now_ - 3'600 * model::kSecond;
    if (start.start < kBegin) start.start = kBegin;
    const Attempt attempt = ledger::attempt_of(start.job);
    take(*books_.open(start, now_ + 1, stamp()));
    take(books_.charge(attempt, now_ - 1'800 * model::kSecond, stamp()));
    take(books_.end(attempt, {now_, ledger::Fate::completed}, stamp()));
  }
  void close(ledger::Month month) {
    if (books_.closed().is_set() && month <= books_.closed()) return;
    if (Result<ledger::Posted> done = books_.close(month, stamp()); done) take(std::move(*done));
  }

  store::Store& store_;
  std::uint32_t customers_;
  ledger::Books books_;
  ledger::BooksRows pending_;
  model::WallTime now_ = kBegin + 7'200 * model::kSecond;
  std::uint32_t jobs_ = 0;
};

std::size_t read(store::LedgerReader& reader, const store::EntryFilter& filter) {
  std::size_t count = 0;
  const Status done = reader.entries(filter, [&](const ledger::Entry&) { return ++count, true; });
  SLUICE_ASSERT(done.has_value(), "{}", done.error().text);
  return count;
}

template <class Action>
void measure(const char* what, Action&& action) {
  const auto start = Clock::now();
  const std::size_t count = action();
  std::printf("%-44s %10.1f ms %10zu entries\n", what, ms_since(start), count);
  std::fflush(stdout);
}

void readings(const std::string& path, model::WallTime now) {
  Result<store::LedgerReader> opened = store::LedgerReader::open(path);
  SLUICE_ASSERT(opened.has_value(), "{}", opened.error().text);
  store::LedgerReader& reader = *opened;
  const model::WallTime week = now - 7 * ledger::kDay;
  const ledger::Month first = ledger::month_of(kBegin);
  const ledger::Month last = ledger::month_of(now);
  measure("statement of the last week: opening", [&] {
    const Result<ledger::Balance> balance = reader.balance_before(1, week);
    SLUICE_ASSERT(balance.has_value(), "{}", balance.error().text);
    return std::size_t{0};
  });
  measure("statement of the last week: entries",
          [&] { return read(reader, {.customer = 1, .from = week}); });
  measure("statement of everything", [&] { return read(reader, {.customer = 1}); });
  measure("invoice of the first month",
          [&] { return read(reader, {.customer = 1, .month = first}); });
  measure("invoice of the month that runs",
          [&] { return read(reader, {.customer = 1, .month = last}); });
  measure("export of the first month, all customers",
          [&] { return read(reader, {.month = first}); });
  measure("verify", [&] {
    const Result<store::Verification> made = reader.verify();
    SLUICE_ASSERT(made.has_value() && !made->finding, "{}",
                  made ? made->finding->text : made.error().text);
    return static_cast<std::size_t>(made->entries);
  });
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder = std::string(argc > 1 ? argv[1] : "/tmp") + "/sluice-ledger-XXXXXX";
  SLUICE_ASSERT(::mkdtemp(folder.data()) != nullptr, "{}", folder);
  const std::string path = folder + "/sluice.db";
  const std::uint64_t entries = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  const std::uint64_t customers = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 100;
  {
    auto opened = store::Store::open({.path = path});
    SLUICE_ASSERT(opened.has_value(), "{}", opened.error().text);
    store::LoadedState loaded;
    Site site(**opened, static_cast<std::uint32_t>(customers));
    const auto start = Clock::now();
    site.fill(entries);
    const double ms = ms_since(start);
    std::printf("%llu entries of %llu customers: %.0f entries/s, %.0f bytes each\n",
                static_cast<unsigned long long>(entries),
                static_cast<unsigned long long>(customers),
                static_cast<double>(entries) * 1000 / ms,
                megabytes(path) * 1e6 / static_cast<double>(entries));
    readings(path, site.now());
  }
  return base::remove_tree(folder) ? 0 : 1;
}
