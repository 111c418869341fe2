// What else the option tables are good for: help texts, shell completion, the option part of the
// manual pages. All text is made from the same rows that parse.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::opt {

enum class Command : std::uint8_t {
  sbatch,
  salloc,
  srun,
  squeue,
  sinfo,
  scancel,
  sacct,
  scontrol,
  sstat,
  sacctmgr,
  sshare,
  sprio,
  sdiag,
  sreport
};
[[nodiscard]] std::span<const Command> all_commands();
[[nodiscard]] std::string_view command_name(Command command);

[[nodiscard]] std::string help_text(Command command);
[[nodiscard]] std::string usage_text(Command command);
// A script for bash's programmable completion.
[[nodiscard]] std::string completion_text(Command command);
// Roff: the sections SYNOPSIS, OPTIONS, REFUSED OPTIONS and INPUT ENVIRONMENT VARIABLES.
[[nodiscard]] std::string manual_options(Command command);

}  // namespace sluice::opt
