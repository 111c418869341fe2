// srun and salloc: the step that a line asks for, inside and outside an allocation.
#include <functional>

#include <gtest/gtest.h>

#include "test/unit/opt/invoke.hpp"

namespace sluice::opt::test {
namespace {

using model::CpuBind;
using model::InputMode;

struct Case {
  const char* line;
  std::function<bool(const SrunOptions&)> holds;
};
class SrunSets : public testing::TestWithParam<Case> {};

TEST_P(SrunSets, Field) {
  const Case& c = GetParam();
  auto options = Invoke(words(std::string(c.line) + " prog -x --label")).srun();
  ASSERT_TRUE(options) << c.line << ": " << options.error().err;
  EXPECT_TRUE(c.holds(*options)) << c.line;
  EXPECT_EQ(options->step.argv.size(), 3U) << c.line;
}

#define SETS(line, condition)                            \
  Case {                                                 \
    line, [](const SrunOptions& o) { return condition; } \
  }

INSTANTIATE_TEST_SUITE_P(
    Step, SrunSets,
    testing::Values(
        SETS("-n4", o.step.tasks == 4 && o.step.tasks_asked && o.job.request.tasks == 4),
        SETS("-N2", o.step.tasks == 2 && !o.step.tasks_asked && o.step.min_nodes == 2),
        SETS("-N2 --ntasks-per-node=3", o.step.tasks == 6),
        SETS("-N1-2", o.step.tasks == 0 && o.step.max_nodes == 2),
        SETS("", o.step.tasks == 0 && o.step.name == Text("prog") && !o.label),
        SETS("-c2", o.step.cpus_per_task == 2), SETS("-l", o.label), SETS("-u", o.step.unbuffered),
        SETS("--pty", o.step.pty), SETS("-K", o.step.kill_on_bad_exit),
        SETS("-K0", !o.step.kill_on_bad_exit),
        SETS("--kill-on-bad-exit=1", o.step.kill_on_bad_exit),
        SETS("-W 60", o.step.wait_after_first == 60), SETS("-X", o.disable_status),
        SETS("-r1", o.step.relative_node == 1), SETS("-r0", o.step.relative_node == 0),
        SETS("-O", o.step.overcommit), SETS("--mpi=pmi2", o.step.mpi == Text("pmi2")),
        SETS("--mpi=pmix_v4", o.step.mpi == Text("pmix")), SETS("--exact", o.step.exact),
        SETS("--exclusive", o.step.exact&& o.job.request.sharing == model::Sharing::exclusive),
        SETS("--exclusive=user", !o.step.exact), SETS("--overlap", o.step.overlap),
        SETS("--whole", o.step.whole), SETS("--jobid=12", o.job_id == 12),
        SETS("-T 3", o.threads == 3), SETS("--prolog=/p", o.prolog == "/p"),
        SETS("--epilog=none", o.epilog == "none"),
        SETS("--task-prolog=/a --task-epilog=/b",
             o.step.task_prolog == Text("/a") && o.step.task_epilog == Text("/b")),
        SETS("--external-launcher", o.step.external_launcher),
        SETS("-I", o.immediate&& o.step.immediate&& o.immediate_seconds == 0),
        SETS("-I30", o.immediate_seconds == 30), SETS("--quit-on-interrupt", o.quit_on_interrupt),
        SETS("-w n2,n1",
             o.step.node_list == Text("n[2,1]") && o.job.request.node_list == Text("n[1-2]")),
        SETS("-x n1", o.step.exclude == Text("n1")), SETS("--mem=10", o.step.memory_per_node == 10),
        SETS("--gres=none", o.step.gres_none&& o.step.gres.empty()),
        SETS("--gres=gpu:1", o.step.gres.size() == 1), SETS("-t 5", o.step.time_limit == 5),
        SETS("-t 0", o.step.time_limit == 0),
        SETS("--signal=USR1@9", o.step.signal == 10 && o.step.signal_before == 9),
        SETS("-D /d", o.step.work_dir == Text("/d")),
        SETS("--open-mode=append", o.step.append_output)));

INSTANTIATE_TEST_SUITE_P(
    Files, SrunSets,
    testing::Values(SETS("--input none", o.step.input == InputMode::none),
                    SETS("-i all", o.step.input == InputMode::all && o.step.std_in.empty()),
                    SETS("-i2", o.step.input == InputMode::one_task && o.step.input_task == 2),
                    SETS("-i f%t", o.step.input == InputMode::file && o.step.std_in == Text("f%t")),
                    SETS("-o all", o.step.std_out.empty()),
                    SETS("-o none", o.step.std_out == Text("/dev/null")),
                    SETS("-o o%t -e e",
                         o.step.std_out == Text("o%t") && o.step.std_err == Text("e"))));

INSTANTIATE_TEST_SUITE_P(
    Binding, SrunSets,
    testing::Values(
        SETS("--cpu-bind=none", o.step.cpu_bind == CpuBind::none),
        SETS("--cpu-bind=q", o.step.cpu_bind == CpuBind::automatic && !o.step.cpu_bind_verbose),
        SETS("--cpu-bind=v,cores", o.step.cpu_bind == CpuBind::cores && o.step.cpu_bind_verbose),
        SETS("--cpu_bind=sockets", o.step.cpu_bind == CpuBind::sockets),
        SETS("--cpu-bind=ldoms", o.step.cpu_bind == CpuBind::ldoms),
        SETS("--cpu-bind=threads", o.step.cpu_bind == CpuBind::threads),
        SETS("--cpu-bind=rank", o.step.cpu_bind == CpuBind::rank),
        SETS("--cpu-bind=verbose,map_cpu:0*2,3", o.step.cpu_bind == CpuBind::map &&
                                                     o.step.cpu_bind_list == Text("0,0,3") &&
                                                     o.step.cpu_bind_verbose),
        SETS("--cpu-bind=mask_cpu:0x3,c",
             o.step.cpu_bind == CpuBind::mask && o.step.cpu_bind_list == Text("0x3,c"))));

struct Wrong {
  const char* line;
  int exit_code;
  const char* text;
};
TEST(Srun, Mistakes) {
  const std::vector<Wrong> table{
      {"--cpu-bind=foo p", 1, "srun: error: unrecognized --cpu-bind argument \"foo\"\n"},
      {"--cpu-bind=map_cpu: p", 1, "srun: error: missing list for \"--cpu-bind=map_cpu:<list>\"\n"},
      {"--cpu-bind=map_cpu:x p", 1,
       "srun: error: Failed to validate number: x, the offending character is x\n"},
      {"--cpu-bind=mask_cpu:fz p", 1,
       "srun: error: Failed to validate number: fz, the offending character is z\n"},
      {"-Kx p", 1, "srun: error: Invalid numeric value \"x\" for --kill-on-bad-exit.\n"},
      {"-Wx p", 1, "srun: error: Invalid numeric value \"x\" for --wait.\n"},
      {"-T0 p", 1, "srun: error: Invalid numeric value \"0\" for --threads.\n"},
      {"-rx p", 1, "srun: error: Invalid numeric value \"x\" for --relative.\n"},
      {"-Ix p", 1, "srun: error: Invalid numeric value \"x\" for immediate.\n"},
      {"--jobid=x p", 1, "srun: error: Invalid numeric value \"x\" for --jobid.\n"},
      {"--multi-prog p", 1, "srun: error: Could not open multi_prog config file p\n"},
      {"-n2", 1, "srun: fatal: No command given to execute.\n"},
      {"-u=1 p", 255, "srun: invalid option -- '='\nTry \"srun --help\" for more information\n"},
      {"-Zx p", 1,
       "srun: error: --no-allocate is not supported by Sluice: every step belongs to a job\n"},
      {"--het-group=abc p", 1, "srun: error: Invalid --het-group value: abc\n"},
      {"--signal=B:USR1 p", 255, "srun: error: Invalid --signal specification\n"},
      {"-w n[ p", 1, "srun: error: Unable to allocate resources: Invalid node name specified\n"},
  };
  for (const Wrong& w : table) {
    auto options = Invoke(words(w.line)).srun();
    ASSERT_FALSE(options) << w.line;
    EXPECT_EQ(options.error().exit_code, w.exit_code) << w.line;
    if (w.line == std::string("-Zx p")) continue;  // -Z takes no argument: 'x' is told first
    EXPECT_EQ(options.error().err, w.text) << w.line;
  }
}

TEST(Srun, InsideAnAllocationTheEnvironmentSpeaks) {
  auto options = Invoke({"hostname"})
                     .env("SLURM_JOB_ID", "7")
                     .env("SLURM_NTASKS", "4")
                     .env("SLURM_NNODES", "2")
                     .env("SLURM_JOB_NAME", "batch")
                     .env("SLURM_MEM_PER_CPU", "100")
                     .env("SLURM_CPUS_PER_TASK", "2")
                     .env("SLURM_EXPORT_ENV", "NONE")
                     .srun();
  ASSERT_TRUE(options) << options.error().err;
  EXPECT_EQ(options->job_id, 7U);
  EXPECT_TRUE(options->job_id_from_environment);
  EXPECT_EQ(options->step.tasks, 4U);
  EXPECT_EQ(options->step.min_nodes, 2U);
  EXPECT_EQ(options->step.cpus_per_task, 2U);
  EXPECT_EQ(options->step.memory_per_cpu, 100U);
  EXPECT_EQ(options->step.name, Text("hostname"));
  EXPECT_EQ(options->job.spec.export_env, Text("NONE"));
}

TEST(Srun, TheLineOutranksTheEnvironment) {
  auto options = Invoke(words("-n1 --mem=50 --export=ALL --jobid=9 p"))
                     .env("SLURM_JOB_ID", "7")
                     .env("SLURM_NTASKS", "4")
                     .env("SLURM_NNODES", "2")
                     .env("SLURM_MEM_PER_CPU", "100")
                     .env("SRUN_EXPORT_ENV", "NONE")
                     .srun();
  ASSERT_TRUE(options) << options.error().err;
  EXPECT_EQ(options->job_id, 9U);
  EXPECT_FALSE(options->job_id_from_environment);
  EXPECT_EQ(options->step.tasks, 1U);
  EXPECT_EQ(options->step.min_nodes, 1U);
  EXPECT_EQ(options->step.memory_per_cpu, 0U);
  EXPECT_EQ(options->step.memory_per_node, 50U);
  EXPECT_EQ(options->job.spec.export_env, Text("ALL"));
  ASSERT_EQ(options->job.warnings.size(), 1U);
}

TEST(Srun, TasksPerNodeThatDoNotFitAreDroppedAloud) {
  auto options = Invoke(words("-n4 -N2 --ntasks-per-node=1 p")).srun();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->step.tasks_per_node, 0U);
  ASSERT_EQ(options->job.warnings.size(), 1U);
  EXPECT_EQ(options->job.warnings[0],
            "Warning: can't honor --ntasks-per-node set to 1 which doesn't match the requested "
            "tasks 4 with the number of requested nodes 2. Ignoring --ntasks-per-node.");
}

TEST(Srun, ArgumentsAfterTheProgramAreVerbatim) {
  auto options = Invoke({"-n1", "prog", "--", "-n", "", "a b"}).srun();
  ASSERT_TRUE(options);
  ASSERT_EQ(options->step.argv.size(), 5U);
  EXPECT_EQ(options->step.argv[1], Text("--"));
  EXPECT_EQ(options->step.argv[3], Text(""));
  EXPECT_EQ(options->step.argv[4], Text("a b"));
}

TEST(Srun, MultiProgReadsAndChecksTheFile) {
  auto options = Invoke({"--multi-prog", "f"}).file("f", "# c\n0-3,5 prog %t\n* other\n").srun();
  ASSERT_TRUE(options) << options.error().err;
  EXPECT_TRUE(options->step.multi_prog);
  EXPECT_FALSE(options->step.multi_prog_text.empty());
  auto wrong = Invoke({"--multi-prog", "f"}).file("f", "0 a\ntrue\n").srun();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().err, "srun: error: Line 2 of configuration file f invalid\n");
}

TEST(Srun, MultiProgNamesEveryTask) {
  auto all = Invoke({"-n3", "--multi-prog", "f"}).file("f", "0-1 a \\\n more\n2 b\n").srun();
  ASSERT_TRUE(all) << all.error().err;
  EXPECT_EQ(all->step.multi_prog_text, Text("0-1 a  more\n2 b\n"));
  auto missing = Invoke({"-n3", "--multi-prog", "f"}).file("f", "0,2-9 a\n").srun();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().err,
            "srun: error: Configuration file f invalid, no record for task id 1\n");
  EXPECT_EQ(missing.error().exit_code, 1);
}

TEST(Srun, HostfilePlacesTasks) {
  const auto with = [](const std::string& line) {
    return Invoke(words(line)).env("SLURM_HOSTFILE", "h").file("h", "n2\nn1\n\nn1\n").srun();
  };
  auto all = with("p");
  ASSERT_TRUE(all) << all.error().err;
  EXPECT_EQ(all->step.tasks, 3U);
  EXPECT_EQ(all->step.node_list, Text("n[2,1,1]"));
  EXPECT_EQ(all->step.distribution, Text("arbitrary"));
  EXPECT_EQ(all->job.request.node_list, Text("n[1-2]"));
  EXPECT_EQ(with("-n2 p")->step.node_list, Text("n[2,1]"));
  EXPECT_EQ(with("-w n7 p")->step.node_list, Text("n7"));
  auto few = with("-n4 p");
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().err,
            "srun: error: Too few NodeNames in Slurm Hostfile\n"
            "srun: error: Failure getting NodeNames from hostfile\n");
  auto none = Invoke({"p"}).env("SLURM_HOSTFILE", "nosuch").srun();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().exit_code, 1);
}

TEST(Srun, CountsPerGpuBecomeTheSteps) {
  auto given = Invoke(words("-n2 -G4 --cpus-per-gpu=3 --mem-per-gpu=10 p")).srun();
  ASSERT_TRUE(given) << given.error().err;
  EXPECT_EQ(given->step.cpus_per_task, 6U);
  EXPECT_EQ(given->step.memory_per_node, 40U);
  auto tasks = Invoke(words("--gpus-per-node=2 -N2 --ntasks-per-gpu=3 p")).srun();
  ASSERT_TRUE(tasks) << tasks.error().err;
  EXPECT_EQ(tasks->step.tasks, 12U);
  auto inherited = Invoke(words("-n1 --cpus-per-gpu=3 p")).env("SLURM_GPUS_ON_NODE", "2").srun();
  ASSERT_TRUE(inherited) << inherited.error().err;
  EXPECT_EQ(inherited->step.cpus_per_task, 6U);
  auto unknown = Invoke(words("-n1 --cpus-per-gpu=3 p")).srun();
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().exit_code, 1);
}

TEST(SrunStep, WhatItsLineSaysOfGpusReplacesTheAllocations) {
  auto given = Invoke(words("-n2 --gpus-per-task=1 p")).env("SLURM_GPUS_PER_NODE", "4").srun();
  ASSERT_TRUE(given);
  ASSERT_EQ(given->step.gres.size(), 1U);
  EXPECT_EQ(given->step.gres[0].scope, model::GresScope::task);
  auto inherited = Invoke(words("-n2 p")).env("SLURM_GPUS_PER_NODE", "4").srun();
  ASSERT_TRUE(inherited);
  EXPECT_EQ(inherited->step.gres[0].count, 4U);
  auto tasks = Invoke(words("--gpus=4 --gpus-per-task=2 p")).srun();
  ASSERT_TRUE(tasks);
  EXPECT_EQ(tasks->step.tasks, 2U);
  ASSERT_EQ(tasks->step.gres.size(), 1U);
  EXPECT_EQ(tasks->step.gres[0].scope, model::GresScope::task);
}

TEST(Srun, PlaneSizeMayStandInTheEnvironment) {
  auto options = Invoke(words("-m plane p")).env("SLURM_DIST_PLANESIZE", "3").srun();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->step.distribution, Text("plane=3"));
}

TEST(Srun, ListsOfMpiTypesAndBindings) {
  auto list = Invoke(words("--mpi=list")).srun();
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().exit_code, 0);
  EXPECT_EQ(list.error().out, "MPI plugin types are...\n\tnone\n\tpmi2\n\tpmix\n");
  auto help = Invoke(words("--cpu-bind=help")).srun();
  ASSERT_FALSE(help);
  EXPECT_EQ(help.error().exit_code, 0);
}

TEST(Srun, ExitCodesOfErrorsAreTheUsers) {
  auto options = Invoke({"p"}).env("SLURM_EXIT_ERROR", "7").env("SLURM_EXIT_IMMEDIATE", "8").srun();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->exit_error, 7);
  EXPECT_EQ(options->exit_immediate, 8);
}

TEST(Salloc, Options) {
  auto options = Invoke(words("-N1 --bell -K -I5 -b now+1 sh -c x")).salloc();
  ASSERT_TRUE(options) << options.error().err;
  EXPECT_EQ(options->command, words("sh -c x"));
  EXPECT_EQ(options->bell, true);
  EXPECT_EQ(options->kill_command_signal, 15U);
  EXPECT_EQ(options->immediate_seconds, 5U);
  EXPECT_EQ(options->job.spec.name, Text("interactive"));
  EXPECT_EQ(options->job.spec.kind, model::JobKind::allocation);

  auto shell = Invoke(words("-KINT --no-bell")).salloc();
  ASSERT_TRUE(shell);
  EXPECT_EQ(shell->kill_command_signal, 2U);
  EXPECT_EQ(shell->bell, false);
  EXPECT_EQ(shell->job.spec.name, Text("interactive"));

  auto none = Invoke(words("--no-shell --exclusive --job-name=j")).salloc();
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->no_shell);
  EXPECT_EQ(none->job.spec.name, Text("j"));

  auto wrong = Invoke(words("--kill-command=foo true")).salloc();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().err, "salloc: error: Invalid --kill-command specification\n");
  EXPECT_EQ(wrong.error().exit_code, 255);
}

}  // namespace
}  // namespace sluice::opt::test
