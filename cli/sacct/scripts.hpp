// sacct --batch-script and --env-vars: what jobs were submitted with.
#pragma once

#include <string>

#include "cli/common/client.hpp"
#include "cli/common/job_stream.hpp"

namespace sluice::cli {

enum class Stored { script, environment };

// One section a job; NONE where nothing is kept or the caller may not see it.
[[nodiscard]] std::string stored_text(Client& client, const JobAnswer& answer, Stored what);

}  // namespace sluice::cli
