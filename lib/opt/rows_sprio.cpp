// sprio's option table.
#include "base/quantity.hpp"
#include "opt/query_common.hpp"

namespace sluice::opt {
namespace {

using O = SprioOptions;
using State = Query<O>;
using R = SprioRow;

constexpr CommandMask kSprio = mask_of(Command::sprio);
constexpr Common<O> kCommon{kSprio};

Outcome set_jobs(State& s, const Given& use) {
  for (std::string_view word : base::split_nonempty(use.value, ',')) {
    const auto id = base::parse_u32(base::trim(word));
    if (!id || *id == 0) return query_error(fmt::format("Invalid job id: {}", word));
    s.options.jobs.push_back(*id);
  }
  return {};
}

constexpr R kRows[] = {
    kCommon.clusters(),
    kCommon.federation("SPRIO_FEDERATION"),
    R::valued("format", 'o', "<format>", "What to print: %[.][<width>]<letter>.")
        .on(kSprio)
        .in(Group::format)
        .env("SPRIO_FORMAT")
        .sets(To<&O::format>::text),
    R::maybe("jobs", 'j', "<job>[,...]", "These jobs.")
        .on(kSprio)
        .in(Group::filter)
        .also("job")
        .takes_next()
        .sets(set_jobs),
    kCommon.local("SPRIO_LOCAL"),
    R::flag("long", 'l', "All factors.").on(kSprio).in(Group::format).sets(To<&O::long_form>::on),
    R::flag("noheader", 'h', "No header.").on(kSprio).in(Group::format).sets(To<&O::no_header>::on),
    R::flag("norm", 'n', "The factors between 0 and 1, without their weights.")
        .on(kSprio)
        .in(Group::format)
        .sets(To<&O::normalized>::on),
    R::valued("partition", 'p', "<partition>[,...]", "Jobs of these partitions.")
        .on(kSprio)
        .in(Group::filter)
        .sets(To<&O::partitions>::list),
    kCommon.sibling("SPRIO_SIBLING"),
    R::valued("sort", 'S', "<sort>", "In this order: letters of --format, each with + or -.")
        .on(kSprio)
        .in(Group::format)
        .sets(To<&O::sort>::text),
    R::valued("user", 'u', "<user>[,...]", "Jobs of these users.")
        .on(kSprio)
        .in(Group::filter)
        .also("users")
        .sets(To<&O::users>::list),
    kCommon.verbose(""),
    R::flag("weights", 'w', "The weights of the factors instead of jobs.")
        .on(kSprio)
        .in(Group::format)
        .sets(To<&O::weights>::on),
    kCommon.help(0),
    kCommon.usage(),
    kCommon.version(),
};

}  // namespace

std::span<const SprioRow> sprio_rows() { return kRows; }

Parsed<SprioOptions> parse_sprio(const Invocation& invocation) {
  auto line = read_query<O>(Command::sprio, invocation, sprio_rows());
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  if (!line->operands.empty()) {
    return tl::unexpected<Stop>(
        stop_for(Command::sprio, {"Unrecognized option: " + line->operands.front(), 1}));
  }
  return std::move(line->state.options);
}

}  // namespace sluice::opt
