// Device: one accelerator (or one partition of one) of a node, as its daemon found it: how it is
// called on the host, where it sits, what it is linked to. DeviceUse: what a step made of one.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bitmap.hpp"
#include "base/text.hpp"

namespace sluice::model {

inline constexpr std::uint32_t kNoNuma = 0xffffffff;

struct Device {
  Text file;                     // its own device node; granted with the device
  std::vector<Text> companions;  // further nodes that are granted with it (/dev/dri/card0, …)
  Text bus_id;                   // PCI address, "0000:3b:00.0"; empty: unknown
  Text uuid;                     // as the vendor's tool names it; empty: unknown
  std::uint32_t number = 0;      // the host's number of it, which the vendor's variables count by
  std::uint32_t numa = kNoNuma;  // NUMA node of the host
  base::Bitmap cpus;             // the node's CPUs (abstract numbers) beside it; empty: any
  // Weight of its link to each device of the same NodeGres, by position: 0 no direct link, higher
  // is faster. Empty: none known.
  std::vector<std::uint32_t> links;
  Text parent;               // partitions (MIG, vNPU): the whole device's uuid or bus_id
  std::uint64_t memory = 0;  // MiB; 0: unknown
  Text fault;                // why it is out of service; empty: it isn't

  bool operator==(const Device&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "file", self.file);
    visit(2, "companions", self.companions);
    visit(3, "bus_id", self.bus_id);
    visit(4, "uuid", self.uuid);
    visit(5, "number", self.number);
    visit(6, "numa", self.numa);
    visit(7, "cpus", self.cpus);
    visit(8, "links", self.links);
    visit(9, "parent", self.parent);
    visit(10, "memory", self.memory);
    visit(11, "fault", self.fault);
  }
};

// Sampled while a step held the device. Means are sum / samples.
struct DeviceUse {
  Text node;
  Text name;                // GRES name, "gpu"
  Text type;                // "a100"
  std::uint32_t index = 0;  // among the node's devices of that name and type
  std::uint64_t samples = 0;
  std::uint64_t utilization_sum = 0;  // percent
  std::uint32_t utilization_max = 0;  // percent
  std::uint64_t memory_sum = 0;       // MiB
  std::uint64_t memory_max = 0;       // MiB
  std::uint64_t energy_mj = 0;        // millijoules since the step's start there
  std::uint32_t power_max_w = 0;

  bool operator==(const DeviceUse&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
    visit(2, "name", self.name);
    visit(3, "type", self.type);
    visit(4, "index", self.index);
    visit(5, "samples", self.samples);
    visit(6, "utilization_sum", self.utilization_sum);
    visit(7, "utilization_max", self.utilization_max);
    visit(8, "memory_sum", self.memory_sum);
    visit(9, "memory_max", self.memory_max);
    visit(10, "energy_mj", self.energy_mj);
    visit(11, "power_max_w", self.power_max_w);
  }
};

}  // namespace sluice::model
