// #SBATCH lines, scripts that are none, and which source outranks which.
#include <gtest/gtest.h>

#include "opt/line.hpp"
#include "test/unit/opt/invoke.hpp"

namespace sluice::opt::test {
namespace {

using Words = std::vector<std::string>;

TEST(Directive, WordsAsSbatchCutsThem) {
  const std::vector<std::pair<std::string, Words>> table{
      {" -n 4 # foo -N 3", {"-n", "4"}},
      {" --comment=a#b -n2", {"--comment=a"}},
      {" --comment=\"a #b\" -n2", {"--comment=a #b", "-n2"}},
      {" --comment \"a b\"c -n2", {"--comment", "a bc", "-n2"}},
      {" --comment='a\\ b'", {"--comment=a b"}},
      {" --comment=\"a\\\"b\"", {"--comment=a\"b"}},
      {" --comment='a\"b'", {"--comment=a\"b"}},
      {" --comment=a\\b", {"--comment=ab"}},
      {" --comment=a\\ b", {"--comment=a", "b"}},
      {" --comment=x\\#y", {"--comment=x#y"}},
      {" --comment=\"\"", {"--comment="}},
      {"\t-n2\t", {"-n2"}},
      {"-n2", {"-n2"}},
      {"", {}},
  };
  for (const auto& [text, expected] : table) {
    const auto got = split_directive(text);
    ASSERT_TRUE(got) << text;
    EXPECT_EQ(*got, expected) << text;
  }
  EXPECT_EQ(split_directive(" --comment=\"x").error().text, "Unmatched `\"`");
}

TEST(Script, DirectivesStopAtTheFirstCommand) {
  auto options =
      script("#SBATCH -n2\n\n# text\n   \n#SBATCH -N1 --hold\necho\n#SBATCH -n9\n").sbatch();
  ASSERT_TRUE(options) << options.error().err;
  EXPECT_EQ(options->job.request.tasks, 2U);
  EXPECT_EQ(options->job.request.min_nodes, 1U);
  EXPECT_TRUE(options->job.spec.held);
}

TEST(Script, OnlyTheMarkAtTheLinesBeginCounts) {
  auto options = script(" #SBATCH -n2\n##SBATCH -n3\n#sbatch -n4\n#SBATCH-N5\n").sbatch();
  ASSERT_TRUE(options) << options.error().err;
  EXPECT_EQ(options->job.request.tasks, 0U);
  EXPECT_EQ(options->job.request.min_nodes, 5U);
}

TEST(Script, OtherSystemsLinesAreComments) {
  auto options = script("#PBS -l walltime=1\n#BSUB -W abc\n#SBATCH -n2\n").sbatch();
  ASSERT_TRUE(options) << options.error().err;
  EXPECT_EQ(options->job.request.tasks, 2U);
}

TEST(Script, LaterDirectivesWinOverEarlierOnes) {
  auto options = script("#SBATCH -n2\n#SBATCH -n3\n").sbatch();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->job.request.tasks, 3U);
}

struct Wrong {
  const char* lines;
  int exit_code;
  const char* text;
};
TEST(Script, MistakesInDirectives) {
  const std::vector<Wrong> table{
      {"#SBATCH --foo\n", 255,
       "sbatch: unrecognized option '--foo'\nTry \"sbatch --help\" for more information\n"},
      {"#SBATCH -t abc\n", 255, "sbatch: error: Invalid --time specification\n"},
      {"#SBATCH --comment=\"abc\n", 1,
       "sbatch: fatal: s: line 2: Unmatched `\"` in [--comment=\"abc]\n"},
      {"#SBATCH foo\n", 255, "sbatch: error: Invalid directive found in batch script: foo\n"},
      {"#SBATCH -n 2 foo -t abc\n", 255,
       "sbatch: error: Invalid directive found in batch script: foo\n"},
      {"#SBATCH : -n2\n", 1, "sbatch: fatal: s: line 2: Unexpected `:` in [: -n2]\n"},
  };
  for (const Wrong& w : table) {
    auto options = script(w.lines).sbatch();
    ASSERT_FALSE(options) << w.lines;
    EXPECT_EQ(options.error().exit_code, w.exit_code) << w.lines;
    EXPECT_EQ(options.error().err, w.text) << w.lines;
  }
}

TEST(Script, WhatIsNoScript) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"", "sbatch: error: Batch script is empty!\n"},
      {" \n\n", "sbatch: error: Batch script contains only whitespace!\n"},
      {"echo\n",
       "sbatch: error: This does not look like a batch script.  The first\n"
       "sbatch: error: line must start with #! followed by the path to an interpreter.\n"
       "sbatch: error: For instance: #!/bin/sh\n"},
      {"#!/bin/sh\r\n",
       "sbatch: error: Batch script contains DOS line breaks (\\r\\n)\n"
       "sbatch: error: instead of expected UNIX line breaks (\\n).\n"},
  };
  for (const auto& [text, message] : table) {
    auto options = Invoke({"f"}).file("f", text).sbatch();
    ASSERT_FALSE(options) << text;
    EXPECT_EQ(options.error().err, message);
    EXPECT_EQ(options.error().exit_code, 1);
  }
  EXPECT_FALSE(check_script(std::string_view("#!/bin/sh\n\0", 11)));
}

TEST(Script, StrengthOfSources) {
  auto from_script = script("#SBATCH -p low -t 5 -J s\n").sbatch();
  ASSERT_TRUE(from_script);
  EXPECT_EQ(from_script->job.request.partitions, Text("low"));

  auto from_environment = script("#SBATCH -p low -t 5\n").env("SBATCH_PARTITION", "mid").sbatch();
  ASSERT_TRUE(from_environment);
  EXPECT_EQ(from_environment->job.request.partitions, Text("mid"));
  EXPECT_EQ(from_environment->job.request.time_limit, 5U);

  auto from_line = script("#SBATCH -p low\n", "-p high").env("SBATCH_PARTITION", "mid").sbatch();
  ASSERT_TRUE(from_line);
  EXPECT_EQ(from_line->job.request.partitions, Text("high"));
}

TEST(Script, StrongerMemoryOptionReplacesTheOther) {
  auto options = script("#SBATCH --mem=4G\n", "--mem-per-cpu=1G").sbatch();
  ASSERT_TRUE(options) << options.error().err;
  EXPECT_EQ(options->job.request.memory_per_node, 0U);
  EXPECT_EQ(options->job.request.memory_per_cpu, 1024U);

  auto zero = script("#SBATCH --mem=0\n", "--mem=2G").sbatch();
  ASSERT_TRUE(zero);
  EXPECT_FALSE(zero->job.request.all_memory);
}

TEST(Script, StrongerGpuOptionReplacesTheOther) {
  auto options = script("#SBATCH --gpus-per-node=2\n", "--gres=gpu:1").sbatch();
  ASSERT_TRUE(options);
  ASSERT_EQ(options->job.request.gres.size(), 1U);
  EXPECT_EQ(options->job.request.gres[0].count, 1U);
}

TEST(Script, GresIsStrongerThanGpusPerNode) {
  const auto counts = [](const char* line) {
    std::vector<std::string> found;
    const auto options = Invoke(words(line)).sbatch();
    if (!options) return found;
    for (const model::GresRequest& gres : options->job.request.gres) {
      found.push_back(gres.type.str() + ':' + std::to_string(gres.count));
    }
    return found;
  };
  using Counts = std::vector<std::string>;
  EXPECT_EQ(counts("--gres=gpu:1 --gpus-per-node=2 job.sh"), (Counts{":1"}));
  EXPECT_EQ(counts("--gpus-per-node=1 --gres=gpu:2 job.sh"), (Counts{":2"}));
  EXPECT_EQ(counts("--gres=gpu:a:1 --gpus-per-node=a:2,b:3 job.sh"), (Counts{"a:1", "b:3"}));
  EXPECT_EQ(counts("--gres=gpu:2,gpu:1 job.sh"), (Counts{":1"}));
  EXPECT_EQ(counts("--gres=gpu:a:2,gpu:b:1,gpu:a:3,gpu:b:5 job.sh"), (Counts{"a:3", "b:5"}));
}

TEST(Environment, SwitchesAreOnForEmptyYesAndNumbers) {
  for (const auto& [value, expected] : std::vector<std::pair<std::string, bool>>{
           {"", true}, {"yes", true}, {"1", true}, {"0", false}, {"no", false}, {"foo", false}}) {
    auto options = Invoke({"job.sh"}).env("SBATCH_OVERCOMMIT", value).sbatch();
    ASSERT_TRUE(options);
    EXPECT_EQ(options->job.request.overcommit, expected) << value;
  }
}

TEST(Environment, FirstOfTwoNamesWins) {
  auto options = Invoke({"job.sh"}).env("SLURM_CLUSTERS", "a").env("SBATCH_CLUSTERS", "b").sbatch();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->job.clusters, "b");
}

TEST(Environment, ValuesAreChecked) {
  auto wrong = Invoke({"job.sh"}).env("SBATCH_TIMELIMIT", "abc").sbatch();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().err, "sbatch: error: Invalid --time specification\n");
  auto exclusive = Invoke({"job.sh"}).env("SBATCH_EXCLUSIVE", "").sbatch();
  ASSERT_TRUE(exclusive);
  EXPECT_EQ(exclusive->job.request.sharing, model::Sharing::exclusive);
  auto reserved = Invoke({"job.sh"}).env("SBATCH_RESERVATION", "r").sbatch();
  ASSERT_TRUE(reserved);
  EXPECT_EQ(reserved->job.request.reservation.view(), "r");
  auto level = Invoke({"job.sh"}).env("SBATCH_DEBUG", "3").sbatch();
  ASSERT_TRUE(level);
  EXPECT_EQ(level->job.verbose, 3U);
  auto umask = Invoke({"job.sh"}).env("SLURM_UMASK", "0027").sbatch();
  ASSERT_TRUE(umask);
  EXPECT_EQ(umask->job.umask, 027U);
  EXPECT_FALSE(Invoke({"job.sh"}).env("SLURM_UMASK", "9").sbatch());
}

TEST(Environment, SrunsVariablesAreNotSbatchs) {
  auto options = Invoke({"job.sh"}).env("SLURM_NTASKS", "7").env("SLURM_PARTITION", "x").sbatch();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->job.request.tasks, 0U);
  EXPECT_TRUE(options->job.request.partitions.empty());
}

}  // namespace
}  // namespace sluice::opt::test
