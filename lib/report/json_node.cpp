// Nodes, partitions and sinfo's rows as JSON: see json_records.hpp.
#include <algorithm>

#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "base/user.hpp"
#include "model/reserved_cpus.hpp"
#include "report/gres_text.hpp"
#include "report/json_records.hpp"
#include "report/node_counts.hpp"

namespace sluice::report {

namespace {

using model::Node;
using model::Partition;
using Number = OptionalNumber;

Number seconds(model::WallTime time) { return Number::of(time / model::kSecond); }
Number limit(std::uint32_t value) {
  return value == model::kUnlimited ? Number::endless() : Number::of(value);
}
Number asked(std::uint64_t value) { return Number::unless_zero(static_cast<std::int64_t>(value)); }

void words(JsonWriter& writer, std::string_view name, std::string_view list, char separator) {
  writer.key(name);
  writer.open_array();
  for (const std::string_view word : base::split_nonempty(list, separator)) writer.value(word);
  writer.close();
}

std::string reason_user(const Node& node) {
  return node.reason.empty() ? std::string() : base::user_label(node.reason_uid);
}

std::string configured_tres(const Node& node) {
  return "cpu=" + std::to_string(node.facts.cpus()) + ",mem=" + std::to_string(node.facts.memory) +
         "M,billing=" + std::to_string(node.facts.cpus());
}

void write_hardware(JsonWriter& writer, const Node& node) {
  const model::NodeFacts& facts = node.facts;
  writer.member("architecture", facts.arch);
  writer.member("operating_system", facts.os);
  writer.member("boards", facts.boards);
  writer.member("sockets", facts.sockets);
  writer.member("cores", facts.cores_per_socket);
  writer.member("threads", facts.threads_per_core);
  writer.member("cpus", facts.cpus());
  writer.member("effective_cpus", model::job_cpus(facts));
  writer.member("specialized_cores", 0);
  writer.member("specialized_cpus", "");
  writer.member("specialized_memory", 0);
  writer.member("real_memory", facts.memory);
  writer.member("temporary_disk", facts.tmp_disk);
  writer.member("version", facts.version);
  writer.member("boot_time", seconds(facts.boot_time));
  writer.member("slurmd_start_time", seconds(facts.daemon_start));
  writer.member("gres", gres_text(node));
  writer.member("gres_used", node.gres_used);
  writer.member("gres_drained", "N/A");
  writer.member("tres", configured_tres(node));
}

struct Range {
  std::string_view name;
  std::uint64_t (*of)(const Node&);
};

std::int64_t lowest(const NodeGroup& group, std::uint64_t (*of)(const Node&)) {
  std::uint64_t low = UINT64_MAX;
  for (const Node* node : group.nodes) low = std::min(low, of(*node));
  return group.nodes.empty() ? 0 : static_cast<std::int64_t>(low);
}
std::int64_t highest(const NodeGroup& group, std::uint64_t (*of)(const Node&)) {
  std::uint64_t high = 0;
  for (const Node* node : group.nodes) high = std::max(high, of(*node));
  return static_cast<std::int64_t>(high);
}

void write_tally(JsonWriter& writer, const Tally& tally) {
  writer.member("allocated", tally.allocated);
  writer.member("idle", tally.idle);
  writer.member("other", tally.other);
  writer.member("total", tally.total());
}

void write_ranges(JsonWriter& writer, const NodeGroup& group) {
  constexpr Range kRanges[] = {
      {"sockets", [](const Node& n) -> std::uint64_t { return n.facts.sockets; }},
      {"cores", [](const Node& n) -> std::uint64_t { return n.facts.cores_per_socket; }},
      {"threads", [](const Node& n) -> std::uint64_t { return n.facts.threads_per_core; }},
      {"disk", [](const Node& n) -> std::uint64_t { return n.facts.tmp_disk; }},
      {"weight", [](const Node& n) -> std::uint64_t { return n.weight; }},
  };
  for (const Range& range : kRanges) {
    writer.key(range.name);
    writer.open_object();
    writer.member("minimum", lowest(group, range.of));
    writer.member("maximum", highest(group, range.of));
    writer.close();
  }
}

void write_cpus(JsonWriter& writer, const NodeGroup& group) {
  const auto cpus = [](const Node& n) -> std::uint64_t { return n.facts.cpus(); };
  const auto load = [](const Node& n) -> std::uint64_t { return n.cpu_load; };
  writer.key("cpus");
  writer.open_object();
  write_tally(writer, count_cpus(group));
  writer.member("minimum", lowest(group, cpus));
  writer.member("maximum", highest(group, cpus));
  writer.key("load");
  writer.open_object();
  writer.member("minimum", Number::of(lowest(group, load)));
  writer.member("maximum", Number::of(highest(group, load)));
  writer.close();
  writer.close();
}

void write_memory(JsonWriter& writer, const NodeGroup& group) {
  const auto memory = [](const Node& n) -> std::uint64_t { return n.facts.memory; };
  const auto free = [](const Node& n) -> std::uint64_t { return n.free_memory; };
  std::uint64_t allocated = 0;
  for (const Node* node : group.nodes) allocated += node->allocated_memory;
  writer.key("memory");
  writer.open_object();
  writer.member("minimum", lowest(group, memory));
  writer.member("maximum", highest(group, memory));
  writer.member("allocated", allocated);
  writer.key("free");
  writer.open_object();
  writer.member("minimum", Number::of(lowest(group, free)));
  writer.member("maximum", Number::of(highest(group, free)));
  writer.close();
  writer.close();
}

void write_names(JsonWriter& writer, std::string_view key, const NodeGroup& group,
                 std::string (*name)(const Node&)) {
  writer.key(key);
  writer.open_array();
  for (const Node* node : group.nodes) writer.value(name(*node));
  writer.close();
}

}  // namespace

void write_node(JsonWriter& writer, const Node& node, const JsonContext& context) {
  writer.open_object();
  writer.member("name", node.name);
  writer.member("address", node.address);
  writer.member("hostname", node.facts.hostname.empty() ? node.name : node.facts.hostname);
  writer.member("cluster_name", context.cluster);
  words(writer, "state", model::long_state(node), '+');
  words(writer, "partitions", node.partitions, ',');
  words(writer, "features", node.features, ',');
  words(writer, "active_features", node.features, ',');
  write_hardware(writer, node);
  writer.member("alloc_cpus", node.allocated_cpus);
  writer.member("alloc_idle_cpus",
                node.facts.cpus() - std::min(node.allocated_cpus, node.facts.cpus()));
  writer.member("alloc_memory", node.allocated_memory);
  writer.member("cpu_load", node.cpu_load);
  writer.member("free_mem", asked(node.free_memory));
  writer.member("weight", node.weight);
  writer.member("reason", node.reason);
  writer.member("reason_changed_at", seconds(node.reason_time));
  writer.member("reason_set_by_user", reason_user(node));
  writer.member("last_busy", seconds(node.last_busy));
  writer.member("comment", node.comment);
  writer.member("extra", node.extra);
  for (const std::string_view name : {"owner", "mcs_label", "reservation", "instance_id",
                                      "instance_type", "burstbuffer_network_address"}) {
    writer.member(name, "");
  }
  writer.close();
}

void write_partition(JsonWriter& writer, const Partition& partition, const JsonContext& context) {
  writer.open_object();
  writer.member("name", partition.name);
  writer.member("cluster", context.cluster);
  writer.key("partition");
  writer.open_object();
  constexpr std::string_view kStates[] = {"UP", "DOWN", "DRAIN", "INACTIVE"};
  writer.strings("state",
                 {kStates[static_cast<std::size_t>(partition.state) % std::size(kStates)]});
  writer.close();
  writer.key("nodes");
  writer.open_object();
  writer.member("allowed_allocation", "");
  writer.member("configured", partition.nodes);
  writer.member("total", partition.total_nodes);
  writer.close();
  const auto allowed = [&](std::string_view key, std::string_view allow, std::string_view deny) {
    writer.key(key);
    writer.open_object();
    writer.member("allowed", allow);
    writer.member("deny", deny);
    writer.close();
  };
  allowed("accounts", partition.allow_accounts, partition.deny_accounts);
  allowed("groups", partition.allow_groups, "");
  allowed("qos", partition.allow_qos, partition.deny_qos);
  writer.key("tres");
  writer.open_object();
  writer.member("billing_weights", "");
  writer.member("configured", partition.tres);
  writer.close();
  writer.key("cpus");
  writer.open_object();
  writer.member("task_binding", 0);
  writer.member("total", partition.total_cpus);
  writer.close();
  writer.key("defaults");
  writer.open_object();
  writer.member("memory_per_cpu", partition.default_memory_per_cpu);
  writer.member("partition_memory_per_cpu", asked(partition.default_memory_per_cpu));
  writer.member("partition_memory_per_node", asked(partition.default_memory_per_node));
  writer.member("time", partition.default_time == 0 ? Number{} : limit(partition.default_time));
  writer.member("job", "");
  writer.close();
  writer.key("maximums");
  writer.open_object();
  writer.member("cpus_per_node", limit(partition.max_cpus_per_node));
  writer.member("memory_per_cpu", partition.max_memory_per_cpu);
  writer.member("partition_memory_per_cpu", asked(partition.max_memory_per_cpu));
  writer.member("partition_memory_per_node", asked(partition.max_memory_per_node));
  writer.member("nodes", limit(partition.max_nodes));
  writer.member("time", limit(partition.max_time));
  writer.close();
  writer.key("minimums");
  writer.open_object();
  writer.member("nodes", partition.min_nodes);
  writer.close();
  writer.key("priority");
  writer.open_object();
  writer.member("job_factor", partition.priority_job_factor);
  writer.member("tier", partition.priority_tier);
  writer.close();
  writer.member("grace_time", partition.grace_time);
  writer.close();
}

void write_node_group(JsonWriter& writer, const NodeGroup& group, const JsonContext& context) {
  const Node none;
  const Node& first = group.nodes.empty() ? none : *group.nodes.front();
  writer.open_object();
  writer.key("node");
  writer.open_object();
  words(writer, "state", group.nodes.empty() ? "" : model::long_state(first), '+');
  writer.close();
  writer.key("nodes");
  writer.open_object();
  write_tally(writer, count_nodes(group));
  write_names(writer, "hostnames", group, [](const Node& n) { return n.facts.hostname.str(); });
  write_names(writer, "addresses", group, [](const Node& n) { return n.address.str(); });
  write_names(writer, "nodes", group, [](const Node& n) { return n.name.str(); });
  writer.close();
  write_cpus(writer, group);
  write_ranges(writer, group);
  write_memory(writer, group);
  writer.key("features");
  writer.open_object();
  writer.member("total", first.features);
  writer.member("active", first.features);
  writer.close();
  writer.key("gres");
  writer.open_object();
  writer.member("total", gres_text(first));
  writer.member("used", first.gres_used);
  writer.close();
  writer.member("cluster", context.cluster);
  writer.member("comment", first.comment);
  writer.member("extra", first.extra);
  writer.key("reason");
  writer.open_object();
  writer.member("description", first.reason);
  writer.member("time", seconds(first.reason_time));
  writer.member("user", reason_user(first));
  writer.close();
  writer.member("reservation", "");
  writer.key("partition");
  write_partition(writer, *group.partition, context);
  writer.close();
}

}  // namespace sluice::report
