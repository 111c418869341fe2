// `scontrol show job`. The lines follow each other as Slurm prints them.
#include <algorithm>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "base/hostlist.hpp"
#include "base/quantity.hpp"
#include "base/user.hpp"
#include "report/file_pattern.hpp"
#include "report/job_text.hpp"
#include "report/scontrol_text.hpp"
#include "report/text_block.hpp"

namespace sluice::report {

namespace {

using model::Job;

std::string limit_text(std::uint32_t minutes, std::string_view zero) {
  if (minutes == 0) return std::string(zero);
  if (minutes == model::kUnlimited) return "UNLIMITED";
  return base::format_duration(std::int64_t{minutes} * 60);
}

std::string star(std::uint32_t count) { return count == 0 ? "*" : std::to_string(count); }

std::string memory_text(std::uint64_t mib) {
  return mib == 0 ? "0" : base::format_exact(mib, base::Unit::mega);
}

// One word: scripts split at blanks.
std::string one_word(std::string text) {
  std::ranges::replace(text, ' ', '_');
  return text;
}

std::string owner_line(const Job& job) {
  const model::JobSpec& spec = *job.spec;
  const std::string user = spec.user.empty() ? base::user_label(spec.uid) : spec.user.str();
  const std::string group = spec.group.empty() ? base::group_label(spec.gid) : spec.group.str();
  return fmt::format("UserId={}({}) GroupId={}({}) MCS_label=N/A", user, spec.uid, group, spec.gid);
}

std::string id_line(const Job& job, const ShowStyle& style) {
  std::string text = fmt::format("JobId={}", job.id.value);
  if (job.array_job.is_set()) {
    text += fmt::format(" ArrayJobId={} ArrayTaskId={}", job.array_job.value,
                        array_task_text(job, style.task_list_room));
    if (job.spec->array_limit != 0) {
      text += fmt::format(" ArrayTaskThrottle={}", job.spec->array_limit);
    }
  }
  if (job.het_job.is_set()) {
    text += fmt::format(" HetJobId={} HetJobOffset={}", job.het_job.value, job.het_offset);
  }
  return text + " JobName=" + job.spec->name.str();
}

void show_standing(const Job& job, const ShowStyle& style, TextBlock& block) {
  const model::JobSpec& spec = *job.spec;
  block.line(id_line(job, style));
  if (job.het_job.is_set()) block.line("HetJobIdSet=" + het_id_set_text(job));
  block.line(owner_line(job));
  block.line(fmt::format("Priority={} Nice={} Account={} QOS={}", job.priority, spec.nice,
                         or_null(job.request->account), or_null(job.request->qos)));
  block.line(fmt::format("JobState={} Reason={} Dependency={}",
                         model::long_name(job.state, job.flags), one_word(reason_text(job)),
                         or_null(job.dependency)));
  block.line(fmt::format("Requeue={} Restarts={} BatchFlag={} Reboot={} ExitCode={}",
                         spec.no_requeue ? 0 : 1, job.restarts,
                         spec.kind == model::JobKind::batch ? 1 : 0, spec.reboot ? 1 : 0,
                         exit_text(job.exit_code)));
  if (style.details) block.line("DerivedExitCode=" + exit_text(job.derived_exit));
}

model::WallTime shown_start(const Job& job) {
  if (job.start != 0) return job.start;
  if (job.planned_start != 0) return job.planned_start;
  return job.state == model::JobState::pending && job.eligible > job.submit ? job.eligible : 0;
}

void show_times(const Job& job, const ShowStyle& style, TextBlock& block) {
  const TimeStyle& time = style.time;
  const std::int64_t run = run_seconds(job, time.now);
  block.line(fmt::format("RunTime={} TimeLimit={} TimeMin={}", base::format_duration(run),
                         limit_text(job.time_limit, "Partition_Limit"),
                         limit_text(job.request->time_min, "N/A")));
  block.line(fmt::format("SubmitTime={} EligibleTime={}", time_text(time, job.submit, "Unknown"),
                         time_text(time, job.eligible, "Unknown")));
  block.line("AccrueTime=" + time_text(time, accrue_time(job), "Unknown"));
  const std::int64_t end = style.exempt ? end_with_grace(job, *style.exempt) : end_seconds(job);
  block.line(fmt::format("StartTime={} EndTime={} Deadline={}",
                         time_text(time, shown_start(job), "Unknown"),
                         time_text(time, end * model::kSecond, "Unknown"),
                         time_text(time, job.spec->deadline, "N/A")));
  if (style.exempt && job.start != 0) {
    block.line(fmt::format("PreemptEligibleTime={} PreemptTime={}",
                           time_text(time, preemptable_at(job, *style.exempt), "Unknown"),
                           time_text(time, job.preempted_at, "None")));
  }
  block.line(fmt::format("SuspendTime={} SecsPreSuspend={} LastSchedEval={} Scheduler=Main",
                         time_text(time, job.suspended_at, "None"), job.suspended_at != 0 ? run : 0,
                         time_text(time, job.start, "Unknown")));
}

void show_place(const Job& job, TextBlock& block) {
  const model::JobSpec& spec = *job.spec;
  block.line(fmt::format("Partition={} AllocNode:Sid={}:{}", job.partition.view(),
                         or_null(spec.submit_host), spec.alloc_sid));
  block.line(fmt::format("ReqNodeList={} ExcNodeList={}", or_null(job.request->node_list),
                         or_null(job.request->exclude)));
  std::string nodes = "NodeList=";
  if (job.allocation) {
    nodes += job.allocation->nodes.view();
  } else if (!job.planned_nodes.empty()) {
    nodes += " SchedNodeList=" + job.planned_nodes.str();
  }
  block.line(nodes);
  if (!job.failed_node.empty()) block.line("FailedNode=" + job.failed_node.str());
  if (!job.batch_host.empty()) block.line("BatchHost=" + job.batch_host.str());
}

std::string nodes_text(const Job& job) {
  const std::uint32_t count = node_count(job);
  const std::uint32_t most = job.request->max_nodes;
  if (job.allocation || most == 0) return std::to_string(count);
  return fmt::format("{}-{}", count, std::max(most, count));
}

// "gpu:a100:2(IDX:0-1)", several separated by commas.
std::string share_gres(const model::NodeShare& share) {
  std::string text;
  for (const model::GresShare& gres : share.gres) {
    if (!text.empty()) text += ',';
    text += gres.name.view();
    if (!gres.type.empty()) text += ":" + gres.type.str();
    text += fmt::format(":{}", gres.count);
    const std::string indices = gres.indices.to_ranges();
    if (!indices.empty()) text += "(IDX:" + indices + ")";
  }
  return text;
}

// "gpu:4,shard:2": of all nodes together.
std::string all_gres(const model::Allocation& allocation) {
  std::vector<std::pair<std::string, std::uint64_t>> sums;
  for (const model::NodeShare& share : allocation.shares) {
    for (const model::GresShare& gres : share.gres) {
      const std::string name =
          gres.type.empty() ? gres.name.str() : gres.name.str() + ":" + gres.type.str();
      const auto known =
          std::ranges::find(sums, name, &std::pair<std::string, std::uint64_t>::first);
      if (known == sums.end()) {
        sums.emplace_back(name, gres.count);
      } else {
        known->second += gres.count;
      }
    }
  }
  std::string text;
  for (const auto& [name, count] : sums) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", name, count);
  }
  return text;
}

// Nodes that give the same stand in one line.
void show_shares(const Job& job, TextBlock& block) {
  if (!job.allocation) return block.line("JOB_GRES=(null)");
  block.line(fmt::format("JOB_GRES={}", or_null(all_gres(*job.allocation))));
  const std::vector<model::NodeShare>& shares = job.allocation->shares;
  std::size_t at = 0;
  while (at < shares.size()) {
    const std::string cpus = shares[at].cpus.to_ranges();
    const std::string own_gres = share_gres(shares[at]);
    const std::uint64_t memory = shares[at].memory;
    std::vector<std::string> names;
    while (at < shares.size() && shares[at].memory == memory &&
           shares[at].cpus.to_ranges() == cpus && share_gres(shares[at]) == own_gres) {
      names.push_back(shares[at++].name.str());
    }
    block.line(fmt::format("  Nodes={} CPU_IDs={} Mem={} GRES={}", base::compress_hosts(names),
                           cpus, memory, own_gres));
  }
}

void show_resources(const Job& job, const ShowStyle& style, TextBlock& block) {
  const model::Request& request = *job.request;
  block.line(fmt::format("NumNodes={} NumCPUs={} NumTasks={} CPUs/Task={} ReqB:S:C:T=0:{}:{}:{}",
                         nodes_text(job), cpu_count(job), task_count(job),
                         std::max(request.cpus_per_task, 1U), request.sockets_per_node,
                         star(request.cores_per_socket), star(request.threads_per_core)));
  block.line("ReqTRES=" + requested_tres(job));
  block.line(fmt::format("AllocTRES={}", or_null(allocated_tres(job))));
  block.line(fmt::format("Socks/Node={} NtasksPerN:B:S:C={}:0:{}:{} CoreSpec={}",
                         star(request.sockets_per_node), request.tasks_per_node,
                         star(request.tasks_per_socket), star(request.tasks_per_core),
                         star(request.reserved_cores)));
  if (style.details) show_shares(job, block);
  const std::uint32_t cpus_per_node =
      std::max({request.min_cpus_per_node, request.cpus_per_task,
                std::max(request.cpus_per_task, 1U) * std::max(request.tasks_per_node, 1U)});
  const bool by_cpu = request.memory_per_cpu != 0;
  block.line(fmt::format("MinCPUsNode={} MinMemory{}={} MinTmpDiskNode={}", cpus_per_node,
                         by_cpu ? "CPU" : "Node",
                         memory_text(by_cpu ? request.memory_per_cpu : request.memory_per_node),
                         memory_text(request.tmp_disk)));
  block.line(fmt::format("Features={} DelayBoot={}", or_null(request.features),
                         base::format_duration(job.spec->delay_boot)));
  if (!request.prefer.empty()) block.line("Prefer=" + request.prefer.str());
  if (!job.spec->cluster_features.empty()) {
    block.line("ClusterFeatures=" + job.spec->cluster_features.str());
  }
}

// Where a job runs may leave it no choice.
std::string_view sharing_text(const Job& job, const ShowStyle& style) {
  const auto there = style.sharing.find(job.partition.str());
  if (job.start != 0 && there != style.sharing.end()) {
    if (there->second == model::OverSubscribe::exclusive) return "NO";
    if (there->second == model::OverSubscribe::force) return "YES";
  }
  switch (job.request->sharing) {
    case model::Sharing::exclusive: return "NO";
    case model::Sharing::oversubscribe: return "YES";
    case model::Sharing::exclusive_user: return "USER";
    case model::Sharing::exclusive_topo: return "TOPO";
    case model::Sharing::partition_default: break;
  }
  return "OK";
}

std::string input_path(const Job& job) {
  std::string path = job.spec->std_in.str();
  if (path.empty()) return "/dev/null";
  if (path.front() != '/') path.insert(0, job.spec->work_dir.str() + "/");
  return path;
}

void show_program(const Job& job, const ShowStyle& style, TextBlock& block) {
  const model::JobSpec& spec = *job.spec;
  block.line(fmt::format("OverSubscribe={} Contiguous={} Licenses={} Network=(null)",
                         sharing_text(job, style), job.request->contiguous ? 1 : 0,
                         or_null(job.request->licenses)));
  block.line(fmt::format("Command={}", or_null(command_text(job))));
  if (!spec.submit_line.empty()) block.line("SubmitLine=" + spec.submit_line.str());
  block.line("WorkDir=" + spec.work_dir.str());
  if (!spec.container.empty()) {
    block.line("Container=" + model::shown_container(spec.container).str());
    const Text& id = spec.container.front().id;
    if (!id.empty()) block.line("ContainerID=" + id.str());
  }
  if (!reservation_of(job).empty()) {
    block.line("Reservation=" + reservation_of(job).str());
  }
  if (!spec.admin_comment.empty()) block.line("AdminComment=" + spec.admin_comment.str());
  if (!spec.comment.empty()) block.line("Comment=" + spec.comment.str());
  if (!spec.extra.empty()) block.line("Extra=" + spec.extra.str());
  if (!spec.wckey.empty()) block.line("WCKey=" + spec.wckey.str());
  if (spec.kind == model::JobKind::batch) {
    block.line("StdErr=" + expand_file_pattern(std_err_text(job), job));
    block.line("StdIn=" + expand_file_pattern(input_path(job), job));
    block.line("StdOut=" + expand_file_pattern(std_out_text(job), job));
  }
}

void show_rest(const Job& job, TextBlock& block) {
  const model::JobSpec& spec = *job.spec;
  const model::Request& request = *job.request;
  if (request.switches != 0) {
    const std::uint32_t wait = request.switch_wait_s;
    block.line(fmt::format("Switches={}@{}", request.switches,
                           wait == model::kUnlimited ? "UNLIMITED" : base::format_duration(wait)));
  }
  if (request.segment != 0) block.line(fmt::format("SegmentSize={}", request.segment));
  if (request.cpus_per_gpu != 0) {
    block.line(fmt::format("CpusPerTres=gres/gpu:{}", request.cpus_per_gpu));
  }
  if (request.memory_per_gpu != 0) {
    block.line(fmt::format("MemPerTres=gres/gpu:{}", request.memory_per_gpu));
  }
  constexpr std::pair<std::string_view, model::GresScope> kScopes[] = {
      {"TresPerJob=", model::GresScope::job},
      {"TresPerNode=", model::GresScope::node},
      {"TresPerSocket=", model::GresScope::socket},
      {"TresPerTask=", model::GresScope::task}};
  for (const auto& [key, scope] : kScopes) {
    const std::string gres = gres_text(job, scope);
    if (!gres.empty()) block.line(std::string(key) + gres);
  }
  if (request.tasks_per_gpu != 0) {
    block.line(fmt::format("NtasksPerTRES={}", request.tasks_per_gpu));
  }
  if (!spec.mail_type.empty()) {
    const auto& whom = spec.mail_user.empty() ? spec.user : spec.mail_user;
    block.line(fmt::format("MailUser={} MailType={}", or_null(whom), spec.mail_type.view()));
  }
  if (spec.kill_on_invalid_dependency) block.line("KillOInInvalidDependent=Yes");
  block.line("");
}

}  // namespace

void show_job(const model::Job& job, const ShowStyle& style, std::string& out) {
  TextBlock block(out, style.one_line);
  show_standing(job, style, block);
  show_times(job, style, block);
  show_place(job, block);
  show_resources(job, style, block);
  show_program(job, style, block);
  show_rest(job, block);
  block.end();
}

}  // namespace sluice::report
