// What NodePool keeps, for the files that place and plan: per node who holds what, per class which
// nodes have how many idle cores. Only resources.cpp and node_classes.cpp change it; placement and
// planning read it (the planner also notes expected ends in the holds).
// Invariants: `busy`, the idle counts, memory and GRES in use are what the holds add up to; a node
// stands in exactly one class, and in one bucket of it if and only if it is available.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bitmap.hpp"
#include "base/hash.hpp"
#include "core/node_classes.hpp"
#include "core/resources.hpp"
#include "core/topology_map.hpp"

namespace sluice::core {

inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// What one attempt holds of one node. Within a pass tasks of one array hold under the array's id
// until each has got its own (NodePool::rename), so what it holds is looked at too.
struct Hold {
  Holder holder;
  bool shared = false;                       // its CPUs may be given to others of its partition too
  std::shared_ptr<const base::Bitmap> cpus;  // never null; mostly a part of the job's allocation
  base::Bitmap asleep;  // suspended: its CPUs, which are others' meanwhile; empty: awake
  std::uint32_t cpu_count = 0;
  std::uint64_t memory = 0;
  std::vector<model::GresShare> gres;
  std::uint32_t cores = 0;                // that it has at least a thread of
  std::uint32_t threads = 0;              // how many `cpus` are
  std::int64_t expected_end_ms = kNever;  // monotonic; the planner's
};

// Use of one kind of GRES; `devices` counts from the kind's own first device.
struct GresUse {
  std::uint64_t used = 0;
  base::Bitmap devices;
  std::uint64_t lost = 0;  // out of service and not held
};

// When a hold ends, and what that gives back.
struct HoldEnd {
  std::int64_t at_ms = kNever;
  JobId job;
  std::uint32_t cores = 0;
  std::uint32_t threads = 0;
  std::uint64_t memory = 0;

  auto operator<=>(const HoldEnd&) const = default;
};

struct EndChange {
  HoldEnd end;
  bool came = false;  // else it has gone
};

struct NodeSlot {
  Text name;
  Text features;
  const Hardware* hardware = nullptr;
  std::uint32_t weight = 1;
  ClassId node_class = kNoClass;
  bool available = false;
  bool changed_under_holds = false;  // the holds date from before the hardware changed
  base::Bitmap busy;                 // CPUs that any hold has
  base::Bitmap full;  // of a very large node: words of `busy` known to be without an idle CPU
  std::uint32_t idle_cores = 0;  // cores without a busy thread
  std::uint32_t idle_threads = 0;
  std::uint32_t charged_cpus = 0;
  std::uint32_t user_holds = 0;  // holds that tolerate no other user
  std::uint64_t used_memory = 0;
  std::uint64_t changes = 1;         // counts changes of the holds and their expected ends
  std::vector<GresUse> gres;         // parallel to hardware->gres
  std::vector<base::Bitmap> faulty;  // devices out of service, as above; empty: none is
  std::vector<Hold> holds;
  std::vector<HoldEnd> ends;  // of the holds, ascending
  // The latest changes of `ends` where there are many of them; the first has this number.
  std::vector<EndChange> end_log;
  std::uint64_t end_log_base = 0;
  static constexpr std::size_t kFewEnds = 16;
  bool disjoint = true;  // no CPU is held twice, and all holds are of the present hardware

  // Of one kind: what may be given out now.
  [[nodiscard]] std::uint64_t free_gres(std::size_t kind) const {
    const std::uint64_t count = hardware->gres[kind].count;
    return count - std::min(count, gres[kind].used + gres[kind].lost);
  }
  [[nodiscard]] std::uint64_t end_log_end() const { return end_log_base + end_log.size(); }
  [[nodiscard]] std::uint64_t free_memory() const {
    return hardware->memory > used_memory ? hardware->memory - used_memory : 0;
  }
};

// What a search over all nodes asks first, close together in memory.
struct NodeDigest {
  std::int64_t first_end_ms = kNever;  // of the holds
  std::uint32_t idle_cores = 0;
  bool available = false;
};

struct PartitionSlot {
  model::Partition config;
  base::Bitmap nodes;
};

struct NodePool::State {
  SettingsPtr settings;
  std::vector<NodeSlot> nodes;
  std::vector<NodeDigest> digests;  // parallel to nodes
  std::vector<PartitionSlot> partitions;
  NodeClasses classes;
  TopologyMap topology;
  std::unordered_map<std::string, std::uint32_t, base::TextHash, std::equal_to<>> by_name;
  std::uint64_t config_generation = 1;  // classes, partitions, features or hardware changed
  std::uint64_t state_generation = 1;   // a node became available or unavailable
  std::uint64_t world_generation = 1;   // anything changed
  // Nodes that may have become more useful, oldest first; entry i has the number log_base + i.
  std::vector<std::uint32_t> release_log;
  std::uint64_t log_base = 0;

  [[nodiscard]] std::uint64_t log_end() const { return log_base + release_log.size(); }
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const;
  void note_release(std::uint32_t node);
  void refresh_digest(std::uint32_t node);
  void set_expected_end(std::uint32_t node, Hold& hold, std::int64_t end_ms);
  // Puts the node where it belongs after its hardware, features, weight or partitions changed.
  void reclassify(std::uint32_t node);
  void place_in_bucket(std::uint32_t node, bool was_available, std::uint32_t old_idle);
};

// Cores of the hardware of which no thread is in `busy`.
[[nodiscard]] std::uint32_t count_idle_cores(const base::Bitmap& busy, const Hardware& hardware);
// The same for the cores [first, end).
[[nodiscard]] bool core_is_idle(const base::Bitmap& busy, std::uint32_t core,
                                std::uint32_t threads);

// Adds the devices of a share to a set of the kind's own.
void mark_devices(const model::GresShare& share, const GresEntry& entry, base::Bitmap& devices);

// How many devices of a kind are out of service, of those that nobody in `held` has.
[[nodiscard]] std::uint64_t lost_devices(const NodeSlot& slot, std::size_t kind,
                                         const base::Bitmap& held);

// The job's hold of exactly this share; null: none. Only among its holds that sleep or among those
// that don't.
enum class HoldState : std::uint8_t { awake, asleep };
[[nodiscard]] Hold* find_hold(NodeSlot& slot, const model::NodeShare& share, JobId job,
                              HoldState state = HoldState::awake);

}  // namespace sluice::core
