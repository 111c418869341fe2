// Jobs and steps as JSON: see json_records.hpp.
#include <algorithm>

#include "base/hostlist.hpp"
#include "base/strings.hpp"
#include "report/file_pattern.hpp"
#include "report/job_text.hpp"
#include "report/json_envelope.hpp"
#include "report/json_records.hpp"

namespace sluice::report {

namespace {

using model::Job;
using Number = OptionalNumber;

std::int64_t seconds(model::WallTime time) { return time / model::kSecond; }

Number minutes(std::uint32_t limit) {
  return limit == model::kUnlimited ? Number::endless() : Number::of(limit);
}

// {"set": true, …}: a count; 0 is "not asked".
Number asked(std::uint64_t count) { return Number::unless_zero(static_cast<std::int64_t>(count)); }

void empty_texts(JsonWriter& writer, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) writer.member(name, "");
}

void time_member(JsonWriter& writer, std::string_view name, model::WallTime time) {
  writer.member(name, time == 0 ? Number::of(0) : Number::of(seconds(time)));
}

std::vector<std::string> states_of(model::JobState state, std::uint32_t flags) {
  std::vector<std::string> words{std::string(model::long_name(state, 0))};
  for (std::uint32_t bit = 1; bit != 0 && bit <= model::kFlagResizing; bit <<= 1U) {
    if ((flags & bit) != 0) words.emplace_back(model::long_name(state, bit));
  }
  return words;
}

void write_identity(JsonWriter& writer, const Job& job, const JsonContext& context) {
  const model::JobSpec& spec = *job.spec;
  writer.member("job_id", job.id.value);
  writer.member("name", spec.name);
  writer.member("user_id", spec.uid);
  writer.member("user_name", spec.user);
  writer.member("group_id", spec.gid);
  writer.member("group_name", spec.group);
  writer.member("account", job.request->account);
  writer.member("qos", job.request->qos.empty() ? "normal" : job.request->qos.view());
  writer.member("partition", job.partition);
  writer.member("cluster", context.cluster);
  writer.member("wckey", spec.wckey);
  writer.member("association_id", 0);
  writer.member("array_job_id", Number::of(job.array_job.value));
  const bool task = job.array_task != model::kNoTask;
  writer.member("array_task_id", Number{task, false, task ? std::int64_t{job.array_task} : 0});
  writer.member("array_max_tasks", Number::of(spec.array_limit));
  writer.member("array_task_string", job.array_rest ? array_task_text(job) : std::string());
  writer.member("het_job_id", Number::of(job.het_job.value));
  writer.member("het_job_id_set", het_id_set_text(job));
  writer.member("het_job_offset", Number::of(job.het_offset));
}

void write_state(JsonWriter& writer, const Job& job) {
  writer.strings("job_state", states_of(job.state, job.flags));
  writer.member("state_reason", reason_text(job));
  writer.member("state_description", "");
  writer.member("hold", job.state == model::JobState::pending && job.priority == 0);
  writer.member("priority", Number::of(job.priority));
  writer.member("nice", job.spec->nice);
  writer.member("dependency", job.dependency);
  write_exit_code(writer, "exit_code", job.exit_code);
  write_exit_code(writer, "derived_exit_code", job.derived_exit);
  writer.member("restart_cnt", job.restarts);
  writer.member("requeue", !job.spec->no_requeue);
  writer.member("failed_node", job.failed_node);
}

void write_times(JsonWriter& writer, const Job& job, const ExemptTimes* exempt) {
  time_member(writer, "submit_time", job.submit);
  time_member(writer, "eligible_time", job.eligible);
  time_member(writer, "accrue_time", accrue_time(job));
  time_member(writer, "start_time", job.start != 0 ? job.start : job.planned_start);
  writer.member("end_time", Number::of(end_seconds(job)));
  time_member(writer, "suspend_time", job.suspended_at);
  time_member(writer, "pre_sus_time", job.suspended_us);
  time_member(writer, "preempt_time", job.preempted_at);
  time_member(writer, "deadline", job.spec->deadline);
  time_member(writer, "preemptable_time", exempt == nullptr ? 0 : preemptable_at(job, *exempt));
  for (const std::string_view never : {"last_sched_evaluation", "resize_time", "delay_boot"}) {
    writer.member(never, Number::of(0));
  }
  writer.member("time_limit", minutes(job.time_limit));
  writer.member("time_minimum", minutes(job.request->time_min));
}

void write_files(JsonWriter& writer, const Job& job) {
  const model::JobSpec& spec = *job.spec;
  const std::string std_in = spec.std_in.empty() ? "/dev/null" : spec.std_in.str();
  writer.member("command", command_text(job));
  writer.member("submit_line", spec.submit_line);
  writer.member("current_working_directory", spec.work_dir);
  writer.member("standard_input", std_in);
  writer.member("standard_output", std_out_text(job));
  writer.member("standard_error", std_err_text(job));
  writer.member("stdin_expanded", expand_file_pattern(std_in, job));
  writer.member("stdout_expanded", expand_file_pattern(std_out_text(job), job));
  writer.member("stderr_expanded", expand_file_pattern(std_err_text(job), job));
  writer.member("allocating_node", spec.submit_host);
  writer.member("batch_flag", spec.kind == model::JobKind::batch);
  writer.member("batch_host", job.batch_host);
  writer.member("comment", spec.comment);
  writer.member("admin_comment", spec.admin_comment);
  writer.member("extra", spec.extra);
  writer.member("container", model::shown_container(spec.container));
  writer.member("mail_user", spec.mail_user);
  writer.key("mail_type");
  writer.open_array();
  for (const std::string_view word : base::split_nonempty(spec.mail_type, ',')) writer.value(word);
  writer.close();
  empty_texts(writer, {"container_id", "system_comment", "batch_features", "mcs_label", "network",
                       "selinux_context"});
  writer.member("reboot", spec.reboot);
}

void write_shape(JsonWriter& writer, const Job& job) {
  const model::Request& request = *job.request;
  writer.member("nodes", job.allocation ? job.allocation->nodes.view() : std::string_view());
  writer.member("scheduled_nodes", job.planned_nodes);
  writer.member("required_nodes", request.node_list);
  writer.member("excluded_nodes", request.exclude);
  writer.member("features", request.features);
  writer.member("prefer", request.prefer);
  writer.member("node_count", Number::of(node_count(job)));
  writer.member("cpus", Number::of(cpu_count(job)));
  writer.member("tasks", Number::of(task_count(job)));
  writer.member("max_nodes", Number::of(request.max_nodes));
  writer.member("max_cpus", Number::of(0));
  writer.member("cpus_per_task", asked(request.cpus_per_task));
  writer.member("tasks_per_node", Number::of(request.tasks_per_node));
  writer.member("tasks_per_core", asked(request.tasks_per_core));
  writer.member("tasks_per_socket", asked(request.tasks_per_socket));
  writer.member("tasks_per_tres", asked(request.tasks_per_gpu));
  writer.member("tasks_per_board", Number::of(0));
  writer.member("sockets_per_board", 0);
  writer.member("sockets_per_node", asked(request.sockets_per_node));
  writer.member("cores_per_socket", asked(request.cores_per_socket));
  writer.member("threads_per_core", asked(request.threads_per_core));
  writer.member("core_spec", asked(request.reserved_cores));
  writer.member("thread_spec", Number{});
  writer.member("minimum_cpus_per_node",
                Number::of(std::max({request.min_cpus_per_node, request.cpus_per_task, 1U})));
  writer.member("minimum_tmp_disk_per_node",
                Number::of(static_cast<std::int64_t>(request.tmp_disk)));
  writer.member("memory_per_node", asked(request.memory_per_node));
  writer.member("memory_per_cpu", asked(request.memory_per_cpu));
  writer.member("contiguous", request.contiguous);
  writer.member("reservation", reservation_of(job));
  writer.member("resv_name", reservation_of(job));
  writer.member("licenses", request.licenses);
  writer.member("required_switches", request.switches);
  writer.key("shared");
  writer.open_array();
  if (request.sharing == model::Sharing::exclusive) writer.value("none");
  if (request.sharing == model::Sharing::oversubscribe) writer.value("oversubscribe");
  if (request.sharing == model::Sharing::exclusive_user) writer.value("user");
  if (request.sharing == model::Sharing::exclusive_topo) writer.value("topo");
  writer.close();
}

void write_tres(JsonWriter& writer, const Job& job) {
  const model::Request& request = *job.request;
  const auto per_gpu = [](std::uint64_t count) {
    return count == 0 ? std::string() : "gres/gpu:" + std::to_string(count);
  };
  writer.member("tres_req_str", requested_tres(job));
  writer.member("tres_alloc_str", allocated_tres(job));
  writer.member("tres_per_node", gres_text(job, model::GresScope::node));
  writer.member("tres_per_job", gres_text(job, model::GresScope::job));
  writer.member("tres_per_task", gres_text(job, model::GresScope::task));
  writer.member("tres_per_socket", gres_text(job, model::GresScope::socket));
  writer.member("cpus_per_tres", per_gpu(request.cpus_per_gpu));
  writer.member("memory_per_tres", per_gpu(request.memory_per_gpu));
  writer.member("tres_bind", job.spec->tres_bind);
  writer.member("billable_tres", Number{job.allocation != nullptr, false,
                                        job.allocation ? std::int64_t{job.allocation->cpus} : 0});
  empty_texts(writer, {"tres_freq", "burst_buffer", "burst_buffer_state", "federation_origin",
                       "federation_siblings_active", "federation_siblings_viable"});
  writer.member("cluster_features", job.spec->cluster_features);
  for (const std::string_view none :
       {"cpu_frequency_minimum", "cpu_frequency_maximum", "cpu_frequency_governor"}) {
    writer.member(none, Number{});
  }
  writer.member("maximum_switch_wait_time", 0);
  writer.strings("profile", {"NOT_SET"});
  writer.strings("flags", {});
  writer.key("gres_detail");
  writer.open_array();
  if (job.allocation) {
    for (const model::NodeShare& share : job.allocation->shares) writer.value(gres_detail(share));
  }
  writer.close();
}

// Which of a node's cores the job holds: a core counts if any of its threads does.
void write_sockets(JsonWriter& writer, const model::NodeShare& share, const JsonContext& context) {
  writer.key("sockets");
  writer.open_array();
  const bool known = share.node.value < context.nodes.size();
  const model::NodeFacts facts =
      known ? context.nodes[share.node.value]->facts : model::NodeFacts{};
  for (std::uint32_t socket = 0; known && socket < facts.sockets; ++socket) {
    writer.open_object();
    writer.member("index", socket);
    writer.key("cores");
    writer.open_array();
    for (std::uint32_t core = 0; core < facts.cores_per_socket; ++core) {
      const std::size_t first =
          (std::size_t{socket} * facts.cores_per_socket + core) * facts.threads_per_core;
      const std::size_t end = std::min(first + facts.threads_per_core, share.cpus.size());
      const bool held = first < end && share.cpus.count_range(first, end) != 0;
      writer.open_object();
      writer.member("index", core);
      writer.strings("status", {held ? "ALLOCATED" : "UNALLOCATED"});
      writer.close();
    }
    writer.close();
    writer.close();
  }
  writer.close();
}

void write_resources(JsonWriter& writer, const Job& job, const JsonContext& context) {
  writer.key("job_resources");
  writer.open_object();
  if (!job.allocation) return writer.close();
  const model::Allocation& allocation = *job.allocation;
  writer.strings("select_type", {"CPU", "CORE", "MEMORY"});
  writer.key("nodes");
  writer.open_object();
  writer.member("count", allocation.shares.size());
  writer.strings("select_type", {"AVAILABLE"});
  writer.member("list", allocation.nodes);
  writer.member("whole", job.request->sharing == model::Sharing::exclusive);
  writer.key("allocation");
  writer.open_array();
  for (std::size_t at = 0; at < allocation.shares.size(); ++at) {
    const model::NodeShare& share = allocation.shares[at];
    writer.open_object();
    writer.member("index", at);
    writer.member("name", share.name);
    writer.key("cpus");
    writer.open_object();
    writer.member("count", share.cpu_count);
    writer.member("used", 0);
    writer.close();
    writer.key("memory");
    writer.open_object();
    writer.member("used", 0);
    writer.member("allocated", share.memory);
    writer.close();
    write_sockets(writer, share, context);
    writer.close();
  }
  writer.close();
  writer.close();
  writer.member("cpus", allocation.cpus);
  writer.member("threads_per_core", asked(job.request->threads_per_core));
  writer.close();
}

}  // namespace

void write_job(JsonWriter& writer, const Job& job, const JsonContext& context) {
  writer.open_object();
  write_identity(writer, job, context);
  write_state(writer, job);
  write_times(writer, job, context.exempt);
  write_files(writer, job);
  write_shape(writer, job);
  write_tres(writer, job);
  write_resources(writer, job, context);
  writer.close();
}

void write_step(JsonWriter& writer, const StepRecord& record, const JsonContext& context) {
  const model::Step& step = *record.step;
  writer.open_object();
  writer.key("step");
  writer.open_object();
  writer.member("id", step_id_text(step, record.job));
  writer.member("name", step.name);
  writer.close();
  writer.member("job_id", step.job.value);
  writer.strings("state", states_of(step.state, 0));
  writer.member("user_id", step.uid);
  writer.member("cluster", context.cluster);
  writer.key("nodes");
  writer.open_object();
  writer.member("count", step.node_count);
  writer.member("range", step.nodes);
  writer.close();
  writer.key("tasks");
  writer.open_object();
  writer.member("count", step.tasks);
  writer.close();
  writer.member("cpus", step.cpus);
  writer.key("time");
  writer.open_object();
  const std::int64_t until = step.end != 0 ? seconds(step.end) : context.now;
  time_member(writer, "start", step.start);
  time_member(writer, "end", step.end);
  writer.member("elapsed", std::max<std::int64_t>(0, until - seconds(step.start)));
  writer.member("limit", minutes(step.time_limit));
  writer.close();
  write_exit_code(writer, "exit_code", step.exit_code);
  writer.close();
}

}  // namespace sluice::report
