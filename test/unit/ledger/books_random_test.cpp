// Random histories of the books, by seed: every entry passes the auditor, what the books have is
// what the entries say, a restart from the stored rows goes on alike, and each tampering is found.
#include <algorithm>
#include <functional>
#include <random>

#include <gtest/gtest.h>

#include "ledger/focus.hpp"
#include "ledger/invoice.hpp"
#include "model/fields.hpp"
#include "test/unit/ledger/ledger_scene.hpp"

namespace sluice::ledger {
namespace {

// What a store would hold: only what take_changed() said.
struct Rows {
  BooksState state;

  template <class Record, class Key>
  static void put(std::vector<Record>& rows, const Record& record, Key key) {
    for (Record& row : rows) {
      if (key(row) == key(record)) {
        row = record;
        return;
      }
    }
    rows.push_back(record);
    std::ranges::sort(rows, {}, key);
  }
  void take(const BooksChanges& changes) {
    if (changes.head) state.head = *changes.head;
    if (changes.prices) state.prices = *changes.prices;
    const auto attempt_key = [](const OpenAttempt& record) { return attempt_of(record.job); };
    for (const Attempt& gone : changes.gone) {
      std::erase_if(state.attempts, [&](const auto& row) { return attempt_key(row) == gone; });
    }
    for (const auto& record : changes.attempts) put(state.attempts, record, attempt_key);
    for (const auto& record : changes.customers) put(state.customers, record, &id_of<Customer>);
    for (const auto& record : changes.packages) put(state.packages, record, &id_of<Package>);
    for (const auto& record : changes.balances) {
      put(state.balances, record, [](const Balance& balance) { return balance.customer; });
    }
    for (const auto& record : changes.requests) {
      put(state.requests, record, [](const RequestSeen& request) { return request.id; });
    }
  }
  template <class Record>
  static std::uint32_t id_of(const Record& record) {
    return record.id;
  }
};

void expect_same(const BooksState& a, const BooksState& b) {
  EXPECT_EQ(a.head, b.head);
  EXPECT_EQ(a.customers, b.customers);
  EXPECT_EQ(a.balances, b.balances);
  EXPECT_EQ(a.packages, b.packages);
  EXPECT_EQ(a.attempts, b.attempts);
  EXPECT_EQ(a.requests, b.requests);
  ASSERT_EQ(a.prices.size(), b.prices.size());
  for (std::size_t index = 0; index < a.prices.size(); ++index) {
    EXPECT_EQ(*a.prices[index], *b.prices[index]);
  }
}

class History {
 public:
  explicit History(std::uint32_t seed) : random_(seed) {
    Price night = a_price("night", "cpu", "0.031");
    night.window = {0x7f, 20 * 60, 6 * 60};
    Price memory = a_price("memory", "mem", "0.004");
    memory.while_suspended = true;
    PriceBook book = a_book("2026-01-01", {night, a_price("core", "cpu", "0.077"), memory,
                                           a_price("a100", "gres/gpu:a100", "1.3333"),
                                           a_price("card", "gres/gpu", "0.7")});
    book.granularity_s = 60;
    book.minimum_s = 300;
    book.until = at("2026-04-01");
    PriceBook next = book;
    next.version = 2;
    next.from = book.until;
    next.until = 0;
    next.combine = Combine::max;
    for (Price& price : next.prices) price.unit_price += 1'111;
    Customer pre = a_customer("pre", CustomerKind::prepaid);
    pre.warn_at = {money("50"), money("10")};
    Customer post = a_customer("post", CustomerKind::postpaid);
    post.credit_limit = money("2000");
    post.discount = 125;
    Customer other = a_customer("other", CustomerKind::prepaid);
    EXPECT_TRUE(scene.load({book, next}, {pre, post, other})) << scene.refused;
    store();
  }

  void step() {
    scene.now += upto(4 * 3'600) * kSecond + upto(999'999);
    switch (upto(15)) {
      case 0: scene.top_up(prepaid(), std::to_string(1 + upto(500))); break;
      case 1: buy(); break;
      case 2: close(); break;
      case 3: scene.take(scene.books.expire(scene.stamp())); break;
      case 4: change(); break;
      case 5: give_back(); break;
      case 6: transfer(); break;
      case 7: pay(); break;
      case 8: extend(); break;
      case 9: scene.take(scene.books.charge_all(scene.now, scene.stamp())); break;
      case 10:
      case 11:
      case 12: end(); break;
      default: open(); break;
    }
    store();
  }

  // Restarts from what was stored.
  void restart() {
    expect_same(rows.state, scene.books.state());
    Books again;
    again.restore(rows.state);
    scene.books = std::move(again);
  }

  Scene scene;
  Rows rows;

 private:
  std::int64_t upto(std::int64_t most) {
    return static_cast<std::int64_t>(random_() % (static_cast<std::uint64_t>(most) + 1));
  }
  const char* prepaid() { return upto(1) == 0 ? "pre" : "other"; }
  const char* anybody() { return upto(1) == 0 ? "post" : prepaid(); }
  Attempt some() { return running_[static_cast<std::size_t>(upto(std::ssize(running_) - 1))]; }
  void store() { rows.take(scene.books.take_changed()); }

  Allotment allotment() {
    const std::int64_t typed = upto(2);
    return {{"cpu", 1 + upto(31)},
            {"mem", upto(64) * 1'024},
            {"gres/gpu", typed + upto(1)},
            {"gres/gpu:a100", typed}};
  }
  void open() {
    const AttemptStart job = a_job(++job_, anybody(), scene.now, allotment());
    const WallTime until = scene.now + (1 + upto(60'000)) * kSecond;
    if (scene.take(scene.books.open(job, until, scene.stamp()))) {
      running_.push_back(attempt_of(job.job));
    }
  }
  void end() {
    if (running_.empty()) return;
    const Attempt key = some();
    const auto fate = static_cast<Fate>(1 + upto(kFates - 2));
    scene.take(scene.books.end(key, {scene.now, fate}, scene.stamp()));
    std::erase(running_, key);
  }
  void change() {
    if (running_.empty()) return;
    AttemptChange change;
    change.at = scene.now;
    if (upto(1) == 0) {
      change.suspended = upto(1) == 0;
    } else {
      change.allotment = allotment();
    }
    scene.take(scene.books.change(some(), change, scene.stamp()));
  }
  void extend() {
    if (running_.empty()) return;
    scene.take(scene.books.hold(some(), scene.now + upto(40'000) * kSecond, scene.stamp()));
  }
  void buy() {
    const char* meter = upto(1) == 0 ? "cpu" : "gres/gpu:a100";
    const WallTime expires = upto(1) == 0 ? 0 : scene.now + upto(200) * kHour;
    scene.take(scene.books.purchase(
        {anybody(), "pack", meter, "", "", 1 + upto(300), upto(40) * kMicro + 7, expires},
        scene.stamp()));
  }
  void close() {
    const Month month = scene.books.closed().is_set() ? next_month(scene.books.closed())
                                                      : month_of(at("2026-03-01"));
    scene.take(scene.books.close(month, scene.stamp()));
  }
  void give_back() {
    const Entry& entry =
        scene.entries[static_cast<std::size_t>(upto(std::ssize(scene.entries) - 1))];
    if (entry.kind == EntryKind::charge && entry.effective > 0 &&
        refunded_.insert(entry.sequence).second) {
      const Entry copy = entry;
      const bool reversed = std::ranges::any_of(scene.entries, [&](const Entry& other) {
        return other.kind == EntryKind::reversal && attempt_of(other.job) == attempt_of(copy.job);
      });
      scene.take(
          scene.books.refund({&copy, 0, reversed, 1 + upto(copy.effective - 1)}, scene.stamp()));
    } else if (entry.customer != 0) {
      const Entry copy = entry;
      const Text name = scene.books.customer(entry.customer)->name;
      const Entry* of = copy.kind == EntryKind::charge ? &copy : nullptr;
      scene.take(scene.books.correct({name, upto(4'000'000) - 2'000'000, of}, scene.stamp()));
    } else {
      scene.take(scene.books.credit({anybody(), 1 + upto(5'000'000), nullptr}, scene.stamp()));
    }
  }
  void transfer() {
    const char* from = anybody();
    const char* to = anybody();
    scene.take(scene.books.transfer({from, to, (1 + upto(20)) * kMicro}, scene.stamp()));
  }
  void pay() {
    Stamp stamp = scene.stamp();
    stamp.request_id = {9, static_cast<std::uint64_t>(1 + upto(30))};
    scene.take(upto(1) == 0
                   ? scene.books.pay({"post", (1 + upto(300)) * kMicro, nullptr}, stamp)
                   : scene.books.withdraw({prepaid(), (1 + upto(5)) * kMicro, nullptr}, stamp));
  }

  std::mt19937_64 random_;
  std::uint32_t job_ = 0;
  std::vector<Attempt> running_;
  std::set<std::uint64_t> refunded_;
};

class RandomBooks : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomBooks, EveryEntryIsRightAndARestartGoesOn) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  History history(GetParam());
  for (int step = 1; step <= 400 && !testing::Test::HasFailure(); ++step) {
    history.step();
    if (step % 40 == 0) history.restart();
    if (step % 100 == 0) history.scene.check();
  }
  Money everything = 0;
  for (const Customer* customer : history.scene.books.customers()) {
    const Balance& b = history.scene.books.balance(customer->id);
    everything += b.balance + b.held + b.receivable + b.packages + b.cash + b.earnings +
                  b.adjustments + b.transfers;
  }
  EXPECT_EQ(everything, 0);
}

TEST_P(RandomBooks, InvoicesAndRowsAddUpToTheLedger) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  History history(GetParam() + 500);
  for (int step = 1; step <= 400; ++step) history.step();
  const Books& books = history.scene.books;
  const FocusSite site{"Example Centre", "", "lake", "", ""};
  std::map<std::pair<std::uint32_t, Month>, Money> rows;
  for (const Entry& entry : history.scene.entries) {
    if (entry.customer == 0) continue;
    Package package;
    for (const Package& one : history.rows.state.packages) {
      if (one.id == entry.package) package = one;
    }
    const auto row = focus_row(entry, {*books.customer(entry.customer), site, books.closed(),
                                       entry.package == 0 ? nullptr : &package});
    if (row) rows[{entry.customer, entry.month}] += entry.billed;
    EXPECT_TRUE(row || entry.billed == 0);
  }
  for (const auto& [key, billed] : rows) {
    InvoiceBuilder builder(*books.customer(key.first), key.second);
    for (const Entry& entry : history.scene.entries) builder.add(entry);
    const Result<Invoice> invoice = builder.take();
    ASSERT_TRUE(invoice) << invoice.error().text;
    EXPECT_EQ(invoice->amount, billed);
    EXPECT_EQ(invoice->issued, books.closed().is_set() && key.second <= books.closed());
    if (invoice->issued && invoice->kind == CustomerKind::postpaid) {
      EXPECT_EQ(billed % minor_unit("CHF"), 0);
    }
  }
}

TEST_P(RandomBooks, TamperingIsFound) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  History history(GetParam() + 900);
  for (int step = 1; step <= 150; ++step) history.step();
  const std::vector<Entry>& entries = history.scene.entries;
  std::mt19937_64 random(GetParam());
  // Finds the entry itself, or what contradicts it later; at the latest the comparison does.
  const auto finding = [&](const std::vector<Entry>& told) {
    Auditor auditor;
    for (const Entry& entry : told) {
      if (auto found = auditor.add(entry); found) return found;
    }
    return auditor.compare(history.scene.books.state());
  };
  EXPECT_FALSE(finding(entries));
  const std::vector<std::function<void(Entry&)>> spoils = {
      [](Entry& e) { e.amount += 1; },
      [](Entry& e) { e.billed += 1; },
      [](Entry& e) { e.sequence += 1; },
      [](Entry& e) { e.list -= 1; },
      [](Entry& e) { e.contracted += 1; },
      [](Entry& e) { e.effective += 1; },
      [](Entry& e) { e.priced.seconds += 1; },
      [](Entry& e) {
        if (e.postings.empty()) {
          e.postings.push_back({LedgerAccount::balance, 1});
        } else {
          e.postings.front().amount += 1;
        }
      },
      [](Entry& e) {
        e.postings.push_back({LedgerAccount::balance, 5});
        e.postings.push_back({LedgerAccount::earnings, -5});
      },
  };
  for (int attempt = 0; attempt < 40; ++attempt) {
    std::vector<Entry> told = entries;
    Entry& victim = told[random() % told.size()];
    const std::size_t how = random() % spoils.size();
    const bool charged = victim.kind == EntryKind::charge || victim.kind == EntryKind::reversal;
    if (how == 6 && !charged && victim.kind != EntryKind::purchase) continue;
    if (how == 0 && (victim.kind == EntryKind::closing || victim.kind == EntryKind::prices ||
                     victim.kind == EntryKind::customer || victim.package != 0)) {
      continue;  // an amount means nothing there
    }
    if (how == 0 && victim.kind == EntryKind::reversal) continue;
    spoils[how](victim);
    SCOPED_TRACE("entry " + std::to_string(victim.sequence) + " of kind " +
                 std::string(kind_name(victim.kind)) + ", way " + std::to_string(how));
    const auto found = finding(told);
    ASSERT_TRUE(found);
    // What an entry contradicts by itself is found in it; the rest by what follows.
    const bool by_itself = how != 0 && how != 6 && victim.kind != EntryKind::reversal;
    EXPECT_TRUE(!by_itself || found->entry == victim.sequence) << found->entry << found->text;
  }
  std::vector<Entry> fewer = entries;
  fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(random() % fewer.size()));
  EXPECT_TRUE(finding(fewer));
}

// Sets the n-th plain field of a record, and of those inside it, to anything.
struct Spoil {
  std::mt19937_64& random;
  std::size_t left;
  bool done = false;

  template <class T>
  void operator()(int, const char*, T& value) {
    if constexpr (model::HasFields<T>) {
      T::fields(value, *this);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      if (done || left-- > 0) return;
      done = true;
      const std::uint64_t bits = random() >> (random() % 64);
      if constexpr (std::is_same_v<T, bool>) {
        value = !value;
      } else {
        value = static_cast<T>(random() % 2 == 0 ? bits : ~bits);
      }
    } else if constexpr (std::is_same_v<T, std::vector<Posting>>) {
      for (Posting& posting : value) Posting::fields(posting, *this);
    } else if constexpr (std::is_same_v<T, std::shared_ptr<const PriceBook>> ||
                         std::is_same_v<T, std::shared_ptr<const Customer>> ||
                         std::is_same_v<T, std::shared_ptr<const Package>>) {
      if (value == nullptr) return;
      auto copy = *value;
      decltype(copy)::fields(copy, *this);
      value = std::make_shared<const decltype(copy)>(copy);
    }
  }
};

TEST_P(RandomBooks, NoGarbageTripsTheAuditor) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  History history(GetParam() + 1'300);
  for (int step = 1; step <= 120; ++step) history.step();
  std::mt19937_64 random(GetParam());
  std::size_t found = 0;
  for (int attempt = 0; attempt < 30; ++attempt) {
    std::vector<Entry> told = history.scene.entries;
    for (int times = 0; times < 2; ++times) {
      Entry& victim = told[random() % told.size()];
      Spoil spoil{random, random() % 60};
      Entry::fields(victim, spoil);
    }
    Auditor auditor;
    for (const Entry& entry : told) {
      if (!auditor.add(entry)) continue;
      ++found;
      break;
    }
  }
  EXPECT_GT(found, 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomBooks, ::testing::Range(1U, 21U));

}  // namespace
}  // namespace sluice::ledger
