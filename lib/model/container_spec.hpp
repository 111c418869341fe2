// ContainerSpec: what a user asked of the container that a step's tasks run in. The words and
// meanings are those of pyxis' options (--container-image and the rest) and of Slurm's
// --container. JobSpec and StepSpec hold none or one of them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/text.hpp"

namespace sluice::model {

// What the user said, or didn't: then the site's default holds.
enum class Wish : std::uint8_t { unset = 0, yes = 1, no = 2 };

// --container-unshare, as bits of ContainerSpec::unshare.
inline constexpr std::uint32_t kUnshareNet = 1;
inline constexpr std::uint32_t kUnshareIpc = 2;
inline constexpr std::uint32_t kUnshareUts = 4;

struct ContainerMount {
  Text source;              // absolute, on the host
  Text target;              // absolute, in the container
  std::vector<Text> flags;  // "ro", "rprivate", … as mount(8) names them

  bool operator==(const ContainerMount&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "source", self.source);
    visit(2, "target", self.target);
    visit(3, "flags", self.flags);
  }
};

struct ContainerSpec {
  // [USER@][REGISTRY#]IMAGE[:TAG|@DIGEST] as typed, or an absolute path: squashfs file, OCI layout,
  // docker-archive. Empty with `name` set: the kept container of that name.
  Text image;
  Text bundle;  // --container: an absolute path to an OCI bundle; excludes `image`
  Text id;      // --container-id
  std::vector<ContainerMount> mounts;
  Text workdir;
  Text name;  // kept after the step, and used again
  Text save;  // absolute path of the squashfs file to write at the end
  Wish mount_home = Wish::unset;
  Wish remap_root = Wish::unset;
  Wish entrypoint = Wish::unset;
  Wish writable = Wish::unset;
  Text entrypoint_log;           // absolute path; empty: with the task's output
  std::vector<Text> host_first;  // --container-env: the host's value wins over the image's
  std::uint32_t unshare = 0;     // kUnshare*

  bool operator==(const ContainerSpec&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "image", self.image);
    visit(2, "bundle", self.bundle);
    visit(3, "id", self.id);
    visit(4, "mounts", self.mounts);
    visit(5, "workdir", self.workdir);
    visit(6, "name", self.name);
    visit(7, "save", self.save);
    visit(8, "mount_home", self.mount_home);
    visit(9, "remap_root", self.remap_root);
    visit(10, "entrypoint", self.entrypoint);
    visit(11, "writable", self.writable);
    visit(12, "entrypoint_log", self.entrypoint_log);
    visit(13, "host_first", self.host_first);
    visit(14, "unshare", self.unshare);
  }
};

// What to show of it: the image, bundle or kept container. Empty: no container.
[[nodiscard]] inline Text shown_container(const std::vector<ContainerSpec>& container) {
  if (container.empty()) return {};
  const ContainerSpec& spec = container.front();
  if (!spec.bundle.empty()) return spec.bundle;
  return spec.image.empty() ? spec.name : spec.image;
}

}  // namespace sluice::model
