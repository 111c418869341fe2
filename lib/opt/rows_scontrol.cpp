// scontrol's global options. Its commands and their arguments are words, not options.
#include "opt/query_common.hpp"

namespace sluice::opt {
namespace {

using O = ScontrolOptions;
using State = Query<O>;
using R = ScontrolRow;

constexpr CommandMask kScontrol = mask_of(Command::scontrol);
constexpr Common<O> kCommon{kScontrol};

Outcome set_uid(State& s, const Given& use) {
  const auto uid = base::parse_user(use.value);
  if (!uid) return query_error(fmt::format("--uid=\"{}\" invalid", use.value));
  if (s.in->uid != 0) return query_error("--uid only permitted by root user");
  s.options.run_as_uid = *uid;
  return {};
}

constexpr R kRows[] = {
    R::flag("all", 'a', "Hidden partitions and their jobs too.")
        .on(kScontrol)
        .in(Group::filter)
        .env("SCONTROL_ALL")
        .sets(To<&O::all>::on),
    kCommon.clusters(),
    R::flag("details", 'd', "More about each job and node.")
        .on(kScontrol)
        .in(Group::format)
        .sets(To<&O::details>::on),
    kCommon.federation("SCONTROL_FEDERATION"),
    R::flag("future", 'F', "Nodes in state FUTURE too.")
        .on(kScontrol)
        .in(Group::filter)
        .env("SCONTROL_FUTURE")
        .sets(To<&O::future>::on),
    R::flag("hide", 0, "No hidden partitions.")
        .on(kScontrol)
        .in(Group::filter)
        .sets(To<&O::hide>::on),
    kCommon.json(),
    kCommon.local("SCONTROL_LOCAL"),
    R::flag("oneliner", 'o', "One line for each record.")
        .on(kScontrol)
        .in(Group::format)
        .sets(To<&O::one_line>::on),
    R::flag("quiet", 'Q', "No messages but errors.")
        .on(kScontrol)
        .in(Group::other)
        .sets(To<&O::quiet>::on),
    kCommon.sibling("SCONTROL_SIBLING"),
    R::valued("uid", 'u', "<user>", "Update as this user (root only).")
        .on(kScontrol)
        .in(Group::other)
        .sets(set_uid),
    kCommon.verbose(""),
    kCommon.yaml(),
    kCommon.help('h'),
    kCommon.usage(),
    kCommon.version(),
};

}  // namespace

std::span<const ScontrolRow> scontrol_rows() { return kRows; }

Parsed<ScontrolOptions> parse_scontrol(const Invocation& invocation) {
  auto line = read_query<O>(Command::scontrol, invocation, scontrol_rows());
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  ScontrolOptions options = std::move(line->state.options);
  options.words = std::move(line->operands);
  return options;
}

}  // namespace sluice::opt
