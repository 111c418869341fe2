// `scontrol show ENTITY [NAME]`: finds the entity, and shows all but jobs and their steps.
#include "cli/scontrol/show.hpp"

#include <set>
#include <string_view>

#include "base/clock.hpp"
#include "base/hostlist.hpp"
#include "cli/common/job_query.hpp"
#include "cli/common/job_stream.hpp"
#include "cli/scontrol/document.hpp"
#include "cli/scontrol/keyword.hpp"
#include "cli/scontrol/reservation.hpp"

namespace sluice::cli {

namespace {

struct Entity {
  std::string_view name;
  int (*show)(Console& console, const std::string& name);
  bool as_document = false;  // --json too
};

// Its words are conditions.
constexpr std::string_view kAssocMgr = "assoc_mgr";
int no_federation(Console&, const std::string&) { return 0; }

constexpr Entity kEntities[] = {{"jobs", show_jobs, true},
                                {"jobid", show_jobs, true},
                                {"nodes", show_nodes, true},
                                {"partitions", show_partitions, true},
                                {"partitionname", show_partitions, true},
                                {"steps", show_steps, true},
                                {"stepid", show_steps, true},
                                {"config", show_config},
                                {"hostnames", show_hostnames},
                                {"hostlist", show_hostlist},
                                {"hostlistsorted", show_sorted_hostlist},
                                {"reservations", show_reservations, true},
                                {"licenses", show_licenses, true},
                                {"topology", show_topology},
                                {"federation", no_federation}};

// "jobs" and "jobid" lead to the same place, so which of them "job" means doesn't matter.
const Entity* find_entity(std::string_view word) {
  if (const Entity* found = find_keyword<Entity>(kEntities, word)) return found;
  const Entity* first = nullptr;
  for (const Entity& entity : kEntities) {
    if (!base::abbreviates(word, entity.name)) continue;
    if (first != nullptr && first->show != entity.show) return nullptr;
    first = &entity;
  }
  return first;
}

int ping_line(Console& console, std::string& out) {
  const auto reply = console.call<wire::PingReply>(wire::Ping{}, {kAnswerMs, 0});
  if (!reply) {
    out += "Slurmctld(primary) is DOWN\n";
    return 1;
  }
  out += "Slurmctld(primary) at " + reply->host.str() + " is UP\n";
  return 0;
}

// The list, or what the environment of a job has.
std::string list_or_own(const Console& console, const std::string& list) {
  if (!list.empty()) return list;
  for (const char* name : {"SLURM_JOB_NODELIST", "SLURM_NODELIST"}) {
    if (const auto value = console.environment().get(name)) return std::string(*value);
  }
  return {};
}

int print_compressed(Console& console, const std::string& list, bool sorted) {
  if (list.empty()) return console.complain("too few arguments for keyword:show");
  Result<std::vector<std::string>> hosts = base::parse_hosts(list);
  if (!hosts) return console.complain("Invalid hostlist: " + list);
  if (sorted) hosts = base::sort_hosts(std::move(*hosts));
  put_out(base::compress_hosts(*hosts) + "\n");
  return 0;
}

// The names that no node answers to; the text itself if it isn't a list.
std::vector<std::string> not_there(const std::vector<model::NodePtr>& nodes,
                                   const std::string& names) {
  Result<std::vector<std::string>> wanted = base::parse_hosts(names);
  if (!wanted) return {names};
  std::set<std::string_view> known;
  for (const model::NodePtr& node : nodes) known.insert(node->name.view());
  std::erase_if(*wanted, [&](const std::string& name) { return known.contains(name); });
  return *wanted;
}

}  // namespace

int show(Console& console, Words words) {
  if (base::abbreviates(words[0], kAssocMgr)) {
    if (!wants_document(console)) return show_assoc_mgr(console, words.subspan(1));
    return console.error("assoc_mgr has no form for --json and --yaml");
  }
  if (words.size() > 2) return console.complain("too many arguments for keyword:show");
  const base::Cut cut = base::cut(words[0], '=');
  std::string name = words.size() == 2 ? words[1] : std::string(cut.after);
  const Entity* entity = find_entity(cut.before);
  if (entity == nullptr || cut.before.empty()) {
    return console.complain("invalid entity:" + words[0] + " for keyword:show ");
  }
  if (wants_document(console) && !entity->as_document) {
    return console.error(
        "--json and --yaml show jobs, steps, nodes, partitions, reservations and licenses");
  }
  return entity->show(console, name);
}

int ping(Console& console, Words) {
  if (wants_document(console)) {
    const auto reply = console.call<wire::PingReply>(wire::Ping{}, {kAnswerMs, 0});
    return print_ping(console, reply ? &*reply : nullptr);
  }
  std::string out;
  const int code = ping_line(console, out);
  put_out(out);
  return code;
}

int show_nodes(Console& console, const std::string& name) {
  Result<Client*> client = console.client();
  if (!client) return console.complain("slurm_load_node error: " + client.error().text);
  wire::QueryNodes query;
  query.names = name;
  const auto nodes = fetch_nodes(**client, query);
  if (!nodes) return console.complain("slurm_load_node error: " + nodes.error().text);
  if (name.empty() && nodes->empty()) console.say("No nodes in the system");
  if (wants_document(console)) return print_nodes(console, *nodes);
  const report::ShowStyle style = console.style();
  std::string out;
  for (const model::NodePtr& node : *nodes) {
    const bool hidden = node->state == model::NodeState::future && !console.options().future;
    if (!hidden || !name.empty()) report::show_node(*node, style, out);
  }
  const std::vector<std::string> missing = not_there(*nodes, name);
  for (const std::string& host : missing) {
    if (!console.options().quiet) out += "Node " + host + " not found\n";
  }
  put_out(out);
  return missing.empty() ? 0 : 1;
}

int show_partitions(Console& console, const std::string& name) {
  Result<Client*> client = console.client();
  if (!client) return console.complain("slurm_load_partitions error: " + client.error().text);
  wire::QueryPartitions query;
  query.name = name;
  const auto partitions = fetch_partitions(**client, query);
  if (!partitions) {
    return console.complain("slurm_load_partitions error: " + partitions.error().text);
  }
  if (partitions->empty()) {
    console.say(name.empty() ? "No partitions in the system" : "Partition " + name + " not found");
    return name.empty() ? 0 : 1;
  }
  if (wants_document(console)) return print_partitions(console, *partitions);
  const report::ShowStyle style = console.style();
  std::string out;
  for (const model::PartitionPtr& partition : *partitions) {
    if (partition->hidden && name.empty() && !console.shows_hidden()) continue;
    report::show_partition(*partition, style, out);
  }
  put_out(out);
  return 0;
}

int show_config(Console& console, const std::string& name) {
  if (!name.empty()) return console.complain("too many arguments for keyword:show");
  const auto config = console.call<wire::ConfigReply>(wire::QueryConfig{});
  if (!config) return console.complain("slurm_load_ctl_conf error: " + config.error().text);
  const report::ShowStyle style = console.style();
  std::string out = "Configuration data as of ";
  report::add_time(out, style.time.now * model::kSecond, style.time, "Unknown");
  out += '\n';
  for (const wire::KeyValue& value : config->values) {
    report::show_setting(value.key, value.value, out);
  }
  out += '\n';
  const int code = ping_line(console, out);
  put_out(out);
  return code;
}

int show_hostnames(Console& console, const std::string& name) {
  const std::string list = list_or_own(console, name);
  if (list.empty()) {
    console.error("host list is empty");
    return 0;
  }
  const Result<std::vector<std::string>> hosts = base::parse_hosts(list);
  if (!hosts) return console.complain("Invalid hostlist: " + list);
  std::string out;
  for (const std::string& host : *hosts) out += host + "\n";
  put_out(out);
  return 0;
}

int show_hostlist(Console& console, const std::string& name) {
  return print_compressed(console, name, false);
}

int show_sorted_hostlist(Console& console, const std::string& name) {
  return print_compressed(console, name, true);
}

}  // namespace sluice::cli
