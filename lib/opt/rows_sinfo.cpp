// sinfo's option table.
#include "opt/query_common.hpp"

namespace sluice::opt {
namespace {

using O = SinfoOptions;
using State = Query<O>;
using R = SinfoRow;

constexpr CommandMask kSinfo = mask_of(Command::sinfo);
constexpr Common<O> kCommon{kSinfo};

Outcome set_states(State& s, const Given& use) {
  auto states = parse_node_states(use.value);
  if (!states) {
    return query_error(fmt::format("Bad state string: \"{}\"\nvalid states: {}",
                                   states.error().text, node_state_names()));
  }
  s.options.states = std::move(*states);
  return {};
}

Outcome set_iterate(State& s, const Given& use) {
  const auto seconds = base::parse_u32(use.value);
  if (!seconds || *seconds == 0) {
    return query_error(fmt::format("Error: invalid entry for --iterate={}", use.value));
  }
  s.options.iterate = *seconds;
  return {};
}

constexpr R kRows[] = {
    R::flag("all", 'a', "Hidden partitions too.")
        .on(kSinfo)
        .in(Group::filter)
        .env("SINFO_ALL")
        .sets(To<&O::all>::on),
    kCommon.clusters(),
    R::flag("dead", 'd', "Only nodes that do not respond.")
        .on(kSinfo)
        .in(Group::filter)
        .sets(To<&O::dead>::on),
    R::flag("exact", 'e', "Put only nodes of the very same values on one line.")
        .on(kSinfo)
        .in(Group::format)
        .sets(To<&O::exact>::on),
    kCommon.federation("SINFO_FEDERATION"),
    R::valued("Format", 'O', "<field>[:[.]<width>][,...]", "What to print, by names of fields.")
        .on(kSinfo)
        .in(Group::format)
        .sets(set_long_format<O>),
    R::valued("format", 'o', "<format>", "What to print, by letters: \"%9P %.5a %.10l\".")
        .on(kSinfo)
        .in(Group::format)
        .env("SINFO_FORMAT")
        .sets(set_short_format<O>),
    R::flag("future", 'F', "Nodes in state FUTURE too.")
        .on(kSinfo)
        .in(Group::filter)
        .sets(To<&O::future>::on),
    R::flag("hide", 0, "No hidden partitions.").on(kSinfo).in(Group::filter).sets(To<&O::hide>::on),
    R::valued("iterate", 'i', "<seconds>", "Repeat the report at this interval.")
        .on(kSinfo)
        .in(Group::other)
        .sets(set_iterate),
    kCommon.json(),
    R::flag("list-reasons", 'R', "Why nodes are down, drained or failing.")
        .on(kSinfo)
        .in(Group::format)
        .sets(To<&O::list_reasons>::on),
    kCommon.local("SINFO_LOCAL"),
    R::flag("long", 'l', "More columns.").on(kSinfo).in(Group::format).sets(To<&O::long_form>::on),
    R::flag("noconvert", 0, "Print sizes in the unit in which they are kept.")
        .on(kSinfo)
        .in(Group::format)
        .sets(To<&O::no_convert>::on),
    R::flag("Node", 'N', "A line for each node and partition.")
        .on(kSinfo)
        .in(Group::format)
        .sets(To<&O::node_oriented>::on),
    R::valued("nodes", 'n', "<nodes>", "Only these nodes.")
        .on(kSinfo)
        .in(Group::filter)
        .sets(To<&O::nodes>::hosts),
    R::flag("noheader", 'h', "No header.").on(kSinfo).in(Group::format).sets(To<&O::no_header>::on),
    R::valued("partition", 'p', "<partition>[,...]", "Only these partitions.")
        .on(kSinfo)
        .in(Group::filter)
        .env("SINFO_PARTITION")
        .sets(To<&O::partitions>::list),
    R::flag("reservation", 'T', "Reservations instead of nodes.")
        .on(kSinfo)
        .in(Group::format)
        .sets(To<&O::reservations>::on),
    R::flag("responding", 'r', "Only nodes that respond.")
        .on(kSinfo)
        .in(Group::filter)
        .sets(To<&O::responding>::on),
    R::valued("sort", 'S', "<letters>", "The order: letters of --format, - before one for down.")
        .on(kSinfo)
        .in(Group::format)
        .env("SINFO_SORT")
        .sets(To<&O::sort>::text),
    R::valued("states", 't', "<state>[,...]",
              "Only nodes in one of these states (+ instead of a comma: in all; ~ before one: not "
              "in it).")
        .on(kSinfo)
        .in(Group::filter)
        .sets(set_states),
    R::flag("summarize", 's', "A line for each partition, without states.")
        .on(kSinfo)
        .in(Group::format)
        .sets(To<&O::summarize>::on),
    kCommon.verbose(""),
    kCommon.yaml(),
    kCommon.help(0),
    kCommon.usage(),
    kCommon.version(),
};

}  // namespace

std::span<const SinfoRow> sinfo_rows() { return kRows; }

// Slurm takes operands and forgets them; a word that does nothing is better told.
Parsed<SinfoOptions> parse_sinfo(const Invocation& invocation) {
  auto line = read_query<O>(Command::sinfo, invocation, sinfo_rows());
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  if (!line->operands.empty()) {
    return tl::unexpected<Stop>(stop_for(
        Command::sinfo, {fmt::format("Unrecognized option: {}", line->operands.front()), 1}));
  }
  settle_formats(line->state);
  return std::move(line->state.options);
}

}  // namespace sluice::opt
