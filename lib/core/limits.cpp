// Tests of limits: a table of limits on numbers, a table of limits on TRES, and one walk over the
// holders in their order of precedence. Counting is in limit_counts.cpp.
#include "core/limits.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>

#include "core/limit_case.hpp"

namespace sluice::core {

namespace {

using model::AssociationLimits;
using model::QosLimits;
using Case = Limits::Case;

constexpr std::int64_t kMillion = 1'000'000;

struct NumberLimit {
  std::uint32_t QosLimits::*qos = nullptr;
  std::uint32_t AssociationLimits::*association = nullptr;  // null: only QOS have it
  std::int64_t LimitUse::*use = nullptr;
  LimitScope scope = LimitScope::all;
  const char* qos_name = "";
  const char* association_name = "";
};

constexpr std::array kStartLimits = {
    NumberLimit{&QosLimits::grp_jobs, &AssociationLimits::grp_jobs, &LimitUse::running,
                LimitScope::all, "QOSGrpJobsLimit", "AssocGrpJobsLimit"},
    NumberLimit{&QosLimits::max_jobs_per_account, nullptr, &LimitUse::running, LimitScope::account,
                "MaxJobsPerAccount", ""},
    NumberLimit{&QosLimits::max_jobs_per_user, &AssociationLimits::max_jobs, &LimitUse::running,
                LimitScope::user, "QOSMaxJobsPerUserLimit", "AssocMaxJobsLimit"},
};
constexpr std::array kSubmitLimits = {
    NumberLimit{&QosLimits::grp_submit_jobs, &AssociationLimits::grp_submit_jobs,
                &LimitUse::submitted, LimitScope::all, "QOSGrpSubmitJobsLimit",
                "AssocGrpSubmitJobsLimit"},
    NumberLimit{&QosLimits::max_submit_jobs_per_account, nullptr, &LimitUse::submitted,
                LimitScope::account, "MaxSubmitJobsPerAccount", ""},
    NumberLimit{&QosLimits::max_submit_jobs_per_user, &AssociationLimits::max_submit_jobs,
                &LimitUse::submitted, LimitScope::user, "QOSMaxSubmitJobPerUserLimit",
                "AssocMaxSubmitJobLimit"},
};
constexpr std::array kAccrueLimits = {
    NumberLimit{&QosLimits::grp_jobs_accrue, &AssociationLimits::grp_jobs_accrue,
                &LimitUse::accruing, LimitScope::all, "QOSGrpJobsAccrueLimit",
                "AssocGrpJobsAccrueLimit"},
    NumberLimit{&QosLimits::max_jobs_accrue_per_account, nullptr, &LimitUse::accruing,
                LimitScope::account, "MaxJobsAccruePerAccount", ""},
    NumberLimit{&QosLimits::max_jobs_accrue_per_user, &AssociationLimits::max_jobs_accrue,
                &LimitUse::accruing, LimitScope::user, "QOSMaxJobsAccruePerUserLimit",
                "AssocMaxJobsAccrueLimit"},
};

struct TresLimit {
  TresLimitKind kind = TresLimitKind::in_use;
  LimitScope scope = LimitScope::all;
  model::TresCounts QosLimits::*qos = nullptr;
  model::TresCounts AssociationLimits::*association = nullptr;  // null: only QOS have it
};

constexpr std::array kTresLimits = {
    TresLimit{TresLimitKind::least_per_job, LimitScope::all, &QosLimits::min_tres_per_job, nullptr},
    TresLimit{TresLimitKind::per_job, LimitScope::all, &QosLimits::max_tres_per_job,
              &AssociationLimits::max_tres_per_job},
    TresLimit{TresLimitKind::per_node, LimitScope::all, &QosLimits::max_tres_per_node,
              &AssociationLimits::max_tres_per_node},
    TresLimit{TresLimitKind::minutes_per_job, LimitScope::all, &QosLimits::max_tres_mins_per_job,
              &AssociationLimits::max_tres_mins_per_job},
    TresLimit{TresLimitKind::used_minutes, LimitScope::all, &QosLimits::grp_tres_mins,
              &AssociationLimits::grp_tres_mins},
    TresLimit{TresLimitKind::run_minutes, LimitScope::all, &QosLimits::grp_tres_run_mins,
              &AssociationLimits::grp_tres_run_mins},
    TresLimit{TresLimitKind::run_minutes, LimitScope::user, &QosLimits::max_tres_run_mins_per_user,
              &AssociationLimits::max_tres_run_mins},
    TresLimit{TresLimitKind::run_minutes, LimitScope::account,
              &QosLimits::max_tres_run_mins_per_account, nullptr},
    TresLimit{TresLimitKind::in_use, LimitScope::all, &QosLimits::grp_tres,
              &AssociationLimits::grp_tres},
    TresLimit{TresLimitKind::in_use, LimitScope::account, &QosLimits::max_tres_per_account,
              nullptr},
    TresLimit{TresLimitKind::in_use, LimitScope::user, &QosLimits::max_tres_per_user, nullptr},
};

constexpr std::size_t kUsedMinutes = 4;
static_assert(kTresLimits[kUsedMinutes].kind == TresLimitKind::used_minutes);

// Of an association's limits, those that each account above has as well.
bool is_group(const TresLimit& limit) {
  return limit.scope == LimitScope::all &&
         (limit.kind == TresLimitKind::in_use || limit.kind == TresLimitKind::run_minutes ||
          limit.kind == TresLimitKind::used_minutes);
}

bool is_set(std::uint32_t limit) { return limit != model::kNoLimit; }

// What the QOS of a case set among themselves, in their order.
template <class Set>
bool hidden(const Case& asked, std::size_t before, Set&& sets) {
  for (std::size_t i = 0; i < before; ++i) {
    if (sets(asked.qos[i]->limits)) return true;
  }
  return false;
}

std::optional<GateBlock> test_number(const Case& asked, const NumberLimit& limit,
                                     const Holding& holding, std::uint32_t most) {
  const std::int64_t used = asked.alone ? 0 : holding.use->*limit.use;
  const std::int64_t wanted = limit.use == &LimitUse::submitted ? asked.tasks : 1;
  if (used + wanted <= most) return std::nullopt;
  return holding.block({.detail = holding.qos != nullptr ? limit.qos_name : limit.association_name,
                        .resource = "jobs",
                        .used = used,
                        .wanted = wanted,
                        .limit = most});
}

std::optional<GateBlock> test_numbers(const Case& asked, std::span<const NumberLimit> limits) {
  for (std::size_t q = 0; q < asked.qos.size(); ++q) {
    for (const NumberLimit& limit : limits) {
      const auto sets = [&](const QosLimits& qos) { return is_set(qos.*limit.qos); };
      if (!sets(asked.qos[q]->limits) || hidden(asked, q, sets)) continue;
      const Holding holding = asked.of_qos(q, limit.scope);
      if (auto no = test_number(asked, limit, holding, asked.qos[q]->limits.*limit.qos)) return no;
    }
  }
  for (std::size_t level = 0; level < asked.chain.size(); ++level) {
    for (const NumberLimit& limit : limits) {
      const bool of_user = limit.scope == LimitScope::user;
      if (limit.association == nullptr || (of_user && level != 0)) continue;
      const auto sets = [&](const QosLimits& qos) { return is_set(qos.*limit.qos); };
      const AssociationLimits& here = of_user ? *asked.own : asked.at(level).limits;
      const std::uint32_t most = here.*limit.association;
      if (!is_set(most) || hidden(asked, asked.qos.size(), sets)) continue;
      if (auto no = test_number(asked, limit, asked.of_association(level), most)) return no;
    }
  }
  return std::nullopt;
}

// In minutes for what is shown.
GateBlock in_minutes(GateBlock block) {
  block.used = (block.used + 59) / 60;
  block.wanted = (block.wanted + 59) / 60;
  return block;
}

std::optional<GateBlock> test_minutes(const Case& asked, const TresLimit& limit,
                                      const Holding& holding, GateBlock shown) {
  const model::TresId id = asked.tres_id;
  const std::int64_t most = shown.limit * 60;
  if (limit.kind == TresLimitKind::minutes_per_job) {
    shown.wanted = asked.seconds_wanted(id, kMillion);
    if (shown.wanted <= most) return std::nullopt;
    return in_minutes(holding.block(shown));
  }
  const std::int64_t running = asked.alone ? 0 : model::tres_count(holding.use->run_seconds, id);
  if (limit.kind == TresLimitKind::run_minutes) {
    shown.wanted = asked.seconds_wanted(id, asked.usage_factor);
    shown.used = running;
    if (shown.used + shown.wanted <= most) return std::nullopt;
    return in_minutes(holding.block(shown));
  }
  if (holding.is_root) return std::nullopt;  // as in Slurm: not enforced there
  shown.wanted = asked.seconds_wanted(id, asked.factor_is_safe ? asked.usage_factor : kMillion);
  shown.used = asked.alone ? 0 : holding.used_seconds(id);
  if (asked.safe || asked.alone) {
    shown.used += running;
    if (shown.used + shown.wanted <= most) return std::nullopt;
  } else if (shown.used < most) {
    return std::nullopt;
  }
  return in_minutes(holding.block(shown));
}

// Nodes that the holder has in use may be used by one job more. Before they are chosen it is taken
// that as many as possible will be such ones; none of them for a job that wants its nodes alone.
std::optional<GateBlock> test_nodes(const Case& asked, const Holding& holding, GateBlock shown) {
  if (!asked.alone) {
    shown.used = static_cast<std::int64_t>(holding.use->nodes.size());
    if (asked.allocation != nullptr) {
      shown.wanted = holding.more_nodes(*asked.allocation);
    } else if (!asked.whole_nodes) {
      shown.wanted = std::max<std::int64_t>(shown.wanted - shown.used, 0);
    }
  }
  if (shown.used + shown.wanted <= shown.limit) return std::nullopt;
  shown.of_nodes = true;
  return holding.block(shown);
}

std::optional<GateBlock> test_tres(const Case& asked, const TresLimit& limit,
                                   const Holding& holding, const model::TresCount& most) {
  asked.tres_id = most.id;
  const model::TresKind* kind = asked.kind_of(most.id);
  if (kind == nullptr || most.count < 0) return std::nullopt;
  GateBlock shown;
  shown.detail = limit_name({limit.kind, limit.scope, holding.qos != nullptr}, *kind);
  shown.resource = model::tres_name(*kind);
  shown.limit = most.count;
  shown.wanted = model::tres_count(asked.wanted, most.id);
  if (limit.kind == TresLimitKind::least_per_job) {
    if (!asked.by_request || shown.wanted >= most.count) return std::nullopt;
    return holding.block(shown);
  }
  if (limit.kind == TresLimitKind::per_node) {
    shown.wanted = model::tres_count(asked.per_node, most.id);
  }
  if (shown.wanted == 0) {
    const bool later_known = asked.by_request && limit.kind == TresLimitKind::used_minutes;
    if (!later_known) return std::nullopt;
  }
  switch (limit.kind) {
    case TresLimitKind::per_job:
    case TresLimitKind::per_node:
      if (shown.wanted <= shown.limit) return std::nullopt;
      return holding.block(shown);
    case TresLimitKind::in_use:
      if (most.id == model::kTresNode) return test_nodes(asked, holding, std::move(shown));
      shown.used = asked.alone ? 0 : model::tres_count(holding.use->in_use, most.id);
      if (shown.used + shown.wanted <= shown.limit) return std::nullopt;
      return holding.block(shown);
    default: return test_minutes(asked, limit, holding, std::move(shown));
  }
}

// LimitFactor of the job's QOS stretches what its association may have of TRES.
model::TresCount stretched(const Case& asked, const TresLimit& limit, model::TresCount most) {
  const bool counts = limit.kind == TresLimitKind::in_use || limit.kind == TresLimitKind::per_job;
  if (!counts || asked.limit_factor < 0 || most.count < 0) return most;
  most.count = static_cast<std::int64_t>(Wide(most.count) * Wide(asked.limit_factor) / kMillion);
  return most;
}

std::optional<GateBlock> test_tres_of_associations(const Case& asked, const TresLimit& limit) {
  if (limit.association == nullptr) return std::nullopt;
  const std::size_t levels =
      is_group(limit) ? asked.chain.size() : std::min<std::size_t>(asked.chain.size(), 1);
  for (std::size_t level = 0; level < levels; ++level) {
    const AssociationLimits& here = is_group(limit) ? asked.at(level).limits : *asked.own;
    for (const model::TresCount& most : here.*limit.association) {
      const auto sets = [&](const QosLimits& qos) {
        return model::find_tres(qos.*limit.qos, most.id) != nullptr;
      };
      if (hidden(asked, asked.qos.size(), sets)) continue;
      const Holding holding = asked.of_association(level);
      if (auto no = test_tres(asked, limit, holding, stretched(asked, limit, most))) return no;
    }
  }
  return std::nullopt;
}

std::optional<GateBlock> test_tres_of_qos(const Case& asked, const TresLimit& limit) {
  for (std::size_t q = 0; q < asked.qos.size(); ++q) {
    for (const model::TresCount& most : asked.qos[q]->limits.*limit.qos) {
      const auto sets = [&](const QosLimits& qos) {
        return model::find_tres(qos.*limit.qos, most.id) != nullptr;
      };
      if (hidden(asked, q, sets)) continue;
      if (auto no = test_tres(asked, limit, asked.of_qos(q, limit.scope), most)) return no;
    }
  }
  return std::nullopt;
}

// As in Slurm, those of QOS before all those of associations.
std::optional<GateBlock> test_tres_limits(const Case& asked, std::span<const TresLimit> limits) {
  for (const TresLimit& limit : limits) {
    if (auto no = test_tres_of_qos(asked, limit)) return no;
  }
  for (const TresLimit& limit : limits) {
    if (auto no = test_tres_of_associations(asked, limit)) return no;
  }
  return std::nullopt;
}

std::optional<GateBlock> test_group_wall(const Case& asked, const Holding& holding,
                                         std::uint32_t most) {
  if (holding.is_root) return std::nullopt;
  const std::int64_t used = asked.alone ? 0 : holding.used_wall();
  const bool fits =
      asked.alone ? asked.seconds <= std::int64_t{most} * 60 : used < std::int64_t{most} * 60;
  if (fits) return std::nullopt;
  return in_minutes(
      holding.block({.detail = holding.qos != nullptr ? "QOSGrpWallLimit" : "AssocGrpWallLimit",
                     .resource = "wall",
                     .used = used,
                     .wanted = asked.seconds,
                     .limit = most}));
}

std::optional<GateBlock> test_group_walls(const Case& asked) {
  const auto sets = [](const QosLimits& qos) { return is_set(qos.grp_wall); };
  for (std::size_t q = 0; q < asked.qos.size(); ++q) {
    if (!sets(asked.qos[q]->limits) || hidden(asked, q, sets)) continue;
    const Holding holding = asked.of_qos(q, LimitScope::all);
    if (auto no = test_group_wall(asked, holding, asked.qos[q]->limits.grp_wall)) return no;
  }
  if (hidden(asked, asked.qos.size(), sets)) return std::nullopt;
  for (std::size_t level = 0; level < asked.chain.size(); ++level) {
    const std::uint32_t most = asked.at(level).limits.grp_wall;
    if (!is_set(most)) continue;
    if (auto no = test_group_wall(asked, asked.of_association(level), most)) return no;
  }
  return std::nullopt;
}

struct WallLimit {
  std::uint32_t minutes = model::kNoLimit;
  std::optional<std::size_t> qos;  // whose; none: the association's
};

WallLimit wall_limit(const Case& asked) {
  for (std::size_t q = 0; q < asked.qos.size(); ++q) {
    const std::uint32_t most = asked.qos[q]->limits.max_wall_per_job;
    if (is_set(most)) return {most, q};
  }
  return {asked.own == nullptr ? model::kNoLimit : asked.own->max_wall_per_job, std::nullopt};
}

std::optional<GateBlock> test_wall(const Case& asked) {
  const WallLimit wall = wall_limit(asked);
  if (!is_set(wall.minutes) || asked.seconds <= std::int64_t{wall.minutes} * 60) {
    return std::nullopt;
  }
  const Holding holding =
      wall.qos ? asked.of_qos(*wall.qos, LimitScope::all) : asked.of_association(0);
  return in_minutes(holding.block(
      {.detail = wall.qos ? "QOSMaxWallDurationPerJobLimit" : "AssocMaxWallDurationPerJobLimit",
       .resource = "wall",
       .wanted = asked.seconds,
       .limit = wall.minutes}));
}

}  // namespace

std::optional<GateBlock> Limits::refuses(const GateQuestion& question) const {
  if (!rules_.enforce.limits || rules_.tree == nullptr) return std::nullopt;
  const Case asked = case_of(question);
  if (auto no = asked.below_threshold(inputs_.get())) return no;
  if (auto no = test_wall(asked)) return no;
  if (auto no = test_numbers(asked, kStartLimits)) return no;
  if (auto no = test_group_walls(asked)) return no;
  return test_tres_limits(asked, kTresLimits);
}

std::optional<GateBlock> Limits::refuses_alone(const GateQuestion& question) const {
  if (!rules_.enforce.limits || rules_.tree == nullptr) return std::nullopt;
  Case asked = case_of(question);
  asked.alone = true;
  const auto denies = [](const model::Qos* qos) {
    return (qos->flags & model::kQosDenyOnLimit) != 0;
  };
  if (std::ranges::none_of(asked.qos, denies)) return std::nullopt;
  if (auto no = test_wall(asked)) return no;
  if (auto no = test_group_walls(asked)) return no;
  return test_tres_limits(asked, kTresLimits);
}

std::optional<GateBlock> Limits::refuses_submit(const LimitClaim& claim) const {
  if (!rules_.enforce.limits || rules_.tree == nullptr) return std::nullopt;
  return test_numbers(case_of(claim), kSubmitLimits);
}

std::optional<GateBlock> Limits::refuses_accrual(const LimitClaim& claim) const {
  if (!rules_.enforce.limits || rules_.tree == nullptr) return std::nullopt;
  LimitClaim without_partition = claim;  // its QOS has no say in this
  without_partition.partition_qos = 0;
  return test_numbers(case_of(without_partition), kAccrueLimits);
}

// As with other limits, the first that is set counts; NoReserve counts wherever it is set.
bool Limits::may_reserve(const GateQuestion& question, std::uint32_t priority) const {
  if (rules_.tree == nullptr) return true;
  const std::size_t partition = question.partition.value;
  const bool known = partition < rules_.partitions.size();
  const model::Qos* own = rules_.tree->qos(question.job.qos);
  const model::Qos* of_partition =
      known ? rules_.tree->qos(rules_.partitions[partition].qos) : nullptr;
  const auto has = [](const model::Qos* qos, std::uint32_t flag) {
    return qos != nullptr && (qos->flags & flag) != 0;
  };
  if (has(own, model::kQosNoReserve) || has(of_partition, model::kQosNoReserve)) return false;
  if (!rules_.enforce.limits) return true;
  if (!has(own, model::kQosOverPartQos)) std::swap(own, of_partition);
  for (const model::Qos* qos : {own, of_partition}) {
    if (qos == nullptr || !is_set(qos->limits.min_prio_threshold)) continue;
    return priority >= qos->limits.min_prio_threshold;
  }
  const AccountTree::Place place = rules_.tree->place_of(question.job.association);
  if (place == AccountTree::kNoPlace) return true;
  const std::uint32_t least = in_force(place).min_prio_threshold;
  return !is_set(least) || priority >= least;
}

// The nodes in use there, and as many of those that were refused as there is room for.
std::optional<std::vector<std::uint32_t>> Limits::nodes_within(const GateQuestion& question,
                                                               const GateBlock& block) const {
  if (!block.of_nodes || question.allocation == nullptr || rules_.tree == nullptr) {
    return std::nullopt;
  }
  using Kind = LimitHolder::Kind;
  LimitHolder holder{Kind::association, block.association, 0};
  if (block.qos != 0 && !block.account.empty()) {
    const AccountTree::Place account = rules_.tree->find_account(block.account);
    if (account == AccountTree::kNoPlace) return std::nullopt;
    holder = {Kind::qos_account, block.qos, rules_.tree->at(account).id};
  } else if (block.qos != 0 && block.uid != model::kNoTask) {
    holder = {Kind::qos_user, block.qos, block.uid};
  } else if (block.qos != 0) {
    holder = {Kind::qos, block.qos, 0};
  }
  const LimitUse& in = use(holder);
  std::vector<std::uint32_t> nodes;
  for (const auto& [node, jobs] : in.nodes) nodes.push_back(node);
  for (const model::NodeShare& share : question.allocation->shares) {
    if (static_cast<std::int64_t>(nodes.size()) >= block.limit) break;
    if (!in.nodes.contains(share.node.value)) nodes.push_back(share.node.value);
  }
  std::ranges::sort(nodes);
  return nodes;
}

std::uint32_t Limits::max_wall(const LimitClaim& claim) const {
  if (!rules_.enforce.limits || rules_.tree == nullptr) return model::kNoLimit;
  return wall_limit(case_of(claim)).minutes;
}

std::optional<GateBlock> Limits::used_up(const LimitClaim& claim) const {
  if (!rules_.enforce.limits || rules_.tree == nullptr) return std::nullopt;
  Case asked = case_of(claim);
  asked.safe = false;
  asked.wanted = claim.in_use;
  if (auto no = test_group_walls(asked)) return no;
  return test_tres_limits(asked, {&kTresLimits[kUsedMinutes], 1});
}

std::string Limits::describe(const GateBlock& block) {
  return fmt::format("{}: {} has {} of {} {}, {} more wanted", block.detail.view(),
                     block.holder.view(), block.used, block.limit, block.resource.view(),
                     block.wanted);
}

}  // namespace sluice::core
