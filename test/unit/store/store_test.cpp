// The store as the controller uses it: what was committed is there after a reopening, exactly.
#include "store/store.hpp"

#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "test/unit/store/store_world.hpp"

namespace sluice::store {
namespace {

using ::testing::ElementsAre;

class StoreTest : public ::testing::Test {
 protected:
  void reopen() {
    store.reset();
    store = open_store(folder.database());
  }
  Result<Reader> reader() { return store->reader(); }

  TemporaryFolder folder;
  std::unique_ptr<Store> store = open_store(folder.database());
};

void expect_same(const model::Job& stored, const model::Job& was) {
  EXPECT_EQ(*stored.spec, *was.spec);
  EXPECT_EQ(*stored.request, *was.request);
  EXPECT_EQ(stored.allocation != nullptr, was.allocation != nullptr);
  if (stored.allocation && was.allocation) {
    EXPECT_EQ(*stored.allocation, *was.allocation);
  }
  EXPECT_EQ(stored.array_rest != nullptr, was.array_rest != nullptr);
  if (stored.array_rest && was.array_rest) {
    EXPECT_EQ(*stored.array_rest, *was.array_rest);
  }
  model::Job plain = stored;
  plain.spec = was.spec;
  plain.request = was.request;
  plain.allocation = was.allocation;
  plain.array_rest = was.array_rest;
  EXPECT_EQ(plain, was);
}

TEST_F(StoreTest, IsEmptyAtFirst) {
  const LoadedState state = load_from(*store);
  EXPECT_EQ(state.epoch, 1U);
  EXPECT_EQ(state.next_job_id, 0U);
  EXPECT_TRUE(state.jobs.empty());
  EXPECT_TRUE(store->accepts_work());
}

TEST_F(StoreTest, RaisesTheEpochAtEachStart) {
  EXPECT_EQ(load_from(*store).epoch, 1U);
  reopen();
  EXPECT_EQ(load_from(*store).epoch, 2U);
}

TEST_F(StoreTest, NoJobIdIsHandedOutAgain) {
  Transaction transaction = with_jobs({a_job(20)});
  transaction.next_job_id = 21;
  ASSERT_TRUE(commit(*store, std::move(transaction)));
  reopen();
  EXPECT_EQ(load_from(*store).next_job_id, 21U);
  Transaction skipped;
  skipped.next_job_id = 30;
  ASSERT_TRUE(commit(*store, std::move(skipped)));
  reopen();
  EXPECT_EQ(load_from(*store).next_job_id, 30U);
}

TEST_F(StoreTest, GivesBackUnfinishedJobs) {
  model::Job pending = a_job(7);
  pending.reason_detail = "why";
  model::Job rest = a_job(8);
  rest.array_job = rest.id;
  rest.array_rest =
      std::make_shared<const model::TaskSet>(model::TaskSet{{{1, 9, 2}, {20, 20, 1}}});
  model::Job active = running(a_job(9), kNoon + 20 * model::kSecond);
  model::Job completing = ended(active, model::JobState::failed, kNoon - 99'999 * model::kSecond);
  completing.id = JobId(10);
  completing.flags = model::kFlagCompleting;
  Transaction transaction = with_jobs({pending, rest, active, completing});
  transaction.next_job_id = 11;
  ASSERT_TRUE(commit(*store, std::move(transaction)));
  reopen();
  const LoadedState state = load_from(*store);
  EXPECT_EQ(state.next_job_id, 11U);
  ASSERT_EQ(state.jobs.size(), 4U);
  expect_same(*state.jobs[0], pending);
  expect_same(*state.jobs[1], rest);
  expect_same(*state.jobs[2], active);
  expect_same(*state.jobs[3], completing);
  EXPECT_EQ(state.jobs[0]->spec, state.jobs[3]->spec) << "equal specs are one object";
  EXPECT_EQ(state.jobs[0]->request, state.jobs[3]->request);
}

TEST_F(StoreTest, ReleasesOfNodesAreKeptUntilTheFinalRecord) {
  model::Job completing = ended(running(a_job(10), kNoon), model::JobState::failed, kNoon);
  completing.flags = model::kFlagCompleting;
  Transaction first = with_jobs({completing});
  first.released = {{completing.id, completing.attempt, "n2"}};
  ASSERT_TRUE(commit(*store, std::move(first)));
  Transaction second;
  second.released = {{completing.id, completing.attempt, "n1"}};
  ASSERT_TRUE(commit(*store, std::move(second)));
  reopen();
  const std::vector<model::NodeRelease> both{{completing.id, completing.attempt, "n1"},
                                             {completing.id, completing.attempt, "n2"}};
  EXPECT_EQ(load_from(*store).released, both);
  completing.flags = 0;
  ASSERT_TRUE(commit(*store, with_jobs({completing})));
  reopen();
  EXPECT_TRUE(load_from(*store).released.empty());
}

TEST_F(StoreTest, LoadsFinishedJobsOfTheLastMinutesOnly) {
  const model::Job old = ended(a_job(1), model::JobState::cancelled, kNoon - 301 * model::kSecond);
  const model::Job young =
      ended(a_job(2), model::JobState::cancelled, kNoon - 299 * model::kSecond);
  ASSERT_TRUE(commit(*store, with_jobs({old, young})));
  reopen();
  const LoadedState state = load_from(*store);
  ASSERT_EQ(state.jobs.size(), 1U);
  expect_same(*state.jobs[0], young);
}

TEST_F(StoreTest, LoadsOldJobsThatAreStillNeeded) {
  const model::WallTime long_ago = kNoon - 5000 * model::kSecond;
  model::Job rest = a_job(1);
  rest.array_job = rest.id;
  rest.array_rest = std::make_shared<const model::TaskSet>(model::TaskSet{{{3, 3, 1}}});
  const auto task = [&](std::uint32_t id, std::uint32_t number, model::JobState state) {
    model::Job job = a_job(id);
    job.array_job = rest.id;
    job.array_task = number;
    return ended(job, state, long_ago);
  };
  const model::Job bad = task(2, 1, model::JobState::failed);
  const model::Job good = task(3, 2, model::JobState::completed);
  const model::Job target = ended(a_job(4), model::JobState::completed, long_ago);
  const model::Job other = ended(a_job(5), model::JobState::failed, long_ago);
  model::Job waiting = a_job(6);
  waiting.dependency = "after:4+600(unfulfilled),afterany:5(unfulfilled)";
  // It failed, was requeued, and went well then.
  const model::Job before = task(7, 4, model::JobState::node_fail);
  model::Job better = task(7, 4, model::JobState::completed);
  better.attempt = 1;
  ASSERT_TRUE(commit(*store, with_jobs({rest, bad, good, target, other, waiting, before, better})));
  reopen();
  const LoadedState state = load_from(*store);
  std::vector<std::uint32_t> ids;
  for (const model::JobPtr& job : state.jobs) ids.push_back(job->id.value);
  EXPECT_THAT(ids, ElementsAre(1, 2, 4, 6));
}

TEST_F(StoreTest, LoadsOnlyTheLatestAttempt) {
  const model::Job first = running(a_job(1), kNoon);
  ASSERT_TRUE(commit(*store, with_jobs({first})));
  model::Job past = ended(first, model::JobState::node_fail, kNoon + model::kSecond);
  past.flags = model::kFlagRequeued;
  model::Job again = a_job(1);
  again.attempt = 1;
  again.restarts = 1;
  Transaction transaction = with_jobs({again});
  transaction.ended.push_back(shared(past));
  ASSERT_TRUE(commit(*store, std::move(transaction)));
  reopen();
  const LoadedState state = load_from(*store);
  ASSERT_EQ(state.jobs.size(), 1U);
  expect_same(*state.jobs[0], again);
  HistoryFilter all;
  all.duplicates = true;
  EXPECT_THAT(found(*store, all), ElementsAre("1", "1/1"));
}

TEST_F(StoreTest, ReplacesRecordsOfTheSameIdentity) {
  model::Job job = a_job(1);
  ASSERT_TRUE(commit(*store, with_jobs({job})));
  job.spec = spec_of(1000, "renamed");
  ASSERT_TRUE(commit(*store, with_jobs({job, a_job(2)})));
  const model::Job active = running(job, kNoon);
  ASSERT_TRUE(commit(*store, with_jobs({active})));
  const model::Job over = ended(active, model::JobState::completed, kNoon + model::kSecond);
  Transaction last = with_jobs({over});
  last.ended = last.jobs;
  ASSERT_TRUE(commit(*store, std::move(last)));
  reopen();
  const LoadedState state = load_from(*store);
  ASSERT_EQ(state.jobs.size(), 2U);
  expect_same(*state.jobs[0], over);
  expect_same(*state.jobs[1], a_job(2));
}

TEST_F(StoreTest, TheLastOfAnArrayTakesOverItsRecord) {
  model::Job rest = a_job(5);
  rest.array_job = rest.id;
  rest.array_rest = std::make_shared<const model::TaskSet>(model::TaskSet{{{3, 3, 1}}});
  ASSERT_TRUE(commit(*store, with_jobs({rest})));
  model::Job task = rest;
  task.array_rest = nullptr;
  task.array_task = 3;
  ASSERT_TRUE(commit(*store, with_jobs({task})));
  HistoryFilter third;
  third.jobs = {{JobId(5), {{3, 3, 1}}}};
  EXPECT_THAT(found(*store, third), ElementsAre("5"));
  HistoryFilter fourth;
  fourth.jobs = {{JobId(5), {{4, 4, 1}}}};
  EXPECT_TRUE(found(*store, fourth).empty());
}

TEST_F(StoreTest, KeepsRunningStepsAndForgetsEndedOnes) {
  const model::Job job = running(a_job(1), kNoon);
  model::Step open = a_step(job, 0);
  model::Step over = a_step(job, 1);
  Transaction transaction = with_jobs({job});
  transaction.steps = {std::make_shared<const model::Step>(open),
                       std::make_shared<const model::Step>(over)};
  ASSERT_TRUE(commit(*store, std::move(transaction)));
  over.state = model::JobState::failed;
  over.exit_code = 256;
  Transaction end;
  end.steps = {std::make_shared<const model::Step>(over)};
  ASSERT_TRUE(commit(*store, std::move(end)));
  reopen();
  const LoadedState state = load_from(*store);
  ASSERT_EQ(state.steps.size(), 1U);
  EXPECT_EQ(*state.steps[0], open);
  EXPECT_THAT(found(*store, {}), ElementsAre("1.0.1"));
}

TEST_F(StoreTest, KeepsOfANodeWhatAnAdministratorSet) {
  model::Node node;
  node.name = "n1";
  node.facts.hostname = "host";
  node.state = model::NodeState::mixed;
  node.flags = model::kNodeDrain | model::kNodeNoRespond;
  node.reason = "bad fan";
  node.allocated_cpus = 3;
  node.last_busy = 5;
  Transaction transaction;
  transaction.nodes.push_back(std::make_shared<const model::Node>(node));
  ASSERT_TRUE(commit(*store, transaction));
  const std::uint64_t rows = store->stats().rows;
  node.allocated_cpus = 0;
  node.state = model::NodeState::idle;
  transaction.nodes[0] = std::make_shared<const model::Node>(node);
  ASSERT_TRUE(commit(*store, transaction));
  EXPECT_EQ(store->stats().rows, rows) << "what jobs do to a node is not written";
  reopen();
  const LoadedState state = load_from(*store);
  ASSERT_EQ(state.nodes.size(), 1U);
  model::Node kept = node;
  kept.state = model::NodeState::unknown;
  kept.flags = model::kNodeDrain;
  EXPECT_EQ(*state.nodes[0], kept);
}

TEST_F(StoreTest, KeepsPartitionsHostsAndTokens) {
  Transaction transaction;
  model::Partition partition;
  partition.name = "batch";
  partition.state = model::PartitionState::down;
  transaction.partitions.push_back(std::make_shared<const model::Partition>(partition));
  transaction.hosts.push_back({"n1", "key", "node,login", "10.0.0.1", 6818});
  transaction.tokens.push_back({"hash1", "node", kNoon, 2});
  transaction.tokens.push_back({"hash2", "node", kNoon, 1});
  ASSERT_TRUE(commit(*store, std::move(transaction)));
  model::Reservation reservation;
  reservation.id = 3;
  reservation.name = "maint";
  reservation.parts = {{"n1", 2}};
  Transaction reserves;
  reserves.reservations.push_back(std::make_shared<const model::Reservation>(reservation));
  reservation.id = 4;
  reserves.reservations.push_back(std::make_shared<const model::Reservation>(reservation));
  ASSERT_TRUE(commit(*store, std::move(reserves)));
  Transaction used;
  used.reservations_gone.push_back(std::make_shared<const model::Reservation>(reservation));
  used.tokens.push_back({"hash2", "node", kNoon, 0});
  ASSERT_TRUE(commit(*store, std::move(used)));
  reopen();
  const LoadedState state = load_from(*store);
  ASSERT_EQ(state.partitions.size(), 1U);
  EXPECT_EQ(*state.partitions[0], partition);
  ASSERT_EQ(state.reservations.size(), 1U);
  EXPECT_EQ(state.reservations[0]->id, 3U);
  EXPECT_EQ(state.reservations[0]->parts, reservation.parts);
  ASSERT_EQ(state.hosts.size(), 1U);
  EXPECT_EQ(state.hosts[0].public_key, "key");
  EXPECT_EQ(state.hosts[0].port, 6818U);
  ASSERT_EQ(state.tokens.size(), 1U);
  EXPECT_EQ(state.tokens[0].secret_hash, "hash1");
  EXPECT_EQ(state.tokens[0].uses_left, 2U);
}

TEST_F(StoreTest, StoresABlobOnce) {
  const Text hash = content_hash("#!/bin/sh\n");
  EXPECT_EQ(hash, "a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf");
  Transaction transaction;
  transaction.blobs.push_back({hash, "#!/bin/sh\n"});
  ASSERT_TRUE(commit(*store, transaction));
  const std::uint64_t rows = store->stats().rows;
  ASSERT_TRUE(commit(*store, transaction));
  EXPECT_EQ(store->stats().rows, rows);
  EXPECT_EQ(*reader()->blob(hash), "#!/bin/sh\n");
  EXPECT_EQ(reader()->blob("0").error().code, ErrorCode::not_found);
  reopen();
  ASSERT_TRUE(commit(*store, transaction));
  EXPECT_EQ(*reader()->blob(hash), "#!/bin/sh\n");
}

TEST_F(StoreTest, ARetryGetsTheFirstAnswer) {
  Transaction first;
  first.reply = StoredReply{{1, 2}, 1000, 7, std::string("job 1\0x", 7)};
  ASSERT_TRUE(commit(*store, first));
  Transaction second;
  second.reply = StoredReply{{1, 2}, 1000, 7, "job 2"};
  ASSERT_TRUE(commit(*store, second));
  reopen();
  const Result<std::optional<StoredReply>> reply = reader()->find_reply({1, 2});
  ASSERT_TRUE(reply && *reply);
  EXPECT_EQ((*reply)->payload, std::string("job 1\0x", 7));
  EXPECT_EQ((*reply)->uid, 1000U);
  EXPECT_EQ((*reply)->type, 7U);
  EXPECT_EQ(*reader()->find_reply({2, 1}), std::nullopt);
}

TEST_F(StoreTest, AnswersInTheOrderOfTheCommits) {
  constexpr int kCount = 500;
  std::vector<int> order;  // written by the commit thread only, read after the store is closed
  for (int i = 0; i < kCount; ++i) {
    store->commit(with_jobs({a_job(static_cast<std::uint32_t>(i + 1))}),
                  [&order, i](Status status) {
                    if (status) order.push_back(i);
                  });
  }
  const std::uint64_t commits = [&] {
    EXPECT_TRUE(commit(*store, {}));
    return store->stats().commits;
  }();
  EXPECT_LT(commits, kCount) << "those that waited were committed together";
  store.reset();
  ASSERT_EQ(order.size(), static_cast<std::size_t>(kCount));
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST_F(StoreTest, ClosingWaitsForWhatIsQueued) {
  int done = 0;
  for (std::uint32_t id = 1; id <= 100; ++id) {
    store->commit(with_jobs({a_job(id)}), [&](const Status& status) { done += status ? 1 : 0; });
  }
  reopen();
  EXPECT_EQ(done, 100);
  EXPECT_EQ(load_from(*store).jobs.size(), 100U);
}

TEST_F(StoreTest, AReaderSeesWhatWasAnswered) {
  Result<Reader> early = reader();
  ASSERT_TRUE(early);
  ASSERT_TRUE(commit(*store, with_jobs({a_job(1)})));
  int rows = 0;
  ASSERT_TRUE(early->history({}, [&](const HistoryRow&) { return ++rows > 0; }));
  EXPECT_EQ(rows, 1);
}

TEST_F(StoreTest, SkippingTheCommitAnswersBeforeIt) {
  store.reset();
  OpenOptions options = options_for(folder.database());
  options.skip_durable_commit = true;
  Result<std::unique_ptr<Store>> loose = Store::open(options);
  ASSERT_TRUE(loose);
  std::promise<bool> seen;
  (*loose)->commit(with_jobs({a_job(1)}),
                   [&](const Status&) { seen.set_value(found(**loose, {}).empty()); });
  EXPECT_TRUE(seen.get_future().get());
}

}  // namespace
}  // namespace sluice::store
