// What stepd must know of its node to run a step's tasks in a container: the runtime, the program
// that prepares images, where the job's user keeps them here, and what the site decided where a
// user may say otherwise. Part of StepSettings: the agent fills it in for its own stepd.
// Pure: values only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::worker {

struct ContainerSettings {
  bool enabled = false;  // false: a step that asks for a container fails with `disabled_reason`
  std::string disabled_reason;  // "no container runtime on this node", …
  // crun or runc by its absolute path. Empty: `run_pattern` says how a task is run.
  std::string runtime;
  std::string runtime_version;  // its `--version`'s first line, for warnings
  // A command pattern (contracts of oci.conf: %% %@ %b %e %j %n %p %r %s %t %u %U %Z), split into
  // words by blanks and quotes without a shell.
  std::string run_pattern;
  std::string image_program;  // sluice-image
  std::string image_home;     // this user's folder of images on this node; exists, the user's, 0700
  std::uint32_t pull_timeout_s = 0;   // 0: none but the job's time limit
  std::uint64_t max_image_bytes = 0;  // unpacked; 0: unlimited
  bool keep_images = false;           // what is here of a tag is used as it is
  std::string insecure_registries;    // host[:port] spoken to without TLS, by comma
  std::vector<std::string> mounts;    // the site's: SRC:DST[:FLAGS], beneath the user's own
  bool mount_home = false;            // where the user doesn't say
  bool remap_root = false;
  bool writable = true;
  bool entrypoint = false;
  bool user_scope = false;    // a name's container outlives the job: else it is the job's
  std::string fetch_from;     // the node above this one in the step's tree; empty: this one pulls
  std::string pause_program;  // sluice-pause; empty: beside the image program
  std::vector<std::string> cdi_folders;  // later wins; empty: none

  bool operator==(const ContainerSettings&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "enabled", self.enabled);
    visit(2, "disabled_reason", self.disabled_reason);
    visit(3, "runtime", self.runtime);
    visit(4, "runtime_version", self.runtime_version);
    visit(5, "run_pattern", self.run_pattern);
    visit(6, "image_program", self.image_program);
    visit(7, "image_home", self.image_home);
    visit(8, "pull_timeout_s", self.pull_timeout_s);
    visit(9, "max_image_bytes", self.max_image_bytes);
    visit(10, "insecure_registries", self.insecure_registries);
    visit(11, "mounts", self.mounts);
    visit(12, "mount_home", self.mount_home);
    visit(13, "remap_root", self.remap_root);
    visit(14, "writable", self.writable);
    visit(15, "entrypoint", self.entrypoint);
    visit(16, "user_scope", self.user_scope);
    visit(17, "fetch_from", self.fetch_from);
    visit(18, "pause_program", self.pause_program);
    visit(19, "cdi_folders", self.cdi_folders);
    visit(20, "keep_images", self.keep_images);
  }
};

}  // namespace sluice::worker
