// sacct's option table.
#include <algorithm>

#include "base/duration.hpp"
#include "base/timetext.hpp"
#include "opt/query_common.hpp"

namespace sluice::opt {
namespace {

using O = SacctOptions;
using State = Query<O>;
using R = SacctRow;

constexpr CommandMask kSacct = mask_of(Command::sacct);
constexpr Common<O> kCommon{kSacct};

Outcome set_jobs(State& s, const Given& use) {
  for (std::string_view word : base::split_nonempty(use.value, ',')) {
    auto ref = parse_job_ref(base::trim(word));
    if (!ref) {
      return query_error(fmt::format("Bad job/step specified: {}", word), Severity::fatal);
    }
    s.options.jobs.push_back(std::move(*ref));
  }
  return {};
}

Outcome set_states(State& s, const Given& use) {
  const auto states = parse_job_states(use.value);
  if (!states) {
    return query_error(fmt::format("unrecognized job state value '{}'", states.error().text),
                       Severity::fatal);
  }
  s.options.states = *states;
  return {};
}

Outcome set_users(State& s, const Given& use) {
  auto users = parse_users(use.value);
  if (!users) return query_error(fmt::format("Invalid user id: {}", users.error().text));
  s.options.users.insert(s.options.users.end(), users->begin(), users->end());
  return {};
}

Outcome set_groups(State& s, const Given& use) {
  for (std::string_view word : base::split_nonempty(use.value, ',')) {
    const auto gid = base::parse_group(std::string(word));
    if (!gid) return query_error(fmt::format("Invalid group id: {}", word));
    s.options.groups.push_back(*gid);
  }
  return {};
}

Outcome set_associations(State& s, const Given& use) {
  for (std::string_view word : base::split_nonempty(use.value, ',')) {
    const auto id = base::parse_u32(base::trim(word));
    if (!id) return query_error(fmt::format("Invalid association id: {}", word));
    s.options.associations.push_back(*id);
  }
  return {};
}

Outcome set_flags(State& s, const Given& use) {
  constexpr std::string_view kKnown[] = {"schedsubmit", "schedmain", "schedbackfill",
                                         "startreceived"};
  for (std::string_view word : base::split_nonempty(use.value, ',')) {
    std::string flag = base::to_lower(base::trim(word));
    if (std::ranges::find(kKnown, flag) == std::end(kKnown)) {
      return query_error(fmt::format("Invalid job flag {}", word), Severity::fatal);
    }
    s.options.flags.push_back(std::move(flag));
  }
  return {};
}

template <auto Member>
Outcome set_time(State& s, const Given& use) {
  const auto when = base::parse_time(use.value, s.in->now, base::TimeOfDay::today);
  if (!when) {
    return query_error(when.error().text, Severity::bare);
  }
  s.options.*Member = *when;
  return {};
}

struct Range {
  std::uint32_t min = 0;
  std::uint32_t max = 0;
};
Result<Range> parse_range(std::string_view text) {
  const base::Cut ends = base::cut(text, '-');
  const auto low = base::parse_u32(ends.before);
  const auto high = ends.found ? base::parse_u32(ends.after) : low;
  if (!low || !high || *low > *high) return fail(ErrorCode::invalid_argument, "");
  return Range{*low, *high};
}

Outcome set_cpus(State& s, const Given& use) {
  const auto range = parse_range(use.value);
  if (!range) {
    return query_error(
        fmt::format("Invalid numeric value \"{}\" for requested cpu range.", use.value));
  }
  s.options.min_cpus = range->min;
  s.options.max_cpus = range->max;
  return {};
}

Outcome set_nodes_range(State& s, const Given& use) {
  const auto range = parse_range(use.value);
  if (!range) {
    return query_error(
        fmt::format("Invalid numeric value \"{}\" for requested node range.", use.value));
  }
  s.options.min_nodes = range->min;
  s.options.max_nodes = range->max;
  return {};
}

template <auto Member>
Outcome set_minutes(State& s, const Given& use) {
  const auto seconds = base::parse_duration(use.value);
  if (!seconds) return query_error("Invalid time limit specification", Severity::fatal);
  s.options.*Member = *seconds == base::kUnlimited
                          ? model::kUnlimited
                          : static_cast<std::uint32_t>(base::to_minutes_up(*seconds));
  return {};
}

// Given again, the fields add up.
Outcome set_format(State& s, const Given& use) {
  if (!s.options.format.empty()) s.options.format += ',';
  s.options.format += use.value;
  return {};
}

Outcome set_units(State& s, const Given& use) {
  const bool known = use.value.size() == 1 &&
                     std::string_view("KMGTPkmgtp").find(use.value[0]) != std::string_view::npos;
  if (!known) {
    return tl::unexpected<Complaint>(
        Complaint{fmt::format("sacct: error: Invalid unit type '{}'. Possible options are 'KMGTP'\n"
                              "sacct: fatal: Invalid unit type",
                              use.value),
                  1, Severity::bare});
  }
  s.options.units = base::to_upper(use.value)[0];
  return {};
}

Outcome set_whole(State& s, const Given& use) {
  const bool known =
      !use.has_value || base::iequals(use.value, "yes") || base::iequals(use.value, "no");
  s.options.whole_hetjob = !use.has_value || base::iequals(use.value, "yes");
  if (known) return {};
  return query_error(
      fmt::format("Invalid --whole-hetjob value \"{}\". Valid values: [yes|no].", use.value));
}

constexpr R kRows[] = {
    R::valued("accounts", 'A', "<account>[,...]", "Only jobs of these accounts.")
        .on(kSacct)
        .in(Group::filter)
        .sets(To<&O::accounts>::list),
    R::flag("allclusters", 'L', "All clusters: this one.")
        .on(kSacct)
        .in(Group::filter)
        .sets(holds_alone<O>),
    R::flag("allocations", 'X', "Jobs without their steps.")
        .on(kSacct)
        .in(Group::filter)
        .sets(To<&O::allocations>::on),
    R::flag("allusers", 'a', "Jobs of all users.")
        .on(kSacct)
        .in(Group::filter)
        .sets(To<&O::all_users>::on),
    R::flag("array", 0, "The pending tasks of an array one by one.")
        .on(kSacct)
        .in(Group::format)
        .sets(To<&O::array>::on),
    R::valued("associations", 'x', "<id>[,...]", "Only jobs of these associations.")
        .on(kSacct)
        .in(Group::filter)
        .sets(set_associations),
    R::flag("batch-script", 'B', "Print the script of the job.")
        .on(kSacct)
        .in(Group::format)
        .sets(To<&O::batch_script>::on),
    R::flag("brief", 'b', "JobID, State and ExitCode.")
        .on(kSacct)
        .in(Group::format)
        .sets(To<&O::brief>::on),
    kCommon.clusters(),
    R::flag("completion", 'c', "").on(kSacct).refused("there is one record of jobs, and no other"),
    R::valued("constraints", 'C', "<feature>[,...]", "Only jobs that asked for these features.")
        .on(kSacct)
        .in(Group::filter)
        .sets(To<&O::constraints>::list),
    R::valued("delimiter", 0, "<text>", "What separates fields with -p and -P.")
        .on(kSacct)
        .in(Group::format)
        .sets(To<&O::delimiter>::text),
    R::flag("duplicates", 'D', "All attempts of requeued jobs.")
        .on(kSacct)
        .in(Group::filter)
        .sets(To<&O::duplicates>::on),
    R::valued("endtime", 'E', "<time>", "Only jobs before this time.")
        .on(kSacct)
        .in(Group::filter)
        .sets(set_time<&O::end>),
    R::flag("env-vars", 0, "Print the environment of the batch script.")
        .on(kSacct)
        .in(Group::format)
        .sets(To<&O::env_vars>::on),
    R::flag("expand-patterns", 0, "Show file names with their patterns filled in.")
        .on(kSacct)
        .in(Group::format)
        .sets(To<&O::expand_patterns>::on),
    kCommon.federation("SACCT_FEDERATION"),
    R::valued("file", 'f', "<file>", "").on(kSacct).refused("accounting is kept in the store"),
    R::valued("flags", 'F', "<flag>[,...]",
              "Only jobs with one of these flags: SchedMain, StartReceived; SchedSubmit and "
              "SchedBackfill, which no job has.")
        .on(kSacct)
        .in(Group::filter)
        .sets(set_flags),
    R::valued("format", 'o', "<field>[%[-]<width>][,...]", "What to print.")
        .on(kSacct)
        .in(Group::format)
        .also("fields")
        .env("SACCT_FORMAT")
        .sets(set_format),
    R::valued("gid", 'g', "<group>[,...]", "Only jobs of these groups.")
        .on(kSacct)
        .in(Group::filter)
        .also("group")
        .sets(set_groups),
    R::flag("helpformat", 'e', "List the fields.")
        .on(kSacct)
        .in(Group::format)
        .sets(To<&O::help_format>::on),
    R::valued("jobs", 'j', "<job>[.<step>][,...]", "Only these jobs or steps.")
        .on(kSacct)
        .in(Group::filter)
        .sets(set_jobs),
    kCommon.json(),
    kCommon.local("SACCT_LOCAL"),
    R::flag("long", 'l', "All the usual fields.")
        .on(kSacct)
        .in(Group::format)
        .sets(To<&O::long_form>::on),
    R::valued("name", 0, "<name>[,...]", "Only jobs of these names.")
        .on(kSacct)
        .in(Group::filter)
        .sets(To<&O::names>::list),
    R::valued("ncpus", 'I', "<min>[-<max>]", "Only jobs with so many CPUs.")
        .on(kSacct)
        .in(Group::filter)
        .sets(set_cpus),
    R::valued("nnodes", 'i', "<min>[-<max>]", "Only jobs on so many nodes.")
        .on(kSacct)
        .in(Group::filter)
        .sets(set_nodes_range),
    R::flag("noconvert", 0, "Print sizes in the unit in which they are kept.")
        .on(kSacct)
        .in(Group::format)
        .sets(To<&O::no_convert>::on),
    R::valued("nodelist", 'N', "<nodes>", "Only jobs that ran on these nodes.")
        .on(kSacct)
        .in(Group::filter)
        .sets(To<&O::nodes>::hosts),
    R::flag("noheader", 'n', "No header.").on(kSacct).in(Group::format).sets(To<&O::no_header>::on),
    R::flag("parsable", 'p', "Fields separated by |, one at the end too.")
        .on(kSacct)
        .in(Group::format)
        .sets(To<&O::parsable>::on),
    R::flag("parsable2", 'P', "Fields separated by |, none at the end.")
        .on(kSacct)
        .in(Group::format)
        .sets(To<&O::parsable2>::on),
    R::valued("partition", 'r', "<partition>[,...]", "Only jobs in these partitions.")
        .on(kSacct)
        .in(Group::filter)
        .sets(To<&O::partitions>::list),
    R::valued("qos", 'q', "<qos>[,...]", "Only jobs of these qualities of service.")
        .on(kSacct)
        .in(Group::filter)
        .sets(To<&O::qos>::list),
    R::valued("reason", 'R', "<reason>[,...]", "Only jobs that waited for these reasons.")
        .on(kSacct)
        .in(Group::filter)
        .sets(To<&O::reasons>::list),
    R::valued("starttime", 'S', "<time>", "Only jobs after this time.")
        .on(kSacct)
        .in(Group::filter)
        .sets(set_time<&O::start>),
    R::valued("state", 's', "<state>[,...]", "Only jobs that were in these states then.")
        .on(kSacct)
        .in(Group::filter)
        .sets(set_states),
    R::valued("timelimit-max", 'K', "<time>", "With -k: only limits up to this.")
        .on(kSacct)
        .in(Group::filter)
        .sets(set_minutes<&O::timelimit_max>),
    R::valued("timelimit-min", 'k', "<time>", "Only jobs of this time limit, or with -K from it.")
        .on(kSacct)
        .in(Group::filter)
        .sets(set_minutes<&O::timelimit_min>),
    R::flag("truncate", 'T', "Cut start and end to the times of -S and -E.")
        .on(kSacct)
        .in(Group::format)
        .sets(To<&O::truncate>::on),
    R::valued("uid", 'u', "<user>[,...]", "Only jobs of these users.")
        .on(kSacct)
        .in(Group::filter)
        .also("user")
        .sets(set_users),
    R::valued("units", 0, "{K|M|G|T|P}", "Print sizes in this unit.")
        .on(kSacct)
        .in(Group::format)
        .sets(set_units),
    R::flag("use-local-uid", 0, "Look users up on this host. It is always so.")
        .on(kSacct)
        .in(Group::format)
        .sets(holds_alone<O>),
    kCommon.verbose(""),
    R::valued("wckeys", 'W', "<key>[,...]", "Only jobs of these workload characterization keys.")
        .on(kSacct)
        .in(Group::filter)
        .sets(To<&O::wckeys>::list),
    R::maybe("whole-hetjob", 0, "{yes|no}",
             "With -j: all components of a heterogeneous job, or only those named.")
        .on(kSacct)
        .in(Group::filter)
        .sets(set_whole),
    kCommon.yaml(),
    kCommon.help('h'),
    kCommon.usage(),
    kCommon.version(),
};

}  // namespace

std::span<const SacctRow> sacct_rows() { return kRows; }

Parsed<SacctOptions> parse_sacct(const Invocation& invocation) {
  auto line = read_query<O>(Command::sacct, invocation, sacct_rows());
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  if (!line->operands.empty()) {
    std::string text = "Unknown arguments:";
    for (const std::string& word : line->operands) text += "\n " + word;
    return tl::unexpected<Stop>(stop_for(Command::sacct, {text, 1}));
  }
  return std::move(line->state.options);
}

}  // namespace sluice::opt
