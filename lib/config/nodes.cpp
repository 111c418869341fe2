// See nodes.hpp.
#include "config/nodes.hpp"

#include <algorithm>
#include <set>

#include "base/bitmap.hpp"
#include "base/hostlist.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "config/accounting.hpp"
#include "config/policies.hpp"
#include "config/values.hpp"
#include "model/shards.hpp"

namespace sluice::config {

namespace {

using model::CpuUnit;
using model::OverSubscribe;
using model::PartitionState;

constexpr std::size_t kMaxCpus = 1U << 16U;

template <class Value>
Setter one_of(Value& out, std::vector<std::pair<std::string_view, Value>> choices) {
  return [&out, choices = std::move(choices)](const std::string& value) -> Status {
    std::string names;
    for (const auto& [name, meaning] : choices) {
      if (base::iequals(value, name)) {
        out = meaning;
        return {};
      }
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    return fail(ErrorCode::invalid_argument, "one of " + names);
  };
}

// Shards are equal parts of the GPUs that are named with them.
Status check_shards(const std::vector<model::NodeGres>& all) {
  std::uint64_t gpus = 0;
  for (const model::NodeGres& gres : all) {
    if (gres.name.view() == model::kShared) gpus += gres.count;
  }
  bool seen = false;
  for (const model::NodeGres& gres : all) {
    if (gres.name.view() != model::kShard) continue;
    if (!gres.type.empty() || seen) return fail(ErrorCode::invalid_gres, "shard:count, once");
    if (gpus == 0 || gres.count % gpus != 0) {
      return fail(ErrorCode::invalid_gres, "gpu:count, and shard:count as a multiple of that");
    }
    seen = true;
  }
  return {};
}

// YES:4, FORCE:8, NO, EXCLUSIVE
Setter sharing(model::Partition& partition) {
  return [&partition](const std::string& value) -> Status {
    const std::size_t colon = value.find(':');
    const std::string word = value.substr(0, colon);
    const Status known =
        one_of(partition.oversubscribe, {{"NO", OverSubscribe::no},
                                         {"YES", OverSubscribe::yes},
                                         {"FORCE", OverSubscribe::force},
                                         {"EXCLUSIVE", OverSubscribe::exclusive}})(word);
    if (!known)
      return fail(ErrorCode::invalid_argument, "NO, EXCLUSIVE, YES[:jobs] or FORCE[:jobs]");
    if (colon == std::string::npos) return {};
    return number(partition.oversubscribe_jobs)(value.substr(colon + 1));
  };
}

Setter gres_of(std::vector<model::NodeGres>& out) {
  return [&out](const std::string& value) -> Status {
    Result<std::vector<model::NodeGres>> parsed = parse_node_gres(value);
    if (!parsed) return tl::unexpected(parsed.error());
    out = std::move(*parsed);
    return {};
  };
}

struct NodeRow {
  std::string names;
  std::string address;
  model::NodeSetting setting;
  std::uint32_t cpus = 0;
};

Status finish_geometry(NodeRow& row, const Place& place) {
  model::NodeFacts& facts = row.setting.facts;
  row.setting.facts_fixed = row.cpus != 0 || facts.sockets != 0 || facts.cores_per_socket != 0;
  if (!row.setting.facts_fixed) return {};
  facts.threads_per_core = std::max(facts.threads_per_core, 1U);
  facts.sockets = std::max(facts.sockets, 1U);
  if (facts.cores_per_socket == 0) {
    const std::uint32_t per_core = facts.sockets * facts.threads_per_core;
    if (row.cpus % per_core != 0) {
      return wrong(place, "cpus to be a multiple of sockets x threads_per_core",
                   std::to_string(row.cpus));
    }
    facts.cores_per_socket = row.cpus / per_core;
  }
  if (row.cpus != 0 && facts.cpus() != row.cpus) {
    return wrong(place, "cpus = sockets x cores_per_socket x threads_per_core",
                 std::to_string(row.cpus));
  }
  return {};
}

// What is kept for the system must leave something to jobs.
Status check_reserved(const NodeRow& row, const Place& place) {
  const model::NodeFacts& facts = row.setting.facts;
  if (facts.core_spec_count != 0 && !facts.cpu_spec_list.empty()) {
    return wrong(place, "core_spec_count or cpu_spec_list, not both", row.names);
  }
  Result<base::Bitmap> cpus = base::Bitmap(kMaxCpus);
  if (!facts.cpu_spec_list.empty()) {
    cpus = base::Bitmap::from_ranges(facts.cpu_spec_list.view(), kMaxCpus);
  }
  if (!cpus) return wrong(place, "cpu_spec_list as 0,2-3", facts.cpu_spec_list);
  if (!row.setting.facts_fixed) return {};
  cpus->resize(facts.cpus());
  const std::uint32_t cores = facts.sockets * facts.cores_per_socket;
  if (facts.core_spec_count >= cores || cpus->count() >= facts.cpus()) {
    return wrong(place, "fewer CPUs kept for the system than the node has", row.names);
  }
  if (facts.memory != 0 && facts.mem_spec_limit >= facts.memory) {
    return wrong(place, "mem_spec_limit below real_memory", std::to_string(facts.mem_spec_limit));
  }
  return {};
}

Status read_node(const YamlValue& item, const std::string& file, model::Settings& settings) {
  NodeRow row;
  model::NodeFacts& facts = row.setting.facts;
  facts.boards = facts.sockets = facts.cores_per_socket = facts.threads_per_core = 0;
  const std::vector<Key> keys = {
      {"node_name", text(row.names)},
      {"node_addr", text(row.address)},
      {"cpus", number(row.cpus)},
      {"boards", number(facts.boards)},
      {"sockets", number(facts.sockets)},
      {"cores_per_socket", number(facts.cores_per_socket)},
      {"threads_per_core", number(facts.threads_per_core)},
      {"real_memory", memory(facts.memory)},
      {"tmp_disk", memory(facts.tmp_disk)},
      {"gres", gres_of(facts.gres)},
      {"features", text(row.setting.features)},
      {"weight", number(row.setting.weight)},
      {"core_spec_count", number(facts.core_spec_count)},
      {"cpu_spec_list", text(facts.cpu_spec_list)},
      {"mem_spec_limit", memory(facts.mem_spec_limit)},
      {"autodetect", yes_no(row.setting.autodetect)},
      {"accelerator_root", text(row.setting.accelerator_root)},
      {"accelerator_table", text(row.setting.accelerator_table)},
  };
  const Place place{file, item.line, "nodes"};
  if (item.kind != YamlValue::Kind::map) return wrong(place, "a mapping with node_name", "");
  if (Status read = read_keys(item, file, keys, {}); !read) return read;
  if (Status done = finish_geometry(row, place); !done) return done;
  if (Status done = check_reserved(row, place); !done) return done;
  const Result<std::vector<std::string>> names = base::parse_hosts(row.names);
  if (!names || names->empty()) return wrong(place, "node_name with host names", row.names);
  Result<std::vector<std::string>> addresses = base::parse_hosts(row.address);
  if (!addresses || (addresses->size() > 1 && addresses->size() != names->size())) {
    return wrong(place, "one node_addr, or one for each node", row.address);
  }
  for (std::size_t i = 0; i < names->size(); ++i) {
    model::NodeSetting node = row.setting;
    node.name = (*names)[i];
    node.address = addresses->empty() ? (*names)[i] : (*addresses)[addresses->size() > 1 ? i : 0];
    settings.nodes.push_back(std::move(node));
  }
  return {};
}

Status check_partition_nodes(model::Partition& partition, const Place& place,
                             const model::Settings& settings) {
  std::set<std::string_view> known;
  std::vector<std::string> all;
  for (const model::NodeSetting& node : settings.nodes) {
    known.insert(node.name.view());
    all.push_back(node.name.str());
  }
  if (base::iequals(partition.nodes, "ALL")) {
    partition.nodes = base::compress_sorted_hosts(all);
    return {};
  }
  const Result<std::vector<std::string>> names = base::parse_hosts(partition.nodes);
  if (!names) return wrong(place, "a list of nodes", partition.nodes);
  for (const std::string& name : *names) {
    if (!known.contains(name)) return wrong(place, "nodes that exist", name);
  }
  partition.nodes = base::compress_sorted_hosts(*names);
  return {};
}

Status read_partition(const YamlValue& item, const std::string& file, model::Settings& settings) {
  model::Partition p;
  p.index = PartitionIndex(static_cast<std::uint32_t>(settings.partitions.size()));
  p.cpu_unit = settings.cpu_unit_default;
  const std::vector<Key> keys = {
      {"partition_name", text(p.name)},
      {"nodes", text(p.nodes)},
      {"default", yes_no(p.is_default)},
      {"hidden", yes_no(p.hidden)},
      {"root_only", yes_no(p.root_only)},
      {"state", one_of(p.state, {{"UP", PartitionState::up},
                                 {"DOWN", PartitionState::down},
                                 {"DRAIN", PartitionState::drain},
                                 {"INACTIVE", PartitionState::inactive}})},
      {"max_time", minutes(p.max_time)},
      {"default_time", minutes(p.default_time)},
      {"min_nodes", number(p.min_nodes)},
      {"max_nodes", number_or_unlimited(p.max_nodes)},
      {"max_cpus_per_node", number_or_unlimited(p.max_cpus_per_node)},
      {"def_mem_per_cpu", memory(p.default_memory_per_cpu)},
      {"def_mem_per_node", memory(p.default_memory_per_node)},
      {"max_mem_per_cpu", memory(p.max_memory_per_cpu)},
      {"max_mem_per_node", memory(p.max_memory_per_node)},
      {"allow_groups", list_or_all(p.allow_groups)},
      {"allow_accounts", list_or_all(p.allow_accounts)},
      {"deny_accounts", text(p.deny_accounts)},
      {"allow_qos", list_or_all(p.allow_qos)},
      {"deny_qos", text(p.deny_qos)},
      {"qos", text(p.qos)},
      {"tres_billing_weights", billing_weights(settings, p.tres_billing_weights)},
      {"priority_job_factor", number(p.priority_job_factor)},
      {"disable_root_jobs", yes_no(p.disable_root_jobs)},
      {"over_subscribe", sharing(p)},
      {"priority_tier", number(p.priority_tier)},
      {"preempt_mode", partition_preempt_mode(p.preempt_mode)},
      {"grace_time", seconds(p.grace_time)},
      {"lln", yes_no(p.least_loaded)},
      {"exclusive_user", yes_no(p.exclusive_user)},
      {"job_defaults", job_defaults(p.job_defaults)},
      {"cpu_unit", one_of(p.cpu_unit, {{"core", CpuUnit::core},
                                       {"thread", CpuUnit::thread},
                                       {"socket", CpuUnit::socket},
                                       {"node", CpuUnit::node}})},
  };
  const Place place{file, item.line, "partitions"};
  if (item.kind != YamlValue::Kind::map) return wrong(place, "a mapping with partition_name", "");
  if (Status read = read_keys(item, file, keys, {}); !read) return read;
  if (p.name.empty()) return wrong(place, "partition_name", "");
  if (p.nodes.empty()) p.nodes = "ALL";
  if (Status nodes = check_partition_nodes(p, place, settings); !nodes) return nodes;
  for (const model::Partition& other : settings.partitions) {
    if (other.name == p.name) return wrong(place, "each partition once", p.name);
    if (other.is_default && p.is_default) return wrong(place, "one default partition", p.name);
  }
  settings.partitions.push_back(std::move(p));
  return {};
}

}  // namespace

Result<std::vector<model::NodeGres>> parse_node_gres(const std::string& text) {
  std::vector<model::NodeGres> all;
  std::vector<std::string> entries;
  if (Status split = words(entries)(text); !split) return tl::unexpected(split.error());
  for (const std::string& entry : entries) {
    const std::size_t first = entry.find(':');
    const std::size_t last = entry.rfind(':');
    model::NodeGres gres;
    gres.name = entry.substr(0, first);
    gres.count = 1;
    if (last != std::string::npos) {
      const Result<std::uint64_t> count = base::parse_count(entry.substr(last + 1));
      if (!count) return fail(ErrorCode::invalid_gres, "name[:type]:count");
      gres.count = *count;
      if (first != last) gres.type = entry.substr(first + 1, last - first - 1);
    }
    if (gres.name.empty()) return fail(ErrorCode::invalid_gres, "name[:type]:count");
    if (gres.name.view() == "mps") {
      return fail(ErrorCode::unsupported, "whole devices, or shards: there is no mps");
    }
    all.push_back(std::move(gres));
  }
  if (Status shards = check_shards(all); !shards) return tl::unexpected(shards.error());
  return all;
}

Status read_nodes(const YamlValue& list, const std::string& file, model::Settings& settings) {
  const Place place{file, list.line, "nodes"};
  if (list.kind != YamlValue::Kind::list) return wrong(place, "a list of nodes", "");
  for (const YamlValue& item : list.items) {
    if (Status read = read_node(item, file, settings); !read) return read;
  }
  std::set<std::string_view> seen;
  for (const model::NodeSetting& node : settings.nodes) {
    if (!seen.insert(node.name.view()).second) return wrong(place, "each node once", node.name);
  }
  return {};
}

Status read_partitions(const YamlValue& list, const std::string& file, model::Settings& settings) {
  const Place place{file, list.line, "partitions"};
  if (list.kind != YamlValue::Kind::list) return wrong(place, "a list of partitions", "");
  for (const YamlValue& item : list.items) {
    if (Status read = read_partition(item, file, settings); !read) return read;
  }
  return {};
}

}  // namespace sluice::config
