// NodePool: bookkeeping of holds. Every change of a node's holds recounts that node from its holds,
// which is cheap (a node has few) and leaves no way for the sums to drift.
#include "core/resources.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/assert.hpp"
#include "base/hostlist.hpp"
#include "core/node_count.hpp"
#include "core/pool_state.hpp"
#include "core/shards.hpp"

namespace sluice::core {

namespace {

constexpr std::size_t kMaxReleaseLog = 65536;

void set_cpus(Hold& hold, std::shared_ptr<const base::Bitmap> cpus, const Hardware& hardware) {
  hold.cpus = std::move(cpus);
  hold.threads = static_cast<std::uint32_t>(hold.cpus->count());
  hold.cores = 0;
  if (hold.cpus->size() != hardware.cpus()) return;
  hold.cores = hardware.threads == 1 ? hold.threads
                                     : hardware.cores() - count_idle_cores(*hold.cpus, hardware);
}

base::Bitmap nodes_of(const model::Partition& partition, const NodePool::State& state) {
  base::Bitmap nodes(state.nodes.size());
  if (partition.nodes.view() == "ALL") {
    nodes.set_all();
    return nodes;
  }
  const Result<std::vector<std::string>> names = base::parse_hosts(partition.nodes);
  if (!names) return nodes;  // checked when the configuration was read
  for (const std::string& name : *names) {
    if (const auto index = state.find(name)) nodes.set(*index);
  }
  return nodes;
}

bool may_share(const Holder& holder, const NodePool::State& state) {
  if (holder.partition.value >= state.partitions.size()) return false;
  switch (state.partitions[holder.partition.value].config.oversubscribe) {
    case model::OverSubscribe::force: return true;
    case model::OverSubscribe::yes: return holder.sharing == model::Sharing::oversubscribe;
    default: return false;
  }
}

// With what its partition says.
Holder holder_in(Holder holder, const NodePool::State& state) {
  const bool known = holder.partition.value < state.partitions.size();
  if (known && state.partitions[holder.partition.value].config.exclusive_user) {
    holder.sharing = model::Sharing::exclusive_user;
  }
  return holder;
}

std::optional<std::string> check_sharing(const NodeSlot& slot, const NodePool::State& state) {
  std::vector<std::uint32_t> depth(slot.hardware->cpus(), 0);
  base::Bitmap alone(slot.hardware->cpus());
  std::uint32_t deepest = 1;
  for (const Hold& hold : slot.holds) {
    hold.cpus->for_each([&](std::size_t cpu) {
      ++depth[cpu];
      if (!hold.shared) alone.set(cpu);
    });
    if (hold.shared && hold.holder.partition.value < state.partitions.size()) {
      const PartitionSlot& partition = state.partitions[hold.holder.partition.value];
      deepest = std::max(deepest, partition.config.oversubscribe_jobs);
    }
  }
  for (std::size_t cpu = 0; cpu < depth.size(); ++cpu) {
    if (depth[cpu] > (alone.test(cpu) ? 1U : deepest)) {
      return fmt::format("cpu {} of {} is held by {} jobs", cpu, slot.name.view(), depth[cpu]);
    }
  }
  return std::nullopt;
}

// Devices out of service, by kind; empty: none.
std::vector<base::Bitmap> faults_of(const model::NodeFacts& facts, const Hardware& hardware) {
  std::vector<base::Bitmap> faulty;
  bool any = false;
  for (std::size_t e = 0; e < hardware.gres.size(); ++e) {
    faulty.emplace_back(hardware.gres[e].devices);
    const std::vector<model::Device>& devices = facts.gres[e].devices;
    for (std::size_t d = 0; d < std::min(devices.size(), faulty[e].size()); ++d) {
      if (devices[d].fault.empty()) continue;
      faulty[e].set(d);
      any = true;
    }
  }
  if (!any) faulty.clear();
  return faulty;
}

std::optional<std::string> check_limits(const NodeSlot& slot) {
  if (slot.used_memory > slot.hardware->memory) {
    return fmt::format("{} MiB of {} are held, it has {}", slot.used_memory, slot.name.view(),
                       slot.hardware->memory);
  }
  for (std::size_t e = 0; e < slot.gres.size(); ++e) {
    const GresEntry& entry = slot.hardware->gres[e];
    if (slot.gres[e].used > entry.count ||
        (entry.devices != 0 && slot.gres[e].devices.count() != slot.gres[e].used)) {
      return fmt::format("{} of {} {} of {} are held, {} devices are marked", slot.gres[e].used,
                         entry.count, entry.name.view(), slot.name.view(),
                         slot.gres[e].devices.count());
    }
  }
  if (slot.hardware->shards_per_gpu != 0 && !is_sound(*slot.hardware, shards_of(slot))) {
    return fmt::format("a GPU of {} is lent twice", slot.name.view());
  }
  return std::nullopt;
}

}  // namespace

bool core_is_idle(const base::Bitmap& busy, std::uint32_t core, std::uint32_t threads) {
  for (std::uint32_t t = 0; t < threads; ++t) {
    if (busy.test(std::size_t{core} * threads + t)) return false;
  }
  return true;
}

std::uint32_t count_idle_cores(const base::Bitmap& busy, const Hardware& hardware) {
  if (hardware.threads == 1) {
    return hardware.cores() - static_cast<std::uint32_t>(busy.count());
  }
  if (hardware.threads == 2) {  // words hold whole cores
    std::uint32_t used = 0;
    for (std::size_t w = busy.words_begin(); w < busy.words_end(); ++w) {
      const std::uint64_t word = busy.word(w);
      used += static_cast<std::uint32_t>(std::popcount((word | word >> 1) & 0x5555555555555555ULL));
    }
    return hardware.cores() - used;
  }
  std::uint32_t idle = 0;
  for (std::uint32_t core = 0; core < hardware.cores(); ++core) {
    if (core_is_idle(busy, core, hardware.threads)) ++idle;
  }
  return idle;
}

void mark_devices(const model::GresShare& share, const GresEntry& entry, base::Bitmap& devices) {
  for (std::uint32_t d = 0; d < entry.devices; ++d) {
    const std::size_t index = std::size_t{entry.first_device} + d;
    if (index < share.indices.size() && share.indices.test(index)) devices.set(d);
  }
}

std::uint64_t lost_devices(const NodeSlot& slot, std::size_t kind, const base::Bitmap& held) {
  if (slot.faulty.empty()) return 0;
  const GresEntry& entry = slot.hardware->gres[kind];
  std::uint64_t lost = 0;
  slot.faulty[kind].for_each([&](std::size_t d) {
    const bool parted = d < entry.sites.size() && entry.sites[d].parted;
    if (!held.test(d) && !parted) ++lost;
  });
  return lost;
}

Hold* find_hold(NodeSlot& slot, const model::NodeShare& share, JobId job, HoldState state) {
  const auto holds_it = [&](const Hold& hold) {
    const bool sleeps = state == HoldState::asleep;
    return hold.memory == share.memory && hold.gres == share.gres &&
           (hold.asleep.size() != 0) == sleeps &&
           (hold.cpus.get() == &share.cpus || (sleeps ? hold.asleep : *hold.cpus) == share.cpus);
  };
  // Who asks has mostly just come.
  const auto found = std::find_if(slot.holds.rbegin(), slot.holds.rend(), [&](const Hold& hold) {
    return hold.holder.job == job && holds_it(hold);
  });
  return found == slot.holds.rend() ? nullptr : &*found;
}

std::optional<std::uint32_t> NodePool::State::find(std::string_view name) const {
  const auto found = by_name.find(name);
  if (found == by_name.end()) return std::nullopt;
  return found->second;
}

void NodePool::State::note_release(std::uint32_t node) {
  if (release_log.size() >= kMaxReleaseLog) {
    log_base += release_log.size();
    release_log.clear();
  }
  release_log.push_back(node);
}

void NodePool::State::set_expected_end(std::uint32_t node, Hold& hold, std::int64_t end_ms) {
  if (hold.expected_end_ms == end_ms) return;
  leave_end(nodes[node], end_of(hold));
  hold.expected_end_ms = end_ms;
  enter_end(nodes[node], end_of(hold));
  ++nodes[node].changes;
  ++world_generation;
  refresh_digest(node);
}

void NodePool::State::refresh_digest(std::uint32_t node) {
  const NodeSlot& slot = nodes[node];
  NodeDigest& digest = digests[node];
  digest = {.first_end_ms = kNever, .idle_cores = slot.idle_cores, .available = slot.available};
  if (!slot.ends.empty()) digest.first_end_ms = slot.ends.front().at_ms;
}

void NodePool::State::reclassify(std::uint32_t node) {
  NodeSlot& slot = nodes[node];
  NodeClasses::Key key{.hardware = slot.hardware, .features = slot.features, .weight = slot.weight};
  for (std::uint32_t p = 0; p < partitions.size(); ++p) {
    if (partitions[p].nodes.test(node)) key.partitions.push_back(p);
  }
  const ClassId now = classes.find_or_make(key);
  ++world_generation;
  if (now == slot.node_class) return;
  SLUICE_ASSERT(!slot.available, "{} changes its class while in a bucket", slot.name.view());
  if (slot.node_class != kNoClass) classes.remove_member(slot.node_class, node);
  classes.add_member(now, node);
  slot.node_class = now;
  ++config_generation;
}

void NodePool::State::place_in_bucket(std::uint32_t node, bool was_available,
                                      std::uint32_t old_idle) {
  const NodeSlot& slot = nodes[node];
  ++world_generation;
  refresh_digest(node);
  if (was_available && slot.available) {
    classes.change_bucket(slot.node_class, node, old_idle, slot.idle_cores);
  } else if (slot.available) {
    classes.enter_bucket(slot.node_class, node, slot.idle_cores);
  } else if (was_available) {
    classes.leave_bucket(slot.node_class, node, old_idle);
  }
}

namespace {

// Takes a node out of its bucket for the time of a change, and puts it back afterwards.
template <class Change>
void change_class(NodePool::State& state, std::uint32_t node, Change&& change) {
  NodeSlot& slot = state.nodes[node];
  const bool available = slot.available;
  slot.available = false;
  state.place_in_bucket(node, available, slot.idle_cores);
  change(slot);
  apply_recount(slot);
  state.reclassify(node);
  slot.available = available;
  state.place_in_bucket(node, false, slot.idle_cores);
  state.note_release(node);
}

}  // namespace

NodePool::NodePool(SettingsPtr settings) : state_(std::make_unique<State>()) {
  state_->settings = std::move(settings);
  const std::vector<NodeSetting>& nodes = state_->settings->nodes;
  state_->classes.reset(static_cast<std::uint32_t>(nodes.size()),
                        state_->settings->accelerator_names);
  state_->nodes.resize(nodes.size());
  state_->digests.resize(nodes.size());
  for (std::uint32_t n = 0; n < nodes.size(); ++n) {
    NodeSlot& slot = state_->nodes[n];
    slot.name = nodes[n].name;
    slot.features = nodes[n].features;
    slot.weight = nodes[n].weight;
    slot.hardware = state_->classes.intern(nodes[n].facts, nodes[n].facts_fixed);
    state_->by_name.emplace(nodes[n].name.str(), n);
    apply_recount(slot);
  }
  state_->topology =
      map_topology(state_->settings->topology, static_cast<std::uint32_t>(nodes.size()),
                   [this](std::string_view name) { return state_->find(name); });
  set_partitions(state_->settings->partitions);
}

NodePool::~NodePool() = default;
NodePool::NodePool(NodePool&&) noexcept = default;
NodePool& NodePool::operator=(NodePool&&) noexcept = default;

void NodePool::set_facts(NodeIndex node, const model::NodeFacts& facts) {
  const Hardware* hardware = state_->classes.intern(facts, true);
  NodeSlot& slot = state_->nodes[node.value];
  std::vector<base::Bitmap> faulty = faults_of(facts, *hardware);
  if (slot.hardware != hardware) {
    change_class(*state_, node.value, [&](NodeSlot& changed) {
      changed.hardware = hardware;
      changed.faulty = std::move(faulty);
      changed.changed_under_holds = !changed.holds.empty();
    });
    return;
  }
  if (slot.faulty == faulty) return;
  // Its class and its idle cores stay: plans are made anew for what can be had of it.
  slot.faulty = std::move(faulty);
  apply_recount(slot);
  ++state_->state_generation;
  ++state_->world_generation;
  state_->note_release(node.value);
}

void NodePool::set_features(NodeIndex node, Text features) {
  change_class(*state_, node.value, [&](NodeSlot& slot) { slot.features = std::move(features); });
}

void NodePool::set_weight(NodeIndex node, std::uint32_t weight) {
  change_class(*state_, node.value, [&](NodeSlot& slot) { slot.weight = weight; });
}

void NodePool::set_available(NodeIndex node, bool available) {
  NodeSlot& slot = state_->nodes[node.value];
  if (slot.available == available) return;
  slot.available = available;
  state_->place_in_bucket(node.value, !available, slot.idle_cores);
  ++state_->state_generation;
  if (available) state_->note_release(node.value);
}

void NodePool::set_partitions(const std::vector<model::Partition>& partitions) {
  state_->partitions.clear();
  for (const model::Partition& partition : partitions) {
    state_->partitions.push_back({partition, nodes_of(partition, *state_)});
    state_->partitions.back().config.index =
        PartitionIndex(static_cast<std::uint32_t>(state_->partitions.size() - 1));
  }
  ++state_->config_generation;
  for (std::uint32_t n = 0; n < state_->nodes.size(); ++n) {
    change_class(*state_, n, [](NodeSlot&) {});
  }
}

void NodePool::allocate(const model::Allocation& allocation, const Holder& holder) {
  allocate(std::make_shared<const model::Allocation>(allocation), holder);
}

void NodePool::allocate(const model::AllocationPtr& allocation, const Holder& holder) {
  for (const model::NodeShare& share : allocation->shares) {
    SLUICE_ASSERT(share.node.value < state_->nodes.size(), "node {}", share.node.value);
    NodeSlot& slot = state_->nodes[share.node.value];
    const std::uint32_t idle = slot.idle_cores;
    Hold& hold = slot.holds.emplace_back();
    hold.holder = holder_in(holder, *state_);
    hold.shared = may_share(holder, *state_);
    hold.cpu_count = share.cpu_count;
    hold.memory = share.memory;
    hold.gres = share.gres;
    set_cpus(hold, {allocation, &share.cpus}, *slot.hardware);
    if (adds_up(slot, share.cpus) && !slot.busy.intersects(share.cpus)) {
      count_in(slot, hold);
    } else {
      apply_recount(slot);
    }
    state_->place_in_bucket(share.node.value, slot.available, idle);
  }
}

void NodePool::release(const model::NodeShare& share, const Holder& holder) {
  SLUICE_ASSERT(share.node.value < state_->nodes.size(), "node {}", share.node.value);
  NodeSlot& slot = state_->nodes[share.node.value];
  Hold* hold =
      find_hold(slot, share, holder.job, holder.asleep ? HoldState::asleep : HoldState::awake);
  SLUICE_ASSERT(hold != nullptr, "job {} holds nothing of {}", holder.job.value, slot.name.view());
  const std::uint32_t idle = slot.idle_cores;
  const bool simple = adds_up(slot, *hold->cpus);
  if (simple) count_out(slot, *hold);
  if (hold != &slot.holds.back()) *hold = std::move(slot.holds.back());
  slot.holds.pop_back();
  if (slot.holds.empty()) slot.changed_under_holds = false;
  if (!simple) apply_recount(slot);
  state_->place_in_bucket(share.node.value, slot.available, idle);
  state_->note_release(share.node.value);
}

void NodePool::sleep(const model::NodeShare& share, const Holder& holder) {
  NodeSlot& slot = state_->nodes[share.node.value];
  Hold* hold = find_hold(slot, share, holder.job);
  if (hold == nullptr || hold->asleep.size() != 0) return;
  hold->asleep = share.cpus;
  hold->cpus = std::make_shared<const base::Bitmap>(share.cpus.size());
  hold->cpu_count = 0;
  hold->cores = 0;
  hold->threads = 0;
  const std::uint32_t idle = slot.idle_cores;
  apply_recount(slot);
  state_->place_in_bucket(share.node.value, slot.available, idle);
  state_->note_release(share.node.value);
}

bool NodePool::can_wake(const model::NodeShare& share) const {
  const NodeSlot& slot = state_->nodes[share.node.value];
  return share.cpus.size() == slot.busy.size() && !slot.busy.intersects(share.cpus);
}

void NodePool::wake(const model::NodeShare& share, const Holder& holder) {
  NodeSlot& slot = state_->nodes[share.node.value];
  Hold* hold = find_hold(slot, share, holder.job, HoldState::asleep);
  if (hold == nullptr || hold->asleep.size() == 0) return;
  hold->asleep = {};
  set_cpus(*hold, std::make_shared<const base::Bitmap>(share.cpus), *slot.hardware);
  hold->cpu_count = share.cpu_count;
  const std::uint32_t idle = slot.idle_cores;
  apply_recount(slot);
  state_->place_in_bucket(share.node.value, slot.available, idle);
}

void NodePool::rename(const model::Allocation& allocation, JobId from, JobId to) {
  for (const model::NodeShare& share : allocation.shares) {
    NodeSlot& slot = state_->nodes[share.node.value];
    Hold* hold = find_hold(slot, share, from);
    if (hold == nullptr) continue;
    leave_end(slot, end_of(*hold));
    hold->holder.job = to;
    enter_end(slot, end_of(*hold));
    ++slot.changes;
  }
}

NodeUse NodePool::use(NodeIndex node) const {
  const NodeSlot& slot = state_->nodes[node.value];
  NodeUse use;
  // Where CPUs are shared, the node is never shown as more than full.
  use.cpus = std::min(slot.charged_cpus, slot.hardware->cpus());
  use.memory = slot.used_memory;
  use.jobs = static_cast<std::uint32_t>(slot.holds.size());
  for (std::size_t e = 0; e < slot.gres.size(); ++e) {
    const GresEntry& entry = slot.hardware->gres[e];
    model::GresShare share{.name = entry.name, .type = entry.type, .count = slot.gres[e].used};
    if (entry.devices != 0) {
      share.indices = base::Bitmap(slot.hardware->devices_of(entry.name));
      slot.gres[e].devices.for_each(
          [&](std::size_t d) { share.indices.set(entry.first_device + d); });
    }
    use.gres.push_back(std::move(share));
  }
  return use;
}

std::uint32_t NodePool::size() const { return static_cast<std::uint32_t>(state_->nodes.size()); }

std::optional<std::string> NodePool::check() const {
  for (std::uint32_t n = 0; n < state_->nodes.size(); ++n) {
    const NodeSlot& slot = state_->nodes[n];
    const Recount sum = recount(slot);
    if (sum.busy != slot.busy || sum.memory != slot.used_memory ||
        sum.charged != slot.charged_cpus ||
        slot.idle_cores != count_idle_cores(sum.busy, *slot.hardware)) {
      return fmt::format("the sums of {} are not those of its holds", slot.name.view());
    }
    const NodeClass& owner = state_->classes.at(slot.node_class);
    if (!owner.members.test(n) ||
        owner.by_idle_cores[slot.idle_cores].contains(n) != slot.available) {
      return fmt::format("{} is not where its class has it", slot.name.view());
    }
    if (slot.changed_under_holds) continue;  // holders keep what the node no longer has
    if (auto wrong = check_sharing(slot, *state_)) return wrong;
    if (auto wrong = check_limits(slot)) return wrong;
  }
  return std::nullopt;
}

}  // namespace sluice::core
