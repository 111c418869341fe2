// Steps whose tasks run in a container, with crun, user namespaces and overlay as they are on this
// host. The image is one static program that an image helper of the test's own "prepares".
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "base/strings.hpp"
#include "image/home.hpp"
#include "image/record.hpp"
#include "test/unit/stepd/mini_launcher.hpp"
#include "test/unit/stepd/step_world.hpp"
#include "wire/codec.hpp"

namespace sluice::stepd_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Somebody else where the test may become that.
const std::uint32_t kUser = ::geteuid() == 0 ? 65534 : ::geteuid();
const std::uint32_t kGroup = ::geteuid() == 0 ? 65534 : ::getegid();
constexpr const char* kBox = "/bin/busybox";
constexpr const char* kRuntime = "/usr/bin/crun";

void write(const std::string& path, const std::string& text, unsigned mode = 0644) {
  ASSERT_TRUE(base::write_file_atomic(path, text, {.mode = mode}).has_value()) << path;
}

class ContainerStep : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fs::exists(kBox) && fs::exists(kRuntime)) << "busybox-static and crun are missing";
    home = world.dir() + "/images";
    make_layer();
    record.reference = "test";
    record.layers = {"aa"};
    record.environment = {"PATH=/bin:/opt", "FROM=image"};
    record.workdir = "/srv";
    save_record();
    write(world.dir() + "/image-helper",
          fmt::format("#!/bin/sh\nfor last; do :; done\n"
                      "test \"$last\" = missing && echo 'sluice-image: error: no such image' >&2 "
                      "&& exit 1\nexec cat {}/record\n",
                      home),
          0755);
    worker::ContainerSettings& container = world.settings.container;
    container.enabled = true;
    container.runtime = kRuntime;
    container.image_program = world.dir() + "/image-helper";
    container.image_home = home;
    container.pause_program = plugin_directory() + "/sluice-pause";
  }

  void make_layer() {
    const std::string layer = home + "/layers/aa";
    for (const char* name : {"/bin", "/etc", "/tmp", "/opt"}) fs::create_directories(layer + name);
    fs::create_directories(home + "/locks");
    fs::create_directories(home + "/tmp");
    fs::copy_file(kBox, layer + "/bin/busybox");
    for (const char* name : {"sh", "cat", "id", "ls", "pwd", "env", "mkdir", "touch", "test",
                             "readlink", "grep", "hostname", "kill", "sleep", "echo", "whoami"}) {
      fs::create_symlink("busybox", layer + "/bin/" + name);
    }
    write(layer + "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    for (const auto& entry : fs::recursive_directory_iterator(home)) {
      ASSERT_EQ(::lchown(entry.path().c_str(), kUser, kGroup), 0);
    }
    ASSERT_EQ(::chown(home.c_str(), kUser, kGroup), 0);
  }

  void save_record() { write(home + "/record", wire::encode(record)); }

  wire::LaunchStep shell(const std::string& command, std::uint32_t tasks = 1) {
    wire::LaunchStep launch = a_launch(tasks);
    change_spec(launch, [](model::JobSpec& spec) {
      spec.uid = kUser;
      spec.gid = kGroup;
      spec.user = "tester";
    });
    launch.gids = {kGroup};
    launch.spec.argv = {"sh", "-c", command};
    launch.spec.container.emplace_back().image = "test";
    return launch;
  }

  // What task 0 printed; its errors as well.
  std::string run(const wire::LaunchStep& launch) {
    world.start(launch);
    EXPECT_TRUE(world.finish(30'000));
    return world.output(0) + world.output(0, wire::kStderr);
  }

  StepWorld world;
  std::string home;
  image::ImageRecord record;
};

TEST_F(ContainerStep, RunsInTheImageAsTheUser) {
  const std::string out =
      run(shell("id -u; id -g; whoami; pwd; ls /; echo $FROM; cat /proc/self/status"));
  EXPECT_THAT(out, HasSubstr(fmt::format("{}\n{}\ntester\n/srv\nbin\n", kUser, kGroup)));
  EXPECT_THAT(out, HasSubstr("\nimage\n"));
  EXPECT_THAT(out, HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(out, HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(out, HasSubstr("CapBnd:\t0000000000000000"));
  EXPECT_EQ(world.exit_of(0), 0);
  EXPECT_TRUE(world.done->error.empty()) << world.done->error.view();
}

TEST_F(ContainerStep, LeavesNothingButTheImage) {
  run(shell("mkdir -p /a/b; touch /a/b/c; chmod 0 /a/b 2>/dev/null; echo made"));
  for (const auto& entry : fs::directory_iterator(world.dir())) {
    EXPECT_EQ(entry.path().filename().string().find("ctr."), std::string::npos) << entry.path();
  }
  EXPECT_FALSE(fs::exists(home + "/layers/aa/a"));
}

TEST_F(ContainerStep, SharesOneContainerAmongTheTasksOfANode) {
  const std::string script =
      "touch /dev/shm/$SLURM_PROCID; n=0; "
      "while [ ! -e /dev/shm/$((1-SLURM_PROCID)) ] && [ $n -lt 1000 ]; do n=$((n+1)); "
      "busybox usleep 5000; done; [ $n -lt 1000 ] && readlink /proc/self/ns/mnt";
  const std::string out = run(shell(script, 2));
  EXPECT_THAT(out, HasSubstr("mnt:["));
  EXPECT_EQ(out, world.output(1) + world.output(1, wire::kStderr));
}

TEST_F(ContainerStep, KeepsSignalsAndExitCodes) {
  run(shell("kill -TERM $$"));
  EXPECT_EQ(world.exit_of(0), SIGTERM);
}

TEST_F(ContainerStep, MountsWhatTheUserMayRead) {
  write(world.dir() + "/home/data", "inside\n");
  wire::LaunchStep launch = shell("cat /mnt/x/data; touch /mnt/x/new || echo readonly");
  model::ContainerMount mount;
  mount.source = world.dir() + "/home";
  mount.target = "/mnt/x";
  mount.flags = {"ro"};
  launch.spec.container[0].mounts = {mount};
  const std::string out = run(launch);
  EXPECT_THAT(out, HasSubstr("inside\n"));
  EXPECT_THAT(out, HasSubstr("readonly\n"));
}

TEST_F(ContainerStep, RefusesAMountThatTheUserMayNotRead) {
  fs::create_directories(world.dir() + "/secret");
  fs::permissions(world.dir() + "/secret", fs::perms::owner_all);
  wire::LaunchStep launch = shell("echo never");
  model::ContainerMount mount;
  mount.source = world.dir() + "/secret";
  mount.target = "/mnt";
  launch.spec.container[0].mounts = {mount};
  EXPECT_EQ(run(launch), "");
  EXPECT_THAT(world.done->error.str(), HasSubstr("container mount source"));
  EXPECT_THAT(world.done->error.str(), HasSubstr("Permission denied"));
}

TEST_F(ContainerStep, FailsWithTheReasonWhereThereIsNoImage) {
  wire::LaunchStep launch = shell("echo never");
  launch.spec.container[0].image = "missing";
  EXPECT_EQ(run(launch), "");
  EXPECT_EQ(world.done->error.str(), "no such image");
  EXPECT_EQ(world.started->error.str(), "no such image");
}

TEST_F(ContainerStep, FailsWhereContainersAreOff) {
  world.settings.container.enabled = false;
  world.settings.container.disabled_reason = "no crun here";
  EXPECT_EQ(run(shell("echo never")), "");
  EXPECT_EQ(world.done->error.str(), "no crun here");
}

TEST_F(ContainerStep, CanMakeTheUserRootInside) {
  wire::LaunchStep launch = shell("id -u; touch /etc/new && ls -ln /etc/new");
  launch.spec.container[0].remap_root = model::Wish::yes;
  EXPECT_THAT(run(launch), HasSubstr("0\n-rw-r--r--    1 0        0"));
}

TEST_F(ContainerStep, CanBeReadOnly) {
  wire::LaunchStep launch = shell("touch /new || echo readonly");
  launch.spec.container[0].writable = model::Wish::no;
  EXPECT_THAT(run(launch), HasSubstr("readonly\n"));
}

TEST_F(ContainerStep, RunsByRuncAsWell) {
  if (!fs::exists("/usr/sbin/runc")) return;  // one of the two is enough
  world.settings.container.runtime = "/usr/sbin/runc";
  wire::LaunchStep launch = shell("id -u; hostname; cat /proc/self/status");
  launch.spec.container[0].unshare = model::kUnshareUts;
  launch.spec.container[0].name = "mine";
  const std::string out = run(launch);
  EXPECT_THAT(out, testing::StartsWith(fmt::format("{}\nn1\n", kUser)));
  EXPECT_THAT(out, HasSubstr("CapEff:\t0000000000000000"));
}

TEST_F(ContainerStep, KeepsANamedContainer) {
  wire::LaunchStep launch = shell("cat /kept 2>/dev/null; echo again > /kept; echo first");
  launch.spec.container[0].name = "mine";
  EXPECT_EQ(run(launch), "first\n");
  EXPECT_TRUE(fs::exists(home + "/containers/7.mine/upper/kept"));
}

TEST_F(ContainerStep, UsesAKeptContainerWithoutAnImage) {
  fs::create_directories(home + "/containers/7.mine/upper");
  fs::create_directories(home + "/containers/7.mine/working");
  write(home + "/containers/7.mine/record", wire::encode(record));
  write(home + "/containers/7.mine/upper/kept", "again\n");
  for (const auto& entry : fs::recursive_directory_iterator(home + "/containers")) {
    ASSERT_EQ(::lchown(entry.path().c_str(), kUser, kGroup), 0);
  }
  ASSERT_EQ(::chown((home + "/containers").c_str(), kUser, kGroup), 0);
  wire::LaunchStep launch = shell("cat /kept");
  launch.spec.container[0].image = "";
  launch.spec.container[0].name = "mine";
  EXPECT_EQ(run(launch), "again\n");
}

TEST_F(ContainerStep, KnowsNoContainerByAnUnknownName) {
  wire::LaunchStep launch = shell("echo never");
  launch.spec.container[0].image = "";
  launch.spec.container[0].name = "unknown";
  EXPECT_EQ(run(launch), "");
  EXPECT_THAT(world.done->error.str(), HasSubstr("no container named 'unknown'"));
}

TEST_F(ContainerStep, RunsTheEntrypointAndLogsIt) {
  record.entrypoint = {"sh", "-c", "echo entry $FROM; exec \"$@\"", "entry"};
  save_record();
  wire::LaunchStep launch = shell("echo command");
  launch.spec.container[0].entrypoint = model::Wish::yes;
  launch.spec.container[0].entrypoint_log = world.dir() + "/home/entry.log";
  EXPECT_EQ(run(launch), "command\n");
  EXPECT_EQ(world.file("home/entry.log"), "entry image\n");
}

TEST_F(ContainerStep, GivesAFreshDevFolder) {
  const std::string out = run(shell("ls /dev; echo x > /dev/null && echo writes"));
  EXPECT_THAT(out, HasSubstr("null\n"));
  EXPECT_THAT(out, HasSubstr("writes\n"));
  EXPECT_EQ(out.find("mem\n"), std::string::npos);
}

TEST_F(ContainerStep, HasItsOwnHostNameWhereAsked) {
  wire::LaunchStep launch = shell("hostname");
  launch.spec.container[0].unshare = model::kUnshareUts | model::kUnshareIpc | model::kUnshareNet;
  EXPECT_EQ(run(launch), "n1\n");
}

TEST_F(ContainerStep, RunsAUsersBundle) {
  const std::string bundle = world.dir() + "/home/bundle";
  fs::create_directories(bundle);
  fs::copy(home + "/layers/aa", bundle + "/rootfs",
           fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  write(bundle + "/config.json",
        R"({"root": {"path": "rootfs"}, "process": {"env": ["PATH=/bin", "B=c"], "cwd": "/opt"}})");
  wire::LaunchStep launch = shell("pwd; echo $B");
  launch.spec.container[0].image = "";
  launch.spec.container[0].bundle = bundle;
  EXPECT_EQ(run(launch), "/opt\nc\n");
}

TEST_F(ContainerStep, RunsEachTaskByACommandPattern) {
  world.settings.container.runtime = "";
  world.settings.container.run_pattern = "busybox chroot %r %@";
  wire::LaunchStep launch = shell("ls /bin/busybox");
  const std::string out = run(launch);
  // chroot needs a right that is gone; that it is asked for shows that the pattern was followed.
  EXPECT_THAT(out, HasSubstr("chroot"));
}

TEST_F(ContainerStep, CanBeCancelledWhileItsImageIsOnTheWay) {
  write(world.dir() + "/image-helper", "#!/bin/sh\nexec sleep 1000\n", 0755);
  world.start(shell("echo never"));
  ASSERT_TRUE(world.wait([&] { return world.hellos > 0; }));
  world.signal(SIGKILL);
  EXPECT_TRUE(world.finish(20'000));
  EXPECT_EQ(world.output(0), "");
}

TEST_F(ContainerStep, NeedsNoHelperForAFileThatItKnows) {
  const std::string file = world.dir() + "/box.sqsh";
  write(file, "not read");
  const auto identity = image::identity_of(file, "");
  ASSERT_TRUE(identity.has_value());
  record.digest = fmt::format("sha256:{:064}", 1);
  image::NameRecord name;
  name.reference = identity->text;
  name.digest = record.digest;
  fs::create_directories(home + "/records");
  fs::create_directories(home + "/files");
  write(home + "/records/" + record.digest.str().substr(7), wire::encode(record));
  write(home + "/files/" + identity->file_name(), wire::encode(name));
  for (const char* folder : {"/records", "/files"}) {
    for (const auto& entry : fs::directory_iterator(home + folder)) {
      ASSERT_EQ(::lchown(entry.path().c_str(), kUser, kGroup), 0);
    }
  }
  write(world.dir() + "/image-helper", "#!/bin/sh\necho 'error: asked' >&2; exit 1\n", 0755);
  wire::LaunchStep launch = shell("echo $FROM");
  launch.spec.container.front().image = Text(file);
  EXPECT_EQ(run(launch), "image\n");
  // Another content is another file.
  write(file, "longer than before");
  EXPECT_NE(image::identity_of(file, "")->text, identity->text);
}

TEST_F(ContainerStep, GivesUpOnAnImageThatDoesNotCome) {
  write(world.dir() + "/image-helper", "#!/bin/sh\nexec sleep 1000\n", 0755);
  world.settings.container.pull_timeout_s = 1;
  EXPECT_EQ(run(shell("echo never")), "");
  EXPECT_THAT(world.done->error.str(), HasSubstr("was not there after 1 seconds"));
}

}  // namespace
}  // namespace sluice::stepd_test
