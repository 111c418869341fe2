// CDI specifications that we make: for vendors that bring none, and to show them.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "accel/cdi_spec.hpp"

namespace sluice::accel {

namespace {

using Json = nlohmann::ordered_json;

// The latest version of which something is used: hostPath and names that begin with a digit.
constexpr const char* kVersion = "0.5.0";

Json strings(const std::vector<Text>& texts) {
  Json list = Json::array();
  for (const Text& text : texts) list.push_back(text.str());
  return list;
}

void put(Json& into, const char* key, const Text& text) {
  if (!text.empty()) into[key] = text.str();
}

template <class Number>
void put(Json& into, const char* key, const std::optional<Number>& number) {
  if (number) into[key] = *number;
}

void put(Json& into, const char* key, const std::vector<Text>& texts) {
  if (!texts.empty()) into[key] = strings(texts);
}

Json write(const CdiDeviceNode& node) {
  Json out = Json::object();
  put(out, "path", node.path);
  put(out, "hostPath", node.host_path);
  put(out, "type", node.type);
  put(out, "major", node.major);
  put(out, "minor", node.minor);
  put(out, "fileMode", node.file_mode);
  put(out, "permissions", node.permissions);
  put(out, "uid", node.uid);
  put(out, "gid", node.gid);
  return out;
}

Json write(const CdiMount& mount) {
  Json out = Json::object();
  put(out, "hostPath", mount.host_path);
  put(out, "containerPath", mount.container_path);
  put(out, "type", mount.type);
  put(out, "options", mount.options);
  return out;
}

Json write(const CdiHook& hook) {
  Json out = Json::object();
  put(out, "hookName", hook.name);
  put(out, "path", hook.path);
  put(out, "args", hook.args);
  put(out, "env", hook.env);
  put(out, "timeout", hook.timeout_s);
  return out;
}

Json write(const CdiNetDevice& device) {
  return {{"hostInterfaceName", device.host_interface.str()}, {"name", device.name.str()}};
}

Json write(const CdiIntelRdt& rdt) {
  Json out = Json::object();
  put(out, "closID", rdt.clos_id);
  put(out, "l3CacheSchema", rdt.l3_cache_schema);
  put(out, "memBwSchema", rdt.mem_bw_schema);
  put(out, "schemata", rdt.schemata);
  if (rdt.enable_monitoring) out["enableMonitoring"] = true;
  return out;
}

template <class Value>
void put_all(Json& into, const char* key, const std::vector<Value>& values) {
  for (const Value& value : values) into[key].push_back(write(value));
}

Json write(const ContainerEdits& edits) {
  Json out = Json::object();
  put(out, "env", edits.env);
  put_all(out, "deviceNodes", edits.device_nodes);
  put_all(out, "mounts", edits.mounts);
  put_all(out, "hooks", edits.hooks);
  if (!edits.additional_gids.empty()) out["additionalGids"] = edits.additional_gids;
  if (edits.intel_rdt) out["intelRdt"] = write(*edits.intel_rdt);
  put_all(out, "netDevices", edits.net_devices);
  return out;
}

// A container sees a pretended host's files where a real one has them.
Text inside(const Vendor& vendor, const Text& path) {
  const std::string_view root = vendor.root;
  return path.view().starts_with(root) ? Text(path.view().substr(root.size())) : path;
}

CdiDeviceNode node_of(const Vendor& vendor, const Text& file) {
  CdiDeviceNode node;
  node.path = inside(vendor, file);
  if (node.path != file) node.host_path = file;
  return node;
}

CdiMount mount_of(const Vendor& vendor, const Text& path) {
  CdiMount mount;
  mount.host_path = path;
  mount.container_path = inside(vendor, path);
  mount.options = {"ro", "nosuid", "nodev", "rbind", "rprivate"};
  return mount;
}

}  // namespace

std::string write_cdi_spec(const CdiSpec& spec) {
  Json out = Json::object();
  out["cdiVersion"] = spec.version.str();
  out["kind"] = spec.kind.str();
  out["devices"] = Json::array();
  for (const CdiDevice& device : spec.devices) {
    out["devices"].push_back(
        {{"name", device.name.str()}, {"containerEdits", write(device.edits)}});
  }
  Json edits = write(spec.edits);
  if (!edits.empty()) out["containerEdits"] = std::move(edits);
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

CdiSpec generate_cdi_spec(const Vendor& vendor, std::span<const model::Device> devices) {
  CdiSpec spec;
  spec.version = kVersion;
  spec.kind = vendor.cdi_kind;
  CdiDevice all;
  all.name = "all";
  for (const model::Device& device : devices) {
    CdiDevice one;
    one.name = std::to_string(device.number);
    // Parts of one device may share its number: the later ones get a second.
    const auto taken = [&](const Text& name) {
      return std::ranges::find(spec.devices, name, &CdiDevice::name) != spec.devices.end();
    };
    for (int part = 1; taken(one.name); ++part) {
      one.name = std::to_string(device.number) + ":" + std::to_string(part);
    }
    one.edits.device_nodes.push_back(node_of(vendor, device.file));
    for (const Text& file : device.companions) {
      one.edits.device_nodes.push_back(node_of(vendor, file));
    }
    merge(all.edits, one.edits);
    spec.devices.push_back(std::move(one));
  }
  if (!spec.devices.empty()) spec.devices.push_back(std::move(all));
  for (const Text& file : vendor.control_files) {
    spec.edits.device_nodes.push_back(node_of(vendor, file));
  }
  spec.edits.env = vendor.constants;
  for (const Text& path : vendor.libraries) spec.edits.mounts.push_back(mount_of(vendor, path));
  return spec;
}

}  // namespace sluice::accel
