// Which jobs a wire::JobFilter means. Shared by the service (scancel) and the queries (squeue).
// Pure: no I/O.
#pragma once

#include "model/job.hpp"
#include "wire/client_messages.hpp"

namespace sluice::controller {

// All kinds of conditions, the list of job ids included.
[[nodiscard]] bool matches(const model::Job& job, const wire::JobFilter& filter);
// Without the list of ids.
[[nodiscard]] bool matches_conditions(const model::Job& job, const wire::JobFilter& filter);

}  // namespace sluice::controller
