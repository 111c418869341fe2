// Old jobs move to the archives of their months, and history finds them there.
#include "store/archive.hpp"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "store/schema.hpp"
#include "test/unit/store/store_world.hpp"

namespace sluice::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr model::WallTime kOctober = 1'697'000'000 * model::kSecond;  // 2023-10-11
constexpr model::WallTime kDay = 86'400 * model::kSecond;

class ArchiveTest : public ::testing::Test {
 protected:
  ArchiveTest() {
    model::Job one = ended(running(a_job(1), kOctober), model::JobState::completed, kOctober + 5);
    model::Job first = ended(running(a_job(2), kOctober), model::JobState::node_fail, kOctober + 7);
    first.flags = model::kFlagRequeued;
    model::Job second = a_job(2);
    second.attempt = 1;
    second = ended(running(second, kOctober + 9), model::JobState::completed, kOctober + 25 * kDay);
    model::Job task = a_job(4);
    task.array_job = JobId(3);
    task.array_task = 0;
    task = ended(running(task, kOctober), model::JobState::completed, kOctober + 5);
    model::Job rest = a_job(3);  // tasks that still wait
    rest.array_job = JobId(3);
    model::TaskSet tasks;
    tasks.runs = {{1, 5, 1}};
    rest.array_rest = std::make_shared<const model::TaskSet>(tasks);
    const model::Job young = ended(running(a_job(5), kNoon), model::JobState::failed, kNoon + 5);
    const model::Job newest = ended(a_job(6), model::JobState::cancelled, kOctober);
    Transaction transaction = with_jobs({one, second, rest, task, young, newest});
    transaction.ended = {shared(one), shared(first), shared(second), shared(task), shared(young)};
    transaction.steps = {std::make_shared<const model::Step>(a_step(one, base::kBatchStep))};
    EXPECT_TRUE(commit(*store_, std::move(transaction)));
    filter_.with_steps = false;
    filter_.duplicates = true;
  }
  // All that ended before then.
  void move(model::WallTime before) {
    Result<Connection> connection = Connection::open(folder_.database(), Connection::Mode::writer);
    ASSERT_TRUE(connection);
    auto mover = ArchiveMover::create(*connection, folder());
    ASSERT_TRUE(mover) << mover.error().text;
    while (true) {
      const Result<bool> more = mover->step(before);
      ASSERT_TRUE(more) << more.error().text;
      if (!*more) return;
    }
  }
  // A step may follow each commit.
  template <class Condition>
  void until(const Condition& met) {
    for (int commits = 0; commits < 2000 && !met(); ++commits) {
      ASSERT_TRUE(commit(*store_, {}));
    }
  }
  std::string folder() const { return archive_folder(folder_.database()); }
  std::int64_t rows(const std::string& path) {
    Result<Connection> connection = Connection::open(path, Connection::Mode::reader);
    return *connection->query_integer("SELECT count(*) FROM jobs");
  }

  TemporaryFolder folder_;
  std::unique_ptr<Store> store_ = open_store(folder_.database());
  HistoryFilter filter_;
};

TEST_F(ArchiveTest, WhatIsOverAndOldMovesByMonth) {
  const auto before = found(*store_, filter_);
  ASSERT_THAT(before, ElementsAre("1", "2", "2/1", "3", "4", "5", "6"));
  move(kOctober + 10 * kDay);
  EXPECT_THAT(archive_files(folder()), SizeIs(1));
  EXPECT_EQ(rows(folder_.database()), 6) << "only the first is over with all that belongs to it";
  move(kNoon);
  const auto files = archive_files(folder());
  ASSERT_THAT(files, SizeIs(2));
  EXPECT_EQ(files[0].path, folder() + "/2023-10.db");
  EXPECT_EQ(files[1].path, folder() + "/2023-11.db");
  EXPECT_EQ(rows(files[1].path), 2) << "attempts stay together";
  EXPECT_EQ(rows(folder_.database()), 4);
  EXPECT_THAT(found(*store_, filter_), ElementsAre("1", "2", "2/1", "3", "4", "5", "6"));
  filter_.duplicates = false;
  filter_.jobs = {{JobId(2), {}}};
  EXPECT_THAT(found(*store_, filter_), ElementsAre("2/1"));
}

TEST_F(ArchiveTest, WindowsAndSteps) {
  move(kNoon);
  filter_.from = kOctober + 20 * kDay;
  EXPECT_THAT(found(*store_, filter_), ElementsAre("2/1", "3", "5"));
  filter_ = {};
  filter_.jobs = {{JobId(1), {}}};
  Result<Reader> reader = store_->reader();
  std::size_t steps = 0;
  ASSERT_TRUE(reader->history(filter_, [&](const HistoryRow& row) {
    steps += row.steps.size();
    return true;
  }));
  EXPECT_EQ(steps, 1U);
}

TEST_F(ArchiveTest, ACrashBetweenTheTwoWritesDoublesNothing) {
  move(kNoon);
  const std::string october = folder() + "/2023-10.db";
  Transaction again;
  again.jobs = {
      shared(ended(running(a_job(1), kOctober), model::JobState::completed, kOctober + 5))};
  ASSERT_TRUE(commit(*store_, std::move(again)));
  EXPECT_THAT(found(*store_, filter_), ElementsAre("2", "2/1", "1", "3", "4", "5", "6"));
  move(kNoon);
  EXPECT_EQ(rows(october), 1);
  EXPECT_THAT(found(*store_, filter_), ElementsAre("1", "2", "2/1", "3", "4", "5", "6"));
}

TEST_F(ArchiveTest, SumsOfUseAreMadeFromAllOfIt) {
  const rollup::Period all{kOctober / model::kSecond, kNoon / model::kSecond + 86'400};
  const auto use = [&] {
    Result<Reader> reader = store_->reader();
    return *reader->use(all, Reader::Sizes::apart);
  };
  const auto before = use();
  ASSERT_FALSE(before.empty());
  move(kNoon);
  EXPECT_EQ(use(), before);
  ASSERT_TRUE(store_->rebuild_use());
  EXPECT_EQ(use(), before);
}

TEST_F(ArchiveTest, TheStoreMovesThemByItself) {
  store_->set_purge({base::wall_micros() / model::kSecond - kNoon / model::kSecond});
  until([&] { return archive_files(folder()).size() == 2; });
  EXPECT_THAT(archive_files(folder()), SizeIs(2));
  EXPECT_EQ(store_->archive_error(), "");
}

TEST_F(ArchiveTest, AFolderThatCantBeMadeIsToldAndNothingIsLost) {
  const std::string in_the_way = folder();
  ASSERT_EQ(::symlink("/dev/null", in_the_way.c_str()), 0);
  store_->set_purge({1});
  until([&] { return !store_->archive_error().empty(); });
  EXPECT_NE(store_->archive_error(), "");
  EXPECT_EQ(rows(folder_.database()), 7);
  EXPECT_TRUE(commit(*store_, {})) << "the state goes on";
}

}  // namespace
}  // namespace sluice::store
