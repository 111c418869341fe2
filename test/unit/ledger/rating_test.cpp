// Charges against a slow and obvious rating that looks at each second by itself: the same to the
// micro-unit, however time is cut; what is held is what the whole limit costs; a quote is never
// exceeded. Random by seed.
#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "ledger/quote.hpp"
#include "test/unit/ledger/ledger_scene.hpp"

namespace sluice::ledger {
namespace {

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}
  std::int64_t upto(std::int64_t most) {
    return static_cast<std::int64_t>(random_() % (static_cast<std::uint64_t>(most) + 1));
  }
  bool one_in(std::int64_t n) { return upto(n - 1) == 0; }

 private:
  std::mt19937_64 random_;
};

Price random_price(Dice& dice, std::size_t index) {
  const std::vector<std::string> meters = {"cpu", "mem", "gres/gpu", "gres/gpu:a100", "node"};
  const auto meter = meters[static_cast<std::size_t>(dice.upto(4))];
  Price price = a_price("sku" + std::to_string(index), meter, "0");
  price.unit_price = dice.one_in(8) ? 0 : dice.upto(3'000'000);
  price.while_suspended = dice.one_in(2);
  if (dice.one_in(2)) {
    const auto from = static_cast<std::uint32_t>(dice.upto(1'439));
    const auto to = static_cast<std::uint32_t>(dice.upto(1'440));
    price.window = {static_cast<std::uint32_t>(1 + dice.upto(126)), from, to == from ? to + 1 : to};
  }
  if (dice.one_in(4)) price.qos = {Text("high")};
  if (dice.one_in(4)) price.accounts = {Text("root")};
  return price;
}

// Two versions, the second of which begins within what the runs last; perhaps with a gap.
std::vector<PriceBook> random_books(Dice& dice) {
  std::vector<PriceBook> books;
  WallTime from = at("2026-01-01");
  for (std::uint32_t version = 1; version <= 2; ++version) {
    std::vector<Price> prices;
    for (std::size_t index = 0; index < 6; ++index) prices.push_back(random_price(dice, index));
    PriceBook book = a_book("2026-01-01", prices);
    book.version = version;
    book.from = from;
    book.utc_offset_s = static_cast<std::int32_t>(dice.upto(8) - 4) * 1'800;
    book.granularity_s = static_cast<std::uint32_t>(dice.one_in(2) ? 1 : 1 + dice.upto(400));
    book.minimum_s = static_cast<std::uint32_t>(dice.one_in(2) ? 0 : dice.upto(1'000));
    book.combine = dice.one_in(2) ? Combine::sum : Combine::max;
    if (version == 1) book.until = at("2026-03-01") + dice.upto(4'000) * kSecond;
    from = book.until + (dice.one_in(3) ? dice.upto(500) * kSecond : 0);
    books.push_back(book);
  }
  return books;
}

// The state of a job in each of its seconds.
struct Second {
  std::int64_t cpus = 0;
  std::int64_t memory = 0;
  std::int64_t a100 = 0;
  std::int64_t gpus = 0;
  bool suspended = false;

  [[nodiscard]] Allotment allotment() const {
    return {
        {"cpu", cpus}, {"mem", memory}, {"gres/gpu", gpus}, {"gres/gpu:a100", a100}, {"node", 1}};
  }
};

bool in_list(const std::vector<Text>& list, std::string_view a, std::string_view b = {}) {
  if (list.empty()) return true;
  for (const Text& one : list) {
    if (one.view() == a || one.view() == b) return true;
  }
  return false;
}

// The prices of one second, found by the rules as they are written down, in local minutes.
std::map<std::string, std::int64_t> rated(const PriceBook& book, const Second& now, WallTime when) {
  const std::int64_t local = when / kSecond + book.utc_offset_s;
  const std::int64_t minute = local / 60 % 1440;
  const std::int64_t day = (local / 86'400 + 3) % 7;
  const auto price_of = [&](std::string_view meter) -> const Price* {
    for (const Price& price : book.prices) {
      const Window& w = price.window;
      const bool over = w.from_min > w.to_min;
      const bool late = minute >= w.from_min && (over || minute < w.to_min) && (w.days >> day & 1U);
      const bool early = over && minute < w.to_min && (w.days >> ((day + 6) % 7) & 1U);
      if (price.meter.view() == meter && (late || early) && in_list(price.qos, "normal") &&
          in_list(price.accounts, "phys", "root")) {
        return &price;
      }
    }
    return nullptr;
  };
  struct Found {
    const Price* price;
    std::int64_t count;
    int group;
    double rate;
  };
  std::vector<Found> found;
  const auto look = [&](const char* meter, std::int64_t count, int group, double per) {
    const Price* price = price_of(meter);
    if (price == nullptr || count <= 0 || (now.suspended && !price->while_suspended)) return;
    found.push_back({price, count, group,
                     static_cast<double>(count) * static_cast<double>(price->unit_price) / per});
  };
  look("cpu", now.cpus, 0, 1);
  look("mem", now.memory, 1, 1'024);
  look("gres/gpu", price_of("gres/gpu:a100") != nullptr ? now.gpus - now.a100 : now.gpus, 2, 1);
  look("gres/gpu:a100", now.a100, 2, 1);
  look("node", 1, 3, 1);
  int dearest = 0;
  double sums[3] = {0, 0, 0};
  for (const Found& one : found) {
    if (one.group < 3) sums[one.group] += one.rate;
  }
  for (int group = 1; group < 3; ++group) {
    if (sums[group] > sums[dearest]) dearest = group;
  }
  std::map<std::string, std::int64_t> counts;
  for (const Found& one : found) {
    if (book.combine == Combine::max && one.group < 3 && one.group != dearest) continue;
    counts[one.price->sku.str()] += one.count;
  }
  return counts;
}

struct Expected {
  std::map<std::pair<std::uint32_t, std::string>, std::int64_t> seconds;  // by version and SKU
  Money list = 0;
  Money contracted = 0;
};

Expected rate_slowly(const std::vector<PriceBook>& books, const std::vector<Second>& run,
                     WallTime start, std::uint32_t discount) {
  const auto book_at = [&](WallTime when) -> const PriceBook* {
    for (const PriceBook& book : books) {
      if (when >= book.from && (book.until == 0 || when < book.until)) return &book;
    }
    return nullptr;
  };
  const PriceBook* first = book_at(start);
  const std::int64_t granule = first == nullptr ? 1 : first->granularity_s;
  const std::int64_t least = first == nullptr ? 0 : first->minimum_s;
  const std::int64_t head = std::max(granule, (least + granule - 1) / granule * granule);
  const auto begin_of = [&](std::int64_t second) {
    return second < head ? 0 : head + (second - head) / granule * granule;
  };
  Expected expected;
  const auto length = static_cast<std::int64_t>(run.size());
  const std::int64_t last = begin_of(length - 1);
  const std::int64_t end = last == 0 ? head : last + granule;
  for (std::int64_t second = 0; second < end; ++second) {
    const Second& now = run[static_cast<std::size_t>(std::min(second, length - 1))];
    const WallTime priced_at = start + begin_of(second) * kSecond;
    const PriceBook* book = book_at(priced_at);
    if (book == nullptr) continue;
    for (const auto& [sku, count] : rated(*book, now, priced_at)) {
      expected.seconds[{book->version, sku}] += count;
    }
  }
  for (const auto& [key, seconds] : expected.seconds) {
    const PriceBook& book = books[key.first - 1];
    const auto price = std::ranges::find(book.prices, Text(key.second), &Price::sku);
    const Wide per = price->meter.view() == "mem" ? Wide{3'600} * 1'024 : Wide{3'600};
    const Wide product = Wide{seconds} * price->unit_price;
    expected.list += static_cast<Money>(product / per);
    expected.contracted += static_cast<Money>(product * (1000 - discount) / (per * 1000));
  }
  return expected;
}

std::vector<Second> random_run(Dice& dice) {
  const std::int64_t length = 1 + dice.upto(5'000);
  Second now;
  const auto roll = [&] {
    now.cpus = 1 + dice.upto(63);
    now.memory = dice.upto(300'000);
    now.a100 = dice.one_in(2) ? 0 : dice.upto(4);
    now.gpus = now.a100 + (dice.one_in(2) ? 0 : dice.upto(4));
  };
  roll();
  std::vector<Second> run;
  for (std::int64_t second = 0; second < length; ++second) {
    if (second > 0 && dice.one_in(1'500)) roll();
    if (second > 0 && dice.one_in(1'000)) now.suspended = !now.suspended;
    run.push_back(now);
  }
  return run;
}

bool same(const Second& a, const Second& b) {
  return a.allotment() == b.allotment() && a.suspended == b.suspended;
}

// Leads the run through the books: changes where the seconds differ, charges at random moments.
void charge_randomly(Scene& scene, Dice& dice, const std::vector<Second>& run,
                     const AttemptStart& job) {
  const Attempt key = attempt_of(job.job);
  const std::int64_t often = 1 + dice.upto(2'000);
  for (std::size_t second = 1; second < run.size(); ++second) {
    const WallTime now = job.start + static_cast<std::int64_t>(second) * kSecond;
    scene.now = now;
    if (!same(run[second], run[second - 1])) {
      scene.take(scene.books.change(key, {now, run[second].allotment(), run[second].suspended},
                                    scene.stamp()));
    }
    if (dice.one_in(often)) {
      scene.take(scene.books.charge(key, now + dice.upto(999'999), scene.stamp()));
    }
  }
  scene.now = job.start + static_cast<std::int64_t>(run.size()) * kSecond;
  scene.take(scene.books.end(key, {scene.now, Fate::completed}, scene.stamp()));
}

class Rating : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(Rating, EqualsTheSumOverSeconds) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  Dice dice(GetParam());
  const std::vector<PriceBook> books = random_books(dice);
  Customer customer = a_customer("root", CustomerKind::postpaid);
  customer.credit_limit = kMaxMoney / 2;
  customer.discount = dice.one_in(2) ? 0 : static_cast<std::uint32_t>(dice.upto(1000));
  const std::vector<Second> run = random_run(dice);
  const WallTime start = at("2026-02-28T23:00:00Z") + dice.upto(4'000) * kSecond;
  const Expected expected = rate_slowly(books, run, start, customer.discount);
  for (int time = 0; time < 3; ++time) {
    Scene scene;
    scene.now = at("2026-01-01");
    ASSERT_TRUE(scene.load(books, {customer})) << scene.refused;
    AttemptStart job = a_job(1, "phys", start, run.front().allotment());
    ASSERT_TRUE(scene.take(scene.books.open(job, start, scene.stamp()))) << scene.refused;
    charge_randomly(scene, dice, run, job);
    EXPECT_EQ(scene.sum(EntryKind::charge, &Entry::list), expected.list);
    EXPECT_EQ(scene.sum(EntryKind::charge, &Entry::contracted), expected.contracted);
    EXPECT_EQ(-scene.balance("root").balance, expected.contracted);
    std::map<std::pair<std::uint32_t, std::string>, std::int64_t> seconds;
    for (const Entry& entry : scene.entries) {
      if (entry.kind != EntryKind::charge) continue;
      EXPECT_EQ(entry.priced.micros, 0U);
      seconds[{entry.price.version, entry.price.sku.str()}] += entry.priced.seconds;
      EXPECT_GT(in_micros(entry.consumed), 0);
      EXPECT_GE(in_micros(entry.priced), in_micros(entry.consumed));
    }
    EXPECT_EQ(seconds, expected.seconds);
    scene.check();
  }
}

TEST_P(Rating, TheHoldIsWhatTheWholeLimitCostsAndAQuoteIsNeverExceeded) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  Dice dice(GetParam() + 1'000'000);
  const std::vector<PriceBook> books = random_books(dice);
  Customer customer = a_customer("root", CustomerKind::postpaid);
  customer.credit_limit = kMaxMoney / 2;
  customer.discount = static_cast<std::uint32_t>(dice.upto(300));
  Scene scene;
  scene.now = at("2026-01-01");
  ASSERT_TRUE(scene.load(books, {customer})) << scene.refused;
  const std::vector<Second> whole = random_run(dice);
  const auto limit_s = static_cast<std::int64_t>(whole.size());
  const WallTime submit = at("2026-02-28T22:00:00Z") + dice.upto(4'000) * kSecond;
  const AttemptStart asked = a_job(1, "phys", submit, whole.front().allotment());
  const Quote quoted =
      quote(*scene.books.customer_named("root"), scene.books.prices(), asked, limit_s);
  EXPECT_LE(quoted.contracted, quoted.most);
  for (std::uint32_t id = 1; id <= 4; ++id) {
    AttemptStart job = asked;
    job.job.uid.low = id;
    job.start = id == 1 ? submit : std::max(scene.now, submit) + dice.upto(90'000) * kSecond;
    const WallTime limit = job.start + limit_s * kSecond;
    ASSERT_TRUE(scene.take(scene.books.open(job, limit, scene.stamp()))) << scene.refused;
    const Money held = scene.books.attempt(attempt_of(job.job))->held;
    if (id == 1) {
      EXPECT_EQ(held, quoted.contracted);
    }
    EXPECT_LE(held, quoted.most);
    const Money before = scene.sum(EntryKind::charge, &Entry::contracted);
    // To its limit, or it ends earlier: it never costs more than was held.
    const bool to_limit = dice.one_in(2);
    const auto length =
        to_limit ? whole.size() : 1 + static_cast<std::size_t>(dice.upto(limit_s - 1));
    charge_randomly(scene, dice, std::vector<Second>(length, whole.front()), job);
    const Money charged = scene.sum(EntryKind::charge, &Entry::contracted) - before;
    EXPECT_LE(charged, held);
    if (to_limit) {
      EXPECT_EQ(charged, held);
    }
  }
  EXPECT_EQ(scene.balance("root").held, 0);
  scene.check();
}

INSTANTIATE_TEST_SUITE_P(Seeds, Rating, ::testing::Range(1U, 41U));

}  // namespace
}  // namespace sluice::ledger
