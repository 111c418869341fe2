// Configured and discovered facts of nodes.
#include "core/node_facts.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "model/shards.hpp"

namespace sluice::core {

namespace {

std::uint64_t gres_count(const model::NodeFacts& facts, const model::NodeGres& kind) {
  std::uint64_t count = 0;
  for (const model::NodeGres& gres : facts.gres) {
    const bool same = gres.name == kind.name && (kind.type.empty() || gres.type == kind.type);
    if (same) count += gres.count;
  }
  return count;
}

// The first `count` devices of a kind.
model::NodeGres cut(model::NodeGres gres, std::uint64_t count) {
  gres.count = std::min(gres.count, count);
  if (gres.files.size() > gres.count) gres.files.resize(gres.count);
  if (gres.devices.size() > gres.count) gres.devices.resize(gres.count);
  return gres;
}

// A configured kind with what the node knows of its devices. Where the configuration names no type
// and the node found types, the found ones are taken, as many as are configured.
void add_gres(const model::NodeGres& given, const std::vector<model::NodeGres>& found,
              std::vector<model::NodeGres>& to) {
  std::uint64_t left = given.count;
  const bool exact = !given.files.empty() ||
                     std::any_of(found.begin(), found.end(), [&](const model::NodeGres& seen) {
                       return seen.name == given.name && seen.type == given.type;
                     });
  if (!exact && given.type.empty()) {
    for (const model::NodeGres& seen : found) {
      if (seen.name != given.name || left == 0) continue;
      to.push_back(cut(seen, left));
      left -= to.back().count;
    }
    if (left != given.count) return;
  }
  model::NodeGres gres = given;
  for (const model::NodeGres& seen : found) {  // the devices are the node's business
    if (seen.name != gres.name || seen.type != gres.type) continue;
    gres.vendor = seen.vendor;
    if (gres.files.empty()) gres.files = seen.files;
    if (!seen.devices.empty()) gres.devices = seen.devices;
  }
  to.push_back(cut(std::move(gres), given.count));
}

bool same_device(const model::Device& a, const model::Device& b) {
  return a.file == b.file && a.bus_id == b.bus_id && a.uuid == b.uuid;
}

}  // namespace

void keep_faults(const std::vector<model::NodeGres>& known, model::NodeFacts& facts) {
  for (model::NodeGres& gres : facts.gres) {
    for (const model::NodeGres& before : known) {
      if (before.name != gres.name || before.type != gres.type) continue;
      for (std::size_t d = 0; d < std::min(gres.devices.size(), before.devices.size()); ++d) {
        const bool same = same_device(gres.devices[d], before.devices[d]);
        if (same && gres.devices[d].fault.empty()) gres.devices[d].fault = before.devices[d].fault;
      }
    }
  }
}

model::NodeFacts effective_facts(const NodeSetting& setting, const model::NodeFacts& found) {
  model::NodeFacts facts = found;
  const model::NodeFacts& given = setting.facts;
  if (setting.facts_fixed) {
    facts.boards = given.boards;
    facts.sockets = given.sockets;
    facts.cores_per_socket = given.cores_per_socket;
    facts.threads_per_core = given.threads_per_core;
    if (given.memory != 0) facts.memory = given.memory;
  }
  facts.core_spec_count = given.core_spec_count;
  facts.cpu_spec_list = given.cpu_spec_list;
  facts.mem_spec_limit = given.mem_spec_limit;
  if (given.tmp_disk != 0) facts.tmp_disk = given.tmp_disk;
  if (!given.gres.empty()) {
    facts.gres.clear();
    for (const model::NodeGres& gres : given.gres) add_gres(gres, found.gres, facts.gres);
  }
  return facts;
}

model::NodeFacts configured_facts(const NodeSetting& setting) {
  model::NodeFacts facts = setting.facts;
  facts.sockets = std::max(facts.sockets, 1U);
  facts.cores_per_socket = std::max(facts.cores_per_socket, 1U);
  facts.threads_per_core = std::max(facts.threads_per_core, 1U);
  return facts;
}

std::string shortfall(const NodeSetting& setting, const model::NodeFacts& found) {
  const model::NodeFacts& given = setting.facts;
  for (const model::NodeGres& gres : given.gres) {
    if (gres.name.view() == model::kShard) continue;  // nothing that a node could find
    const std::uint64_t reported = gres_count(found, gres);
    if (reported < gres.count) {
      return fmt::format("gres/{} count reported lower than configured ({} < {})", gres.name.view(),
                         reported, gres.count);
    }
  }
  if (setting.facts_fixed) {
    if (found.cpus() < given.cpus()) return "Low socket*core*thread count, Low CPUs";
    if (given.memory != 0 && found.memory < given.memory) {
      return fmt::format("Low RealMemory (reported:{} < 100.00% of configured:{})", found.memory,
                         given.memory);
    }
  }
  if (given.tmp_disk != 0 && found.tmp_disk < given.tmp_disk) return "Low TmpDisk";
  return {};
}

Text gres_text(const model::NodeFacts& facts, std::span<const model::GresShare> used) {
  std::string text;
  for (const model::NodeGres& gres : facts.gres) {
    std::uint64_t count = 0;
    std::string indices;
    for (const model::GresShare& share : used) {
      if (share.name != gres.name || share.type != gres.type) continue;
      count += share.count;
      if (share.indices.any()) indices = share.indices.to_ranges();
    }
    if (!text.empty()) text += ',';
    text += gres.name.str();
    if (!gres.type.empty()) text += ':' + gres.type.str();
    text += fmt::format(":{}", count);
    if (!gres.files.empty()) text += fmt::format("(IDX:{})", indices.empty() ? "N/A" : indices);
  }
  return text;
}

Text tres_text(const model::Partition& partition, std::uint64_t memory_mib) {
  return fmt::format("cpu={},mem={},node={},billing={}", partition.total_cpus,
                     base::format_exact(memory_mib, base::Unit::mega), partition.total_nodes,
                     partition.total_cpus);
}

bool lists_partition(const model::Node& node, const model::Partition& partition) {
  for (const std::string_view name : base::split_nonempty(node.partitions, ',')) {
    if (name == partition.name.view()) return true;
  }
  return false;
}

}  // namespace sluice::core
