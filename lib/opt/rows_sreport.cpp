// sreport's global options. Its reports and their conditions are words, not options.
#include "opt/query_common.hpp"

namespace sluice::opt {
namespace {

using O = SreportOptions;
using R = SreportRow;

constexpr CommandMask kSreport = mask_of(Command::sreport);
constexpr Common<O> kCommon{kSreport};

constexpr R kRows[] = {
    R::flag("all_clusters", 'a', "All clusters: this one.")
        .on(kSreport)
        .in(Group::filter)
        .sets(holds_alone<O>),
    R::valued("cluster", 'M', "<name>", "The cluster to report on: this one.")
        .on(kSreport)
        .in(Group::filter)
        .also("clusters")
        .env("SREPORT_CLUSTER")
        .sets(To<&O::clusters>::text),
    kCommon.federation("SREPORT_FEDERATION"),
    kCommon.local("SREPORT_LOCAL"),
    R::flag("noheader", 'n', "No header.")
        .on(kSreport)
        .in(Group::format)
        .sets(To<&O::no_header>::on),
    R::flag("parsable", 'p', "Fields separated by |, one at the end too.")
        .on(kSreport)
        .in(Group::format)
        .sets(To<&O::parsable>::on),
    R::flag("parsable2", 'P', "Fields separated by |, none at the end.")
        .on(kSreport)
        .in(Group::format)
        .sets(To<&O::parsable2>::on),
    R::flag("quiet", 'Q', "No messages but errors.")
        .on(kSreport)
        .in(Group::other)
        .sets(To<&O::quiet>::on),
    R::valued("time", 't', "<unit>", "Seconds, Minutes, Hours, Percent, SecPer, MinPer or HourPer.")
        .on(kSreport)
        .in(Group::format)
        .sets(To<&O::time_format>::text),
    R::valued("tres", 'T', "<tres>[,...]", "What to report on, or ALL; CPUs unless told.")
        .on(kSreport)
        .in(Group::format)
        .env("SREPORT_TRES")
        .sets(To<&O::tres>::text),
    kCommon.verbose(""),
    kCommon.help('h'),
    kCommon.usage(),
    kCommon.version(),
};

}  // namespace

std::span<const SreportRow> sreport_rows() { return kRows; }

Parsed<SreportOptions> parse_sreport(const Invocation& invocation) {
  auto line = read_query<O>(Command::sreport, invocation, sreport_rows());
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  O options = std::move(line->state.options);
  options.words = std::move(line->operands);
  return options;
}

}  // namespace sluice::opt
