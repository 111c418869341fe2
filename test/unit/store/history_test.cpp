// History queries: which attempts a filter finds, in which order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/store/store_world.hpp"

namespace sluice::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr model::WallTime at(std::int64_t seconds) { return kNoon + seconds * model::kSecond; }

constexpr std::uint64_t bit(model::JobState state) {
  return std::uint64_t{1} << static_cast<unsigned>(state);
}

// job   submit start end
//  1      1     10   20   completed, of another user, account and name
//  2      2     15   40   failed on n1, partition short
//  3      3     30   -    running
//  4      4     -    -    pending
//  5      5     -    25   cancelled while pending
//  6/0    6     12   18   node_fail, requeued;  6/1: 22 - 28 completed
class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() {
    model::Job one = ended(running(a_job(1), at(10)), model::JobState::completed, at(20));
    one.spec = spec_of(2000, "other");
    one.request = request_of("chemistry", "high");
    model::Job two = ended(running(a_job(2), at(15)), model::JobState::failed, at(40));
    two.partition = "short";
    const model::Job three = running(a_job(3), at(30));
    model::Job four = a_job(4);
    four.partition = "batch,short";
    const model::Job five = ended(a_job(5), model::JobState::cancelled, at(25));
    model::Job six = ended(running(a_job(6), at(12)), model::JobState::node_fail, at(18));
    six.flags = model::kFlagRequeued;
    model::Job again = a_job(6);
    again.attempt = 1;
    again.eligible = at(19);
    again = ended(running(again, at(22)), model::JobState::completed, at(28));
    Transaction transaction = with_jobs({one, two, three, four, five, again});
    transaction.ended.push_back(shared(six));
    transaction.steps.push_back(std::make_shared<const model::Step>(a_step(three, 4)));
    transaction.steps.push_back(
        std::make_shared<const model::Step>(a_step(three, base::kBatchStep)));
    EXPECT_TRUE(commit(*store_, std::move(transaction)));
    filter.with_steps = false;
  }

  std::vector<std::string> rows() { return found(*store_, filter); }
  std::vector<std::string> window(std::int64_t from, std::int64_t to) {
    filter.from = at(from);
    filter.to = at(to);
    return rows();
  }

  TemporaryFolder folder_;
  std::unique_ptr<Store> store_ = open_store(folder_.database());
  HistoryFilter filter;
};

TEST_F(HistoryTest, EverythingInJobOrderLatestAttemptOnly) {
  EXPECT_THAT(rows(), ElementsAre("1", "2", "3", "4", "5", "6/1"));
}

TEST_F(HistoryTest, AllAttempts) {
  filter.duplicates = true;
  EXPECT_THAT(rows(), ElementsAre("1", "2", "3", "4", "5", "6", "6/1"));
}

TEST_F(HistoryTest, AWindowFindsWhatExistedInIt) {
  EXPECT_THAT(window(41, 50), ElementsAre("3", "4"));
  EXPECT_THAT(window(26, 50), ElementsAre("2", "3", "4", "6/1"));
  EXPECT_THAT(window(40, 40), ElementsAre("2", "3", "4"));
  EXPECT_THAT(window(-10, 3), ElementsAre("1", "2", "3"));
  EXPECT_THAT(window(-10, 0), IsEmpty());
}

TEST_F(HistoryTest, AnOpenWindowEndsNever) {
  filter.from = at(1'000'000);
  EXPECT_THAT(rows(), ElementsAre("3", "4"));
}

TEST_F(HistoryTest, OfUsers) {
  filter.uids = {2000};
  EXPECT_THAT(rows(), ElementsAre("1"));
  filter.uids = {2000, 1000, 77};
  EXPECT_THAT(window(19, 26), ElementsAre("1", "2", "3", "4", "5", "6/1"));
  filter.uids = {1000};
  EXPECT_THAT(window(30, 40), ElementsAre("2", "3", "4"));
}

TEST_F(HistoryTest, OfAccountsNamesAndQos) {
  filter.accounts = {"chemistry"};
  EXPECT_THAT(rows(), ElementsAre("1"));
  filter.names = {"job"};
  EXPECT_THAT(rows(), IsEmpty());
  filter.names = {"other", "job"};
  filter.qos = {"high"};
  EXPECT_THAT(rows(), ElementsAre("1"));
}

TEST_F(HistoryTest, OfPartitionsAndNodes) {
  filter.partitions = {"short"};
  EXPECT_THAT(rows(), ElementsAre("2", "4"));
  filter.nodes = {"n1"};
  EXPECT_THAT(rows(), ElementsAre("2"));
  filter.nodes = {"n2"};
  EXPECT_THAT(rows(), IsEmpty());
}

TEST_F(HistoryTest, ByJobIdWhateverTheWindow) {
  filter.jobs = {{JobId(5), {}}, {JobId(1), {}}, {JobId(77), {}}};
  EXPECT_THAT(rows(), ElementsAre("1", "5"));
  EXPECT_THAT(window(21, 100), ElementsAre("5"));
}

TEST_F(HistoryTest, PendingAndRunningAreJudgedByIntervals) {
  filter.states = bit(model::JobState::pending);
  EXPECT_THAT(window(13, 14), ElementsAre("2", "3", "4", "5"));
  EXPECT_THAT(window(20, 21), ElementsAre("3", "4", "5", "6/1"));
  filter.states = bit(model::JobState::running);
  EXPECT_THAT(window(14, 16), ElementsAre("1", "2", "6"));
  EXPECT_THAT(window(50, 60), ElementsAre("3"));
}

TEST_F(HistoryTest, EndStatesCountWhenReachedInTheWindow) {
  filter.states = bit(model::JobState::completed) | bit(model::JobState::node_fail);
  EXPECT_THAT(window(1, 100), ElementsAre("1", "6/1"));
  EXPECT_THAT(window(1, 19), ElementsAre("6"));
  EXPECT_THAT(window(29, 100), IsEmpty());
  filter.states = bit(model::JobState::cancelled);
  EXPECT_THAT(window(1, 100), ElementsAre("5"));
}

TEST_F(HistoryTest, ByFlag) {
  model::Job seven = ended(running(a_job(7), at(50)), model::JobState::cancelled, at(51));
  seven.flags = model::kFlagRequeued;
  EXPECT_TRUE(commit(*store_, with_jobs({seven})));
  filter.states = std::uint64_t{model::kFlagRequeued} << 32U;
  EXPECT_THAT(rows(), ElementsAre("7"));  // the node's failure is what is told of job 6
}

TEST_F(HistoryTest, StepsComeWithTheirAttempt) {
  filter.with_steps = true;
  filter.jobs = {{JobId(3), {}}};
  EXPECT_THAT(rows(), ElementsAre("3.4.4294967291"));
}

TEST_F(HistoryTest, StopsWhenTheCallerHasEnough) {
  Result<Reader> reader = store_->reader();
  ASSERT_TRUE(reader);
  for (const model::WallTime from : {model::WallTime{0}, at(1)}) {
    filter.from = from;
    int seen = 0;
    ASSERT_TRUE(reader->history(filter, [&](const HistoryRow&) { return ++seen < 2; }));
    EXPECT_EQ(seen, 2);
  }
}

TEST_F(HistoryTest, ArraysWithTheirTasks) {
  model::Job rest = a_job(10);
  rest.array_job = rest.id;
  rest.array_rest = std::make_shared<const model::TaskSet>(model::TaskSet{{{5, 9, 2}}});
  Transaction transaction = with_jobs({rest});
  for (const std::uint32_t task : {1U, 2U, 3U}) {
    model::Job own = running(a_job(10 + task), at(50));
    own.array_job = rest.id;
    own.array_task = task;
    transaction.jobs.push_back(shared(own));
  }
  ASSERT_TRUE(commit(*store_, std::move(transaction)));
  filter.jobs = {{JobId(10), {}}};
  EXPECT_THAT(rows(), ElementsAre("10", "11", "12", "13"));
  filter.jobs = {{JobId(10), {{2, 3, 1}}}};
  EXPECT_THAT(rows(), ElementsAre("12", "13"));
  filter.jobs = {{JobId(10), {{1, 3, 2}, {7, 7, 1}}}};
  EXPECT_THAT(rows(), ElementsAre("10", "11", "13"));
  filter.jobs = {{JobId(10), {{6, 6, 1}}}};
  EXPECT_THAT(rows(), IsEmpty());
  filter.jobs = {{JobId(12), {}}};
  EXPECT_THAT(rows(), ElementsAre("12"));
}

TEST_F(HistoryTest, SuspendedAtSomeTimeInTheWindow) {
  model::Job seven = running(a_job(7), at(50));
  seven.suspensions = {{at(60), at(70)}};
  seven = ended(seven, model::JobState::completed, at(90));
  ASSERT_TRUE(commit(*store_, with_jobs({seven})));
  filter.states = bit(model::JobState::suspended);
  EXPECT_THAT(window(65, 66), ElementsAre("7"));
  EXPECT_THAT(window(71, 100), IsEmpty());
}

}  // namespace
}  // namespace sluice::store
