// NodeView: what one node can give to one demand over a span of time; and how many tasks fit into
// that. A view comes from an Outlook: the present with the planned reservations, a future moment,
// or an idle cluster. All of placement works on views, so that "now", "when" and "ever" are
// answered by the same code.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bitmap.hpp"
#include "core/demand.hpp"
#include "core/pool_state.hpp"

namespace sluice::core {

struct NodeView {
  const NodeSlot* slot = nullptr;
  const Hardware* hardware = nullptr;
  std::uint32_t idle_cores = 0;
  std::uint32_t idle_threads = 0;
  std::uint64_t free_memory = 0;
  std::vector<std::uint64_t> free_gres;  // parallel to hardware->gres
  std::uint32_t jobs = 0;                // holders and reservations
  std::uint32_t partition_cpus = 0;      // in use by the demand's partition, if that is limited
  bool user_conflict = false;
  base::Bitmap busy;  // CPUs out of reach; only if the demand needs detail
  // Devices out of reach, by kind; only if the demand binds CPUs to them. Empty: none is.
  std::vector<base::Bitmap> busy_devices;
};

// The node as it is now.
void view_present(const NodeSlot& slot, const Demand& demand, NodeView& view);
// The node without any job.
void view_idle(const NodeSlot& slot, const Demand& demand, NodeView& view);
// The node at a later time: without the holds that are expected to have ended by then.
void view_at(const NodeSlot& slot, const Demand& demand, std::int64_t time_ms, NodeView& view);

// What a node offers: tasks, and of the GRES counted per job how many.
struct Offer {
  std::uint32_t tasks = 0;  // 0: nothing
  std::array<std::uint64_t, kMaxJobGres> job_gres{};
};

// What a number of tasks takes of a node.
struct NodeNeed {
  std::uint32_t cores = 0;    // whole cores that are held; 0 if only threads are
  std::uint32_t threads = 0;  // CPUs held and charged
  std::uint64_t memory = 0;
};

// `tasks` on the node, at most `want`; all that it offers otherwise.
[[nodiscard]] Offer evaluate(const Demand& demand, const NodeView& view, std::uint32_t want);
[[nodiscard]] NodeNeed need_for(const Demand& demand, const Hardware& hardware, std::uint32_t tasks,
                                const std::array<std::uint64_t, kMaxJobGres>& job_gres);
// The same, where counts of cores, threads and memory alone tell whether a node can take so many;
// none: more has to be looked at.
[[nodiscard]] std::optional<NodeNeed> plain_need(const Demand& demand, const Hardware& hardware,
                                                 std::uint32_t tasks);
// How many devices of a need so many tasks take on one node.
[[nodiscard]] std::uint64_t gres_for(const GresNeed& need, std::uint32_t tasks,
                                     const std::array<std::uint64_t, kMaxJobGres>& job_gres);

// The least number of idle cores with which a node of this hardware could take `tasks`.
[[nodiscard]] std::uint32_t least_cores(const Demand& demand, const Hardware& hardware,
                                        std::uint32_t tasks);
// The same in short, where each task takes as much as the others, of whole cores.
struct EvenCores {
  std::uint64_t cpus_per_task = 1;
  std::uint64_t least_cpus = 1;
  std::uint32_t use_threads = 1;  // of a core, at most

  [[nodiscard]] std::uint64_t cores(const Hardware& hardware, std::uint32_t tasks) const {
    const std::uint32_t threads = std::min(use_threads, hardware.threads);
    return (std::max(cpus_per_task * tasks, least_cpus) + threads - 1) / threads;
  }
  // The most tasks for which so many idle cores are enough. They are enough for one.
  [[nodiscard]] std::uint64_t tasks(const Hardware& hardware, std::uint64_t cores) const {
    return cores * std::min(use_threads, hardware.threads) / cpus_per_task;
  }
};
// None: least_cores() has to be asked.
[[nodiscard]] std::optional<EvenCores> even_cores(const Demand& demand);

}  // namespace sluice::core
