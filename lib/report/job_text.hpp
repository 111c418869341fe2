// Texts that several reports make from a job's record: ids, resources, times, reasons. All of them
// in Slurm's spelling.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/job.hpp"
#include "model/step.hpp"

namespace sluice::report {

// Room for a list of tasks, with a byte for its end; 0: as much as it takes.
inline constexpr std::size_t kTaskListRoom = 64;
// What SLURM_BITSTR_LEN asks for.
[[nodiscard]] std::size_t task_list_room(std::optional<std::string_view> variable);

// "34", "35_4", "35_[1,4,7%2]", "36+1" (a component).
[[nodiscard]] std::string job_id_text(const model::Job& job, std::size_t room = kTaskListRoom);
// "1-3,7": tasks as Slurm lists them; a list too long to read is cut and ends in "...".
[[nodiscard]] std::string task_runs_text(std::span<const model::TaskRun> runs,
                                         std::size_t room = kTaskListRoom);
// "1,3,5,9%2": the task list of a rest record, or the task's number; empty outside of arrays.
[[nodiscard]] std::string array_task_text(const model::Job& job, std::size_t room = kTaskListRoom);
// "36-38": the ids of all components; empty: not a heterogeneous job.
[[nodiscard]] std::string het_id_set_text(const model::Job& job);
// "34.0", "35_4.batch"; `job` names it, may be null.
[[nodiscard]] std::string step_id_text(const model::Step& step, const model::Job* job);
[[nodiscard]] std::string step_number_text(StepNumber number);

// "cpu=8,mem=600M,node=2,billing=8": asked for, and allocated (empty while pending).
[[nodiscard]] std::string requested_tres(const model::Job& job);
[[nodiscard]] std::string allocated_tres(const model::Job& job);

// What a job needs at least, before it runs; what it has, afterwards.
[[nodiscard]] std::uint32_t node_count(const model::Job& job);
[[nodiscard]] std::uint32_t cpu_count(const model::Job& job);
[[nodiscard]] std::uint32_t task_count(const model::Job& job);
// What it asked for, whatever it has.
[[nodiscard]] std::uint32_t requested_cpu_count(const model::Job& job);

// Seconds that the current attempt has run, without suspensions. `now` in seconds.
[[nodiscard]] std::int64_t run_seconds(const model::Job& job, std::int64_t now);
// When it will end or has ended, seconds; 0: unknown.
[[nodiscard]] std::int64_t end_seconds(const model::Job& job);
// Where running jobs may be displaced: how long one is safe at first, and how long it goes on
// when it has been told.
struct ExemptTimes {
  std::int64_t usual_s = 0;
  std::map<std::string, std::int64_t> of_qos;  // seconds, where a QOS says otherwise
  bool grace_by_qos = false;                   // else by partition
  std::map<std::string, std::int64_t> grace;   // seconds, by the name of either
};
// end_seconds(), but of a job that was displaced the end of its grace time.
[[nodiscard]] std::int64_t end_with_grace(const model::Job& job, const ExemptTimes& exempt);
// From when on it may be displaced; 0: it does not run.
[[nodiscard]] model::WallTime preemptable_at(const model::Job& job, const ExemptTimes& exempt);
// From when on it ages, or aged while it waited; 0: it doesn't.
[[nodiscard]] model::WallTime accrue_time(const model::Job& job);
// The reservation that it runs in; before that those asked for.
[[nodiscard]] inline const Text& reservation_of(const model::Job& job) {
  return job.reservation.empty() ? job.request->reservation : job.reservation;
}
// "None", "Resources", …, or the detail that replaces it.
[[nodiscard]] std::string reason_text(const model::Job& job);
// "3:0": exit code and signal.
[[nodiscard]] std::string exit_text(std::uint32_t wait_status);
// Script and arguments, or the command line.
[[nodiscard]] std::string command_text(const model::Job& job);
// "gres/gpu:2" of the scope asked for, comma separated; empty: none.
[[nodiscard]] std::string gres_text(const model::Job& job, model::GresScope scope);
// "gpu:a100:2(IDX:0-1)": what a job holds of one node, comma separated; empty: none.
[[nodiscard]] std::string gres_detail(const model::NodeShare& share);
// The path that standard output goes to, patterns as typed; Slurm's default if none was given.
[[nodiscard]] std::string std_out_text(const model::Job& job);
[[nodiscard]] std::string std_err_text(const model::Job& job);

}  // namespace sluice::report
