// The event stream in the store: what is told of records as they change, once, in order, without
// gaps; what a restart and a roll-back leave of it; what is kept how long.
#include <gtest/gtest.h>

#include "event/text.hpp"
#include "ledger/entry.hpp"
#include "store/event_reader.hpp"
#include "store/event_rows.hpp"
#include "test/unit/store/store_world.hpp"

namespace sluice::store {
namespace {

using model::JobState;

std::vector<event::Event> events_after(const std::string& path, std::uint64_t after) {
  Result<EventReader> reader = EventReader::open(path);
  EXPECT_TRUE(reader);
  std::vector<event::Event> events;
  const Status read = reader->read(after, event::kAllKinds, [&](event::Event event) {
    events.push_back(std::move(event));
    return true;
  });
  EXPECT_TRUE(read) << read.error().text;
  return events;
}

// "job.submitted 7/0": of jobs with id and attempt.
std::string label(const event::Event& event) {
  std::string text = event::event_name(event);
  if (event.job) {
    text += " " + std::to_string(event.job->job.value) + "/" + std::to_string(event.job->attempt);
  }
  if (event.node) text += " " + event.node->name.str() + " " + event.node->state.str();
  if (event.entry) text += " " + std::to_string(event.entry->sequence);
  return text;
}

std::vector<std::string> told(const std::string& path, std::uint64_t after = 0) {
  std::vector<std::string> labels;
  for (const event::Event& event : events_after(path, after)) labels.push_back(label(event));
  return labels;
}

class EventsTest : public ::testing::Test {
 protected:
  void write(std::vector<model::Job> jobs) {
    ASSERT_TRUE(commit(*store, with_jobs(std::move(jobs))));
  }
  void end(model::Job job) {
    Transaction transaction = with_jobs({job});
    transaction.ended = transaction.jobs;
    ASSERT_TRUE(commit(*store, std::move(transaction)));
  }
  void write_node(model::NodeState state, std::uint32_t flags, std::string_view reason = "") {
    auto node = std::make_shared<model::Node>();
    node->name = "n1";
    node->state = state;
    node->flags = flags;
    node->reason = reason;
    Transaction transaction;
    transaction.nodes.push_back(std::move(node));
    ASSERT_TRUE(commit(*store, std::move(transaction)));
  }
  void reopen() {
    store.reset();
    store = open_store(folder.database());
    static_cast<void>(load_from(*store));
  }
  [[nodiscard]] std::vector<std::string> all() const { return told(folder.database()); }

  TemporaryFolder folder;
  std::unique_ptr<Store> store = open_store(folder.database());
};

using Labels = std::vector<std::string>;

TEST_F(EventsTest, ALifeIsToldOnce) {
  model::Job job = a_job(7);
  write({job});
  job.reason = model::Reason::resources;
  write({job});
  job = running(job, kNoon);
  job.flags = model::kFlagConfiguring;
  write({job});
  job.flags = 0;
  write({job});
  job.state = JobState::suspended;
  write({job});
  job.state = JobState::running;
  write({job});
  job = ended(job, JobState::completed, kNoon + 9);
  job.flags = model::kFlagCompleting;
  write({job});
  job.flags = 0;
  end(job);
  EXPECT_EQ(all(), (Labels{"job.submitted 7/0", "job.started 7/0", "job.suspended 7/0",
                           "job.resumed 7/0", "job.ended 7/0"}));
  const event::Event last = events_after(folder.database(), 4).front();
  EXPECT_EQ(last.cursor, 5U);
  EXPECT_EQ(last.job->account, Text("physics"));
  EXPECT_EQ(last.job->nodes, Text("n1"));
  EXPECT_EQ(last.job->memory, 100U);
}

TEST_F(EventsTest, ARequeueEndsOneAttemptAndBeginsAnother) {
  model::Job job = running(a_job(7), kNoon);
  write({a_job(7)});
  write({job});
  model::Job past = ended(job, JobState::node_fail, kNoon + 5);
  past.flags = model::kFlagRequeued;
  model::Job next = a_job(7);
  next.attempt = 1;
  Transaction transaction = with_jobs({next});
  transaction.ended.push_back(shared(past));
  ASSERT_TRUE(commit(*store, std::move(transaction)));
  next.state = JobState::preempted;
  end(next);
  EXPECT_EQ(all(), (Labels{"job.submitted 7/0", "job.started 7/0", "job.ended 7/0",
                           "job.requeued 7/1", "job.preempted 7/1"}));
}

TEST_F(EventsTest, AnArrayIsSubmittedOnce) {
  model::Job rest = a_job(7);
  rest.array_job = rest.id;
  model::TaskSet tasks;
  tasks.runs.push_back({1, 3, 1});
  rest.array_rest = std::make_shared<const model::TaskSet>(tasks);
  write({rest});
  model::Job task = a_job(8);
  task.array_job = rest.id;
  task.array_task = 1;
  write({rest, running(task, kNoon)});
  model::Job waiting = a_job(9);
  waiting.array_job = rest.id;
  waiting.array_task = 2;
  write({waiting});
  rest.array_rest = nullptr;
  rest.array_task = 3;
  write({running(rest, kNoon)});
  EXPECT_EQ(all(), (Labels{"job.submitted 7/0", "job.started 8/0", "job.started 7/0"}));
}

TEST_F(EventsTest, OnlyWhatSomebodyAskedForIsAChange) {
  model::Job job = a_job(7);
  write({job});
  job.priority = 5;
  write({job});
  Transaction asked = with_jobs({job});
  asked.touched.push_back(job.id);
  ASSERT_TRUE(commit(*store, std::move(asked)));
  Transaction cancelled = with_jobs({ended(job, JobState::cancelled, kNoon)});
  cancelled.touched.push_back(job.id);
  ASSERT_TRUE(commit(*store, std::move(cancelled)));
  EXPECT_EQ(all(), (Labels{"job.submitted 7/0", "job.changed 7/0", "job.ended 7/0"}));
}

TEST_F(EventsTest, NodesTellWhetherTheyCanBeUsed) {
  write_node(model::NodeState::idle, 0);
  write_node(model::NodeState::allocated, 0);
  write_node(model::NodeState::mixed, model::kNodeDrain, "disk");
  reopen();
  write_node(model::NodeState::unknown, model::kNodeDrain, "disk");
  write_node(model::NodeState::down, model::kNodeDrain, "disk");
  write_node(model::NodeState::idle, model::kNodeDrain, "disk");
  write_node(model::NodeState::idle, 0);
  write_node(model::NodeState::idle, model::kNodeNoRespond);
  EXPECT_EQ(all(), (Labels{"node.drained n1 UP+DRAIN", "node.down n1 DOWN+DRAIN",
                           "node.up n1 UP+DRAIN", "node.undrained n1 UP"}));
}

TEST_F(EventsTest, CursorsGoOnAfterARestartAndIdsNeverRepeat) {
  write({a_job(1), a_job(2)});
  reopen();
  write({a_job(3)});
  const auto events = events_after(folder.database(), 0);
  ASSERT_EQ(events.size(), 3U);
  std::set<std::string> ids;
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].cursor, i + 1);
    EXPECT_GE(events[i].time, events[i == 0 ? 0 : i - 1].time);
    ids.insert(event::event_id(events[i]));
  }
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_EQ(events[0].origin, events[1].origin);
  EXPECT_NE(events[1].origin, events[2].origin);
  EXPECT_EQ(told(folder.database(), 2), (Labels{"job.submitted 3/0"}));
}

// Rows by themselves, with a clock of the test's own.
class EventRowsTest : public EventsTest {
 protected:
  void SetUp() override {
    store.reset();
    connection.emplace(*Connection::open(folder.database(), Connection::Mode::writer));
    rows.emplace(*EventRows::prepare(*connection));
  }
  void add(std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t id = from; id <= to; ++id) {
      rows->begin(kNoon + id * model::kSecond);
      ASSERT_TRUE(rows->note(a_job(id), EventRows::Standing::is_new, EventRows::Cause::course));
    }
  }
  [[nodiscard]] EventRange range() const { return *EventReader::open(folder.database())->range(); }

  std::optional<Connection> connection;
  std::optional<EventRows> rows;
};

TEST_F(EventRowsTest, TooManyGoAndTheNewestStays) {
  add(1, 30);
  rows->set_limits({.rows = 10});
  ASSERT_TRUE(rows->purge());
  EXPECT_EQ(range().oldest, 21U);
  EXPECT_EQ(range().newest, 30U);
  rows->set_limits({.after_s = 1});
  rows->begin(kNoon + 1000 * model::kSecond);
  ASSERT_TRUE(rows->purge());
  EXPECT_EQ(range().oldest, 30U);
  EXPECT_EQ(range().newest, 30U);
}

TEST_F(EventRowsTest, OldOnesGoInSteps) {
  add(1, 2000);
  rows->set_limits({.after_s = 100});
  ASSERT_TRUE(rows->purge());
  EXPECT_EQ(range().oldest, 1900U);  // as much was written as goes at once
  add(2001, 2001);
  rows->begin(kNoon + 9000 * model::kSecond);
  ASSERT_TRUE(rows->purge());
  EXPECT_EQ(range().oldest, 2001U);
}

TEST_F(EventRowsTest, ARollBackGivesCursorsBack) {
  add(1, 2);
  ASSERT_TRUE(connection->execute("BEGIN"));
  add(3, 9);
  ASSERT_TRUE(connection->execute("ROLLBACK"));
  rows->forget();
  add(3, 3);
  EXPECT_EQ(range().newest, 3U);
  // A clock that was set back doesn't set the stream's back.
  rows->begin(kNoon);
  ASSERT_TRUE(rows->note(a_job(4), EventRows::Standing::is_new, EventRows::Cause::course));
  EXPECT_EQ(events_after(folder.database(), 3).front().time, kNoon + 3 * model::kSecond);
}

TEST_F(EventRowsTest, TheCursorOfATime) {
  Result<EventReader> reader = EventReader::open(folder.database());
  ASSERT_TRUE(reader);
  EXPECT_EQ(*reader->before(kNoon), 0U);
  add(1, 50);
  EXPECT_EQ(*reader->before(kNoon), 0U);
  EXPECT_EQ(*reader->before(kNoon + 20 * model::kSecond), 19U);
  EXPECT_EQ(*reader->before(kNoon + 20 * model::kSecond + 1), 20U);
  EXPECT_EQ(*reader->before(kNoon + 9000 * model::kSecond), 50U);
}

}  // namespace
}  // namespace sluice::store
