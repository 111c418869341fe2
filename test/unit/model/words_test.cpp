// Slurm's words for states and reasons, and sums of usage.
#include <gtest/gtest.h>

#include "model/node.hpp"
#include "model/step.hpp"
#include "model/types.hpp"

namespace sluice::model {
namespace {

TEST(Words, OfJobStates) {
  EXPECT_EQ(long_name(JobState::pending, 0), "PENDING");
  EXPECT_EQ(short_name(JobState::out_of_memory, 0), "OOM");
  EXPECT_EQ(long_name(JobState::cancelled, kFlagCompleting | kFlagRequeued), "COMPLETING");
  EXPECT_EQ(short_name(JobState::running, kFlagConfiguring), "CF");
  EXPECT_EQ(long_name(JobState::cancelled, kFlagRequeued), "REQUEUED");
  EXPECT_EQ(long_name(JobState::running, kFlagStopped), "STOPPED");
  EXPECT_EQ(long_name(JobState::running, kFlagTimeLimitSignalled), "RUNNING");
  EXPECT_TRUE(is_finished(JobState::deadline));
  EXPECT_FALSE(is_finished(JobState::suspended));
}

TEST(Words, OfReasons) {
  EXPECT_EQ(reason_name(Reason::none), "None");
  EXPECT_EQ(reason_name(Reason::job_array_task_limit), "JobArrayTaskLimit");
  EXPECT_EQ(reason_name(Reason::node_down), "ReqNodeNotAvail");
  EXPECT_EQ(reason_name(Reason::deadline), "DeadLine");
  EXPECT_EQ(reason_name(Reason::raised_signal), "RaisedSignal");
  EXPECT_EQ(reason_name(Reason::controller_image), "ControllerImage");
}

struct NodeCase {
  NodeState state;
  std::uint32_t flags;
  const char* scontrol;
  const char* sinfo;
  const char* compact;
};

TEST(Words, OfNodeStates) {
  const NodeCase cases[] = {
      {NodeState::idle, 0, "IDLE", "idle", "idle"},
      {NodeState::mixed, 0, "MIXED", "mixed", "mix"},
      {NodeState::allocated, kNodeNoRespond, "ALLOCATED+NOT_RESPONDING", "allocated*", "alloc*"},
      {NodeState::idle, kNodeDrain | kNodeNoRespond, "IDLE+DRAIN+NOT_RESPONDING", "drained*",
       "drain*"},
      {NodeState::mixed, kNodeDrain, "MIXED+DRAIN", "draining", "drng"},
      {NodeState::idle, kNodeDrain | kNodeCompleting, "IDLE+COMPLETING+DRAIN", "draining", "drng"},
      {NodeState::idle, kNodeCompleting, "IDLE+COMPLETING", "completing", "comp"},
      {NodeState::allocated, kNodeCompleting, "ALLOCATED+COMPLETING", "allocated+", "alloc+"},
      {NodeState::down, kNodeDrain, "DOWN+DRAIN", "drained", "drain"},
      {NodeState::down, kNodeNoRespond, "DOWN+NOT_RESPONDING", "down*", "down*"},
      {NodeState::idle, kNodeFail, "IDLE+FAIL", "fail", "fail"},
      {NodeState::allocated, kNodeFail, "ALLOCATED+FAIL", "failing", "failg"},
      {NodeState::idle, kNodeDrain | kNodeInvalidRegistration, "IDLE+DRAIN+INVALID_REG", "inval",
       "inval"},
      {NodeState::unknown, kNodeNoRespond, "UNKNOWN+NOT_RESPONDING", "unknown*", "unk*"},
  };
  for (const NodeCase& one : cases) {
    Node node;
    node.state = one.state;
    node.flags = one.flags;
    EXPECT_EQ(long_state(node), one.scontrol);
    EXPECT_EQ(sinfo_state(node), one.sinfo);
    EXPECT_EQ(compact_state(node), one.compact);
  }
}

TEST(Usage, AddsUpAndKeepsWhoHadTheMost) {
  Usage sum{.user_us = 5, .max_rss_kib = 100, .max_rss_task = 1, .max_rss_node = "n1", .tasks = 1};
  const Usage more{.user_us = 7,
                   .max_rss_kib = 300,
                   .max_rss_task = 4,
                   .max_rss_node = "n2",
                   .max_vm_kib = 9,
                   .tasks = 2};
  add(sum, more);
  EXPECT_EQ(sum.user_us, 12U);
  EXPECT_EQ(sum.max_rss_kib, 300U);
  EXPECT_EQ(sum.max_rss_node, Text("n2"));
  EXPECT_EQ(sum.max_vm_kib, 9U);
  EXPECT_EQ(sum.tasks, 3U);
  add(sum, Usage{.max_rss_kib = 200, .max_rss_task = 9});
  EXPECT_EQ(sum.max_rss_task, 4U);
}

}  // namespace
}  // namespace sluice::model
