// A kept container (--container-name): a folder <home>/containers/NAME of the user's with
//   upper, working  what was written in it
//   record        the encoded image record that it began with; without it there is no container yet
//   image         the image's digest, for whoever cleans up images
//   running       processes that hold its namespaces now: "PID START SHAPE" by line
//   lock          held while it is opened
// One that runs is joined, so that its root is mounted once. For the user's own processes.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "daemon/stepd/container_plan.hpp"

namespace sluice::stepd {

class KeptContainer {
 public:
  // Makes the folder, and waits for the lock, which is held from then on.
  [[nodiscard]] static Result<KeptContainer> open(const ContainerPlan& plan);

  [[nodiscard]] const std::string& path() const { return path_; }
  // The image that it was made from; nothing if it wasn't yet.
  [[nodiscard]] Result<std::optional<image::ImageRecord>> record() const;
  [[nodiscard]] Status write_record(const image::ImageRecord& record) const;

  // A process that holds it. Fails if it runs with other mounts or namespaces than `plan` has:
  // these can't be had any more.
  [[nodiscard]] Result<std::optional<pid_t>> running(const ContainerPlan& plan) const;
  [[nodiscard]] Status add_running(const ContainerPlan& plan, pid_t pid) const;

 private:
  KeptContainer(std::string path, base::UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  base::UniqueFd lock_;
};

// When the process began, in the kernel's ticks; 0: there is none.
[[nodiscard]] std::uint64_t process_start(pid_t pid);

}  // namespace sluice::stepd
