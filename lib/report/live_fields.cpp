// sstat's fields: those of sacct that tell of what a step uses, and what only a running one has.
#include "report/history_columns.hpp"
#include "report/history_fields.hpp"
#include "report/job_text.hpp"

namespace sluice::report {

namespace {

using namespace history;
using model::UsageKind;

void id(const Row& row, const Context&, Out& out) {
  add_number(out, row.step->job.value);
  out += "." + step_number_text(row.step->number);
}
void tasks(const Row& row, const Context&, Out& out) { add_number(out, row.step->tasks); }
void nodes(const Row& row, const Context&, Out& out) { out += row.step->nodes.view(); }
void pids(const Row& row, const Context&, Out& out) {
  for (std::size_t i = 0; i < row.pids.size(); ++i) {
    if (i > 0) out += ',';
    add_number(out, row.pids[i]);
  }
}
void zero(const Row&, const Context&, Out& out) { out += '0'; }
void frequency(const Row& row, const Context&, Out& out) {
  out += row.step->number == base::kBatchStep ? "0" : "Unknown";
}

constexpr bool kLeft = true;

constexpr HistoryField kFields[] = {
    {"AveCPU", 10, false, average<UsageKind::cpu_us>},
    {"AveCPUFreq", 10, false, zero},
    {"AveDiskRead", 12, false, average<UsageKind::read_bytes>},
    {"AveDiskWrite", 12, false, average<UsageKind::written_bytes>},
    {"AvePages", 10, false, average<UsageKind::pages>},
    {"AveRSS", 10, false, average<UsageKind::rss_kib>},
    {"AveVMSize", 10, false, average<UsageKind::vm_kib>},
    {"ConsumedEnergy", 14, false, energy},
    {"ConsumedEnergyRaw", 17, false, energy},
    {"JobID", 12, kLeft, id},
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
    {"MinCPU", 10, false, min_cpu},
    {"MinCPUNode", 10, false, min_cpu_node},
    {"MinCPUTask", 10, false, min_cpu_task},
    {"Nodelist", 20, false, nodes},
    {"NTasks", 8, false, tasks},
    {"Pids", 20, false, pids},
    {"ReqCPUFreq", 10, false, frequency},
    {"ReqCPUFreqMin", 13, false, frequency},
    {"ReqCPUFreqMax", 13, false, frequency},
    {"ReqCPUFreqGov", 13, false, frequency},
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
};

}  // namespace

std::span<const HistoryField> live_fields() { return kFields; }

}  // namespace sluice::report
