// See outlook.hpp.
#include "core/outlook.hpp"

#include <algorithm>

namespace sluice::core {

Outlook Outlook::idle(const NodePool::State& pool, Nodes nodes) {
  Outlook made;
  made.pool_ = &pool;
  made.all_nodes_ = nodes == Nodes::all;
  return made;
}

Outlook Outlook::span(const NodePool::State& pool, const Profile* profile, const Span& span) {
  Outlook made;
  made.pool_ = &pool;
  made.profile_ = profile;
  made.mode_ = Mode::span;
  made.span_ = span;
  return made;
}

bool Outlook::claim_overlaps(std::uint32_t node) const {
  if (profile_ == nullptr) return false;
  const std::int64_t from = std::max(span_.from_ms, span_.now_ms);
  const std::vector<Claim>& claims = profile_->claims(node);
  return std::any_of(claims.begin(), claims.end(), [&](const Claim& claim) {
    const bool own_share = claim.key.lane == kStandingLane && claim.share != 0 &&
                           claim.reservation == span_.vantage.reservation;
    return claim.from_ms < span_.until_ms && claim.until_ms > from &&
           (own_share || span_.vantage.heeds_claim(claim)) &&
           (span_.before == nullptr || claim.key < *span_.before);
  });
}

void Outlook::look(std::uint32_t node, const Demand& demand, NodeView& view) const {
  ++steps_;
  const NodeSlot& slot = pool_->nodes[node];
  if (mode_ == Mode::idle) {
    view_idle(slot, demand, view);
    return;
  }
  if (demand.plans_by_counts() && profile_ != nullptr && (!present() || is_claimed(node))) {
    const Timeline& outline = profile_->outline(node, span_.vantage, span_.before);
    outline.view_span(std::max(span_.from_ms, span_.now_ms), span_.until_ms, slot, view);
    return;
  }
  if (present()) {
    view_present(slot, demand, view);
  } else {
    view_at(slot, demand, span_.from_ms, view);
  }
  if (!demand.plans_by_counts() && claim_overlaps(node)) {
    view.idle_cores = 0;
    view.idle_threads = 0;
    view.busy = base::Bitmap(slot.hardware->cpus());
    view.busy.set_all();
    ++view.jobs;
  }
}

}  // namespace sluice::core
