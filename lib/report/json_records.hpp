// Records as --json prints them: one JSON object each, in the shape of data_parser v0.0.43. Fields
// of features that Sluice does not have hold what Slurm writes where they are not used.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "model/job.hpp"
#include "model/node.hpp"
#include "model/step.hpp"
#include "report/job_fields.hpp"
#include "report/job_text.hpp"
#include "report/json_writer.hpp"
#include "report/node_fields.hpp"

namespace sluice::report {

struct JsonContext {
  std::int64_t now = 0;  // seconds
  std::string cluster;
  // By NodeIndex, to tell the sockets and cores of allocations; may be empty.
  std::span<const model::NodePtr> nodes;
  const ExemptTimes* exempt = nullptr;  // null: no preemption, or not known
};

void write_job(JsonWriter& writer, const model::Job& job, const JsonContext& context);
// A running step as squeue shows it; `job` may be null.
void write_step(JsonWriter& writer, const StepRecord& record, const JsonContext& context);
void write_node(JsonWriter& writer, const model::Node& node, const JsonContext& context);
void write_partition(JsonWriter& writer, const model::Partition& partition,
                     const JsonContext& context);
// A row of sinfo.
void write_node_group(JsonWriter& writer, const NodeGroup& group, const JsonContext& context);

}  // namespace sluice::report
