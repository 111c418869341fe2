// The options of containers on sbatch, srun and salloc: what each sets, which go together, and the
// variables that stand for them.
#include <functional>

#include <gtest/gtest.h>

#include "test/unit/opt/invoke.hpp"

namespace sluice::opt::test {
namespace {

using model::ContainerSpec;
using model::Wish;

struct Case {
  const char* line;
  std::function<bool(const ContainerSpec&)> holds;
};
class ContainerSets : public testing::TestWithParam<Case> {};

TEST_P(ContainerSets, FieldOfJobAndStep) {
  const Case& c = GetParam();
  const std::string line = std::string(c.line) + " --container-image=debian:12 ";
  const auto sbatch = Invoke(words(line + "job.sh")).sbatch();
  const auto srun = Invoke(words(line + "prog --container-image=x")).srun();
  const auto salloc = Invoke(words(line)).salloc();
  ASSERT_TRUE(sbatch) << c.line << ": " << sbatch.error().err;
  ASSERT_TRUE(srun) << c.line << ": " << srun.error().err;
  ASSERT_TRUE(salloc) << c.line << ": " << salloc.error().err;
  ASSERT_EQ(srun->step.container.size(), 1U);
  EXPECT_TRUE(c.holds(srun->step.container.front())) << c.line;
  EXPECT_EQ(srun->job.spec.container, srun->step.container);
  EXPECT_EQ(sbatch->job.spec.container, srun->step.container);
  EXPECT_EQ(salloc->job.spec.container, srun->step.container);
}

#define SETS(line, condition)                              \
  Case {                                                   \
    line, [](const ContainerSpec& c) { return condition; } \
  }

bool is_mount(const model::ContainerMount& mount, std::string_view source,
              std::string_view target) {
  return mount.source.view() == source && mount.target.view() == target;
}

INSTANTIATE_TEST_SUITE_P(
    Container, ContainerSets,
    testing::Values(
        SETS("", c.image == Text("debian:12") && c.mounts.empty() && c.mount_home == Wish::unset &&
                     c.writable == Wish::unset && c.unshare == 0),
        SETS("--container-mounts=/a:/b:ro+rprivate,/c",
             c.mounts.size() == 2 && is_mount(c.mounts[0], "/a", "/b") &&
                 c.mounts[0].flags == (std::vector<Text>{"ro", "rprivate"}) &&
                 is_mount(c.mounts[1], "/c", "/c") && c.mounts[1].flags.empty()),
        SETS("--container-mounts=/a:/b --container-mounts=./c:/d",
             c.mounts.size() == 2 && is_mount(c.mounts[1], "./c", "/d")),
        SETS("--container-workdir=/w", c.workdir == Text("/w")),
        SETS("--container-name=mine", c.name == Text("mine")),
        SETS("--container-name=mine:auto", c.name == Text("mine")),
        SETS("--container-name=mine:no_exec", c.name == Text("mine")),
        SETS("--container-save=out.sqsh", c.save == Text("out.sqsh")),
        SETS("--container-mount-home", c.mount_home == Wish::yes),
        SETS("--no-container-mount-home", c.mount_home == Wish::no),
        SETS("--container-remap-root", c.remap_root == Wish::yes),
        SETS("--no-container-remap-root", c.remap_root == Wish::no),
        SETS("--container-entrypoint", c.entrypoint == Wish::yes),
        SETS("--no-container-entrypoint", c.entrypoint == Wish::no),
        SETS("--container-entrypoint --container-entrypoint-log", c.entrypoint_log.empty()),
        SETS("--container-entrypoint-log=/l", c.entrypoint_log == Text("/l")),
        SETS("--container-writable", c.writable == Wish::yes),
        SETS("--container-readonly", c.writable == Wish::no),
        SETS("--container-env=A,B", c.host_first == (std::vector<Text>{"A", "B"})),
        SETS("--container-unshare=net,uts", c.unshare == (model::kUnshareNet | model::kUnshareUts)),
        SETS("--container-unshare=ipc", c.unshare == model::kUnshareIpc),
        SETS("--container-id=box1", c.id == Text("box1"))));

TEST(Container, NothingAskedIsNothingSet) {
  const auto options = Invoke(words("prog")).srun();
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->step.container.empty());
  EXPECT_TRUE(options->job.spec.container.empty());
}

TEST(Container, BundleAndKeptContainerNeedNoImage) {
  const auto bundle = Invoke(words("--container=b --container-id=one prog")).srun();
  ASSERT_TRUE(bundle) << bundle.error().err;
  EXPECT_EQ(bundle->step.container.front().bundle, Text("b"));
  EXPECT_EQ(bundle->step.container.front().id, Text("one"));
  const auto kept = Invoke(words("--container-name=mine prog")).srun();
  ASSERT_TRUE(kept) << kept.error().err;
  EXPECT_TRUE(kept->step.container.front().image.empty());
}

struct Wrong {
  const char* line;
  int exit_code;
  const char* text;
};
class ContainerComplains : public testing::TestWithParam<Wrong> {};

TEST_P(ContainerComplains, InSlurmsStyle) {
  const Wrong& wrong = GetParam();
  const auto options = Invoke(words(std::string(wrong.line) + " prog")).srun();
  ASSERT_FALSE(options) << wrong.line;
  EXPECT_EQ(options.error().err, std::string("srun: error: ") + wrong.text + "\n");
  EXPECT_EQ(options.error().exit_code, wrong.exit_code) << wrong.line;
}

INSTANTIATE_TEST_SUITE_P(
    Container, ContainerComplains,
    testing::Values(
        Wrong{"--container=b --container-image=i", 1,
              "--container and --container-image are mutually exclusive."},
        Wrong{"--container=b --container-name=n", 1,
              "--container and --container-name are mutually exclusive."},
        Wrong{"--container=b --container-writable", 1,
              "--container-writable can't be used with --container."},
        Wrong{"--container-save=x", 1,
              "--container-save needs --container-image, --container-name or --container."},
        Wrong{"--container-id=x", 1,
              "--container-id needs --container-image, --container-name or --container."},
        Wrong{"--container-image=i --container-writable --container-readonly", 1,
              "--container-writable and --container-readonly are mutually exclusive."},
        Wrong{"--no-container-mount-home --container-mount-home", 1,
              "--no-container-mount-home and --container-mount-home are mutually exclusive."},
        Wrong{"--container-image=", 255, "Invalid --container-image specification"},
        Wrong{"--container-image=i --container-name=a/b", 255,
              "Invalid --container-name specification"},
        Wrong{"--container-name=..", 255, "Invalid --container-name specification"},
        Wrong{"--container-name=a:", 255, "Invalid --container-name specification"},
        Wrong{"--container-name=a:now", 255, "Invalid --container-name specification"},
        Wrong{"--container-name=a:create", 1,
              "--container-name=a:create is not supported by Sluice: a name is made at its first "
              "use and used again afterwards"},
        Wrong{"--container-mounts=a:/b", 255,
              "Invalid --container-mounts specification: \"a:/b\": the source must begin with "
              "\"/\" or \"./\""},
        Wrong{"--container-mounts=/a:b", 255,
              "Invalid --container-mounts specification: \"/a:b\": the destination must be an "
              "absolute path"},
        Wrong{"--container-mounts=/a:/b:ro:x", 255,
              "Invalid --container-mounts specification: \"/a:/b:ro:x\": expected SRC:DST[:FLAGS]"},
        Wrong{"--container-mounts=/a:/b:owner", 255,
              "Invalid --container-mounts specification: \"/a:/b:owner\": unknown flag \"owner\""},
        Wrong{"--container-mounts=/a:/b:", 255,
              "Invalid --container-mounts specification: \"/a:/b:\": unknown flag \"\""},
        Wrong{"--container-workdir=w", 255,
              "Invalid --container-workdir specification: not an absolute path"},
        Wrong{"--container-env=A,,B", 255, "Invalid --container-env specification"},
        Wrong{"--container-unshare=pid", 255, "Invalid --container-unshare specification"},
        Wrong{"--container-type=x", 1,
              "--container-type is not supported by Sluice: the configuration names the runtime"}));

TEST(Container, VariablesOfPyxisAreSruns) {
  const auto from = [](const char* name, const char* value) {
    return Invoke(words("prog")).env("PYXIS_CONTAINER_IMAGE", "debian").env(name, value).srun();
  };
  EXPECT_EQ(from("X", "")->step.container.front().image, Text("debian"));
  EXPECT_EQ(from("PYXIS_CONTAINER_MOUNT_HOME", "true")->step.container.front().mount_home,
            Wish::yes);
  EXPECT_EQ(from("PYXIS_CONTAINER_MOUNT_HOME", "0")->step.container.front().mount_home, Wish::no);
  EXPECT_EQ(from("PYXIS_CONTAINER_READONLY", "1")->step.container.front().writable, Wish::no);
  EXPECT_EQ(from("PYXIS_CONTAINER_READONLY", "no")->step.container.front().writable, Wish::yes);
  EXPECT_EQ(from("PYXIS_CONTAINER_ENV", "A,B")->step.container.front().host_first.size(), 2U);
  EXPECT_EQ(from("PYXIS_CONTAINER_ENTRYPOINT_LOG", "1")->step.container.front().entrypoint_log,
            Text());
  EXPECT_EQ(from("PYXIS_CONTAINER_MOUNT_HOME", "maybe").error().err,
            "srun: error: Invalid value \"maybe\" in the environment for --container-mount-home: "
            "expected yes or no\n");
  const auto batch = Invoke(words("job.sh")).env("PYXIS_CONTAINER_IMAGE", "debian").sbatch();
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->job.spec.container.empty());
}

// Variables that only say how containers are run don't ask for one.
TEST(Container, VariablesAloneAskForNothing) {
  const auto plain = Invoke(words("prog")).env("PYXIS_CONTAINER_MOUNTS", "/a:/b").srun();
  ASSERT_TRUE(plain) << plain.error().err;
  EXPECT_TRUE(plain->step.container.empty());
  const auto bundle =
      Invoke(words("--container=/b prog")).env("PYXIS_CONTAINER_MOUNTS", "/a:/b").srun();
  ASSERT_TRUE(bundle) << bundle.error().err;
  EXPECT_TRUE(bundle->step.container.front().mounts.empty());
}

TEST(Container, TheStrongerSourceWins) {
  const auto bundle =
      Invoke(words("--container=/b prog")).env("PYXIS_CONTAINER_IMAGE", "debian").srun();
  ASSERT_TRUE(bundle) << bundle.error().err;
  EXPECT_EQ(bundle->step.container.front().bundle, Text("/b"));
  EXPECT_TRUE(bundle->step.container.front().image.empty());
  const auto image = Invoke(words("--container-image=i prog")).env("SRUN_CONTAINER", "/b").srun();
  ASSERT_TRUE(image) << image.error().err;
  EXPECT_TRUE(image->step.container.front().bundle.empty());
  const auto mounts = Invoke(words("--container-image=i --container-mounts=/x prog"))
                          .env("PYXIS_CONTAINER_MOUNTS", "/a,/b")
                          .env("PYXIS_CONTAINER_WRITABLE", "1")
                          .srun();
  ASSERT_TRUE(mounts);
  EXPECT_EQ(mounts->step.container.front().mounts.size(), 1U);
}

TEST(Container, BatchScriptsAndVariables) {
  const auto hash = script("#SBATCH --container-image=reg.example\\#team/app:1\n").sbatch();
  ASSERT_TRUE(hash) << hash.error().err;
  EXPECT_EQ(hash->job.spec.container.front().image, Text("reg.example#team/app:1"));
  const auto variable = Invoke(words("job.sh")).env("SBATCH_CONTAINER", "/b").sbatch();
  ASSERT_TRUE(variable);
  EXPECT_EQ(variable->job.spec.container.front().bundle, Text("/b"));
  // What a job's own variable says is no wish of its steps.
  const auto inside = Invoke(words("prog")).env("SLURM_CONTAINER", "/b").srun();
  ASSERT_TRUE(inside);
  EXPECT_TRUE(inside->step.container.empty());
}

}  // namespace
}  // namespace sluice::opt::test
