// Classes of nodes: nodes with equal hardware, features, partitions and weight are interchangeable
// to the planner, apart from what is in use on them. Inside a class the available nodes stand in
// buckets by their number of idle cores, so that "is there a node with 8 idle cores" costs one
// look. Classes are never removed: an empty one costs a few words, and ids stay valid.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/bitmap.hpp"
#include "base/text.hpp"
#include "core/device_choice.hpp"
#include "model/node.hpp"

namespace sluice::core {

using ClassId = std::uint32_t;
inline constexpr ClassId kNoClass = 0xffffffff;

// One kind of GRES on a node. Devices of one name are numbered through all its types.
struct GresEntry {
  Text name;
  Text type;
  std::uint64_t count = 0;         // that can be given out
  std::uint32_t first_device = 0;  // of this kind, among the node's devices of that name
  std::uint32_t devices = 0;       // 0: only counted
  bool accelerator = false;        // --gres=accel may mean it
  std::vector<DeviceSite> sites;   // parallel to the devices, or empty

  auto operator<=>(const GresEntry&) const = default;
};

// What a node is made of, as far as placement cares. Interned: equal hardware, equal address.
struct Hardware {
  bool known = false;  // false until the node has told, or the configuration has fixed it
  std::uint32_t sockets = 1;
  std::uint32_t cores_per_socket = 1;
  std::uint32_t threads = 1;
  std::uint64_t memory = 0;    // MiB
  std::uint64_t tmp_disk = 0;  // MiB
  std::vector<GresEntry> gres;
  base::Bitmap reserved;             // CPUs kept for the system; size 0: none
  std::uint32_t reserved_cores = 0;  // with any of those
  std::uint32_t shards_per_gpu = 0;  // 0: GPUs are given out whole only
  std::uint32_t id = 0;

  // Of a kind: the most that one job can have.
  [[nodiscard]] std::uint64_t most_of(const GresEntry& entry) const;
  [[nodiscard]] std::uint32_t cores() const { return sockets * cores_per_socket; }
  // That jobs may have.
  [[nodiscard]] std::uint32_t job_cores() const { return cores() - reserved_cores; }
  [[nodiscard]] std::uint32_t job_cpus() const {
    return cpus() - static_cast<std::uint32_t>(reserved.count());
  }
  // All CPUs idle but those.
  [[nodiscard]] base::Bitmap idle_busy() const {
    return reserved.size() == 0 ? base::Bitmap(cpus()) : reserved;
  }
  [[nodiscard]] std::uint32_t cpus() const { return cores() * threads; }
  // Devices of that name, all types together: the size of GresShare::indices.
  [[nodiscard]] std::uint32_t devices_of(std::string_view name) const;
};

struct NodeClass {
  const Hardware* hardware = nullptr;
  std::vector<std::string> features;      // sorted
  std::vector<std::uint32_t> partitions;  // ascending
  std::uint32_t weight = 1;
  base::Bitmap members;  // over all nodes of the cluster
  std::uint32_t size = 0;
  std::uint32_t available = 0;
  std::vector<std::set<std::uint32_t>> by_idle_cores;  // available nodes
  // The buckets that are not empty, and the words of that with any: a node may have 100,000 cores.
  base::Bitmap occupied;
  base::Bitmap occupied_words;

  // The first bucket at or above `cores` with a node in it, or npos.
  [[nodiscard]] std::size_t bucket_from(std::size_t cores) const;
  void note_occupied(std::size_t bucket);
};

class NodeClasses {
 public:
  // `nodes`: how many nodes the cluster has. GRES of these names are accelerators.
  void reset(std::uint32_t nodes, std::vector<Text> accelerator_names);
  [[nodiscard]] const Hardware* intern(const model::NodeFacts& facts, bool known);
  struct Key {
    const Hardware* hardware = nullptr;
    Text features;
    std::vector<std::uint32_t> partitions;
    std::uint32_t weight = 1;
  };
  [[nodiscard]] ClassId find_or_make(const Key& key);

  void add_member(ClassId id, std::uint32_t node);
  void remove_member(ClassId id, std::uint32_t node);
  void enter_bucket(ClassId id, std::uint32_t node, std::uint32_t idle_cores);
  void leave_bucket(ClassId id, std::uint32_t node, std::uint32_t idle_cores);
  void change_bucket(ClassId id, std::uint32_t node, std::uint32_t from, std::uint32_t to);

  [[nodiscard]] const NodeClass& at(ClassId id) const { return *classes_[id]; }
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(classes_.size()); }

 private:
  using HardwareKey = std::tuple<bool, std::uint32_t, std::uint32_t, std::uint32_t, std::uint64_t,
                                 std::uint64_t, std::vector<GresEntry>, std::string>;
  using ClassKey = std::tuple<std::uint32_t, std::vector<std::string>, std::vector<std::uint32_t>,
                              std::uint32_t>;

  std::uint32_t nodes_ = 0;
  std::vector<Text> accelerator_names_;
  std::map<HardwareKey, std::unique_ptr<Hardware>> hardware_;
  std::map<ClassKey, ClassId> ids_;
  std::vector<std::unique_ptr<NodeClass>> classes_;
};

}  // namespace sluice::core
