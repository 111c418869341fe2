// The container device interface (specification 1.1): what must be changed in a container, or in
// the environment of a process without one, so that a device can be used there. Plain values with
// field tables, so that they can travel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/text.hpp"

namespace sluice::accel {

struct CdiDeviceNode {
  Text path;       // inside the container
  Text host_path;  // empty: as `path`
  Text type;       // "c", "b", "u" or "p"; empty: as the host's
  std::optional<std::int64_t> major;
  std::optional<std::int64_t> minor;
  std::optional<std::uint32_t> file_mode;
  Text permissions;  // of r, w, m; "none": no access; empty: rwm
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;

  [[nodiscard]] const Text& on_host() const { return host_path.empty() ? path : host_path; }
  bool operator==(const CdiDeviceNode&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "path", self.path);
    visit(2, "host_path", self.host_path);
    visit(3, "type", self.type);
    visit(4, "major", self.major);
    visit(5, "minor", self.minor);
    visit(6, "file_mode", self.file_mode);
    visit(7, "permissions", self.permissions);
    visit(8, "uid", self.uid);
    visit(9, "gid", self.gid);
  }
};

struct CdiMount {
  Text host_path;
  Text container_path;
  Text type;  // empty: bind
  std::vector<Text> options;

  bool operator==(const CdiMount&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "host_path", self.host_path);
    visit(2, "container_path", self.container_path);
    visit(3, "type", self.type);
    visit(4, "options", self.options);
  }
};

struct CdiHook {
  Text name;  // "createContainer", "createRuntime", "startContainer", "poststart", …
  Text path;
  std::vector<Text> args;  // with the program's name, as OCI has it
  std::vector<Text> env;
  std::optional<std::uint32_t> timeout_s;

  bool operator==(const CdiHook&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "path", self.path);
    visit(3, "args", self.args);
    visit(4, "env", self.env);
    visit(5, "timeout_s", self.timeout_s);
  }
};

struct CdiIntelRdt {
  Text clos_id;
  Text l3_cache_schema;
  Text mem_bw_schema;
  std::vector<Text> schemata;
  bool enable_monitoring = false;

  bool operator==(const CdiIntelRdt&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "clos_id", self.clos_id);
    visit(2, "l3_cache_schema", self.l3_cache_schema);
    visit(3, "mem_bw_schema", self.mem_bw_schema);
    visit(4, "schemata", self.schemata);
    visit(5, "enable_monitoring", self.enable_monitoring);
  }
};

struct CdiNetDevice {
  Text host_interface;
  Text name;

  bool operator==(const CdiNetDevice&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "host_interface", self.host_interface);
    visit(2, "name", self.name);
  }
};

struct ContainerEdits {
  std::vector<Text> env;  // "NAME=value"
  std::vector<CdiDeviceNode> device_nodes;
  std::vector<CdiMount> mounts;
  std::vector<CdiHook> hooks;
  std::vector<std::uint32_t> additional_gids;
  std::optional<CdiIntelRdt> intel_rdt;
  std::vector<CdiNetDevice> net_devices;

  bool operator==(const ContainerEdits&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "env", self.env);
    visit(2, "device_nodes", self.device_nodes);
    visit(3, "mounts", self.mounts);
    visit(4, "hooks", self.hooks);
    visit(5, "additional_gids", self.additional_gids);
    visit(6, "intel_rdt", self.intel_rdt);
    visit(7, "net_devices", self.net_devices);
  }
};

struct CdiDevice {
  Text name;
  ContainerEdits edits;

  bool operator==(const CdiDevice&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "edits", self.edits);
  }
};

struct CdiSpec {
  Text version;  // "0.8.0"
  Text kind;     // "vendor.com/class"
  std::vector<CdiDevice> devices;
  ContainerEdits edits;  // once, if any of the devices is asked for

  bool operator==(const CdiSpec&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "version", self.version);
    visit(2, "kind", self.kind);
    visit(3, "devices", self.devices);
    visit(4, "edits", self.edits);
  }
};

// Adds what `from` has. A variable that comes again takes the later value; a device node or mount
// for a place inside that is taken replaces the former; what is equal stays single.
void merge(ContainerEdits& into, const ContainerEdits& from);

}  // namespace sluice::accel
