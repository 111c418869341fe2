// See shown.hpp. Only what Sluice has is shown, with Slurm's units ("30 sec").
#include "config/shown.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "config/accounting.hpp"
#include "config/containers.hpp"
#include "config/policies.hpp"
#include "model/secrets.hpp"
#include "model/task_set.hpp"

namespace sluice::config {

namespace {

std::string node_setting(const ClusterConfig& config, std::string_view key,
                         std::string_view otherwise) {
  const auto found =
      std::ranges::find(config.node_settings, key, &std::pair<std::string, std::string>::first);
  if (found == config.node_settings.end() || found->second.empty()) return std::string(otherwise);
  return found->second;
}

std::string seconds_text(std::uint32_t seconds) { return std::to_string(seconds) + " sec"; }

std::string memory_text(std::uint64_t mib) { return mib == 0 ? "UNLIMITED" : std::to_string(mib); }

std::string select_text(const model::Settings& settings) {
  std::string unit = "CR_CORE";
  if (settings.cpu_unit_default == model::CpuUnit::thread) unit = "CR_CPU";
  if (settings.cpu_unit_default == model::CpuUnit::socket) unit = "CR_SOCKET";
  return settings.track_memory ? unit + "_MEMORY" : unit;
}

std::string_view topology_text(model::TopologyKind kind) {
  if (kind == model::TopologyKind::tree) return "topology/tree";
  return kind == model::TopologyKind::block ? "topology/block" : "topology/default";
}

std::string or_null(const std::string& text) { return text.empty() ? "(null)" : text; }

std::string policy_text(model::DeviceFaultPolicy policy) {
  if (policy == model::DeviceFaultPolicy::requeue) return "requeue";
  return policy == model::DeviceFaultPolicy::cancel ? "cancel" : "keep";
}

std::string names_text(const std::vector<Text>& names) {
  std::string text;
  for (const Text& name : names) text += (text.empty() ? "" : ",") + name.str();
  return or_null(text);
}

// "7,10-12"
std::string codes_text(const std::vector<std::uint32_t>& codes) {
  model::TaskSet set;
  for (const std::uint32_t code : codes) {
    const bool next = !set.runs.empty() && set.runs.back().last + 1 == code;
    if (next) {
      set.runs.back().last = code;
    } else {
      set.runs.push_back({code, code, 1});
    }
  }
  return or_null(model::task_text(set));
}

std::string licenses_text(const model::Settings& settings) {
  std::string text;
  for (const model::LicenseSetting& license : settings.licenses) {
    if (!text.empty()) text += ',';
    text += license.name.str() + ":" + std::to_string(license.count);
  }
  return text;
}

struct SecretWord {
  std::uint32_t secret;
  std::string_view word;
};
constexpr SecretWord kSecrets[] = {{model::kSecretAccounts, "accounts"},
                                   {model::kSecretEvents, "events"},
                                   {model::kSecretJobs, "jobs"},
                                   {model::kSecretNodes, "nodes"},
                                   {model::kSecretPartitions, "partitions"},
                                   {model::kSecretReservations, "reservations"},
                                   {model::kSecretUsage, "usage"},
                                   {model::kSecretUsers, "users"}};

std::string secrets_text(std::uint32_t secrets) {
  std::string text;
  for (const SecretWord& known : kSecrets) {
    if ((secrets & known.secret) == 0) continue;
    text += (text.empty() ? "" : ",") + std::string(known.word);
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::uint32_t secret_named(std::string_view word) {
  for (const SecretWord& known : kSecrets) {
    if (base::iequals(word, known.word)) return known.secret;
  }
  return 0;
}

std::vector<std::pair<std::string, std::string>> shown_config(const ClusterConfig& config) {
  const model::Settings& s = *config.settings;
  std::vector<std::pair<std::string, std::string>> shown = {
      {"AcceleratorNames", names_text(s.accelerator_names)},
      {"AccountingStorageEnforce", enforce_text(s.enforce)},
      {"AccountingStorageTRES", tres_names(s)},
      {"AccountingStorageType", "accounting_storage/sluice"},
      {"AcctGatherEnergyType",
       "acct_gather_energy/" + node_setting(config, "acct_gather_energy_type", "none")},
      {"AcctGatherNodeFreq", "0 sec"},
      {"ClusterName", s.cluster_name.str()},
      {"DefMemPerNode", memory_text(s.default_memory_per_node)},
      {"DeviceFaultPolicy", policy_text(s.device_fault_policy)},
      {"EnforcePartLimits", s.enforce_partition_limits ? "ALL" : "NO"},
      {"Epilog", node_setting(config, "epilog", "(null)")},
      {"FirstJobId", std::to_string(s.first_job_id)},
      {"JobAcctGatherFrequency", node_setting(config, "job_acct_gather_frequency", "30")},
      {"JobRequeue", s.job_requeue ? "1" : "0"},
      {"KillWait", seconds_text(s.kill_wait_s)},
      {"Licenses", or_null(licenses_text(s))},
      {"MailProg", or_null(config.mail_prog)},
      {"MaxArraySize", std::to_string(s.max_array_size)},
      {"MaxBatchRequeue", std::to_string(s.launch_failure_limit)},
      {"MaxJobCount", std::to_string(s.max_job_count)},
      {"MaxJobId", std::to_string(s.max_job_id)},
      {"MaxMemPerNode", memory_text(s.max_memory_per_node)},
      {"MinJobAge", seconds_text(s.min_job_age_s)},
      {"MpiDefault", node_setting(config, "mpi_default", "none")},
      {"OverTimeLimit", std::to_string(s.over_time_limit_min) + " min"},
      {"PrivateData", secrets_text(config.private_data)},
      {"Prolog", node_setting(config, "prolog", "(null)")},
      {"RequeueExit", codes_text(s.requeue_exit)},
      {"RequeueExitHold", codes_text(s.requeue_exit_hold)},
      {"ResvOverRun", s.resv_over_run_min == model::kUnlimited
                          ? "UNLIMITED"
                          : std::to_string(s.resv_over_run_min) + " min"},
      {"ReturnToService", std::to_string(s.return_to_service)},
      {"SchedulerParameters",
       "bf_window=" + std::to_string(s.backfill_window_min) +
           ",bf_max_job_test=" + std::to_string(s.backfill_max_job_test) +
           ",bf_resolution=" + std::to_string(s.backfill_resolution_s) +
           ",bf_job_part_count_reserve=" + std::to_string(s.backfill_reserve.value_or(0))},
      {"SchedulerTimeSlice", "30 sec"},
      {"SchedulerType", s.backfill ? "sched/backfill" : "sched/builtin"},
      {"SelectType", "select/cons_tres"},
      {"SelectTypeParameters", select_text(s)},
      {"SlurmctldHost[0]", config.control_host.empty() ? "localhost" : config.control_host},
      {"SlurmctldPort", std::to_string(config.port)},
      {"SlurmdTimeout", seconds_text(s.node_timeout_s)},
      {"SLURM_VERSION", "25.11.0"},
      {"TaskEpilog", node_setting(config, "task_epilog", "(null)")},
      {"TaskProlog", node_setting(config, "task_prolog", "(null)")},
      {"TopologyPlugin", std::string(topology_text(s.topology.kind))},
      {"TreeWidth", node_setting(config, "tree_width", "16")},
      {"UnkillableStepTimeout", seconds_text(s.unkillable_timeout_s)},
  };
  show_policies(s, shown);
  show_containers(config, shown);
  return shown;
}

}  // namespace sluice::config
