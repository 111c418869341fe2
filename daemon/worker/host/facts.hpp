// What the host is: sockets, cores, threads, memory, names. And the map from the abstract CPU
// numbers that the scheduler hands out, (socket * cores + core) * threads + thread, to the numbers
// of the operating system. hwloc takes milliseconds: sluiced asks it once and passes the map on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bitmap.hpp"
#include "base/result.hpp"
#include "model/node.hpp"

namespace sluice::worker {

struct CpuMap {
  std::uint32_t sockets = 1;
  std::uint32_t cores = 1;          // per socket
  std::uint32_t threads = 1;        // per core
  std::vector<std::uint32_t> os;    // abstract number -> OS number
  std::vector<std::uint32_t> numa;  // abstract number -> OS number of its NUMA node
  // The node pretends to have other CPUs than the host (several nodes on one host). Then numbers
  // are mapped modulo the host's CPUs, several abstract CPUs share one, and confining makes no
  // sense unless the host has enough.
  bool pretended = false;

  [[nodiscard]] std::uint32_t cpus() const { return sockets * cores * threads; }
  // The set in OS numbers, sized for the greatest OS number.
  [[nodiscard]] base::Bitmap to_os(const base::Bitmap& abstract) const;
  // OS numbers of the NUMA nodes of these CPUs, "0-1": cpuset.mems.
  [[nodiscard]] std::string numa_of(const base::Bitmap& abstract) const;

  bool operator==(const CpuMap&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "sockets", self.sockets);
    visit(2, "cores", self.cores);
    visit(3, "threads", self.threads);
    visit(4, "os", self.os);
    visit(5, "numa", self.numa);
    visit(6, "pretended", self.pretended);
  }
};

struct HostFacts {
  model::NodeFacts facts;
  CpuMap map;
};

// Everything but gres, features, daemon_start and version, which the daemon knows. Uses hwloc,
// falling back to one socket with a core for each usable CPU where the topology is irregular.
// `tmp_dir` is measured for tmp_disk. Only the CPUs that this process may run on count.
[[nodiscard]] Result<HostFacts> discover_host(const std::string& tmp_dir);

// The same of a machine that hwloc's synthetic notation describes ("pack:2 core:4 pu:2"): for
// tests.
[[nodiscard]] Result<HostFacts> discover_described(const std::string& description);

// The map of a node that is configured with this geometry. Equal to the host's: the host's map.
// Otherwise the numbers go round the host's CPUs and `pretended` is set.
[[nodiscard]] CpuMap map_for(const CpuMap& host, const model::NodeFacts& configured);

}  // namespace sluice::worker
