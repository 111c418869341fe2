// Sets of array tasks: reading, writing, taking out.
#include "model/task_set.hpp"

#include <gtest/gtest.h>

namespace sluice::model {
namespace {

std::string round_trip(const char* text) {
  const Result<TaskSet> set = parse_tasks(text, 1000);
  return set ? task_text(*set) : "error";
}

TEST(TaskSet, ReadsListsRangesAndSteps) {
  EXPECT_EQ(round_trip("7"), "7");
  EXPECT_EQ(round_trip("0-3"), "0-3");
  EXPECT_EQ(round_trip("1-9:2"), "1,3,5,7,9");
  EXPECT_EQ(round_trip("0-15:4,20"), "0,4,8,12,20");
  EXPECT_EQ(round_trip("9,1-3,2-5"), "1-5,9");
  EXPECT_EQ(round_trip("0-10:2,1-11:2"), "0-11");
  EXPECT_EQ(round_trip("5,5,5"), "5");
  EXPECT_EQ(round_trip("1000"), "1000");
}

TEST(TaskSet, RefusesWhatIsNoSet) {
  for (const char* text : {"", ",", "1,", "a", "1-", "-1", "3-1", "1-4:0", "1:2", "1001", "1-2-3",
                           "0-1000,0-1000,0-1000,0-1000,0-1000"}) {
    EXPECT_EQ(round_trip(text), "error") << text;
  }
}

TEST(TaskSet, AMillionTasksAreOneRun) {
  const TaskSet set = *parse_tasks("0-999999", 1'000'000);
  EXPECT_EQ(set.runs.size(), 1U);
  EXPECT_EQ(task_count(set), 1'000'000U);
  EXPECT_EQ(first_task(set), 0U);
  EXPECT_EQ(last_task(set), 999'999U);
}

TEST(TaskSet, LosesOneTaskAtATime) {
  TaskSet set = *parse_tasks("1-9:2,20", 100);
  set = without_task(set, 5);
  EXPECT_EQ(task_text(set), "1,3,7,9,20");
  set = without_task(set, 1);
  set = without_task(set, 20);
  set = without_task(set, 4);  // isn't in it
  EXPECT_EQ(task_text(set), "3,7,9");
  EXPECT_TRUE(has_task(set, 7));
  EXPECT_FALSE(has_task(set, 8));
  EXPECT_EQ(task_count(set), 3U);
}

TEST(TaskSet, FindsWhatARequestNames) {
  const TaskSet set = *parse_tasks("0-20:5", 100);
  const TaskRun asked[] = {{4, 11, 1}, {20, 4'000'000'000U, 20}};
  EXPECT_EQ(common_tasks(set, asked), (std::vector<std::uint32_t>{5, 10, 20}));
  EXPECT_TRUE(names_task(asked, 40));
  EXPECT_FALSE(names_task(asked, 30));
}

}  // namespace
}  // namespace sluice::model
