// Host facts by hwloc. A regular machine (every package with as many cores, every core with as many
// threads) is described as it is. Of an irregular one (offline CPUs, a container's share, hybrid
// cores) Slurm's three numbers can't tell the truth: it becomes one socket of single-thread cores.
#include "daemon/worker/host/facts.hpp"

#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include <fmt/core.h>
#include <hwloc.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"

namespace sluice::worker {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

struct DestroyTopology {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, DestroyTopology>;

Result<Topology> load_topology(const std::string& description) {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return fail(ErrorCode::io, "hwloc can't start");
  Topology topology(raw);
  if (!description.empty() && hwloc_topology_set_synthetic(raw, description.c_str()) != 0) {
    return fail(ErrorCode::invalid_argument, description + ": not a machine that hwloc knows");
  }
  // Caches, bridges and network cards cost most of the time, and nothing here reads them.
  hwloc_topology_set_cache_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_NONE);
  hwloc_topology_set_icache_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_NONE);
  hwloc_topology_set_io_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_NONE);
  if (hwloc_topology_load(raw) != 0) {
    return fail(ErrorCode::io, "hwloc can't read the topology of this host");
  }
  return topology;
}

// The NUMA node nearest to a thread: the first one that holds it.
std::uint32_t numa_node(hwloc_topology_t topology, hwloc_obj_t thread) {
  for (int i = 0; i < hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE); ++i) {
    hwloc_obj_t node =
        hwloc_get_obj_by_type(topology, HWLOC_OBJ_NUMANODE, static_cast<unsigned>(i));
    if (hwloc_bitmap_intersects(node->cpuset, thread->cpuset) != 0) return node->os_index;
  }
  return 0;
}

int count_inside(hwloc_topology_t topology, hwloc_obj_t object, hwloc_obj_type_t type) {
  return hwloc_get_nbobjs_inside_cpuset_by_type(topology, object->cpuset, type);
}

// How many `inner` each `outer` has, or 0 if they differ or are none.
std::uint32_t uniform(hwloc_topology_t topology, hwloc_obj_type_t outer, hwloc_obj_type_t inner) {
  const int outers = hwloc_get_nbobjs_by_type(topology, outer);
  int count = 0;
  for (int i = 0; i < outers; ++i) {
    hwloc_obj_t object = hwloc_get_obj_by_type(topology, outer, static_cast<unsigned>(i));
    const int here = count_inside(topology, object, inner);
    if (i > 0 && here != count) return 0;
    count = here;
  }
  return count > 0 ? static_cast<std::uint32_t>(count) : 0;
}

CpuMap map_of(hwloc_topology_t topology) {
  const auto pus =
      static_cast<std::uint32_t>(std::max(hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU), 0));
  const auto packages = static_cast<std::uint32_t>(
      std::max(hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PACKAGE), 0));
  CpuMap map;
  map.sockets = packages;
  map.cores = uniform(topology, HWLOC_OBJ_PACKAGE, HWLOC_OBJ_CORE);
  map.threads = uniform(topology, HWLOC_OBJ_CORE, HWLOC_OBJ_PU);
  if (map.cpus() != pus) {
    map.sockets = 1;
    map.cores = pus;
    map.threads = 1;
  }
  // hwloc's logical order goes depth first through packages and cores: ours.
  for (std::uint32_t i = 0; i < pus; ++i) {
    hwloc_obj_t thread = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PU, i);
    map.os.push_back(thread->os_index);
    map.numa.push_back(numa_node(topology, thread));
  }
  return map;
}

Result<HostFacts> facts_of(hwloc_topology_t topology) {
  HostFacts host;
  host.map = map_of(topology);
  if (host.map.os.empty()) return fail(ErrorCode::io, "hwloc finds no CPU on this host");
  host.facts.sockets = host.map.sockets;
  host.facts.cores_per_socket = host.map.cores;
  host.facts.threads_per_core = host.map.threads;
  host.facts.memory = hwloc_get_root_obj(topology)->total_memory / kMiB;
  return host;
}

void add_system(model::NodeFacts& facts) {
  struct utsname names {};
  if (::uname(&names) == 0) {
    facts.arch = static_cast<const char*>(names.machine);
    facts.os = fmt::format("{} {} {}", static_cast<const char*>(names.sysname),
                           static_cast<const char*>(names.release),
                           static_cast<const char*>(names.version));
    facts.hostname = static_cast<const char*>(names.nodename);
  }
  if (const auto id = base::read_kernel_file("/proc/sys/kernel/random/boot_id", 128)) {
    facts.boot_id = base::trim(*id);
  }
  struct sysinfo info {};
  if (::sysinfo(&info) == 0) {
    if (facts.memory == 0) facts.memory = std::uint64_t{info.totalram} * info.mem_unit / kMiB;
    facts.boot_time = (static_cast<std::int64_t>(::time(nullptr)) - info.uptime) * model::kSecond;
  }
}

std::uint64_t disk_mib(const std::string& dir) {
  struct statvfs info {};
  if (::statvfs(dir.c_str(), &info) != 0) return 0;
  return std::uint64_t{info.f_blocks} * info.f_frsize / kMiB;
}

}  // namespace

base::Bitmap CpuMap::to_os(const base::Bitmap& abstract) const {
  const std::uint32_t greatest = os.empty() ? 0 : *std::max_element(os.begin(), os.end());
  base::Bitmap result(std::size_t{greatest} + 1);
  abstract.for_each([&](std::size_t cpu) {
    if (!os.empty()) result.set(os[cpu % os.size()]);
  });
  return result;
}

std::string CpuMap::numa_of(const base::Bitmap& abstract) const {
  if (numa.empty()) return "0";
  base::Bitmap nodes(std::size_t{*std::max_element(numa.begin(), numa.end())} + 1);
  abstract.for_each([&](std::size_t cpu) { nodes.set(numa[cpu % numa.size()]); });
  return nodes.to_ranges();
}

Result<HostFacts> discover_host(const std::string& tmp_dir) {
  const auto topology = load_topology("");
  if (!topology) return tl::unexpected(topology.error());
  auto host = facts_of(topology->get());
  if (!host) return host;
  add_system(host->facts);
  host->facts.tmp_disk = disk_mib(tmp_dir);
  return host;
}

Result<HostFacts> discover_described(const std::string& description) {
  const auto topology = load_topology(description);
  if (!topology) return tl::unexpected(topology.error());
  return facts_of(topology->get());
}

CpuMap map_for(const CpuMap& host, const model::NodeFacts& configured) {
  const std::uint32_t sockets = std::max(configured.sockets, 1U);
  const std::uint32_t cores = std::max(configured.cores_per_socket, 1U);
  const std::uint32_t threads = std::max(configured.threads_per_core, 1U);
  if (sockets == host.sockets && cores == host.cores && threads == host.threads) return host;
  CpuMap map{sockets, cores, threads, {}, {}, true};
  for (std::uint32_t cpu = 0; cpu < map.cpus() && !host.os.empty(); ++cpu) {
    map.os.push_back(host.os[cpu % host.os.size()]);
    map.numa.push_back(host.numa[cpu % host.numa.size()]);
  }
  return map;
}

}  // namespace sluice::worker
