// sdiag's option table.
#include "opt/query_common.hpp"

namespace sluice::opt {
namespace {

using O = SdiagOptions;
using R = SdiagRow;

constexpr CommandMask kSdiag = mask_of(Command::sdiag);
constexpr Common<O> kCommon{kSdiag};

template <RequestOrder order>
Outcome sort_by(Query<O>& s, const Given&) {
  s.options.order = order;
  return {};
}

constexpr R kRows[] = {
    R::flag("all", 'a', "All statistics, as always.")
        .on(kSdiag)
        .in(Group::filter)
        .sets(holds_alone<O>),
    kCommon.clusters(),
    kCommon.json(),
    R::flag("reset", 'r', "Begin to count anew. For operators.")
        .on(kSdiag)
        .in(Group::other)
        .sets(To<&O::reset>::on),
    R::flag("sort-by-id", 'i', "Requests by the number of their type, or of their user.")
        .on(kSdiag)
        .in(Group::format)
        .sets(sort_by<RequestOrder::id>),
    R::flag("sort-by-time", 't', "Requests by the time that they took together.")
        .on(kSdiag)
        .in(Group::format)
        .sets(sort_by<RequestOrder::total_time>),
    R::flag("sort-by-time2", 'T', "Requests by the time that each took.")
        .on(kSdiag)
        .in(Group::format)
        .sets(sort_by<RequestOrder::mean_time>),
    kCommon.yaml(),
    kCommon.help('h'),
    kCommon.usage(),
    kCommon.version(),
};

}  // namespace

std::span<const SdiagRow> sdiag_rows() { return kRows; }

// Words that are no options say nothing, as with Slurm.
Parsed<SdiagOptions> parse_sdiag(const Invocation& invocation) {
  auto line = read_query<O>(Command::sdiag, invocation, sdiag_rows());
  if (!line) return tl::unexpected<Stop>(std::move(line.error()));
  return std::move(line->state.options);
}

}  // namespace sluice::opt
