// Reading traces, and a small one whose starts were worked out by hand under each policy.
#include "replay/replay.hpp"

#include <gtest/gtest.h>

#include "replay/metrics.hpp"
#include "replay/trace.hpp"

namespace sluice::replay {
namespace {

using Starts = std::vector<std::int64_t>;

// Four processors. 1 runs on three until 100 (it said 100). 2 wants all four. 3 is short and small:
// it fits beside 1 and ends before 2 could start. 4 is small but long: it would hold 2 up. 5 said
// 40 and ends after 10; 6 wants two for 50.
constexpr const char* kSmall =
    "; MaxProcs: 4\n"
    "1 0 -1 100 3 -1 -1 3 100 -1 1 1 -1 -1 -1 -1 -1 -1\n"
    "2 10 -1 50 4 -1 -1 4 50 -1 1 1 -1 -1 -1 -1 -1 -1\n"
    "3 20 -1 60 1 -1 -1 1 60 -1 1 2 -1 -1 -1 -1 -1 -1\n"
    "4 30 -1 200 1 -1 -1 1 200 -1 1 2 -1 -1 -1 -1 -1 -1\n"
    "5 40 -1 10 1 -1 -1 1 40 -1 1 3 -1 -1 -1 -1 -1 -1\n"
    "6 45 -1 50 2 -1 -1 2 50 -1 1 3 -1 -1 -1 -1 -1 -1\n";

Starts starts(Policy policy, std::int64_t per_node) {
  const Trace trace = *read_swf(kSmall, "small");
  const Prepared ready = prepare(trace, {.processors = trace.processors});
  const Result<Played> played =
      play(ready.jobs, trace_settings({trace.processors, per_node}, policy));
  return played ? played->starts : Starts{};
}

TEST(Replay, NobodyOvertakes) {
  for (const std::int64_t per_node : {0, 1}) {
    EXPECT_EQ(starts(Policy::fcfs, per_node), (Starts{0, 100, 150, 150, 150, 160}));
  }
}

TEST(Replay, OnlyTheFirstInLineIsProtected) {
  for (const std::int64_t per_node : {0, 1}) {
    EXPECT_EQ(starts(Policy::easy, per_node), (Starts{0, 100, 20, 150, 150, 150}));
  }
}

TEST(Replay, EachJobKeepsItsPlannedStart) {
  EXPECT_EQ(starts(Policy::conservative, 0), (Starts{0, 100, 20, 150, 150, 150}));
}

TEST(Trace, ErrorsNameTheLine) {
  const auto text_of = [](const char* text) {
    const Result<Trace> trace = read_swf(text, "t.swf");
    return trace ? std::string() : trace.error().text;
  };
  EXPECT_EQ(text_of("; a comment\n1 2 3\n"), "t.swf:2: a line has 18 columns, this one has 3");
  EXPECT_EQ(text_of("1 0 -1 x 3 -1 -1 3 100 -1 1 1 -1 -1 -1 -1 -1 -1\n"),
            "t.swf:1: column 4 is no number");
  EXPECT_EQ(text_of("1 0 -1 1 3 -1 -1 3 100 -1 1 1 -1 -1 -1 -1 -1 -1 5\n"),
            "t.swf:1: a line has 18 columns, this one has more");
  EXPECT_EQ(text_of("1 0 -1 1 3 -1 -1 3 99999999999999999999 -1 1 1 -1 -1 -1 -1 -1 -1\n"),
            "t.swf:1: column 9 is no number");
}

TEST(Trace, LeavesOutWhatCannotBeReplayed) {
  Trace trace;
  trace.jobs = {{1, 0, 0, 10, 1, 1}, {2, -1, 5, 10, 1, 1}, {3, 0, 5, 10, 0, 1},
                {4, 0, 5, 10, 5, 1}, {5, 9, 50, 10, 4, 1}, {6, 3, 5, 10, 4, 1}};
  const Prepared ready = prepare(trace, {.processors = 4});
  EXPECT_EQ(ready.dropped, 4U);
  ASSERT_EQ(ready.jobs.size(), 2U);
  EXPECT_EQ(ready.jobs[0].id, 6);
  EXPECT_EQ(ready.jobs[1].run_s, 10);
}

TEST(Trace, ShakingIsTheSeedsAlone) {
  const Trace trace = *read_swf(kSmall, "small");
  const PrepareOptions options{.processors = 4, .shake_s = 60, .seed = 7};
  const Prepared one = prepare(trace, options);
  const Prepared two = prepare(trace, options);
  for (std::size_t n = 0; n < one.jobs.size(); ++n) {
    EXPECT_EQ(one.jobs[n].id, two.jobs[n].id);
    EXPECT_EQ(one.jobs[n].submit_s, two.jobs[n].submit_s);
    EXPECT_GE(one.jobs[n].submit_s, 0);
    EXPECT_LE(one.jobs[n].submit_s, 105);
  }
}

TEST(Metrics, OfTheSmallTrace) {
  const Trace trace = *read_swf(kSmall, "small");
  const Prepared ready = prepare(trace, {.processors = 4});
  Played played;
  played.starts = {0, 100, 20, 150, 150, 150};
  const Metrics made = measure(ready.jobs, played, 4);
  EXPECT_EQ(made.jobs, 6U);
  EXPECT_EQ(made.users, 3U);
  EXPECT_DOUBLE_EQ(made.max_wait_s, 120);
  EXPECT_DOUBLE_EQ(made.mean_wait_s, (0 + 90 + 0 + 120 + 110 + 105) / 6.0);
  EXPECT_DOUBLE_EQ(made.makespan_s, 350);
  EXPECT_DOUBLE_EQ(made.utilisation, (300 + 200 + 60 + 200 + 10 + 100) / (4 * 350.0));
}

}  // namespace
}  // namespace sluice::replay
