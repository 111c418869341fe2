// The rows that say what a job is and when it may run: names, accounts, times, dependencies, mail.
#include <limits>

#include "base/duration.hpp"
#include "base/strings.hpp"
#include "base/timetext.hpp"
#include "opt/submit_state.hpp"
#include "opt/values.hpp"

namespace sluice::opt {
namespace {

using model::JobSpec;
using model::Request;

constexpr std::int64_t kMaxNice = 2147483645;

Outcome set_array(SubmitState& s, const Given& use) {
  auto array = parse_array_text(use.value);
  if (!array) return submit_failure(s.command, array.error());
  s.job.spec.array = array->tasks;
  s.job.spec.array_limit = array->limit;
  return {};
}

Outcome set_time_point(const SubmitState& s, const Given& use, model::WallTime& target) {
  const auto when = base::parse_time(use.value, s.in->now);
  if (!when) {
    Complaint complaint = bad_value(use).value();
    complaint.before = when.error().text;
    return tl::unexpected<Complaint>(std::move(complaint));
  }
  target = *when * model::kSecond;
  return {};
}
Outcome set_begin(SubmitState& s, const Given& use) {
  return set_time_point(s, use, s.job.spec.begin);
}
Outcome set_deadline(SubmitState& s, const Given& use) {
  return set_time_point(s, use, s.job.spec.deadline);
}

// Minutes, rounded up. 0 means no limit, as Slurm has it.
Outcome set_minutes(const Given& use, std::uint32_t& target) {
  const auto seconds = base::parse_duration(use.value);
  if (!seconds) return bad_value(use);
  const bool unlimited = *seconds == base::kUnlimited || *seconds == 0;
  target =
      unlimited ? model::kUnlimited : static_cast<std::uint32_t>(base::to_minutes_up(*seconds));
  return {};
}
Outcome set_time(SubmitState& s, const Given& use) {
  return set_minutes(use, s.job.request.time_limit);
}
Outcome set_time_min(SubmitState& s, const Given& use) {
  return set_minutes(use, s.job.request.time_min);
}

Outcome set_dependency(SubmitState& s, const Given& use) {
  if (base::iequals(use.value, "none") || use.value.empty()) {
    s.job.spec.dependency = "";
    return {};
  }
  if (auto checked = check_dependency(use.value); !checked) {
    return submit_failure(s.command, checked.error());
  }
  s.job.spec.dependency = use.value;
  return {};
}

Outcome set_kill_invalid(SubmitState& s, const Given& use) {
  if (!base::iequals(use.value, "yes") && !base::iequals(use.value, "no")) return bad_value(use);
  s.job.spec.kill_on_invalid_dependency = base::iequals(use.value, "yes");
  return {};
}

Outcome set_nice(SubmitState& s, const Given& use) {
  if (!use.has_value) {
    s.job.spec.nice = 100;
    return {};
  }
  const auto nice = base::parse_signed(use.value);
  if (!nice) return bad_value(use);
  if (*nice > kMaxNice || *nice < -kMaxNice) {
    return complain(fmt::format("Invalid --nice value, out of range (+/- {})", kMaxNice));
  }
  if (*nice < 0 && s.in->uid != 0) {
    return submit_failure(s.command, {ErrorCode::invalid_argument, "Invalid --nice value"});
  }
  s.job.spec.nice = static_cast<std::int32_t>(*nice);
  return {};
}

Outcome set_priority(SubmitState& s, const Given& use) {
  if (base::iequals(use.value, "top")) {
    return unsupported(use, "give a number, or use scontrol top");
  }
  const auto priority = base::parse_u32(use.value, model::kUnlimited - 2);
  if (!priority) return bad_value(use);
  s.job.spec.priority = *priority;
  s.job.spec.held = *priority == 0;
  return {};
}

Outcome set_mail_type(SubmitState& s, const Given& use) {
  auto types = parse_mail_types(use.value);
  if (!types) return bad_value(use);
  s.job.spec.mail_type = *types;
  return {};
}

Outcome set_signal(SubmitState& s, const Given& use) {
  const auto request = parse_signal_request(use.value);
  if (!request) return bad_value(use);
  if (request->reservation) return unsupported(use, "no reservations (R:)");
  if (request->batch_only && s.command != Command::sbatch) return bad_value(use);
  s.job.spec.signal = request->signal;
  s.job.spec.signal_before = request->before;
  s.job.spec.signal_batch_only = request->batch_only;
  return {};
}

Outcome set_requeue(SubmitState& s, const Given& use) {
  const bool expedite = use.has_value && base::iequals(use.value, "expedite");
  if (use.has_value && !expedite) {
    // The variable is a switch too, as it is for flags.
    if (use.source != Source::environment) return bad_value(use);
    const Result<std::uint32_t> number = base::parse_u32(use.value);
    if (!base::iequals(use.value, "yes") && (!number || *number == 0)) return {};
  }
  s.job.spec.no_requeue = false;
  s.job.spec.requeue = true;
  s.job.spec.expedite_requeue = expedite;
  return {};
}

Outcome set_no_kill(SubmitState& s, const Given& use) {
  if (use.has_value && use.value != "off" && use.value != "set") return bad_value(use);
  s.job.spec.no_kill = use.value != "off";
  return {};
}

Outcome set_name(SubmitState& s, const Given& use) {
  // Inside an allocation SLURM_JOB_NAME is the job's name, not one for the step.
  const bool inherited = s.command == Command::srun && use.source == Source::environment &&
                         s.in->environment.has("SLURM_JOB_ID");
  if (inherited) return {};
  s.job.spec.name = use.value;
  s.name_given = true;
  return {};
}

constexpr SubmitRow kRows[] = {
    SubmitRow::valued("account", 'A', "<account>", "Charge the job to this account.")
        .on(kSubmit)
        .in(Group::job)
        .env("SBATCH_ACCOUNT", "SALLOC_ACCOUNT", "SLURM_ACCOUNT")
        .sets(text_to<&Request::account>),
    SubmitRow::valued("licenses", 'L', "<name>[:<count>][,...]",
                      "Licenses to hold while it runs; with | between them one of them suffices.")
        .on(kSubmit)
        .in(Group::job)
        .sets(text_to<&Request::licenses>),
    SubmitRow::valued("reservation", 0, "<name>[,...]",
                      "Run in this reservation, or in one of these.")
        .on(kSubmit)
        .in(Group::job)
        .env("SBATCH_RESERVATION", "SALLOC_RESERVATION", "SLURM_RESERVATION")
        .sets(text_to<&Request::reservation>),
    SubmitRow::valued("array", 'a', "<indexes>",
                      "Submit a job array: a list of task ids and ranges, as in 0-15:4,20%2; "
                      "what follows % limits how many tasks run at once.")
        .on(kSbatch)
        .in(Group::job)
        .env("SBATCH_ARRAY_INX")
        .sets(set_array),
    SubmitRow::valued("begin", 'b', "<time>",
                      "Don't start before this time: HH:MM, YYYY-MM-DD[THH:MM], now+1hour, ...")
        .on(kSubmit)
        .in(Group::timing)
        .sets(set_begin),
    SubmitRow::valued("comment", 0, "<text>", "An arbitrary comment, kept with the job.")
        .on(kSubmit)
        .in(Group::job)
        .sets(text_to<&JobSpec::comment>),
    SubmitRow::valued("deadline", 0, "<time>", "Remove the job if it can't end before this time.")
        .on(kSubmit)
        .in(Group::timing)
        .sets(set_deadline),
    SubmitRow::valued("dependency", 'd', "<type:job[:job...][,...]>",
                      "Wait for other jobs: after, afterany, afterok, afternotok, aftercorr, "
                      "singleton. All must hold (,) or any one (?).")
        .on(kSubmit)
        .in(Group::timing)
        .env("", "", "SLURM_DEPENDENCY")
        .sets(set_dependency),
    SubmitRow::valued("extra", 0, "<text>", "An arbitrary text, kept with the job.")
        .on(kSubmit)
        .in(Group::job)
        .sets(text_to<&JobSpec::extra>),
    SubmitRow::flag("hold", 'H', "Submit the job held; scontrol release lets it run.")
        .on(kSubmit)
        .in(Group::timing)
        .sets(on<&JobSpec::held>),
    SubmitRow::valued("job-name", 'J', "<name>", "Name of the job.")
        .on(kSubmit)
        .in(Group::job)
        .env("SBATCH_JOB_NAME", "", "SLURM_JOB_NAME")
        .sets(set_name),
    SubmitRow::valued("kill-on-invalid-dep", 0, "{yes|no}",
                      "Whether a job whose dependency can never be satisfied is cancelled.")
        .on(kSbatch)
        .in(Group::timing)
        .sets(set_kill_invalid),
    SubmitRow::valued("mail-type", 0, "<type>[,<type>...]",
                      "Send mail about these events: BEGIN, END, FAIL, REQUEUE, ALL, "
                      "INVALID_DEPEND, TIME_LIMIT, TIME_LIMIT_90, TIME_LIMIT_80, TIME_LIMIT_50, "
                      "ARRAY_TASKS, NONE.")
        .on(kSubmit)
        .in(Group::job)
        .sets(set_mail_type),
    SubmitRow::valued("mail-user", 0, "<address>",
                      "Who gets the mail; the submitting user if none.")
        .on(kSubmit)
        .in(Group::job)
        .sets(text_to<&JobSpec::mail_user>),
    SubmitRow::maybe("nice", 0, "<adjustment>",
                     "Lower the job's priority by this much (100 without a value); only "
                     "operators may raise it.")
        .on(kSubmit)
        .in(Group::timing)
        .sets(set_nice),
    SubmitRow::maybe("no-kill", 'k', "{off}", "Let the job go on when one of its nodes fails.")
        .on(kSubmit)
        .in(Group::job)
        .env("SBATCH_NO_KILL", "SALLOC_NO_KILL", "SLURM_NO_KILL")
        .sets(set_no_kill),
    SubmitRow::flag("no-requeue", 0, "Never run the job a second time.")
        .on(kSbatch)
        .in(Group::job)
        .env("SBATCH_NO_REQUEUE")
        .sets(on<&JobSpec::no_requeue>),
    SubmitRow::valued("partition", 'p', "<partition>[,...]",
                      "Run in this partition, or in the first of these that offers a start.")
        .on(kSubmit)
        .in(Group::job)
        .env("SBATCH_PARTITION", "SALLOC_PARTITION", "SLURM_PARTITION")
        .sets(text_to<&Request::partitions>),
    SubmitRow::valued("priority", 0, "<value>", "Set the job's priority (operators only).")
        .on(kSubmit)
        .in(Group::timing)
        .sets(set_priority),
    SubmitRow::valued(
        "qos", 'q', "<qos>[,...]",
        "Quality of service; of several the one of highest priority that lets the job "
        "start.")
        .on(kSubmit)
        .in(Group::job)
        .env("SBATCH_QOS", "SALLOC_QOS", "SLURM_QOS")
        .sets(text_to<&Request::qos>),
    SubmitRow::maybe("requeue", 0, "expedite",
                     "Let the job be run again after a node failure; with expedite, as the first "
                     "of all.")
        .on(kSbatch)
        .in(Group::job)
        .env("SBATCH_REQUEUE")
        .sets(set_requeue),
    SubmitRow::valued("signal", 0, "[B:]<signal>[@<seconds>]",
                      "Send a signal this long before the time limit (60 seconds without a "
                      "value); B: only to the batch script.")
        .on(kSubmit)
        .in(Group::timing)
        .env("SBATCH_SIGNAL", "SALLOC_SIGNAL", "SLURM_SIGNAL")
        .sets(set_signal),
    SubmitRow::valued("time", 't', "<time>",
                      "Time limit: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS; 0 for "
                      "none.")
        .on(kSubmit)
        .in(Group::timing)
        .env("SBATCH_TIMELIMIT", "SALLOC_TIMELIMIT", "SLURM_TIMELIMIT")
        .sets(set_time),
    SubmitRow::valued("time-min", 0, "<time>",
                      "The limit may be shortened to this if the job can start earlier so.")
        .on(kSubmit)
        .in(Group::timing)
        .sets(set_time_min),
    SubmitRow::valued("wckey", 0, "<key>", "Workload characterization key of the job.")
        .on(kSubmit)
        .in(Group::job)
        .env("SBATCH_WCKEY", "SALLOC_WCKEY", "SLURM_WCKEY")
        .sets(text_to<&JobSpec::wckey>),
};

}  // namespace

std::span<const SubmitRow> job_rows() { return kRows; }

}  // namespace sluice::opt
