// The options of sbatch, srun and salloc, read into plain structs. Strength: command line over
// environment over #SBATCH lines. Every option of Slurm either has a field here (or in JobSpec,
// Request, StepSpec) that the programs honour, or is refused with a reason; none is ignored.
//
// What the programs still do themselves: script lookup, making paths absolute, capturing limits,
// umask and environment (opt/export.hpp helps with --export), and the identity fields of JobSpec,
// which the controller fills in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/job.hpp"
#include "model/request.hpp"
#include "model/step_spec.hpp"
#include "opt/invocation.hpp"

namespace sluice::opt {

// Common to the three. `spec` and `request` hold all that the controller sees; of `spec` these
// stay empty: identity, command and arguments (see below), hashes, limits, submit_host, alloc_sid.
struct JobOptions {
  model::JobSpec spec;  // kind, name (Slurm's default if not given) and submit_line are set
  model::Request request;
  std::uint32_t verbose = 0;                // count of -v
  bool quiet = false;                       // -Q: no informational messages
  bool test_only = false;                   // --test-only (sbatch, srun)
  std::string clusters;                     // -M as typed: refuse what isn't the own cluster
  std::optional<std::uint32_t> run_as_uid;  // --uid, --gid (root only): become it before connecting
  std::optional<std::uint32_t> run_as_gid;
  std::uint32_t propagate = ~0U;       // --propagate: bit RLIMIT_x set: send that limit
  std::optional<std::uint32_t> umask;  // SLURM_UMASK
  bool nodes_asked = false;            // -N, by any source
  std::vector<std::string> warnings;   // to print before anything is sent: "sbatch: <text>"
};

// A heterogeneous job's first component is `job`, `more` are the others; empty: a plain job.
struct SbatchOptions {
  JobOptions job;  // spec.command: script path as typed ("" for stdin or --wrap)
  std::vector<JobOptions> more;
  std::string script;  // text of the script (for --wrap: the generated one), checked
  bool wrapped = false;
  std::vector<std::string> script_arguments;  // also in job.spec.arguments
  bool parsable = false;
  bool wait = false;        // -W
  bool quote = false;       // --quote: what it would cost; nothing is submitted
  std::string export_file;  // --export-file: path, or a descriptor number
  // --get-user-env: ask `su - user` for the environment at submission
  bool get_user_env = false;
  std::uint32_t get_user_env_seconds = 0;  // 0: default (8 s)
  char get_user_env_mode = 0;              // 'S' (su without login), 'L' (login), 0: login
};

struct SallocOptions {
  JobOptions job;
  std::vector<JobOptions> more;
  std::vector<std::string> command;  // empty: the user's shell, unless no_shell
  bool no_shell = false;
  std::optional<bool> bell;  // --bell / --no-bell; unset: only after a long wait on a tty
  std::uint32_t kill_command_signal = 0;  // -K: signal for the command when the job ends; 0: none
  bool immediate = false;                 // -I
  std::uint32_t immediate_seconds = 0;    // 0: at once
  int exit_immediate = 1;                 // SLURM_EXIT_IMMEDIATE
  int exit_error = 1;                     // SLURM_EXIT_ERROR
};

// srun's part for one component.
struct ComponentOptions {
  JobOptions job;
  model::StepSpec step;
  std::uint32_t component = 0;  // --het-group: place in the heterogeneous job
};

struct SrunOptions {
  JobOptions job;            // used when srun must make an allocation of its own
  model::StepSpec step;      // argv, and all that was asked; environment and limits are not
  std::uint32_t job_id = 0;  // --jobid or SLURM_JOB_ID; 0: not inside an allocation
  bool job_id_from_environment = false;
  bool label = false;           // -l
  bool disable_status = false;  // -X: the first Ctrl-C goes to the tasks
  bool quit_on_interrupt = false;
  bool immediate = false;  // -I, for the allocation (step.immediate for the step)
  std::uint32_t immediate_seconds = 0;
  int exit_immediate = 1;     // SLURM_EXIT_IMMEDIATE
  int exit_error = 1;         // SLURM_EXIT_ERROR
  std::uint32_t threads = 0;  // -T
  std::string prolog;         // run by srun before and after the step; "" or "none": not
  std::string epilog;
  bool test_exec = false;                 // SLURM_TEST_EXEC: check that the program exists first
  std::vector<std::uint32_t> het_groups;  // --het-group as typed; empty: by place on the line
  // Not empty: the step is one over these components, ascending; `job` and `step` are the first's.
  // Outside of an allocation: the components of the job to be made.
  std::vector<ComponentOptions> components;
};

[[nodiscard]] Parsed<SbatchOptions> parse_sbatch(const Invocation& invocation);
[[nodiscard]] Parsed<SallocOptions> parse_salloc(const Invocation& invocation);
[[nodiscard]] Parsed<SrunOptions> parse_srun(const Invocation& invocation);

}  // namespace sluice::opt
