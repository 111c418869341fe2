// What works on a step's container in a child of stepd: the opener, the one that saves, the one
// that cleans up. Each becomes the user before it touches anything, and never returns.
#pragma once

#include <sys/types.h>

#include "daemon/stepd/container_plan.hpp"
#include "daemon/worker/host/cgroup.hpp"

namespace sluice::stepd {

struct ContainerWork {
  const ContainerPlan& plan;
  const worker::CgroupTree& tree;
  const worker::CgroupName& group;
  int report = -1;  // where ContainerNotes are written
};

[[noreturn]] void run_container_opener(const ContainerWork& work);
// Writes the squashfs file; fails by a note.
[[noreturn]] void run_container_saver(const ContainerWork& work, const image::ImageRecord& record);
// Empties the scratch folder.
[[noreturn]] void run_container_cleaner(const ContainerPlan& plan);

// For the opener and the saver: where what the container writes lies.
struct UpperPlace {
  std::string upper;
  std::string work;
};
[[nodiscard]] UpperPlace upper_place(const ContainerPlan& plan);
[[nodiscard]] std::vector<std::string> layer_paths(const ContainerPlan& plan,
                                                   const image::ImageRecord& record);

}  // namespace sluice::stepd
