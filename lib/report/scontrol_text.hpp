// `scontrol show`: records as Slurm's blocks of KEY=value, several lines or (-o) one line each.
// Keys and their order and lines are Slurm's, because scripts cut these texts apart; what we don't
// have is shown as Slurm shows it when it is unset.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/job.hpp"
#include "model/node.hpp"
#include "model/step.hpp"
#include "report/column_text.hpp"
#include "report/job_text.hpp"

namespace sluice::report {

struct ShowStyle {
  bool details = false;   // -d
  bool one_line = false;  // -o
  TimeStyle time;
  std::size_t task_list_room = kTaskListRoom;
  std::optional<ExemptTimes> exempt;  // where there is preemption
  // Of partitions, by name: what a job that runs there shares, whatever it asked for.
  std::map<std::string, model::OverSubscribe> sharing;
};

// Each appends a whole record, with the blank line behind it unless -o.
void show_job(const model::Job& job, const ShowStyle& style, std::string& out);
void show_node(const model::Node& node, const ShowStyle& style, std::string& out);
void show_partition(const model::Partition& partition, const ShowStyle& style, std::string& out);
// `job` is the step's, for its id; may be null.
void show_step(const model::Step& step, const model::Job* job, const ShowStyle& style,
               std::string& out);

// "Key                     = value": one line of `show config`.
void show_setting(std::string_view key, std::string_view value, std::string& out);

}  // namespace sluice::report
