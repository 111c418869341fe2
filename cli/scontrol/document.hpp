// `scontrol --json` and `--yaml`: what show and ping print as one document.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "cli/scontrol/console.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "report/job_fields.hpp"
#include "report/job_text.hpp"
#include "wire/reservation_messages.hpp"

namespace sluice::cli {

[[nodiscard]] inline bool wants_document(Console& console) {
  return console.options().dump != opt::Dump::none;
}

// Each returns the exit code.
int print_jobs(Console& console, std::span<const model::JobPtr> jobs,
               const std::optional<report::ExemptTimes>& exempt);
int print_steps(Console& console, std::span<const report::StepRecord> steps);
int print_nodes(Console& console, std::span<const model::NodePtr> nodes);
int print_partitions(Console& console, std::span<const model::PartitionPtr> partitions);
int print_reservations(Console& console, std::span<const model::Reservation> reservations,
                       model::WallTime now);
int print_licenses(Console& console, std::span<const wire::LicenseRow> licenses);
// Of the controller; null if it is down.
int print_ping(Console& console, const wire::PingReply* reply);

}  // namespace sluice::cli
