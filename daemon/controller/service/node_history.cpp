// See node_history.hpp.
#include "daemon/controller/service/node_history.hpp"

#include <algorithm>
#include <set>

#include "base/strings.hpp"
#include "core/tres_use.hpp"

namespace sluice::controller {

namespace {

constexpr std::uint32_t kLeaving = model::kNodeDrain | model::kNodeFail;

enum class Presence { there, away, untold };

Presence presence_of(const model::Node& node) {
  switch (node.state) {
    case model::NodeState::unknown: return Presence::untold;
    case model::NodeState::down:
    case model::NodeState::future: return Presence::away;
    default: break;
  }
  const bool empty = node.allocated_cpus == 0 && (node.flags & model::kNodeCompleting) == 0;
  return empty && (node.flags & kLeaving) != 0 ? Presence::away : Presence::there;
}

std::int64_t gres_count(const model::NodeFacts& facts, std::string_view name) {
  std::uint64_t sum = 0;
  for (const model::NodeGres& gres : facts.gres) {
    const std::string typed = gres.name.str() + ":" + gres.type.str();
    if (gres.name.view() == name || typed == name) sum += gres.count;
  }
  return static_cast<std::int64_t>(sum);
}

std::int64_t billing_of(const model::Node& node, const model::TresCounts& counts,
                        const Counting& counting) {
  std::int64_t most = -1;
  const std::vector<std::string_view> names = base::split_nonempty(node.partitions.view(), ',');
  for (const model::PartitionPtr& partition : counting.partitions) {
    if (partition->tres_billing_weights.empty()) continue;
    if (std::ranges::find(names, partition->name.view()) == names.end()) continue;
    const auto weights =
        core::parse_tres_weights(counting.tres, partition->tres_billing_weights.view());
    if (!weights) continue;
    most = std::max(most, core::billed(counts, *weights, counting.tres, counting.priority_flags));
  }
  return most >= 0 ? most : model::tres_count(counts, model::kTresCpu);
}

}  // namespace

model::TresCounts node_tres(const model::Node& node, const Counting& counting) {
  model::TresCounts counts;
  model::add_tres(counts, model::kTresCpu, node.facts.cpus());
  model::add_tres(counts, model::kTresMemory, static_cast<std::int64_t>(node.facts.memory));
  model::add_tres(counts, model::kTresNode, 1);
  for (const model::TresKind& kind : counting.tres) {
    if (kind.type != "gres") continue;
    const std::int64_t count = gres_count(node.facts, kind.name.view());
    if (count != 0) model::add_tres(counts, kind.id, count);
  }
  model::add_tres(counts, model::kTresBilling, billing_of(node, counts, counting));
  return counts;
}

NodeHistory::NodeHistory(const Spans& open) {
  for (const model::NodeSpan& span : open) open_[span.node.str()] = span;
}

// True: the cluster's sum is another now.
bool NodeHistory::count(const model::Node& node, const Counting& counting) {
  const auto [entry, fresh] = known_.try_emplace(node.name.str());
  Known& known = entry->second;
  if (!fresh && known.facts == node.facts && known.partitions == node.partitions) return false;
  known.facts = node.facts;
  known.partitions = node.partitions;
  model::TresCounts counts = node_tres(node, counting);
  std::swap(counts, known.counts);
  return counts != known.counts;
}

void NodeHistory::close(const std::string& name, model::WallTime now, Spans& spans) {
  const auto found = open_.find(name);
  if (found == open_.end()) return;
  model::NodeSpan span = std::move(found->second);
  open_.erase(found);
  span.to = std::max(now, span.from + 1);
  spans.push_back(std::move(span));
}

void NodeHistory::begin(model::NodeSpan span, Spans& spans) {
  spans.push_back(span);
  open_[span.node.str()] = std::move(span);
}

void NodeHistory::judge(const model::Node& node, model::WallTime now, Spans& spans) {
  const std::string name = node.name.str();
  const auto found = open_.find(name);
  switch (presence_of(node)) {
    case Presence::untold: return;
    case Presence::there: return close(name, now, spans);
    case Presence::away: break;
  }
  model::NodeSpan span;
  span.node = node.name;
  span.state = static_cast<std::uint32_t>(node.state == model::NodeState::down ||
                                                  node.state == model::NodeState::future
                                              ? node.state
                                              : model::NodeState::idle);
  span.flags = node.flags & kLeaving;
  span.tres = known_.at(name).counts;
  span.reason = node.reason;
  span.uid = node.reason_uid;
  span.from = found == open_.end() ? now : found->second.from;
  if (found != open_.end() && found->second == span) return;
  span.from = now;
  close(name, now, spans);
  if (!spans.empty() && spans.back().node == span.node) span.from = spans.back().to;
  begin(std::move(span), spans);
}

void NodeHistory::sum_up(model::WallTime now, Spans& spans) {
  model::NodeSpan whole;
  for (const auto& [name, known] : known_) {
    for (const model::TresCount& one : known.counts) {
      model::add_tres(whole.tres, one.id, one.count);
    }
  }
  const auto found = open_.find("");
  if (found != open_.end() && found->second.tres == whole.tres) return;
  close("", now, spans);
  whole.from = spans.empty() ? now : std::max(now, spans.back().to);
  begin(std::move(whole), spans);
}

NodeHistory::Spans NodeHistory::note(std::span<const model::NodePtr> changed,
                                     const Counting& counting, model::WallTime now) {
  Spans spans;
  bool counts_changed = false;
  for (const model::NodePtr& node : changed) {
    counts_changed = count(*node, counting) || counts_changed;
    judge(*node, now, spans);
  }
  if (counts_changed) sum_up(now, spans);
  return spans;
}

NodeHistory::Spans NodeHistory::note_all(std::span<const model::NodePtr> all,
                                         const Counting& counting, model::WallTime now) {
  std::set<std::string> names;
  for (const model::NodePtr& node : all) names.insert(node->name.str());
  std::erase_if(known_, [&](const auto& known) { return !names.contains(known.first); });
  std::vector<std::string> gone;
  for (const auto& [name, span] : open_) {
    if (!name.empty() && !names.contains(name)) gone.push_back(name);
  }
  Spans spans;
  for (const std::string& name : gone) close(name, now, spans);
  for (const model::NodePtr& node : all) {
    static_cast<void>(count(*node, counting));
    judge(*node, now, spans);
  }
  sum_up(now, spans);
  return spans;
}

}  // namespace sluice::controller
