// sbatch's line: what each option sets, what each mistake says.
#include <functional>

#include <gtest/gtest.h>

#include "test/unit/opt/invoke.hpp"

namespace sluice::opt::test {
namespace {

using model::GresScope;

struct Case {
  const char* line;
  std::function<bool(const SbatchOptions&)> holds;
};

class SbatchSets : public testing::TestWithParam<Case> {};

TEST_P(SbatchSets, Field) {
  const Case& c = GetParam();
  auto options = Invoke(words(std::string(c.line) + " job.sh")).sbatch();
  ASSERT_TRUE(options) << c.line << ": " << options.error().err;
  EXPECT_TRUE(c.holds(*options)) << c.line;
}

#define SETS(line, condition)                              \
  Case {                                                   \
    line, [](const SbatchOptions& o) { return condition; } \
  }

INSTANTIATE_TEST_SUITE_P(
    Resources, SbatchSets,
    testing::Values(
        SETS("-N4", o.job.request.min_nodes == 4 && o.job.request.max_nodes == 4),
        SETS("-N 2-4", o.job.request.min_nodes == 2 && o.job.request.max_nodes == 4),
        SETS("--nodes=1k-2k", o.job.request.min_nodes == 1024 && o.job.request.max_nodes == 2048),
        SETS("-n1", o.job.request.tasks == 1), SETS("--ntasks 12", o.job.request.tasks == 12),
        SETS("-c 3", o.job.request.cpus_per_task == 3),
        SETS("--mem=4G", o.job.request.memory_per_node == 4096),
        SETS("--mem 100", o.job.request.memory_per_node == 100),
        SETS("--mem=0", o.job.request.all_memory&& o.job.request.memory_per_node == 0),
        SETS("--mem-per-cpu=512M", o.job.request.memory_per_cpu == 512),
        SETS("--mem-per-gpu=1G", o.job.request.memory_per_gpu == 1024),
        SETS("--tasks-per-node=2", o.job.request.tasks_per_node == 2),
        SETS("--ntasks-per-node=2", o.job.request.tasks_per_node == 2),
        SETS("--ntasks-per-socket=2", o.job.request.tasks_per_socket == 2),
        SETS("--ntasks-per-core=1", o.job.request.tasks_per_core == 1),
        SETS("--ntasks-per-gpu=2", o.job.request.tasks_per_gpu == 2),
        SETS("--cpus-per-gpu=4", o.job.request.cpus_per_gpu == 4),
        SETS("--gres-flags=enforce-binding", o.job.request.gres_enforce_binding),
        SETS("--gres-flags=Disable-Binding", o.job.request.gres_disable_binding),
        SETS("--gres-flags=enforce-binding --gres-flags=disable-binding",
             !o.job.request.gres_enforce_binding),
        SETS("--mincpus=8", o.job.request.min_cpus_per_node == 8),
        SETS("--tmp=1G", o.job.request.tmp_disk == 1024),
        SETS("--contiguous", o.job.request.contiguous), SETS("-O", o.job.request.overcommit),
        SETS("-s", o.job.request.sharing == model::Sharing::oversubscribe),
        SETS("--exclusive", o.job.request.sharing == model::Sharing::exclusive),
        SETS("--exclusive=user", o.job.request.sharing == model::Sharing::exclusive_user),
        SETS("--spread-job", o.job.request.spread),
        SETS("--use-min-nodes", o.job.request.use_min_nodes),
        SETS("-C a&b", o.job.request.features == Text("a&b")),
        SETS("--prefer=a|b", o.job.request.prefer == Text("a|b")),
        SETS("--segment=4", o.job.request.segment == 4),
        SETS("-S2", o.job.request.reserved_cores == 2),
        SETS("--switches=2@1:30", o.job.request.switches == 2 && o.job.request.switch_wait_s == 90),
        SETS("--switches=1",
             o.job.request.switches == 1 && o.job.request.switch_wait_s == model::kUnlimited),
        SETS("-w n[3,1-2]", o.job.request.node_list == Text("n[1-3]")),
        SETS("-x n1,n2", o.job.request.exclude == Text("n[1-2]")),
        SETS("-B 2:4:1", o.job.request.sockets_per_node == 2 &&
                             o.job.request.cores_per_socket == 4 &&
                             o.job.request.threads_per_core == 1),
        SETS("-B *:4", o.job.request.sockets_per_node == 0 && o.job.request.cores_per_socket == 4),
        SETS("--sockets-per-node=2", o.job.request.sockets_per_node == 2),
        SETS("--cores-per-socket=2", o.job.request.cores_per_socket == 2),
        SETS("--threads-per-core=2", o.job.request.threads_per_core == 2),
        SETS("--hint=nomultithread", o.job.request.no_multithread),
        SETS("--hint=compute_bound", o.job.request.no_multithread),
        SETS("--hint=multithread", !o.job.request.no_multithread),
        SETS("-m cyclic:block:*", o.job.spec.distribution == Text("cyclic:block")),
        SETS("-m plane=4", o.job.spec.distribution == Text("plane=4")),
        SETS("-m BLOCK,NoPack", o.job.spec.distribution == Text("block")),
        SETS("-m *", o.job.spec.distribution.empty()),
        SETS("--mem-bind=none", o.job.spec.mem_bind == Text("quiet,none"))));

INSTANTIATE_TEST_SUITE_P(
    Gres, SbatchSets,
    testing::Values(SETS("--gres=gpu:2", o.job.request.gres.size() == 1 &&
                                             o.job.request.gres[0].name == Text("gpu") &&
                                             o.job.request.gres[0].count == 2),
                    SETS("--gres=gpu:a100:2,fpga", o.job.request.gres.size() == 2 &&
                                                       o.job.request.gres[0].type == Text("a100") &&
                                                       o.job.request.gres[1].count == 1),
                    SETS("--gres=gpu:a100", o.job.request.gres[0].type == Text("a100") &&
                                                o.job.request.gres[0].count == 1),
                    SETS("--gres=none", o.job.request.gres.empty()),
                    SETS("--gres=gpu:0", o.job.request.gres.empty()),
                    SETS("--gres=bw:2k", o.job.request.gres[0].count == 2048),
                    SETS("-G2", o.job.request.gres[0].scope == GresScope::job &&
                                    o.job.request.gres[0].count == 2),
                    SETS("--gpus=v100:2,k80:1", o.job.request.gres.size() == 2),
                    SETS("--gpus-per-node=a:4", o.job.request.gres[0].scope == GresScope::node &&
                                                    o.job.request.gres[0].type == Text("a")),
                    SETS("--gpus-per-task=1 -n2", o.job.request.gres[0].scope == GresScope::task &&
                                                      o.job.spec.gpus_per_task == 1),
                    SETS("--gpus-per-socket=1 --sockets-per-node=2",
                         o.job.request.gres[0].scope == GresScope::socket),
                    SETS("--gpu-bind=closest", o.job.spec.gpu_bind == Text("closest")),
                    SETS("--tres-bind=gres/gpu:closest+npu:single:1",
                         o.job.spec.tres_bind == Text("gres/gpu:closest+npu:single:1")),
                    SETS("--gpu-bind=verbose,map_gpu:0,1",
                         o.job.spec.gpu_bind == Text("verbose,map_gpu:0,1"))));

INSTANTIATE_TEST_SUITE_P(
    Job, SbatchSets,
    testing::Values(
        SETS("-A acc", o.job.request.account == Text("acc")),
        SETS("-L a:2,b", o.job.request.licenses == Text("a:2,b")),
        SETS("--reservation=a,b", o.job.request.reservation == Text("a,b")),
        SETS("-p a,b", o.job.request.partitions == Text("a,b")),
        SETS("-q high", o.job.request.qos == Text("high")),
        SETS("-J name", o.job.spec.name == Text("name")),
        SETS("", o.job.spec.name == Text("job.sh") && o.job.spec.command == Text("job.sh")),
        SETS("--comment=x", o.job.spec.comment == Text("x")),
        SETS("--extra=x", o.job.spec.extra == Text("x")),
        SETS("--wckey=x", o.job.spec.wckey == Text("x")),
        SETS("-a 0-15:4,20%2",
             o.job.spec.array == Text("0-15:4,20") && o.job.spec.array_limit == 2),
        SETS("-t 10", o.job.request.time_limit == 10),
        SETS("-t 0:36000", o.job.request.time_limit == 600),
        SETS("-t 1-2:3", o.job.request.time_limit == 1440 + 120 + 3),
        SETS("-t 0", o.job.request.time_limit == model::kUnlimited),
        SETS("-t unlimited", o.job.request.time_limit == model::kUnlimited),
        SETS("--time-min=5 -t 10", o.job.request.time_min == 5),
        SETS("--begin=now+60", o.job.spec.begin == (kNow + 60) * model::kSecond),
        SETS("--deadline=now+1hour", o.job.spec.deadline == (kNow + 3600) * model::kSecond),
        SETS("-d afterok:1:2,afterany:3", o.job.spec.dependency == Text("afterok:1:2,afterany:3")),
        SETS("-d after:5+10?singleton", !o.job.spec.dependency.empty()),
        SETS("-d aftercorr:7_4", !o.job.spec.dependency.empty()),
        SETS("--kill-on-invalid-dep=yes", o.job.spec.kill_on_invalid_dependency),
        SETS("-H", o.job.spec.held), SETS("--priority=77", o.job.spec.priority == 77),
        SETS("--priority=0", o.job.spec.held), SETS("--nice", o.job.spec.nice == 100),
        SETS("--nice=-5", o.job.spec.nice == -5), SETS("--no-requeue", o.job.spec.no_requeue),
        SETS("--no-requeue --requeue", !o.job.spec.no_requeue && o.job.spec.requeue),
        SETS("--requeue=expedite", o.job.spec.expedite_requeue&& o.job.spec.requeue),
        SETS("-k", o.job.spec.no_kill), SETS("--no-kill=off", !o.job.spec.no_kill),
        SETS("--signal=B:USR1@120", o.job.spec.signal == 10 && o.job.spec.signal_before == 120 &&
                                        o.job.spec.signal_batch_only),
        SETS("--signal=SIGTERM", o.job.spec.signal == 15 && o.job.spec.signal_before == 60),
        SETS("--mail-type=end,FAIL", o.job.spec.mail_type == Text("END,FAIL")),
        SETS("--mail-type=NONE", o.job.spec.mail_type.empty()),
        SETS("--mail-user=me@x", o.job.spec.mail_user == Text("me@x"))));

INSTANTIATE_TEST_SUITE_P(
    Run, SbatchSets,
    testing::Values(
        SETS("-o %j.out -e err -i in", o.job.spec.std_out == Text("%j.out") &&
                                           o.job.spec.std_err == Text("err") &&
                                           o.job.spec.std_in == Text("in")),
        SETS("--open-mode=a", o.job.spec.append_output),
        SETS("--open-mode=truncate", !o.job.spec.append_output),
        SETS("-D /tmp", o.job.spec.work_dir == Text("/tmp")),
        SETS("--export=ALL,A=1", o.job.spec.export_env == Text("ALL,A=1")),
        SETS("--export=", o.job.spec.export_env == Text("NONE")),
        SETS("--export-file=3", o.export_file == "3"), SETS("--get-user-env", o.get_user_env),
        SETS("--get-user-env=30L", o.get_user_env_seconds == 30 && o.get_user_env_mode == 'L'),
        SETS("--uid=12", o.job.run_as_uid == 12U), SETS("--gid=12", o.job.run_as_gid == 12U),
        SETS("--propagate=NONE", o.job.propagate == 0), SETS("--propagate", o.job.propagate == ~0U),
        SETS("--propagate=CORE", o.job.propagate == 16), SETS("-vv", o.job.verbose == 2),
        SETS("-Q", o.job.quiet), SETS("--test-only", o.job.test_only),
        SETS("--parsable", o.parsable), SETS("-W", o.wait), SETS("-M c1", o.job.clusters == "c1"),
        SETS("--cluster=c1", o.job.clusters == "c1"),
        SETS("--profile=none --ignore-pbs --stepmgr", o.job.spec.name == Text("job.sh"))));

TEST(Sbatch, JoinsLettersAndKeepsTheScriptsArguments) {
  auto options = Invoke({"-Hn2", "-Jx", "job.sh", "-n", "9", "--foo"}).sbatch();
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->job.spec.held);
  EXPECT_EQ(options->job.request.tasks, 2U);
  EXPECT_EQ(options->script_arguments, (std::vector<std::string>{"-n", "9", "--foo"}));
  EXPECT_EQ(options->job.spec.arguments.size(), 3U);
  EXPECT_EQ(options->job.spec.submit_line, Text("sbatch -Hn2 -Jx job.sh -n 9 --foo"));
}

TEST(Sbatch, WrapMakesAScript) {
  const std::string command = "echo " + std::string(200000, 'x');
  auto options = Invoke({"--wrap=" + command}).sbatch();
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->wrapped);
  EXPECT_EQ(options->script,
            "#!/bin/sh\n# This script was created by sbatch --wrap.\n\n" + command + "\n");
  EXPECT_EQ(options->job.spec.name, Text("wrap"));
}

TEST(Sbatch, ReadsTheScriptFromStandardInput) {
  auto options = Invoke({"-n2"}).file("", "#!/bin/sh\n#SBATCH -N2\n").sbatch();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->job.spec.name, Text("sbatch"));
  EXPECT_EQ(options->job.request.min_nodes, 2U);
}

TEST(Sbatch, NodefileAndListsWithASlashAreFiles) {
  auto options = Invoke({"-F", "hosts", "-x", "./bad", "job.sh"})
                     .file("hosts", "n1\nn2,n3\n")
                     .file("./bad", "n9\n")
                     .sbatch();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->job.request.node_list, Text("n[1-3]"));
  EXPECT_EQ(options->job.request.exclude, Text("n9"));
}

TEST(Sbatch, FewerTasksThanNodesWarns) {
  auto options = Invoke(words("-N4 -n1 job.sh")).sbatch();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->job.request.min_nodes, 1U);
  EXPECT_EQ(options->job.request.max_nodes, 1U);
  ASSERT_EQ(options->job.warnings.size(), 1U);
  EXPECT_EQ(options->job.warnings[0],
            "Warning: can't run 1 processes on 4 nodes, setting nnodes to 1");
}

struct Wrong {
  const char* line;
  int exit_code;
  const char* text;
};
class SbatchRefuses : public testing::TestWithParam<Wrong> {};

TEST_P(SbatchRefuses, WithSlurmsWords) {
  const Wrong& w = GetParam();
  auto options = Invoke(words(std::string(w.line) + " job.sh")).sbatch();
  ASSERT_FALSE(options) << w.line;
  EXPECT_EQ(options.error().exit_code, w.exit_code) << w.line;
  EXPECT_EQ(options.error().err, std::string(w.text) + "\n") << w.line;
}

#define HINT "\nTry \"sbatch --help\" for more information"
INSTANTIATE_TEST_SUITE_P(
    Lines, SbatchRefuses,
    testing::Values(
        Wrong{"--foo", 255, "sbatch: unrecognized option '--foo'" HINT},
        Wrong{"--foo=3", 255, "sbatch: unrecognized option '--foo=3'" HINT},
        Wrong{"-y", 255, "sbatch: invalid option -- 'y'" HINT},
        Wrong{"-Hy", 255, "sbatch: invalid option -- 'y'" HINT},
        Wrong{"--ti=x", 255,
              "sbatch: option '--ti=x' is ambiguous; possibilities: '--time' '--time-min'" HINT},
        Wrong{"--hold=1", 255, "sbatch: option '--hold' doesn't allow an argument" HINT},
        Wrong{"--oversub=1", 255,
              "sbatch: option '--oversubscribe' doesn't allow an argument" HINT},
        Wrong{"-t abc", 255, "sbatch: error: Invalid --time specification"},
        Wrong{"--time=", 255, "sbatch: error: Invalid --time specification"},
        Wrong{"-t 1:2:3:4", 255, "sbatch: error: Invalid --time specification"},
        Wrong{"-n 0", 1, "sbatch: error: Invalid numeric value \"0\" for --ntasks."},
        Wrong{"-n -1", 1, "sbatch: error: Invalid numeric value \"-1\" for --ntasks."},
        Wrong{"-c x", 1, "sbatch: error: Invalid numeric value \"x\" for --cpus-per-task."},
        Wrong{"-N 4-2", 255,
              "sbatch: error: Maximum node count 2 is less than minimum node count 4"},
        Wrong{"-N x", 255, "sbatch: error: \"x\" is not a valid node count"},
        Wrong{"--mem=x", 255, "sbatch: error: Invalid --mem specification"},
        Wrong{"--mem=4X", 255, "sbatch: error: Invalid --mem specification"},
        Wrong{"--mem=1 --mem-per-cpu=1", 1,
              "sbatch: fatal: --mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive."},
        Wrong{"--begin=foo", 255,
              "Invalid time specification (pos=0): foo\nsbatch: error: Invalid --begin "
              "specification"},
        Wrong{"--nice=99999999999", 255,
              "sbatch: error: Invalid --nice value, out of range (+/- 2147483645)"},
        Wrong{"--nice=x", 255, "sbatch: error: Invalid --nice specification"},
        Wrong{"--mail-type=foo", 255, "sbatch: error: Invalid --mail-type specification"},
        Wrong{"--signal=foo", 255, "sbatch: error: Invalid --signal specification"},
        Wrong{"--signal=B:USR1@x", 255, "sbatch: error: Invalid --signal specification"},
        Wrong{"--signal=USR1@65536", 255, "sbatch: error: Invalid --signal specification"},
        Wrong{"--open-mode=x", 255, "sbatch: error: Invalid --open-mode specification"},
        Wrong{"--hint=x", 1, "sbatch: error: unrecognized --hint argument \"x\", see --hint=help"},
        Wrong{"-m foo", 255, "sbatch: error: Invalid --distribution specification"},
        Wrong{"-m plane", 255,
              "sbatch: error: Invalid plane size or size not specified\n"
              "sbatch: error: Invalid --distribution specification"},
        Wrong{"--gres=foo:x:y:z", 1,
              "sbatch: error: Invalid generic resource (gres) specification"},
        Wrong{"--gres-flags=tight", 255, "sbatch: error: Invalid --gres-flags specification"},
        Wrong{"--gres-flags=one-task-per-sharing", 1,
              "sbatch: error: --gres-flags=one-task-per-sharing is not supported by Sluice: no "
              "device is divided among tasks"},
        Wrong{"--gpus=3 --gpus-per-node=2", 1,
              "sbatch: error: Failed to validate job spec, --gpus is not multiple of "
              "--gres=gpu/--gpus-per-node"},
        Wrong{"--gpus=1 -N2", 1, "sbatch: error: Failed to validate job spec, --gpus < -N"},
        Wrong{"--gpus=x", 1, "sbatch: error: Invalid generic resource (gres) specification"},
        Wrong{"--gpus-per-task=2 -N1-2", 1,
              "sbatch: error: Invalid generic resource (gres) specification"},
        Wrong{"--exclusive=foo", 255, "sbatch: error: Invalid --exclusive specification"},
        Wrong{"--propagate=foo", 1,
              "sbatch: error: Bad rlimit name: foo\n"
              "sbatch: error: --propagate=foo is not valid."},
        Wrong{"--uid=nosuchuser", 255, "sbatch: error: Invalid --uid specification"},
        Wrong{"-B x", 1, "sbatch: error: Invalid numeric value \"x\" for first arg of -B."},
        Wrong{"--wait-all-nodes=2", 255, "sbatch: error: Invalid --wait-all-nodes specification"},
        Wrong{"--get-user-env=x", 255, "sbatch: error: Invalid --get-user-env specification"},
        Wrong{"-d foo", 1, "sbatch: error: Batch job submission failed: Job dependency problem"},
        Wrong{"-d afterok:1,afterany:2?after:3", 1,
              "sbatch: error: Batch job submission failed: Job dependency problem"},
        Wrong{"-a 3-1", 1,
              "sbatch: error: Batch job submission failed: Invalid job array specification"},
        Wrong{"-w n[", 1,
              "sbatch: error: Batch job submission failed: Invalid node name specified"},
        Wrong{"--gpus-per-socket=1", 1,
              "sbatch: error: --gpus-per-socket option requires --sockets-per-node specification"},
        Wrong{"--bb=x", 1, "sbatch: error: --bb is not supported by Sluice: no burst buffers"},
        Wrong{"--switches=x", 1, "sbatch: error: Invalid numeric value \"x\" for --switches."},
        Wrong{
            "--thread-spec=2", 1,
            "sbatch: error: --thread-spec is not supported by Sluice: no threads are set aside for "
            "single jobs"}));

TEST(Sbatch, OptionsOfRootAreRootsAlone) {
  auto options = Invoke(words("--uid=12 job.sh")).as_user(1000).sbatch();
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().err, "sbatch: error: --uid only permitted by root user\n");
  EXPECT_EQ(options.error().exit_code, 255);
}

TEST(Sbatch, MissingArgumentsAndFiles) {
  auto missing = Invoke({"--time"}).sbatch();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().err, "sbatch: option '--time' requires an argument" HINT "\n");
  auto letter = Invoke({"-t"}).sbatch();
  ASSERT_FALSE(letter);
  EXPECT_EQ(letter.error().err, "sbatch: option requires an argument -- 't'" HINT "\n");
  auto file = Invoke({"nosuch"}).sbatch();
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().err, "sbatch: error: Unable to open file nosuch\n");
  EXPECT_EQ(file.error().exit_code, 1);
  auto both = Invoke({"--wrap=true", "job.sh"}).sbatch();
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().err, "sbatch: error: Script arguments not permitted with --wrap option\n");
}

TEST(Sbatch, HelpVersionAndHints) {
  for (const char* line : {"-V", "--version", "-n2 --version job.sh", "-V --foo"}) {
    auto version = Invoke(words(line)).sbatch();
    ASSERT_FALSE(version) << line;
    EXPECT_EQ(version.error(), (Stop{0, "slurm 25.11.0\n", ""})) << line;
  }
  auto help = Invoke({"--help"}).sbatch();
  ASSERT_FALSE(help);
  EXPECT_EQ(help.error().exit_code, 0);
  EXPECT_TRUE(help.error().out.starts_with("Usage: sbatch [OPTIONS] script [args...]\n"));
  auto hint = Invoke(words("--hint=help job.sh")).sbatch();
  ASSERT_FALSE(hint);
  EXPECT_EQ(hint.error().exit_code, 0);
  EXPECT_TRUE(hint.error().out.starts_with("Application hint options:"));
}

}  // namespace
}  // namespace sluice::opt::test
