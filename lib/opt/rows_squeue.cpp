// squeue's option table.
#include "opt/query_common.hpp"

namespace sluice::opt {
namespace {

using O = SqueueOptions;
using State = Query<O>;
using R = SqueueRow;

constexpr CommandMask kSqueue = mask_of(Command::squeue);
constexpr Common<O> kCommon{kSqueue};

Outcome set_jobs(State& s, const Given& use) {
  for (std::string_view word : base::split_nonempty(use.value, ',')) {
    auto ref = parse_job_ref(word);
    if (!ref || ref->step) return query_error(fmt::format("Invalid job id: {}", word));
    s.options.jobs.push_back(std::move(*ref));
  }
  return {};
}

Outcome set_steps(State& s, const Given& use) {
  s.options.show_steps = true;
  for (std::string_view word : base::split_nonempty(use.value, ',')) {
    auto ref = parse_job_ref(word);
    if (!ref) return query_error(fmt::format("Invalid job_step id: {}", word));
    s.options.steps.push_back(std::move(*ref));
  }
  return {};
}

Outcome set_states(State& s, const Given& use) {
  const auto states = parse_job_states(use.value);
  if (!states) {
    return query_error(fmt::format("Invalid job state specified: {}\nValid job states include: {}",
                                   states.error().text, job_state_names()));
  }
  s.options.states = *states;
  return {};
}

Outcome set_users(State& s, const Given& use) {
  for (std::string_view word : base::split_nonempty(use.value, ',')) {
    const auto uid = base::parse_user(std::string(word));
    if (!uid) s.options.warnings.push_back(fmt::format("Invalid user: {}", word));
    s.options.users.push_back(uid.value_or(model::kNoTask));
  }
  return {};
}

Outcome set_me(State& s, const Given&) {
  s.options.users = {s.in->uid};
  return {};
}

Outcome set_iterate(State& s, const Given& use) {
  const auto seconds = base::parse_u32(use.value);
  if (!seconds || *seconds == 0) return query_error(fmt::format("--iterate={}", use.value));
  s.options.iterate = *seconds;
  return {};
}

constexpr R kRows[] = {
    R::valued("account", 'A', "<account>[,...]", "Only jobs of these accounts.")
        .on(kSqueue)
        .in(Group::filter)
        .also("accounts")
        .env("SQUEUE_ACCOUNT")
        .sets(To<&O::accounts>::list),
    R::flag("all", 'a', "Jobs in hidden partitions too.")
        .on(kSqueue)
        .in(Group::filter)
        .env("SQUEUE_ALL")
        .sets(To<&O::all>::on),
    R::flag("array", 'r', "One line for each task of an array.")
        .on(kSqueue)
        .in(Group::format)
        .env("SQUEUE_ARRAY")
        .sets(To<&O::array>::on),
    R::flag("array-unique", 0, "One line for the pending tasks of an array.")
        .on(kSqueue)
        .in(Group::format)
        .env("SQUEUE_ARRAY_UNIQUE")
        .sets(To<&O::array_unique>::on),
    kCommon.clusters(),
    R::flag("expand-patterns", 0, "Show file names with their patterns filled in.")
        .on(kSqueue)
        .in(Group::format)
        .sets(To<&O::expand_patterns>::on),
    kCommon.federation("SQUEUE_FEDERATION"),
    R::valued("Format", 'O', "<field>[:[.]<width>][,...]", "What to print, by names of fields.")
        .on(kSqueue)
        .in(Group::format)
        .env("SQUEUE_FORMAT2")
        .sets(set_long_format<O>),
    R::valued("format", 'o', "<format>", "What to print, by letters: \"%.18i %.9P %.8j\".")
        .on(kSqueue)
        .in(Group::format)
        .env("SQUEUE_FORMAT")
        .sets(set_short_format<O>),
    R::flag("hide", 0, "No jobs in hidden partitions.")
        .on(kSqueue)
        .in(Group::filter)
        .sets(To<&O::hide>::on),
    R::valued("iterate", 'i', "<seconds>", "Repeat the report at this interval.")
        .on(kSqueue)
        .in(Group::other)
        .sets(set_iterate),
    R::maybe("jobs", 'j', "<job>[,...]", "Only these jobs.")
        .on(kSqueue)
        .in(Group::filter)
        .takes_next()
        .sets(set_jobs),
    kCommon.json(),
    R::valued("licenses", 'L', "<license>[,...]", "Only jobs that use these licenses.")
        .on(kSqueue)
        .in(Group::filter)
        .env("SQUEUE_LICENSES")
        .sets(To<&O::licenses>::list),
    kCommon.local("SQUEUE_LOCAL"),
    R::flag("long", 'l', "More columns.").on(kSqueue).in(Group::format).sets(To<&O::long_form>::on),
    R::flag("me", 0, "Only the caller's jobs.").on(kSqueue).in(Group::filter).sets(set_me),
    R::valued("name", 'n', "<name>[,...]", "Only jobs of these names.")
        .on(kSqueue)
        .in(Group::filter)
        .env("SQUEUE_NAMES")
        .sets(To<&O::names>::list),
    R::flag("noconvert", 0, "Print sizes in the unit in which they are kept.")
        .on(kSqueue)
        .in(Group::format)
        .sets(To<&O::no_convert>::on),
    R::valued("nodelist", 'w', "<nodes>", "Only jobs on these nodes.")
        .on(kSqueue)
        .in(Group::filter)
        .also("nodes", "node")
        .sets(To<&O::nodes>::hosts),
    R::flag("noheader", 'h', "No header.")
        .on(kSqueue)
        .in(Group::format)
        .sets(To<&O::no_header>::on),
    R::flag("notme", 0, "All jobs but the caller's.")
        .on(kSqueue)
        .in(Group::filter)
        .sets(To<&O::not_me>::on),
    R::flag("only-job-state", 0, "Ask for nothing but ids and states: the cheapest report.")
        .on(kSqueue)
        .in(Group::filter)
        .sets(To<&O::only_job_state>::on),
    R::valued("partition", 'p', "<partition>[,...]", "Only jobs in these partitions.")
        .on(kSqueue)
        .in(Group::filter)
        .also("partitions")
        .env("SQUEUE_PARTITION")
        .sets(To<&O::partitions>::list),
    R::flag("priority", 'P', "A pending job once for each partition that it asked for.")
        .on(kSqueue)
        .in(Group::format)
        .env("SQUEUE_PRIORITY")
        .sets(To<&O::priority>::on),
    R::valued("qos", 'q', "<qos>[,...]", "Only jobs of these qualities of service.")
        .on(kSqueue)
        .in(Group::filter)
        .env("SQUEUE_QOS")
        .sets(To<&O::qos>::list),
    R::valued("reservation", 'R', "<name>", "Only jobs in this reservation.")
        .on(kSqueue)
        .in(Group::filter)
        .sets(To<&O::reservation>::text),
    kCommon.sibling("SQUEUE_SIBLING"),
    R::valued("sort", 'S', "<letters>", "The order: letters of --format, - before one for down.")
        .on(kSqueue)
        .in(Group::format)
        .env("SQUEUE_SORT")
        .sets(To<&O::sort>::text),
    R::flag("start", 0, "When pending jobs are expected to start, and where.")
        .on(kSqueue)
        .in(Group::format)
        .sets(To<&O::start>::on),
    R::valued("states", 't', "<state>[,...]", "Only jobs in these states; all for any.")
        .on(kSqueue)
        .in(Group::filter)
        .also("state")
        .env("SQUEUE_STATES")
        .sets(set_states),
    R::maybe("steps", 's', "<step>[,...]", "Steps instead of jobs.")
        .on(kSqueue)
        .in(Group::filter)
        .takes_next()
        .sets(set_steps),
    R::valued("user", 'u', "<user>[,...]", "Only jobs of these users.")
        .on(kSqueue)
        .in(Group::filter)
        .also("users")
        .env("SQUEUE_USERS")
        .sets(set_users),
    kCommon.verbose(""),
    kCommon.yaml(),
    kCommon.help(0),
    kCommon.usage(),
    kCommon.version(),
};

}  // namespace

std::span<const SqueueRow> squeue_rows() { return kRows; }

Parsed<SqueueOptions> parse_squeue(const Invocation& invocation) {
  auto line = read_query<O>(Command::squeue, invocation, squeue_rows());
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  if (!line->operands.empty()) {
    Stop stop = stop_for(Command::squeue,
                         {fmt::format("Unrecognized option: {}", line->operands.front()), 1});
    stop.out = usage_text(Command::squeue);
    return tl::unexpected<Stop>(std::move(stop));
  }
  const State& state = line->state;
  const bool both =
      state.short_format == Source::command_line && state.long_format == Source::command_line;
  if (both) {
    return tl::unexpected<Stop>(
        stop_for(Command::squeue, {"-O (--Format) is incompatible with -o (--format)", 1}));
  }
  settle_formats(line->state);
  return std::move(line->state.options);
}

}  // namespace sluice::opt
