// sstat's option table.
#include "opt/query_common.hpp"

namespace sluice::opt {
namespace {

using O = SstatOptions;
using State = Query<O>;
using R = SstatRow;

constexpr CommandMask kSstat = mask_of(Command::sstat);
constexpr Common<O> kCommon{kSstat};

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

// Given again, the fields add up.
Outcome set_format(State& s, const Given& use) {
  if (!s.options.format.empty()) s.options.format += ',';
  s.options.format += use.value;
  return {};
}

constexpr R kRows[] = {
    R::flag("allsteps", 'a', "All steps of jobs given without a step, not just the first.")
        .on(kSstat)
        .in(Group::filter)
        .sets(To<&O::all_steps>::on),
    R::valued("format", 'o', "<field>[%[-]<width>][,...]", "What to print.")
        .on(kSstat)
        .in(Group::format)
        .also("fields")
        .sets(set_format),
    R::flag("helpformat", 'e', "List the fields.")
        .on(kSstat)
        .in(Group::format)
        .sets(To<&O::help_format>::on),
    R::valued("jobs", 'j', "<job>[.<step>][,...]", "These jobs or steps. Required.")
        .on(kSstat)
        .in(Group::filter)
        .sets(set_jobs),
    R::flag("noconvert", 0, "Print sizes in bytes.")
        .on(kSstat)
        .in(Group::format)
        .sets(To<&O::no_convert>::on),
    R::flag("noheader", 'n', "No header.").on(kSstat).in(Group::format).sets(To<&O::no_header>::on),
    R::flag("parsable", 'p', "Fields separated by |, one at the end too.")
        .on(kSstat)
        .in(Group::format)
        .sets(To<&O::parsable>::on),
    R::flag("parsable2", 'P', "Fields separated by |, none at the end.")
        .on(kSstat)
        .in(Group::format)
        .sets(To<&O::parsable2>::on),
    R::flag("pidformat", 'i', "Print JobID, Nodelist and Pids: the processes of each step.")
        .on(kSstat)
        .in(Group::format)
        .sets(To<&O::pids>::on),
    kCommon.verbose(""),
    kCommon.help('h'),
    kCommon.usage(),
    kCommon.version(),
};

}  // namespace

std::span<const SstatRow> sstat_rows() { return kRows; }

// Words that are no options say nothing, as with Slurm.
Parsed<SstatOptions> parse_sstat(const Invocation& invocation) {
  auto line = read_query<O>(Command::sstat, invocation, sstat_rows());
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  O options = std::move(line->state.options);
  if (options.jobs.empty() && !options.help_format) {
    return tl::unexpected<Stop>(
        stop_for(Command::sstat, {"You didn't give me any jobs to stat.", 1}));
  }
  return options;
}

}  // namespace sluice::opt
