// Requests on nodes, partitions and the cluster itself.
#include <algorithm>
#include <utility>

#include "base/duration.hpp"
#include "base/hostlist.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "daemon/controller/service/service.hpp"

namespace sluice::controller {

void Service::handle(const Call& call, wire::UpdateNode& request) {
  if (answer_again(call, request.request_id)) return;
  core::UpdateNode event;
  event.verb = request.verb;
  event.reason = request.reason;
  event.features = request.features;
  event.comment = request.comment;
  event.extra = request.extra;
  event.weight = request.weight;
  event.by_uid = call.peer.uid;
  const auto add = [&](std::string_view name) {
    const auto index = cluster_.find_node(name);
    if (index) event.nodes.push_back(*index);
    return index.has_value();
  };
  if (request.names == Text("ALL")) {
    for (const core::NodeSetting& node : options_.settings->nodes) add(node.name);
  } else {
    Result<std::vector<std::string>> names = base::parse_hosts(request.names);
    if (!names) return refuse(call, names.error());
    for (const std::string& name : *names) {
      if (!add(name)) {
        return refuse(call, {ErrorCode::invalid_node_name,
                             std::string(error_text(ErrorCode::invalid_node_name))});
      }
    }
  }
  core::Changes changes = cluster_.apply(event, env_.now());
  if (!changes.outcome) return refuse(call, changes.outcome.error());
  answer_stored(call, request.request_id, std::move(changes), wire::DoneReply::kType, {});
}

void Service::handle(const Call& call, wire::UpdatePartition& request) {
  if (answer_again(call, request.request_id)) return;
  const std::vector<model::PartitionPtr> all = cluster_.all_partitions();
  const auto found = std::ranges::find_if(
      all, [&](const model::PartitionPtr& partition) { return partition->name == request.name; });
  if (found == all.end()) {
    return refuse(call, {ErrorCode::invalid_partition,
                         std::string(error_text(ErrorCode::invalid_partition))});
  }
  core::UpdatePartition event{**found};
  if (const Status edited = edit_partition(event.partition, request.changes); !edited) {
    return refuse(call, edited.error());
  }
  core::Changes changes = cluster_.apply(event, env_.now());
  if (!changes.outcome) return refuse(call, changes.outcome.error());
  answer_stored(call, request.request_id, std::move(changes), wire::DoneReply::kType, {});
}

void Service::handle(const Call& call, wire::Ping& /*request*/) {
  wire::PingReply message;
  message.host = options_.host;
  message.pid = options_.pid;
  message.epoch = epoch_;
  message.cluster = options_.settings->cluster_name;
  message.started = started_;
  message.nodes_total = static_cast<std::uint32_t>(links_.size());
  message.nodes_up = static_cast<std::uint32_t>(
      std::ranges::count_if(links_, [](const NodeLink& link) { return link.connected; }));
  reply(env_, call.session, call.id, message);
}

void Service::handle(const Call& call, wire::QueryHosts& /*request*/) {
  reply(env_, call.session, call.id, wire::HostsReply{hosts_});
}

void Service::handle(const Call& call, wire::QueryTopology& /*request*/) {
  reply(env_, call.session, call.id, wire::TopologyReply{options_.settings->topology});
}

namespace {

Status set_minutes(std::uint32_t& minutes, std::string_view text) {
  const Result<std::int64_t> seconds = base::parse_duration(text);
  if (!seconds) return fail(ErrorCode::invalid_time_limit);
  minutes = *seconds == base::kUnlimited ? model::kUnlimited
                                         : static_cast<std::uint32_t>((*seconds + 59) / 60);
  return {};
}

Status set_count(std::uint32_t& count, std::string_view text) {
  if (base::iequals(text, "UNLIMITED") || base::iequals(text, "INFINITE")) {
    count = model::kUnlimited;
    return {};
  }
  const Result<std::uint32_t> value = base::parse_u32(text);
  if (!value) return fail(ErrorCode::invalid_argument, "Invalid number: " + std::string(text));
  count = *value;
  return {};
}

Status set_flag(bool& flag, std::string_view text) {
  if (!base::iequals(text, "YES") && !base::iequals(text, "NO")) {
    return fail(ErrorCode::invalid_argument, "expected YES or NO, not " + std::string(text));
  }
  flag = base::iequals(text, "YES");
  return {};
}

Status set_state(model::PartitionState& state, std::string_view text) {
  using model::PartitionState;
  constexpr std::pair<std::string_view, PartitionState> kStates[] = {
      {"UP", PartitionState::up},
      {"DOWN", PartitionState::down},
      {"DRAIN", PartitionState::drain},
      {"INACTIVE", PartitionState::inactive}};
  for (const auto& [name, value] : kStates) {
    if (base::iequals(text, name)) {
      state = value;
      return {};
    }
  }
  return fail(ErrorCode::invalid_argument, "Invalid partition state: " + std::string(text));
}

Text list_or_all(std::string_view text) { return base::iequals(text, "ALL") ? Text() : Text(text); }

}  // namespace

Status edit_partition(model::Partition& partition, const std::vector<wire::KeyValue>& changes) {
  for (const auto& [key, value] : changes) {
    Status done;
    if (base::iequals(key, "State"))
      done = set_state(partition.state, value);
    else if (base::iequals(key, "Default"))
      done = set_flag(partition.is_default, value);
    else if (base::iequals(key, "Hidden"))
      done = set_flag(partition.hidden, value);
    else if (base::iequals(key, "RootOnly"))
      done = set_flag(partition.root_only, value);
    else if (base::iequals(key, "MaxTime"))
      done = set_minutes(partition.max_time, value);
    else if (base::iequals(key, "DefaultTime"))
      done = set_minutes(partition.default_time, value);
    else if (base::iequals(key, "MaxNodes"))
      done = set_count(partition.max_nodes, value);
    else if (base::iequals(key, "MinNodes"))
      done = set_count(partition.min_nodes, value);
    else if (base::iequals(key, "MaxCPUsPerNode"))
      done = set_count(partition.max_cpus_per_node, value);
    else if (base::iequals(key, "PriorityTier"))
      done = set_count(partition.priority_tier, value);
    else if (base::iequals(key, "PriorityJobFactor"))
      done = set_count(partition.priority_job_factor, value);
    else if (base::iequals(key, "GraceTime"))
      done = set_count(partition.grace_time, value);
    else if (base::iequals(key, "AllowGroups"))
      partition.allow_groups = list_or_all(value);
    else if (base::iequals(key, "AllowAccounts"))
      partition.allow_accounts = list_or_all(value);
    else if (base::iequals(key, "DenyAccounts"))
      partition.deny_accounts = value;
    else if (base::iequals(key, "AllowQos"))
      partition.allow_qos = list_or_all(value);
    else if (base::iequals(key, "DenyQos"))
      partition.deny_qos = value;
    else if (base::iequals(key, "QoS"))
      partition.qos = base::iequals(value, "N/A") ? Text() : value;
    else if (base::iequals(key, "DisableRootJobs"))
      done = set_flag(partition.disable_root_jobs, value);
    else if (base::iequals(key, "Nodes"))
      partition.nodes = value;
    else
      done = fail(ErrorCode::invalid_argument,
                  "Update of this parameter is not supported: " + key.str());
    if (!done) return done;
  }
  return {};
}

}  // namespace sluice::controller
