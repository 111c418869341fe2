// What scontrol makes of its words: keywords, lists of jobs, keys of `update job`.
#include <gtest/gtest.h>

#include "cli/scontrol/job_keys.hpp"
#include "cli/scontrol/job_list.hpp"
#include "cli/scontrol/keyword.hpp"

namespace sluice::cli {
namespace {

struct Named {
  std::string_view name;
};
constexpr Named kNames[] = {{"requeue"}, {"requeuehold"}, {"resume"}, {"show"}, {"suspend"}};

std::string_view found(std::string_view word) {
  const Named* entry = find_keyword<Named>(kNames, word);
  return entry == nullptr ? std::string_view() : entry->name;
}

TEST(ScontrolKeyword, UniquePrefixesInAnyCase) {
  EXPECT_EQ(found("sho"), "show");
  EXPECT_EQ(found("SHOW"), "show");
  EXPECT_EQ(found("su"), "suspend");
  EXPECT_EQ(found("s"), "");
  EXPECT_EQ(found("re"), "");
  EXPECT_EQ(found("foo"), "");
  EXPECT_EQ(found("showing"), "");
}

TEST(ScontrolKeyword, AWordThatBeginsOthersIsMeant) {
  EXPECT_EQ(found("req"), "requeue");
  EXPECT_EQ(found("requeue"), "requeue");
  EXPECT_EQ(found("requeueh"), "requeuehold");
}

TEST(ScontrolJobList, CommasInBracketsDoNotCut) {
  EXPECT_EQ(split_job_list("12,13_4,14_[1-3,7],15"),
            (std::vector<std::string>{"12", "13_4", "14_[1-3,7]", "15"}));
  EXPECT_EQ(split_job_list(",12,,"), (std::vector<std::string>{"12"}));
  EXPECT_TRUE(split_job_list("").empty());
}

class JobKeys : public testing::Test {
 protected:
  std::string apply(const char* key, const char* value, char sign = 0) {
    const std::string sign_text = sign == 0 ? "" : std::string(1, sign);
    const Change change{key, value, sign, std::string(key) + sign_text + "=" + value};
    const Status status = apply_job_key(edit_, change);
    return status ? "" : status.error().text;
  }
  JobEdit edit_;
};

TEST_F(JobKeys, ValuesGoToTheirFields) {
  EXPECT_EQ(apply("TimeLimit", "1:00:00"), "");
  EXPECT_EQ(apply("name", "new"), "");
  EXPECT_EQ(apply("NumNodes", "2-4"), "");
  EXPECT_EQ(apply("minmemorynode", "2G"), "");
  EXPECT_EQ(apply("shared", "no"), "");
  EXPECT_EQ(apply("Requeue", "9"), "");
  EXPECT_EQ(apply("nice", "-7"), "");
  EXPECT_EQ(apply("SiteFactor", "-20"), "");
  EXPECT_EQ(apply("ReqProcs", "3"), "");
  EXPECT_EQ(apply("StartTime", "uts1700000000"), "");
  EXPECT_TRUE(edit_.changed);
  EXPECT_EQ(edit_.patch.time_limit, 60U);
  EXPECT_EQ(edit_.patch.name->view(), "new");
  EXPECT_EQ(edit_.patch.min_nodes, 2U);
  EXPECT_EQ(edit_.patch.max_nodes, 4U);
  EXPECT_EQ(edit_.patch.memory_per_node, 2048U);
  EXPECT_EQ(edit_.patch.sharing, model::Sharing::exclusive);
  EXPECT_EQ(edit_.patch.requeue, true);
  EXPECT_EQ(edit_.patch.nice, -7);
  EXPECT_EQ(edit_.patch.site_factor, -20);
  EXPECT_EQ(edit_.patch.tasks, 3U);
  EXPECT_EQ(edit_.patch.begin, 1'700'000'000 * model::kSecond);
}

TEST_F(JobKeys, AnEmptyTextClears) {
  EXPECT_EQ(apply("dependency", ""), "");
  ASSERT_TRUE(edit_.patch.dependency);
  EXPECT_TRUE(edit_.patch.dependency->empty());
}

TEST_F(JobKeys, LimitsMoveBySteps) {
  edit_.time_limit = 11;
  EXPECT_EQ(apply("TimeLimit", "5", '+'), "");
  EXPECT_EQ(edit_.patch.time_limit, 16U);
  EXPECT_EQ(apply("TimeLimit", "3", '-'), "");
  EXPECT_EQ(edit_.patch.time_limit, 8U);
  EXPECT_EQ(apply("TimeLimit", "500", '-'),
            "scontrol: error: TimeLimit decrement larger than current time limit (500 > 11)");
  EXPECT_EQ(apply("TimeLimit", "UNLIMITED"), "");
  EXPECT_EQ(edit_.patch.time_limit, model::kUnlimited);
}

TEST_F(JobKeys, NonsenseIsNamed) {
  EXPECT_EQ(apply("timelimit", "abc"), "scontrol: error: Invalid TimeLimit value");
  EXPECT_EQ(apply("priority", "abc"), "scontrol: error: Invalid Priority value: abc");
  EXPECT_EQ(apply("oversubscribe", "x"), "scontrol: error: Invalid OverSubscribe value: x");
  EXPECT_EQ(apply("numnodes", "abc"),
            "scontrol: error: Invalid numeric value \"abc\" for requested node count.");
  EXPECT_EQ(apply("foo", "bar"),
            "Update of this parameter is not supported: foo=bar\nRequest aborted");
  EXPECT_EQ(apply("comment", "x", '+'),
            "Update of this parameter is not supported: comment+=x\nRequest aborted");
  EXPECT_FALSE(edit_.changed);
}

}  // namespace
}  // namespace sluice::cli
