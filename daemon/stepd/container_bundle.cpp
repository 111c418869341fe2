// See the header.
#include "daemon/stepd/container_bundle.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "daemon/stepd/container_child.hpp"
#include "daemon/stepd/container_root.hpp"

namespace sluice::stepd {
namespace {

constexpr std::size_t kMaxIdFile = 4U << 20U;

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// What was asked for must be there, and be the user's to read.
Status check_source(const RuntimeMount& mount) {
  const base::UniqueFd source(::open(mount.source.c_str(), O_PATH | O_CLOEXEC));
  struct stat info {};
  int code = source.is_open() ? 0 : errno;
  if (code == 0 && ::fstat(source.get(), &info) != 0) code = errno;
  const int wanted = S_ISDIR(info.st_mode) ? R_OK | X_OK : R_OK;
  const bool readable_kind = S_ISDIR(info.st_mode) || S_ISREG(info.st_mode);
  if (code == 0 && readable_kind && ::access(mount.source.c_str(), wanted) != 0) code = errno;
  if (code == 0) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("container mount source {}: {}", mount.source, base::errno_text(code)));
}

Status add_devices(const ContainerPlan& plan, RuntimeConfig& config) {
  for (const accel::CdiDeviceNode& node : plan.edits.device_nodes) {
    const std::string host = node.on_host().str();
    if (!exists(host)) {
      return fail(ErrorCode::not_found, fmt::format("the granted device {} isn't there", host));
    }
    config.mounts.push_back(plain_bind(host, node.path.str()));
  }
  for (const accel::CdiMount& mount : plan.edits.mounts) {
    RuntimeMount made{mount.container_path.str(), "none", mount.host_path.str(), {}};
    bool bind = !mount.type.empty() && mount.type.view() != "bind";
    if (bind) made.type = mount.type.str();
    for (const Text& option : mount.options) {
      bind = bind || option.view() == "bind" || option.view() == "rbind";
      made.options.push_back(option.str());
    }
    if (!bind) made.options.insert(made.options.begin(), "rbind");
    if (made.type == "none" && !exists(made.source)) {
      return fail(ErrorCode::not_found,
                  fmt::format("a granted device needs {}, which isn't there", made.source));
    }
    config.mounts.push_back(std::move(made));
  }
  config.hooks.insert(config.hooks.end(), plan.edits.hooks.begin(), plan.edits.hooks.end());
  return {};
}

// passwd and group with the user's lines, where the image doesn't know the user.
Status add_people(const ContainerPlan& plan, const std::string& root, RuntimeConfig& config) {
  Person person{plan.uid_inside(), plan.gid_inside(), plan.user.name, plan.home, plan.user.shell};
  if (plan.remap_root) person = {0, 0, "root", "/root", "/bin/sh"};
  const struct {
    const char* path;
    const char* copy;
    std::string (*complete)(std::string_view, const Person&);
  } files[] = {{"/etc/passwd", "/passwd", passwd_with}, {"/etc/group", "/group", group_with}};
  for (const auto& file : files) {
    const auto known = read_inside(root, file.path, kMaxIdFile);
    if (!known) continue;  // as large as that it is nobody's list of users
    const std::string text = file.complete(*known, person);
    if (text.empty() || (config.foreign && !exists_inside(root, file.path))) continue;
    const std::string copy = plan.scratch + file.copy;
    if (auto written = base::write_file_atomic(copy, text, {.mode = 0644}); !written) {
      return written;
    }
    config.mounts.push_back(plain_bind(copy, file.path));
  }
  return {};
}

}  // namespace

Status fill_config(const ContainerPlan& plan, const std::string& root, RuntimeConfig& config) {
  config.root = root;
  config.readonly = config.readonly || plan.readonly;
  config.uid = plan.uid_inside();
  config.gid = plan.gid_inside();
  config.unshare = plan.spec.unshare;
  if ((plan.spec.unshare & model::kUnshareUts) != 0) config.hostname = plan.node;
  config.args = {kInsidePause};
  if (plan.by_pattern) config.args = plan.argv;
  config.env = {"PATH=/usr/local/bin:/usr/bin:/bin"};
  std::vector<RuntimeMount> bundled = std::move(config.mounts);
  config.mounts = system_mounts(plan.spec.unshare);
  if (plan.by_pattern) return {};
  for (const RuntimeMount& mount : plan.mounts) {
    const bool no_place =
        mount.target.starts_with("/etc/") && config.foreign && !exists_inside(root, mount.target);
    if (exists(mount.source) && !no_place) config.mounts.push_back(mount);
  }
  if (auto added = add_people(plan, root, config); !added) return added;
  config.mounts.insert(config.mounts.end(), bundled.begin(), bundled.end());
  for (const RuntimeMount& mount : plan.user_mounts) {
    if (auto checked = check_source(mount); !checked) return checked;
    config.mounts.push_back(mount);
  }
  return add_devices(plan, config);
}

Result<Bundle> open_bundle(const ContainerPlan& plan) {
  const std::string folder = plan.spec.bundle.str();
  auto text = base::read_file(folder + "/config.json", kMaxBundleConfig);
  if (!text) return context("--container", std::move(text.error()));
  auto bundle = parse_bundle(*text);
  if (!bundle) return context(fmt::format("--container {}", folder), std::move(bundle.error()));
  return bundle;
}

Result<std::string> use_bundle(const ContainerPlan& plan, const Bundle& bundle,
                               RuntimeConfig& config, image::ImageRecord& record) {
  const std::string folder = plan.spec.bundle.str();
  const auto absolute = [&folder](const std::string& path) {
    return path.starts_with('/') ? path : folder + '/' + path;
  };
  std::string root = absolute(bundle.root);
  struct stat info {};
  if (::stat(root.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return fail(ErrorCode::not_found,
                fmt::format("--container {}: root.path {} is no folder", folder, bundle.root));
  }
  config.readonly = bundle.readonly;
  config.hooks = bundle.hooks;
  config.mounts = bundle.mounts;
  for (RuntimeMount& mount : config.mounts) {
    if (mount.type == "tmpfs") continue;
    mount.type = "none";
    mount.source = absolute(mount.source);
    if (auto checked = check_source(mount); !checked) return tl::unexpected(checked.error());
  }
  for (const std::string& entry : bundle.env) record.environment.emplace_back(entry);
  record.workdir = Text(bundle.cwd);
  // Mounting into it makes folders in it.
  const bool own = info.st_uid == ::geteuid() && ::access(root.c_str(), W_OK) == 0;
  if (own && !config.readonly && !plan.readonly) return root;
  config.foreign = info.st_uid != ::geteuid();
  const UpperPlace place = upper_place(plan);
  return mount_overlay({plan.scratch, {root}, place.upper, place.work});
}

}  // namespace sluice::stepd
