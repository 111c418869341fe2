// `scontrol show node` and `show partition`.
#include <algorithm>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "base/quantity.hpp"
#include "base/user.hpp"
#include "model/gres.hpp"
#include "model/reserved_cpus.hpp"
#include "report/account_fields.hpp"
#include "report/gres_text.hpp"
#include "report/scontrol_text.hpp"
#include "report/text_block.hpp"

namespace sluice::report {

namespace {

using model::Node;
using model::Partition;

std::string memory_text(std::uint64_t mib) { return base::format_exact(mib, base::Unit::mega); }

std::string configured_tres(const Node& node) {
  const std::uint32_t cpus = node.facts.cpus();
  return fmt::format("cpu={},mem={},billing={}{}", cpus, memory_text(node.facts.memory), cpus,
                     configured_gres_tres(node));
}

std::string allocated_tres(const Node& node) {
  std::string text;
  if (node.allocated_cpus != 0) text = fmt::format("cpu={}", node.allocated_cpus);
  if (node.allocated_memory != 0) {
    text += fmt::format("{}mem={}", text.empty() ? "" : ",", memory_text(node.allocated_memory));
  }
  const std::string gres = used_gres_tres(node);
  return text.empty() && !gres.empty() ? gres.substr(1) : text + gres;
}

// "CoreSpecCount=1 CPUSpecList=6-7 MemSpecLimit=1024", as far as anything is kept for the system.
std::string reserved_text(const model::NodeFacts& facts) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : " ") + part; };
  const base::Bitmap cpus = model::reserved_cpus(facts);
  if (facts.core_spec_count != 0) add(fmt::format("CoreSpecCount={}", facts.core_spec_count));
  if (cpus.any()) add("CPUSpecList=" + cpus.to_ranges());
  if (facts.mem_spec_limit != 0) add(fmt::format("MemSpecLimit={}", facts.mem_spec_limit));
  return text;
}

void show_use(const Node& node, const ShowStyle& style, TextBlock& block) {
  const model::NodeFacts& facts = node.facts;
  const std::string_view features = node.features.empty() ? facts.features : node.features;
  block.line(fmt::format("NodeName={} Arch={} CoresPerSocket={} ", node.name.view(),
                         or_null(facts.arch), facts.cores_per_socket));
  block.line(fmt::format("CPUAlloc={} CPUEfctv={} CPUTot={} CPULoad={}.{:02}", node.allocated_cpus,
                         model::job_cpus(facts), facts.cpus(), node.cpu_load / 100,
                         node.cpu_load % 100));
  block.line(fmt::format("AvailableFeatures={}", or_null(features)));
  block.line(fmt::format("ActiveFeatures={}", or_null(features)));
  block.line(fmt::format("Gres={}", or_null(gres_text(node))));
  const std::string faults = model::faults_text(facts.gres);
  if (!faults.empty()) block.line("GresFaults=" + faults);
  if (style.details) {
    block.line("GresDrain=N/A");
    block.line(fmt::format("GresUsed={}", or_null(node.gres_used)));
  }
}

void show_reason(const Node& node, const ShowStyle& style, TextBlock& block) {
  if (node.reason.empty()) return;
  std::string text = "Reason=" + node.reason.str();
  if (node.reason_time != 0) {
    text += fmt::format(" [{}@{}]", base::user_label(node.reason_uid),
                        time_text(style.time, node.reason_time, "Unknown"));
  }
  block.line(text);
}

std::string minutes_text(std::uint32_t minutes) {
  if (minutes == model::kUnlimited) return "UNLIMITED";
  return base::format_duration(std::int64_t{minutes} * 60);
}

std::string count_text(std::uint32_t count) {
  return count == model::kUnlimited ? "UNLIMITED" : std::to_string(count);
}

std::string mib_text(std::uint64_t mib) { return mib == 0 ? "UNLIMITED" : std::to_string(mib); }

std::string_view yes_no(bool value) { return value ? "YES" : "NO"; }

std::string sharing_text(const Partition& partition) {
  switch (partition.oversubscribe) {
    case model::OverSubscribe::yes: return fmt::format("YES:{}", partition.oversubscribe_jobs);
    case model::OverSubscribe::force: return fmt::format("FORCE:{}", partition.oversubscribe_jobs);
    case model::OverSubscribe::exclusive: return "EXCLUSIVE";
    case model::OverSubscribe::no: break;
  }
  return "NO";
}

std::string_view state_text(model::PartitionState state) {
  switch (state) {
    case model::PartitionState::down: return "DOWN";
    case model::PartitionState::drain: return "DRAIN";
    case model::PartitionState::inactive: return "INACTIVE";
    case model::PartitionState::up: break;
  }
  return "UP";
}

std::string_view unit_text(model::CpuUnit unit) {
  switch (unit) {
    case model::CpuUnit::thread: return "CR_CPU";
    case model::CpuUnit::socket: return "CR_SOCKET";
    case model::CpuUnit::node: return "CR_LINEAR";
    case model::CpuUnit::core: break;
  }
  return "NONE";
}

// "AllowX=a,b", or what is denied instead, or ALL.
std::string access_text(std::string_view what, std::string_view allowed, std::string_view denied) {
  if (allowed.empty() && !denied.empty()) return fmt::format("Deny{}={}", what, denied);
  return fmt::format("Allow{}={}", what, allowed.empty() ? "ALL" : allowed);
}

void show_rules(const Partition& p, TextBlock& block) {
  block.line("PartitionName=" + p.name.str());
  block.line(fmt::format("AllowGroups={} {} {}",
                         p.allow_groups.empty() ? "ALL" : p.allow_groups.view(),
                         access_text("Accounts", p.allow_accounts, p.deny_accounts),
                         access_text("Qos", p.allow_qos, p.deny_qos)));
  block.line(fmt::format("AllocNodes=ALL Default={} QoS={}", yes_no(p.is_default),
                         p.qos.empty() ? "N/A" : p.qos.view()));
  block.line(
      fmt::format("DefaultTime={} DisableRootJobs={} ExclusiveUser=NO GraceTime={} Hidden={}",
                  p.default_time == 0 ? "NONE" : minutes_text(p.default_time),
                  yes_no(p.disable_root_jobs), p.grace_time, yes_no(p.hidden)));
  block.line(fmt::format("MaxNodes={} MaxTime={} MinNodes={} LLN=NO MaxCPUsPerNode={}",
                         count_text(p.max_nodes), minutes_text(p.max_time), p.min_nodes,
                         count_text(p.max_cpus_per_node)));
}

}  // namespace

void show_node(const model::Node& node, const ShowStyle& style, std::string& out) {
  const model::NodeFacts& facts = node.facts;
  TextBlock block(out, style.one_line);
  show_use(node, style, block);
  block.line(fmt::format("NodeAddr={} NodeHostName={} Version={}", or_null(node.address),
                         or_null(facts.hostname), or_null(facts.version)));
  if (!facts.os.empty()) block.line("OS=" + facts.os.str() + " ");
  block.line(fmt::format("RealMemory={} AllocMem={} FreeMem={} Sockets={} Boards={}", facts.memory,
                         node.allocated_memory,
                         node.free_memory == 0 ? "N/A" : std::to_string(node.free_memory),
                         facts.sockets, std::max(facts.boards, 1U)));
  if (const std::string kept = reserved_text(facts); !kept.empty()) block.line(kept);
  block.line(fmt::format("State={} ThreadsPerCore={} TmpDisk={} Weight={} Owner=N/A MCS_label=N/A",
                         model::long_state(node), facts.threads_per_core, facts.tmp_disk,
                         node.weight));
  if (!node.partitions.empty()) block.line("Partitions=" + node.partitions.str() + " ");
  block.line(fmt::format("BootTime={} SlurmdStartTime={}",
                         time_text(style.time, facts.boot_time, "None"),
                         time_text(style.time, facts.daemon_start, "None")));
  block.line(fmt::format("LastBusyTime={} ResumeAfterTime=None",
                         time_text(style.time, node.last_busy, "Unknown")));
  block.line("CfgTRES=" + configured_tres(node));
  block.line("AllocTRES=" + allocated_tres(node));
  block.line("CurrentWatts=0 AveWatts=0");
  if (!node.extra.empty()) block.line("Extra=" + node.extra.str());
  if (!node.comment.empty()) block.line("Comment=" + node.comment.str());
  show_reason(node, style, block);
  block.end();
}

void show_partition(const model::Partition& p, const ShowStyle& style, std::string& out) {
  TextBlock block(out, style.one_line);
  show_rules(p, block);
  block.line("Nodes=" + std::string(or_null(p.nodes)));
  block.line(
      fmt::format("PriorityJobFactor={} PriorityTier={} RootOnly={} ReqResv=NO OverSubscribe={}",
                  p.priority_job_factor, p.priority_tier, yes_no(p.root_only), sharing_text(p)));
  block.line("OverTimeLimit=NONE PreemptMode=" + partition_preempt_mode(p.preempt_mode));
  block.line(fmt::format("State={} TotalCPUs={} TotalNodes={} SelectTypeParameters={}",
                         state_text(p.state), p.total_cpus, p.total_nodes, unit_text(p.cpu_unit)));
  block.line("JobDefaults=(null)");
  const std::string usual =
      p.default_memory_per_cpu != 0
          ? fmt::format("DefMemPerCPU={}", p.default_memory_per_cpu)
          : fmt::format("DefMemPerNode={}", mib_text(p.default_memory_per_node));
  const std::string most = p.max_memory_per_cpu != 0
                               ? fmt::format("MaxMemPerCPU={}", p.max_memory_per_cpu)
                               : fmt::format("MaxMemPerNode={}", mib_text(p.max_memory_per_node));
  block.line(usual + " " + most);
  if (!p.tres.empty()) block.line("TRES=" + p.tres.str());
  block.end();
}

}  // namespace sluice::report
