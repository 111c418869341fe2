// See node_fields.hpp.
#include "report/node_fields.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "base/user.hpp"
#include "report/account_fields.hpp"
#include "report/column_text.hpp"
#include "report/gres_text.hpp"
#include "report/node_counts.hpp"

namespace sluice::report {

namespace {

using model::Node;
using model::Partition;
using Out = std::string;
using Group = NodeGroup;
using Context = NodeContext;

constexpr char kNotHere[] = "n/a";
constexpr char kNull[] = "(null)";
constexpr char kAll[] = "all";
constexpr char kNothing[] = "";
constexpr char kNotAvailable[] = "N/A";

template <const char* Value>
void always(const Group&, const Context&, Out& out) {
  out += Value;
}
template <auto Member>
void partition_number(const Group& group, const Context&, Out& out) {
  add_number(out, group.partition->*Member);
}

// --- Values of a node, and how a group shows them ------------------------------------------------

std::uint64_t cpus(const Node& node) { return node.facts.cpus(); }
std::uint64_t disk(const Node& node) { return node.facts.tmp_disk; }
std::uint64_t memory(const Node& node) { return node.facts.memory; }
std::uint64_t weight(const Node& node) { return node.weight; }
std::uint64_t sockets(const Node& node) { return node.facts.sockets; }
std::uint64_t cores(const Node& node) { return node.facts.cores_per_socket; }
std::uint64_t threads(const Node& node) { return node.facts.threads_per_core; }
std::uint64_t allocated_memory(const Node& node) { return node.allocated_memory; }
std::uint64_t free_memory(const Node& node) { return node.free_memory; }
std::uint64_t load(const Node& node) { return node.cpu_load; }

struct Extent {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};
using Value = std::uint64_t (*)(const Node&);
Extent extent_of(const Group& group, Value value) {
  if (group.nodes.empty()) return {};
  Extent extent{UINT64_MAX, 0};
  for (const Node* node : group.nodes) {
    extent.low = std::min(extent.low, value(*node));
    extent.high = std::max(extent.high, value(*node));
  }
  return extent;
}

// "4", or "4+" where some have more.
template <Value Of>
void at_least(const Group& group, const Context&, Out& out) {
  const Extent extent = extent_of(group, Of);
  add_number(out, extent.low);
  if (extent.high != extent.low) out += '+';
}
void geometry(const Group& group, const Context& context, Out& out) {
  at_least<sockets>(group, context, out);
  out += ':';
  at_least<cores>(group, context, out);
  out += ':';
  at_least<threads>(group, context, out);
}
void free_memory_range(const Group& group, const Context&, Out& out) {
  const Extent extent = extent_of(group, free_memory);
  if (extent.high == 0) return add_or(out, {}, kNotAvailable);
  add_number(out, extent.low);
  if (extent.high == extent.low) return;
  out += '-';
  add_number(out, extent.high);
}
void load_range(const Group& group, const Context&, Out& out) {
  const Extent extent = extent_of(group, load);
  out += fmt::format("{:.2f}", static_cast<double>(extent.low) / 100);
  if (extent.high == extent.low) return;
  out += fmt::format("-{:.2f}", static_cast<double>(extent.high) / 100);
}

// --- What all nodes of a group have in common ----------------------------------------------------

const Node* first_of(const Group& group) {
  return group.nodes.empty() ? nullptr : group.nodes.front();
}
std::string_view features_of(const Node& node) {
  return node.features.empty() ? node.facts.features.view() : node.features.view();
}
void features(const Group& group, const Context&, Out& out) {
  const Node* node = first_of(group);
  add_or_null(out, node != nullptr ? features_of(*node) : std::string_view());
}
void host(const Group& group, const Context&, Out& out) {
  const Node* node = first_of(group);
  if (node != nullptr) add_or(out, node->facts.hostname, node->name);
}
void address(const Group& group, const Context&, Out& out) {
  const Node* node = first_of(group);
  if (node != nullptr) add_or(out, node->address, node->name);
}
void version(const Group& group, const Context&, Out& out) {
  const Node* node = first_of(group);
  if (node != nullptr) out += node->facts.version.view();
}
template <Text Node::*Member>
void node_text(const Group& group, const Context&, Out& out) {
  const Node* node = first_of(group);
  add_or_null(out, node != nullptr ? (node->*Member).view() : std::string_view());
}
void gres(const Group& group, const Context&, Out& out) {
  const Node* node = first_of(group);
  add_or_null(out, node != nullptr ? gres_text(*node) : std::string());
}
void reason(const Group& group, const Context&, Out& out) {
  const Node* node = first_of(group);
  add_or(out, node != nullptr ? node->reason.view() : std::string_view(), "none");
}
bool has_reason(const Group& group) {
  return first_of(group) != nullptr && !first_of(group)->reason.empty();
}
void reason_user(const Group& group, const Context&, Out& out) {
  out += has_reason(group) ? base::user_label(first_of(group)->reason_uid) : "Unknown";
}
void reason_user_long(const Group& group, const Context& context, Out& out) {
  reason_user(group, context, out);
  if (has_reason(group)) out += fmt::format("({})", first_of(group)->reason_uid);
}
void reason_time(const Group& group, const Context& context, Out& out) {
  const model::WallTime when = has_reason(group) ? first_of(group)->reason_time : 0;
  add_time(out, when, {context.time_format, context.now}, "Unknown");
}
template <std::string (*Words)(const Node&)>
void state(const Group& group, const Context&, Out& out) {
  out += first_of(group) != nullptr ? Words(*first_of(group)) : kNotHere;
}
void complete_state(const Group& group, const Context&, Out& out) {
  out +=
      first_of(group) != nullptr ? base::to_lower(model::long_state(*first_of(group))) : kNotHere;
}

// --- Counts --------------------------------------------------------------------------------------

void nodes_ai(const Group& group, const Context&, Out& out) {
  const Tally tally = count_nodes(group);
  out += fmt::format("{}/{}", tally.allocated, tally.idle);
}
void nodes_aiot(const Group& group, const Context&, Out& out) {
  const Tally tally = count_nodes(group);
  out += fmt::format("{}/{}/{}/{}", tally.allocated, tally.idle, tally.other, tally.total());
}
void cpus_aiot(const Group& group, const Context&, Out& out) {
  const Tally tally = count_cpus(group);
  out += fmt::format("{}/{}/{}/{}", tally.allocated, tally.idle, tally.other, tally.total());
}
void node_number(const Group& group, const Context&, Out& out) {
  add_number(out, group.nodes.size());
}
void node_list(const Group& group, const Context&, Out& out) {
  std::vector<std::string> names;
  names.reserve(group.nodes.size());
  for (const Node* node : group.nodes) names.push_back(node->name.str());
  out += base::compress_sorted_hosts(std::move(names));
}

// --- The partition -------------------------------------------------------------------------------

void available(const Group& group, const Context&, Out& out) {
  constexpr std::array<std::string_view, 4> kWords{"up", "down", "drain", "inact"};
  out += kWords[static_cast<std::size_t>(group.partition->state) % kWords.size()];
}
void partition_name(const Group& group, const Context&, Out& out) {
  out += group.partition->name.view();
}
void partition(const Group& group, const Context& context, Out& out) {
  partition_name(group, context, out);
  if (group.partition->is_default) out += '*';
}
void groups(const Group& group, const Context&, Out& out) {
  add_or(out, group.partition->allow_groups, kAll);
}
void oversubscribe(const Group& group, const Context&, Out& out) {
  const Partition& partition = *group.partition;
  switch (partition.oversubscribe) {
    case model::OverSubscribe::no: out += "NO"; break;
    case model::OverSubscribe::yes:
      out += fmt::format("YES:{}", partition.oversubscribe_jobs);
      break;
    case model::OverSubscribe::force:
      out += fmt::format("FORCE:{}", partition.oversubscribe_jobs);
      break;
    case model::OverSubscribe::exclusive: out += "EXCLUSIVE"; break;
  }
}
void max_time(const Group& group, const Context&, Out& out) {
  if (group.partition->max_time == model::kUnlimited) return add_or(out, {}, "infinite");
  add_minutes(out, group.partition->max_time);
}
void default_time(const Group& group, const Context&, Out& out) {
  const std::uint32_t minutes = group.partition->default_time;
  if (minutes == 0) return add_or(out, {}, kNotHere);
  if (minutes == model::kUnlimited) return add_or(out, {}, "infinite");
  add_minutes(out, minutes);
}
void job_size(const Group& group, const Context&, Out& out) {
  const Partition& partition = *group.partition;
  const std::uint32_t least = std::max(partition.min_nodes, 1U);
  add_number(out, least);
  if (partition.max_nodes == least) return;
  out += '-';
  if (partition.max_nodes == model::kUnlimited) return add_or(out, {}, "infinite");
  add_number(out, partition.max_nodes);
}
void max_cpus(const Group& group, const Context&, Out& out) {
  const std::uint32_t most = group.partition->max_cpus_per_node;
  if (most == model::kUnlimited) return add_or(out, {}, "UNLIMITED");
  add_number(out, most);
}
void root_only(const Group& group, const Context&, Out& out) {
  out += group.partition->root_only ? "yes" : "no";
}
void preempt_mode(const Group& group, const Context&, Out& out) {
  out += partition_preempt_mode(group.partition->preempt_mode);
}
void cluster(const Group&, const Context& context, Out& out) {
  add_or(out, context.cluster, kNotAvailable);
}

constexpr std::uint16_t kWidth = 20;

constexpr auto kFields = std::to_array<NodeField>({
    {"AllocMem", 0, "ALLOCMEM", kWidth, at_least<allocated_memory>},
    {"AllocNodes", 'S', "ALLOCNODES", kWidth, always<kAll>},
    {"Available", 'a', "AVAIL", kWidth, available},
    {"Cluster", 'V', "CLUSTER", kWidth, cluster},
    {"Comment", 0, "COMMENT", kWidth, node_text<&Node::comment>},
    {"Cores", 'Y', "CORES", kWidth, at_least<cores>},
    {"CPUs", 'c', "CPUS", kWidth, at_least<cpus>},
    {"CPUsLoad", 'O', "CPU_LOAD", kWidth, load_range},
    {"CPUsState", 'C', "CPUS(A/I/O/T)", kWidth, cpus_aiot},
    {"DefaultTime", 'L', "DEFAULTTIME", kWidth, default_time},
    {"Disk", 'd', "TMP_DISK", kWidth, at_least<disk>},
    {"Extra", 0, "EXTRA", kWidth, node_text<&Node::extra>},
    {"Features", 'f', "AVAIL_FEATURES", kWidth, features},
    {"features_act", 'b', "ACTIVE_FEATURES", kWidth, features},
    {"FreeMem", 'e', "FREE_MEM", kWidth, free_memory_range},
    {"Gres", 'G', "GRES", kWidth, gres},
    {"GresUsed", 0, "GRES_USED", kWidth, node_text<&Node::gres_used>},
    {"Groups", 'g', "GROUPS", kWidth, groups},
    {"MaxCPUsPerNode", 'B', "MAX_CPUS_PER_NODE", kWidth, max_cpus},
    {"Memory", 'm', "MEMORY", kWidth, at_least<memory>},
    {"NodeAddr", 'o', "NODE_ADDR", kWidth, address},
    {"NodeAI", 'A', "NODES(A/I)", kWidth, nodes_ai},
    {"NodeAIOT", 'F', "NODES(A/I/O/T)", kWidth, nodes_aiot},
    {"NodeHost", 'n', "HOSTNAMES", kWidth, host},
    {"NodeList", 'N', "NODELIST", kWidth, node_list},
    {"Nodes", 'D', "NODES", kWidth, node_number},
    {"OverSubscribe", 'h', "OVERSUBSCRIBE", kWidth, oversubscribe},
    {"Partition", 'P', "PARTITION", kWidth, partition},
    {"PartitionName", 'R', "PARTITION", kWidth, partition_name},
    {"Port", 0, "PORT", kWidth, always<kNotAvailable>},
    {"PreemptMode", 'M', "PREEMPT_MODE", kWidth, preempt_mode},
    {"PriorityJobFactor", 'I', "PRIO_JOB_FACTOR", kWidth,
     partition_number<&Partition::priority_job_factor>},
    {"PriorityTier", 'p', "PRIO_TIER", kWidth, partition_number<&Partition::priority_tier>},
    {"Priority", 0, "PRIO_TIER", kWidth, partition_number<&Partition::priority_tier>},
    {"Reason", 'E', "REASON", kWidth, reason},
    {"Reservation", 'i', "RESERVATION", kWidth, always<kNothing>},
    {"Root", 'r', "ROOT", kWidth, root_only},
    {"Size", 's', "JOB_SIZE", kWidth, job_size},
    {"SocketCoreThread", 'z', "S:C:T", kWidth, geometry},
    {"Sockets", 'X', "SOCKETS", kWidth, at_least<sockets>},
    {"StateCompact", 't', "STATE", kWidth, state<model::compact_state>},
    {"StateLong", 'T', "STATE", kWidth, state<model::sinfo_state>},
    {"StateComplete", 0, "STATECOMPLETE", kWidth, complete_state},
    {"Threads", 'Z', "THREADS", kWidth, at_least<threads>},
    {"Time", 'l', "TIMELIMIT", kWidth, max_time},
    {"TimeStamp", 'H', "TIMESTAMP", kWidth, reason_time},
    {"User", 'u', "USER", kWidth, reason_user},
    {"UserLong", 'U', "USER", kWidth, reason_user_long},
    {"Version", 'v', "VERSION", kWidth, version},
    {"Weight", 'w', "WEIGHT", kWidth, at_least<weight>},
});

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::span<const NodeField> node_fields() { return kFields; }

Grouping grouping_of(std::size_t field) {
  constexpr std::array<std::string_view, 2> kPartition{"Partition", "PartitionName"};
  constexpr std::array<std::string_view, 10> kRange{
      "CPUs",  "Memory",  "Disk",    "Weight",           "Sockets",
      "Cores", "Threads", "FreeMem", "SocketCoreThread", "CPUsLoad"};
  constexpr std::array<std::string_view, 5> kSum{"CPUsState", "NodeAI", "NodeAIOT", "NodeList",
                                                 "Nodes"};
  const std::string_view name = kFields[field].name;
  if (is_one_of(name, kPartition)) return Grouping::partition;
  if (is_one_of(name, kRange)) return Grouping::range;
  return is_one_of(name, kSum) ? Grouping::sum : Grouping::value;
}

}  // namespace sluice::report
