// What sdiag shows: what counts as what, what midnight and a reset by hand take away, and that a
// pass of several slices is one cycle.
#include "daemon/controller/service/statistics.hpp"

#include <gtest/gtest.h>

namespace sluice::controller {
namespace {

constexpr model::WallTime kDay = 86'400 * model::kSecond;
constexpr model::WallTime kNoon = 20'000 * kDay + kDay / 2;

model::Job a_job(std::uint32_t id, model::JobState state = model::JobState::pending) {
  model::Job job;
  job.id = JobId(id);
  job.state = state;
  return job;
}

model::JobPtr shared(model::Job job) { return std::make_shared<const model::Job>(std::move(job)); }

model::JobPtr rest_of_array(std::uint32_t id, model::JobState state, std::uint32_t tasks) {
  model::Job job = a_job(id, state);
  model::TaskSet set;
  set.runs.push_back({0, tasks - 1, 1});
  job.array_rest = std::make_shared<const model::TaskSet>(set);
  return shared(std::move(job));
}

core::LaunchJob launch(std::uint32_t id, std::uint32_t node) {
  model::Job job = a_job(id, model::JobState::running);
  auto allocation = std::make_shared<model::Allocation>();
  for (const std::uint32_t index : {3U, 5U}) {
    model::NodeShare share;
    share.node = NodeIndex(index);
    allocation->shares.push_back(share);
  }
  job.allocation = allocation;
  return {shared(std::move(job)), NodeIndex(node)};
}

const wire::RequestStats* find(const std::vector<wire::RequestStats>& all, std::uint32_t id) {
  const auto found = std::ranges::find(all, id, &wire::RequestStats::id);
  return found == all.end() ? nullptr : &*found;
}

TEST(Statistics, EachTaskAndComponentIsAJob) {
  Statistics statistics(kNoon);
  core::Changes array;
  array.job = JobId(7);
  array.jobs = {shared(a_job(3)), rest_of_array(7, model::JobState::pending, 5)};
  statistics.note_submit(array, kNoon);
  core::Changes both;
  both.job = JobId(20);
  for (const std::uint32_t id : {20U, 21U}) {
    model::Job part = a_job(id);
    part.het_job = JobId(20);
    both.jobs.push_back(shared(std::move(part)));
  }
  statistics.note_submit(both, kNoon);
  EXPECT_EQ(statistics.figures(kNoon).jobs.submitted, 7U);
}

TEST(Statistics, AJobOfSeveralNodesStartsOnce) {
  Statistics statistics(kNoon);
  core::Changes changes;
  changes.orders = {launch(1, 3), launch(1, 5), launch(2, 3), core::ResumeJob{}};
  statistics.note(changes, kNoon);
  EXPECT_EQ(statistics.figures(kNoon).jobs.started, 2U);
}

TEST(Statistics, EndsAreSortedByWhoseFaultTheyAre) {
  Statistics statistics(kNoon);
  core::Changes changes;
  using State = model::JobState;
  for (const State state : {State::completed, State::failed, State::timeout, State::preempted,
                            State::node_fail, State::boot_fail, State::cancelled}) {
    changes.ended.push_back(shared(a_job(1, state)));
  }
  changes.ended.push_back(rest_of_array(9, State::cancelled, 4));
  statistics.note(changes, kNoon);
  const wire::JobStats jobs = statistics.figures(kNoon).jobs;
  EXPECT_EQ(jobs.completed, 4U);
  EXPECT_EQ(jobs.failed, 2U);
  EXPECT_EQ(jobs.cancelled, 5U);
}

TEST(Statistics, SlicesOfAPassAreOneCycle) {
  Statistics statistics(kNoon);
  core::PassFigures figures{.examined = 3, .tried = 2, .queued = 9, .planned = 1};
  statistics.note_slice(figures, 100, Statistics::Slice::partial, kNoon);
  EXPECT_EQ(statistics.figures(kNoon).main.count, 0U);
  figures = {.examined = 2, .tried = 2, .blocked = 1, .ahead = 1, .queued = 8, .planned = 2};
  statistics.note_slice(figures, 50, Statistics::Slice::whole, kNoon);
  statistics.note_slice({.examined = 1}, 10, Statistics::Slice::whole, kNoon + 1);
  const wire::SchedulerStats stats = statistics.figures(kNoon);
  EXPECT_EQ(stats.main.count, 2U);
  EXPECT_EQ(stats.main.us.all, 160U);
  EXPECT_EQ(stats.main.us.most, 150U);
  EXPECT_EQ(stats.main.us.last, 10U);
  EXPECT_EQ(stats.main.depth.all, 6U);
  // Only the first looked behind a blocked job.
  EXPECT_EQ(stats.backfill.count, 1U);
  EXPECT_EQ(stats.backfill.when, kNoon);
  EXPECT_EQ(stats.backfill.depth.last, 5U);
  EXPECT_EQ(stats.backfill.tried.last, 4U);
  EXPECT_EQ(stats.backfill.queue.last, 8U);
  EXPECT_EQ(stats.backfill.table.last, 2U);
  EXPECT_EQ(stats.backfilled, 1U);
}

TEST(Statistics, AClockThatWasSetBackIsNoTime) {
  Statistics statistics(kNoon);
  statistics.note_slice({}, -5'000'000, Statistics::Slice::whole, kNoon);
  EXPECT_EQ(statistics.figures(kNoon).main.us.all, 0U);
}

TEST(Statistics, MidnightKeepsRequestsAndAllThatWasEverBackfilled) {
  Statistics statistics(kNoon);
  core::Changes changes;
  changes.orders = {launch(1, 3)};
  statistics.note(changes, kNoon);
  statistics.note_slice({.blocked = 1, .ahead = 2, .ahead_parts = 4}, 70, Statistics::Slice::whole,
                        kNoon);
  statistics.note_request(30, 1000, 12);
  const wire::SchedulerStats next = statistics.figures(kNoon + kDay);
  EXPECT_EQ(next.since, 20'001 * kDay);
  EXPECT_EQ(next.jobs.started, 0U);
  EXPECT_EQ(next.main.count, 0U);
  EXPECT_EQ(next.main.us.last, 70U);
  EXPECT_EQ(next.backfilled, 0U);
  EXPECT_EQ(next.backfilled_ever, 2U);
  EXPECT_EQ(next.backfilled_parts, 4U);
  EXPECT_EQ(next.by_type.size(), 1U);
  statistics.reset(kNoon + kDay);
  const wire::SchedulerStats none = statistics.figures(kNoon + kDay);
  EXPECT_EQ(none.since, kNoon + kDay);
  EXPECT_EQ(none.backfilled_ever, 0U);
  EXPECT_TRUE(none.by_type.empty());
  EXPECT_TRUE(none.by_user.empty());
}

TEST(Statistics, RequestsCountByTypeAndByUser) {
  Statistics statistics(kNoon);
  statistics.note_request(30, 1000, 12);
  statistics.note_request(30, 1001, 20);
  statistics.note_request(88, std::nullopt, 5);  // a node's daemon
  statistics.note_request(9999, 1000, 1);
  statistics.note_request(9998, 1000, 1);
  const wire::SchedulerStats stats = statistics.figures(kNoon);
  ASSERT_NE(find(stats.by_type, 30), nullptr);
  EXPECT_EQ(find(stats.by_type, 30)->name, "QUERY_JOBS");
  EXPECT_EQ(find(stats.by_type, 30)->us_all, 32U);
  EXPECT_EQ(find(stats.by_type, 30)->us_most, 20U);
  EXPECT_EQ(find(stats.by_type, 0)->count, 2U);  // types that nobody knows are one
  EXPECT_EQ(stats.by_type.size(), 3U);
  EXPECT_EQ(find(stats.by_user, 1000)->count, 3U);
  EXPECT_EQ(stats.by_user.size(), 2U);
}

TEST(Statistics, OrdersWaitUntilTheyAreGiven) {
  Statistics statistics(kNoon);
  const std::vector<core::Order> orders = {launch(1, 3), launch(1, 5), core::ResumeJob{}};
  statistics.orders_wait(orders);
  const wire::SchedulerStats stats = statistics.figures(kNoon);
  EXPECT_EQ(stats.orders_waiting, 3U);
  ASSERT_EQ(stats.pending.size(), 2U);
  EXPECT_EQ(stats.pending.front().name, "LAUNCH_JOB");
  EXPECT_EQ(stats.pending.front().count, 2U);
  statistics.orders_given(orders);
  EXPECT_EQ(statistics.figures(kNoon).orders_waiting, 0U);
}

}  // namespace
}  // namespace sluice::controller
