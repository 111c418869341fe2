// Node: what the cluster is made of. Facts are what a node's daemon finds out about
// its host; a configuration may override them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/device.hpp"
#include "model/partition.hpp"
#include "model/types.hpp"

namespace sluice::model {

// One kind of GRES on a node. Devices without files are only counted.
struct NodeGres {
  Text name;
  Text type;
  std::uint64_t count = 0;
  std::vector<Text> files;      // device files, one per device, or empty
  Text vendor;                  // of the accelerator table; empty: no accelerator
  std::vector<Device> devices;  // parallel to `files`, or empty: nothing more is known

  bool operator==(const NodeGres&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "type", self.type);
    visit(3, "count", self.count);
    visit(4, "files", self.files);
    visit(5, "vendor", self.vendor);
    visit(6, "devices", self.devices);
  }
};

struct NodeFacts {
  std::uint32_t boards = 1;
  std::uint32_t sockets = 1;
  std::uint32_t cores_per_socket = 1;
  std::uint32_t threads_per_core = 1;
  std::uint64_t memory = 0;    // MiB
  std::uint64_t tmp_disk = 0;  // MiB
  std::vector<NodeGres> gres;
  Text features;  // comma separated
  Text arch;
  Text os;  // as `uname` words it
  Text hostname;
  Text boot_id;  // changes with each boot
  WallTime boot_time = 0;
  WallTime daemon_start = 0;
  Text version;
  std::uint32_t core_spec_count = 0;  // CoreSpecCount: cores kept for the system
  Text cpu_spec_list;                 // CpuSpecList: CPUs kept for it; "0,2-3"
  std::uint64_t mem_spec_limit = 0;   // MemSpecLimit: MiB kept for it

  [[nodiscard]] std::uint32_t cpus() const { return sockets * cores_per_socket * threads_per_core; }
  bool operator==(const NodeFacts&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "boards", self.boards);
    visit(2, "sockets", self.sockets);
    visit(3, "cores_per_socket", self.cores_per_socket);
    visit(4, "threads_per_core", self.threads_per_core);
    visit(5, "memory", self.memory);
    visit(6, "tmp_disk", self.tmp_disk);
    visit(7, "gres", self.gres);
    visit(8, "features", self.features);
    visit(9, "arch", self.arch);
    visit(10, "os", self.os);
    visit(11, "hostname", self.hostname);
    visit(12, "boot_id", self.boot_id);
    visit(13, "boot_time", self.boot_time);
    visit(14, "daemon_start", self.daemon_start);
    visit(15, "version", self.version);
    visit(16, "core_spec_count", self.core_spec_count);
    visit(17, "cpu_spec_list", self.cpu_spec_list);
    visit(18, "mem_spec_limit", self.mem_spec_limit);
  }
};

struct Node {
  NodeIndex index;
  Text name;
  Text address;
  NodeFacts facts;
  NodeState state = NodeState::unknown;  // allocated/mixed/idle follow from what jobs hold
  std::uint32_t flags = 0;               // NodeFlag
  Text reason;
  std::uint32_t reason_uid = 0;
  WallTime reason_time = 0;
  Text features;
  std::uint32_t weight = 1;
  std::uint32_t allocated_cpus = 0;
  std::uint64_t allocated_memory = 0;  // MiB
  Text gres_used;                      // as `scontrol show node -d` prints it
  std::uint32_t cpu_load = 0;          // hundredths
  std::uint64_t free_memory = 0;       // MiB
  WallTime last_busy = 0;
  Text partitions;  // comma separated
  Text comment;
  Text extra;

  bool operator==(const Node&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "index", self.index);
    visit(2, "name", self.name);
    visit(3, "address", self.address);
    visit(4, "facts", self.facts);
    visit(5, "state", self.state);
    visit(6, "flags", self.flags);
    visit(7, "reason", self.reason);
    visit(8, "reason_uid", self.reason_uid);
    visit(9, "reason_time", self.reason_time);
    visit(10, "features", self.features);
    visit(11, "weight", self.weight);
    visit(12, "allocated_cpus", self.allocated_cpus);
    visit(13, "allocated_memory", self.allocated_memory);
    visit(14, "gres_used", self.gres_used);
    visit(15, "cpu_load", self.cpu_load);
    visit(16, "free_memory", self.free_memory);
    visit(17, "last_busy", self.last_busy);
    visit(18, "partitions", self.partitions);
    visit(19, "comment", self.comment);
    visit(20, "extra", self.extra);
  }
};
using NodePtr = std::shared_ptr<const Node>;

// "IDLE*", "MIXED+DRAIN", …: Slurm's long form for scontrol; and sinfo's short forms.
[[nodiscard]] std::string long_state(const Node& node);     // scontrol: IDLE+DRAIN
[[nodiscard]] std::string sinfo_state(const Node& node);    // sinfo %T: drained, mixed, idle*
[[nodiscard]] std::string compact_state(const Node& node);  // sinfo %t: drain, mix, idle*

}  // namespace sluice::model
