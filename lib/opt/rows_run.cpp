// The rows that say how a job is submitted and run: files, environment, limits, identity, and how
// the command itself behaves.
#include "base/strings.hpp"
#include "base/user.hpp"
#include "opt/submit_state.hpp"
#include "opt/values.hpp"

namespace sluice::opt {
namespace {

using model::JobSpec;

constexpr CommandMask kWithFiles = kSbatch | kSrun;

Outcome set_open_mode(SubmitState& s, const Given& use) {
  const std::string word = base::to_lower(use.value);
  const bool append = word == "a" || word == "append";
  if (!append && word != "t" && word != "truncate") return bad_value(use);
  s.job.spec.append_output = append;
  return {};
}

Outcome set_export(SubmitState& s, const Given& use) {
  // An empty list exports nothing but SLURM_*.
  s.job.spec.export_env = use.value.empty() ? std::string("NONE") : use.value;
  return {};
}

// [timeout][mode]
Outcome set_user_env(SubmitState& s, const Given& use) {
  s.sbatch.get_user_env = true;
  s.sbatch.get_user_env_seconds = 0;
  s.sbatch.get_user_env_mode = 0;
  std::string_view text = use.value;
  if (text.ends_with('S') || text.ends_with('s')) s.sbatch.get_user_env_mode = 'S';
  if (text.ends_with('L') || text.ends_with('l')) s.sbatch.get_user_env_mode = 'L';
  if (s.sbatch.get_user_env_mode != 0) text.remove_suffix(1);
  if (text.empty()) return {};
  const auto seconds = base::parse_u32(text);
  if (!seconds) return bad_value(use);
  s.sbatch.get_user_env_seconds = *seconds;
  return {};
}

Outcome set_uid(SubmitState& s, const Given& use) {
  if (s.in->uid != 0) return complain("--uid only permitted by root user");
  const auto uid = base::parse_user(use.value);
  if (!uid) return bad_value(use);
  s.job.run_as_uid = *uid;
  return {};
}

Outcome set_gid(SubmitState& s, const Given& use) {
  if (s.in->uid != 0) return complain("--gid only permitted by root user");
  const auto gid = base::parse_group(use.value);
  if (!gid) return bad_value(use);
  s.job.run_as_gid = *gid;
  return {};
}

Outcome set_propagate(SubmitState& s, const Given& use) {
  const auto mask = parse_rlimits(use.has_value ? use.value : "ALL");
  if (!mask) {
    return complain(fmt::format("{}\n--propagate={} is not valid.", mask.error().text, use.value),
                    1);
  }
  s.job.propagate = *mask;
  return {};
}

Outcome set_verbose(SubmitState& s, const Given& use) {
  if (use.source != Source::environment) {
    ++s.job.verbose;
    return {};
  }
  // SBATCH_DEBUG and its like hold the level; what isn't a number is no level.
  s.job.verbose = base::parse_u32(use.value, 16).value_or(0);
  return {};
}

// The script starts as soon as its own node is ready, and salloc's command likewise.
Outcome set_wait_all(SubmitState&, const Given& use) {
  if (use.value == "0") return {};
  if (use.value != "1") return bad_value(use);
  return unsupported(use, "each node is made ready by itself; steps wait for their nodes");
}

Outcome set_wrap(SubmitState& s, const Given& use) {
  s.wrap = use.value;
  return {};
}

Outcome set_immediate(SubmitState& s, const Given& use) {
  std::uint32_t seconds = 0;
  if (use.has_value) {
    const auto number = base::parse_u32(use.value);
    if (!number) {
      return complain(fmt::format("Invalid numeric value \"{}\" for immediate.", use.value), 1);
    }
    seconds = *number;
  }
  s.salloc.immediate = s.srun.immediate = s.step.immediate = true;
  s.salloc.immediate_seconds = s.srun.immediate_seconds = seconds;
  return {};
}

Outcome set_kill_command(SubmitState& s, const Given& use) {
  const auto number = parse_signal_name(use.has_value ? use.value : "TERM");
  if (!number) return bad_value(use);
  s.salloc.kill_command_signal = *number;
  return {};
}

Outcome set_bell(SubmitState& s, const Given&) {
  s.salloc.bell = true;
  return {};
}
Outcome set_no_bell(SubmitState& s, const Given&) {
  s.salloc.bell = false;
  return {};
}

// Options whose effect is how Sluice always works.
Outcome already_so(SubmitState&, const Given&) { return {}; }

constexpr SubmitRow kRows[] = {
    SubmitRow::flag("bell", 0, "Ring the terminal's bell when the allocation is granted.")
        .on(kSalloc)
        .in(Group::other)
        .env("", "SALLOC_BELL")
        .sets(set_bell),
    SubmitRow::valued("chdir", 'D', "<directory>", "Run in this directory.")
        .on(kSubmit)
        .in(Group::output)
        .env("", "", "SLURM_REMOTE_CWD,SLURM_WORKING_DIR")
        .sets(text_to<&JobSpec::work_dir>),
    SubmitRow::valued("clusters", 'M', "<name>", "The cluster to use: this one.")
        .on(kSubmit)
        .in(Group::other)
        .also("cluster")
        .env("SBATCH_CLUSTERS,SLURM_CLUSTERS", "SALLOC_CLUSTERS,SLURM_CLUSTERS", "SLURM_CLUSTERS")
        .sets(text_to<&JobOptions::clusters>),
    SubmitRow::valued("error", 'e', "<pattern>", "File for standard error.")
        .on(kWithFiles)
        .in(Group::output)
        .env("SBATCH_ERROR", "", "SRUN_ERROR,SLURM_STDERRMODE")
        .sets(text_to<&JobSpec::std_err>),
    SubmitRow::valued("export", 0, "[ALL,]<variable>[=<value>][,...]|ALL|NONE",
                      "Environment variables that the job gets from the submitting shell.")
        .on(kWithFiles)
        .in(Group::output)
        .env("SBATCH_EXPORT", "", "SRUN_EXPORT_ENV,SLURM_EXPORT_ENV")
        .sets(set_export),
    SubmitRow::valued("export-file", 0, "<file|descriptor>",
                      "Take the job's environment from a file of NAME=value entries that end in "
                      "zero bytes.")
        .on(kSbatch)
        .in(Group::output)
        .sets(text_to<&SbatchOptions::export_file>),
    SubmitRow::maybe("get-user-env", 0, "<timeout><mode>",
                     "Use the environment of a login of the user; mode S: by su without login, "
                     "L: with.")
        .on(kSbatch)
        .in(Group::output)
        .env("SBATCH_GET_USER_ENV")
        .sets(set_user_env),
    SubmitRow::valued("gid", 0, "<group>", "Submit with this group (root only).")
        .on(kSubmit)
        .in(Group::other)
        .sets(set_gid),
    SubmitRow::flag("ignore-pbs", 0, "Ignore #PBS and #BSUB lines. Sluice always does.")
        .on(kSbatch)
        .in(Group::other)
        .env("SBATCH_IGNORE_PBS")
        .sets(already_so),
    SubmitRow::maybe("immediate", 'I', "<seconds>",
                     "Give up if the resources are not free within this time.")
        .on(kSalloc | kSrun)
        .in(Group::timing)
        .env("", "SALLOC_IMMEDIATE", "SLURM_IMMEDIATE")
        .sets(set_immediate),
    SubmitRow::valued("input", 'i', "<pattern>", "File for standard input.")
        .on(kSbatch)
        .in(Group::output)
        .env("SBATCH_INPUT")
        .sets(text_to<&JobSpec::std_in>),
    SubmitRow::maybe("kill-command", 'K', "<signal>",
                     "Signal the command when the allocation ends; TERM without a value.")
        .on(kSalloc)
        .in(Group::other)
        .env("", "SALLOC_KILL_CMD")
        .sets(set_kill_command),
    SubmitRow::flag("no-bell", 0, "Never ring the bell.")
        .on(kSalloc)
        .in(Group::other)
        .env("", "SALLOC_NO_BELL")
        .sets(set_no_bell),
    SubmitRow::flag("no-shell", 0, "Leave once the allocation is granted; run no command.")
        .on(kSalloc)
        .in(Group::other)
        .sets(on<&SallocOptions::no_shell>),
    SubmitRow::valued("open-mode", 0, "{append|truncate}",
                      "Whether output files that exist are kept and added to.")
        .on(kWithFiles)
        .in(Group::output)
        .env("SBATCH_OPEN_MODE", "", "SLURM_OPEN_MODE")
        .sets(set_open_mode),
    SubmitRow::valued("output", 'o', "<pattern>",
                      "File for standard output: %j job, %A array job, %a array task, %N node, "
                      "%n node number, %t task, %s step, %u user, %x job name.")
        .on(kWithFiles)
        .in(Group::output)
        .env("SBATCH_OUTPUT", "", "SRUN_OUTPUT,SLURM_STDOUTMODE")
        .sets(text_to<&JobSpec::std_out>),
    SubmitRow::flag("parsable", 0, "Print the job id alone (and ;cluster if -M was given).")
        .on(kSbatch)
        .in(Group::other)
        .sets(on<&SbatchOptions::parsable>),
    SubmitRow::maybe("propagate", 0, "<limit>[,...]",
                     "Give the job these of the shell's resource limits: ALL, NONE, AS, CORE, "
                     "CPU, DATA, FSIZE, MEMLOCK, NOFILE, NPROC, RSS, STACK.")
        .on(kSubmit)
        .in(Group::output)
        .sets(set_propagate),
    SubmitRow::flag("quiet", 'Q', "No informational messages.")
        .on(kSubmit)
        .in(Group::other)
        .sets(on<&JobOptions::quiet>),
    SubmitRow::flag("quote", 0, "Tell the most that the job can cost; submit nothing.")
        .on(kSbatch)
        .in(Group::other)
        .sets(on<&SbatchOptions::quote>),
    SubmitRow::flag("stepmgr", 0, "Manage steps on the job's nodes. Sluice always does.")
        .on(kSubmit)
        .in(Group::other)
        .sets(already_so),
    SubmitRow::flag("test-only", 0, "Tell when the job would start; submit nothing.")
        .on(kWithFiles)
        .in(Group::other)
        .sets(on<&JobOptions::test_only>),
    SubmitRow::valued("uid", 0, "<user>", "Submit as this user (root only).")
        .on(kSubmit)
        .in(Group::other)
        .sets(set_uid),
    SubmitRow::flag("verbose", 'v', "More messages; may be repeated.")
        .on(kSubmit)
        .in(Group::other)
        .env("SBATCH_DEBUG", "SALLOC_DEBUG", "SLURM_DEBUG")
        .reads_variable()
        .sets(set_verbose),
    SubmitRow::flag("wait", 'W', "Stay until the job ends, and exit with its exit code.")
        .on(kSbatch)
        .in(Group::other)
        .env("SBATCH_WAIT")
        .sets(on<&SbatchOptions::wait>),
    SubmitRow::valued("wait-all-nodes", 0, "{0|1}",
                      "0, as always: start as soon as the first node is ready.")
        .on(kSbatch | kSalloc)
        .in(Group::timing)
        .env("SBATCH_WAIT_ALL_NODES", "SALLOC_WAIT_ALL_NODES")
        .sets(set_wait_all),
    SubmitRow::valued("wrap", 0, "<command>", "Submit a script that holds this command line.")
        .on(kSbatch)
        .in(Group::other)
        .sets(set_wrap),

    SubmitRow::flag("help", 'h', "Show this help.").on(kSubmit).in(Group::help),
    SubmitRow::flag("usage", 0, "Show a summary of the options.").on(kSubmit).in(Group::help),
    SubmitRow::flag("version", 'V', "Show the version.").on(kSubmit).in(Group::help),
};

}  // namespace

std::span<const SubmitRow> run_rows() { return kRows; }

}  // namespace sluice::opt
