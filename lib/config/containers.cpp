// See containers.hpp.
#include "config/containers.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/duration.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::config {

namespace {

constexpr std::array<std::string_view, 4> kKnownRuntimes{"auto", "crun", "runc", "none"};
// What may stand behind a % in a pattern; @ is the command itself.
constexpr std::string_view kPatternLetters = "%@bejnprstuUZ";

Status expected(std::string form) { return fail(ErrorCode::invalid_argument, std::move(form)); }

void tell(ClusterConfig& config, const std::string& key, std::string value) {
  std::erase_if(config.node_settings, [&](const auto& entry) { return entry.first == key; });
  config.node_settings.emplace_back(key, std::move(value));
}

Setter path_key(ClusterConfig& config, std::string key) {
  return [&config, key = std::move(key)](const std::string& value) -> Status {
    if (!value.starts_with('/')) return expected("an absolute path");
    tell(config, key, value);
    return {};
  };
}

Setter flag_key(ClusterConfig& config, std::string key) {
  return [&config, key = std::move(key)](const std::string& value) -> Status {
    bool flag = false;
    if (Status read = yes_no(flag)(value); !read) return read;
    tell(config, key, flag ? "yes" : "no");
    return {};
  };
}

// In Slurm's spellings of memory; told in bytes. 0: no limit.
Setter size_key(ClusterConfig& config, std::string key) {
  return [&config, key = std::move(key)](const std::string& value) -> Status {
    std::uint64_t mib = 0;
    if (!base::iequals(value, "UNLIMITED")) {
      if (Status read = memory(mib)(value); !read) {
        return expected("a size (MiB, or with K, M, G, T) or UNLIMITED");
      }
    }
    tell(config, key, std::to_string(mib << 20U));
    return {};
  };
}

// In Slurm's spellings of time; told in seconds. 0: no limit.
Setter time_key(ClusterConfig& config, std::string key) {
  return [&config, key = std::move(key)](const std::string& value) -> Status {
    const Result<std::int64_t> seconds = base::parse_duration(value);
    if (!seconds) return expected("a time (minutes, h:m:s, d-h:m:s) or UNLIMITED");
    tell(config, key, std::to_string(*seconds == base::kUnlimited ? 0 : *seconds));
    return {};
  };
}

bool is_registry(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view(".:-_[]").find(c) != std::string_view::npos;
  });
}

Setter registries_key(ClusterConfig& config) {
  return [&config](const std::string& value) -> Status {
    for (const std::string_view host : base::split_nonempty(value, ',')) {
      if (!is_registry(host)) return expected("a list of host[:port]");
    }
    tell(config, "insecure_registries", value);
    return {};
  };
}

// SRC:DST[:FLAGS], both absolute.
Setter mounts_key(ClusterConfig& config) {
  return [&config](const std::string& value) -> Status {
    for (const std::string_view mount : base::split_nonempty(value, ',')) {
      const auto words = base::split(mount, ':');
      const bool right = (words.size() == 2 || words.size() == 3) && words[0].starts_with('/') &&
                         words[1].starts_with('/');
      if (!right) return expected("a list of SRC:DST[:FLAGS] with absolute paths");
    }
    tell(config, "container_mounts", value);
    return {};
  };
}

Setter folders_key(ClusterConfig& config, std::string key) {
  return [&config, key = std::move(key)](const std::string& value) -> Status {
    for (const std::string_view folder : base::split_nonempty(value, ',')) {
      if (!folder.starts_with('/')) return expected("a list of absolute paths");
    }
    tell(config, key, value);
    return {};
  };
}

Setter policy_key(ClusterConfig& config) {
  return [&config](const std::string& value) -> Status {
    if (value != "missing" && value != "newer") return expected("missing or newer");
    tell(config, "image_pull_policy", value);
    return {};
  };
}

Setter scope_key(ClusterConfig& config) {
  return [&config](const std::string& value) -> Status {
    if (value != "job" && value != "user") return expected("job or user");
    tell(config, "container_scope", value);
    return {};
  };
}

// A program by its absolute path, and the task's command somewhere behind it.
Status check_pattern(const std::string& pattern) {
  bool command = false;
  for (std::size_t at = pattern.find('%'); at != std::string::npos; at = pattern.find('%', at)) {
    const char letter = at + 1 < pattern.size() ? pattern[at + 1] : '\0';
    if (letter == '\0' || kPatternLetters.find(letter) == std::string_view::npos) {
      return expected("a command in which % is followed by one of " + std::string(kPatternLetters));
    }
    command = command || letter == '@';
    at += 2;
  }
  if (!pattern.starts_with('/') || !command) {
    return expected("a command that begins with an absolute path and holds %@");
  }
  return {};
}

std::string told(const ClusterConfig& config, std::string_view key, std::string_view otherwise) {
  for (const auto& [name, value] : config.node_settings) {
    if (name == key && !value.empty()) return value;
  }
  return std::string(otherwise);
}

std::string size_text(const std::string& bytes) {
  const Result<std::uint64_t> value = base::parse_count(bytes);
  if (!value || *value == 0) return "UNLIMITED";
  return std::to_string(*value >> 20U) + "M";
}

std::string time_text(const std::string& seconds) {
  return seconds == "0" ? "UNLIMITED" : seconds + " sec";
}

}  // namespace

std::vector<Key> container_keys(ClusterConfig& config, ContainerRuntimes& runtimes) {
  return {
      {"container_runtime", text(runtimes.chosen)},
      {"image_cache", path_key(config, "image_cache")},
      {"image_cache_size", size_key(config, "image_cache_size")},
      {"image_cache_age", time_key(config, "image_cache_age")},
      {"image_pull_timeout", time_key(config, "image_pull_timeout")},
      {"image_pull_policy", policy_key(config)},
      {"image_max_size", size_key(config, "image_max_size")},
      {"insecure_registries", registries_key(config)},
      {"container_mounts", mounts_key(config)},
      {"container_mount_home", flag_key(config, "container_mount_home")},
      {"container_remap_root", flag_key(config, "container_remap_root")},
      {"container_writable", flag_key(config, "container_writable")},
      {"container_entrypoint", flag_key(config, "container_entrypoint")},
      {"container_scope", scope_key(config)},
      {"cdi_dirs", folders_key(config, "cdi_dirs")},
  };
}

Status read_runtimes(const YamlValue& list, const std::string& file, ContainerRuntimes& runtimes) {
  const Place place{file, list.line, std::string(kRuntimesSection)};
  if (list.kind != YamlValue::Kind::list) return wrong(place, "a list of name and run", "");
  for (const YamlValue& item : list.items) {
    const Place here{file, item.line, std::string(kRuntimesSection)};
    if (item.kind != YamlValue::Kind::map) return wrong(here, "a mapping with name and run", "");
    std::string name;
    std::string run;
    const std::vector<Key> keys = {{"name", text(name)},
                                   {"run", [&run](const std::string& value) -> Status {
                                      run = value;
                                      return check_pattern(value);
                                    }}};
    if (Status read = read_keys(item, file, keys, {}); !read) return read;
    if (name.empty() || run.empty()) return wrong(here, "name and run", name);
    const bool taken =
        std::ranges::find(kKnownRuntimes, std::string_view(name)) != kKnownRuntimes.end() ||
        std::ranges::any_of(runtimes.patterns,
                            [&](const auto& other) { return other.first == name; });
    if (taken || name.find('/') != std::string::npos) {
      return wrong(here, "each name once, and none of auto, crun, runc, none", name);
    }
    runtimes.patterns.emplace_back(std::move(name), std::move(run));
  }
  return {};
}

Status settle_runtime(const ContainerRuntimes& runtimes, Place place, ClusterConfig& config) {
  const std::string& chosen = runtimes.chosen;
  if (chosen.empty()) return {};
  for (const auto& [name, run] : runtimes.patterns) {
    if (name == chosen) tell(config, "container_run_pattern", run);
  }
  const bool known =
      std::ranges::find(kKnownRuntimes, std::string_view(chosen)) != kKnownRuntimes.end() ||
      chosen.starts_with('/') || !told(config, "container_run_pattern", "").empty();
  if (!known) {
    place.key = "container_runtime";
    return wrong(place, "auto, crun, runc, none, an absolute path or a name of container_runtimes",
                 chosen);
  }
  tell(config, "container_runtime", chosen);
  return {};
}

void show_containers(const ClusterConfig& config,
                     std::vector<std::pair<std::string, std::string>>& shown) {
  const std::pair<std::string, std::string> rows[] = {
      {"CDIDirs", told(config, "cdi_dirs", "/etc/cdi,/var/run/cdi")},
      {"ContainerEntrypoint", told(config, "container_entrypoint", "no")},
      {"ContainerMountHome", told(config, "container_mount_home", "no")},
      {"ContainerMounts", told(config, "container_mounts", "(null)")},
      {"ContainerRemapRoot", told(config, "container_remap_root", "no")},
      {"ContainerRunPattern", told(config, "container_run_pattern", "(null)")},
      {"ContainerRuntime", told(config, "container_runtime", "auto")},
      {"ContainerScope", told(config, "container_scope", "job")},
      {"ContainerWritable", told(config, "container_writable", "yes")},
      {"ImageCache", told(config, "image_cache", "(null)")},
      {"ImageCacheAge", time_text(told(config, "image_cache_age", "2592000"))},
      {"ImageCacheSize", size_text(told(config, "image_cache_size", "0"))},
      {"ImageMaxSize", size_text(told(config, "image_max_size", "0"))},
      {"ImagePullPolicy", told(config, "image_pull_policy", "newer")},
      {"ImagePullTimeout", time_text(told(config, "image_pull_timeout", "1800"))},
      {"InsecureRegistries", told(config, "insecure_registries", "(null)")}};
  for (const auto& row : rows) {
    const auto place =
        std::ranges::find_if(shown, [&](const auto& other) { return other.first > row.first; });
    shown.insert(place, row);
  }
}

}  // namespace sluice::config
