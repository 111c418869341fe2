// Sums of use against the jobs they are made from: random histories, whatever periods are asked
// for.
#include <map>
#include <random>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rollup/attempt.hpp"
#include "test/unit/store/store_world.hpp"

namespace sluice::store {
namespace {

using rollup::Period;
using rollup::Seconds;

constexpr Seconds kHour = 3600;
constexpr Seconds kDay = 24 * kHour;
constexpr Seconds kBegin = 1'793'000'000 / kHour * kHour;

using Key = std::tuple<std::string, std::string, std::uint32_t>;  // account, user, size
using Sums = std::map<Key, std::pair<std::int64_t, model::TresCounts>>;

class Histories : public ::testing::Test {
 protected:
  void open(const model::LocalClock& clock = {}) {
    store_.reset();
    OpenOptions options = options_for(folder_.database());
    options.clock = clock;
    auto store = Store::open(options);
    ASSERT_TRUE(store) << store.error().text;
    store_ = std::move(*store);
  }

  // A job somewhere in forty days, of one of a few users and sizes.
  model::Job random_job(std::uint32_t id) {
    model::Job job = a_job(id);
    const auto user = static_cast<std::uint32_t>(random_() % 3);
    job.spec = spec_of(1000 + user, "job");
    job.request = request_of(random_() % 2 == 0 ? "physics" : "chemistry", "normal");
    const auto micros = [&](Seconds most) {
      return static_cast<model::WallTime>(random_() % static_cast<std::uint64_t>(most * 1'000'000));
    };
    job.eligible = kBegin * model::kSecond + micros(40 * kDay);
    job = running(job, job.eligible + micros(kHour));
    model::set_tres(job.tres, model::kTresCpu, 1 << (random_() % 3));
    model::set_tres(job.tres, model::kTresMemory, 100);
    constexpr Seconds kLengths[] = {1, 60, kHour, 2 * kDay};
    job.end = job.start + micros(kLengths[random_() % 4]);
    for (model::WallTime at = job.start; random_() % 3 == 0;) {
      model::Suspension still{at + micros(kHour), 0};
      still.to = still.from + micros(kHour);
      if (still.to > job.end) break;
      job.suspensions.push_back(still);
      at = still.to;
    }
    return ended(job, model::JobState::completed, job.end);
  }

  void fill(std::uint32_t jobs) {
    Transaction transaction;
    for (std::uint32_t id = 1; id <= jobs; ++id) {
      jobs_.push_back(shared(random_job(id)));
      transaction.jobs.push_back(jobs_.back());
      transaction.ended.push_back(jobs_.back());
      if (id % 7 != 0) continue;
      ASSERT_TRUE(commit(*store_, std::exchange(transaction, {})));
    }
    ASSERT_TRUE(commit(*store_, std::move(transaction)));
  }

  Sums counted(const Period& period) const {
    Sums sums;
    for (const model::JobPtr& job : jobs_) {
      const rollup::AttemptUse use = rollup::use_of(*job, 0);
      if (rollup::common(use.held, period).length() == 0) continue;
      auto& [count, seconds] = sums[{use.key.account.str(), use.key.user.str(), use.cpus}];
      ++count;
      use.add_to(seconds, period);
    }
    return sums;
  }
  Sums summed(const Period& period) {
    Result<Reader> reader = store_->reader();
    Sums sums;
    auto rows = reader->use(period, Reader::Sizes::apart);
    EXPECT_TRUE(rows) << rows.error().text;
    for (const model::UseRow& row : *rows) {
      sums[{row.key.account.str(), row.key.user.str(), row.cpus}] = {row.jobs, row.seconds};
    }
    return sums;
  }
  std::int64_t hours_sum(const Period& period, std::int64_t& waited) {
    Result<Reader> reader = store_->reader();
    std::int64_t used = 0;
    waited = 0;
    const auto hours = reader->hours(period);
    EXPECT_TRUE(hours);
    for (const rollup::HourUse& hour : *hours) {
      used += model::tres_count(hour.used, model::kTresCpu);
      waited += model::tres_count(hour.waited, model::kTresCpu);
    }
    return used;
  }
  void compare(const rollup::Calendar& calendar) {
    for (int n = 0; n < 30; ++n) {
      const Seconds from = kBegin + static_cast<Seconds>(random_() % (40 * kDay));
      const Seconds to = from + 1 + static_cast<Seconds>(random_() % (30 * kDay));
      const Period period{calendar.around(rollup::Level::hour, from).from,
                          calendar.around(rollup::Level::hour, to).to};
      EXPECT_EQ(summed(period), counted(period)) << period.from << " " << period.to;
    }
  }

  std::uint32_t seed_ = std::random_device()();
  ::testing::ScopedTrace trace_{__FILE__, __LINE__, seed_};
  std::mt19937 random_{seed_};
  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
  std::vector<model::JobPtr> jobs_;
};

TEST_F(Histories, SumsOfAnyPeriodAreThoseOfItsJobs) {
  open();
  fill(150);
  compare(rollup::Calendar());
  std::int64_t waited = 0;
  std::int64_t used = 0;
  std::int64_t waits = 0;
  for (const model::JobPtr& job : jobs_) {
    const rollup::AttemptUse use = rollup::use_of(*job, 0);
    used += use.seconds() * use.cpus;
    waits += use.wait.span.length() * use.wait.cpus;
  }
  EXPECT_EQ(hours_sum({kBegin, kBegin + 50 * kDay}, waited), used);
  EXPECT_EQ(waited, waits);
}

TEST_F(Histories, SummedUpAnewTheyAreTheSame) {
  open();
  fill(100);
  const Period all{kBegin, kBegin + 50 * kDay};
  const Sums before = summed(all);
  std::int64_t waited = 0;
  const std::int64_t used = hours_sum(all, waited);
  const Result<UseRebuild> made = store_->rebuild_use();
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->same);
  EXPECT_GT(made->rows, 0U);
  EXPECT_EQ(summed(all), before);
  std::int64_t waited_now = 0;
  EXPECT_EQ(hours_sum(all, waited_now), used);
  EXPECT_EQ(waited_now, waited);
  compare(rollup::Calendar());
}

TEST_F(Histories, AnotherClockMakesOtherDays) {
  open();
  fill(60);
  model::LocalClock zurich;
  zurich.changes = {{0, 7200}, {1'792'890'000 * model::kSecond, 3600}};
  open(zurich);
  compare(rollup::Calendar(zurich));
  model::LocalClock kolkata;
  kolkata.changes = {{0, 19800}};
  open(kolkata);
  compare(rollup::Calendar(kolkata));
  EXPECT_EQ(jobs_.size(), 60U);
}

TEST_F(Histories, EachAttemptCounts) {
  open();
  fill(1);
  model::Job again = *jobs_.front();
  again.attempt = 1;
  jobs_.push_back(shared(again));
  Transaction transaction;
  transaction.ended = {jobs_.back()};
  ASSERT_TRUE(commit(*store_, std::move(transaction)));
  const Period all{kBegin, kBegin + 50 * kDay};
  EXPECT_EQ(summed(all), counted(all));
  Result<Reader> reader = store_->reader();
  EXPECT_TRUE(*reader->is_counted(JobId(1), 1));
  EXPECT_FALSE(*reader->is_counted(JobId(1), 2));
}

TEST_F(Histories, SpansAndReservationsThatTouchAPeriod) {
  open();
  model::NodeSpan down;
  down.node = "n1";
  down.from = (kBegin + kHour) * model::kSecond;
  down.tres = {{model::kTresCpu, 8}};
  Transaction transaction;
  transaction.node_spans = {down};
  model::Reservation past;
  past.id = 7;
  past.name = "r";
  past.start = (kBegin + kHour) * model::kSecond;
  past.end = (kBegin + 9 * kHour) * model::kSecond;
  transaction.reservations = {std::make_shared<const model::Reservation>(past)};
  ASSERT_TRUE(commit(*store_, transaction));
  EXPECT_EQ(load_from(*store_).node_spans, std::vector{down});
  down.to = (kBegin + 2 * kHour) * model::kSecond;
  Transaction later;
  later.node_spans = {down};
  later.reservations_gone = transaction.reservations;
  ASSERT_TRUE(commit(*store_, later));
  EXPECT_TRUE(load_from(*store_).node_spans.empty());
  Result<Reader> reader = store_->reader();
  EXPECT_EQ(*reader->node_spans({kBegin, kBegin + 3 * kHour}), std::vector{down});
  EXPECT_TRUE(reader->node_spans({kBegin + 2 * kHour, kBegin + 3 * kHour})->empty());
}

}  // namespace
}  // namespace sluice::store
