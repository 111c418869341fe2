// sluice.yaml, read and checked. Keys are Slurm's parameter names in snake_case with Slurm's
// meanings; durations, sizes and host lists take Slurm's spellings. An unknown key, a wrong value
// or a contradiction is an error that names file, line, key and the expected form; nothing is
// guessed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"
#include "config/relay_target.hpp"
#include "model/settings.hpp"

namespace sluice::config {

struct ClusterConfig {
  model::SettingsPtr settings;
  std::string control_host;         // what nodes connect to; empty: this host
  std::string listen_address;       // numeric; empty: every interface
  std::uint16_t port = 6817;        // 0: any free one (the controller writes it to DIR/port)
  std::string mail_prog;            // absolute path; empty: no mail
  std::vector<std::string> admins;  // user names with administrator level
  std::vector<std::string> operators;
  std::uint32_t private_data = 0;      // bits of model::Secret
  std::int64_t purge_job_after_s = 0;  // so long after its end a job is archived; 0: never
  // Events are kept so long, and at most so many; 0: without that limit.
  std::int64_t purge_event_after_s = 7 * 86'400;
  std::uint32_t max_events = 1'000'000;
  std::vector<RelayTarget> relay;  // where sluice-relay sends them
  // What node daemons are told: kill_wait, prolog, epilog, mpi_default, require_cgroups, … keyed as
  // daemon/worker/host/step_settings.hpp names them.
  std::vector<std::pair<std::string, std::string>> node_settings;
  // `scontrol show config`: Slurm's names and spellings, in the order to print.
  std::vector<std::pair<std::string, std::string>> shown;
};

[[nodiscard]] Result<ClusterConfig> load_cluster_config(const std::string& path);
// The same from a text; `name` stands in messages.
[[nodiscard]] Result<ClusterConfig> parse_cluster_config(const std::string& yaml,
                                                         const std::string& name);

}  // namespace sluice::config
