// What became of an action or update, job by job, in Slurm's words.
#pragma once

#include "cli/scontrol/console.hpp"

namespace sluice::cli {

enum class Epilogue { none, suspend_error };

// Failures on stderr: "TEXT for job 12", "12_3: TEXT", for hold and release followed by
// "slurm_suspend error: TEXT". Returns the exit code.
int tell_outcomes(const Console& console, const wire::JobActionReply& reply, Epilogue epilogue);

}  // namespace sluice::cli
