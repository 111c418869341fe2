// Demand: a request as one partition sees it, with every default, limit and option resolved to
// plain numbers, so that the inner loops of placement ask no questions about where they come from.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "core/settings.hpp"
#include "model/request.hpp"

namespace sluice::core {

inline constexpr std::size_t kMaxJobGres = 4;  // GRES counted per job (--gpus) in one request
inline constexpr std::size_t kMaxGresNeeds = 32;

// One kind of GRES; without a name: none.
struct GresKind {
  Text name;
  Text type;

  auto operator<=>(const GresKind&) const = default;
};

struct GresNeed {
  Text name;
  Text type;  // empty: any
  std::uint64_t per_node = 0;
  std::uint64_t per_task = 0;
  std::uint64_t per_job = 0;     // to be spread over the job's nodes, at least one on each
  std::uint32_t job_slot = 0;    // position among the needs with per_job
  std::uint32_t tasks_each = 0;  // --ntasks-per-gpu: one device for so many tasks
  std::uint64_t per_socket = 0;  // of per_node: so many beside each socket
  bool any_accelerator = false;  // all of one node's of one kind, whichever
  GresKind kind;                 // with any_accelerator: only this one
};

struct Demand {
  PartitionIndex partition;
  std::uint32_t uid = 0;

  std::uint32_t min_nodes = 1;
  std::uint32_t max_nodes = model::kUnlimited;
  bool fill_range = false;  // -N min-max: as many nodes as can be had
  bool spread = false;
  bool contiguous = false;
  bool least_loaded = false;   // LLN: the least loaded nodes, not the fullest that serve
  std::uint32_t switches = 0;  // most leaf switches; 0: any number
  std::uint32_t segment = 0;   // nodes that one block gives at a time; 0: any number

  std::uint32_t tasks = 0;  // of the job; 0: `tasks_each` on every node
  std::uint32_t tasks_each = 1;
  std::uint32_t max_tasks_per_node = model::kUnlimited;
  std::uint32_t cpus_per_task = 1;
  std::uint32_t tasks_per_core = 0;    // 0: no limit
  std::uint32_t tasks_per_socket = 0;  // 0: no limit
  std::uint32_t use_threads = 0;       // threads of a core that may be used; 0: all
  std::uint32_t min_cpus = 0;          // per node
  std::uint32_t reserved_cores = 0;    // -S: of each node, kept for the system
  std::uint32_t cpus_per_gpu = 0;
  std::uint32_t max_partition_cpus = model::kUnlimited;  // of a node, all jobs of the partition
  bool overcommit = false;
  bool pack_tasks = false;  // a node is filled with tasks before the next one
  model::CpuUnit unit = model::CpuUnit::core;

  bool track_memory = true;
  bool all_memory = false;
  std::uint64_t memory_per_node = 0;
  std::uint64_t memory_per_cpu = 0;  // of each CPU charged
  std::uint64_t memory_per_gpu = 0;

  std::vector<GresNeed> gres;
  std::uint32_t job_gres = 0;         // how many of them are counted per job
  bool any_accelerator = false;       // some need is for any accelerator
  bool gres_enforce_binding = false;  // only CPUs beside the devices
  bool gres_disable_binding = false;  // where devices sit doesn't matter

  bool whole_node = false;        // nobody else on the node
  bool exclusive_user = false;    // nobody else's jobs on the node
  std::uint32_t share_depth = 1;  // jobs per CPU; 1: not shared

  std::uint32_t hw_sockets = 0;  // least hardware that a node must have
  std::uint32_t hw_cores_per_socket = 0;
  std::uint32_t hw_threads = 0;
  std::uint64_t hw_tmp_disk = 0;

  // Placement depends on sockets or on who shares what: idle counts alone can't answer.
  [[nodiscard]] bool needs_detail() const {
    return tasks_per_socket != 0 || unit == model::CpuUnit::socket || share_depth > 1 ||
           gres_enforce_binding;
  }
  // Timelines, which hold counts only, suffice to plan it.
  [[nodiscard]] bool plans_by_counts() const {
    return !needs_detail() && !exclusive_user && max_partition_cpus == model::kUnlimited;
  }
  [[nodiscard]] bool single_node() const {
    return max_nodes == 1 || (tasks == 1 && min_nodes == 1);
  }
};

// The demand with any accelerator narrowed to one kind; the same if none is named.
[[nodiscard]] Demand bound_to(Demand demand, const GresKind& kind);

// Fails where no node of any kind could do: unsupported combinations and limits of the partition.
[[nodiscard]] Result<Demand> make_demand(const model::Request& request, std::uint32_t uid,
                                         const model::Partition& partition,
                                         const Settings& settings);

}  // namespace sluice::core
