// scancel's option table.
#include "opt/query_common.hpp"
#include "opt/values.hpp"

namespace sluice::opt {
namespace {

using O = ScancelOptions;
using State = Query<O>;
using R = ScancelRow;

constexpr CommandMask kScancel = mask_of(Command::scancel);
constexpr Common<O> kCommon{kScancel};

Outcome set_states(State& s, const Given& use) {
  const auto states = parse_job_states(use.value);
  const JobStates allowed = *parse_job_states("PENDING,RUNNING,SUSPENDED");
  const bool known =
      states && states->flags == 0 && !states->all && (states->states & ~allowed.states) == 0;
  if (!known) {
    return query_error(fmt::format("Invalid job state specified: {}\n"
                                   "Valid job states are PENDING, RUNNING, and SUSPENDED",
                                   use.value),
                       Severity::bare);
  }
  s.options.states = *states;
  return {};
}

Outcome set_user(State& s, const Given& use) {
  const auto uid = base::parse_user(use.value);
  if (!uid) return query_error(fmt::format("Invalid user name: {}", use.value));
  s.options.user = *uid;
  return {};
}

Outcome set_me(State& s, const Given&) {
  s.options.user = s.in->uid;
  return {};
}

Outcome set_signal(State& s, const Given& use) {
  const auto number = parse_signal_name(use.value);
  if (!number) {
    return query_error(fmt::format("Unknown job signal: {}", use.value), Severity::bare);
  }
  s.options.signal = *number;
  return {};
}

constexpr R kRows[] = {
    R::valued("account", 'A', "<account>", "Only jobs of this account.")
        .on(kScancel)
        .in(Group::filter)
        .env("SCANCEL_ACCOUNT")
        .sets(To<&O::account>::text),
    R::valued("admin-comment", 0, "<text>", "Set the jobs' admin comment too (operators only).")
        .on(kScancel)
        .in(Group::other)
        .sets(To<&O::admin_comment>::text),
    R::flag("batch", 'b', "Signal the batch script alone.")
        .on(kScancel)
        .in(Group::other)
        .env("SCANCEL_BATCH")
        .sets(To<&O::batch>::on),
    kCommon.clusters(),
    R::flag("cron", 0, "").on(kScancel).refused("there are no scrontab jobs"),
    R::flag("ctld", 0, "Let the controller signal. It always does.")
        .on(kScancel)
        .in(Group::other)
        .env("SCANCEL_CTLD")
        .sets(To<&O::controller>::on),
    R::flag("full", 'f', "Signal the batch script, what it started, and all steps.")
        .on(kScancel)
        .in(Group::other)
        .env("SCANCEL_FULL")
        .sets(To<&O::full>::on),
    R::flag("hurry", 'H', "Skip the stage-out of burst buffers. There is none.")
        .on(kScancel)
        .in(Group::other)
        .env("SCANCEL_HURRY")
        .sets(To<&O::hurry>::on),
    R::flag("interactive", 'i', "Ask before each.")
        .on(kScancel)
        .in(Group::other)
        .env("SCANCEL_INTERACTIVE")
        .sets(To<&O::interactive>::on),
    R::valued("jobname", 'n', "<name>", "Only jobs of this name.")
        .on(kScancel)
        .in(Group::filter)
        .also("name")
        .env("SCANCEL_NAME")
        .sets(To<&O::name>::text),
    R::flag("me", 0, "Only the caller's jobs.").on(kScancel).in(Group::filter).sets(set_me),
    R::valued("nodelist", 'w', "<nodes>", "Only jobs on these nodes.")
        .on(kScancel)
        .in(Group::filter)
        .sets(To<&O::nodes>::hosts),
    R::valued("partition", 'p', "<partition>", "Only jobs in this partition.")
        .on(kScancel)
        .in(Group::filter)
        .env("SCANCEL_PARTITION")
        .sets(To<&O::partition>::text),
    R::valued("qos", 'q', "<qos>", "Only jobs of this quality of service.")
        .on(kScancel)
        .in(Group::filter)
        .env("SCANCEL_QOS")
        .sets(To<&O::qos>::text),
    R::flag("quiet", 'Q', "No message about jobs that have ended already.")
        .on(kScancel)
        .in(Group::other)
        .sets(To<&O::quiet>::on),
    R::valued("reservation", 'R', "<name>", "Only jobs in this reservation.")
        .on(kScancel)
        .in(Group::filter)
        .sets(To<&O::reservation>::text),
    R::valued("sibling", 0, "<cluster>", "").on(kScancel).refused("no federation"),
    R::valued("signal", 's', "<signal>", "Send this signal instead of ending the job.")
        .on(kScancel)
        .in(Group::other)
        .sets(set_signal),
    R::valued("state", 't', "{PENDING|RUNNING|SUSPENDED}", "Only jobs in this state.")
        .on(kScancel)
        .in(Group::filter)
        .also("states")
        .env("SCANCEL_STATE")
        .sets(set_states),
    R::valued("user", 'u', "<user>", "Only jobs of this user.")
        .on(kScancel)
        .in(Group::filter)
        .env("SCANCEL_USER")
        .sets(set_user),
    kCommon.verbose("SCANCEL_VERBOSE"),
    R::valued("wckey", 0, "<key>", "Only jobs of this workload characterization key.")
        .on(kScancel)
        .in(Group::filter)
        .env("SCANCEL_WCKEY")
        .sets(To<&O::wckey>::text),
    kCommon.help(0),
    kCommon.usage(),
    kCommon.version(),
};

Result<std::vector<JobRef>> parse_jobs(const std::vector<std::string>& words) {
  std::vector<JobRef> jobs;
  for (const std::string& word : words) {
    // Commas separate jobs, but not inside an array's brackets.
    std::size_t depth = 0;
    std::string piece;
    std::vector<std::string> pieces;
    for (char c : word) {
      if (c == '[') ++depth;
      if (c == ']' && depth > 0) --depth;
      if (c == ',' && depth == 0)
        pieces.push_back(std::exchange(piece, {}));
      else
        piece += c;
    }
    pieces.push_back(std::move(piece));
    for (const std::string& text : pieces) {
      if (text.empty() && !word.empty()) continue;
      auto ref = parse_job_ref(text);
      if (!ref) return fail(ErrorCode::invalid_job_id, fmt::format("Invalid job id {}", word));
      jobs.push_back(std::move(*ref));
    }
  }
  return jobs;
}

}  // namespace

std::span<const ScancelRow> scancel_rows() { return kRows; }

bool ScancelOptions::has_filter() const {
  return !account.empty() || !name.empty() || !partition.empty() || !qos.empty() ||
         !reservation.empty() || !wckey.empty() || !nodes.empty() || states.given() ||
         user.has_value();
}

Parsed<ScancelOptions> parse_scancel(const Invocation& invocation) {
  auto line = read_query<O>(Command::scancel, invocation, scancel_rows());
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  ScancelOptions options = std::move(line->state.options);
  auto jobs = parse_jobs(line->operands);
  if (!jobs) return tl::unexpected<Stop>(stop_for(Command::scancel, {jobs.error().text, 1}));
  options.jobs = std::move(*jobs);
  if (options.jobs.empty() && !options.has_filter()) {
    return tl::unexpected<Stop>(stop_for(Command::scancel, {"No job identification provided", 1}));
  }
  return options;
}

}  // namespace sluice::opt
