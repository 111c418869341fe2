// What became of an action or update, job by job, in Slurm's words.
#pragma once

#include "cli/scontrol/console.hpp"

namespace sluice::cli {

// Slurm words the same failure differently: after hold and release a second line follows; to resume
// what runs, and to change what belongs to somebody else, have texts of their own.
enum class Wording { plain, update, hold, resume };

// Failures on stderr: "TEXT for job 12", "12_3: TEXT". Returns the exit code.
int tell_outcomes(Console& console, const wire::JobActionReply& reply, Wording wording);

}  // namespace sluice::cli
