// config.json of the OCI runtime specification: what crun or runc is told to make, and what a
// user's own bundle asks for (--container). Pure; a bundle's text is a stranger's and judged as
// one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/cdi.hpp"
#include "base/result.hpp"
#include "daemon/stepd/container_mounts.hpp"

namespace sluice::stepd {

struct RuntimeConfig {
  std::string root;  // absolute, or in the bundle
  bool readonly = false;
  std::uint32_t uid = 0;  // inside; outside of the inner user namespace it is 0
  std::uint32_t gid = 0;
  bool inner_user = true;  // a user namespace of the container's own; else the ids must be 0
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd = "/";
  std::vector<RuntimeMount> mounts;  // in this order
  std::uint32_t unshare = 0;         // ContainerSpec::unshare
  std::string hostname;              // with an uts namespace of its own
  std::vector<accel::CdiHook> hooks;
  bool foreign = false;  // the root isn't the user's: nothing can be made in its folders
};

[[nodiscard]] std::string runtime_config(const RuntimeConfig& config);

// What is taken over from a bundle: its root, environment, working directory, binds and tmpfs, and
// hooks (the runtime runs them as the user). Its namespaces, ids, capabilities and mounts of the
// kernel's file systems are replaced by ours.
struct Bundle {
  std::string root;  // as written: relative to the bundle, or absolute
  bool readonly = false;
  std::vector<std::string> env;
  std::string cwd;
  std::vector<RuntimeMount> mounts;
  std::vector<accel::CdiHook> hooks;
};
inline constexpr std::size_t kMaxBundleConfig = 1U << 20U;
[[nodiscard]] Result<Bundle> parse_bundle(std::string_view text);

}  // namespace sluice::stepd
