// See cluster_config.hpp: the top level of sluice.yaml.
#include "config/cluster_config.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "config/accounting.hpp"
#include "config/cluster_document.hpp"
#include "config/containers.hpp"
#include "config/licenses.hpp"
#include "config/nodes.hpp"
#include "config/policies.hpp"
#include "config/relay.hpp"
#include "config/shown.hpp"
#include "config/topology.hpp"
#include "config/values.hpp"
#include "config/yaml_reader.hpp"
#include "model/task_set.hpp"

namespace sluice::config {

namespace {

constexpr std::array<std::string_view, 5> kSections = {"nodes", "partitions", "topology",
                                                       kRuntimesSection, kRelaySection};

// CR_Core_Memory and its relatives: what is consumed, and in which unit; and marks beside it.
Setter select_parameters(model::Settings& settings) {
  return [&settings](const std::string& value) -> Status {
    struct Choice {
      std::string_view name;
      model::CpuUnit unit;
      bool memory;
    };
    constexpr Choice kChoices[] = {{"CR_Core", model::CpuUnit::core, false},
                                   {"CR_Core_Memory", model::CpuUnit::core, true},
                                   {"CR_CPU", model::CpuUnit::thread, false},
                                   {"CR_CPU_Memory", model::CpuUnit::thread, true},
                                   {"CR_Socket", model::CpuUnit::socket, false},
                                   {"CR_Socket_Memory", model::CpuUnit::socket, true}};
    const std::pair<std::string_view, bool*> marks[] = {
        {"CR_LLN", &settings.least_loaded},
        {"CR_Pack_Nodes", &settings.pack_nodes},
        {"CR_ONE_TASK_PER_CORE", &settings.one_task_per_core}};
    std::vector<std::string> parts;
    if (Status split = words(parts)(value); !split) return split;
    for (const std::string& part : parts) {
      const std::string_view word = base::trim(part);
      const auto named = [&](const auto& each) { return base::iequals(word, each); };
      const auto choice = std::ranges::find_if(kChoices, named, &Choice::name);
      const auto mark = std::ranges::find_if(marks, [&](const auto& m) { return named(m.first); });
      if (choice != std::end(kChoices)) {
        settings.cpu_unit_default = choice->unit;
        settings.track_memory = choice->memory;
      } else if (mark != std::end(marks)) {
        *mark->second = true;
      } else {
        return fail(ErrorCode::invalid_argument,
                    "CR_Core, CR_CPU or CR_Socket, each also with _Memory, and beside it CR_LLN, "
                    "CR_Pack_Nodes, CR_ONE_TASK_PER_CORE");
      }
    }
    return {};
  };
}

Setter scheduler_type(model::Settings& settings) {
  return [&settings](const std::string& value) -> Status {
    if (!base::iequals(value, "sched/backfill") && !base::iequals(value, "sched/builtin")) {
      return fail(ErrorCode::invalid_argument, "sched/backfill or sched/builtin");
    }
    settings.backfill = base::iequals(value, "sched/backfill");
    return {};
  };
}

// "bf_window=1440,bf_max_job_test=1000,bf_resolution=60"
Setter scheduler_parameters(model::Settings& settings) {
  return [&settings](const std::string& value) -> Status {
    std::vector<std::string> parts;
    if (Status split = words(parts)(value); !split) return split;
    for (const std::string& part : parts) {
      const std::size_t equals = part.find('=');
      const std::string name = part.substr(0, equals);
      const std::string amount = equals == std::string::npos ? "" : part.substr(equals + 1);
      const Result<std::uint32_t> parsed = base::parse_u32(amount);
      const bool known = name == "bf_window" || name == "bf_max_job_test" ||
                         name == "bf_resolution" || name == "bf_job_part_count_reserve" ||
                         name == "max_switch_wait";
      if (!known || !parsed) {
        return fail(ErrorCode::invalid_argument,
                    "bf_window=minutes, bf_max_job_test=count, bf_resolution=seconds, "
                    "bf_job_part_count_reserve=count, max_switch_wait=seconds");
      }
      if (name == "bf_window") settings.backfill_window_min = *parsed;
      if (name == "bf_max_job_test") settings.backfill_max_job_test = *parsed;
      if (name == "bf_resolution") settings.backfill_resolution_s = *parsed;
      if (name == "bf_job_part_count_reserve") settings.backfill_reserve = *parsed;
      if (name == "max_switch_wait") settings.max_switch_wait_s = *parsed;
    }
    return {};
  };
}

Setter fault_policy(model::DeviceFaultPolicy& out) {
  return [&out](const std::string& value) -> Status {
    if (value == "keep")
      out = model::DeviceFaultPolicy::keep;
    else if (value == "requeue")
      out = model::DeviceFaultPolicy::requeue;
    else if (value == "cancel")
      out = model::DeviceFaultPolicy::cancel;
    else
      return fail(ErrorCode::invalid_argument, "keep, requeue or cancel");
    return {};
  };
}

// "1-9,18"
Setter exit_codes(std::vector<std::uint32_t>& out) {
  return [&out](const std::string& value) -> Status {
    constexpr std::uint32_t kGreatest = 255;
    const Result<model::TaskSet> set = model::parse_tasks(value, kGreatest);
    if (!set || model::has_task(*set, 0) || value.find(':') != std::string::npos) {
      return fail(ErrorCode::invalid_argument, "exit codes from 1 to 255, as 1-9,18");
    }
    out.clear();
    for (std::uint32_t code = 1; code <= kGreatest; ++code) {
      if (model::has_task(*set, code)) out.push_back(code);
    }
    return {};
  };
}

Setter gres_names(std::vector<Text>& out) {
  return [&out](const std::string& value) -> Status {
    std::vector<std::string> names;
    if (Status split = words(names)(value); !split) return split;
    out.assign(names.begin(), names.end());
    return {};
  };
}

Setter secrets(std::uint32_t& out) {
  return [&out](const std::string& value) -> Status {
    std::vector<std::string> names;
    if (Status split = words(names)(value); !split) return split;
    out = 0;
    for (const std::string& name : names) {
      const std::uint32_t secret = secret_named(base::trim(name));
      if (secret == 0 && !base::iequals(base::trim(name), "none")) {
        return fail(ErrorCode::invalid_argument,
                    "jobs, usage, accounts, users, reservations, nodes, partitions, events (there "
                    "are no cloud nodes)");
      }
      out |= secret;
    }
    return {};
  };
}

Setter port_number(std::uint16_t& out) {
  return [&out](const std::string& value) -> Status {
    const Result<std::uint32_t> parsed = base::parse_u32(value, 65535);
    if (!parsed) return fail(ErrorCode::invalid_argument, "a port number, 0 to 65535");
    out = static_cast<std::uint16_t>(*parsed);
    return {};
  };
}

Setter absolute_path(std::string& out) {
  return [&out](const std::string& value) -> Status {
    if (!value.empty() && value.front() != '/') {
      return fail(ErrorCode::invalid_argument, "an absolute path");
    }
    out = value;
    return {};
  };
}

// What only node daemons use goes to them as it is, after a check of its form.
Setter for_nodes(ClusterConfig& config, std::string key, Setter check) {
  return [&config, key = std::move(key),
          check = std::move(check)](const std::string& value) -> Status {
    if (Status checked = check(value); !checked) return checked;
    config.node_settings.emplace_back(key, value);
    return {};
  };
}

// "none" or "rapl", also as Slurm writes it: "acct_gather_energy/rapl".
Setter energy_type(ClusterConfig& config) {
  return [&config](const std::string& value) -> Status {
    constexpr std::string_view kPrefix = "acct_gather_energy/";
    std::string_view word = value;
    if (word.starts_with(kPrefix)) word.remove_prefix(kPrefix.size());
    if (word != "none" && word != "rapl") return fail(ErrorCode::invalid_argument, "none, rapl");
    config.node_settings.emplace_back("acct_gather_energy_type", word);
    return {};
  };
}

// A yes or no in one spelling, whichever it was written in.
Setter flag_for_nodes(ClusterConfig& config, std::string key) {
  return [&config, key = std::move(key)](const std::string& value) -> Status {
    bool flag = false;
    if (Status read = yes_no(flag)(value); !read) return read;
    config.node_settings.emplace_back(key, flag ? "yes" : "no");
    return {};
  };
}

std::vector<Key> limits_of(model::Settings& s) {
  return {
      {"first_job_id", number(s.first_job_id)},
      {"max_job_id", number(s.max_job_id)},
      {"max_job_count", number(s.max_job_count)},
      {"max_array_size", number(s.max_array_size)},
      {"min_job_age", seconds(s.min_job_age_s)},
      {"billing_period", seconds(s.billing_period_s)},
      {"slurmd_timeout", seconds(s.node_timeout_s)},
      {"over_time_limit", number(s.over_time_limit_min)},
      {"max_batch_requeue", number(s.launch_failure_limit)},
      {"def_mem_per_node", memory(s.default_memory_per_node)},
      {"def_mem_per_cpu", memory(s.default_memory_per_cpu)},
      {"max_mem_per_node", memory(s.max_memory_per_node)},
      {"max_mem_per_cpu", memory(s.max_memory_per_cpu)},
      {"job_requeue", yes_no(s.job_requeue)},
      {"requeue_exit", exit_codes(s.requeue_exit)},
      {"requeue_exit_hold", exit_codes(s.requeue_exit_hold)},
      {"enforce_part_limits", yes_no(s.enforce_partition_limits)},
      {"return_to_service", number(s.return_to_service)},
      {"device_fault_policy", fault_policy(s.device_fault_policy)},
      {"accelerator_names", gres_names(s.accelerator_names)},
      {"select_type_parameters", select_parameters(s)},
      {"job_defaults", job_defaults(s.job_defaults)},
      {"allow_spec_resources_usage", yes_no(s.allow_spec_resources)},
      {"scheduler_type", scheduler_type(s)},
      {"licenses", license_list(s.licenses)},
      {"resv_over_run", minutes_or_unlimited(s.resv_over_run_min)},
      {"scheduler_parameters", scheduler_parameters(s)},
  };
}

struct NodeOnly {  // checked here, used by node daemons
  std::string path;
  std::uint32_t count = 0;
  std::string word;
};

std::vector<Key> keys_of(ClusterConfig& config, model::Settings& s, NodeOnly& checked) {
  std::vector<Key> keys = limits_of(s);
  const std::vector<Key> more = {
      {"cluster_name", text(s.cluster_name)},
      {"control_host", text(config.control_host)},
      {"listen_address", text(config.listen_address)},
      {"slurmctld_port", port_number(config.port)},
      {"mail_prog", absolute_path(config.mail_prog)},
      {"admins", words(config.admins)},
      {"operators", words(config.operators)},
      {"private_data", secrets(config.private_data)},
      {"purge_job_after", age(config.purge_job_after_s)},
      {"purge_event_after", age(config.purge_event_after_s)},
      {"max_events", number(config.max_events)},
      {"kill_wait", for_nodes(config, "kill_wait", seconds(s.kill_wait_s))},
      {"unkillable_step_timeout",
       for_nodes(config, "unkillable_step_timeout", seconds(s.unkillable_timeout_s))},
      {"prolog", for_nodes(config, "prolog", absolute_path(checked.path))},
      {"epilog", for_nodes(config, "epilog", absolute_path(checked.path))},
      {"task_prolog", for_nodes(config, "task_prolog", absolute_path(checked.path))},
      {"task_epilog", for_nodes(config, "task_epilog", absolute_path(checked.path))},
      {"mpi_default", for_nodes(config, "mpi_default", text(checked.word))},
      {"job_acct_gather_frequency",
       for_nodes(config, "job_acct_gather_frequency", seconds(checked.count))},
      {"acct_gather_energy_type", energy_type(config)},
      {"accelerator_health_interval",
       for_nodes(config, "accelerator_health_interval", seconds(checked.count))},
      {"tree_width", for_nodes(config, "tree_width", number(checked.count))},
      {"step_patience", for_nodes(config, "step_patience", seconds(checked.count))},
      {"require_cgroups", flag_for_nodes(config, "require_cgroups")},
      {"constrain_cores", flag_for_nodes(config, "constrain_cores")},
      {"constrain_ram_space", flag_for_nodes(config, "constrain_ram_space")},
      {"constrain_devices", flag_for_nodes(config, "constrain_devices")},
      {"allowed_swap_space", for_nodes(config, "allowed_swap_space", number(checked.count))},
  };
  keys.insert(keys.end(), more.begin(), more.end());
  return keys;
}

Status check_whole(const model::Settings& settings, const std::string& name) {
  const Place place{name, 0, ""};
  if (settings.nodes.empty()) return wrong({name, 0, "nodes"}, "at least one node", "");
  if (settings.partitions.empty()) {
    return wrong({name, 0, "partitions"}, "at least one partition", "");
  }
  if (settings.first_job_id == 0 || settings.first_job_id >= settings.max_job_id) {
    return wrong({name, 0, "first_job_id"}, "a number from 1 to below max_job_id",
                 std::to_string(settings.first_job_id));
  }
  if (settings.return_to_service > 2) {
    return wrong({name, 0, "return_to_service"}, "0, 1 or 2",
                 std::to_string(settings.return_to_service));
  }
  return {};
}

// Partitions name nodes, whatever the order in the file.
struct Sections {
  model::Settings& settings;
  ContainerRuntimes& runtimes;
  std::vector<RelayTarget>& relay;
};
Status read_sections(const YamlValue& root, const DocumentNames& names, const Sections& to) {
  const std::string& name = names.main;
  model::Settings& settings = to.settings;
  for (const std::string_view section : kSections) {
    for (const auto& [key, value] : root.entries) {
      if (key != section) continue;
      Status read;
      if (key == "nodes") read = read_nodes(value, name, settings);
      if (key == "partitions") read = read_partitions(value, name, settings);
      if (key == "topology") read = read_topology(value, names.topology, settings);
      if (key == kRuntimesSection) read = read_runtimes(value, name, to.runtimes);
      if (key == kRelaySection) read = read_relay(value, name, to.relay);
      if (!read) return read;
    }
  }
  return {};
}

int line_of(const YamlValue& root, std::string_view key) {
  for (const auto& [name, value] : root.entries) {
    if (name == key) return value.line;
  }
  return 0;
}

}  // namespace

Result<ClusterConfig> parse_cluster_config(const std::string& yaml, const std::string& name) {
  const Result<YamlValue> root = read_yaml(yaml, name);
  if (!root) return tl::unexpected(root.error());
  return settle_document(*root, {name, name});
}

Result<ClusterConfig> settle_document(const YamlValue& root, const DocumentNames& names) {
  const std::string& name = names.main;
  ClusterConfig config;
  auto settings = std::make_shared<model::Settings>();
  NodeOnly checked;
  std::vector<Key> keys = keys_of(config, *settings, checked);
  ContainerRuntimes runtimes;
  const std::vector<Key> of_containers = container_keys(config, runtimes);
  keys.insert(keys.end(), of_containers.begin(), of_containers.end());
  const std::vector<Key> of_accounting = accounting_keys(*settings);
  keys.insert(keys.end(), of_accounting.begin(), of_accounting.end());
  const std::vector<Key> of_policies = policy_keys(*settings);
  keys.insert(keys.end(), of_policies.begin(), of_policies.end());
  choose_order(root, *settings);
  if (Status read = read_keys(root, name, keys, kSections); !read) {
    return tl::unexpected(read.error());
  }
  if (Status read = read_sections(root, names, {*settings, runtimes, config.relay}); !read) {
    return tl::unexpected(read.error());
  }
  if (Status policies = check_policies(root, name, *settings); !policies) {
    return tl::unexpected(policies.error());
  }
  settle_partition_modes(*settings);
  if (Status settled =
          settle_runtime(runtimes, {name, line_of(root, "container_runtime"), ""}, config);
      !settled) {
    return tl::unexpected(settled.error());
  }
  if (Status whole = check_whole(*settings, name); !whole) return tl::unexpected(whole.error());
  config.settings = std::move(settings);
  config.shown = shown_config(config);
  return config;
}

Result<ClusterConfig> load_cluster_config(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(ErrorCode::not_found, path + ": can't be read");
  std::ostringstream content;
  content << file.rdbuf();
  Result<ClusterConfig> config = parse_cluster_config(content.str(), path);
  if (!config) return config;
  const auto after = std::ranges::find(config->shown, "SLURM_VERSION",
                                       &std::pair<std::string, std::string>::first);
  std::error_code ignored;
  config->shown.emplace(after, "SLURM_CONF", std::filesystem::absolute(path, ignored).string());
  return config;
}

}  // namespace sluice::config
