// sstat's command line.
#include <gtest/gtest.h>

#include "test/unit/opt/invoke.hpp"

namespace sluice::opt::test {
namespace {

TEST(Sstat, TakesJobsAndSteps) {
  const auto o =
      Invoke({"-aiPn", "-j", "7,8.1,9.batch", "-o", "jobid", "--fields=maxrss%20"}).sstat();
  ASSERT_TRUE(o);
  ASSERT_EQ(o->jobs.size(), 3U);
  EXPECT_EQ(o->jobs[0].job, 7U);
  EXPECT_FALSE(o->jobs[0].step);
  EXPECT_EQ(o->jobs[1].step, 1U);
  EXPECT_EQ(o->jobs[2].step, base::kBatchStep);
  EXPECT_TRUE(o->all_steps && o->pids && o->parsable2 && o->no_header);
  EXPECT_FALSE(o->parsable || o->no_convert);
  EXPECT_EQ(o->format, "jobid,maxrss%20");
}

TEST(Sstat, MistakesInSlurmsWords) {
  const struct {
    std::vector<std::string> line;
    const char* text;
  } cases[] = {{{}, "sstat: error: You didn't give me any jobs to stat.\n"},
               {{"-jabc"}, "sstat: fatal: Bad job/step specified: abc\n"},
               {{"--bogus"}, "sstat: unrecognized option '--bogus'\n"}};
  for (const auto& each : cases) {
    const auto o = Invoke(each.line).sstat();
    ASSERT_FALSE(o) << each.text;
    EXPECT_EQ(o.error().exit_code, 1);
    EXPECT_EQ(o.error().err, each.text);
  }
}

TEST(Sstat, TheListOfFieldsNeedsNoJob) { EXPECT_TRUE(Invoke({"-e"}).sstat()); }

}  // namespace
}  // namespace sluice::opt::test
