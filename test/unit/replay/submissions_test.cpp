// Submissions with options of their own, replayed on a small cluster: starts and ends that were
// worked out by hand.
#include "replay/submissions.hpp"

#include <gtest/gtest.h>

namespace sluice::replay {
namespace {

using Starts = std::vector<std::int64_t>;

// Two nodes with four CPUs; the second has a GPU and its own feature.
core::SettingsPtr cluster(model::Settings settings = {}) {
  for (const char* name : {"n1", "n2"}) {
    model::NodeSetting node;
    node.name = name;
    node.facts.sockets = 1;
    node.facts.cores_per_socket = 4;
    node.facts.threads_per_core = 1;
    node.facts.memory = 1000;
    node.facts_fixed = true;
    settings.nodes.push_back(std::move(node));
  }
  settings.nodes[1].features = "new";
  settings.nodes[1].facts.gres = {{"gpu", "", 1, {}, "", {}}};
  model::Partition all;
  all.name = "all";
  all.nodes = "n[1-2]";
  all.is_default = true;
  settings.partitions.push_back(std::move(all));
  settings.track_memory = false;
  return std::make_shared<const model::Settings>(std::move(settings));
}

struct Asked {
  std::uint32_t cpus = 1;
  std::uint32_t minutes = 10;
  const char* features = "";
  const char* array = "";
};

Submission submission(std::int64_t at_s, std::int64_t run_s, const Asked& asked) {
  static std::int64_t count = 0;
  Submission made;
  made.id = ++count;
  made.at_ms = at_s * 1000;
  made.run_ms = run_s < 0 ? -1 : run_s * 1000;
  model::JobSpec spec;
  spec.kind = model::JobKind::batch;
  spec.user = "ann";
  spec.uid = 1000;
  spec.array = asked.array;
  made.spec = std::make_shared<const model::JobSpec>(spec);
  model::Request request;
  request.tasks = asked.cpus;
  request.cpus_per_task = 1;
  request.min_nodes = request.max_nodes = 1;
  request.time_limit = asked.minutes;
  request.features = asked.features;
  made.request = std::make_shared<const model::Request>(request);
  return made;
}

Replayed played(const std::vector<Submission>& log, const core::SettingsPtr& settings) {
  Result<Replayed> done = play_submissions(log, settings, nullptr);
  EXPECT_TRUE(done) << (done ? "" : done.error().text);
  return done ? std::move(*done) : Replayed{};
}

TEST(Submissions, RequestsAreHonoured) {
  // The third wants the node that the second has, though the first one's is free by then.
  const Replayed done = played({submission(0, 30, {.cpus = 4}), submission(0, 100, {.cpus = 4}),
                                submission(10, 20, {.cpus = 4, .features = "new"})},
                               cluster());
  EXPECT_EQ(done.played.starts, (Starts{0, 0, 100}));
  EXPECT_EQ(done.jobs[2].run_s, 20);
  EXPECT_EQ(done.jobs[2].processors, 4);
  EXPECT_EQ(done.jobs[2].estimate_s, 600);
}

TEST(Submissions, LimitsEndJobs) {
  const Replayed done =
      played({submission(0, 100, {.minutes = 1}), submission(0, -1, {.minutes = 2}),
              submission(5, 30, {.minutes = 1})},
             cluster());
  EXPECT_EQ(done.timed_out, 2U);
  EXPECT_EQ(done.jobs[0].run_s, 60);
  EXPECT_EQ(done.jobs[1].run_s, 120);
  EXPECT_EQ(done.jobs[2].run_s, 30);
}

TEST(Submissions, WhatJobsHeldIsKeptWhereItIsAskedFor) {
  const std::vector<Submission> log = {submission(0, 50, {.cpus = 4, .features = "new"}),
                                       submission(0, 10, {.cpus = 99}),
                                       submission(10, -1, {.cpus = 1, .minutes = 1})};
  const Result<Replayed> done = play_submissions(log, cluster(), nullptr, Keep::stretches);
  ASSERT_TRUE(done) << done.error().text;
  ASSERT_EQ(done->stretches.size(), 2U);
  const Stretch& first = done->stretches[0];
  EXPECT_EQ(first.submission, 0U);
  EXPECT_EQ(first.job->allocation->nodes, Text("n2"));
  EXPECT_EQ(first.start_ms, 0);
  EXPECT_EQ(first.end_ms, 50'000);
  EXPECT_EQ(first.became, model::JobState::completed);
  EXPECT_EQ(done->stretches[1].submission, 2U);
  EXPECT_EQ(done->stretches[1].became, model::JobState::timeout);
  ASSERT_EQ(done->refusals.size() + done->never_began.size(), 1U);
  EXPECT_TRUE(play_submissions(log, cluster(), nullptr)->stretches.empty());
}

TEST(Submissions, EachTaskOfAnArrayIsAJob) {
  const Replayed done = played({submission(0, 50, {.cpus = 4, .array = "1-3"})}, cluster());
  EXPECT_EQ(done.played.starts, (Starts{0, 0, 50}));
  EXPECT_EQ(done.jobs[2].id, done.jobs[0].id);
}

TEST(Submissions, WhoCannotStartIsNamedAndWhoIsRefusedToo) {
  model::Settings settings;
  settings.nodes.reserve(2);
  const Replayed done = played({submission(0, 10, {.cpus = 1, .features = "none"}),
                                submission(0, 10, {.cpus = 99}), submission(1, 10, {})},
                               cluster(settings));
  EXPECT_EQ(done.played.refused + done.waiting.size(), 2U);
  EXPECT_EQ(done.played.starts[0], -1);
  EXPECT_EQ(done.played.starts[1], -1);
  EXPECT_EQ(done.played.starts[2], 1);
}

TEST(Submissions, AJobThatWaitsForADateStartsThen) {
  Submission later = submission(0, 10, {});
  model::JobSpec spec = *later.spec;
  spec.begin = kLogBegin + 3600 * model::kSecond;
  later.spec = std::make_shared<const model::JobSpec>(spec);
  EXPECT_EQ(played({later}, cluster()).played.starts, (Starts{3600}));
}

TEST(Submissions, WhatIsRequeuedRunsItsWholeTimeAgain) {
  model::Settings settings;
  settings.preempt.type = model::PreemptType::partition_prio;
  settings.preempt.mode = model::PreemptMode::requeue;
  model::Partition high;
  high.name = "high";
  high.nodes = "n[1-2]";
  high.priority_tier = 9;
  high.preempt_mode = model::PreemptMode::requeue;
  settings.partitions.push_back(high);
  Submission second = submission(10, 20, {.cpus = 4, .features = "new"});
  model::Request request = *second.request;
  request.partitions = "high";
  second.request = std::make_shared<const model::Request>(request);
  core::SettingsPtr both = cluster(settings);
  model::Settings all = *both;
  all.partitions[1].preempt_mode = model::PreemptMode::requeue;
  all.partitions[1].index = PartitionIndex(1);
  const Replayed done = played({submission(0, 100, {.cpus = 4, .features = "new"}), second},
                               std::make_shared<const model::Settings>(all));
  EXPECT_EQ(done.requeued, 1U);
  ASSERT_EQ(done.played.starts.size(), 2U);
  EXPECT_EQ(done.played.starts[1], 10);
  EXPECT_GE(done.played.starts[0], 30);
  EXPECT_EQ(done.jobs[0].run_s, 100);
}

TEST(Submissions, ShakingIsTheSeedsAlone) {
  const std::vector<Submission> log = {submission(100, 1, {}), submission(101, 1, {}),
                                       submission(500, 1, {})};
  const auto one = shaken(log, 60, 7);
  const auto two = shaken(log, 60, 7);
  for (std::size_t n = 0; n < log.size(); ++n) {
    EXPECT_EQ(one[n].at_ms, two[n].at_ms);
    EXPECT_EQ(one[n].id, two[n].id);
  }
  EXPECT_EQ(one[2].id, log[2].id);
  EXPECT_LE(std::abs(one[2].at_ms - 500'000), 60'000);
}

}  // namespace
}  // namespace sluice::replay
