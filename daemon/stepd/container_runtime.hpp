// The runtime's run, and the folder that it works in. crun begins while the container's root is
// still being made: most of its time goes into its own start. It waits in reading config.json,
// which is a pipe until what is to be in it is known. For a forked child that is the user, in its
// own namespaces.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "daemon/stepd/container_image.hpp"
#include "daemon/stepd/container_plan.hpp"

namespace sluice::stepd {

// Makes what the container writes into, and then covers the scratch folder with one in memory,
// which goes with the namespace: files that are needed for a moment cost no file system anything.
[[nodiscard]] Status cover_scratch(ContainerPlan& plan);

// A layer with the places that are mounted over in each container, made once for each user: below
// an image's own layers it saves copying folders up. Empty: there is none.
[[nodiscard]] std::string skeleton_layer(const std::string& image_home);

class RuntimeRun {
 public:
  explicit RuntimeRun(const ContainerPlan& plan);
  ~RuntimeRun();
  RuntimeRun(const RuntimeRun&) = delete;
  RuntimeRun& operator=(const RuntimeRun&) = delete;

  [[nodiscard]] bool is_crun() const { return is_crun_; }
  // Begins what can begin without a configuration.
  [[nodiscard]] Status begin();
  // Writes config.json and waits until the container is there.
  [[nodiscard]] Status finish(const std::string& config);

 private:
  [[nodiscard]] Status start();

  const ContainerPlan& plan_;
  std::string file_;
  bool is_crun_ = false;
  base::UniqueFd pipe_;
  QuietChild child_;
};

}  // namespace sluice::stepd
