// Logs of submissions and files of sacctmgr's commands, as `sluice sim` reads them.
#include "cli/sluice/submission_log.hpp"

#include <gtest/gtest.h>

#include "cli/sluice/accounts_script.hpp"

namespace sluice::cli {
namespace {

std::string complaint(std::string_view text) {
  const auto log = read_submission_log(text, "log");
  return log ? std::string() : log.error().text;
}

TEST(SubmissionLog, EachLineIsASubmissionWithItsOptions) {
  const auto log = read_submission_log(
      "# a comment\n"
      "-dt 10.50 -e submit_batch_job | -sim-walltime 84805.00 --uid=ann -J one -N 2 -n 32 "
      "-t 3-00:00:00 -q high -p main --mem=500G --constraint=new --gres=gpu:2 --exclusive job.sh\n"
      "\n"
      "-dt 11 -e submit_batch_job | -sim-walltime -1 --uid bob -n 4 job.sh 1 2\n"
      "-dt 12 -e submit_batch_job | -sim-walltime 5 --uid ann -n 4 job.sh\n",
      "log");
  ASSERT_TRUE(log) << log.error().text;
  ASSERT_EQ(log->size(), 3U);
  const replay::Submission& one = log->front();
  EXPECT_EQ(one.id, 1);
  EXPECT_EQ(one.at_ms, 10'500);
  EXPECT_EQ(one.run_ms, 84'805'000);
  EXPECT_EQ(one.spec->user, Text("ann"));
  EXPECT_EQ(one.spec->name, Text("one"));
  EXPECT_EQ(one.request->min_nodes, 2U);
  EXPECT_EQ(one.request->tasks, 32U);
  EXPECT_EQ(one.request->time_limit, 3U * 24 * 60);
  EXPECT_EQ(one.request->qos, Text("high"));
  EXPECT_EQ(one.request->features, Text("new"));
  EXPECT_LT((*log)[1].run_ms, 0);
  EXPECT_NE((*log)[1].spec->uid, one.spec->uid);
  EXPECT_EQ((*log)[2].spec->uid, one.spec->uid);
  EXPECT_EQ((*log)[1].request, (*log)[2].request) << "equal requests are one object";
}

TEST(SubmissionLog, MistakesAreNamedWithTheirLine) {
  EXPECT_EQ(complaint("\n-dt x -e submit_batch_job | -sim-walltime 1 --uid=a s\n"),
            "log:2: -dt x: no number");
  EXPECT_EQ(complaint("-dt -4 -e submit_batch_job | -sim-walltime 1 --uid=a s\n"),
            "log:1: -dt -4: before the beginning");
  EXPECT_EQ(complaint("-dt 1 -e cancel_job | -jobid 5\n"),
            "log:1: cancel_job: only submit_batch_job is replayed");
  EXPECT_EQ(complaint("-dt 1 -e submit_batch_job | -sim-walltime 1 s\n"),
            "log:1: --uid=USER is missing");
  EXPECT_EQ(complaint("-dt 1 -e submit_batch_job | --uid=a s\n"),
            "log:1: a line is -dt SECONDS -e submit_batch_job | -sim-walltime SECONDS [sbatch's "
            "options] SCRIPT");
  EXPECT_EQ(complaint("sbatch -n 4 job.sh\n").substr(0, 22), "log:1: sbatch: a line ");
  EXPECT_EQ(complaint("-dt 1 -e submit_batch_job | -sim-walltime 1 --uid=a -n many s\n"),
            "log:1: sbatch: error: Invalid numeric value \"many\" for --ntasks.");
  EXPECT_EQ(complaint("-dt 1 -e submit_batch_job | -sim-walltime 1 --uid=a -n 1 : -n 2 s\n"),
            "log:1: heterogeneous jobs can't be replayed");
}

Result<model::Accounts> accounts(std::string_view text) {
  const std::vector<Text> tres = {Text("gres/gpu")};
  return read_accounts_script({text, "script", "hill", tres});
}

std::string refused(std::string_view text) {
  const auto made = accounts(text);
  return made ? std::string() : made.error().text;
}

TEST(AccountsScript, CommandsMakeACluster) {
  const auto made = accounts(
      "# QOS first\n"
      "remove QOS where Name=normal\n"
      "add QOS Name=one,two Priority=5 MaxSubmitJobsPerUser=10\n"
      "add cluster Name=hill Fairshare=1 QOS=one,two\n"
      "sacctmgr -i add account Name=physics Description=x Organization=y Fairshare=100\n"
      "add user Name=ann DefaultAccount=physics Fairshare=parent Account=physics\n"
      "modify user name=ann set qos=two GrpTRES=gres/gpu=4\n"
      "list associations format=Account,User tree\n");
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(made->qos.size(), 2U);
  EXPECT_EQ(made->associations.front().qos.size(), 2U);
  EXPECT_EQ(made->associations.back().user, Text("ann"));
  EXPECT_EQ(made->associations.back().shares, model::kShareOfParent);
  EXPECT_EQ(made->associations.back().qos, std::vector<Text>{Text("two")});
  EXPECT_EQ(made->associations.back().limits.grp_tres.size(), 1U);
}

TEST(AccountsScript, ADumpIsLoadedAsAWhole) {
  const auto made = accounts(
      "# heading\nCluster - 'hill':Fairshare=1:QOS='normal'\nParent - 'root'\n"
      "Account - 'physics':Description='physics':Organization='science':Fairshare=10\n"
      "Parent - 'physics'\nUser - 'ann':DefaultAccount='physics':Fairshare=1\n");
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(made->associations.back().user, Text("ann"));
}

TEST(AccountsScript, MistakesAreNamedWithTheirLine) {
  EXPECT_EQ(refused("\nfrob account x\n"), "script:2: invalid keyword: frob");
  EXPECT_EQ(refused("add planet x\n"), "script:1: no valid entity");
  EXPECT_EQ(refused("add account name=x Colour=red\n").substr(0, 10), "script:1: ");
  EXPECT_EQ(refused("add user Name=ann Account=nope\n").substr(0, 10), "script:1: ");
  EXPECT_EQ(refused("add qos \"x\n").substr(0, 10), "script:1: ");
  EXPECT_EQ(refused("load x.cfg\n"), "script:1: load can't be a line here");
  EXPECT_EQ(refused("add cluster Name=other Fairshare=1\n").substr(0, 10), "script:1: ");
}

}  // namespace
}  // namespace sluice::cli
