// The lines of heterogeneous jobs: components by ':' and "#SBATCH hetjob", what the first one says
// for all, srun's components by --het-group.
#include <gtest/gtest.h>

#include "test/unit/opt/invoke.hpp"

namespace sluice::opt::test {
namespace {

TEST(HetLines, SbatchTakesComponentsFromLineAndScript) {
  auto line = Invoke({"-n1", ":", "-n4", "-C", "x", "job.sh", "a", ":", "b"}).sbatch();
  ASSERT_TRUE(line);
  ASSERT_EQ(line->more.size(), 1U);
  EXPECT_EQ(line->job.request.tasks, 1U);
  EXPECT_EQ(line->more[0].request.tasks, 4U);
  EXPECT_EQ(line->more[0].request.features, Text("x"));
  EXPECT_EQ(line->script_arguments, (std::vector<std::string>{"a", ":", "b"}));

  for (const char* word : {"hetjob", "packjob"}) {
    const std::string lines = "#SBATCH -n2 -c3\n#SBATCH " + std::string(word) + "\n#SBATCH -n5\n";
    auto both = script(lines, "-n1 : -c2").sbatch();
    ASSERT_TRUE(both);
    ASSERT_EQ(both->more.size(), 1U);
    EXPECT_EQ(both->job.request.tasks, 1U);  // the line wins, component by component
    EXPECT_EQ(both->job.request.cpus_per_task, 3U);
    EXPECT_EQ(both->more[0].request.tasks, 5U);
    EXPECT_EQ(both->more[0].request.cpus_per_task, 2U);
  }
  auto last = Invoke({"-n1", ":", "job.sh"}).sbatch();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->more.size(), 1U);
}

TEST(HetLines, TheFirstComponentSpeaksForAllOfSomeThings) {
  auto options =
      script("#SBATCH hetjob\n#SBATCH -t 3\n", "-t5 -J both -c2 --exclusive : -n2 : -t9").sbatch();
  ASSERT_TRUE(options);
  ASSERT_EQ(options->more.size(), 2U);
  const JobOptions& second = options->more[0];
  EXPECT_EQ(options->job.request.time_limit, 5U);
  EXPECT_EQ(second.request.time_limit, 3U);  // its own script line
  EXPECT_EQ(options->more[1].request.time_limit, 9U);
  EXPECT_EQ(second.spec.name, Text("both"));
  EXPECT_EQ(second.request.cpus_per_task, 0U);
  EXPECT_EQ(second.request.sharing, model::Sharing::partition_default);
}

TEST(HetLines, MemoryIsTakenOverUnlessSaidOtherwise) {
  auto options = Invoke({"--mem=50", ":", "-n2", ":", "--mem-per-cpu=7", "job.sh"}).sbatch();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->more[0].request.memory_per_node, 50U);
  EXPECT_EQ(options->more[1].request.memory_per_node, 0U);
  EXPECT_EQ(options->more[1].request.memory_per_cpu, 7U);
}

TEST(HetLines, SallocsCommandIsTheLastComponents) {
  auto options = Invoke({"-n1", ":", "-n2", "run", "x"}).salloc();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->more.size(), 1U);
  EXPECT_EQ(options->command, (std::vector<std::string>{"run", "x"}));
}

TEST(HetLines, SrunOutsideOfAJobAsksForTheWhole) {
  auto options = Invoke(words("-n1 a x : -n2 b : -n3 b")).srun();
  ASSERT_TRUE(options);
  ASSERT_EQ(options->components.size(), 3U);
  EXPECT_EQ(options->components[0].step.argv, (std::vector<Text>{"a", "x"}));
  EXPECT_EQ(options->components[1].step.tasks, 2U);
  EXPECT_EQ(options->components[2].component, 2U);
  auto shared = Invoke(words("-n1 : -n2 b")).srun();
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->components[0].step.argv, (std::vector<Text>{"b"}));
  EXPECT_FALSE(Invoke(words("-n1 a : -n2")).srun());
}

Invoke inside(const char* line) {
  return Invoke(words(line))
      .env("SLURM_JOB_ID", "7")
      .env("SLURM_HET_SIZE", "3")
      .env("SLURM_NTASKS", "1")
      .env("SLURM_NTASKS_HET_GROUP_0", "1")
      .env("SLURM_NTASKS_HET_GROUP_2", "5");
}

TEST(HetLines, SrunInsideMeansComponents) {
  auto plain = inside("a").srun();
  ASSERT_TRUE(plain);
  EXPECT_TRUE(plain->components.empty());
  EXPECT_EQ(plain->step.tasks, 1U);

  auto two = inside("--het-group=0,2 a").srun();
  ASSERT_TRUE(two);
  ASSERT_EQ(two->components.size(), 2U);
  EXPECT_EQ(two->components[1].component, 2U);
  EXPECT_EQ(two->components[1].step.tasks, 5U);  // as its own variables say

  auto by_place = inside("-n1 a : -n2 b").srun();
  ASSERT_TRUE(by_place);
  ASSERT_EQ(by_place->components.size(), 2U);
  EXPECT_EQ(by_place->components[1].component, 1U);

  const struct {
    const char* line;
    const char* text;
  } wrong[] = {
      {"--het-group=3 a",
       "srun: error: Requested het-group offset exceeds highest hetjob index (3 > 2)\n"},
      {"--het-group=0 a : --het-group=0 b",
       "srun: fatal: Duplicate het groups in single srun not supported\n"},
  };
  for (const auto& one : wrong) {
    auto options = inside(one.line).srun();
    ASSERT_FALSE(options) << one.line;
    EXPECT_EQ(options.error().err, one.text);
  }
}

}  // namespace
}  // namespace sluice::opt::test
