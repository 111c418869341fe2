// See the header.
#include "daemon/stepd/container_plan.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "daemon/stepd/container_devices.hpp"

namespace sluice::stepd {
namespace {

constexpr std::size_t kMaxName = 128;

bool decide(model::Wish wish, bool otherwise) {
  return wish == model::Wish::unset ? otherwise : wish == model::Wish::yes;
}

tl::unexpected<Error> refuse(std::string text) {
  return fail(ErrorCode::invalid_argument, std::move(text));
}

Status check_kept_name(std::string_view name) {
  const bool odd = std::any_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte == 0x7f || c == '/' || c == ':' || c == ',';
  });
  if (!odd && name.size() <= kMaxName && !name.starts_with('.')) return {};
  return refuse(fmt::format("container name '{}': letters, digits and -_.+@ are fine", name));
}

// A command pattern runs programs that know nothing of these.
Status check_pattern(const ContainerPlan& plan) {
  const model::ContainerSpec& spec = plan.spec;
  const auto cannot = [](std::string_view option) {
    return refuse(fmt::format("{}: not possible with the container runtime of this node", option));
  };
  if (!spec.mounts.empty()) return cannot("--container-mounts");
  if (spec.unshare != 0) return cannot("--container-unshare");
  if (spec.remap_root == model::Wish::yes) return cannot("--container-remap-root");
  if (spec.mount_home == model::Wish::yes) return cannot("--container-mount-home");
  if (!spec.workdir.empty()) return cannot("--container-workdir");
  if (!spec.entrypoint_log.empty()) return cannot("--container-entrypoint-log");
  if (!spec.bundle.empty()) return cannot("--container");
  if (spec.writable == model::Wish::no) return cannot("--container-readonly");
  return {};
}

Status check(const ContainerPlan& plan) {
  const worker::ContainerSettings& settings = plan.settings;
  const model::ContainerSpec& spec = plan.spec;
  if (!settings.enabled) {
    return fail(ErrorCode::unavailable, settings.disabled_reason.empty()
                                            ? "containers are not enabled on this node"
                                            : settings.disabled_reason);
  }
  if (settings.runtime.empty() && settings.run_pattern.empty()) {
    return fail(ErrorCode::unavailable, "no container runtime on this node");
  }
  if (spec.image.empty() && spec.bundle.empty() && spec.name.empty()) {
    return refuse("the container has neither an image nor a name");
  }
  if (!spec.bundle.empty() && (!spec.image.empty() || !spec.name.empty() || !spec.save.empty())) {
    return refuse("--container can't be combined with --container-image, -name or -save");
  }
  if (!spec.bundle.empty() && !spec.bundle.view().starts_with('/')) {
    return refuse(fmt::format("--container {}: no absolute path", spec.bundle.view()));
  }
  if (!spec.workdir.empty() && !spec.workdir.view().starts_with('/')) {
    return refuse(fmt::format("--container-workdir {}: no absolute path", spec.workdir.view()));
  }
  return plan.by_pattern ? check_pattern(plan) : Status{};
}

Status add_user_mounts(ContainerPlan& plan) {
  const auto add = [&plan](const model::ContainerMount& mount) -> Status {
    auto bind = bind_mount(mount);
    if (!bind) return tl::unexpected(bind.error());
    plan.user_mounts.push_back(std::move(*bind));
    return {};
  };
  for (const std::string& text : plan.settings.mounts) {
    auto mount = parse_mount(text);
    if (!mount) return tl::unexpected(mount.error());
    if (auto added = add(*mount); !added) return added;
  }
  const bool wants_home = decide(plan.spec.mount_home, plan.settings.mount_home);
  if (wants_home && plan.home.starts_with('/')) {
    plan.user_mounts.push_back({plan.home, "none", plan.home, {"rbind"}});
  } else if (plan.spec.mount_home == model::Wish::yes) {
    return refuse("--container-mount-home: the user has no home folder");
  }
  for (const model::ContainerMount& mount : plan.spec.mounts) {
    if (auto added = add(mount); !added) return added;
  }
  return {};
}

void add_own_mounts(const StepView& step, ContainerPlan& plan,
                    const std::vector<std::string>& shared) {
  for (const char* file : {"/etc/resolv.conf", "/etc/hosts"}) {
    plan.mounts.push_back(plain_bind(file, file));
  }
  if ((plan.spec.unshare & model::kUnshareUts) == 0) {
    plan.mounts.push_back(plain_bind("/etc/hostname", "/etc/hostname"));
  }
  RuntimeMount pause = plain_bind(plan.pause_program, kInsidePause);
  pause.options.emplace_back("ro");
  plan.mounts.push_back(std::move(pause));
  for (const std::string& folder : shared) plan.mounts.push_back(plain_bind(folder, folder));
  if (!step.settings.node_folder.empty()) {
    plan.mounts.push_back(plain_bind(step.settings.node_folder, step.settings.node_folder));
  }
  if (step.is_batch()) {
    RuntimeMount script = plain_bind(step.settings.script_path, step.settings.script_path);
    script.options.emplace_back("ro");
    plan.mounts.push_back(std::move(script));
  }
}

std::string variable(const StepView& step, std::string_view name) {
  const std::string prefix = std::string(name) + '=';
  std::string value;
  for (const Text& entry : step.launch.spec.environment) {
    if (entry.view().starts_with(prefix)) value = entry.view().substr(prefix.size());
  }
  return value;
}

// Nothing of the job's environment but what tells where credentials and proxies are.
std::vector<std::string> helper_environment(const StepView& step, const std::string& home) {
  std::vector<std::string> entries = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                                      "LANG=C.UTF-8", "HOME=" + home};
  for (const char* name : {"REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR",
                           "XDG_CONFIG_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy",
                           "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}) {
    const std::string value = variable(step, name);
    if (!value.empty()) entries.push_back(std::string(name) + '=' + value);
  }
  return entries;
}

std::string container_id(const StepView& step) {
  const Text& asked = step.launch.spec.container.front().id;
  std::string id =
      asked.empty() ? fmt::format("{}.{}", step_label(step), step.settings.node_name) : asked.str();
  for (char& c : id) {
    const bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '.' || c == '-' || c == '_' || c == '+';
    if (!fine) c = '_';
  }
  if (id.front() == '.' || id.front() == '-') id.insert(0, "c");
  return id.substr(0, kMaxName);
}

void set_names(const StepView& step, ContainerPlan& plan) {
  plan.id = container_id(step);
  plan.node = step.settings.node_name;
  plan.agent_socket = step.settings.agent_socket;
  plan.job = step.job().id;
  plan.step = step.launch.layout.step;
  plan.pause_program = plan.settings.pause_program.empty()
                           ? step.settings.plugin_dir + "/sluice-pause"
                           : plan.settings.pause_program;
  if (plan.spec.name.empty()) return;
  plan.kept = plan.settings.user_scope
                  ? plan.spec.name.str()
                  : fmt::format("{}.{}", plan.job.value, plan.spec.name.view());
}

}  // namespace

bool is_root_inside(const StepView& step) {
  const auto& container = step.launch.spec.container;
  return !container.empty() &&
         decide(container.front().remap_root, step.settings.container.remap_root);
}

Result<ContainerPlan> make_container_plan(const StepView& step, const StepPlan& plan,
                                          const std::vector<std::string>& shared) {
  ContainerPlan result;
  result.spec = step.launch.spec.container.front();
  result.settings = step.settings.container;
  result.by_pattern = result.settings.runtime.empty();
  result.user = plan.user;
  result.change_user = plan.change_user;
  if (!plan.change_user) {
    result.user.uid = ::geteuid();
    result.user.gid = ::getegid();
  }
  if (auto checked = check(result); !checked) return tl::unexpected(checked.error());
  if (!result.spec.name.empty()) {
    if (auto named = check_kept_name(result.spec.name.view()); !named) {
      return tl::unexpected(named.error());
    }
  }
  set_names(step, result);
  result.home = plan.user.home.empty() ? variable(step, "HOME") : plan.user.home;
  result.helper_environment = helper_environment(step, result.home);
  result.remap_root = is_root_inside(step);
  result.readonly = !decide(result.spec.writable, result.settings.writable);
  result.entrypoint = decide(result.spec.entrypoint, result.settings.entrypoint);
  for (const Text& word : step.launch.spec.argv) result.argv.push_back(word.str());
  add_own_mounts(step, result, shared);
  if (auto added = add_user_mounts(result); !added) return tl::unexpected(added.error());
  auto edits = container_edits(step);
  if (!edits) return tl::unexpected(edits.error());
  result.edits = std::move(*edits);
  return result;
}

}  // namespace sluice::stepd
