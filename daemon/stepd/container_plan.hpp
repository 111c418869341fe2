// The container of a step as decided before anything is done: what the user asked for, the site's
// defaults where the user didn't say, and every mount that can be named without looking at the
// host's or image's files (those are looked at as the user, by container_child.cpp).
//
// What one node of a step makes of it:
//   an opener    one child of stepd in the step's group, the user from its first moment on, that
//                has the image prepared, makes the container by crun or runc, tells stepd, and then
//                turns into sluice-pause: so long as it lives it holds the image's lock
//   a holder     a process inside the container (sluice-pause again), by which tasks find its
//                namespaces
//   the tasks    children of stepd as ever, that enter before they execute their program
// With a run pattern there is no runtime of ours: opener and holder are one, in a mount namespace
// in which the image's root can be seen, and each task executes the pattern's command there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accel/cdi.hpp"
#include "auth/user/become_user.hpp"
#include "base/result.hpp"
#include "daemon/stepd/container_mounts.hpp"
#include "daemon/stepd/task_plan.hpp"
#include "daemon/worker/host/container_settings.hpp"
#include "image/record.hpp"
#include "model/container_spec.hpp"

namespace sluice::stepd {

struct ContainerPlan {
  model::ContainerSpec spec;
  worker::ContainerSettings settings;
  std::string id;       // for the runtime: unique on this host
  std::string scratch;  // the user's folder for this container; removed with it
  // Once the opener has covered `scratch`: where the container's changes go.
  std::string upper;
  std::string working;
  std::string node;
  std::string pause_program;
  std::string agent_socket;
  JobId job;
  StepNumber step = 0;
  std::string known_digest;  // what the image's name meant to the job's former steps here
  auth::UserIdentity user;
  bool change_user = true;
  std::string home;                             // the user's
  std::vector<std::string> helper_environment;  // of sluice-image
  // In the order in which they are made, after the system's.
  std::vector<RuntimeMount> mounts;       // ours; a source that is missing is left out
  std::vector<RuntimeMount> user_mounts;  // the site's and the user's: a source must be there
  accel::ContainerEdits edits;            // granted devices
  std::vector<std::string> argv;          // of the step, for a bundle that a pattern names
  std::string kept;                       // folder in <home>/containers; empty: not kept
  bool remap_root = false;
  bool readonly = false;
  bool entrypoint = false;
  bool by_pattern = false;

  [[nodiscard]] std::uint32_t uid_inside() const { return remap_root ? 0 : user.uid; }
  [[nodiscard]] std::uint32_t gid_inside() const { return remap_root ? 0 : user.gid; }
};

// `shared` are folders that must be at the same place inside (the MPI helper's).
[[nodiscard]] Result<ContainerPlan> make_container_plan(const StepView& step, const StepPlan& plan,
                                                        const std::vector<std::string>& shared);

// Whether the step's tasks see themselves as root, in their container.
[[nodiscard]] bool is_root_inside(const StepView& step);

// What the opener tells stepd, as frames of four bytes of length and an encoded note. It is the
// user's process, so stepd believes no more than what harms nobody but the user.
struct ContainerNote {
  enum class Kind : std::uint8_t { progress = 0, ready = 1, failed = 2, image = 3 };
  Kind kind = Kind::progress;
  Text text;  // progress: the phase; failed: why
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::int32_t holder = 0;  // ready: pid
  // image: it is there, and this is it. ready: of a bundle only the environment and workdir.
  image::ImageRecord record;
  Text root;  // ready, by pattern: where the image's root is

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "kind", self.kind);
    visit(2, "text", self.text);
    visit(3, "done", self.done);
    visit(4, "total", self.total);
    visit(5, "holder", self.holder);
    visit(6, "record", self.record);
    visit(7, "root", self.root);
  }
};
inline constexpr std::size_t kMaxContainerNote = 1U << 20U;

// sluice-pause in a container: in its fresh /dev, where it leaves no trace in what is kept or
// saved.
inline constexpr const char* kInsidePause = "/dev/sluice/pause";

}  // namespace sluice::stepd
