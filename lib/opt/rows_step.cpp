// The rows that only srun has: its step, its terminal, its helpers.
#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "opt/collected.hpp"
#include "opt/submit_state.hpp"
#include "opt/values.hpp"

namespace sluice::opt {
namespace {

using model::StepSpec;

constexpr std::array<std::string_view, 3> kMpiTypes{"none", "pmi2", "pmix"};

constexpr std::string_view kBindHelp =
    "CPU bind options:\n"
    "    --cpu-bind=         Bind tasks to CPUs\n"
    "        q[uiet]         quietly bind before task runs (default)\n"
    "        v[erbose]       verbosely report binding before task runs\n"
    "        no[ne]          don't bind tasks to CPUs\n"
    "        rank            bind by task rank\n"
    "        map_cpu:<list>  specify a CPU ID binding for each task\n"
    "        mask_cpu:<list> specify a CPU ID binding mask for each task\n"
    "        sockets         auto-generated masks bind to sockets\n"
    "        cores           auto-generated masks bind to cores\n"
    "        threads         auto-generated masks bind to threads\n"
    "        ldoms           auto-generated masks bind to NUMA locality domains\n"
    "        help            show this help message\n";

tl::unexpected<Complaint> notice(std::string text) {
  return tl::unexpected<Complaint>(Complaint{"", 0, Severity::error, std::move(text)});
}

Outcome set_cpu_bind(SubmitState& s, const Given& use) {
  if (base::iequals(use.value, "help")) return notice(std::string(kBindHelp));
  const auto binding = parse_cpu_bind(use.value);
  if (!binding) return complain(binding.error().text, 1);
  s.step.cpu_bind = binding->kind;
  s.step.cpu_bind_list = binding->list;
  s.step.cpu_bind_verbose = binding->verbose;
  s.job.spec.cpu_bind = use.value;
  return {};
}

Outcome set_exact(SubmitState& s, const Given&) {
  s.step.exact = true;
  return {};
}

Outcome set_input(SubmitState& s, const Given& use) {
  s.input_mode = use.value;
  return {};
}

Outcome set_kill_on_bad_exit(SubmitState& s, const Given& use) {
  std::uint32_t value = 1;
  if (use.has_value) {
    const auto number = base::parse_u32(use.value);
    if (!number) return bad_number(use);
    value = *number;
  }
  s.step.kill_on_bad_exit = value != 0;
  return {};
}

Outcome set_mpi(SubmitState& s, const Given& use) {
  std::string type = base::to_lower(use.value);
  if (type == "list") return notice("MPI plugin types are...\n\tnone\n\tpmi2\n\tpmix\n");
  if (type.starts_with("pmix_v")) type = "pmix";  // versions speak the same protocol to a client
  if (std::find(kMpiTypes.begin(), kMpiTypes.end(), type) == kMpiTypes.end()) {
    return complain(fmt::format("Couldn't find the specified plugin name for mpi/{}\n"
                                "MPI: Unable to load any plugin",
                                use.value),
                    1);
  }
  s.step.mpi = type;
  return {};
}

constexpr SubmitRow kRows[] = {
    SubmitRow::valued("cpu-bind", 0, "[{quiet|verbose},]<type>",
                      "Bind tasks to CPUs: none, rank, threads, cores, sockets, ldoms, "
                      "map_cpu:<list>, mask_cpu:<list>.")
        .on(kSrun)
        .in(Group::affinity)
        .also("cpu_bind")
        .env("", "", "SLURM_CPU_BIND")
        .sets(set_cpu_bind),
    SubmitRow::flag("disable-status", 'X', "Let the first Ctrl-C end the tasks at once.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_DISABLE_STATUS")
        .sets(on<&SrunOptions::disable_status>),
    SubmitRow::valued("epilog", 0, "<program>|none", "A program that srun runs after the step.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_EPILOG")
        .sets(text_to<&SrunOptions::epilog>),
    SubmitRow::flag("exact", 0, "Give the step only the CPUs it asks for.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_EXACT")
        .sets(set_exact),
    SubmitRow::flag("external-launcher", 0,
                    "A step for an MPI's own launcher: it sees all of the job's resources and "
                    "takes none.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_EXTERNAL_LAUNCHER")
        .sets(on<&StepSpec::external_launcher>),
    SubmitRow::valued("input", 'i', "all|none|<task>|<pattern>",
                      "Who reads standard input: all tasks, none, one; or a file instead.")
        .on(kSrun)
        .in(Group::output)
        .env("", "", "SRUN_INPUT,SLURM_STDINMODE")
        .sets(set_input),
    SubmitRow::valued("het-group", 0, "<groups>",
                      "Components of the heterogeneous job that run this: 0,2-3.")
        .on(kSrun)
        .in(Group::step)
        .also("pack-group")
        .sets([](SubmitState& s, const Given& use) -> Outcome {
          auto groups = read_groups(use.value);
          if (!groups) return tl::unexpected<Complaint>(groups.error());
          s.srun.het_groups = std::move(*groups);
          return {};
        }),
    SubmitRow::valued("jobid", 0, "<job>", "Run the step in this allocation.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_JOB_ID,SLURM_JOBID")
        .sets([](SubmitState& s, const Given& use) -> Outcome {
          s.srun.job_id_from_environment = use.source == Source::environment;
          return count_to<&SrunOptions::job_id>(s, use);
        }),
    SubmitRow::maybe("kill-on-bad-exit", 'K', "{0|1}",
                     "Whether a task that fails ends the whole step.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_KILL_BAD_EXIT")
        .sets(set_kill_on_bad_exit),
    SubmitRow::flag("label", 'l', "Begin each line of output with the task's number.")
        .on(kSrun)
        .in(Group::output)
        .env("", "", "SLURM_LABELIO")
        .sets(on<&SrunOptions::label>),
    SubmitRow::valued("mpi", 0, "{none|pmi2|pmix|list}", "The kind of MPI.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_MPI_TYPE")
        .sets(set_mpi),
    SubmitRow::flag("multi-prog", 0, "The operand is a file that names a program for each task.")
        .on(kSrun)
        .in(Group::step)
        .sets(on<&StepSpec::multi_prog>),
    SubmitRow::flag("overlap", 0, "Let the step share CPUs, memory and GRES with other steps.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_OVERLAP")
        .sets(on<&StepSpec::overlap>),
    SubmitRow::valued("prolog", 0, "<program>|none", "A program that srun runs before the step.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_PROLOG")
        .sets(text_to<&SrunOptions::prolog>),
    SubmitRow::flag("pty", 0, "Run task 0 in a pseudo terminal.")
        .on(kSrun)
        .in(Group::step)
        .sets(on<&StepSpec::pty>),
    SubmitRow::flag("quit-on-interrupt", 0, "Leave at the first Ctrl-C.")
        .on(kSrun)
        .in(Group::step)
        .sets(on<&SrunOptions::quit_on_interrupt>),
    SubmitRow::valued("relative", 'r', "<node>", "Begin at this node of the allocation, from 0.")
        .on(kSrun)
        .in(Group::step)
        .sets(number_to<&StepSpec::relative_node>),
    SubmitRow::valued("task-epilog", 0, "<program>", "A program run after each task ends.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_TASK_EPILOG")
        .sets(text_to<&StepSpec::task_epilog>),
    SubmitRow::valued("task-prolog", 0, "<program>", "A program run before each task starts.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_TASK_PROLOG")
        .sets(text_to<&StepSpec::task_prolog>),
    SubmitRow::valued("threads", 'T', "<count>",
                      "Most threads that srun may use to launch. It uses one.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_THREADS")
        .sets(count_to<&SrunOptions::threads>),
    SubmitRow::flag("unbuffered", 'u', "Pass output on as it comes, not by lines.")
        .on(kSrun)
        .in(Group::output)
        .env("", "", "SLURM_UNBUFFEREDIO")
        .sets(on<&StepSpec::unbuffered>),
    SubmitRow::valued("wait", 'W', "<seconds>",
                      "End the step this long after its first task ends; 0: never.")
        .on(kSrun)
        .in(Group::step)
        .env("", "", "SLURM_WAIT")
        .sets(number_to<&StepSpec::wait_after_first>),
    SubmitRow::flag("whole", 0, "Give the step all CPUs of the job on its nodes.")
        .on(kSrun)
        .in(Group::step)
        .sets(on<&StepSpec::whole>),
};

}  // namespace

std::span<const SubmitRow> step_rows() { return kRows; }

}  // namespace sluice::opt
