// Interning of hardware and classes, and the moves between buckets.
#include "core/node_classes.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/strings.hpp"

namespace sluice::core {

namespace {

std::vector<GresEntry> gres_entries(const std::vector<model::NodeGres>& found) {
  std::vector<GresEntry> entries;
  for (const model::NodeGres& gres : found) {
    GresEntry entry{.name = gres.name, .type = gres.type, .count = gres.count};
    if (!gres.files.empty() && gres.files.size() == gres.count) {
      entry.devices = static_cast<std::uint32_t>(gres.files.size());
    }
    for (const GresEntry& earlier : entries) {
      if (earlier.name == entry.name) entry.first_device += earlier.devices;
    }
    entries.push_back(std::move(entry));
  }
  return entries;
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

std::uint32_t Hardware::devices_of(const Text& name) const {
  std::uint32_t sum = 0;
  for (const GresEntry& entry : gres) {
    if (entry.name == name) sum += entry.devices;
  }
  return sum;
}

const Hardware* NodeClasses::intern(const model::NodeFacts& facts, bool known) {
  Hardware made;
  made.known = known;
  made.sockets = std::max(1U, facts.sockets);
  made.cores_per_socket = std::max(1U, facts.cores_per_socket);
  made.threads = std::max(1U, facts.threads_per_core);
  made.memory = facts.memory;
  made.tmp_disk = facts.tmp_disk;
  made.gres = gres_entries(facts.gres);
  HardwareKey key{known,         made.sockets, made.cores_per_socket, made.threads, made.memory,
                  made.tmp_disk, made.gres};
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
  ++changed.available;
}

void NodeClasses::leave_bucket(ClassId id, std::uint32_t node, std::uint32_t idle_cores) {
  NodeClass& changed = *classes_[id];
  const std::size_t removed = changed.by_idle_cores[idle_cores].erase(node);
  SLUICE_ASSERT(removed == 1, "node {} is not in its bucket", node);
  --changed.available;
}

void NodeClasses::change_bucket(ClassId id, std::uint32_t node, std::uint32_t from,
                                std::uint32_t to) {
  if (from == to) return;
  NodeClass& changed = *classes_[id];
  auto handle = changed.by_idle_cores[from].extract(node);
  SLUICE_ASSERT(!handle.empty(), "node {} is not in its bucket", node);
  changed.by_idle_cores[to].insert(std::move(handle));
}

}  // namespace sluice::core
