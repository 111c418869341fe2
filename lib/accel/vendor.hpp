// Vendor: what one line of business of the accelerator table (etc/accelerators.yaml) says of a
// vendor's devices, with this host's files filled in. A plain value: the agent finds it out and
// gives it to stepd.
#pragma once

#include <cstdint>
#include <vector>

#include "base/text.hpp"

namespace sluice::accel {

// What a variable that tells programs their devices counts by.
enum class Naming : std::uint8_t {
  number = 0,    // the host's numbers
  position = 1,  // 0, 1, … among the devices that the job's device cgroup leaves
  uuid = 2,
  bus_id = 3,
};

struct VisibilityVariable {
  Text name;  // "CUDA_VISIBLE_DEVICES"
  Naming naming = Naming::number;

  bool operator==(const VisibilityVariable&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "naming", self.naming);
  }
};

// How to ask for health and use: a program of the vendor's that prints a row per device.
struct Tool {
  std::vector<Text> command;  // absolute program and arguments; empty: none
  Text separator;             // each of these characters ends a column; blanks count once
  // What each column is: "number", "uuid", "bus_id", "utilization" (percent), "memory_used" and
  // "memory_total" (MiB), "power" (W), "temperature", "health"; "" is skipped.
  std::vector<Text> columns;
  std::vector<Text> healthy;  // what "health" says of a sound device
  std::uint32_t timeout_s = 10;
  std::vector<Text> sick;   // in any column: the device is broken ("[GPU requires reset]")
  std::uint32_t lines = 1;  // of output that make the row of one device

  bool operator==(const Tool&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "command", self.command);
    visit(2, "separator", self.separator);
    visit(3, "columns", self.columns);
    visit(4, "healthy", self.healthy);
    visit(5, "timeout_s", self.timeout_s);
    visit(6, "sick", self.sick);
    visit(7, "lines", self.lines);
  }
};

struct Vendor {
  Text name;  // "nvidia"
  Text gres;  // "gpu", "npu", "mlu", "gcu", …
  std::vector<VisibilityVariable> variables;
  std::vector<Text> constants;      // "CUDA_DEVICE_ORDER=PCI_BUS_ID"
  std::vector<Text> control_files;  // that exist here and every user of a device needs
  std::vector<Text> libraries;      // files and folders that containers need of the host
  Text cdi_kind;                    // "nvidia.com/gpu"
  Tool tool;
  // Empty, but for a host that is only pretended: the folder that its files lie below. The paths
  // above and those of the devices begin with it; what a container sees of them does not.
  Text root;
  // Where control files may be: some appear only when the driver is first used.
  std::vector<Text> control_patterns;

  bool operator==(const Vendor&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "gres", self.gres);
    visit(3, "variables", self.variables);
    visit(4, "constants", self.constants);
    visit(5, "control_files", self.control_files);
    visit(6, "libraries", self.libraries);
    visit(7, "cdi_kind", self.cdi_kind);
    visit(8, "tool", self.tool);
    visit(9, "root", self.root);
    visit(10, "control_patterns", self.control_patterns);
  }
};

}  // namespace sluice::accel
