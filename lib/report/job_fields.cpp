// See job_fields.hpp. A row a field, in the order of Slurm's list of names; what is more than a
// member of the record has a function above the table. Columns that Slurm fills from features which
// Sluice does not have show what Slurm shows where they are not used.
#include "report/job_fields.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "report/column_text.hpp"
#include "report/file_pattern.hpp"
#include "report/job_text.hpp"

namespace sluice::report {

namespace {

using model::Job;
using model::JobSpec;
using model::Request;
using Out = std::string;
using Context = JobContext;

TimeStyle style_of(const Context& context) { return {context.time_format, context.now}; }

// --- Plain members -------------------------------------------------------------------------------

constexpr char kNull[] = "(null)";
constexpr char kNotHere[] = "N/A";
constexpr char kNoFederation[] = "NA";
constexpr char kZero[] = "0";
constexpr char kNotSet[] = "NotSet";
constexpr char kNothing[] = "";
constexpr char kNormalQos[] = "normal";
template <const char* Value>
void always(const Job&, const Context&, Out& out) {
  out += Value;
}

template <Text JobSpec::*Member>
void spec_text(const Job& job, const Context&, Out& out) {
  add_or_null(out, (*job.spec).*Member);
}
void container(const Job& job, const Context&, Out& out) {
  add_or_null(out, model::shown_container(job.spec->container));
}
void container_id(const Job& job, const Context&, Out& out) {
  const auto& container = job.spec->container;
  add_or_null(out, container.empty() ? Text() : container.front().id);
}
template <auto Member>
void spec_number(const Job& job, const Context&, Out& out) {
  add_number(out, static_cast<std::int64_t>((*job.spec).*Member));
}
template <Text Request::*Member, const char* Otherwise>
void request_text(const Job& job, const Context&, Out& out) {
  add_or(out, (*job.request).*Member, Otherwise);
}
template <auto Member>
void request_number(const Job& job, const Context&, Out& out) {
  add_number(out, static_cast<std::uint64_t>((*job.request).*Member));
}
template <auto Member>
void request_number_or_na(const Job& job, const Context&, Out& out) {
  if ((*job.request).*Member == 0) {
    out += kNotHere;
  } else {
    add_number(out, (*job.request).*Member);
  }
}
template <auto Member>
void request_number_or_star(const Job& job, const Context&, Out& out) {
  if ((*job.request).*Member == 0) {
    out += '*';
  } else {
    add_number(out, (*job.request).*Member);
  }
}
template <Text Job::*Member>
void job_text(const Job& job, const Context&, Out& out) {
  out += (job.*Member).view();
}
template <auto Member>
void job_number(const Job& job, const Context&, Out& out) {
  add_number(out, job.*Member);
}
template <model::WallTime Job::*Member>
void job_time(const Job& job, const Context& context, Out& out) {
  add_time(out, job.*Member, style_of(context), kNotHere);
}
void accrued_since(const Job& job, const Context& context, Out& out) {
  add_time(out, accrue_time(job), style_of(context), kNotHere);
}
template <std::uint32_t (*Count)(const Job&)>
void counted(const Job& job, const Context&, Out& out) {
  add_number(out, Count(job));
}
template <model::GresScope Scope>
void gres(const Job& job, const Context&, Out& out) {
  add_or(out, gres_text(job, Scope), kNotHere);
}

// --- Who and what --------------------------------------------------------------------------------

void id(const Job& job, const Context& context, Out& out) {
  out += job_id_text(job, context.task_list_room);
}
void reservation(const Job& job, const Context&, Out& out) {
  add_or(out, reservation_of(job), kNull);
}
void raw_id(const Job& job, const Context&, Out& out) { add_number(out, job.id.value); }
void het_id(const Job& job, const Context&, Out& out) {
  add_or(out, job.het_job.is_set() ? std::to_string(job.het_job.value) : std::string(), kNotHere);
}
void het_id_set(const Job& job, const Context&, Out& out) {
  add_or(out, het_id_set_text(job), kNotHere);
}
void het_offset(const Job& job, const Context&, Out& out) {
  add_or(out, job.het_job.is_set() ? std::to_string(job.het_offset) : std::string(), kNotHere);
}
void array_id(const Job& job, const Context&, Out& out) {
  add_number(out, job.array_job.is_set() ? job.array_job.value : job.id.value);
}
void array_task(const Job& job, const Context& context, Out& out) {
  add_or(out, array_task_text(job, context.task_list_room), kNotHere);
}
void user(const Job& job, const Context&, Out& out) {
  if (job.spec->user.empty()) return add_number(out, job.spec->uid);
  out += job.spec->user.view();
}
void group(const Job& job, const Context&, Out& out) {
  if (job.spec->group.empty()) return add_number(out, job.spec->gid);
  out += job.spec->group.view();
}
void batch_flag(const Job& job, const Context&, Out& out) {
  out += job.spec->kind == model::JobKind::batch ? '1' : '0';
}
void requeue(const Job& job, const Context&, Out& out) { out += job.spec->no_requeue ? '0' : '1'; }
void cluster(const Job&, const Context& context, Out& out) { out += context.cluster; }
void command(const Job& job, const Context&, Out& out) { add_or_null(out, command_text(job)); }
void dependency(const Job& job, const Context&, Out& out) { add_or_null(out, job.dependency); }
void file(const std::string& path, const Job& job, const Context& context, Out& out) {
  out += context.expand_patterns ? expand_file_pattern(path, job) : path;
}
void std_in(const Job& job, const Context& context, Out& out) {
  file(job.spec->std_in.empty() ? "/dev/null" : job.spec->std_in.str(), job, context, out);
}
void std_out(const Job& job, const Context& context, Out& out) {
  file(std_out_text(job), job, context, out);
}
void std_err(const Job& job, const Context& context, Out& out) {
  file(std_err_text(job), job, context, out);
}

// --- State ---------------------------------------------------------------------------------------

void state(const Job& job, const Context&, Out& out) {
  out += model::long_name(job.state, job.flags);
}
void compact_state(const Job& job, const Context&, Out& out) {
  out += model::short_name(job.state, job.flags);
}
void reason(const Job& job, const Context&, Out& out) { out += reason_text(job); }
void nodes(const Job& job, const Context&, Out& out) {
  if (job.allocation) out += job.allocation->nodes.view();
}
void nodes_or_reason(const Job& job, const Context& context, Out& out) {
  if (job.allocation || model::is_finished(job.state)) return nodes(job, context, out);
  out += '(';
  reason(job, context, out);
  out += ')';
}
void batch_host(const Job& job, const Context&, Out& out) { add_or(out, job.batch_host, "n/a"); }
void scheduled_nodes(const Job& job, const Context&, Out& out) {
  add_or_null(out, job.planned_nodes);
}
void priority_share(const Job& job, const Context&, Out& out) {
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.14f",
                                   static_cast<double>(job.priority) / 4294967295.0);
  out.append(text.data(), static_cast<std::size_t>(length));
}

// --- Times ---------------------------------------------------------------------------------------

// When a pending job is expected to start: by the plan, or when its begin time is.
model::WallTime expected_start(const Job& job, const Context& context) {
  if (job.start != 0) return job.start;
  if (job.planned_start != 0) return job.planned_start;
  return job.eligible > context.now * model::kSecond ? job.eligible : 0;
}
void start_time(const Job& job, const Context& context, Out& out) {
  add_time(out, expected_start(job, context), style_of(context), kNotHere);
}
void end_time(const Job& job, const Context& context, Out& out) {
  const std::int64_t end = end_seconds(job);
  const bool open = job.time_limit == model::kUnlimited && expected_start(job, context) != 0;
  add_time(out, end * model::kSecond, style_of(context), open ? "NONE" : kNotHere);
}
void deadline(const Job& job, const Context& context, Out& out) {
  add_time(out, job.spec->deadline, style_of(context), kNotHere);
}
void time_used(const Job& job, const Context& context, Out& out) {
  add_short_duration(out, run_seconds(job, context.now));
}
void time_left(const Job& job, const Context& context, Out& out) {
  if (job.time_limit == model::kUnlimited) return add_minutes(out, job.time_limit);
  const std::int64_t left = std::int64_t{job.time_limit} * 60 - run_seconds(job, context.now);
  add_short_duration(out, std::max<std::int64_t>(left, 0));
}
void time_limit(const Job& job, const Context&, Out& out) { add_minutes(out, job.time_limit); }
void time_min(const Job& job, const Context&, Out& out) { add_minutes(out, job.request->time_min); }
void delay_boot(const Job& job, const Context&, Out& out) {
  add_short_duration(out, job.spec->delay_boot);
}
void pending_seconds(const Job& job, const Context& context, Out& out) {
  const std::int64_t until = job.start != 0 ? job.start / model::kSecond : context.now;
  add_number(out, std::max<std::int64_t>(0, until - job.submit / model::kSecond));
}

// --- Resources -----------------------------------------------------------------------------------

Sizes sizes_of(const Context& context) {
  return context.no_convert ? Sizes::plain : Sizes::shortest;
}
void memory(const Job& job, const Context& context, Out& out) {
  const Request& request = *job.request;
  add_mib(out, request.memory_per_cpu != 0 ? request.memory_per_cpu : request.memory_per_node,
          sizes_of(context));
}
void memory_per_gpu(const Job& job, const Context& context, Out& out) {
  if (job.request->memory_per_gpu == 0) {
    out += kNotHere;
    return;
  }
  out += "gres/gpu:";
  add_mib(out, job.request->memory_per_gpu, sizes_of(context));
}
void cpus_per_gpu(const Job& job, const Context&, Out& out) {
  if (job.request->cpus_per_gpu == 0) {
    out += kNotHere;
    return;
  }
  out += "gres/gpu:";
  add_number(out, job.request->cpus_per_gpu);
}
void tmp_disk(const Job& job, const Context& context, Out& out) {
  add_mib(out, job.request->tmp_disk, sizes_of(context));
}
void min_cpus(const Job& job, const Context&, Out& out) {
  const Request& request = *job.request;
  const std::uint32_t by_tasks =
      std::max(request.tasks_per_node, 1U) * std::max(request.cpus_per_task, 1U);
  add_number(out, std::max(request.min_cpus_per_node, by_tasks));
}
void cpus_per_task(const Job& job, const Context&, Out& out) {
  add_number(out, std::max(job.request->cpus_per_task, 1U));
}
void max_nodes(const Job& job, const Context&, Out& out) {
  add_number(out, std::max(job.request->max_nodes, node_count(job)));
}
void over_subscribe(const Job& job, const Context&, Out& out) {
  constexpr std::array<std::string_view, 4> kWords{"OK", "NO", "YES", "USER"};  // by Sharing
  out += kWords[static_cast<std::size_t>(job.request->sharing) % kWords.size()];
}
void geometry(const Job& job, const Context& context, Out& out) {
  request_number_or_star<&Request::sockets_per_node>(job, context, out);
  out += ':';
  request_number_or_star<&Request::cores_per_socket>(job, context, out);
  out += ':';
  request_number_or_star<&Request::threads_per_core>(job, context, out);
}
void tres(const Job& job, const Context&, Out& out) {
  out += job.allocation ? allocated_tres(job) : requested_tres(job);
}
void tres_bind(const Job& job, const Context&, Out& out) {
  add_or(out, job.spec->tres_bind, kNotHere);
}

constexpr std::uint16_t kWidth = 20;
using F = JobField;
using S = JobSpec;
using R = Request;

constexpr auto kFields = std::to_array<F>({
    {"Account", 'a', "ACCOUNT", kWidth, request_text<&R::account, kNull>},
    {"AccrueTime", 0, "ACCRUE_TIME", kWidth, accrued_since},
    {"admin_comment", 0, "ADMIN_COMMENT", kWidth, spec_text<&S::admin_comment>},
    {"AllocNodes", 0, "ALLOC_NODES", kWidth, spec_text<&S::submit_host>},
    {"AllocSID", 0, "ALLOC_SID", kWidth, spec_number<&S::alloc_sid>},
    {"ArrayJobID", 'F', "ARRAY_JOB_ID", kWidth, array_id},
    {"ArrayTaskID", 'K', "ARRAY_TASK_ID", kWidth, array_task},
    {"AssocID", 0, "ASSOC_ID", kWidth, always<kZero>},
    {"BatchFlag", 0, "BATCH_FLAG", kWidth, batch_flag},
    {"BatchHost", 'B', "EXEC_HOST", kWidth, batch_host},
    {"BoardsPerNode", 0, "BOARDS_PER_NODE", kWidth, always<kZero>},
    {"BurstBuffer", 0, "BURST_BUFFER", kWidth, always<kNull>},
    {"BurstBufferState", 0, "BURST_BUFFER_STATE", kWidth, always<kNull>},
    {"Cluster", 0, "CLUSTER", kWidth, cluster},
    {"ClusterFeature", 0, "CLUSTER_FEATURES", kWidth, spec_text<&S::cluster_features>},
    {"Command", 'o', "COMMAND", kWidth, command},
    {"Comment", 'k', "COMMENT", kWidth, spec_text<&S::comment>},
    {"Contiguous", 'O', "CONTIGUOUS", kWidth, request_number<&R::contiguous>},
    {"Container", 0, "CONTAINER", kWidth, container},
    {"ContainerID", 0, "CONTAINER_ID", kWidth, container_id},
    {"Cores", 'I', "CORES_PER_SOCKET", kWidth, request_number_or_star<&R::cores_per_socket>},
    {"CoreSpec", 'X', "CORE_SPEC", kWidth, request_number_or_na<&R::reserved_cores>},
    {"cpus-per-task", 0, "CPUS_PER_TASK", kWidth, cpus_per_task},
    {"cpus-per-tres", 0, "CPUS_PER_TRES", kWidth, cpus_per_gpu},
    {"Deadline", 0, "DEADLINE", kWidth, deadline},
    {"DelayBoot", 0, "DELAY_BOOT", kWidth, delay_boot},
    {"Dependency", 'E', "DEPENDENCY", kWidth, dependency},
    {"DerivedEC", 0, "DERIVED_EC", kWidth, job_number<&Job::derived_exit>},
    {"EligibleTime", 0, "ELIGIBLE_TIME", kWidth, job_time<&Job::eligible>},
    {"EndTime", 'e', "END_TIME", kWidth, end_time},
    {"ExcNodes", 'x', "EXC_NODES", kWidth, request_text<&R::exclude, kNothing>},
    {"exit_code", 0, "EXIT_CODE", kWidth, job_number<&Job::exit_code>},
    {"Feature", 'f', "FEATURES", kWidth, request_text<&R::features, kNull>},
    {"GroupID", 'G', "GROUP", kWidth, spec_number<&S::gid>},
    {"GroupName", 'g', "GROUP", kWidth, group},
    {"HetJobID", 0, "HET_JOB_ID", kWidth, het_id},
    {"HetJobIDSet", 0, "HET_JOB_ID_SET", kWidth, het_id_set},
    {"HetJobOffset", 0, "HET_JOB_OFFSET", kWidth, het_offset},
    {"JobArrayID", 'i', "JOBID", kWidth, id},
    {"JobID", 'A', "JOBID", kWidth, raw_id},
    {"LastSchedEval", 0, "LAST_SCHED_EVAL", kWidth, always<kNotHere>},
    {"Licenses", 'W', "LICENSES", kWidth, request_text<&R::licenses, kNull>},
    {"MaxCPUs", 0, "MAX_CPUS", kWidth, counted<cpu_count>},
    {"MaxNodes", 0, "MAX_NODES", kWidth, max_nodes},
    {"MCSLabel", 0, "MCSLABEL", kWidth, always<kNull>},
    {"mem-per-tres", 0, "MEM_PER_TRES", kWidth, memory_per_gpu},
    {"MinCpus", 'c', "MIN_CPUS", kWidth, min_cpus},
    {"MinMemory", 'm', "MIN_MEMORY", kWidth, memory},
    {"MinTime", 0, "TIME_MIN", kWidth, time_min},
    {"MinTmpDisk", 'd', "MIN_TMP_DISK", kWidth, tmp_disk},
    {"Name", 'j', "NAME", kWidth, spec_text<&S::name>},
    {"Network", 0, "NETWORK", kWidth, always<kNull>},
    {"Nice", 'y', "NICE", kWidth, spec_number<&S::nice>},
    {"NodeList", 'N', "NODELIST", kWidth, nodes},
    {"NTPerBoard", 0, "NTASKS_PER_BOARD", kWidth, always<kZero>},
    {"NTPerCore", 0, "NTASKS_PER_CORE", kWidth, request_number_or_na<&R::tasks_per_core>},
    {"NTPerNode", 0, "NTASKS_PER_NODE", kWidth, request_number<&R::tasks_per_node>},
    {"NTPerSocket", 0, "NTASKS_PER_SOCKET", kWidth, request_number_or_na<&R::tasks_per_socket>},
    {"NumCPUs", 'C', "CPUS", kWidth, counted<cpu_count>},
    {"NumNodes", 'D', "NODES", kWidth, counted<node_count>},
    {"NumTasks", 0, "TASKS", kWidth, counted<task_count>},
    {"Origin", 0, "ORIGIN", kWidth, always<kNoFederation>},
    {"OriginRaw", 0, "ORIGIN_RAW", kWidth, always<kNoFederation>},
    {"OverSubscribe", 'h', "OVER_SUBSCRIBE", kWidth, over_subscribe},
    {"Shared", 0, "OVER_SUBSCRIBE", kWidth, over_subscribe},
    {"Partition", 'P', "PARTITION", kWidth, job_text<&Job::partition>},
    {"PendingTime", 0, "PENDING_TIME", kWidth, pending_seconds},
    {"PreemptTime", 0, "PREEMPT_TIME", kWidth, job_time<&Job::preempted_at>},
    {"prefer", 0, "PREFER", kWidth, request_text<&R::prefer, kNull>},
    {"Priority", 'p', "PRIORITY", kWidth, priority_share},
    {"PriorityLong", 'Q', "PRIORITY", kWidth, job_number<&Job::priority>},
    {"Profile", 0, "PROFILE", kWidth, always<kNotSet>},
    {"QOS", 'q', "QOS", kWidth, request_text<&R::qos, kNormalQos>},
    {"Reason", 'r', "REASON", kWidth, reason},
    {"ReasonList", 'R', "NODELIST(REASON)", kWidth, nodes_or_reason},
    {"reboot", 0, "REBOOT", kWidth, spec_number<&S::reboot>},
    {"ReqNodes", 'n', "REQ_NODES", kWidth, request_text<&R::node_list, kNothing>},
    {"ReqSwitch", 0, "REQ_SWITCH", kWidth, request_number<&R::switches>},
    {"Requeue", 0, "REQUEUE", kWidth, requeue},
    {"Reservation", 'v', "RESERVATION", kWidth, reservation},
    {"ResizeTime", 0, "RESIZE_TIME", kWidth, always<kNotHere>},
    {"RestartCnt", 0, "RESTART_COUNT", kWidth, job_number<&Job::restarts>},
    {"SchedNodes", 'Y', "SCHEDNODES", kWidth, scheduled_nodes},
    {"SCT", 'z', "S:C:T", kWidth, geometry},
    {"SelectJobInfo", 's', "", kWidth, always<kNothing>},
    {"SiblingsActive", 0, "ACTIVE_SIBLINGS", kWidth, always<kNoFederation>},
    {"SiblingsActiveRaw", 0, "ACTIVE_SIBLINGS_RAW", kWidth, always<kNoFederation>},
    {"SiblingsViable", 0, "VIABLE_SIBLINGS", kWidth, always<kNoFederation>},
    {"SiblingsViableRaw", 0, "VIALBLE_SIBLINGS_RAW", kWidth, always<kNoFederation>},
    {"Sockets", 'H', "SOCKETS_PER_NODE", kWidth, request_number_or_star<&R::sockets_per_node>},
    {"SPerBoard", 0, "SOCKETS_PER_BOARD", kWidth, always<kZero>},
    {"StartTime", 'S', "START_TIME", kWidth, start_time},
    {"State", 'T', "STATE", kWidth, state},
    {"StateCompact", 't', "ST", kWidth, compact_state},
    {"STDERR", 0, "STDERR", kWidth, std_err},
    {"STDIN", 0, "STDIN", kWidth, std_in},
    {"STDOUT", 0, "STDOUT", kWidth, std_out},
    {"SubmitTime", 'V', "SUBMIT_TIME", kWidth, job_time<&Job::submit>},
    {"system_comment", 0, "SYSTEM_COMMENT", kWidth, always<kNull>},
    {"Threads", 'J', "THREADS_PER_CORE", kWidth, request_number_or_star<&R::threads_per_core>},
    {"TimeLeft", 'L', "TIME_LEFT", kWidth, time_left},
    {"TimeLimit", 'l', "TIME_LIMIT", kWidth, time_limit},
    {"TimeUsed", 'M', "TIME", kWidth, time_used},
    {"tres-alloc", 0, "TRES_ALLOC", kWidth, tres},
    {"tres", 0, "TRES_ALLOC", kWidth, tres},
    {"tres-bind", 0, "TRES_BIND", kWidth, tres_bind},
    {"tres-freq", 0, "TRES_FREQ", kWidth, always<kNotHere>},
    {"tres-per-job", 0, "TRES_PER_JOB", kWidth, gres<model::GresScope::job>},
    {"tres-per-node", 'b', "TRES_PER_NODE", kWidth, gres<model::GresScope::node>},
    {"gres", 0, "TRES_PER_NODE", kWidth, gres<model::GresScope::node>},
    {"tres-per-socket", 0, "TRES_PER_SOCKET", kWidth, gres<model::GresScope::socket>},
    {"tres-per-task", 0, "TRES_PER_TASK", kWidth, gres<model::GresScope::task>},
    {"UserID", 'U', "UID", kWidth, spec_number<&S::uid>},
    {"UserName", 'u', "USER", kWidth, user},
    {"WCKey", 'w', "WCKEY", kWidth, spec_text<&S::wckey>},
    {"WorkDir", 'Z', "WORK_DIR", kWidth, spec_text<&S::work_dir>},
});

}  // namespace

std::span<const JobField> job_fields() { return kFields; }

}  // namespace sluice::report
