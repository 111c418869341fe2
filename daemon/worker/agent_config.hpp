// agent.conf: what this host's agent must know before it reaches the controller; all else comes
// from there. Made by `sluice up` and `sluice join`; one "key: value" a line:
//
//   name                 this host's name in the cluster
//   controller_address, controller_port, controller_key   where and who the controller is
//   port, listen_address where other agents reach this one (port 0: any free one)
//   client_conf          what commands in jobs get as SLUICE_CONF
//   single_user          yes: the daemon is an ordinary user's; it never changes the uid
//   key_file spool_dir socket plugin_dir stepd   (defaults: host.key, spool and agent.sock in DIR,
//                        plugins and sluice-stepd beside this program)
//   log_file log_level   (default: standard error, info)
//   cgroups              no: never use them; require_cgroups yes: don't start without
//   sockets cores_per_socket threads_per_core memory tmp_disk gres features
//                        in place of what the host shows; memory and tmp_disk in MiB,
//                        gres as name[:type]:count[:file,file…], several separated by ';'
//   autodetect           no: look for no accelerators; accelerator_table FILE: by this table;
//   accelerator_root DIR: a folder that stands for the host they are looked for on
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "model/node.hpp"

namespace sluice::worker {

struct AgentConfig {
  std::string dir;
  bool login = false;
  std::string name;
  std::string controller_address;
  std::uint16_t controller_port = 0;
  std::string controller_key;
  std::uint16_t port = 0;
  std::string listen_address;
  std::string client_conf;
  std::string key_file;
  std::string spool_dir;
  std::string socket;
  std::string plugin_dir;
  std::string stepd;
  std::string log_file;
  std::string log_level = "info";
  bool single_user = false;
  bool cgroups = true;
  bool require_cgroups = false;
  bool autodetect = true;
  std::string accelerator_root;
  std::string accelerator_table;
  model::NodeFacts facts;    // 0 and empty: as discovered
  bool facts_given = false;  // sockets, cores or threads stand in the file
};

[[nodiscard]] Result<AgentConfig> load_agent_config(const std::string& dir);
// "gpu:tesla:2:/dev/a,/dev/b;fpga:1".
[[nodiscard]] Result<std::vector<model::NodeGres>> parse_node_gres(std::string_view text);
// The folder that the running program lies in.
[[nodiscard]] std::string program_folder();

}  // namespace sluice::worker
