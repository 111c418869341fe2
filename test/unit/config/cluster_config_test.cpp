// sluice.yaml: every key is accepted and reaches its setting; a wrong file is refused with its
// name, the line, the key and what was expected; the example that is installed is right.
#include "config/cluster_config.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "model/types.hpp"

namespace sluice::config {
namespace {

const std::string kRest =
    "nodes:\n"
    "  - node_name: n[1-3]\n"
    "    cpus: 8\n"
    "    real_memory: 4G\n"
    "partitions:\n"
    "  - partition_name: batch\n";

ClusterConfig parsed(const std::string& yaml) {
  Result<ClusterConfig> config = parse_cluster_config(yaml, "sluice.yaml");
  EXPECT_TRUE(config.has_value()) << (config ? "" : config.error().text);
  return config ? std::move(*config) : ClusterConfig{std::make_shared<model::Settings>()};
}

ClusterConfig with(const std::string& lines) { return parsed(lines + kRest); }

std::string told_to_nodes(const ClusterConfig& config, const std::string& key) {
  for (const auto& [name, value] : config.node_settings) {
    if (name == key) return value;
  }
  return "(not told)";
}

// --- The whole ---------------------------------------------------------------------------------

TEST(ClusterConfigTest, DefaultsAreTheDocumentedOnes) {
  const ClusterConfig config = parsed(kRest);
  const model::Settings& s = *config.settings;
  EXPECT_EQ(s.cluster_name, "sluice");
  EXPECT_EQ(config.port, 6817);
  EXPECT_EQ(s.node_timeout_s, 300U);
  EXPECT_EQ(s.min_job_age_s, 300U);
  EXPECT_EQ(s.first_job_id, 1U);
  EXPECT_EQ(s.max_job_id, 67043328U);
  EXPECT_EQ(s.max_job_count, 2000000U);
  EXPECT_EQ(s.max_array_size, 1000001U);
  EXPECT_EQ(s.launch_failure_limit, 3U);
  EXPECT_EQ(s.return_to_service, 1U);
  EXPECT_TRUE(s.track_memory);
  EXPECT_TRUE(s.backfill);
  EXPECT_TRUE(s.job_requeue);
  EXPECT_FALSE(s.enforce_partition_limits);
  EXPECT_TRUE(config.node_settings.empty());
}

TEST(ClusterConfigTest, TheInstalledExampleIsRight) {
  const Result<ClusterConfig> config = load_cluster_config("etc/sluice.yaml");
  ASSERT_TRUE(config.has_value()) << config.error().text;
  const model::Settings& s = *config->settings;
  EXPECT_EQ(s.cluster_name, "lake");
  EXPECT_EQ(s.nodes.size(), 22U);
  EXPECT_EQ(s.nodes[0].address, "c001.example.org");
  EXPECT_EQ(s.nodes[0].facts.cpus(), 64U);
  ASSERT_EQ(s.partitions.size(), 2U);
  EXPECT_TRUE(s.partitions[0].is_default);
  EXPECT_EQ(s.partitions[0].max_time, 2880U);
  EXPECT_EQ(s.partitions[0].default_time, 60U);
  EXPECT_EQ(s.partitions[1].nodes, "g[01-04]");
  EXPECT_EQ(s.backfill_window_min, 2880U);
  EXPECT_EQ(told_to_nodes(*config, "mpi_default"), "pmix");
}

// The manual's example stands between two marks; what people copy from it must work.
TEST(ClusterConfigTest, TheManualsExampleIsRight) {
  const Result<std::string> page = base::read_file("man/sluice.yaml.5", 1 << 20);
  ASSERT_TRUE(page.has_value());
  const std::size_t section = page->find(".SH EXAMPLE");
  const std::size_t begin = page->find(".EX\n", section);
  const std::size_t end = page->find(".EE\n", begin);
  ASSERT_NE(end, std::string::npos);
  std::string yaml = page->substr(begin + 4, end - begin - 4);
  std::erase(yaml, '\\');
  EXPECT_EQ(parsed(yaml).settings->partitions.size(), 2U);
}

TEST(ClusterConfigTest, AFileThatIsNotThereIsAnError) {
  const Result<ClusterConfig> config = load_cluster_config("/nowhere/sluice.yaml");
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().text, "/nowhere/sluice.yaml: can't be read");
}

// --- Every key of the top level ----------------------------------------------------------------

struct Numeric {
  const char* line;
  std::uint64_t (*value)(const ClusterConfig& config);
  std::uint64_t expected;
};

class NumericKeyTest : public testing::TestWithParam<Numeric> {};

TEST_P(NumericKeyTest, ReachesItsSetting) {
  EXPECT_EQ(GetParam().value(with(std::string(GetParam().line) + "\n")), GetParam().expected);
}

template <auto Member>
std::uint64_t of(const ClusterConfig& config) {
  return static_cast<std::uint64_t>((*config.settings).*Member);
}

using S = model::Settings;
const Numeric kNumeric[] = {
    {"first_job_id: 1000", of<&S::first_job_id>, 1000},
    {"max_job_id: 5000", of<&S::max_job_id>, 5000},
    {"max_job_count: 10", of<&S::max_job_count>, 10},
    {"max_array_size: 11", of<&S::max_array_size>, 11},
    {"min_job_age: 12", of<&S::min_job_age_s>, 12},
    {"slurmd_timeout: 13", of<&S::node_timeout_s>, 13},
    {"over_time_limit: 14", of<&S::over_time_limit_min>, 14},
    {"max_batch_requeue: 15", of<&S::launch_failure_limit>, 15},
    {"def_mem_per_node: 2G", of<&S::default_memory_per_node>, 2048},
    {"def_mem_per_cpu: 17", of<&S::default_memory_per_cpu>, 17},
    {"max_mem_per_node: 1T", of<&S::max_memory_per_node>, 1048576},
    {"max_mem_per_cpu: 19M", of<&S::max_memory_per_cpu>, 19},
    {"job_requeue: no", of<&S::job_requeue>, 0},
    {"enforce_part_limits: on", of<&S::enforce_partition_limits>, 1},
    {"device_fault_policy: requeue", of<&S::device_fault_policy>, 1},
    {"device_fault_policy: cancel", of<&S::device_fault_policy>, 2},
    {"return_to_service: 2", of<&S::return_to_service>, 2},
    {"scheduler_type: sched/builtin", of<&S::backfill>, 0},
    {"scheduler_parameters: bf_window=60", of<&S::backfill_window_min>, 60},
    {"scheduler_parameters: bf_max_job_test=7", of<&S::backfill_max_job_test>, 7},
    {"scheduler_parameters: [bf_window=1, bf_resolution=8]", of<&S::backfill_resolution_s>, 8},
    {"scheduler_parameters: bf_job_part_count_reserve=3",
     [](const ClusterConfig& c) { return std::uint64_t{c.settings->backfill_reserve.value_or(0)}; },
     3},
    {"select_type_parameters: CR_Socket_Memory", of<&S::track_memory>, 1},
    {"select_type_parameters: cr_core", of<&S::track_memory>, 0},
    {"select_type_parameters: CR_CPU", of<&S::cpu_unit_default>,
     static_cast<std::uint64_t>(model::CpuUnit::thread)},
    {"kill_wait: 31", of<&S::kill_wait_s>, 31},
    {"unkillable_step_timeout: 61", of<&S::unkillable_timeout_s>, 61},
    {"slurmctld_port: 7001", [](const ClusterConfig& c) { return std::uint64_t{c.port}; }, 7001},
};
INSTANTIATE_TEST_SUITE_P(Keys, NumericKeyTest, testing::ValuesIn(kNumeric));

TEST(ClusterConfigTest, ExitCodesAreListsOfRanges) {
  const ClusterConfig config = with("requeue_exit: 7\nrequeue_exit_hold: [5, 10-12]\n");
  EXPECT_EQ(config.settings->requeue_exit, (std::vector<std::uint32_t>{7}));
  EXPECT_EQ(config.settings->requeue_exit_hold, (std::vector<std::uint32_t>{5, 10, 11, 12}));
  const std::pair<std::string, std::string> shown{"RequeueExitHold", "5,10-12"};
  EXPECT_EQ(std::count(config.shown.begin(), config.shown.end(), shown), 1);
}

TEST(ClusterConfigTest, TextsReachTheirPlaces) {
  const ClusterConfig config = with(
      "cluster_name: pond\ncontrol_host: ctl\nlisten_address: 10.0.0.1\n"
      "mail_prog: /usr/bin/mail\nadmins: [ann, bob]\noperators: cy,dee\n");
  EXPECT_EQ(config.settings->cluster_name, "pond");
  EXPECT_EQ(config.control_host, "ctl");
  EXPECT_EQ(config.listen_address, "10.0.0.1");
  EXPECT_EQ(config.mail_prog, "/usr/bin/mail");
  EXPECT_EQ(config.admins, (std::vector<std::string>{"ann", "bob"}));
  EXPECT_EQ(config.operators, (std::vector<std::string>{"cy", "dee"}));
}

TEST(ClusterConfigTest, AcceleratorsAreNamed) {
  const ClusterConfig config = with("accelerator_names: [gpu, tpu]\n");
  EXPECT_EQ(config.settings->accelerator_names, (std::vector<Text>{"gpu", "tpu"}));
}

TEST(ClusterConfigTest, NodesAreToldTheirSettings) {
  const std::pair<const char*, const char*> told[] = {{"kill_wait", "5"},
                                                      {"unkillable_step_timeout", "6"},
                                                      {"prolog", "/etc/p"},
                                                      {"epilog", "/etc/e"},
                                                      {"task_prolog", "/etc/tp"},
                                                      {"task_epilog", "/etc/te"},
                                                      {"mpi_default", "pmix"},
                                                      {"job_acct_gather_frequency", "9"},
                                                      {"tree_width", "32"},
                                                      {"step_patience", "20"},
                                                      {"require_cgroups", "yes"},
                                                      {"constrain_cores", "no"},
                                                      {"constrain_ram_space", "yes"},
                                                      {"constrain_devices", "no"},
                                                      {"allowed_swap_space", "10"}};
  std::string lines;
  for (const auto& [key, value] : told) lines += std::string(key) + ": " + value + "\n";
  const ClusterConfig config = with(lines);
  for (const auto& [key, value] : told) EXPECT_EQ(told_to_nodes(config, key), value) << key;
}

TEST(ClusterConfigTest, NodesAreToldFlagsInOneSpelling) {
  for (const char* word : {"yes", "Yes", "TRUE", "1", "on"}) {
    const ClusterConfig config = with(std::string("require_cgroups: ") + word + "\n");
    EXPECT_EQ(told_to_nodes(config, "require_cgroups"), "yes") << word;
  }
  for (const char* word : {"no", "False", "0", "OFF"}) {
    const ClusterConfig config = with(std::string("constrain_cores: ") + word + "\n");
    EXPECT_EQ(told_to_nodes(config, "constrain_cores"), "no") << word;
  }
}

TEST(ClusterConfigTest, NodesAreToldOfContainers) {
  const ClusterConfig config = with(
      "container_runtimes:\n- {name: charliecloud, run: /usr/bin/ch-run %r -- %@}\n"
      "container_runtime: charliecloud\nimage_cache: /var/images\nimage_cache_size: 10G\n"
      "image_cache_age: 7-0\nimage_pull_policy: missing\nimage_pull_timeout: 5\n"
      "image_max_size: UNLIMITED\n"
      "insecure_registries: [localhost:5000, reg]\ncontainer_mounts: [/a:/b:ro, /c:/d]\n"
      "container_mount_home: yes\ncontainer_scope: user\n");
  EXPECT_EQ(told_to_nodes(config, "container_runtime"), "charliecloud");
  EXPECT_EQ(told_to_nodes(config, "container_run_pattern"), "/usr/bin/ch-run %r -- %@");
  EXPECT_EQ(told_to_nodes(config, "image_cache"), "/var/images");
  EXPECT_EQ(told_to_nodes(config, "image_cache_size"), "10737418240");
  EXPECT_EQ(told_to_nodes(config, "image_cache_age"), "604800");
  EXPECT_EQ(told_to_nodes(config, "image_pull_policy"), "missing");
  EXPECT_EQ(told_to_nodes(config, "image_pull_timeout"), "300");
  EXPECT_EQ(told_to_nodes(config, "image_max_size"), "0");
  EXPECT_EQ(told_to_nodes(config, "insecure_registries"), "localhost:5000,reg");
  EXPECT_EQ(told_to_nodes(config, "container_mounts"), "/a:/b:ro,/c:/d");
  EXPECT_EQ(told_to_nodes(config, "container_mount_home"), "yes");
  EXPECT_EQ(told_to_nodes(config, "container_scope"), "user");
}

TEST(ClusterConfigTest, IsShownUnderSlurmsNames) {
  const ClusterConfig config = with("cluster_name: pond\nkill_wait: 7\n");
  const auto shown = [&](std::string_view name) {
    const auto found =
        std::ranges::find(config.shown, name, &std::pair<std::string, std::string>::first);
    return found == config.shown.end() ? "(missing)" : found->second;
  };
  EXPECT_EQ(shown("ClusterName"), "pond");
  EXPECT_EQ(shown("KillWait"), "7 sec");
  EXPECT_EQ(shown("DeviceFaultPolicy"), "keep");
  EXPECT_EQ(shown("AcceleratorNames"), "gpu,npu,mlu,gcu,dcu,xpu,ppu");
  EXPECT_EQ(shown("SelectTypeParameters"), "CR_CORE_MEMORY");
  EXPECT_EQ(shown("Prolog"), "(null)");
  EXPECT_EQ(shown("ContainerRuntime"), "auto");
  EXPECT_EQ(shown("ImagePullPolicy"), "newer");
  EXPECT_EQ(shown("ImagePullTimeout"), "1800 sec");
  EXPECT_EQ(shown("ImageCacheSize"), "UNLIMITED");
}

// --- Nodes and partitions ------------------------------------------------------------------------

TEST(ClusterConfigTest, ANodeHasAllItsKeys) {
  const ClusterConfig config = parsed(
      "nodes:\n"
      "  - node_name: a[1-2]\n"
      "    node_addr: 10.0.0.[1-2]\n"
      "    boards: 1\n"
      "    sockets: 2\n"
      "    cores_per_socket: 4\n"
      "    threads_per_core: 2\n"
      "    cpus: 16\n"
      "    real_memory: 64G\n"
      "    tmp_disk: 100G\n"
      "    gres: gpu:a100:2,nic\n"
      "    features: [fast, ib]\n"
      "    weight: 3\n"
      "partitions:\n"
      "  - partition_name: p\n");
  ASSERT_EQ(config.settings->nodes.size(), 2U);
  const model::NodeSetting& node = config.settings->nodes[1];
  EXPECT_EQ(node.name, "a2");
  EXPECT_EQ(node.address, "10.0.0.2");
  EXPECT_EQ(node.facts.boards, 1U);
  EXPECT_EQ(node.facts.cpus(), 16U);
  EXPECT_EQ(node.facts.memory, 65536U);
  EXPECT_EQ(node.facts.tmp_disk, 102400U);
  EXPECT_EQ(node.features, "fast,ib");
  EXPECT_EQ(node.weight, 3U);
  ASSERT_EQ(node.facts.gres.size(), 2U);
  EXPECT_EQ(node.facts.gres[0].type, "a100");
  EXPECT_EQ(node.facts.gres[0].count, 2U);
  EXPECT_EQ(node.facts.gres[1].count, 1U);
}

TEST(ClusterConfigTest, WithoutGeometryANodeIsAsDiscovered) {
  const ClusterConfig config =
      parsed("nodes:\n  - node_name: a\npartitions:\n  - partition_name: p\n");
  EXPECT_FALSE(config.settings->nodes[0].facts_fixed);
  EXPECT_EQ(config.settings->nodes[0].address, "a");
}

TEST(ClusterConfigTest, APartitionHasAllItsKeys) {
  const ClusterConfig config = parsed(
      "partitions:\n"  // before the nodes: the order in the file doesn't matter
      "  - partition_name: p\n"
      "    nodes: n[2-3]\n"
      "    default: yes\n"
      "    hidden: yes\n"
      "    root_only: yes\n"
      "    state: drain\n"
      "    max_time: 2:00:00\n"
      "    default_time: 10\n"
      "    min_nodes: 2\n"
      "    max_nodes: 3\n"
      "    max_cpus_per_node: 4\n"
      "    def_mem_per_cpu: 100\n"
      "    def_mem_per_node: 1G\n"
      "    max_mem_per_cpu: 200\n"
      "    max_mem_per_node: 2G\n"
      "    allow_groups: staff,root\n"
      "    allow_accounts: ALL\n"
      "    deny_accounts: x\n"
      "    over_subscribe: FORCE:8\n"
      "    priority_tier: 5\n"
      "    cpu_unit: thread\n"
      "nodes:\n"
      "  - node_name: n[1-3]\n");
  const model::Partition& p = config.settings->partitions[0];
  EXPECT_EQ(p.nodes, "n[2-3]");
  EXPECT_TRUE(p.is_default && p.hidden && p.root_only);
  EXPECT_EQ(p.state, model::PartitionState::drain);
  EXPECT_EQ(p.max_time, 120U);
  EXPECT_EQ(p.default_time, 10U);
  EXPECT_EQ(p.min_nodes, 2U);
  EXPECT_EQ(p.max_nodes, 3U);
  EXPECT_EQ(p.max_cpus_per_node, 4U);
  EXPECT_EQ(p.default_memory_per_cpu, 100U);
  EXPECT_EQ(p.default_memory_per_node, 1024U);
  EXPECT_EQ(p.max_memory_per_cpu, 200U);
  EXPECT_EQ(p.max_memory_per_node, 2048U);
  EXPECT_EQ(p.allow_groups, "staff,root");
  EXPECT_EQ(p.allow_accounts, "");
  EXPECT_EQ(p.deny_accounts, "x");
  EXPECT_EQ(p.oversubscribe, model::OverSubscribe::force);
  EXPECT_EQ(p.oversubscribe_jobs, 8U);
  EXPECT_EQ(p.priority_tier, 5U);
  EXPECT_EQ(p.cpu_unit, model::CpuUnit::thread);
}

TEST(ClusterConfigTest, APartitionHasAllNodesAndNoLimitsUnlessItSaysSo) {
  const ClusterConfig config = parsed(kRest);
  EXPECT_EQ(config.settings->partitions[0].nodes, "n[1-3]");
  EXPECT_EQ(config.settings->partitions[0].max_time, model::kUnlimited);
  EXPECT_EQ(config.settings->partitions[0].max_nodes, model::kUnlimited);
}

TEST(ClusterConfigTest, ATreeOfSwitches) {
  const ClusterConfig config = with(
      "topology:\n"
      "  switches:\n"
      "    - {switch_name: top, switches: 's[1-2]'}\n"
      "    - {switch_name: s1, nodes: 'n[1-2]', link_speed: 100}\n"
      "    - {switch_name: s2, nodes: n3}\n");
  const model::Topology& topology = config.settings->topology;
  EXPECT_EQ(topology.kind, model::TopologyKind::tree);
  ASSERT_EQ(topology.switches.size(), 3U);
  EXPECT_EQ(topology.switches[0].level, 1U);
  EXPECT_EQ(topology.switches[0].nodes, "n[1-3]");
  EXPECT_EQ(topology.switches[0].switches, "s[1-2]");
  EXPECT_EQ(topology.switches[1].link_speed, 100U);
  EXPECT_EQ(topology.switches[1].level, 0U);
}

TEST(ClusterConfigTest, Blocks) {
  const ClusterConfig config = with(
      "topology:\n"
      "  type: block\n"
      "  blocks: [{block_name: b1, nodes: n1}, {block_name: b2, nodes: 'n[2-3]'}]\n"
      "  block_sizes: [2, 4]\n");
  EXPECT_EQ(config.settings->topology.kind, model::TopologyKind::block);
  EXPECT_EQ(config.settings->topology.block_sizes, (std::vector<std::uint32_t>{2, 4}));
}

TEST(ClusterConfigTest, SelectionHasMarks) {
  const ClusterConfig config = with(
      "select_type_parameters: [CR_CPU, CR_LLN, CR_ONE_TASK_PER_CORE]\n"
      "job_defaults: DefCpuPerGPU=4,DefMemPerGPU=2G\n"
      "scheduler_parameters: max_switch_wait=60\n");
  const model::Settings& s = *config.settings;
  EXPECT_EQ(s.cpu_unit_default, model::CpuUnit::thread);
  EXPECT_TRUE(s.least_loaded && s.one_task_per_core && !s.pack_nodes);
  EXPECT_EQ(s.job_defaults, "DefCpuPerGPU=4,DefMemPerGPU=2048");
  EXPECT_EQ(s.max_switch_wait_s, 60U);
}

TEST(ClusterConfigTest, PartitionsTakeTheUnitOfTheCluster) {
  const ClusterConfig config = with("select_type_parameters: CR_Socket\n");
  EXPECT_EQ(config.settings->partitions[0].cpu_unit, model::CpuUnit::socket);
}

}  // namespace
}  // namespace sluice::config
