// squeue -s: the columns of steps. See job_fields.hpp.
#include <algorithm>
#include <array>

#include "report/column_text.hpp"
#include "report/job_fields.hpp"
#include "report/job_text.hpp"

namespace sluice::report {

namespace {

using Out = std::string;
using Context = JobContext;
using Record = StepRecord;

constexpr char kNull[] = "(null)";
constexpr char kUnknownFrequency[] = "Unknown-Unknown:Unknown";
template <const char* Value>
void always(const Record&, const Context&, Out& out) {
  out += Value;
}
template <auto Member>
void number(const Record& record, const Context&, Out& out) {
  add_number(out, (*record.step).*Member);
}
template <Text model::Step::*Member>
void text(const Record& record, const Context&, Out& out) {
  out += ((*record.step).*Member).view();
}

void id(const Record& record, const Context&, Out& out) {
  out += step_id_text(*record.step, record.job);
}
void job_id(const Record& record, const Context&, Out& out) {
  add_number(out, record.step->job.value);
}
void array_id(const Record& record, const Context&, Out& out) {
  add_number(out, record.job != nullptr ? record.job->array_job.value : 0U);
}
void array_task(const Record& record, const Context&, Out& out) {
  const bool task = record.job != nullptr && record.job->array_task != model::kNoTask;
  if (task) return add_number(out, record.job->array_task);
  out += "N/A";
}
void cluster(const Record&, const Context& context, Out& out) { out += context.cluster; }
void container(const Record& record, const Context&, Out& out) {
  add_or_null(out, record.step->container);
}
void gres(const Record& record, const Context&, Out& out) { add_or_null(out, record.step->gres); }
void partition(const Record& record, const Context&, Out& out) {
  const bool own = !record.step->partition.empty() || record.job == nullptr;
  out += own ? record.step->partition.view() : record.job->partition.view();
}
void start(const Record& record, const Context& context, Out& out) {
  add_time(out, record.step->start, {context.time_format, context.now}, "N/A");
}
void state(const Record& record, const Context&, Out& out) {
  out += model::long_name(record.step->state, 0);
}
void time_limit(const Record& record, const Context&, Out& out) {
  add_minutes(out, record.step->time_limit);
}
void time_used(const Record& record, const Context& context, Out& out) {
  const model::Step& step = *record.step;
  const std::int64_t until = step.end != 0 ? step.end / model::kSecond : context.now;
  add_short_duration(out, std::max<std::int64_t>(0, until - step.start / model::kSecond));
}
void user(const Record& record, const Context&, Out& out) {
  const bool named = record.job != nullptr && !record.job->spec->user.empty();
  if (!named) return add_number(out, record.step->uid);
  out += record.job->spec->user.view();
}

constexpr std::uint16_t kWidth = 20;

constexpr auto kFields = std::to_array<StepField>({
    {"ArrayJobID", 0, "ARRAY_JOB_ID", kWidth, array_id},
    {"ArrayTaskID", 0, "ARRAY_TASK_ID", kWidth, array_task},
    {"Cluster", 0, "CLUSTER", kWidth, cluster},
    {"Container", 0, "CONTAINER", kWidth, container},
    {"ContainerID", 0, "CONTAINER_ID", kWidth, always<kNull>},
    {"CPUFreq", 0, "CPU_FREQ", kWidth, always<kUnknownFrequency>},
    {"cpus-per-tres", 0, "CPUS_PER_TRES", kWidth, always<kNull>},
    {"JobID", 0, "JOB_ID", kWidth, job_id},
    {"mem-per-tres", 0, "MEM_PER_TRES", kWidth, always<kNull>},
    {"Network", 0, "NETWORK", kWidth, always<kNull>},
    {"Nodes", 'N', "NODELIST", kWidth, text<&model::Step::nodes>},
    {"NumCPUs", 0, "NUM_CPUS", kWidth, number<&model::Step::cpus>},
    {"NumTasks", 'A', "TASKS", kWidth, number<&model::Step::tasks>},
    {"Partition", 'P', "PARTITION", kWidth, partition},
    {"StartTime", 'S', "START_TIME", kWidth, start},
    {"StepID", 'i', "STEPID", kWidth, id},
    {"StepName", 'j', "NAME", kWidth, text<&model::Step::name>},
    {"StepState", 0, "STATE", kWidth, state},
    {"TimeLimit", 'l', "TIME_LIMIT", kWidth, time_limit},
    {"TimeUsed", 'M', "TIME", kWidth, time_used},
    {"tres-bind", 0, "TRES_BIND", kWidth, always<kNull>},
    {"tres-freq", 0, "TRES_FREQ", kWidth, always<kNull>},
    {"tres-per-job", 0, "TRES_PER_STEP", kWidth, gres},
    {"tres-per-step", 0, "TRES_PER_STEP", kWidth, gres},
    {"tres-per-node", 'b', "TRES_PER_JOB", kWidth, always<kNull>},
    {"gres", 0, "TRES_PER_JOB", kWidth, always<kNull>},
    {"tres-per-socket", 0, "TRES_PER_SOCKET", kWidth, always<kNull>},
    {"tres-per-task", 0, "TRES_PER_TASK", kWidth, always<kNull>},
    {"UserID", 'U', "UID", kWidth, number<&model::Step::uid>},
    {"UserName", 'u', "USER", kWidth, user},
});

}  // namespace

std::span<const StepField> step_fields() { return kFields; }

}  // namespace sluice::report
