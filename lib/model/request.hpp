// Request: what a job asks the scheduler for. Two jobs with equal requests are interchangeable to
// the planner, so requests are interned and shared, and the pointer is part of the group key.
// 0 or empty means "not asked" unless a field says otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/text.hpp"
#include "model/types.hpp"

namespace sluice::model {

enum class GresScope : std::uint8_t { node = 0, job = 1, task = 2, socket = 3 };

// --gres=name[:type]:count and the --gpus* family (name "gpu").
struct GresRequest {
  Text name;
  Text type;  // empty: any
  std::uint64_t count = 0;
  GresScope scope = GresScope::node;

  bool operator==(const GresRequest&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "type", self.type);
    visit(3, "count", self.count);
    visit(4, "scope", self.scope);
  }
};

struct Request {
  Text partitions;                  // as asked, comma separated; empty: the default partition
  std::uint32_t min_nodes = 0;      // after submit checks: at least 1
  std::uint32_t max_nodes = 0;      // 0: as many as min_nodes asks or the tasks need
  std::uint32_t tasks = 0;          // -n
  std::uint32_t cpus_per_task = 0;  // -c
  std::uint32_t tasks_per_node = 0;
  std::uint32_t tasks_per_socket = 0;
  std::uint32_t tasks_per_core = 0;
  std::uint32_t tasks_per_gpu = 0;
  std::uint32_t cpus_per_gpu = 0;
  std::uint32_t sockets_per_node = 0;
  std::uint32_t cores_per_socket = 0;
  std::uint32_t threads_per_core = 0;
  std::uint32_t min_cpus_per_node = 0;  // --mincpus
  std::uint64_t memory_per_node = 0;    // MiB
  std::uint64_t memory_per_cpu = 0;     // MiB
  std::uint64_t memory_per_gpu = 0;     // MiB
  bool all_memory = false;              // --mem=0
  std::uint64_t tmp_disk = 0;           // MiB
  std::vector<GresRequest> gres;
  Text features;   // -C, as typed
  Text node_list;  // -w, compressed
  Text exclude;    // -x, compressed
  Text reservation;
  Text licenses;
  Text account;
  Text qos;
  Sharing sharing = Sharing::partition_default;
  bool contiguous = false;
  bool overcommit = false;
  std::uint32_t time_limit = 0;       // minutes; 0: partition's default; kUnlimited
  std::uint32_t time_min = 0;         // minutes
  bool no_multithread = false;        // --hint=nomultithread
  bool use_min_nodes = false;         // --use-min-nodes
  bool spread = false;                // --spread-job
  std::uint32_t reserved_cores = 0;   // -S
  bool gres_enforce_binding = false;  // --gres-flags: only devices beside the CPUs got
  bool gres_disable_binding = false;  // --gres-flags: where devices sit doesn't matter
  Text prefer;                        // --prefer, a constraint that is tried first
  std::uint32_t switches = 0;         // --switches: at most so many leaf switches; 0: any
  std::uint32_t switch_wait_s = 0;    // how long to wait for that; kUnlimited: for ever
  std::uint32_t segment = 0;          // --segment: nodes of a block taken together; 0: all

  std::uint32_t reserved_threads = 0;  // --thread-spec
  bool use_reserved = false;           // -S 0: CPUs that nodes keep for the system, too

  bool operator==(const Request&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "partitions", self.partitions);
    visit(2, "min_nodes", self.min_nodes);
    visit(3, "max_nodes", self.max_nodes);
    visit(4, "tasks", self.tasks);
    visit(5, "cpus_per_task", self.cpus_per_task);
    visit(6, "tasks_per_node", self.tasks_per_node);
    visit(7, "tasks_per_socket", self.tasks_per_socket);
    visit(8, "tasks_per_core", self.tasks_per_core);
    visit(9, "tasks_per_gpu", self.tasks_per_gpu);
    visit(10, "cpus_per_gpu", self.cpus_per_gpu);
    visit(11, "sockets_per_node", self.sockets_per_node);
    visit(12, "cores_per_socket", self.cores_per_socket);
    visit(13, "threads_per_core", self.threads_per_core);
    visit(14, "min_cpus_per_node", self.min_cpus_per_node);
    visit(15, "memory_per_node", self.memory_per_node);
    visit(16, "memory_per_cpu", self.memory_per_cpu);
    visit(17, "memory_per_gpu", self.memory_per_gpu);
    visit(18, "all_memory", self.all_memory);
    visit(19, "tmp_disk", self.tmp_disk);
    visit(20, "gres", self.gres);
    visit(21, "features", self.features);
    visit(22, "node_list", self.node_list);
    visit(23, "exclude", self.exclude);
    visit(24, "reservation", self.reservation);
    visit(25, "licenses", self.licenses);
    visit(26, "account", self.account);
    visit(27, "qos", self.qos);
    visit(28, "sharing", self.sharing);
    visit(29, "contiguous", self.contiguous);
    visit(30, "overcommit", self.overcommit);
    visit(31, "time_limit", self.time_limit);
    visit(32, "time_min", self.time_min);
    visit(33, "no_multithread", self.no_multithread);
    visit(34, "use_min_nodes", self.use_min_nodes);
    visit(35, "spread", self.spread);
    visit(36, "reserved_cores", self.reserved_cores);
    visit(37, "gres_enforce_binding", self.gres_enforce_binding);
    visit(38, "gres_disable_binding", self.gres_disable_binding);
    visit(39, "prefer", self.prefer);
    visit(40, "switches", self.switches);
    visit(41, "switch_wait_s", self.switch_wait_s);
    visit(42, "segment", self.segment);
    visit(43, "reserved_threads", self.reserved_threads);
    visit(44, "use_reserved", self.use_reserved);
  }
};

using RequestPtr = std::shared_ptr<const Request>;

}  // namespace sluice::model
