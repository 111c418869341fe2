// See the header.
#include "daemon/stepd/container_config.hpp"

#include <array>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace sluice::stepd {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxMounts = 256;
constexpr std::size_t kMaxHooks = 32;
constexpr int kMaxDepth = 32;

json texts(const std::vector<Text>& list) {
  json array = json::array();
  for (const Text& text : list) array.push_back(text.str());
  return array;
}

json mount_json(const RuntimeMount& mount) {
  return {{"destination", mount.target},
          {"type", mount.type},
          {"source", mount.source},
          {"options", mount.options}};
}

json namespaces(std::uint32_t unshare, bool inner_user) {
  json list = json::array();
  if (inner_user) list.push_back({{"type", "user"}});
  list.push_back({{"type", "mount"}});
  if ((unshare & model::kUnshareNet) != 0) list.push_back({{"type", "network"}});
  if ((unshare & model::kUnshareIpc) != 0) list.push_back({{"type", "ipc"}});
  if ((unshare & model::kUnshareUts) != 0) list.push_back({{"type", "uts"}});
  return list;
}

json one_id(std::uint32_t inside) {
  return json::array({{{"containerID", inside}, {"hostID", 0}, {"size", 1}}});
}

json hooks_json(const std::vector<accel::CdiHook>& hooks) {
  json all = json::object();
  for (const accel::CdiHook& hook : hooks) {
    json entry = {{"path", hook.path.str()}};
    if (!hook.args.empty()) entry["args"] = texts(hook.args);
    if (!hook.env.empty()) entry["env"] = texts(hook.env);
    if (hook.timeout_s) entry["timeout"] = *hook.timeout_s;
    all[hook.name.str()].push_back(std::move(entry));
  }
  return all;
}

// Reading a bundle: everything may be missing or of a wrong type.
std::string text_at(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<std::string> list_at(const json& object, const char* name) {
  std::vector<std::string> list;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return list;
  for (const json& entry : *found) {
    if (entry.is_string()) list.push_back(entry.get<std::string>());
  }
  return list;
}

const json& object_at(const json& object, const char* name) {
  static const json empty = json::object();
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : empty;
}

// proc, sysfs, devpts, mqueue and cgroup have their places in every container, and so has /dev.
bool is_ours(const RuntimeMount& mount) {
  for (const std::string_view place :
       {"/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys/fs/cgroup"}) {
    if (mount.target == place) return true;
  }
  return false;
}

bool is_bind(const RuntimeMount& mount) {
  if (mount.type == "bind") return true;
  for (const std::string& option : mount.options) {
    if (option == "bind" || option == "rbind") return true;
  }
  return false;
}

Status read_mounts(const json& config, Bundle& bundle) {
  const auto mounts = config.find("mounts");
  if (mounts == config.end()) return {};
  if (!mounts->is_array() || mounts->size() > kMaxMounts) {
    return fail(ErrorCode::invalid_argument,
                "config.json: mounts must be a list, and not a huge one");
  }
  for (const json& entry : *mounts) {
    if (!entry.is_object()) continue;
    RuntimeMount mount{text_at(entry, "destination"), text_at(entry, "type"),
                       text_at(entry, "source"), list_at(entry, "options")};
    if (is_ours(mount)) continue;
    const bool fits = is_bind(mount) || mount.type == "tmpfs";
    if (!fits || !mount.target.starts_with('/')) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("config.json: a mount of type '{}' on '{}' can't be made for a user",
                              mount.type, mount.target));
    }
    bundle.mounts.push_back(std::move(mount));
  }
  return {};
}

Status read_hooks(const json& config, Bundle& bundle) {
  static constexpr std::array<const char*, 6> kNames = {
      "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"};
  const json& hooks = object_at(config, "hooks");
  for (const char* name : kNames) {
    const auto list = hooks.find(name);
    if (list == hooks.end() || !list->is_array()) continue;
    for (const json& entry : *list) {
      if (!entry.is_object() || bundle.hooks.size() >= kMaxHooks) {
        return fail(ErrorCode::invalid_argument, fmt::format("config.json: hooks.{}", name));
      }
      accel::CdiHook hook;
      hook.name = Text(name);
      hook.path = Text(text_at(entry, "path"));
      for (const std::string& word : list_at(entry, "args")) hook.args.emplace_back(word);
      for (const std::string& word : list_at(entry, "env")) hook.env.emplace_back(word);
      bundle.hooks.push_back(std::move(hook));
    }
  }
  return {};
}

}  // namespace

std::string runtime_config(const RuntimeConfig& config) {
  json mounts = json::array();
  for (const RuntimeMount& mount : config.mounts) mounts.push_back(mount_json(mount));
  const json none = json::array();
  json document = {
      {"ociVersion", "1.0.2"},
      {"root", {{"path", config.root}, {"readonly", config.readonly}}},
      {"process",
       {{"terminal", false},
        {"user", {{"uid", config.uid}, {"gid", config.gid}}},
        {"args", config.args},
        {"env", config.env},
        {"cwd", config.cwd},
        {"capabilities",
         {{"bounding", none}, {"effective", none}, {"permitted", none}, {"inheritable", none}}},
        {"noNewPrivileges", true}}},
      {"mounts", std::move(mounts)},
      {"linux",
       {{"namespaces", namespaces(config.unshare, config.inner_user)},
        {"maskedPaths", masked_paths()},
        {"readonlyPaths", readonly_paths()}}}};
  if (config.inner_user) {
    document["linux"]["uidMappings"] = one_id(config.uid);
    document["linux"]["gidMappings"] = one_id(config.gid);
  }
  if (!config.hostname.empty()) document["hostname"] = config.hostname;
  if (!config.hooks.empty()) document["hooks"] = hooks_json(config.hooks);
  // Texts of users need not be UTF-8.
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Bundle> parse_bundle(std::string_view text) {
  const auto bad = [](std::string_view what) {
    return fail(ErrorCode::invalid_argument, fmt::format("config.json: {}", what));
  };
  if (text.size() > kMaxBundleConfig) return bad("larger than 1 MiB");
  bool deep = false;
  const json config = json::parse(
      text,
      [&deep](int depth, json::parse_event_t, json&) {
        deep = deep || depth > kMaxDepth;
        return depth <= kMaxDepth;
      },
      false);
  if (deep) return bad("nested too deeply");
  if (!config.is_object()) return bad("no JSON object");
  Bundle bundle;
  const json& root = object_at(config, "root");
  bundle.root = text_at(root, "path");
  if (bundle.root.empty()) return bad("root.path is missing");
  const auto readonly = root.find("readonly");
  bundle.readonly = readonly != root.end() && readonly->is_boolean() && readonly->get<bool>();
  const json& process = object_at(config, "process");
  bundle.env = list_at(process, "env");
  bundle.cwd = text_at(process, "cwd");
  if (auto read = read_mounts(config, bundle); !read) return tl::unexpected(read.error());
  if (auto read = read_hooks(config, bundle); !read) return tl::unexpected(read.error());
  return bundle;
}

}  // namespace sluice::stepd
