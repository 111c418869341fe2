// See history_fields.hpp. A row a field; what takes more than a line is in history_columns.hpp.
#include "report/history_fields.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "base/strings.hpp"
#include "base/user.hpp"
#include "report/file_pattern.hpp"
#include "report/history_columns.hpp"
#include "report/job_text.hpp"

namespace sluice::report {

namespace {

using namespace history;
using model::Job;
using model::UsageKind;

// Texts that belong to a job, not to its steps.
void reservation(const Row& row, const Context&, Out& out) {
  if (row.step != nullptr) return;
  const Text& used = row.job->reservation;
  out += used.empty() ? row.job->request->reservation.view() : used.view();
}
template <auto Member>
void of_request(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) out += ((*row.job->request).*Member).view();
}
template <auto Member>
void of_spec(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) out += ((*row.job->spec).*Member).view();
}

void container(const Row& row, const Context&, Out& out) {
  out += row.step != nullptr ? row.step->container.view()
                             : model::shown_container(row.job->spec->container).view();
}

// Of the image that a step's container was made from, and how long it took to have it everywhere.
void image_digest(const Row& row, const Context&, Out& out) {
  if (row.step != nullptr) out += row.step->image_digest.view();
}
void image_time(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr || row.step->image_us == 0) return;
  const std::uint64_t ms = (row.step->image_us + 999) / 1000;
  out += fmt::format("{}.{:03}", ms / 1000, ms % 1000);
}

void nothing(const Row&, const Context&, Out&) {}
void zero(const Row&, const Context&, Out& out) { out += '0'; }
void zero_of_step(const Row& row, const Context&, Out& out) {
  if (row.step != nullptr) out += '0';
}
void zero_of_job(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) out += '0';
}
void frequency(const Row& row, const Context&, Out& out) {
  const bool batch = row.step != nullptr && row.step->number == base::kBatchStep;
  out += batch ? "0" : "Unknown";
}

void account(const Row& row, const Context&, Out& out) { out += row.job->request->account.view(); }
void association(const Row& row, const Context&, Out& out) {
  add_number(out, row.job->association);
}
void cpus(const Row& row, const Context&, Out& out) { add_number(out, allocated_cpus(row)); }
void nodes(const Row& row, const Context&, Out& out) {
  add_number(out, row.step != nullptr ? row.step->node_count : node_count(*row.job));
}
void allocated_nodes(const Row& row, const Context& context, Out& out) {
  if (row.step == nullptr && !row.job->allocation) return zero(row, context, out);
  nodes(row, context, out);
}
void requested_nodes(const Row& row, const Context& context, Out& out) {
  if (row.step != nullptr) return nodes(row, context, out);
  add_number(out, std::max(row.job->request->min_nodes, 1U));
}
void requested_cpus(const Row& row, const Context&, Out& out) {
  add_number(out, row.step != nullptr ? row.step->cpus : requested_cpu_count(*row.job));
}
void cluster(const Row&, const Context& context, Out& out) { out += context.cluster; }
void id_raw(const Row& row, const Context&, Out& out) {
  add_number(out, row.job->id.value);
  if (row.step != nullptr) out += "." + step_number_text(row.step->number);
}
void id(const Row& row, const Context& context, Out& out) {
  out += row.step != nullptr ? step_id_text(*row.step, row.job)
                             : job_id_text(*row.job, context.task_list_room);
}
void database_id(const Row& row, const Context&, Out& out) { add_number(out, row.job->id.value); }
void name(const Row& row, const Context&, Out& out) {
  out += row.step != nullptr ? row.step->name.view() : row.job->spec->name.view();
}
void cpu_seconds(const Row& row, const Context& context, Out& out) {
  add_number(out, elapsed_seconds(row, context) * allocated_cpus(row));
}
void cpu_time(const Row& row, const Context& context, Out& out) {
  out += base::format_duration(elapsed_seconds(row, context) * allocated_cpus(row));
}
void derived_exit(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) out += exit_text(row.job->derived_exit);
}
void elapsed_raw(const Row& row, const Context& context, Out& out) {
  add_number(out, elapsed_seconds(row, context));
}
void failed_node(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) out += row.job->failed_node.view();
}
void gid(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) add_number(out, row.job->spec->gid);
}
void group(const Row& row, const Context&, Out& out) {
  if (row.step != nullptr) return;
  const model::JobSpec& spec = *row.job->spec;
  out += spec.group.empty() ? base::group_label(spec.gid) : spec.group.str();
}
void uid(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) add_number(out, row.job->spec->uid);
}
void user(const Row& row, const Context&, Out& out) {
  if (row.step != nullptr) return;
  const model::JobSpec& spec = *row.job->spec;
  out += spec.user.empty() ? base::user_label(spec.uid) : spec.user.str();
}
void tasks(const Row& row, const Context&, Out& out) {
  if (row.step != nullptr) add_number(out, row.step->tasks);
}
void partition(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) out += row.job->partition.view();
}
void planned(const Row& row, const Context& context, Out& out) {
  if (row.step == nullptr) out += base::format_duration(planned_seconds(row, context));
}
void planned_cpu(const Row& row, const Context& context, Out& out) {
  if (row.step != nullptr) return;
  out += base::format_duration(planned_seconds(row, context) * cpu_count(*row.job));
}
void planned_cpu_raw(const Row& row, const Context& context, Out& out) {
  if (row.step == nullptr) add_number(out, planned_seconds(row, context) * cpu_count(*row.job));
}
void priority(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) add_number(out, row.job->priority);
}
// That others come first or hold the nodes isn't told. Slurm has none of steps; those in containers
// say why they could not be had.
void reason(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) {
    const model::Reason why = row.job->reason;
    const bool usual = why == model::Reason::priority || why == model::Reason::resources;
    out += usual ? "None" : reason_text(*row.job);
  } else if (!row.step->container.empty()) {
    out += row.step->reason.view();
  }
}
void restarts(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) add_number(out, row.job->restarts);
}
// A batch step has the job's, which isn't told twice.
void submit_line(const Row& row, const Context&, Out& out) {
  if (row.step == nullptr) {
    out += row.job->spec->submit_line.view();
  } else if (row.step->number != base::kBatchStep) {
    out += row.step->submit_line.view();
  }
}
void qos_id(const Row& row, const Context& context, Out& out) {
  if (row.step != nullptr) return;
  const auto known = context.qos_ids.find(row.job->qos.str());
  add_number(out, known != context.qos_ids.end() ? known->second : 0);
}

void path(const Row& row, const Context& context, Out& out, const std::string& pattern) {
  if (row.step != nullptr) return;
  out += context.expand_patterns ? expand_file_pattern(pattern, *row.job) : pattern;
}
void std_out(const Row& row, const Context& context, Out& out) {
  path(row, context, out, std_out_text(*row.job));
}
void std_err(const Row& row, const Context& context, Out& out) {
  path(row, context, out, std_err_text(*row.job));
}
void std_in(const Row& row, const Context& context, Out& out) {
  const Text& typed = row.job->spec->std_in;
  path(row, context, out, typed.empty() ? "/dev/null" : typed.str());
}

// Slurm shows whole seconds where nothing was used.
void cpu_used(Out& out, std::uint64_t microseconds) {
  out += microseconds == 0 ? "00:00:00" : base::format_cpu_time(microseconds);
}
void system_cpu(const Row& row, const Context&, Out& out) { cpu_used(out, row.usage.system_us); }
void user_cpu(const Row& row, const Context&, Out& out) { cpu_used(out, row.usage.user_us); }
void total_cpu(const Row& row, const Context&, Out& out) {
  cpu_used(out, row.usage.user_us + row.usage.system_us);
}

constexpr bool kLeft = true;

constexpr HistoryField kFields[] = {
    {"Account", 10, false, account},
    {"AdminComment", 15, false, of_spec<&model::JobSpec::admin_comment>},
    {"AllocCPUS", 10, false, cpus},
    {"AllocNodes", 10, false, allocated_nodes},
    {"AllocTRES", 10, false, history::allocated_tres},
    {"AssocID", 7, false, association},
    {"AveCPU", 10, false, average<UsageKind::cpu_us>},
    {"AveCPUFreq", 10, false, zero_of_step},
    {"AveDiskRead", 14, false, average<UsageKind::read_bytes>},
    {"AveDiskWrite", 14, false, average<UsageKind::written_bytes>},
    {"AvePages", 10, false, average<UsageKind::pages>},
    {"AveRSS", 10, false, average<UsageKind::rss_kib>},
    {"AveVMSize", 10, false, average<UsageKind::vm_kib>},
    {"BlockID", 16, false, nothing},
    {"Cluster", 10, false, cluster},
    {"Comment", 14, false, of_spec<&model::JobSpec::comment>},
    {"Constraints", 19, false, of_request<&model::Request::features>},
    {"ConsumedEnergy", 14, false, energy},
    {"ConsumedEnergyRaw", 17, false, energy},
    {"Container", 19, false, container},
    {"CPUTime", 10, false, cpu_time},
    {"CPUTimeRAW", 10, false, cpu_seconds},
    {"DBIndex", 10, kLeft, database_id},
    {"DerivedExitCode", 15, false, derived_exit},
    {"Elapsed", 10, false, elapsed},
    {"ElapsedRaw", 10, false, elapsed_raw},
    {"Eligible", 19, false, eligible},
    {"End", 19, false, end},
    {"ExitCode", 8, false, exit_code},
    {"Extra", 15, false, of_spec<&model::JobSpec::extra>},
    {"FailedNode", 15, false, failed_node},
    {"Flags", 19, false, flags},
    {"GID", 6, false, gid},
    {"Group", 9, false, group},
    {"ImageDigest", 19, false, image_digest},
    {"ImageTime", 10, false, image_time},
    {"JobID", 12, kLeft, id},
    {"JobIDRaw", 12, kLeft, id_raw},
    {"JobName", 10, false, name},
    {"Layout", 9, false, layout},
    {"Licenses", 10, false, of_request<&model::Request::licenses>},
    {"MaxDiskRead", 12, false, maximum<UsageKind::read_bytes>},
    {"MaxDiskReadNode", 15, false, maximum_node<UsageKind::read_bytes>},
    {"MaxDiskReadTask", 15, false, maximum_task<UsageKind::read_bytes>},
    {"MaxDiskWrite", 12, false, maximum<UsageKind::written_bytes>},
    {"MaxDiskWriteNode", 16, false, maximum_node<UsageKind::written_bytes>},
    {"MaxDiskWriteTask", 16, false, maximum_task<UsageKind::written_bytes>},
    {"MaxPages", 8, false, maximum<UsageKind::pages>},
    {"MaxPagesNode", 12, false, maximum_node<UsageKind::pages>},
    {"MaxPagesTask", 14, false, maximum_task<UsageKind::pages>},
    {"MaxRSS", 10, false, max_rss},
    {"MaxRSSNode", 10, false, max_rss_node},
    {"MaxRSSTask", 10, false, max_rss_task},
    {"MaxVMSize", 10, false, max_vm},
    {"MaxVMSizeNode", 14, false, maximum_node<UsageKind::vm_kib>},
    {"MaxVMSizeTask", 14, false, maximum_task<UsageKind::vm_kib>},
    {"McsLabel", 12, false, nothing},
    {"MinCPU", 10, false, min_cpu},
    {"MinCPUNode", 10, false, min_cpu_node},
    {"MinCPUTask", 10, false, min_cpu_task},
    {"NCPUS", 10, false, cpus},
    {"NNodes", 8, false, nodes},
    {"NodeList", 15, false, node_list},
    {"NTasks", 8, false, tasks},
    {"Partition", 10, false, partition},
    {"Planned", 10, false, planned},
    {"PlannedCPU", 10, false, planned_cpu},
    {"PlannedCPURAW", 13, false, planned_cpu_raw},
    {"Priority", 10, false, priority},
    {"QOS", 10, false, of_request<&model::Request::qos>},
    {"QOSRAW", 6, false, qos_id},
    {"QOSREQ", 10, false, of_request<&model::Request::qos>},
    {"Reason", 22, false, reason},
    {"ReqCPUFreq", 10, false, frequency},
    {"ReqCPUFreqGov", 13, false, frequency},
    {"ReqCPUFreqMax", 13, false, frequency},
    {"ReqCPUFreqMin", 13, false, frequency},
    {"ReqCPUS", 8, false, requested_cpus},
    {"ReqMem", 10, false, requested_memory},
    {"ReqNodes", 8, false, requested_nodes},
    {"ReqTRES", 10, false, history::requested_tres},
    {"Reservation", 20, false, reservation},
    {"ReservationId", 8, false, nothing},
    {"Restarts", 8, false, restarts},
    {"SLUID", 14, false, nothing},
    {"Start", 19, false, start},
    {"State", 10, false, state},
    {"StdErr", 20, false, std_err},
    {"StdIn", 20, false, std_in},
    {"StdOut", 20, false, std_out},
    {"Submit", 19, false, submit},
    {"SubmitLine", 20, false, submit_line},
    {"Suspended", 10, false, suspended},
    {"SystemComment", 15, false, nothing},
    {"SystemCPU", 10, false, system_cpu},
    {"Timelimit", 10, false, time_limit},
    {"TimelimitRaw", 10, false, time_limit_raw},
    {"TotalCPU", 10, false, total_cpu},
    {"TRESUsageInAve", 14, false, usage_in_ave},
    {"TRESUsageInMax", 14, false, usage_in_max},
    {"TRESUsageInMaxNode", 18, false, usage_in_max_node},
    {"TRESUsageInMaxTask", 18, false, usage_in_max_task},
    {"TRESUsageInMin", 14, false, usage_in_min},
    {"TRESUsageInMinNode", 18, false, usage_in_min_node},
    {"TRESUsageInMinTask", 18, false, usage_in_min_task},
    {"TRESUsageInTot", 14, false, usage_in_tot},
    {"TRESUsageOutAve", 15, false, usage_out_ave},
    {"TRESUsageOutMax", 15, false, usage_out_max},
    {"TRESUsageOutMaxNode", 19, false, usage_out_max_node},
    {"TRESUsageOutMaxTask", 19, false, usage_out_max_task},
    {"TRESUsageOutMin", 15, false, usage_out_min},
    {"TRESUsageOutMinNode", 19, false, usage_out_min_node},
    {"TRESUsageOutMinTask", 19, false, usage_out_min_task},
    {"TRESUsageOutTot", 15, false, usage_out_tot},
    {"UID", 6, false, uid},
    {"User", 9, false, user},
    {"UserCPU", 10, false, user_cpu},
    {"WCKey", 10, false, of_spec<&model::JobSpec::wckey>},
    {"WCKeyID", 10, false, zero_of_job},
    {"WorkDir", 20, false, of_spec<&model::JobSpec::work_dir>},
};

}  // namespace

std::span<const HistoryField> history_fields() { return kFields; }

const HistoryField* find_history_field(std::string_view wanted) {
  return find_history_field(wanted, kFields);
}

const HistoryField* find_history_field(std::string_view wanted,
                                       std::span<const HistoryField> fields) {
  if (wanted.empty()) return nullptr;
  for (const HistoryField& field : fields) {
    if (base::iequals(field.name, wanted)) return &field;
  }
  for (const HistoryField& field : fields) {
    if (base::istarts_with(field.name, wanted)) return &field;
  }
  return nullptr;
}

}  // namespace sluice::report
