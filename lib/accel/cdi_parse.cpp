// Reading CDI specifications. JSON is read as the YAML that it nearly is, so that errors of both
// name lines; what only YAML allows is refused in a JSON file before.
#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "accel/cdi_spec.hpp"
#include "accel/yaml_map.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::accel {

namespace {

using config::wrong;

struct Version {
  std::string_view text;
  int rank;
};
constexpr std::array<Version, 10> kVersions{{{"0.1.0", 1},
                                             {"0.2.0", 2},
                                             {"0.3.0", 3},
                                             {"0.4.0", 4},
                                             {"0.5.0", 5},
                                             {"0.6.0", 6},
                                             {"0.7.0", 7},
                                             {"0.8.0", 8},
                                             {"1.0.0", 9},
                                             {"1.1.0", 10}}};
constexpr int kMountType = 4;
constexpr int kHostPath = 5;  // also names that begin with a digit
constexpr int kAnnotations = 6;
constexpr int kDottedClass = 6;
constexpr int kGids = 7;  // also intelRdt
constexpr int kNetDevices = 10;

bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_letter(char c) { return is_alnum(c) && (c < '0' || c > '9'); }

// Letters, digits and some signs between, none of them at an end.
bool is_name(std::string_view text, std::string_view signs) {
  if (text.empty() || text.size() > 63 || !is_alnum(text.front()) || !is_alnum(text.back())) {
    return false;
  }
  return std::ranges::all_of(
      text, [&](char c) { return is_alnum(c) || signs.find(c) != std::string_view::npos; });
}

bool is_device_name(std::string_view text) { return is_name(text, "_-.:"); }

class SpecReader {
 public:
  Result<CdiSpec> read(const YamlValue& document, const std::string& file);

 private:
  // A field that came with a later version than the first.
  ValueReader since(int rank, ValueReader reader) const {
    return [this, rank, reader = std::move(reader)](const YamlValue& value,
                                                    const Place& place) -> Status {
      if (rank_ < rank) {
        const auto needed = std::ranges::find(kVersions, rank, &Version::rank);
        return wrong(place, "cdiVersion " + std::string(needed->text) + " or later for this key",
                     version_);
      }
      return reader(value, place);
    };
  }
  Status read_version(const YamlValue& document, const std::string& file);
  Status read_device(const YamlValue& value, const Place& place, CdiSpec& spec) const;
  [[nodiscard]] ValueReader edits(ContainerEdits& out) const;
  [[nodiscard]] ValueReader device_nodes(std::vector<CdiDeviceNode>& out) const;
  [[nodiscard]] ValueReader mounts(std::vector<CdiMount>& out) const;
  [[nodiscard]] ValueReader intel_rdt(std::optional<CdiIntelRdt>& out) const;

  int rank_ = 0;
  std::string version_;
};

ValueReader absolute(Text& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    if (Status read = text(out)(value, place); !read) return read;
    if (!out.view().starts_with('/')) return wrong(place, "an absolute path", out);
    return {};
  };
}

template <class Number>
ValueReader optional_number(std::optional<Number>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    const Result<std::uint32_t> parsed = base::parse_u32(value.text);
    if (value.kind != YamlValue::Kind::scalar || !parsed) {
      return wrong(place, "a whole number", found_text(value));
    }
    out = static_cast<Number>(*parsed);
    return {};
  };
}

// YAML writes modes in octal (0660, 0o660), JSON has decimal numbers only.
ValueReader file_mode(std::optional<std::uint32_t>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    std::string_view text = value.text;
    const bool octal = text.size() > 1 && text.front() == '0';
    if (octal) text.remove_prefix(text[1] == 'o' ? 2 : 1);
    std::uint32_t mode = 0;
    for (const char c : text) {
      const std::uint32_t base = octal ? 8 : 10;
      const auto digit = static_cast<std::uint32_t>(c - '0');
      if (c < '0' || digit >= base || mode > 0xfffff) {
        return wrong(place, "a file mode", value.text);
      }
      mode = mode * base + digit;
    }
    if (text.empty()) return wrong(place, "a file mode", found_text(value));
    out = mode;
    return {};
  };
}

ValueReader variables(std::vector<Text>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    const auto add = [&out](const YamlValue& item, const Place& here) -> Status {
      const std::size_t equals = item.text.find('=');
      if (item.kind != YamlValue::Kind::scalar || equals == 0 || equals == std::string::npos) {
        return wrong(here, "NAME=value", found_text(item));
      }
      out.emplace_back(item.text);
      return {};
    };
    return read_list(value, place, add);
  };
}

ValueReader hooks(std::vector<CdiHook>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    const auto add = [&out](const YamlValue& item, const Place& here) -> Status {
      CdiHook hook;
      const std::vector<YamlRow> rows = {{"hookName", text(hook.name)},
                                         {"path", absolute(hook.path)},
                                         {"args", texts(hook.args)},
                                         {"env", variables(hook.env)},
                                         {"timeout", optional_number(hook.timeout_s)}};
      if (Status read = read_map(item, here, rows); !read) return read;
      constexpr std::array<std::string_view, 6> kNames{"prestart",        "createRuntime",
                                                       "createContainer", "startContainer",
                                                       "poststart",       "poststop"};
      if (std::ranges::find(kNames, hook.name.view()) == kNames.end()) {
        return wrong(here, "hookName of a hook that OCI knows", hook.name);
      }
      if (hook.path.empty()) return wrong(here, "path", "");
      out.push_back(std::move(hook));
      return {};
    };
    return read_list(value, place, add);
  };
}

ValueReader net_devices(std::vector<CdiNetDevice>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    const auto add = [&out](const YamlValue& item, const Place& here) -> Status {
      CdiNetDevice device;
      const std::vector<YamlRow> rows = {{"hostInterfaceName", text(device.host_interface)},
                                         {"name", text(device.name)}};
      if (Status read = read_map(item, here, rows); !read) return read;
      if (device.host_interface.empty()) return wrong(here, "hostInterfaceName", "");
      if (device.name.empty()) return wrong(here, "name", "");
      out.push_back(std::move(device));
      return {};
    };
    return read_list(value, place, add);
  };
}

ValueReader gids(std::vector<std::uint32_t>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    const auto add = [&out](const YamlValue& item, const Place& here) -> Status {
      std::uint32_t gid = 0;
      if (Status read = number(gid)(item, here); !read) return read;
      out.push_back(gid);
      return {};
    };
    return read_list(value, place, add);
  };
}

Status annotations(const YamlValue& value, const Place& place) {
  if (value.kind != YamlValue::Kind::map) return wrong(place, "a mapping", found_text(value));
  for (const auto& [key, entry] : value.entries) {
    if (entry.kind != YamlValue::Kind::scalar) {
      return wrong({place.file, entry.line, place.key + "." + key}, "a text", found_text(entry));
    }
  }
  return {};
}

ValueReader SpecReader::device_nodes(std::vector<CdiDeviceNode>& out) const {
  return [this, &out](const YamlValue& value, const Place& place) -> Status {
    const auto add = [this, &out](const YamlValue& item, const Place& here) -> Status {
      CdiDeviceNode node;
      const std::vector<YamlRow> rows = {{"path", absolute(node.path)},
                                         {"hostPath", since(kHostPath, absolute(node.host_path))},
                                         {"type", text(node.type)},
                                         {"major", optional_number(node.major)},
                                         {"minor", optional_number(node.minor)},
                                         {"fileMode", file_mode(node.file_mode)},
                                         {"permissions", any_text(node.permissions)},
                                         {"uid", optional_number(node.uid)},
                                         {"gid", optional_number(node.gid)}};
      if (Status read = read_map(item, here, rows); !read) return read;
      if (node.path.empty()) return wrong(here, "path", "");
      const std::string_view type = node.type;
      if (!type.empty() &&
          (type.size() != 1 || std::string_view("bcup").find(type) == std::string_view::npos)) {
        return wrong(here, "type b, c, u or p", type);
      }
      const std::string_view access = node.permissions;
      if (access != "none" && access.find_first_not_of("rwm") != std::string_view::npos) {
        return wrong(here, "permissions of r, w and m", access);
      }
      out.push_back(std::move(node));
      return {};
    };
    return read_list(value, place, add);
  };
}

ValueReader SpecReader::mounts(std::vector<CdiMount>& out) const {
  return [this, &out](const YamlValue& value, const Place& place) -> Status {
    const auto add = [this, &out](const YamlValue& item, const Place& here) -> Status {
      CdiMount mount;
      const std::vector<YamlRow> rows = {{"hostPath", text(mount.host_path)},
                                         {"containerPath", absolute(mount.container_path)},
                                         {"type", since(kMountType, text(mount.type))},
                                         {"options", texts(mount.options)}};
      if (Status read = read_map(item, here, rows); !read) return read;
      if (mount.host_path.empty()) return wrong(here, "hostPath", "");
      if (mount.container_path.empty()) return wrong(here, "containerPath", "");
      out.push_back(std::move(mount));
      return {};
    };
    return read_list(value, place, add);
  };
}

ValueReader SpecReader::intel_rdt(std::optional<CdiIntelRdt>& out) const {
  return [this, &out](const YamlValue& value, const Place& place) -> Status {
    CdiIntelRdt rdt;
    bool ignored = false;  // monitoring of one kind: superseded by enableMonitoring
    const std::vector<YamlRow> rows = {
        {"closID", text(rdt.clos_id)},
        {"l3CacheSchema", text(rdt.l3_cache_schema)},
        {"memBwSchema", text(rdt.mem_bw_schema)},
        {"enableCMT", yes_no(ignored)},
        {"enableMBM", yes_no(ignored)},
        {"schemata", since(kNetDevices, texts(rdt.schemata))},
        {"enableMonitoring", since(kNetDevices, yes_no(rdt.enable_monitoring))}};
    if (Status read = read_map(value, place, rows); !read) return read;
    out = std::move(rdt);
    return {};
  };
}

ValueReader SpecReader::edits(ContainerEdits& out) const {
  return [this, &out](const YamlValue& value, const Place& place) -> Status {
    const std::vector<YamlRow> rows = {
        {"env", variables(out.env)},
        {"deviceNodes", device_nodes(out.device_nodes)},
        {"mounts", mounts(out.mounts)},
        {"hooks", hooks(out.hooks)},
        {"additionalGids", since(kGids, gids(out.additional_gids))},
        {"intelRdt", since(kGids, intel_rdt(out.intel_rdt))},
        {"netDevices", since(kNetDevices, net_devices(out.net_devices))}};
    return read_map(value, place, rows);
  };
}

Status SpecReader::read_device(const YamlValue& value, const Place& place, CdiSpec& spec) const {
  CdiDevice device;
  const std::vector<YamlRow> rows = {{"name", text(device.name)},
                                     {"annotations", since(kAnnotations, annotations)},
                                     {"containerEdits", edits(device.edits)}};
  if (Status read = read_map(value, place, rows); !read) return read;
  const std::string_view name = device.name;
  if (!is_device_name(name)) return wrong(place, "the name of a device", name);
  if (!is_letter(name.front()) && rank_ < kHostPath) {
    return wrong(place, "cdiVersion 0.5.0 or later for a name that begins with a digit", version_);
  }
  if (std::ranges::find(spec.devices, device.name, &CdiDevice::name) != spec.devices.end()) {
    return wrong(place, "each name once", name);
  }
  spec.devices.push_back(std::move(device));
  return {};
}

Status SpecReader::read_version(const YamlValue& document, const std::string& file) {
  const auto entry = std::ranges::find_if(
      document.entries, [](const auto& one) { return one.first == "cdiVersion"; });
  if (entry == document.entries.end()) return wrong({file, 1, "cdiVersion"}, "a version", "");
  version_ = entry->second.text;
  const std::string_view plain =
      version_.starts_with('v') ? std::string_view(version_).substr(1) : version_;
  const auto known = std::ranges::find(kVersions, plain, &Version::text);
  if (known == kVersions.end()) {
    return wrong({file, entry->second.line, "cdiVersion"},
                 "a version from 0.1.0 to " + std::string(kVersions.back().text), version_);
  }
  rank_ = known->rank;
  return {};
}

Result<CdiSpec> SpecReader::read(const YamlValue& document, const std::string& file) {
  if (Status version = read_version(document, file); !version) {
    return tl::unexpected(version.error());
  }
  CdiSpec spec;
  const ValueReader devices = [this, &spec](const YamlValue& value, const Place& place) {
    return read_list(value, place, [this, &spec](const YamlValue& item, const Place& here) {
      return read_device(item, here, spec);
    });
  };
  const std::vector<YamlRow> rows = {{"cdiVersion", text(spec.version)},
                                     {"kind", text(spec.kind)},
                                     {"annotations", since(kAnnotations, annotations)},
                                     {"devices", devices},
                                     {"containerEdits", edits(spec.edits)}};
  const Place top{file, 1, ""};
  if (Status read = read_map(document, top, rows); !read) return tl::unexpected(read.error());
  if (!is_cdi_kind(spec.kind)) return wrong({file, 1, "kind"}, "vendor.com/class", spec.kind);
  const std::string_view cls = spec.kind.view().substr(spec.kind.view().find('/') + 1);
  if (cls.find('.') != std::string_view::npos && rank_ < kDottedClass) {
    return wrong({file, 1, "kind"}, "cdiVersion 0.6.0 or later for a class with a dot", version_);
  }
  if (spec.devices.empty()) return wrong({file, 1, "devices"}, "at least one device", "");
  return spec;
}

// Where it isn't JSON; a JSON text has no tabs but between its pieces.
Result<std::string> strict_json(std::string text, const std::string& file) {
  try {
    if (!nlohmann::json::parse(text).is_object()) return wrong({file, 1, ""}, "an object", "");
  } catch (const nlohmann::json::parse_error& error) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size()));
    const auto line = std::count(text.begin(), end, '\n') + 1;
    return fail(ErrorCode::invalid_argument,
                file + ":" + std::to_string(line) + ": expected JSON, found a syntax error");
  }
  std::ranges::replace(text, '\t', ' ');
  return text;
}

}  // namespace

Result<CdiSpec> parse_cdi_spec(const std::string& text, const std::string& file) {
  if (text.size() > kMaxCdiFile) return fail(ErrorCode::invalid_argument, file + ": too large");
  std::string content = text;
  if (file.ends_with(".json")) {
    Result<std::string> strict = strict_json(text, file);
    if (!strict) return tl::unexpected(strict.error());
    content = std::move(*strict);
  }
  Result<YamlValue> document = config::read_yaml(content, file);
  if (!document) return tl::unexpected(document.error());
  return SpecReader().read(*document, file);
}

bool is_cdi_kind(std::string_view text) {
  const base::Cut parts = base::cut(text, '/');
  return parts.found && is_name(parts.before, "_-.") && is_letter(parts.before.front()) &&
         is_name(parts.after, "_-.") && is_letter(parts.after.front());
}

Result<CdiName> parse_cdi_name(std::string_view text) {
  const base::Cut parts = base::cut(text, '=');
  if (!parts.found || !is_cdi_kind(parts.before) || !is_device_name(parts.after)) {
    return fail(ErrorCode::invalid_argument,
                "not a CDI device (vendor.com/class=name): " + base::escape(text));
  }
  return CdiName{std::string(parts.before), std::string(parts.after)};
}

}  // namespace sluice::accel
