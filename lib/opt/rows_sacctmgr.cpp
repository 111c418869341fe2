// sacctmgr's global options. Its commands and their specifications are words, not options.
#include "opt/query_common.hpp"

namespace sluice::opt {
namespace {

using O = SacctmgrOptions;
using R = SacctmgrRow;

constexpr CommandMask kSacctmgr = mask_of(Command::sacctmgr);
constexpr Common<O> kCommon{kSacctmgr};

constexpr R kRows[] = {
    R::flag("associations", 's', "List the associations of accounts and users as well.")
        .on(kSacctmgr)
        .in(Group::filter)
        .sets(To<&O::associations>::on),
    R::flag("immediate", 'i', "Make changes without asking.")
        .on(kSacctmgr)
        .in(Group::other)
        .sets(To<&O::immediate>::on),
    R::flag("noheader", 'n', "No header.")
        .on(kSacctmgr)
        .in(Group::format)
        .sets(To<&O::no_header>::on),
    R::flag("oneliner", 'o', "One line for each record, as always.")
        .on(kSacctmgr)
        .in(Group::format)
        .sets(holds_alone<O>),
    R::flag("parsable", 'p', "Fields separated by |, one at the end too.")
        .on(kSacctmgr)
        .in(Group::format)
        .sets(To<&O::parsable>::on),
    R::flag("parsable2", 'P', "Fields separated by |, none at the end.")
        .on(kSacctmgr)
        .in(Group::format)
        .sets(To<&O::parsable2>::on),
    R::flag("quiet", 'Q', "No messages but errors.")
        .on(kSacctmgr)
        .in(Group::other)
        .sets(To<&O::quiet>::on),
    R::flag("readonly", 'r', "Refuse every change.")
        .on(kSacctmgr)
        .in(Group::other)
        .sets(To<&O::read_only>::on),
    kCommon.verbose(""),
    kCommon.help('h'),
    kCommon.usage(),
    kCommon.version(),
};

}  // namespace

std::span<const SacctmgrRow> sacctmgr_rows() { return kRows; }

Parsed<SacctmgrOptions> parse_sacctmgr(const Invocation& invocation) {
  auto line = read_query<O>(Command::sacctmgr, invocation, sacctmgr_rows());
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  O options = std::move(line->state.options);
  options.words = std::move(line->operands);
  return options;
}

}  // namespace sluice::opt
