// The accelerator table (etc/accelerators.yaml): vendors as data. accelerators.yaml(5) says what
// each key means; this is the same as values. Nothing here knows any vendor.
//
// Paths are patterns (pattern.hpp). Their gaps are {bdf}, the PCI address; {uuid}; and those that
// `numbers` explains. {N} needs no explanation: without one, the devices in the order of their PCI
// addresses have the numbers of the files that exist, in ascending order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accel/vendor.hpp"
#include "base/result.hpp"
#include "base/text.hpp"

namespace sluice::accel {

// Where a value can be read: what a gap of a path that exists stands for, or a file's content (all
// of it, or what follows "key:" on a line of it).
struct ValueRule {
  Text gap;   // what it explains; empty for uuid and memory
  Text path;  // with the gap itself in it, or…
  Text file;
  Text key;     // empty: the whole file
  Text prefix;  // put before the value
};

enum class CountBy : std::uint8_t { pci, file, kfd };

struct Model {
  Text id;  // PCI device id, four hex digits
  Text type;
  std::uint32_t memory = 0;  // MiB
  bool linked = false;       // all of this model in a host are linked by the vendor's fabric
};

// Devices within a device.
struct PartitionRule {
  Text found;  // exists once per partition
  std::vector<ValueRule> numbers;
  Text file;
  std::vector<Text> companions;
  bool whole_file = false;  // the whole device's nodes are needed as well
  Text uuid;
  Text type;                     // appended to the model's, "a100.mig"
  std::uint32_t first = 0;       // where `found` names no {N}: {P} of the first device's first…
  std::uint32_t per_device = 0;  // …and how many numbers each device has
};

struct TableVendor {
  Vendor vendor;  // `libraries`, `control_files` and the tool's program: as patterns
  std::vector<Text> pci_vendors;  // four hex digits; empty: any
  std::vector<Text> pci_classes;  // their first digits: "03", "1200"
  std::vector<Text> pci_devices;  // their first digits; empty: any
  std::vector<Text> files;        // alternatives: the first that has any file here
  std::vector<Text> companions;
  std::vector<ValueRule> numbers;
  ValueRule uuid;
  ValueRule memory;  // bytes
  CountBy count_by = CountBy::pci;
  bool kfd_links = false;  // read links from the topology of the kfd driver
  std::vector<Text> programs;
  std::vector<Model> models;
  PartitionRule partitions;
};

struct Table {
  std::vector<TableVendor> vendors;
};

[[nodiscard]] Result<Table> parse_table(const std::string& text, const std::string& file);
[[nodiscard]] Result<Table> load_table(const std::string& path);

}  // namespace sluice::accel
