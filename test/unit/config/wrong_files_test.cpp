// Wrong configurations, and the line that each is answered with: file, line, key, what was
// expected.
#include <ostream>

#include <gtest/gtest.h>

#include "config/cluster_config.hpp"

namespace sluice::config {
namespace {

struct Wrong {
  const char* name;
  std::string yaml;
  std::string message;

  friend void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }
};

// Line 1 is what is wrong.
std::string top(const std::string& line) {
  return line + "\nnodes: [{node_name: n1}]\npartitions: [{partition_name: p}]\n";
}
// Line 2 is the node, whose key is wrong on line 3.
std::string node(const std::string& line) {
  return "nodes:\n  - node_name: n[1-2]\n    " + line + "\npartitions: [{partition_name: p}]\n";
}
// Line 3 is the partition, whose key is wrong on line 4.
std::string partition(const std::string& line) {
  return "nodes: [{node_name: n1}]\npartitions:\n  - partition_name: p\n    " + line + "\n";
}
// Line 3 is the topology.
std::string with_topology(const std::string& section) {
  return "nodes: [{node_name: 'n[1-2]'}]\npartitions: [{partition_name: p}]\ntopology: " + section +
         "\n";
}

const Wrong kWrong[] = {
    // Priorities and preemption
    {"priority_type", top("priority_type: priority/fair"),
     "c.yaml:1: priority_type: expected priority/basic or priority/multifactor, not "
     "\"priority/fair\""},
    {"priority_weight", top("priority_weight_age: -5"),
     "c.yaml:1: priority_weight_age: expected a whole number, not \"-5\""},
    {"priority_max_age", top("priority_max_age: 0"),
     "c.yaml:1: priority_max_age: expected a time above 0 (minutes, h:m:s, d-h:m:s), not \"0\""},
    {"reset_period", top("priority_usage_reset_period: HOURLY"),
     "c.yaml:1: priority_usage_reset_period: expected one of NONE, NOW, DAILY, WEEKLY, MONTHLY, "
     "QUARTERLY, YEARLY, not \"HOURLY\""},
    {"priority_weight_tres", top("priority_weight_tres: tpu=3"),
     "c.yaml:1: priority_weight_tres: expected TRES=WEIGHT[K|M|G|T|P], separated by commas (of "
     "counted TRES), not \"tpu=3\""},
    {"preempt_type", top("preempt_type: preempt/age"),
     "c.yaml:1: preempt_type: expected preempt/none, preempt/partition_prio or preempt/qos, not "
     "\"preempt/age\""},
    {"preempt_off", top("preempt_type: preempt/qos\npreempt_mode: OFF"),
     "c.yaml:2: preempt_mode: expected CANCEL, REQUEUE or SUSPEND with this preempt_type, not "
     "\"OFF\""},
    {"preempt_parameters", top("preempt_parameters: reclaim_licenses"),
     "c.yaml:1: preempt_parameters: expected a list of youngest_first, strict_order, "
     "send_user_signal, reorder_count=number, min_exempt_priority=number, not "
     "\"reclaim_licenses\""},
    {"suspend_without_gang", top("preempt_mode: SUSPEND"),
     "c.yaml:1: preempt_mode: expected SUSPEND,GANG, not \"SUSPEND\""},
    {"gang_alone", top("preempt_mode: GANG"),
     "c.yaml:1: preempt_mode: expected GANG only together with a preempt_type: jobs never take "
     "turns, not \"GANG\""},
    {"partition_preempt_mode", partition("preempt_mode: GANG"),
     "c.yaml:4: preempt_mode: expected one of OFF, CANCEL, REQUEUE, SUSPEND, not \"GANG\""},
    // The file as such
    {"empty", "", "c.yaml:1: expected a mapping of keys and values"},
    {"list", "- a\n- b\n", "c.yaml:1: expected a mapping of keys and values"},
    {"syntax", "cluster_name: [a\n", "c.yaml:2: end of sequence flow not found"},
    {"tabs", "nodes:\n\t- node_name: n1\n", ""},
    {"key_twice", top("kill_wait: 1\nkill_wait: 2"),
     "c.yaml:2: kill_wait: expected each key once, not \"a second one\""},
    {"unknown_key", top("cluster_nam: x"), "c.yaml:1: unknown key cluster_nam"},
    {"slurms_spelling", top("ClusterName: x"), "c.yaml:1: unknown key ClusterName"},
    {"map_for_value", top("cluster_name: {a: b}"),
     "c.yaml:1: cluster_name: expected a value, not \"a mapping\""},
    {"list_of_maps", top("admins: [{a: b}]"), "c.yaml:1: admins: expected a list of plain values"},
    // Values of the top level
    {"not_a_number", top("max_job_count: many"),
     "c.yaml:1: max_job_count: expected a whole number, not \"many\""},
    {"licences_twice", top("licenses: \"a:1,a:2\""),
     "c.yaml:1: licenses: expected licences with their counts, each once: matlab:10,ansys:5, not "
     "\"a:1,a:2\""},
    {"over_run", top("resv_over_run: soon"),
     "c.yaml:1: resv_over_run: expected minutes, or UNLIMITED, not \"soon\""},
    {"negative", top("max_array_size: -1"),
     "c.yaml:1: max_array_size: expected a whole number, not \"-1\""},
    {"too_large", top("max_job_count: 99999999999"),
     "c.yaml:1: max_job_count: expected a whole number, not \"99999999999\""},
    {"seconds", top("kill_wait: 1m"),
     "c.yaml:1: kill_wait: expected a number of seconds, not \"1m\""},
    {"port", top("slurmctld_port: 70000"),
     "c.yaml:1: slurmctld_port: expected a port number, 0 to 65535, not \"70000\""},
    {"memory", top("max_mem_per_cpu: 4X"),
     "c.yaml:1: max_mem_per_cpu: expected an amount of memory (MiB, or with K, M, G, T), not "
     "\"4X\""},
    {"runtime", top("container_runtime: docker"),
     "c.yaml:1: container_runtime: expected auto, crun, runc, none, an absolute path or a name of "
     "container_runtimes, not \"docker\""},
    {"runtime_twice",
     top("container_runtimes: [{name: a, run: /bin/a %@}, {name: a, run: /bin/b %@}]"),
     "c.yaml:1: container_runtimes: expected each name once, and none of auto, crun, runc, none, "
     "not \"a\""},
    {"runtime_without_command", top("container_runtimes: [{name: a, run: /bin/a %r}]"),
     "c.yaml:1: run: expected a command that begins with an absolute path and holds %@, not "
     "\"/bin/a %r\""},
    {"runtime_letter", top("container_runtimes: [{name: a, run: /bin/a %m %@}]"),
     "c.yaml:1: run: expected a command in which % is followed by one of %@bejnprstuUZ, not "
     "\"/bin/a %m %@\""},
    {"runtime_bare", top("container_runtimes: [{name: a}]"),
     "c.yaml:1: container_runtimes: expected name and run, not \"a\""},
    {"cache", top("image_cache: images"),
     "c.yaml:1: image_cache: expected an absolute path, not \"images\""},
    {"cache_size", top("image_cache_size: big"),
     "c.yaml:1: image_cache_size: expected a size (MiB, or with K, M, G, T) or UNLIMITED, not "
     "\"big\""},
    {"registries", top("insecure_registries: [https://x]"),
     "c.yaml:1: insecure_registries: expected a list of host[:port], not \"https://x\""},
    {"site_mounts", top("container_mounts: [/a:b]"),
     "c.yaml:1: container_mounts: expected a list of SRC:DST[:FLAGS] with absolute paths, not "
     "\"/a:b\""},
    {"scope", top("container_scope: global"),
     "c.yaml:1: container_scope: expected job or user, not \"global\""},
    {"cdi", top("cdi_dirs: [cdi]"),
     "c.yaml:1: cdi_dirs: expected a list of absolute paths, not \"cdi\""},
    {"flag", top("job_requeue: maybe"), "c.yaml:1: job_requeue: expected yes or no, not \"maybe\""},
    {"exit_codes", top("requeue_exit: 5-300"),
     "c.yaml:1: requeue_exit: expected exit codes from 1 to 255, as 1-9,18, not \"5-300\""},
    {"exit_success", top("requeue_exit_hold: [0, 4]"),
     "c.yaml:1: requeue_exit_hold: expected exit codes from 1 to 255, as 1-9,18, not \"0,4\""},
    {"node_flag", top("constrain_cores: maybe"),
     "c.yaml:1: constrain_cores: expected yes or no, not \"maybe\""},
    {"relative_path", top("prolog: bin/prolog"),
     "c.yaml:1: prolog: expected an absolute path, not \"bin/prolog\""},
    {"scheduler_type", top("scheduler_type: sched/wiki"),
     "c.yaml:1: scheduler_type: expected sched/backfill or sched/builtin, not \"sched/wiki\""},
    {"scheduler_parameters", top("scheduler_parameters: bf_windw=3"),
     "c.yaml:1: scheduler_parameters: expected bf_window=minutes, bf_max_job_test=count, "
     "bf_resolution=seconds, bf_job_part_count_reserve=count, max_switch_wait=seconds, not "
     "\"bf_windw=3\""},
    {"select_type", top("select_type_parameters: CR_Board"),
     "c.yaml:1: select_type_parameters: expected CR_Core, CR_CPU or CR_Socket, each also with "
     "_Memory, and beside it CR_LLN, CR_Pack_Nodes, CR_ONE_TASK_PER_CORE, not \"CR_Board\""},
    {"job_defaults", top("job_defaults: DefCpuPerGPU=many"),
     "c.yaml:1: job_defaults: expected DefCpuPerGPU=count, DefMemPerGPU=memory, not "
     "\"DefCpuPerGPU=many\""},
    {"kept_twice", node("core_spec_count: 1\n    cpu_spec_list: 0"),
     "c.yaml:2: nodes: expected core_spec_count or cpu_spec_list, not both, not \"n[1-2]\""},
    {"all_kept", node("cpus: 4\n    core_spec_count: 4"),
     "c.yaml:2: nodes: expected fewer CPUs kept for the system than the node has, not "
     "\"n[1-2]\""},
    {"mps", node("gres: mps:4"),
     "c.yaml:3: gres: expected whole devices, or shards: there is no mps, not \"mps:4\""},
    {"shards_of_nothing", node("gres: shard:4"),
     "c.yaml:3: gres: expected gpu:count, and shard:count as a multiple of that, not \"shard:4\""},
    {"uneven_shards", node("gres: \"gpu:2,shard:3\""),
     "c.yaml:3: gres: expected gpu:count, and shard:count as a multiple of that, not "
     "\"gpu:2,shard:3\""},
    {"shards_of_a_type", node("gres: \"gpu:2,shard:a:4\""),
     "c.yaml:3: gres: expected shard:count, once, not \"gpu:2,shard:a:4\""},
    {"topology_type", with_topology("{type: torus, switches: []}"),
     "c.yaml:3: topology: expected type tree or block, not \"torus\""},
    {"topology_empty", with_topology("{type: tree}"),
     "c.yaml:3: switches: expected a list of switches"},
    {"switch_node", with_topology("{switches: [{switch_name: s, nodes: n9}]}"),
     "c.yaml:3: nodes: expected nodes that exist, not \"n9\""},
    {"node_in_two_leaves",
     with_topology("{switches: [{switch_name: s, nodes: n1}, {switch_name: t, nodes: n1}]}"),
     "c.yaml:3: nodes: expected each node once, not \"n1, which s has too\""},
    {"switch_of_nothing", with_topology("{switches: [{switch_name: s}]}"),
     "c.yaml:3: switches: expected nodes or switches, one of them, not \"s\""},
    {"switch_unknown", with_topology("{switches: [{switch_name: s, switches: t}]}"),
     "c.yaml:3: switches: expected switches that exist, not \"t\""},
    {"switch_loop",
     with_topology("{switches: [{switch_name: s, switches: t}, "
                   "{switch_name: t, switches: s}]}"),
     "c.yaml:3: switches: expected a tree without loops, not \"t\""},
    {"switch_below_two",
     with_topology("{switches: [{switch_name: s, nodes: n1}, {switch_name: t, switches: s}, "
                   "{switch_name: u, switches: s}]}"),
     "c.yaml:3: switches: expected each switch below one other, not \"s\""},
    {"block_sizes",
     with_topology("{type: block, blocks: [{block_name: b, nodes: 'n[1-2]'}], "
                   "block_sizes: '1,2'}"),
     "c.yaml:3: block_sizes: expected at least 2, the nodes of the largest block, not \"1\""},
    {"block_sizes_odd",
     with_topology("{type: block, blocks: [{block_name: b, nodes: n1}], "
                   "block_sizes: '2,3'}"),
     "c.yaml:3: block_sizes: expected numbers of nodes, each a multiple of the one before, not "
     "\"3\""},
    {"device_fault_policy", top("device_fault_policy: ignore"),
     "c.yaml:1: device_fault_policy: expected keep, requeue or cancel, not \"ignore\""},
    {"return_to_service", top("return_to_service: 3"),
     "c.yaml: return_to_service: expected 0, 1 or 2, not \"3\""},
    {"first_job_id", top("first_job_id: 0"),
     "c.yaml: first_job_id: expected a number from 1 to below max_job_id, not \"0\""},
    // Nodes
    {"no_nodes", "partitions: [{partition_name: p}]\n",
     "c.yaml: nodes: expected at least one node"},
    {"nodes_no_list", "nodes: n1\n", "c.yaml:1: nodes: expected a list of nodes"},
    {"node_no_map", "nodes: [n1]\n", "c.yaml:1: nodes: expected a mapping with node_name"},
    {"node_key", node("memory: 4G"), "c.yaml:3: unknown key memory"},
    {"node_name", node("node_name: x"),
     "c.yaml:3: node_name: expected each key once, not \"a second one\""},
    {"node_without_name", "nodes:\n  - cpus: 4\n",
     "c.yaml:2: nodes: expected node_name with host names"},
    {"node_twice", node("cpus: 1\n  - node_name: n1"),
     "c.yaml:1: nodes: expected each node once, not \"n1\""},
    {"addresses", node("node_addr: a[1-3]"),
     "c.yaml:2: nodes: expected one node_addr, or one for each node, not \"a[1-3]\""},
    {"geometry", node("cpus: 6\n    sockets: 2\n    cores_per_socket: 2"),
     "c.yaml:2: nodes: expected cpus = sockets x cores_per_socket x threads_per_core, not \"6\""},
    {"uneven", node("cpus: 5\n    sockets: 2"),
     "c.yaml:2: nodes: expected cpus to be a multiple of sockets x threads_per_core, not \"5\""},
    {"gres", node("gres: gpu:many"),
     "c.yaml:3: gres: expected name[:type]:count, not \"gpu:many\""},
    // Partitions
    {"no_partitions", "nodes: [{node_name: n1}]\n",
     "c.yaml: partitions: expected at least one partition"},
    {"partition_without_name", "nodes: [{node_name: n1}]\npartitions:\n  - default: yes\n",
     "c.yaml:3: partitions: expected partition_name"},
    {"partition_nodes", partition("nodes: n[1-2]"),
     "c.yaml:3: partitions: expected nodes that exist, not \"n2\""},
    {"partition_list", partition("nodes: n[1-"),
     "c.yaml:3: partitions: expected a list of nodes, not \"n[1-\""},
    {"partition_state", partition("state: closed"),
     "c.yaml:4: state: expected one of UP, DOWN, DRAIN, INACTIVE, not \"closed\""},
    {"partition_time", partition("max_time: soon"),
     "c.yaml:4: max_time: expected a time (minutes, h:m:s, d-h:m:s) or UNLIMITED, not \"soon\""},
    {"partition_nodes_limit", partition("max_nodes: all"),
     "c.yaml:4: max_nodes: expected a whole number or UNLIMITED, not \"all\""},
    {"partition_sharing", partition("over_subscribe: SOME"),
     "c.yaml:4: over_subscribe: expected NO, EXCLUSIVE, YES[:jobs] or FORCE[:jobs], not \"SOME\""},
    {"partition_unit", partition("cpu_unit: hyper"),
     "c.yaml:4: cpu_unit: expected one of core, thread, socket, node, not \"hyper\""},
    {"partition_twice", partition("default: no\n  - partition_name: p"),
     "c.yaml:5: partitions: expected each partition once, not \"p\""},
    {"two_defaults", partition("default: yes\n  - {partition_name: q, default: yes}"),
     "c.yaml:5: partitions: expected one default partition, not \"q\""},
};

class WrongFileTest : public testing::TestWithParam<Wrong> {};

TEST_P(WrongFileTest, IsRefusedWithItsPlace) {
  const Result<ClusterConfig> config = parse_cluster_config(GetParam().yaml, "c.yaml");
  ASSERT_FALSE(config.has_value()) << GetParam().yaml;
  if (GetParam().message.empty()) {
    EXPECT_TRUE(config.error().text.starts_with("c.yaml:2: ")) << config.error().text;
  } else {
    EXPECT_EQ(config.error().text, GetParam().message);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, WrongFileTest, testing::ValuesIn(kWrong),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace sluice::config
