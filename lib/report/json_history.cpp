// See json_history.hpp.
#include "report/json_history.hpp"

#include <algorithm>

#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "base/user.hpp"
#include "report/file_pattern.hpp"
#include "report/history_columns.hpp"
#include "report/job_text.hpp"
#include "report/json_envelope.hpp"
#include "rollup/attempt.hpp"

namespace sluice::report {

namespace {

using Number = OptionalNumber;
using model::Job;

constexpr std::uint64_t kMicros = 1'000'000;

std::int64_t seconds(model::WallTime when) { return when / model::kSecond; }

void write_cpu(JsonWriter& writer, std::string_view name, std::uint64_t microseconds) {
  writer.key(name);
  writer.open_object();
  writer.member("seconds", microseconds / kMicros);
  writer.member("microseconds", microseconds % kMicros);
  writer.close();
}

void write_cpus(JsonWriter& writer, const model::Usage& usage) {
  write_cpu(writer, "system", usage.system_us);
  write_cpu(writer, "total", usage.system_us + usage.user_us);
  write_cpu(writer, "user", usage.user_us);
}

// The numbers by which Slurm knows the resources that every cluster has.
std::uint32_t tres_id(std::string_view type) {
  constexpr std::pair<std::string_view, std::uint32_t> kIds[] = {
      {"cpu", 1},     {"mem", 2}, {"energy", 3}, {"node", 4},
      {"billing", 5}, {"fs", 6},  {"vmem", 7},   {"pages", 8}};
  for (const auto& [known, id] : kIds) {
    if (known == type) return id;
  }
  return 1001;
}

void write_one_tres(JsonWriter& writer, std::string_view name, std::uint64_t count) {
  const base::Cut cut = base::cut(name, '/');
  writer.open_object();
  writer.member("type", cut.before);
  writer.member("name", cut.after);
  writer.member("id", tres_id(cut.before));
  writer.member("count", count);
  writer.close();
}

// "cpu=8,mem=600M,node=2" as a list; memory in MiB.
void write_tres(JsonWriter& writer, std::string_view name, std::string_view text) {
  writer.key(name);
  writer.open_array();
  for (const std::string_view part : base::split_nonempty(text, ',')) {
    const base::Cut cut = base::cut(part, '=');
    const Result<std::uint64_t> count =
        cut.before == "mem" ? base::parse_memory_mib(cut.after) : base::parse_unsigned(cut.after);
    write_one_tres(writer, cut.before, count.value_or(0));
  }
  writer.close();
}

void write_identity(JsonWriter& writer, const Job& job, const HistoryContext& context) {
  const model::JobSpec& spec = *job.spec;
  const std::string user = spec.user.empty() ? base::user_label(spec.uid) : spec.user.str();
  writer.member("job_id", job.id.value);
  writer.member("name", spec.name);
  writer.member("user", user);
  writer.member("group", spec.group.empty() ? base::group_label(spec.gid) : spec.group.str());
  writer.member("account", job.request->account);
  writer.member("cluster", context.cluster);
  writer.member("partition", job.partition);
  writer.member("qos", job.request->qos.empty() ? "normal" : job.request->qos.view());
  writer.member("qosreq", job.request->qos);
  writer.key("association");
  writer.open_object();
  writer.member("account", job.request->account);
  writer.member("cluster", context.cluster);
  writer.member("partition", "");
  writer.member("user", user);
  writer.member("id", job.association);
  writer.close();
  writer.key("wckey");
  writer.open_object();
  writer.member("wckey", spec.wckey);
  writer.strings("flags", std::initializer_list<std::string_view>{});
  writer.close();
}

void write_array(JsonWriter& writer, const Job& job) {
  const bool task = job.array_task != model::kNoTask;
  writer.key("array");
  writer.open_object();
  writer.member("job_id", job.array_job.value);
  writer.key("limits");
  writer.open_object();
  writer.key("max");
  writer.open_object();
  writer.key("running");
  writer.open_object();
  writer.member("tasks", job.spec->array_limit);
  writer.close();
  writer.close();
  writer.close();
  writer.member("task_id", Number{task, false, task ? std::int64_t{job.array_task} : 0});
  writer.member("task", job.array_rest ? array_task_text(job) : std::string());
  writer.close();
  writer.key("het");
  writer.open_object();
  const bool het = job.het_job.is_set();
  writer.member("job_id", job.het_job.value);
  writer.member("job_offset", Number{het, false, het ? std::int64_t{job.het_offset} : 0});
  writer.close();
}

void write_state(JsonWriter& writer, const HistoryRow& row) {
  const Job& job = *row.job;
  writer.key("state");
  writer.open_object();
  const bool requeued = rollup::is_told_as_requeued(job);
  writer.strings("current", {requeued ? "REQUEUED" : model::long_name(job.state, 0)});
  writer.member("reason", reason_text(job));
  writer.close();
  write_exit_code(writer, "exit_code", history::shown_exit(job));
  write_exit_code(writer, "derived_exit_code", job.derived_exit);
  writer.member("failed_node", job.failed_node);
  const bool killed = job.cancelled_by != model::kNoTask;
  writer.member("kill_request_user", killed ? base::user_label(job.cancelled_by) : std::string());
  writer.member("restart_cnt", job.restarts);
  writer.member("hold", job.state == model::JobState::pending && job.priority == 0);
  writer.member("priority", Number::of(job.priority));
}

void write_time(JsonWriter& writer, const HistoryRow& row, const HistoryContext& context) {
  const Job& job = *row.job;
  writer.key("time");
  writer.open_object();
  writer.member("elapsed", history::elapsed_seconds(row, context));
  writer.member("eligible", seconds(job.eligible));
  writer.member("end", seconds(history::end_of(row, context)));
  writer.member("planned", Number::of(history::planned_seconds(row, context)));
  writer.member("start", seconds(history::start_of(row, context)));
  writer.member("submission", seconds(job.submit));
  writer.member("suspended", seconds(job.suspended_us));
  writer.member("limit", job.time_limit == model::kUnlimited ? Number::endless()
                                                             : Number::unless_zero(job.time_limit));
  write_cpus(writer, row.usage);
  writer.close();
}

void write_request(JsonWriter& writer, const Job& job) {
  const model::Request& request = *job.request;
  writer.member("allocation_nodes", job.allocation ? job.allocation->shares.size() : 0);
  writer.member("nodes", job.allocation ? job.allocation->nodes.view() : "None assigned");
  writer.member("constraints", request.features);
  writer.member("licenses", request.licenses);
  writer.key("required");
  writer.open_object();
  writer.member("CPUs", requested_cpu_count(job));
  writer.member("memory_per_cpu",
                Number::unless_zero(static_cast<std::int64_t>(request.memory_per_cpu)));
  writer.member("memory_per_node",
                Number::unless_zero(static_cast<std::int64_t>(request.memory_per_node)));
  writer.close();
  writer.key("reservation");
  writer.open_object();
  writer.member("id", 0);
  writer.member("name", request.reservation);
  writer.close();
  writer.key("tres");
  writer.open_object();
  write_tres(writer, "allocated", allocated_tres(job));
  write_tres(writer, "requested", requested_tres(job));
  writer.close();
  writer.member("used_gres", "");
}

void write_program(JsonWriter& writer, const Job& job) {
  const model::JobSpec& spec = *job.spec;
  const std::string std_in = spec.std_in.empty() ? "/dev/null" : spec.std_in.str();
  writer.key("comment");
  writer.open_object();
  writer.member("administrator", spec.admin_comment);
  writer.member("job", spec.comment);
  writer.member("system", "");
  writer.close();
  writer.member("container", model::shown_container(spec.container));
  writer.member("extra", spec.extra);
  writer.member("block", "");
  writer.key("mcs");
  writer.open_object();
  writer.member("label", "");
  writer.close();
  writer.member("script", "");
  writer.member("stdin", std_in);
  writer.member("stdout", std_out_text(job));
  writer.member("stderr", std_err_text(job));
  writer.member("stdin_expanded", expand_file_pattern(std_in, job));
  writer.member("stdout_expanded", expand_file_pattern(std_out_text(job), job));
  writer.member("stderr_expanded", expand_file_pattern(std_err_text(job), job));
  writer.member("submit_line", spec.submit_line);
  writer.member("working_directory", spec.work_dir);
  if (job.start == 0) {
    writer.strings("flags", std::initializer_list<std::string_view>{});
  } else {
    writer.strings("flags", {"STARTED_ON_SCHEDULE"});
  }
}

void write_step_time(JsonWriter& writer, const HistoryRow& row, const HistoryContext& context) {
  writer.key("time");
  writer.open_object();
  writer.member("elapsed", history::elapsed_seconds(row, context));
  writer.member("end", Number::unless_zero(seconds(history::end_of(row, context))));
  writer.member("start", Number::unless_zero(seconds(history::start_of(row, context))));
  writer.member("suspended", 0);
  write_cpus(writer, row.usage);
  writer.close();
}

void write_step_nodes(JsonWriter& writer, const model::Step& step) {
  writer.key("nodes");
  writer.open_object();
  writer.member("count", step.node_count);
  writer.member("range", step.nodes);
  const Result<std::vector<std::string>> hosts = base::parse_hosts(step.nodes);
  writer.key("list");
  writer.open_array();
  for (const std::string& host : hosts.value_or(std::vector<std::string>())) writer.value(host);
  writer.close();
  writer.close();
  writer.key("tasks");
  writer.open_object();
  writer.member("count", step.tasks);
  writer.close();
}

// What tasks used, as far as it was counted: see model::Usage.
void write_step_use(JsonWriter& writer, const HistoryRow& row) {
  const model::Usage& usage = row.usage;
  const std::uint64_t tasks = std::max<std::uint64_t>(usage.tasks, 1);
  const auto amounts = [&](std::string_view name, std::uint64_t cpu_ms, std::uint64_t rss_bytes) {
    writer.key(name);
    writer.open_array();
    if (usage.tasks != 0) {
      write_one_tres(writer, "cpu", cpu_ms);
      write_one_tres(writer, "mem", rss_bytes);
    }
    writer.close();
  };
  const std::uint64_t cpu_ms = (usage.user_us + usage.system_us) / 1000;
  writer.key("tres");
  writer.open_object();
  writer.key("requested");
  writer.open_object();
  amounts("average", cpu_ms / tasks, usage.total_rss_kib / tasks * 1024);
  amounts("total", cpu_ms, usage.total_rss_kib * 1024);
  writer.key("max");
  writer.open_array();
  if (usage.tasks != 0) {
    writer.open_object();
    writer.member("type", "mem");
    writer.member("name", "");
    writer.member("id", tres_id("mem"));
    writer.member("count", usage.max_rss_kib * 1024);
    writer.member("task", usage.max_rss_task);
    writer.member("node", usage.max_rss_node);
    writer.close();
  }
  writer.close();
  writer.close();
  std::string allocated;
  history::allocated_tres(row, {}, allocated);
  write_tres(writer, "allocated", allocated);
  writer.close();
}

void write_step_row(JsonWriter& writer, const HistoryRow& row, const HistoryContext& context) {
  const model::Step& step = *row.step;
  writer.open_object();
  writer.key("step");
  writer.open_object();
  writer.member("id", step_id_text(step, row.job));
  writer.member("name", step.name);
  writer.close();
  writer.strings("state", {model::long_name(step.state, 0)});
  write_exit_code(writer, "exit_code", step.exit_code);
  write_step_time(writer, row, context);
  write_step_nodes(writer, step);
  writer.key("task");
  writer.open_object();
  std::string distribution;
  history::layout(row, context, distribution);
  writer.member("distribution", distribution);
  writer.close();
  const bool killed = step.cancelled_by != model::kNoTask;
  writer.member("kill_request_user", killed ? base::user_label(step.cancelled_by) : std::string());
  writer.member("submit_line", step.submit_line);
  write_step_use(writer, row);
  writer.close();
}

}  // namespace

void write_history_job(JsonWriter& writer, const HistoryRow& row, std::span<const HistoryRow> steps,
                       const HistoryContext& context) {
  writer.open_object();
  write_identity(writer, *row.job, context);
  write_array(writer, *row.job);
  write_state(writer, row);
  write_time(writer, row, context);
  write_request(writer, *row.job);
  write_program(writer, *row.job);
  writer.key("steps");
  writer.open_array();
  for (const HistoryRow& step : steps) write_step_row(writer, step, context);
  writer.close();
  writer.close();
}

}  // namespace sluice::report
