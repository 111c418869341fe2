// A new cluster's directory: configuration, ports, a key for every host, and the list of hosts that
// the controller starts with. Nothing secret is shared between hosts.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "auth/host_key.hpp"
#include "base/entropy.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/key_values.hpp"
#include "base/quantity.hpp"
#include "cli/sluice/up.hpp"
#include "config/cluster_config.hpp"

namespace sluice::cli {

namespace {

constexpr std::size_t kMaxConfig = 16 * 1024 * 1024;

constexpr std::uint16_t kFirstPort = 10'240;

// The first of the ports that the kernel gives to outgoing connections.
std::uint16_t first_outgoing_port() {
  const Result<std::string> range = base::read_file("/proc/sys/net/ipv4/ip_local_port_range", 64);
  constexpr std::uint16_t kUsual = 32'768;
  if (!range) return kUsual;
  std::uint16_t first = 0;
  const auto [end, error] = std::from_chars(range->data(), range->data() + range->size(), first);
  return error == std::errc{} && end != range->data() ? first : kUsual;
}

// A socket bound to the port (0: the kernel chooses) on every address, and the port.
std::optional<std::pair<base::UniqueFd, std::uint16_t>> bound_to(std::uint16_t port) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(port);
  socklen_t length = sizeof address;
  if (fd.get() < 0 ||
      ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return std::nullopt;
  }
  return std::pair(std::move(fd), ntohs(address.sin_port));
}

// Ports that are free now. All are held until all are chosen, so they differ. They lie below those
// of outgoing connections: one of these could take a port between now and the daemon's start.
Result<std::vector<std::uint16_t>> free_ports(std::size_t count) {
  const std::uint16_t end = first_outgoing_port();
  std::vector<base::UniqueFd> held;
  std::vector<std::uint16_t> ports;
  for (std::size_t tries = 0; ports.size() < count; ++tries) {
    const bool choose = end > kFirstPort && tries < 100 + 10 * count;
    const auto wish = static_cast<std::uint16_t>(
        choose ? kFirstPort + base::random_uid().low % (end - kFirstPort) : 0U);
    auto bound = bound_to(wish);
    if (!bound && !choose) return fail(ErrorCode::io, "no free port");
    if (!bound) continue;
    ports.push_back(bound->second);
    held.push_back(std::move(bound->first));
  }
  return ports;
}

std::uint64_t host_memory_mib() {
  const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L));
  const auto page = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PAGESIZE), 0L));
  return pages * page / (1024 * 1024);
}

Result<std::string> generated_config(const UpOptions& options) {
  std::uint64_t memory = host_memory_mib() / std::max(options.nodes, 1U);
  if (!options.memory_per_node.empty()) {
    const Result<std::uint64_t> given = base::parse_memory_mib(options.memory_per_node);
    if (!given)
      return fail(ErrorCode::invalid_argument,
                  "--memory-per-node: not a size: " + options.memory_per_node);
    memory = *given;
  }
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  const std::uint32_t cpus = options.cpus_per_node != 0
                                 ? options.cpus_per_node
                                 : static_cast<std::uint32_t>(std::max(online, 1L));
  const std::string last = std::to_string(options.nodes);
  std::string yaml =
      "# Made by `sluice up`. Change it and run `scontrol reconfigure`.\n"
      "cluster_name: sluice\n"
      "control_host: 127.0.0.1\n"
      "listen_address: 127.0.0.1\n"
      "return_to_service: 2\n"
      "# A job that names no memory gets this for each of its CPUs.\n"
      "def_mem_per_cpu: " +
      std::to_string(std::max<std::uint64_t>(memory / cpus, 1)) +
      "\n"
      "nodes:\n"
      "  - node_name: " +
      (options.nodes == 1 ? std::string("n1") : "n[1-" + last + "]") +
      "\n"
      "    node_addr: 127.0.0.1\n"
      "    cpus: " +
      std::to_string(cpus) +
      "\n"
      "    real_memory: " +
      std::to_string(memory) + "\n";
  if (!options.gres.empty()) yaml += "    gres: \"" + options.gres + "\"\n";
  yaml +=
      "partitions:\n"
      "  - partition_name: batch\n"
      "    nodes: ALL\n"
      "    default: yes\n";
  return yaml;
}

Result<std::string> key_of_host(const std::string& dir) {
  if (Status made = base::make_directories(dir, 0755); !made) return tl::unexpected(made.error());
  Result<auth::HostKey> key = auth::HostKey::load_or_create(dir + "/host.key");
  if (!key) return tl::unexpected(key.error());
  return auth::public_key_text(key->public_key());
}

struct Agent {
  std::string name;
  std::string dir;
  std::string role;
  std::uint16_t port = 0;
  base::KeyValues facts;
};

// Several nodes on one host are smaller, or larger, than the host: each agent is told what it is.
base::KeyValues facts_of(const model::NodeSetting& setting) {
  const model::NodeFacts& facts = setting.facts;
  base::KeyValues values;
  if (setting.facts_fixed) {
    values["sockets"] = std::to_string(facts.sockets);
    values["cores_per_socket"] = std::to_string(facts.cores_per_socket);
    values["threads_per_core"] = std::to_string(facts.threads_per_core);
  }
  if (facts.memory != 0) values["memory"] = std::to_string(facts.memory);
  if (facts.tmp_disk != 0) values["tmp_disk"] = std::to_string(facts.tmp_disk);
  if (!setting.autodetect) values["autodetect"] = "off";
  if (!setting.accelerator_root.empty()) {
    values["accelerator_root"] = setting.accelerator_root.str();
  }
  if (!setting.accelerator_table.empty()) {
    values["accelerator_table"] = setting.accelerator_table.str();
  }
  std::string gres;
  for (const model::NodeGres& one : facts.gres) {
    gres += (gres.empty() ? "" : ";") + one.name.str() +
            (one.type.empty() ? "" : ":" + one.type.str()) + ":" + std::to_string(one.count);
  }
  if (!gres.empty()) values["gres"] = gres;
  return values;
}

Status write_agent(const ClusterDir& cluster, const Agent& agent, const base::KeyValues& common) {
  Result<std::string> key = key_of_host(agent.dir);
  if (!key) return tl::unexpected(key.error());
  base::KeyValues conf = common;
  conf.insert(agent.facts.begin(), agent.facts.end());
  conf["name"] = agent.name;
  conf["port"] = std::to_string(agent.port);
  if (Status written =
          base::write_file_atomic(agent.dir + "/agent.conf", base::format_key_values(conf));
      !written) {
    return written;
  }
  const base::KeyValues host = {{"public_key", *key},
                                {"roles", agent.role},
                                {"address", "127.0.0.1"},
                                {"port", std::to_string(agent.port)}};
  return base::write_file_atomic(cluster.controller() + "/hosts.d/" + agent.name,
                                 base::format_key_values(host));
}

}  // namespace

Status make_cluster(const ClusterDir& cluster, const UpOptions& options) {
  Result<std::string> yaml = options.config.empty() ? generated_config(options)
                                                    : base::read_file(options.config, kMaxConfig);
  if (!yaml) return tl::unexpected(yaml.error());
  const std::string name = options.config.empty() ? cluster.config() : options.config;
  Result<config::ClusterConfig> config = config::parse_cluster_config(*yaml, name);
  if (!config) return tl::unexpected(config.error());
  const auto& nodes = config->settings->nodes;
  Result<std::vector<std::uint16_t>> ports = free_ports(nodes.size() + 2);
  if (!ports) return tl::unexpected(ports.error());

  for (const std::string& folder :
       {cluster.path(), cluster.controller(), cluster.controller() + "/hosts.d"}) {
    if (Status made = base::make_directories(folder, 0755); !made) return made;
  }
  Result<auth::HostKey> key =
      auth::HostKey::load_or_create(cluster.controller() + "/controller.key");
  if (!key) return tl::unexpected(key.error());
  const base::KeyValues common = {
      {"controller_address", "127.0.0.1"},
      {"controller_port", std::to_string((*ports)[0])},
      {"controller_key", auth::public_key_text(key->public_key())},
      {"listen_address", "127.0.0.1"},
      {"client_conf", cluster.client_conf()},
      {"single_user", ::geteuid() == 0 ? "no" : "yes"},
  };
  if (Status login =
          write_agent(cluster, {"login", cluster.login(), "login", (*ports)[1], {}}, common);
      !login) {
    return login;
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::string node = nodes[i].name.str();
    const Agent agent{node, cluster.node(node), "node", (*ports)[i + 2], facts_of(nodes[i])};
    if (Status made = write_agent(cluster, agent, common); !made) return made;
  }
  const base::KeyValues client = {{"controller_socket", cluster.controller() + "/controller.sock"},
                                  {"agent_socket", cluster.login() + "/agent.sock"}};
  for (const auto& [path, content] :
       {std::pair(cluster.client_conf(), base::format_key_values(client)),
        std::pair(cluster.path() + "/port", std::to_string((*ports)[0]) + "\n"),
        std::pair(cluster.config(), *yaml)}) {  // the configuration last: it marks a whole cluster
    if (Status written = base::write_file_atomic(path, content); !written) return written;
  }
  return {};
}

}  // namespace sluice::cli
