// The MPI helper with its plugins: real MPI programs over two pretended nodes of this host, and
// what stepd sees when something goes wrong. The programs are compiled here.
#include "daemon/stepd/mpi_helper.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "daemon/stepd/mpi_frame.hpp"
#include "test/unit/stepd/mini_launcher.hpp"

namespace sluice::stepd {
namespace {

using stepd_test::Launch;
using stepd_test::Outcome;

constexpr const char* kAllreduce = R"(
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
  int rank, size, mine, sum, shared;
  MPI_Comm node;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (argc > 1 && rank == 1) MPI_Abort(MPI_COMM_WORLD, 7);
  mine = rank + 1;
  MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
  MPI_Comm_size(node, &shared);
  printf("%d of %d: sum %d, %d share\n", rank, size, sum, shared);
  MPI_Finalize();
  return 0;
}
)";

class Programs : public testing::Environment {
 public:
  void SetUp() override {
    directory = "/tmp/sluice-mpi-programs-" + std::to_string(::getpid());
    ASSERT_TRUE(base::make_directories(directory).has_value());
    ASSERT_TRUE(base::write_file_atomic(directory + "/allreduce.c", kAllreduce).has_value());
  }
  void TearDown() override { EXPECT_TRUE(base::remove_tree(directory).has_value()); }
  // "" if it can't be compiled here.
  static std::string compiled_by(const std::string& compiler) {
    const std::string program = directory + "/" + compiler;
    if (base::file_exists(program)) return program;
    const std::string command = "command -v " + compiler + " >/dev/null && " + compiler + " -o " +
                                program + " " + directory + "/allreduce.c";
    return std::system(command.c_str()) == 0 ? program : "";
  }
  inline static std::string directory;
};

const auto* const kPrograms = testing::AddGlobalTestEnvironment(new Programs);

// What srun sets, as Open MPI looks for it.
const std::vector<std::string> kStepEnvironment = {"SLURM_JOBID=7", "SLURM_JOB_ID=7",
                                                   "SLURM_STEP_ID=0", "SLURM_NODELIST=n[1-2]"};

struct Case {
  const char* mpi;
  const char* compiler;
};

class MpiLaunch : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    program_ = Programs::compiled_by(GetParam().compiler);
    ASSERT_FALSE(program_.empty()) << GetParam().compiler << " is not installed";
    what_.mpi = GetParam().mpi;
    what_.argv = {program_};
    what_.environment = kStepEnvironment;
  }
  void expect_sums(const Outcome& outcome, int shared) {
    EXPECT_FALSE(outcome.timed_out);
    EXPECT_TRUE(outcome.problems.empty()) << outcome.problems[0];
    for (std::uint32_t rank = 0; rank < 4; ++rank) {
      ASSERT_TRUE(outcome.statuses.contains(rank)) << rank;
      EXPECT_EQ(outcome.statuses.at(rank), 0) << outcome.output.at(rank);
      // Open MPI may complain besides that a segment of its shared memory is gone already: a race
      // of its own at the end (open-mpi/ompi issues 7393, 9905).
      const std::string line = fmt::format("{} of 4: sum 10, {} share\n", rank, shared);
      EXPECT_NE(outcome.output.at(rank).find(line), std::string::npos) << outcome.output.at(rank);
    }
    EXPECT_EQ(outcome.initialized.size(), 4U);
    EXPECT_EQ(outcome.finalized.size(), 4U);
    EXPECT_EQ(outcome.helper_exits, static_cast<int>(what_.tasks_of.size()));
  }
  std::string program_;
  Launch what_;
};

TEST_P(MpiLaunch, FourRanksOverTwoNodes) {
  what_.tasks_of = {{0, 1}, {2, 3}};
  const Outcome outcome = launch(what_);
  expect_sums(outcome, 2);
  EXPECT_GT(outcome.fences, 0);
}

TEST_P(MpiLaunch, FourRanksGoingRoundTwoNodesWithTheirOwnNames) {
  what_.tasks_of = {{0, 2}, {1, 3}};
  what_.own_hostname = ::geteuid() == 0;
  expect_sums(launch(what_), 2);
}

TEST_P(MpiLaunch, FourRanksOnOneNode) {
  what_.tasks_of = {{0, 1, 2, 3}};
  const Outcome outcome = launch(what_);
  expect_sums(outcome, 4);
  EXPECT_EQ(outcome.fences, 0);
}

TEST_P(MpiLaunch, AsAnotherUser) {
  what_.tasks_of = {{0, 1}, {2, 3}};
  what_.uid = ::geteuid() == 0 ? 65534 : 0;
  expect_sums(launch(what_), 2);
}

TEST_P(MpiLaunch, AbortIsHeard) {
  what_.tasks_of = {{0, 1}, {2, 3}};
  what_.argv.push_back("abort");
  const Outcome outcome = launch(what_);
  EXPECT_FALSE(outcome.timed_out);
  EXPECT_GE(outcome.aborts, 1);
  EXPECT_EQ(outcome.abort_code, 7);
}

INSTANTIATE_TEST_SUITE_P(Libraries, MpiLaunch,
                         testing::Values(Case{"pmix", "mpicc.openmpi"},
                                         Case{"pmi2", "mpicc.mpich"}),
                         [](const auto& value) { return std::string(value.param.mpi); });

TEST(MpiHelper, DataThatNoFenceBroughtIsAskedFor) {
  Launch what;
  what.argv = {Programs::compiled_by("mpicc.openmpi")};
  ASSERT_FALSE(what.argv[0].empty()) << "mpicc.openmpi is not installed";
  what.tasks_of = {{0, 1}, {2, 3}};
  what.environment = kStepEnvironment;
  what.environment.push_back("OMPI_MCA_pmix_base_async_modex=1");
  const Outcome outcome = launch(what);
  for (const auto& [rank, status] : outcome.statuses) EXPECT_EQ(status, 0) << rank;
  EXPECT_EQ(outcome.statuses.size(), 4U);
  EXPECT_TRUE(outcome.problems.empty());
}

TEST(MpiHelper, AProgramWithoutMpiNeedsNothing) {
  Launch what;
  what.argv = {"/bin/sh", "-c", "echo $PMIX_RANK; exit 3"};
  what.tasks_of = {{0}, {1}};
  const Outcome outcome = launch(what);
  EXPECT_EQ(WEXITSTATUS(outcome.statuses.at(1)), 3);
  EXPECT_EQ(outcome.output.at(1), "1\n");
  EXPECT_TRUE(outcome.initialized.empty());
  EXPECT_EQ(outcome.helper_exits, 2);
}

MpiHelperSpec one_task() {
  MpiHelperSpec spec;
  spec.plugin = {"/nonexistent/mpi.so", false};
  spec.uid = ::getuid();
  spec.gid = ::getgid();
  spec.unique_job = "x";
  spec.node_names = {"n1"};
  spec.task_node = {0};
  spec.local_ranks = {0};
  spec.directory = "/tmp";
  return spec;
}

TEST(MpiHelper, AMissingPluginIsToldAndTheHelperEnds) {
  auto helper = start_mpi_helper(one_task());
  ASSERT_TRUE(helper.has_value());
  std::vector<MpiEvent> events;
  while (events.empty()) {
    pollfd wait{helper->fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&wait, 1, 10'000), 1);
    auto more = helper->on_readable();
    ASSERT_TRUE(more.has_value()) << more.error().text;
    events = std::move(*more);
  }
  EXPECT_EQ(events[0].kind, MpiEvent::Kind::failed);
  EXPECT_NE(events[0].text.find("/nonexistent/mpi.so"), std::string::npos);
  int status = 0;
  EXPECT_EQ(::waitpid(helper->pid(), &status, 0), helper->pid());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(helper->on_readable().error().code, ErrorCode::unavailable);
}

TEST(MpiHelper, ImpossibleStepsAreRefused) {
  MpiHelperSpec spec = one_task();
  spec.local_ranks = {};
  EXPECT_FALSE(start_mpi_helper(spec).has_value());
  spec = one_task();
  spec.local_ranks = {1};
  EXPECT_FALSE(start_mpi_helper(spec).has_value());
  spec = one_task();
  spec.node = 1;
  EXPECT_FALSE(start_mpi_helper(spec).has_value());
  spec = one_task();
  spec.task_node = {1};
  EXPECT_FALSE(start_mpi_helper(spec).has_value());
}

TEST(MpiPluginFile, ByTheNameOfTheInterface) {
  EXPECT_EQ(mpi_plugin_file("/p", "pmix")->path, "/p/mpi_pmix.so");
  EXPECT_EQ(mpi_plugin_file("/p", "pmix_v4")->path, "/p/mpi_pmix.so");
  EXPECT_EQ(mpi_plugin_file("/p", "pmi2")->path, "/p/mpi_pmi.so");
  EXPECT_TRUE(mpi_plugin_file("/p", "pmi2")->task_sockets);
  for (const char* name : {"none", "", "openmpi", "../x"}) {
    EXPECT_EQ(mpi_plugin_file("/p", name).error().code, ErrorCode::invalid_argument) << name;
  }
}

TEST(MpiFrame, EveryTruncationIsSeen) {
  const std::string frame = FrameWriter(MpiFrame::abort).u32(3).u32(7).text("why").finish();
  const FrameCut whole = cut_frame(frame, 0, 1000);
  ASSERT_TRUE(whole.found);
  EXPECT_EQ(whole.end, frame.size());
  for (std::size_t size = 0; size < frame.size(); ++size) {
    EXPECT_FALSE(cut_frame(std::string_view(frame).substr(0, size), 0, 1000).found);
  }
  for (std::size_t size = 0; size < whole.body.size(); ++size) {
    FrameReader reader(whole.body.substr(0, size));
    static_cast<void>(reader.u32());
    static_cast<void>(reader.u32());
    static_cast<void>(reader.text());
    EXPECT_FALSE(reader.complete()) << size;
  }
  EXPECT_TRUE(cut_frame(frame, 0, 3).too_long);
  EXPECT_TRUE(cut_frame(std::string_view("\0\0\0\0", 4), 0, 3).too_long);
}

}  // namespace
}  // namespace sluice::stepd
