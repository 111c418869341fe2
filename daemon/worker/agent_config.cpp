// Reading agent.conf. Unknown keys are errors: a mistyped one must not be ignored.
#include "daemon/worker/agent_config.hpp"

#include <unistd.h>

#include <array>
#include <charconv>
#include <climits>
#include <functional>
#include <limits>
#include <map>

#include "base/file.hpp"
#include "base/key_values.hpp"
#include "base/strings.hpp"

namespace sluice::worker {

namespace {

using Setter = std::function<bool(const std::string&)>;

template <class Number>
Setter number(Number& out) {
  return [&out](const std::string& text) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
    return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
  };
}

Setter word(std::string& out) {
  return [&out](const std::string& text) {
    out = text;
    return true;
  };
}

Setter text_of(Text& out) {
  return [&out](const std::string& value) {
    out = value;
    return true;
  };
}

Setter yes_no(bool& out) {
  return [&out](const std::string& text) {
    out = text == "yes" || text == "true" || text == "on";
    return out || text == "no" || text == "false" || text == "off";
  };
}

std::map<std::string, Setter, std::less<>> setters(AgentConfig& config) {
  model::NodeFacts& facts = config.facts;
  return {
      {"name", word(config.name)},
      {"controller_address", word(config.controller_address)},
      {"controller_port", number(config.controller_port)},
      {"controller_key", word(config.controller_key)},
      {"port", number(config.port)},
      {"listen_address", word(config.listen_address)},
      {"client_conf", word(config.client_conf)},
      {"single_user", yes_no(config.single_user)},
      {"key_file", word(config.key_file)},
      {"spool_dir", word(config.spool_dir)},
      {"socket", word(config.socket)},
      {"plugin_dir", word(config.plugin_dir)},
      {"stepd", word(config.stepd)},
      {"log_file", word(config.log_file)},
      {"log_level", word(config.log_level)},
      {"cgroups", yes_no(config.cgroups)},
      {"require_cgroups", yes_no(config.require_cgroups)},
      {"autodetect", yes_no(config.autodetect)},
      {"accelerator_root", word(config.accelerator_root)},
      {"accelerator_table", word(config.accelerator_table)},
      {"sockets", number(facts.sockets)},
      {"cores_per_socket", number(facts.cores_per_socket)},
      {"threads_per_core", number(facts.threads_per_core)},
      {"memory", number(facts.memory)},
      {"tmp_disk", number(facts.tmp_disk)},
      {"features", text_of(facts.features)},
      {"gres",
       [&facts](const std::string& text) {
         auto gres = parse_node_gres(text);
         if (gres) facts.gres = std::move(*gres);
         return gres.has_value();
       }},
  };
}

// Installed: bin/ beside lib/sluice/plugins. Built: build/bin beside build/plugins.
std::string default_plugins(const std::string& programs) {
  const std::string built = programs + "/../plugins";
  if (base::file_exists(built)) return built;
  return programs + "/../lib/sluice/plugins";
}

}  // namespace

std::string program_folder() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return ".";
  const std::string_view whole(path.data(), static_cast<std::size_t>(length));
  return std::string(whole.substr(0, whole.rfind('/')));
}

Result<std::vector<model::NodeGres>> parse_node_gres(std::string_view text) {
  std::vector<model::NodeGres> list;
  for (const std::string_view entry : base::split_nonempty(text, ';')) {
    const std::vector<std::string_view> parts = base::split(entry, ':');
    model::NodeGres gres;
    gres.name = base::trim(parts[0]);
    std::size_t next = 1;
    const auto count_of = [&](std::string_view part) {
      const auto parsed = std::from_chars(part.data(), part.data() + part.size(), gres.count);
      return !part.empty() && parsed.ec == std::errc{} && parsed.ptr == part.data() + part.size();
    };
    if (next < parts.size() && !count_of(parts[next])) gres.type = parts[next++];
    const bool counted = next < parts.size() && count_of(parts[next++]);
    if (gres.name.empty() || !counted || gres.count == 0) {
      return fail(ErrorCode::invalid_gres, "not name[:type]:count[:files]: " + std::string(entry));
    }
    if (next < parts.size()) {
      for (const std::string_view file : base::split_nonempty(parts[next], ',')) {
        gres.files.emplace_back(file);
      }
      if (gres.files.size() != gres.count) {
        return fail(ErrorCode::invalid_gres, "one file for each of: " + std::string(entry));
      }
    }
    list.push_back(std::move(gres));
  }
  return list;
}

Result<AgentConfig> load_agent_config(const std::string& dir) {
  const std::string path = dir + "/agent.conf";
  Result<std::string> text = base::read_file(path, 1 << 20);
  if (!text) return tl::unexpected(text.error());
  Result<base::KeyValues> values = base::parse_key_values(*text, path);
  if (!values) return tl::unexpected(values.error());
  AgentConfig config;
  config.dir = dir;
  config.facts.sockets = 0;
  config.facts.cores_per_socket = 0;
  config.facts.threads_per_core = 0;
  const std::string programs = program_folder();
  config.key_file = dir + "/host.key";
  config.spool_dir = dir + "/spool";
  config.socket = dir + "/agent.sock";
  config.plugin_dir = default_plugins(programs);
  config.stepd = programs + "/sluice-stepd";
  const auto known = setters(config);
  for (const auto& [key, value] : *values) {
    const auto setter = known.find(key);
    if (setter == known.end()) {
      return fail(ErrorCode::invalid_argument, path + ": unknown key " + key);
    }
    if (!setter->second(value)) {
      return fail(ErrorCode::invalid_argument, path + ": " + key + ": wrong value " + value);
    }
  }
  if (config.name.empty() || config.controller_address.empty() || config.controller_port == 0 ||
      config.controller_key.empty()) {
    return fail(ErrorCode::invalid_argument,
                path + ": name, controller_address, controller_port and controller_key are needed");
  }
  std::string& root = config.accelerator_root;
  root.erase(root.find_last_not_of('/') + 1);
  config.facts_given =
      config.facts.sockets + config.facts.cores_per_socket + config.facts.threads_per_core > 0;
  return config;
}

}  // namespace sluice::worker
