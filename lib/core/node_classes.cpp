// Interning of hardware and classes, and the moves between buckets.
#include "core/node_classes.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "model/gres.hpp"
#include "model/reserved_cpus.hpp"
#include "model/shards.hpp"

namespace sluice::core {

namespace {

// Whether a device of the node is a partition of this one: then it can't be had as a whole.
bool is_parted(const model::Device& whole, const std::vector<model::NodeGres>& found) {
  for (const model::NodeGres& gres : found) {
    for (const model::Device& part : gres.devices) {
      if (part.parent.empty() || &part == &whole) continue;
      if (part.parent == whole.uuid || part.parent == whole.bus_id) return true;
    }
  }
  return false;
}

void add_sites(GresEntry& entry, const model::NodeGres& gres,
               const std::vector<model::NodeGres>& found, std::uint32_t cpus) {
  entry.sites = sites_of(gres, cpus);
  for (std::size_t d = 0; d < entry.sites.size(); ++d) {
    entry.sites[d].parted = is_parted(gres.devices[d], found);
    if (entry.sites[d].parted) --entry.count;
  }
}

std::vector<GresEntry> gres_entries(const std::vector<model::NodeGres>& found, std::uint32_t cpus,
                                    const std::vector<Text>& accelerator_names) {
  std::vector<GresEntry> entries;
  for (std::size_t n = 0; n < found.size(); ++n) {
    const model::NodeGres& gres = found[n];
    GresEntry entry{.name = gres.name, .type = gres.type, .count = gres.count};
    entry.first_device = model::first_index(found, n);
    entry.accelerator = !gres.vendor.empty() ||
                        std::find(accelerator_names.begin(), accelerator_names.end(), gres.name) !=
                            accelerator_names.end();
    if (model::has_devices(gres)) {
      entry.devices = static_cast<std::uint32_t>(gres.files.size());
      add_sites(entry, gres, found, cpus);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

// Shards are spread evenly over the GPUs whose devices are known.
void spread_shards(Hardware& hardware) {
  const std::uint32_t gpus = hardware.devices_of(model::kShared);
  for (GresEntry& entry : hardware.gres) {
    if (entry.name.view() != model::kShard) continue;
    hardware.shards_per_gpu =
        gpus == 0
            ? 0
            : static_cast<std::uint32_t>(std::min<std::uint64_t>(entry.count / gpus, UINT32_MAX));
    entry.count = std::uint64_t{hardware.shards_per_gpu} * gpus;
  }
}

void reserve(const model::NodeFacts& facts, Hardware& hardware) {
  if (facts.core_spec_count == 0 && facts.cpu_spec_list.empty()) return;
  base::Bitmap reserved = model::reserved_cpus(facts);
  reserved.resize(hardware.cpus());
  if (!reserved.any()) return;
  for (std::uint32_t core = 0; core < hardware.cores(); ++core) {
    const std::size_t first = std::size_t{core} * hardware.threads;
    if (reserved.count_range(first, first + hardware.threads) != 0) ++hardware.reserved_cores;
  }
  hardware.reserved = std::move(reserved);
}

std::vector<std::string> sorted_features(const Text& features) {
  std::vector<std::string> names;
  for (std::string_view name : base::split_nonempty(features, ','))
    names.emplace_back(base::trim(name));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

std::uint64_t Hardware::most_of(const GresEntry& entry) const {
  return entry.name.view() == model::kShard ? shards_per_gpu : entry.count;
}

std::uint32_t Hardware::devices_of(std::string_view name) const {
  std::uint32_t sum = 0;
  for (const GresEntry& entry : gres) {
    if (entry.name.view() == name) sum += entry.devices;
  }
  return sum;
}

std::size_t NodeClass::bucket_from(std::size_t cores) const {
  if (cores >= occupied.size()) return base::Bitmap::npos;
  constexpr std::size_t kBits = 64;
  const std::size_t first = cores / kBits;
  const std::uint64_t rest = occupied.word(first) & (~std::uint64_t{0} << (cores % kBits));
  if (rest != 0) return first * kBits + static_cast<std::size_t>(std::countr_zero(rest));
  const std::size_t word = occupied_words.find_from(first + 1);
  if (word == base::Bitmap::npos) return word;
  return word * kBits + static_cast<std::size_t>(std::countr_zero(occupied.word(word)));
}

// Its number of nodes has changed.
void NodeClass::note_occupied(std::size_t bucket) {
  constexpr std::size_t kBits = 64;
  const auto assign = [](base::Bitmap& bits, std::size_t place, bool member) {
    if (member) {
      bits.set(place);
    } else {
      bits.reset(place);
    }
  };
  assign(occupied, bucket, !by_idle_cores[bucket].empty());
  assign(occupied_words, bucket / kBits, occupied.word(bucket / kBits) != 0);
}

void NodeClasses::reset(std::uint32_t nodes, std::vector<Text> accelerator_names) {
  nodes_ = nodes;
  accelerator_names_ = std::move(accelerator_names);
}

const Hardware* NodeClasses::intern(const model::NodeFacts& facts, bool known) {
  Hardware made;
  made.known = known;
  made.sockets = std::max(1U, facts.sockets);
  made.cores_per_socket = std::max(1U, facts.cores_per_socket);
  made.threads = std::max(1U, facts.threads_per_core);
  made.memory = facts.memory - std::min(facts.memory, facts.mem_spec_limit);
  reserve(facts, made);
  made.tmp_disk = facts.tmp_disk;
  made.gres = gres_entries(facts.gres, made.cpus(), accelerator_names_);
  spread_shards(made);
  HardwareKey key{known,         made.sockets, made.cores_per_socket,    made.threads, made.memory,
                  made.tmp_disk, made.gres,    made.reserved.to_ranges()};
  std::unique_ptr<Hardware>& place = hardware_[std::move(key)];
  if (place == nullptr) {
    made.id = static_cast<std::uint32_t>(hardware_.size());
    place = std::make_unique<Hardware>(std::move(made));
  }
  return place.get();
}

ClassId NodeClasses::find_or_make(const Key& key) {
  std::vector<std::string> features = sorted_features(key.features);
  const auto [place, added] =
      ids_.try_emplace(ClassKey{key.hardware->id, features, key.partitions, key.weight},
                       static_cast<ClassId>(classes_.size()));
  if (added) {
    auto made = std::make_unique<NodeClass>();
    made->hardware = key.hardware;
    made->features = std::move(features);
    made->partitions = key.partitions;
    made->weight = key.weight;
    made->members = base::Bitmap(nodes_);
    made->by_idle_cores.resize(key.hardware->cores() + 1);
    made->occupied = base::Bitmap(made->by_idle_cores.size());
    made->occupied_words = base::Bitmap(made->occupied.word_count());
    classes_.push_back(std::move(made));
  }
  return place->second;
}

void NodeClasses::add_member(ClassId id, std::uint32_t node) {
  classes_[id]->members.set(node);
  ++classes_[id]->size;
}

void NodeClasses::remove_member(ClassId id, std::uint32_t node) {
  classes_[id]->members.reset(node);
  --classes_[id]->size;
}

void NodeClasses::enter_bucket(ClassId id, std::uint32_t node, std::uint32_t idle_cores) {
  NodeClass& changed = *classes_[id];
  const bool added = changed.by_idle_cores[idle_cores].insert(node).second;
  SLUICE_ASSERT(added, "node {} twice in a bucket", node);
  changed.note_occupied(idle_cores);
  ++changed.available;
}

void NodeClasses::leave_bucket(ClassId id, std::uint32_t node, std::uint32_t idle_cores) {
  NodeClass& changed = *classes_[id];
  const std::size_t removed = changed.by_idle_cores[idle_cores].erase(node);
  SLUICE_ASSERT(removed == 1, "node {} is not in its bucket", node);
  changed.note_occupied(idle_cores);
  --changed.available;
}

void NodeClasses::change_bucket(ClassId id, std::uint32_t node, std::uint32_t from,
                                std::uint32_t to) {
  if (from == to) return;
  NodeClass& changed = *classes_[id];
  auto handle = changed.by_idle_cores[from].extract(node);
  SLUICE_ASSERT(!handle.empty(), "node {} is not in its bucket", node);
  changed.by_idle_cores[to].insert(std::move(handle));
  changed.note_occupied(to);
  changed.note_occupied(from);
}

}  // namespace sluice::core
