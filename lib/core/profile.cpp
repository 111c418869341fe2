// What a node can give over a span with claims in it is the least over the moments where it could
// be least: the span's start, and each start of a claim inside the span (between those, ends of
// jobs and of claims only add).
#include "core/profile.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {

void Profile::reset(std::uint32_t nodes) {
  claims_.clear();
  claims_.resize(nodes);
  claimed_.clear();
}

void Profile::add(std::uint32_t node, Claim claim) {
  if (claims_[node].empty()) claimed_.push_back(node);
  claims_[node].push_back(std::move(claim));
}

void Profile::drop_from(const LaneKey& key) {
  for (const std::uint32_t node : claimed_) {
    std::erase_if(claims_[node], [&](const Claim& claim) { return !(claim.key < key); });
  }
  std::erase_if(claimed_, [&](std::uint32_t node) { return claims_[node].empty(); });
}

void Profile::clear() {
  for (const std::uint32_t node : claimed_) claims_[node].clear();
  claimed_.clear();
}

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

void Outlook::view_base(const NodeSlot& slot, const Demand& demand, std::int64_t time_ms,
                        NodeView& view) const {
  if (time_ms <= span_.now_ms) {
    view_present(slot, demand, view);
  } else {
    view_at(slot, demand, time_ms, view);
  }
}

void Outlook::look(std::uint32_t node, const Demand& demand, NodeView& view) const {
  ++steps_;
  const NodeSlot& slot = pool_->nodes[node];
  if (mode_ == Mode::idle) {
    view_idle(slot, demand, view);
    return;
  }
  view_base(slot, demand, span_.from_ms, view);
  if (profile_ != nullptr && !profile_->claims(node).empty()) subtract_claims(node, demand, view);
}

namespace {

void subtract(const Claim& claim, NodeView& view) {
  view.idle_cores -= std::min(view.idle_cores, claim.cores);
  view.idle_threads -= std::min(view.idle_threads, claim.threads);
  view.free_memory -= std::min(view.free_memory, claim.memory);
  for (std::size_t e = 0; e < view.free_gres.size() && e < claim.gres.size(); ++e) {
    view.free_gres[e] -= std::min(view.free_gres[e], claim.gres[e]);
  }
  ++view.jobs;
}

void keep_least(const NodeView& other, NodeView& view) {
  view.idle_cores = std::min(view.idle_cores, other.idle_cores);
  view.idle_threads = std::min(view.idle_threads, other.idle_threads);
  view.free_memory = std::min(view.free_memory, other.free_memory);
  for (std::size_t e = 0; e < view.free_gres.size(); ++e) {
    view.free_gres[e] = std::min(view.free_gres[e], other.free_gres[e]);
  }
  view.jobs = std::max(view.jobs, other.jobs);
}

}  // namespace

void Outlook::subtract_claims(std::uint32_t node, const Demand& demand, NodeView& view) const {
  const NodeSlot& slot = pool_->nodes[node];
  const std::vector<Claim>& claims = profile_->claims(node);
  const std::int64_t from = std::max(span_.from_ms, span_.now_ms);
  const auto overlaps = [&](const Claim& claim) {
    return claim.from_ms < span_.until_ms && claim.until_ms > from;
  };
  for (const Claim& claim : claims) {
    if (!overlaps(claim)) continue;
    view.claimed = true;
    if (claim.whole || demand.whole_node || demand.exclusive_user || demand.needs_detail()) {
      view.idle_cores = 0;
      view.idle_threads = 0;
      view.busy = base::Bitmap(slot.hardware->cpus());
      view.busy.set_all();
      ++view.jobs;
      return;
    }
    if (claim.from_ms <= from) subtract(claim, view);
  }
  if (!view.claimed) return;
  for (const Claim& moment : claims) {
    if (!overlaps(moment) || moment.from_ms <= from) continue;
    view_base(slot, demand, moment.from_ms, scratch_);
    for (const Claim& claim : claims) {
      if (claim.from_ms <= moment.from_ms && claim.until_ms > moment.from_ms) {
        subtract(claim, scratch_);
      }
    }
    keep_least(scratch_, view);
  }
}

}  // namespace sluice::core
