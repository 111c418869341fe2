// Task layout: tables recorded from Slurm (three nodes of four CPUs), and the invariants on random
// requests.
#include "daemon/worker/service/layout.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::worker {
namespace {

LayoutRequest on_three(std::uint32_t tasks, const char* distribution) {
  LayoutRequest request;
  request.tasks = tasks;
  request.cpus = {4, 4, 4};
  request.distribution = parse_distribution(distribution).value();
  return request;
}

std::string ids_text(const Layout& layout) {
  std::string text;
  for (const auto& ids : layout.tasks_of) {
    if (!text.empty()) text += '|';
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i > 0) text += ',';
      text += std::to_string(ids[i]);
    }
  }
  return text;
}

struct Row {
  std::uint32_t tasks;
  const char* distribution;
  const char* ids;  // per node
};

TEST(Layout, AsSlurmLaysOut) {
  const Row rows[] = {
      {2, "", "0|1|"},
      {3, "", "0|1|2"},
      {4, "", "0,1|2|3"},
      {5, "", "0,1|2,3|4"},
      {7, "", "0,1,2|3,4|5,6"},
      {8, "block", "0,1,2|3,4,5|6,7"},
      {12, "", "0,1,2,3|4,5,6,7|8,9,10,11"},
      {4, "cyclic", "0,3|1|2"},
      {5, "cyclic", "0,3|1,4|2"},
      {7, "cyclic", "0,3,6|1,4|2,5"},
      {4, "plane=2", "0,1|2|3"},
      {4, "plane=3", "0,1|2|3"},
      {5, "plane=2", "0,1|2,3|4"},
      {5, "plane=3", "0,1,2|3|4"},
      {7, "plane=2", "0,1,6|2,3|4,5"},
      {7, "plane=3", "0,1,2|3,4,5|6"},
      {4, "block,Pack", "0,1,2,3||"},
      {5, "block,Pack", "0,1,2,3|4|"},
      {7, "block,Pack", "0,1,2,3|4,5,6|"},
  };
  for (const Row& row : rows) {
    const auto layout = lay_out(on_three(row.tasks, row.distribution));
    ASSERT_TRUE(layout.has_value()) << row.tasks << ' ' << row.distribution;
    EXPECT_EQ(ids_text(*layout), row.ids) << row.tasks << ' ' << row.distribution;
  }
}

TEST(Layout, OvercommitGoesOnRoundTheNodes) {
  LayoutRequest request = on_three(14, "");
  EXPECT_EQ(lay_out(request).error().code, ErrorCode::node_config_unavailable);
  request.overcommit = true;
  EXPECT_EQ(repeat_text(lay_out(request)->counts()), "5(x2),4");
  request.distribution = parse_distribution("cyclic").value();
  EXPECT_EQ(ids_text(*lay_out(request)), "0,3,6,9,12|1,4,7,10,13|2,5,8,11");
  request.distribution = parse_distribution("plane=3").value();
  EXPECT_EQ(ids_text(*lay_out(request)), "0,1,2,9,10,11|3,4,5,12|6,7,8,13");
}

TEST(Layout, CpusPerTaskAndTasksPerNodeLimit) {
  LayoutRequest request = on_three(3, "");
  request.cpus_per_task = 3;
  EXPECT_EQ(ids_text(*lay_out(request)), "0|1|2");
  request.tasks = 4;
  EXPECT_FALSE(lay_out(request).has_value());
  request = on_three(5, "block");
  request.max_tasks_per_node = 2;
  EXPECT_EQ(repeat_text(lay_out(request)->counts()), "2(x2),1");
  request.tasks = 7;
  EXPECT_FALSE(lay_out(request).has_value());
}

TEST(Layout, ArbitraryFollowsTheList) {
  LayoutRequest request = on_three(4, "arbitrary");
  request.task_nodes = {2, 0, 0, 1};
  EXPECT_EQ(ids_text(*lay_out(request)), "1,2|3|0");
  EXPECT_EQ(lay_out(request)->node_of(), request.task_nodes);
  request.task_nodes = {0, 1};
  EXPECT_EQ(lay_out(request).error().code, ErrorCode::invalid_argument);
  request.task_nodes = {0, 1, 2, 3};
  EXPECT_EQ(lay_out(request).error().code, ErrorCode::invalid_argument);
}

TEST(Layout, NonsenseIsRefused) {
  EXPECT_EQ(lay_out(LayoutRequest{}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(lay_out(on_three(0, "")).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(lay_out(on_three(4, "plane")).error().code, ErrorCode::invalid_argument);
}

TEST(Layout, UnevenNodesFillUp) {
  LayoutRequest request;
  request.tasks = 6;
  request.cpus = {1, 0, 4, 2};
  EXPECT_EQ(lay_out(request)->counts(), (std::vector<std::uint32_t>{1, 0, 3, 2}));
}

TEST(Layout, RepeatText) {
  EXPECT_EQ(repeat_text({}), "");
  EXPECT_EQ(repeat_text({3}), "3");
  EXPECT_EQ(repeat_text({2, 2, 2, 1}), "2(x3),1");
  EXPECT_EQ(repeat_text({4, 2, 1}), "4,2,1");
}

// Tasks one after the other to the node whose turn it is: slow, and plainly right.
std::vector<std::uint32_t> slow_counts(const LayoutRequest& request) {
  std::vector<std::uint32_t> counts(request.cpus.size(), 0);
  std::uint32_t left = request.tasks;
  while (left > 0) {
    for (std::size_t node = 0; node < counts.size() && left > 0; ++node) {
      if (counts[node] >= request.cpus[node] / request.cpus_per_task) continue;
      ++counts[node];
      --left;
    }
  }
  return counts;
}

RC_GTEST_PROP(LayoutProperty, EveryTaskOnceAndNoNodeOverFull, ()) {
  LayoutRequest request;
  const auto nodes = *rc::gen::inRange(1, 12);
  request.cpus_per_task = *rc::gen::inRange(1U, 4U);
  std::uint32_t room = 0;
  for (int i = 0; i < nodes; ++i) {
    request.cpus.push_back(*rc::gen::inRange(0U, 17U));
    room += request.cpus.back() / request.cpus_per_task;
  }
  RC_PRE(room > 0);
  request.tasks = *rc::gen::inRange(1U, room + 1);
  const char* const forms[] = {"", "block", "cyclic", "plane=1", "plane=3", "block,Pack"};
  const int form = *rc::gen::inRange(0, 6);
  request.distribution = parse_distribution(forms[form]).value();
  const auto layout = lay_out(request);
  RC_ASSERT(layout.has_value());
  std::vector<std::uint32_t> seen;
  for (std::size_t node = 0; node < layout->tasks_of.size(); ++node) {
    const auto& ids = layout->tasks_of[node];
    RC_ASSERT(std::is_sorted(ids.begin(), ids.end()));
    RC_ASSERT(ids.size() * request.cpus_per_task <= request.cpus[node]);
    seen.insert(seen.end(), ids.begin(), ids.end());
  }
  std::sort(seen.begin(), seen.end());
  RC_ASSERT(seen.size() == request.tasks);
  for (std::uint32_t task = 0; task < request.tasks; ++task) RC_ASSERT(seen[task] == task);
  if (form <= 3) RC_ASSERT(layout->counts() == slow_counts(request));
}

}  // namespace
}  // namespace sluice::worker
