// From a plan to what the runtime is told: mounts whose sources are looked at as the user, the
// files of /etc that must know the user, and a user's own bundle. For a forked child that is the
// user.
#pragma once

#include <string>

#include "base/result.hpp"
#include "daemon/stepd/container_config.hpp"
#include "daemon/stepd/container_plan.hpp"

namespace sluice::stepd {

// Everything of the configuration but what a bundle brought: mounts, ids, the holder's command.
[[nodiscard]] Status fill_config(const ContainerPlan& plan, const std::string& root,
                                 RuntimeConfig& config);

// The bundle that the plan names, read and judged.
[[nodiscard]] Result<Bundle> open_bundle(const ContainerPlan& plan);
// In the user's namespace: its root (itself where the user may write to it, else below an overlay).
// Its variables and working directory go into `record`, as if it were an image.
[[nodiscard]] Result<std::string> use_bundle(const ContainerPlan& plan, const Bundle& bundle,
                                             RuntimeConfig& config, image::ImageRecord& record);

}  // namespace sluice::stepd
