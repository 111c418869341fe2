// What a container's runtime is told, and what is read from strangers: mounts, bundles, patterns,
// environments, user lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "daemon/stepd/container_config.hpp"
#include "daemon/stepd/container_environment.hpp"
#include "daemon/stepd/container_image.hpp"
#include "daemon/stepd/container_pattern.hpp"
#include "daemon/stepd/container_root.hpp"
#include "daemon/worker/host/runtime_warning.hpp"

namespace sluice::stepd {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

model::ContainerMount mount(const char* text) {
  auto parsed = parse_mount(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(model::ContainerMount());
}

TEST(ContainerMounts, HaveASourceAPlaceAndFlags) {
  EXPECT_EQ(bind_mount(mount("/a:/b:ro+rprivate")).value(),
            (RuntimeMount{"/b", "none", "/a", {"rbind", "ro", "rprivate"}}));
  EXPECT_EQ(bind_mount(mount("/data")).value(),
            (RuntimeMount{"/data", "none", "/data", {"rbind"}}));
  EXPECT_EQ(bind_mount(mount("/a:/b:bind")).value().options, (std::vector<std::string>{"bind"}));
}

TEST(ContainerMounts, AreRefusedWhereTheyMeanNothing) {
  for (const char* text : {"", ":/b", "/a:", "/a:/b:ro:x"}) {
    EXPECT_FALSE(parse_mount(text).has_value()) << text;
  }
  for (const char* text : {"a:/b", "/a:b", "/a:/", "/a:/b/../..", "/a:/b:rw+sneaky"}) {
    EXPECT_FALSE(bind_mount(mount(text)).has_value()) << text;
  }
}

TEST(RuntimeConfig, IsWhatTheSpecificationAsksFor) {
  RuntimeConfig config;
  config.root = "/s/root";
  config.readonly = true;
  config.uid = 1001;
  config.gid = 1002;
  config.args = {"/run/sluice/pause"};
  config.mounts = system_mounts(model::kUnshareIpc);
  config.unshare = model::kUnshareIpc | model::kUnshareUts;
  config.hostname = "n1";
  accel::CdiHook hook;
  hook.name = "createContainer";
  hook.path = "/usr/bin/ldconfig-hook";
  hook.args = {"hook", "-a"};
  config.hooks = {hook};
  const json document = json::parse(runtime_config(config));
  EXPECT_EQ(document["root"]["path"], "/s/root");
  EXPECT_EQ(document["root"]["readonly"], true);
  EXPECT_EQ(document["hostname"], "n1");
  EXPECT_EQ(document["process"]["args"], json::array({"/run/sluice/pause"}));
  EXPECT_EQ(document["process"]["noNewPrivileges"], true);
  EXPECT_TRUE(document["process"]["capabilities"]["bounding"].empty());
  const json& system = document["linux"];
  EXPECT_EQ(system["uidMappings"],
            json::array({json{{"containerID", 1001}, {"hostID", 0}, {"size", 1}}}));
  EXPECT_EQ(system["gidMappings"][0]["containerID"], 1002);
  EXPECT_EQ(system["namespaces"].size(), 4U);
  EXPECT_THAT(system["maskedPaths"].dump(), HasSubstr("/proc/kcore"));
  EXPECT_EQ(document["hooks"]["createContainer"][0]["args"], json::array({"hook", "-a"}));
  EXPECT_THAT(document["mounts"].dump(), HasSubstr("mqueue"));
}

TEST(Bundle, GivesItsRootVariablesAndOwnMounts) {
  const auto bundle = parse_bundle(R"({
    "ociVersion": "1.0.2",
    "root": {"path": "rootfs", "readonly": true},
    "process": {"user": {"uid": 0}, "args": ["sh"], "env": ["A=b", 7], "cwd": "/srv/x"},
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
               {"destination": "/data", "type": "bind", "source": "data", "options": ["rbind"]},
               {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}],
    "hooks": {"createContainer": [{"path": "/bin/true", "args": ["true"]}]},
    "linux": {"namespaces": [{"type": "pid"}]}})");
  ASSERT_TRUE(bundle.has_value());
  EXPECT_EQ(bundle->root, "rootfs");
  EXPECT_TRUE(bundle->readonly);
  EXPECT_THAT(bundle->env, ElementsAre("A=b"));
  EXPECT_EQ(bundle->cwd, "/srv/x");
  ASSERT_EQ(bundle->mounts.size(), 2U);
  EXPECT_EQ(bundle->mounts[0].source, "data");
  ASSERT_EQ(bundle->hooks.size(), 1U);
  EXPECT_EQ(bundle->hooks[0].path, Text("/bin/true"));
}

TEST(Bundle, IsRefusedWhereItIsBroken) {
  EXPECT_FALSE(parse_bundle("").has_value());
  EXPECT_FALSE(parse_bundle("[1]").has_value());
  EXPECT_FALSE(parse_bundle("{\"root\": {\"path\": 5}}").has_value());
  EXPECT_FALSE(parse_bundle("{\"root\": {\"path\": \"r\"}, \"mounts\": 3}").has_value());
  EXPECT_FALSE(parse_bundle(R"({"root": {"path": "r"},
      "mounts": [{"destination": "/x", "type": "ext4", "source": "/dev/sda"}]})")
                   .has_value());
  EXPECT_FALSE(parse_bundle(std::string(kMaxBundleConfig + 1, ' ')).has_value());
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_FALSE(parse_bundle("{\"root\": {\"path\": \"r\"}, \"x\": " + deep + "}").has_value());
}

TEST(ContainerEnvironment, LetsTheImageWinButNotOverOurs) {
  const std::vector<Text> exported = {"PATH=/usr/bin", "EDITOR=vi", "LANG=C", "CUDA_DEVICES=all"};
  base::Environment environment(
      {"PATH=/usr/bin", "EDITOR=vi", "LANG=C", "CUDA_DEVICES=0", "SLURM_JOB_ID=7"});
  const std::vector<Text> image = {"PATH=/opt/bin",  "LANG=de", "SLURM_JOB_ID=1", "PMI_RANK=9",
                                   "CUDA_DEVICES=9", "NEW=x",   "broken"};
  const std::vector<Text> devices = {"LD_EXTRA=/drv"};
  const std::vector<Text> host_first = {"LANG", "NEW"};
  merge_container_environment(environment, {image, devices, host_first, exported});
  EXPECT_EQ(environment.get("PATH"), "/opt/bin");
  EXPECT_EQ(environment.get("EDITOR"), "vi");
  EXPECT_EQ(environment.get("LANG"), "C");
  EXPECT_EQ(environment.get("CUDA_DEVICES"), "0");
  EXPECT_EQ(environment.get("SLURM_JOB_ID"), "7");
  EXPECT_FALSE(environment.has("PMI_RANK"));
  EXPECT_EQ(environment.get("NEW"), "x");
  EXPECT_EQ(environment.get("LD_EXTRA"), "/drv");
}

TEST(RunPattern, BecomesWordsWithoutAShell) {
  PatternValues values;
  values.argv = {"echo", "a b", "$(rm)"};
  values.rootfs = "/s/my root";
  values.job = 7;
  values.step = "0";
  values.task = 3;
  values.user = "alice";
  values.uid = 1001;
  values.env_file = "/s/env";
  const auto words = expand_pattern("ch-run --unset-env='*' --set-env=%e %r -- %@", values);
  ASSERT_TRUE(words.has_value());
  EXPECT_THAT(*words, ElementsAre("ch-run", "--unset-env=*", "--set-env=/s/env", "/s/my root", "--",
                                  "echo", "a b", "$(rm)"));
  const auto quoted = expand_pattern("sh -c 'exec %@' %j.%s.%t %u:%U 100%%", values);
  ASSERT_TRUE(quoted.has_value());
  EXPECT_THAT(quoted->at(2), HasSubstr("'a b'"));
  EXPECT_EQ(quoted->at(3), "7.0.3");
  EXPECT_EQ(quoted->at(4), "alice:1001");
  EXPECT_EQ(quoted->at(5), "100%");
  EXPECT_TRUE(pattern_uses("a %r", 'r'));
  EXPECT_FALSE(pattern_uses("a %%r", 'r'));
}

TEST(RunPattern, IsRefusedWhereItIsBroken) {
  for (const char* pattern : {"", "run %", "run %q", "run 'open"}) {
    EXPECT_FALSE(expand_pattern(pattern, {}).has_value()) << pattern;
  }
}

TEST(UserLists, GainTheUserWhereTheyLackOne) {
  const Person alice{1001, 1002, "alice", "/home/alice", "/bin/bash"};
  EXPECT_EQ(passwd_with("root:x:0:0::/root:/bin/sh", alice),
            "root:x:0:0::/root:/bin/sh\nalice:x:1001:1002::/home/alice:/bin/bash\n");
  EXPECT_EQ(passwd_with("x:x:1001:5::/:/bin/sh\n", alice), "");
  EXPECT_EQ(passwd_with("alice:x:5:5::/:/bin/sh\n", alice),
            "alice:x:5:5::/:/bin/sh\nu1001:x:1001:1002::/home/alice:/bin/bash\n");
  EXPECT_EQ(group_with("", alice), "alice:x:1002:\n");
  EXPECT_EQ(group_with("staff:x:1002:\n", alice), "");
  const Person sly{1001, 1002, "a:x:0:0\nroot", "/h\nb", ""};
  EXPECT_EQ(passwd_with("", sly), "u1001:x:1001:1002::/:/bin/sh\n");
  EXPECT_EQ(group_with("", sly), "g1002:x:1002:\n");
}

TEST(RuntimeWarning, KnowsTheHolesOfVersions) {
  EXPECT_EQ(runtime_warning("crun version 1.8.1\ncommit: x"), "");
  EXPECT_THAT(runtime_warning("crun version 1.4.3"), HasSubstr("CVE-2022-27650"));
  const std::string old = runtime_warning("runc version 1.1.5\n");
  EXPECT_THAT(old, HasSubstr("CVE-2024-21626"));
  EXPECT_THAT(old, HasSubstr("CVE-2025-31133"));
  const std::string debian = runtime_warning("runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1");
  EXPECT_THAT(debian, testing::Not(HasSubstr("CVE-2024-21626")));
  EXPECT_THAT(debian, HasSubstr("CVE-2025-52881"));
  EXPECT_EQ(runtime_warning("runc version 1.2.8"), "");
  EXPECT_THAT(runtime_warning("runc version 1.3.2"), HasSubstr("CVE-2025-52565"));
  EXPECT_EQ(runtime_warning("runc version 1.4.0"), "");
  EXPECT_EQ(runtime_warning("some other program"), "");
}

TEST(Reasons, AreTheLineThatTellsWhy) {
  EXPECT_EQ(condensed_reason("pulling\nsluice-image: error: no such tag\n"), "no such tag");
  EXPECT_EQ(condensed_reason("only this\n\n"), "only this");
  EXPECT_EQ(condensed_reason(""), "");
  EXPECT_EQ(condensed_reason("x: error: a\tb"), "a b");
}

}  // namespace
}  // namespace sluice::stepd
