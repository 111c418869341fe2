// sshare's option table.
#include "opt/query_common.hpp"

namespace sluice::opt {
namespace {

using O = SshareOptions;
using R = SshareRow;

constexpr CommandMask kSshare = mask_of(Command::sshare);
constexpr Common<O> kCommon{kSshare};

constexpr R kRows[] = {
    R::valued("accounts", 'A', "<account>[,...]", "These accounts.")
        .on(kSshare)
        .in(Group::filter)
        .sets(To<&O::accounts>::list),
    R::flag("all", 'a', "All users; without it, the one who asks.")
        .on(kSshare)
        .in(Group::filter)
        .sets(To<&O::all>::on),
    kCommon.clusters(),
    R::valued("format", 'o', "<field>[%[-]<width>][,...]", "What to print.")
        .on(kSshare)
        .in(Group::format)
        .sets(To<&O::format>::text),
    R::flag("helpformat", 'e', "List the fields.")
        .on(kSshare)
        .in(Group::format)
        .sets(To<&O::help_format>::on),
    R::flag("long", 'l', "Normalized usage, level fair-share, limits and running minutes too.")
        .on(kSshare)
        .in(Group::format)
        .sets(To<&O::long_form>::on),
    R::flag("noheader", 'n', "No header.")
        .on(kSshare)
        .in(Group::format)
        .sets(To<&O::no_header>::on),
    R::flag("parsable", 'p', "Fields separated by |, one at the end too.")
        .on(kSshare)
        .in(Group::format)
        .sets(To<&O::parsable>::on),
    R::flag("parsable2", 'P', "Fields separated by |, none at the end.")
        .on(kSshare)
        .in(Group::format)
        .sets(To<&O::parsable2>::on),
    R::flag("partition", 'm', "The partitions of associations too.")
        .on(kSshare)
        .in(Group::format)
        .sets(To<&O::partitions>::on),
    R::valued("users", 'u', "<user>[,...]", "These users.")
        .on(kSshare)
        .in(Group::filter)
        .also("user")
        .sets(To<&O::users>::list),
    R::flag("Users", 'U', "Users only, without accounts.")
        .on(kSshare)
        .in(Group::filter)
        .sets(To<&O::users_only>::on),
    kCommon.verbose(""),
    kCommon.help(0),
    kCommon.usage(),
    kCommon.version(),
    R::flag("no-header", 'h', "No header.")
        .on(kSshare)
        .in(Group::format)
        .sets(To<&O::no_header>::on),
};

}  // namespace

std::span<const SshareRow> sshare_rows() { return kRows; }

// Words that are no options say nothing, as with Slurm.
Parsed<SshareOptions> parse_sshare(const Invocation& invocation) {
  auto line = read_query<O>(Command::sshare, invocation, sshare_rows());
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  return std::move(line->state.options);
}

}  // namespace sluice::opt
