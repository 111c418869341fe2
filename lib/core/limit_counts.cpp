// Counting for limits, and putting a question to them into plain terms.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/assert.hpp"
#include "core/limit_case.hpp"

namespace sluice::core {

namespace {

constexpr std::int64_t kMillion = 1'000'000;

void add_all(model::TresCounts& to, const model::TresCounts& counts, std::int64_t sign) {
  for (const model::TresCount& count : counts) model::add_tres(to, count.id, sign * count.count);
  std::erase_if(to, [](const model::TresCount& count) { return count.count == 0; });
}

std::int64_t whole(Wide millionths) {
  constexpr Wide kMost = std::numeric_limits<std::int64_t>::max() / 4;
  return static_cast<std::int64_t>(std::min<Wide>(millionths / kMillion, kMost));
}

// The most of each TRES on any node.
model::TresCounts most_per_node(const model::Allocation& allocation,
                                const model::TresTable& table) {
  model::TresCounts most;
  for (const model::NodeShare& share : allocation.shares) {
    model::Allocation one;
    one.cpus = share.cpu_count;
    one.shares.push_back(share);
    for (const model::TresCount& count : allocated_tres(one, table)) {
      model::set_tres(most, count.id, std::max(model::tres_count(most, count.id), count.count));
    }
  }
  return most;
}

// Spread over so many nodes (0: any number), some node has at least this.
model::TresCounts least_per_node(const model::TresCounts& whole, std::uint32_t nodes) {
  model::TresCounts least;
  if (nodes == 0 || nodes == model::kUnlimited) return least;
  for (const model::TresCount& count : whole) {
    model::set_tres(least, count.id, (count.count + nodes - 1) / nodes);
  }
  return least;
}

bool limits_some_accrual(const model::Accounts& accounts) {
  const auto set = [](std::uint32_t limit) { return limit != model::kNoLimit; };
  return std::ranges::any_of(accounts.associations,
                             [&](const model::Association& one) {
                               return set(one.limits.grp_jobs_accrue) ||
                                      set(one.limits.max_jobs_accrue);
                             }) ||
         std::ranges::any_of(accounts.qos, [&](const model::Qos& one) {
           return set(one.limits.grp_jobs_accrue) || set(one.limits.max_jobs_accrue_per_user) ||
                  set(one.limits.max_jobs_accrue_per_account);
         });
}

bool limits_nodes(const model::TresCounts& limits) {
  return model::find_tres(limits, model::kTresNode) != nullptr;
}

}  // namespace

std::int64_t tres_seconds(std::int64_t count, std::int64_t seconds, std::int64_t factor) {
  if (count <= 0 || seconds <= 0 || factor <= 0) return 0;
  return whole(Wide(count) * Wide(seconds) * Wide(factor));
}

bool LimitUse::nothing() const {
  return submitted == 0 && running == 0 && accruing == 0 && in_use.empty() && run_seconds.empty() &&
         nodes.empty();
}

void Limits::configure(LimitRules rules) {
  rules_ = std::move(rules);
  in_force_.clear();
  const bool enforced = rules_.enforce.limits && rules_.tree != nullptr;
  limits_accrual_ = enforced && limits_some_accrual(rules_.tree->accounts());
  counts_ = enforced || counts_always_;
  loosen();
  using Kind = LimitHolder::Kind;
  of_nodes_.clear();
  if (!enforced) return;
  for (const model::Association& one : rules_.tree->accounts().associations) {
    if (limits_nodes(one.limits.grp_tres)) of_nodes_.insert({Kind::association, one.id});
  }
  for (const model::Qos& one : rules_.tree->accounts().qos) {
    if (limits_nodes(one.limits.grp_tres)) of_nodes_.insert({Kind::qos, one.id});
    if (limits_nodes(one.limits.max_tres_per_user)) of_nodes_.insert({Kind::qos_user, one.id});
    if (limits_nodes(one.limits.max_tres_per_account)) {
      of_nodes_.insert({Kind::qos_account, one.id});
    }
  }
}

void Limits::set_shares(PriorityInputsPtr inputs) {
  inputs_ = std::move(inputs);
  loosen();
}

void Limits::count_always() { counts_ = counts_always_ = true; }

void Limits::count(const LimitClaim& claim) {
  if (counts_) add(claim, 1);
}

void Limits::uncount(const LimitClaim& claim) {
  if (!counts_) return;
  add(claim, -1);
  if (claim.running != 0 && rules_.enforce.limits) loosen();  // else nobody was refused
}

void Limits::drop_counts() {
  uses_.clear();
  started_.clear();
  loosen();
}

void Limits::add_nodes(const LimitHolder& holder, LimitUse& use, const LimitClaim& claim,
                       std::int64_t sign) const {
  if (claim.nodes.empty() || !of_nodes_.contains({holder.kind, holder.id})) return;
  for (const std::uint32_t node : claim.nodes) {
    if (sign > 0) {
      ++use.nodes[node];
      continue;
    }
    const auto found = use.nodes.find(node);
    SLUICE_ASSERT(found != use.nodes.end(), "node {} of kind {} id {}", node,
                  static_cast<int>(holder.kind), holder.id);
    if (--found->second == 0) use.nodes.erase(found);
  }
}

void Limits::add(const LimitClaim& claim, std::int64_t sign) {
  bool ages = true;  // in a QOS only as its job
  const auto add_to = [&](const LimitHolder& holder) {
    const auto found = uses_.try_emplace(holder).first;
    LimitUse& use = found->second;
    add_nodes(holder, use, claim, sign);
    use.submitted += sign * claim.submitted;
    use.running += sign * claim.running;
    if (ages) use.accruing += sign * claim.accruing;
    add_all(use.in_use, claim.in_use, sign);
    add_all(use.run_seconds, claim.run_seconds, sign);
    SLUICE_ASSERT(use.submitted >= 0 && use.running >= 0 && use.accruing >= 0,
                  "limits of kind {} id {}", static_cast<int>(holder.kind), holder.id);
    if (use.nothing()) uses_.erase(found);
  };
  using Kind = LimitHolder::Kind;
  std::uint32_t account = 0;
  if (rules_.tree != nullptr) {
    const auto chain = rules_.tree->chain(rules_.tree->place_of(claim.association));
    for (const AccountTree::Place place : chain) {
      add_to({Kind::association, rules_.tree->at(place).id, 0});
    }
    if (chain.size() > 1) account = rules_.tree->at(chain[1]).id;
  }
  const auto add_to_qos = [&](std::uint32_t id) {
    if (id == 0) return;
    add_to({Kind::qos, id, 0});
    add_to({Kind::qos_user, id, claim.uid});
    if (account != 0) add_to({Kind::qos_account, id, account});
  };
  add_to_qos(claim.qos);
  ages = false;
  if (claim.partition_qos != claim.qos) add_to_qos(claim.partition_qos);
  for (const std::uint32_t id : claim.more_qos) {
    if (id != claim.qos && id != claim.partition_qos) add_to_qos(id);
  }
}

const LimitUse& Limits::use(const LimitHolder& holder) const {
  static const LimitUse kNothing;
  const auto found = uses_.find(holder);
  return found == uses_.end() ? kNothing : found->second;
}

void Limits::started(JobId, const GateQuestion& question) {
  if (!rules_.enforce.limits || rules_.tree == nullptr) return;
  const Case asked = case_of(question);
  LimitClaim claim;
  claim.association = question.job.association;
  claim.qos = question.job.qos;
  const std::size_t partition = question.partition.value;
  if (partition < rules_.partitions.size()) claim.partition_qos = rules_.partitions[partition].qos;
  claim.uid = question.job.uid;
  claim.running = 1;
  claim.in_use = asked.wanted;
  if (counts_nodes() && question.allocation != nullptr) {
    for (const model::NodeShare& share : question.allocation->shares) {
      claim.nodes.push_back(share.node.value);
    }
  }
  for (const model::TresCount& count : asked.wanted) {
    const std::int64_t seconds = tres_seconds(count.count, asked.seconds, asked.usage_factor);
    if (seconds != 0) claim.run_seconds.push_back({count.id, seconds});
  }
  add(claim, 1);
  started_.push_back(std::move(claim));
}

void Limits::taken_back(const GateQuestion&) {
  if (started_.empty()) return;
  add(started_.back(), -1);
  started_.pop_back();
}

void Limits::forget_started() {
  for (const LimitClaim& claim : started_) add(claim, -1);
  started_.clear();
}

const model::AssociationLimits& Limits::in_force(AccountTree::Place place) const {
  const auto found = in_force_.find(place);
  if (found != in_force_.end()) return found->second;
  return in_force_.emplace(place, rules_.tree->limits(place)).first->second;
}

Limits::Case Limits::case_of(const LimitClaim& claim) const {
  Case asked{.limits = *this};
  const AccountTree::Place place = rules_.tree->place_of(claim.association);
  if (place != AccountTree::kNoPlace) {
    asked.chain = rules_.tree->chain(place);
    asked.own = &in_force(place);
  }
  const model::Qos* own = rules_.tree->qos(claim.qos);
  const model::Qos* partition = rules_.tree->qos(claim.partition_qos);
  if (partition == own) partition = nullptr;
  const bool over = own != nullptr && (own->flags & model::kQosOverPartQos) != 0;
  for (const model::Qos* qos : {over ? own : partition, over ? partition : own}) {
    if (qos != nullptr) asked.qos.push_back(qos);
  }
  if (own != nullptr) {
    asked.limit_factor = own->limit_factor;
    asked.usage_factor = own->usage_factor;
    asked.factor_is_safe = (own->flags & model::kQosUsageFactorSafe) != 0;
  }
  asked.uid = claim.uid;
  asked.tasks = std::max(claim.submitted, 1U);
  asked.safe = rules_.enforce.safe;
  return asked;
}

Limits::Case Limits::case_of(const GateQuestion& question) const {
  LimitClaim claim;
  claim.association = question.job.association;
  claim.qos = question.job.qos;
  claim.uid = question.job.uid;
  const std::size_t partition = question.partition.value;
  const bool known = partition < rules_.partitions.size();
  if (known) claim.partition_qos = rules_.partitions[partition].qos;
  Case asked = case_of(claim);
  asked.seconds = question.time_limit == model::kUnlimited
                      ? kUnlimitedSeconds
                      : std::int64_t{question.time_limit} * rules_.limit_unit_ms / 1000;
  const model::TresTable& table = rules_.tree->accounts().tres;
  asked.allocation = question.allocation;
  if (question.allocation != nullptr) {
    asked.wanted = allocated_tres(*question.allocation, table);
    asked.per_node = most_per_node(*question.allocation, table);
    static const TresWeights kNone;
    const std::int64_t bill =
        billed(asked.wanted, known ? rules_.partitions[partition].billing : kNone, table,
               rules_.priority_flags);
    if (bill != 0) model::set_tres(asked.wanted, model::kTresBilling, bill);
  } else if (question.job.request != nullptr) {
    asked.by_request = true;
    asked.whole_nodes = question.job.request->sharing == model::Sharing::exclusive;
    asked.wanted = requested_tres(*question.job.request, table);
    asked.per_node = least_per_node(asked.wanted, question.job.request->max_nodes);
  }
  return asked;
}

GateBlock Holding::block(GateBlock figures) const {
  if (association != nullptr) {
    figures.reason = model::Reason::association_limit;
    figures.association = association->id;
    const std::string_view name = association->account.view();
    figures.holder = association->user.empty()
                         ? fmt::format("account {}", name)
                         : fmt::format("user {} in account {}", association->user.view(), name);
    return figures;
  }
  figures.reason = model::Reason::qos_limit;
  figures.qos = qos->id;
  figures.uid = uid;
  std::string holder = fmt::format("QOS {}", qos->name.view());
  if (account != nullptr) {
    figures.account = account->account;
    holder += fmt::format(" for account {}", account->account.view());
  } else if (uid != model::kNoTask) {
    holder += " for this user";
  }
  figures.holder = holder;
  return figures;
}

std::int64_t Holding::more_nodes(const model::Allocation& allocation) const {
  return std::ranges::count_if(allocation.shares, [&](const model::NodeShare& share) {
    return !use->nodes.contains(share.node.value);
  });
}

std::int64_t Holding::used_seconds(model::TresId id) const {
  const auto found = std::ranges::find(used->tres, id, &std::pair<model::TresId, Wide>::first);
  return found == used->tres.end() ? 0 : whole(found->second);
}

std::int64_t Holding::used_wall() const { return whole(used->wall); }

const model::Association& Limits::Case::at(std::size_t level) const {
  return limits.rules_.tree->at(chain[level]);
}

Holding Limits::Case::of_association(std::size_t level) const {
  const model::Association& one = at(level);
  Holding holding;
  holding.use = &limits.use({LimitHolder::Kind::association, one.id, 0});
  holding.used = &limits.usage_.association(one.id);
  holding.is_root = one.user.empty() && level + 1 == chain.size();
  holding.association = &one;
  return holding;
}

Holding Limits::Case::of_qos(std::size_t which, LimitScope scope) const {
  const model::Qos& one = *qos[which];
  Holding holding;
  holding.qos = &one;
  holding.used = &limits.usage_.qos(one.id);
  LimitHolder who{LimitHolder::Kind::qos, one.id, 0};
  if (scope == LimitScope::user) {
    who = {LimitHolder::Kind::qos_user, one.id, uid};
    holding.uid = uid;
  } else if (scope == LimitScope::account) {
    if (chain.size() > 1) holding.account = &at(1);
    who = {LimitHolder::Kind::qos_account, one.id, chain.size() > 1 ? at(1).id : 0};
  }
  holding.use = &limits.use(who);
  return holding;
}

const model::TresKind* Limits::Case::kind_of(model::TresId id) const {
  const model::TresTable& table = limits.rules_.tree->accounts().tres;
  const auto kind = std::ranges::lower_bound(table, id, {}, &model::TresKind::id);
  return kind != table.end() && kind->id == id ? &*kind : nullptr;
}

std::int64_t Limits::Case::seconds_wanted(model::TresId id, std::int64_t factor) const {
  return tres_seconds(model::tres_count(wanted, id), seconds, factor);
}

std::optional<GateBlock> Limits::Case::below_threshold(const PriorityInputs* inputs) const {
  if (inputs == nullptr || chain.empty() || chain[0] >= inputs->shares.size()) return std::nullopt;
  for (std::size_t q = 0; q < qos.size(); ++q) {
    if (qos[q]->usage_threshold < 0) continue;
    if ((qos[q]->flags & model::kQosEnforceUsageThreshold) == 0) continue;
    const std::int64_t factor = inputs->shares[chain[0]].factor / 1000;  // millionths
    if (factor >= qos[q]->usage_threshold) continue;
    return of_qos(q, LimitScope::all)
        .block({.detail = "QOSUsageThreshold",
                .resource = "fairshare",
                .used = factor,
                .limit = qos[q]->usage_threshold});
  }
  return std::nullopt;
}

}  // namespace sluice::core
