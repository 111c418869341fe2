// The document: the members of Slurm's data_parser v0.0.43. Times are in seconds, work in
// microseconds. Every cycle ends because the queue does, so that is the one exit that counts.
#include "cli/sdiag/report.hpp"

namespace sluice::cli {

namespace {

using report::JsonWriter;
using report::OptionalNumber;

OptionalNumber seconds(model::WallTime at) {
  return OptionalNumber::unless_zero(at / model::kSecond);
}

OptionalNumber mean_time(const wire::RequestStats& request) {
  return OptionalNumber::of(static_cast<std::int64_t>(mean(request.us_all, request.count)));
}

void write_head(JsonWriter& writer, const wire::SchedulerStats& stats) {
  writer.member("parts_packed", 1);
  writer.member("req_time", seconds(stats.now));
  writer.member("req_time_start", seconds(stats.since));
  writer.member("server_thread_count", stats.threads);
  writer.member("agent_queue_size", stats.orders_waiting);
  writer.member("agent_count", 0);
  writer.member("agent_thread_count", 0);
  writer.member("dbd_agent_queue_size", stats.commits_waiting);
  writer.member("gettimeofday_latency", stats.clock_us);
}

void write_main(JsonWriter& writer, const wire::SchedulerStats& stats) {
  const wire::CycleStats& main = stats.main;
  writer.member("schedule_cycle_max", main.us.most);
  writer.member("schedule_cycle_last", main.us.last);
  writer.member("schedule_cycle_sum", main.us.all);
  writer.member("schedule_cycle_total", main.count);
  writer.member("schedule_cycle_mean", mean(main.us.all, main.count));
  writer.member("schedule_cycle_mean_depth", mean(main.depth.all, main.count));
  writer.member("schedule_cycle_per_minute", cycles_per_minute(stats).value_or(0));
  writer.member("schedule_cycle_depth", main.depth.all);
  writer.key("schedule_exit");
  writer.open_object();
  writer.member("end_job_queue", main.count);
  for (const char* other :
       {"default_queue_depth", "max_job_start", "max_rpc_cnt", "max_sched_time", "licenses"}) {
    writer.member(other, 0);
  }
  writer.close();
  writer.member("schedule_queue_length", main.queue.last);
}

void write_jobs(JsonWriter& writer, const wire::JobStats& jobs) {
  writer.member("jobs_submitted", jobs.submitted);
  writer.member("jobs_started", jobs.started);
  writer.member("jobs_completed", jobs.completed);
  writer.member("jobs_canceled", jobs.cancelled);
  writer.member("jobs_failed", jobs.failed);
  writer.member("jobs_pending", jobs.pending);
  writer.member("jobs_running", jobs.running);
  writer.member("job_states_ts", seconds(jobs.seen));
}

void write_backfill(JsonWriter& writer, const wire::SchedulerStats& stats) {
  const wire::CycleStats& cycles = stats.backfill;
  writer.member("bf_backfilled_jobs", stats.backfilled_ever);
  writer.member("bf_last_backfilled_jobs", stats.backfilled);
  writer.member("bf_backfilled_het_jobs", stats.backfilled_parts);
  writer.member("bf_cycle_counter", cycles.count);
  writer.member("bf_cycle_mean", mean(cycles.us.all, cycles.count));
  writer.member("bf_depth_mean", mean(cycles.depth.all, cycles.count));
  writer.member("bf_depth_mean_try", mean(cycles.tried.all, cycles.count));
  writer.member("bf_cycle_sum", cycles.us.all);
  writer.member("bf_cycle_last", cycles.us.last);
  writer.member("bf_cycle_max", cycles.us.most);
  writer.key("bf_exit");
  writer.open_object();
  writer.member("end_job_queue", cycles.count);
  for (const char* other : {"bf_max_job_start", "bf_max_job_test", "bf_max_time",
                            "bf_node_space_size", "state_changed"}) {
    writer.member(other, 0);
  }
  writer.close();
  writer.member("bf_last_depth", cycles.depth.last);
  writer.member("bf_last_depth_try", cycles.tried.last);
  writer.member("bf_depth_sum", cycles.depth.all);
  writer.member("bf_depth_try_sum", cycles.tried.all);
  writer.member("bf_queue_len", cycles.queue.last);
  writer.member("bf_queue_len_mean", mean(cycles.queue.all, cycles.count));
  writer.member("bf_queue_len_sum", cycles.queue.all);
  writer.member("bf_table_size", cycles.table.last);
  writer.member("bf_table_size_sum", cycles.table.all);
  writer.member("bf_table_size_mean", mean(cycles.table.all, cycles.count));
  writer.member("bf_when_last_cycle", seconds(cycles.when));
  writer.member("bf_active", false);
}

void write_requests(JsonWriter& writer, const wire::SchedulerStats& stats) {
  writer.key("rpcs_by_message_type");
  writer.open_array();
  for (const wire::RequestStats& kind : stats.by_type) {
    writer.open_object();
    writer.member("message_type", kind.name);
    writer.member("type_id", kind.id);
    writer.member("count", kind.count);
    writer.member("cycle_max", kind.us_most);
    writer.member("total_time", kind.us_all);
    writer.member("average_time", mean_time(kind));
    writer.close();
  }
  writer.close();
  writer.key("rpcs_by_user");
  writer.open_array();
  for (const wire::RequestStats& user : stats.by_user) {
    writer.open_object();
    writer.member("user", user.name);
    writer.member("user_id", user.id);
    writer.member("count", user.count);
    writer.member("total_time", user.us_all);
    writer.member("average_time", mean_time(user));
    writer.close();
  }
  writer.close();
  writer.key("pending_rpcs");
  writer.open_array();
  for (const wire::RequestStats& kind : stats.pending) {
    writer.open_object();
    writer.member("message_type", kind.name);
    writer.member("type_id", kind.id);
    writer.member("count", kind.count);
    writer.close();
  }
  writer.close();
}

}  // namespace

void write_stats(report::JsonWriter& writer, const wire::SchedulerStats& stats) {
  write_head(writer, stats);
  write_main(writer, stats);
  write_jobs(writer, stats.jobs);
  write_backfill(writer, stats);
  write_requests(writer, stats);
}

}  // namespace sluice::cli
