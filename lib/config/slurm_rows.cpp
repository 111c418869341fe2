// See slurm_rows.hpp.
#include "config/slurm_rows.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::config {

namespace {

// What decides when and where jobs run.
constexpr auto kGlobalTaken = std::to_array<std::string_view>({
    "accounting_storage_enforce",
    "accounting_storage_tres",
    "allow_spec_resources_usage",
    "cluster_name",
    "def_mem_per_cpu",
    "def_mem_per_node",
    "first_job_id",
    "job_requeue",
    "kill_wait",
    "licenses",
    "max_array_size",
    "max_job_count",
    "max_job_id",
    "max_mem_per_cpu",
    "max_mem_per_node",
    "min_job_age",
    "over_time_limit",
    "preempt_exempt_time",
    "preempt_mode",
    "preempt_parameters",
    "preempt_type",
    "priority_calc_period",
    "priority_decay_half_life",
    "priority_favor_small",
    "priority_flags",
    "priority_max_age",
    "priority_type",
    "priority_usage_reset_period",
    "priority_weight_age",
    "priority_weight_assoc",
    "priority_weight_fairshare",
    "priority_weight_job_size",
    "priority_weight_partition",
    "priority_weight_qos",
    "priority_weight_tres",
    "requeue_exit",
    "requeue_exit_hold",
    "resv_over_run",
    "return_to_service",
    "scheduler_type",
    "slurmd_timeout",
});

// How daemons, accounting's database and launching are run.
constexpr auto kGlobalPassed = std::to_array<std::string_view>({
    "AccountingStorageBackupHost",
    "AccountingStorageExternalHost",
    "AccountingStorageHost",
    "AccountingStorageLoc",
    "AccountingStorageParameters",
    "AccountingStoragePass",
    "AccountingStoragePort",
    "AccountingStorageType",
    "AccountingStorageUser",
    "AccountingStoreFlags",
    "AccountingStoreJobComment",
    "AcctGatherEnergyType",
    "AcctGatherFilesystemType",
    "AcctGatherInfinibandType",
    "AcctGatherInterconnectType",
    "AcctGatherNodeFreq",
    "AcctGatherProfileType",
    "AuthAltParameters",
    "AuthAltTypes",
    "AuthInfo",
    "AuthType",
    "BackupAddr",
    "BackupController",
    "BatchStartTimeout",
    "BcastExclude",
    "BcastParameters",
    "CacheGroups",
    "CertgenParameters",
    "CertmgrParameters",
    "CliFilterPlugins",
    "CommunicationParameters",
    "ControlAddr",
    "ControlMachine",
    "CoreSpecPlugin",
    "CpuFreqDef",
    "CpuFreqGovernors",
    "CredType",
    "CryptoType",
    "DataParserParameters",
    "DebugFlags",
    "EioTimeout",
    "Epilog",
    "EpilogMsgTime",
    "EpilogSlurmctld",
    "EpilogTimeout",
    "ExtSensorsFreq",
    "ExtSensorsType",
    "FairShareDampeningFactor",
    "FastSchedule",
    "FederationParameters",
    "GetEnvTimeout",
    "GpuFreqDef",
    "GresTypes",
    "GroupUpdateForce",
    "GroupUpdateTime",
    "HashPlugin",
    "HealthCheckInterval",
    "HealthCheckNodeState",
    "HealthCheckProgram",
    "HttpParserType",
    "InactiveLimit",
    "InteractiveStepOptions",
    "JobAcctGatherFrequency",
    "JobAcctGatherParams",
    "JobAcctGatherType",
    "JobCheckpointDir",
    "JobCompHost",
    "JobCompLoc",
    "JobCompParams",
    "JobCompPass",
    "JobCompPassScript",
    "JobCompPort",
    "JobCompType",
    "JobCompUser",
    "JobContainerType",
    "JobCredentialPrivateKey",
    "JobCredentialPublicCertificate",
    "JobFileAppend",
    "KeepAliveTime",
    "KillOnBadExit",
    "LaunchParameters",
    "LaunchType",
    "LogTimeFormat",
    "MailDomain",
    "MailProg",
    "MaxDBDMsgs",
    "MaxStepCount",
    "MaxTasksPerNode",
    "MCSParameters",
    "MessageTimeout",
    "MetricsType",
    "MpiDefault",
    "MpiParams",
    "PlugStackConfig",
    "PluginDir",
    "PrEpParameters",
    "PrEpPlugins",
    "PrivateData",
    "ProctrackType",
    "Prolog",
    "PrologEpilogTimeout",
    "PrologFlags",
    "PrologSlurmctld",
    "PrologTimeout",
    "PropagatePrioProcess",
    "PropagateResourceLimits",
    "PropagateResourceLimitsExcept",
    "RebootProgram",
    "ReconfigFlags",
    "ResumeFailProgram",
    "ResumeProgram",
    "ResumeRate",
    "ResumeTimeout",
    "ResvEpilog",
    "ResvProlog",
    "RoutePlugin",
    "SallocDefaultCommand",
    "SchedulerPort",
    "SchedulerRootFilter",
    "ScronParameters",
    "SlurmctldAddr",
    "SlurmctldDebug",
    "SlurmctldHost",
    "SlurmctldLogFile",
    "SlurmctldParameters",
    "SlurmctldPidFile",
    "SlurmctldPlugstack",
    "SlurmctldPort",
    "SlurmctldPrimaryOffProg",
    "SlurmctldPrimaryOnProg",
    "SlurmctldSyslogDebug",
    "SlurmctldTimeout",
    "SlurmdDebug",
    "SlurmdLogFile",
    "SlurmdParameters",
    "SlurmdPidFile",
    "SlurmdPort",
    "SlurmdSpoolDir",
    "SlurmdSyslogDebug",
    "SlurmdUser",
    "SlurmSchedLogFile",
    "SlurmSchedLogLevel",
    "SlurmUser",
    "SrunEpilog",
    "SrunPortRange",
    "SrunProlog",
    "StateSaveLocation",
    "SwitchParameters",
    "SwitchType",
    "TaskEpilog",
    "TaskPlugin",
    "TaskPluginParam",
    "TaskProlog",
    "TCPTimeout",
    "TLSParameters",
    "TLSType",
    "TmpFS",
    "TrackWCKey",
    "TreeWidth",
    "UnkillableStepProgram",
    "UnkillableStepTimeout",
    "UrlParserType",
    "UsePAM",
    "VSizeFactor",
    "WaitTime",
    "X11Parameters",
});

constexpr auto kGlobalMissing = std::to_array<std::string_view>({
    "BurstBufferType",
    "CompleteWait",
    "DependencyParameters",
    "DisableRootJobs",
    "JobSubmitPlugins",
    "MaxBatchRequeue",
    "MaxNodeCount",
    "MCSPlugin",
    "NodeFeaturesPlugins",
    "PowerParameters",
    "PowerPlugin",
    "PriorityParameters",
    "PrioritySiteFactorParameters",
    "PrioritySiteFactorPlugin",
    "SchedulerTimeSlice",
    "SuspendExcNodes",
    "SuspendExcParts",
    "SuspendExcStates",
    "SuspendProgram",
    "SuspendRate",
    "SuspendTime",
    "SuspendTimeout",
    "TopologyParam",
});

constexpr auto kNodeTaken = std::to_array<std::string_view>({
    "node_name",
    "node_addr",
    "cpus",
    "sockets",
    "cores_per_socket",
    "threads_per_core",
    "boards",
    "real_memory",
    "tmp_disk",
    "gres",
    "features",
    "weight",
    "core_spec_count",
    "cpu_spec_list",
    "mem_spec_limit",
});
constexpr auto kNodePassed =
    std::to_array<std::string_view>({"NodeHostname", "Port", "BcastAddr", "Reason", "CertToken"});
constexpr auto kNodeMissing =
    std::to_array<std::string_view>({"CpuBind", "Parameters", "RestrictedCoresPerGPU"});

constexpr auto kPartitionTaken = std::to_array<std::string_view>({
    "partition_name",
    "nodes",
    "default",
    "hidden",
    "root_only",
    "state",
    "max_time",
    "default_time",
    "min_nodes",
    "max_nodes",
    "max_cpus_per_node",
    "def_mem_per_cpu",
    "def_mem_per_node",
    "max_mem_per_cpu",
    "max_mem_per_node",
    "allow_groups",
    "allow_accounts",
    "deny_accounts",
    "allow_qos",
    "deny_qos",
    "qos",
    "tres_billing_weights",
    "priority_job_factor",
    "disable_root_jobs",
    "over_subscribe",
    "priority_tier",
    "preempt_mode",
    "grace_time",
    "lln",
    "exclusive_user",
    "job_defaults",
    "cpu_unit",
});
constexpr auto kPartitionPassed = std::to_array<std::string_view>(
    {"ResumeTimeout", "SuspendTime", "SuspendTimeout", "PowerDownOnIdle"});
constexpr auto kPartitionMissing =
    std::to_array<std::string_view>({"AllocNodes", "Alternate", "CpuBind", "ExclusiveTopo",
                                     "MaxCPUsPerSocket", "OverTimeLimit", "ReqResv", "Topology"});

bool has_key(std::span<const std::string_view> names, std::string_view key) {
  return std::ranges::any_of(names,
                             [key](std::string_view one) { return base::iequals(one, key); });
}

// Takes a pair out of the row.
std::optional<std::string> pull(SlurmLine& row, std::string_view key) {
  const auto found = std::ranges::find_if(
      row.pairs, [key](const SlurmPair& pair) { return base::iequals(pair.key, key); });
  if (found == row.pairs.end()) return {};
  std::string value = std::move(found->value);
  row.pairs.erase(found);
  return value;
}

void rename(SlurmLine& row, std::string_view from, std::string_view to) {
  for (SlurmPair& pair : row.pairs) {
    if (base::iequals(pair.key, from)) pair.key = to;
  }
}

std::uint32_t number_of(const SlurmLine& row, std::string_view key) {
  const std::string* value = find_pair(row, key);
  return value == nullptr ? 0 : base::parse_u32(*value).value_or(0);
}

// What Slurm makes of a node of which not all numbers are given, or whose CPUs are its cores.
void settle_geometry(SlurmLine& row) {
  if (const auto per_board = pull(row, "SocketsPerBoard")) {
    const std::uint32_t boards = std::max(number_of(row, "Boards"), 1U);
    const std::uint32_t each = base::parse_u32(*per_board).value_or(0);
    if (each != 0) row.pairs.push_back({"Sockets", std::to_string(boards * each)});
  }
  const std::uint32_t cpus = number_of(row, "CPUs");
  const std::uint32_t cores = std::max(number_of(row, "CoresPerSocket"), 1U);
  const std::uint32_t threads = std::max(number_of(row, "ThreadsPerCore"), 1U);
  const std::uint32_t sockets = number_of(row, "Sockets");
  if (cpus == 0) return;
  if (sockets == 0 && cpus % (cores * threads) == 0) {
    row.pairs.push_back({"Sockets", std::to_string(cpus / (cores * threads))});
    if (find_pair(row, "CoresPerSocket") == nullptr) row.pairs.push_back({"CoresPerSocket", "1"});
  } else if (threads > 1 && cpus == sockets * cores) {
    pull(row, "ThreadsPerCore");
  }
}

// 0 is how we write that there is no bound.
std::string_view value_of(const SlurmPair& pair) {
  const bool memory =
      base::istarts_with(pair.key, "DefMem") || base::istarts_with(pair.key, "MaxMem");
  return memory && base::iequals(pair.value, "UNLIMITED") ? "0" : std::string_view(pair.value);
}

// DefCpuPerGPU and DefMemPerGPU are entries of JobDefaults as well.
void gather_job_defaults(SlurmLine& row) {
  std::string all = pull(row, "JobDefaults").value_or("");
  for (const std::string_view key : {"DefCpuPerGPU", "DefMemPerGPU"}) {
    const auto value = pull(row, key);
    if (value) all += (all.empty() ? "" : ",") + std::string(key) + "=" + *value;
  }
  if (!all.empty()) row.pairs.push_back({"JobDefaults", all});
}

// CR_Core, CR_Socket_Memory: the unit alone is the partition's.
Status settle_unit(SlurmLine& row, const std::string& file) {
  const auto unit = pull(row, "SelectTypeParameters");
  if (!unit) return {};
  std::string word = base::to_lower(*unit);
  if (word.ends_with("_memory")) word.resize(word.size() - 7);
  const std::string_view name = word == "cr_core"     ? "core"
                                : word == "cr_socket" ? "socket"
                                : word == "cr_cpu"    ? "thread"
                                                      : "";
  if (name.empty()) {
    return wrong({file, row.line, "SelectTypeParameters"}, "CR_Core, CR_Socket or CR_CPU", *unit);
  }
  row.pairs.push_back({"cpuunit", std::string(name)});
  return {};
}

Result<YamlValue> translated(const SlurmLine& row, const std::string& file, const SlurmKeys& keys,
                             LeftOut& left_out) {
  YamlValue map;
  map.kind = YamlValue::Kind::map;
  map.line = row.line;
  if (Status done = translate_row(row, file, keys, left_out, map); !done) {
    return tl::unexpected(done.error());
  }
  return map;
}

}  // namespace

void LeftOut::add(const Place& place, std::string_view why) {
  std::string note = place.file + ":" + std::to_string(place.line) + ": ";
  note.append(place.key).append(": ").append(why);
  notes_.push_back(std::move(note));
}

void put(YamlValue& map, std::string_view key, std::string_view value, int line) {
  YamlValue entry;
  entry.kind = YamlValue::Kind::scalar;
  entry.line = line;
  entry.text = value;
  const auto known =
      std::ranges::find_if(map.entries, [key](const auto& one) { return one.first == key; });
  if (known != map.entries.end()) {
    known->second = std::move(entry);
  } else {
    map.entries.emplace_back(key, std::move(entry));
  }
}

Status translate_row(const SlurmLine& row, const std::string& file, const SlurmKeys& keys,
                     LeftOut& left_out, YamlValue& map) {
  for (const SlurmPair& pair : row.pairs) {
    const auto taken = std::ranges::find_if(
        keys.taken, [&](std::string_view ours) { return same_key(pair.key, ours); });
    if (taken != keys.taken.end()) {
      put(map, *taken, value_of(pair), row.line);
    } else if (has_key(keys.missing, pair.key)) {
      left_out.add({file, row.line, pair.key + "=" + pair.value}, "nothing here corresponds to it");
    } else if (!has_key(keys.passed, pair.key)) {
      return fail(ErrorCode::invalid_argument,
                  file + ":" + std::to_string(row.line) + ": unknown key " + pair.key);
    }
  }
  return {};
}

const SlurmKeys& slurm_global_keys() {
  static constexpr SlurmKeys kKeys{kGlobalTaken, kGlobalPassed, kGlobalMissing};
  return kKeys;
}

Result<YamlValue> slurm_node(SlurmLine row, const std::string& file, LeftOut& left_out) {
  constexpr SlurmKeys kKeys{kNodeTaken, kNodePassed, kNodeMissing};
  rename(row, "Feature", "Features");
  rename(row, "Procs", "CPUs");
  settle_geometry(row);
  const std::string state = pull(row, "State").value_or("UNKNOWN");
  if (!base::iequals(state, "UNKNOWN") && !base::iequals(state, "IDLE")) {
    left_out.add({file, row.line, "State=" + state}, "the nodes are taken to be up");
  }
  return translated(row, file, kKeys, left_out);
}

Result<YamlValue> slurm_partition(SlurmLine row, const std::string& file, LeftOut& left_out) {
  constexpr SlurmKeys kKeys{kPartitionTaken, kPartitionPassed, kPartitionMissing};
  rename(row, "Shared", "OverSubscribe");
  if (const auto both = pull(row, "Priority")) {
    row.pairs.insert(row.pairs.begin(), {{"PriorityTier", *both}, {"PriorityJobFactor", *both}});
  }
  gather_job_defaults(row);
  if (Status unit = settle_unit(row, file); !unit) return tl::unexpected(unit.error());
  return translated(row, file, kKeys, left_out);
}

}  // namespace sluice::config
