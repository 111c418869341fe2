// Priorities and the calculation that is made every calc period: usage decays, running jobs are
// charged, groups whose minutes are used up lose their jobs, shares are ranked anew, and the
// inputs of all priorities are published.
#include "core/policies.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

// Whether every association that was there is still there, below the same account.
bool same_places(const AccountTree& before, const AccountTree& now) {
  if (!now.extends(before)) return false;
  for (AccountTree::Place place = 0; place < before.size(); ++place) {
    const model::Association& one = before.at(place);
    if (now.at(place).parent != one.parent) return false;
  }
  return true;
}

std::set<std::uint32_t> without_decay(const model::Accounts& accounts) {
  std::set<std::uint32_t> ids;
  for (const model::Qos& qos : accounts.qos) {
    if ((qos.flags & model::kQosNoDecay) != 0) ids.insert(qos.id);
  }
  return ids;
}

std::vector<std::uint64_t> raw_by_place(const AccountTree& tree, const Usage& usage) {
  constexpr Wide kMost = std::uint64_t{1} << 61U;
  std::vector<std::uint64_t> raw(tree.size());
  for (AccountTree::Place place = 0; place < tree.size(); ++place) {
    const Wide whole = usage.association(tree.at(place).id).raw / 1'000'000;
    raw[place] = static_cast<std::uint64_t>(std::min(whole, kMost));
  }
  return raw;
}

void set_highest(const AccountTree& tree, PriorityInputs& inputs) {
  for (const model::Association& one : tree.accounts().associations) {
    if (one.priority == model::kNoLimit) continue;
    inputs.highest_association = std::max(inputs.highest_association, one.priority);
  }
  for (const model::Qos& qos : tree.accounts().qos) {
    inputs.highest_qos = std::max(inputs.highest_qos, qos.priority);
  }
}

}  // namespace

// Makes the limits' rules anew if something that they follow from was replaced.
void Cluster::State::refresh_policies() {
  Policies& p = *policies;
  if (p.settings == settings && p.tree == tree && p.partitions == partitions) return;
  refresh_billing();
  const AccountTreePtr before = std::exchange(p.tree, tree);
  const bool new_settings = std::exchange(p.settings, settings) != settings;
  p.partitions = partitions;
  LimitRules rules;
  rules.tree = tree;
  rules.enforce = settings->enforce;
  rules.limit_unit_ms = settings->limit_unit_ms;
  rules.priority_flags = settings->priority.flags;
  bool same = before != nullptr && same_places(*before, *tree);
  for (const model::PartitionPtr& partition : partitions) {
    LimitRules::Partition one{.qos = qos_id(partition->qos), .billing = {}};
    auto weights = parse_tres_weights(tree->accounts().tres, partition->tres_billing_weights);
    if (weights) one.billing = std::move(*weights);
    const std::size_t at = rules.partitions.size();
    const auto& old = p.limits.rules().partitions;
    same = same && at < old.size() && old[at].qos == one.qos;
    rules.partitions.push_back(std::move(one));
  }
  p.waivers = std::ranges::any_of(
      tree->accounts().qos, [](const model::Qos& qos) { return (qos.flags & kWaivers) != 0; });
  p.usage.set_no_decay(without_decay(tree->accounts()));
  const Limits::NodeHolders of_nodes = p.limits.node_holders();
  const bool counted = p.limits.counts();
  p.limits.configure(std::move(rules));
  same = same && of_nodes == p.limits.node_holders() && counted == p.limits.counts();
  if (before != nullptr) forget_removed(*before);
  if (!same) recount();
  const bool multifactor = settings->priority.type == model::PriorityType::multifactor;
  planner.set_rules(multifactor ? &p.rule : nullptr, &p.limits);
  if (new_settings && settings->priority.usage_reset == model::UsageReset::now) p.usage.reset_all();
  if (p.inputs != nullptr) publish_priorities();
  plan_needed = true;
}

void Cluster::State::forget_removed(const AccountTree& before) {
  for (std::size_t place = 0; place < before.size() && !tree->extends(before); ++place) {
    const model::Association& one = before.accounts().associations[place];
    if (tree->place_of(one.id) != AccountTree::kNoPlace) continue;
    policies->usage.forget_association(one.id);
  }
  for (const model::Qos& qos : before.accounts().qos) {
    if (tree->qos(qos.id) == nullptr) policies->usage.forget_qos(qos.id);
  }
}

// RawUsage=0: of an account with all below it.
void Cluster::State::reset_usage(const model::AccountsEdit& edit) {
  charge_all();
  for (const std::uint32_t id : edit.reset_usage) {
    const AccountTree::Place place = tree->place_of(id);
    if (place == AccountTree::kNoPlace) continue;
    std::vector<std::uint32_t> above;
    for (const AccountTree::Place up : tree->chain(place)) {
      if (up != place) above.push_back(tree->at(up).id);
    }
    policies->usage.reset_association(id, above);
    for (AccountTree::Place below = 0; below < tree->size(); ++below) {
      if (below == place || !tree->is_within(below, place)) continue;
      policies->usage.reset_association(tree->at(below).id, {});
    }
  }
  for (const std::uint32_t id : edit.reset_qos_usage) policies->usage.reset_qos(id);
  policies->limits.loosen();
  publish_priorities();
}

std::int64_t Cluster::State::calculation_ms() const {
  const bool nothing_to_do = settings->priority.type != model::PriorityType::multifactor &&
                             !settings->enforce.limits && policies->charged.empty();
  return nothing_to_do ? DueTimes::kNone : policies->next_calculation_ms;
}

std::int64_t Cluster::State::calculation_period_ms() const {
  return std::int64_t{std::max(settings->priority.calc_period_s, 1U)} * 1000;
}

void Cluster::State::calculate() {
  Policies& p = *policies;
  p.next_calculation_ms = turn.now.mono_ms + calculation_period_ms();
  const model::PrioritySettings& rules = settings->priority;
  const model::WallTime before = p.usage.clock();
  const bool reset = before != 0 && turn.now.wall > before &&
                     period_start(before, rules.usage_reset, rules.utc_offset_s) !=
                         period_start(turn.now.wall, rules.usage_reset, rules.utc_offset_s);
  if (before != 0) {
    p.usage.decay((turn.now.wall - before) / model::kSecond, rules.decay_half_life_s);
  }
  charge_all();
  if (reset) p.usage.reset_all();
  end_used_up();
  start_aging();
  publish_priorities();
  p.limits.loosen();
  plan_needed = true;
}

// Jobs of associations and QOS of which all minutes are used up.
void Cluster::State::end_used_up() {
  if (!settings->enforce.limits) return;
  std::vector<std::pair<JobId, bool>> over;
  for (const auto& [id, charged] : policies->charged) {
    LimitClaim claim = charged.whose;
    claim.in_use = job(id).tres;
    const std::optional<GateBlock> block = policies->limits.used_up(claim);
    if (block) over.emplace_back(id, block->reason == model::Reason::qos_limit);
  }
  for (const auto& [id, of_qos] : over) {
    // A component that was ended with another one has ended already.
    const model::Job* still = find(id);
    const bool runs = still != nullptr && (still->state == model::JobState::running ||
                                           still->state == model::JobState::suspended);
    if (!runs) continue;
    end(id, {.state = model::JobState::timeout,
             .reason = of_qos ? model::Reason::qos_limit : model::Reason::association_limit,
             .detail = of_qos ? "QOSTimeLimit" : "AssociationTimeLimit"});
  }
}

// Whoever was kept from ageing may, in order of submission, as far as there is room.
void Cluster::State::start_aging() {
  policies->waiting_to_age.advance([&](JobId id) {
    const model::Job* job = find(id);
    if (job == nullptr || job->state != model::JobState::pending) {
      policies->waiting_to_age.drop(id);
      return true;
    }
    const bool limited = policies->limits.limits_accrual();
    if (limited && policies->limits.refuses_accrual(claimant(*job))) return false;
    settle_one(id);
    return true;
  });
}

void Cluster::State::publish_priorities() {
  auto made = std::make_shared<PriorityInputs>();
  made->settings = settings->priority;
  made->as_of = turn.now.wall;
  made->tree = tree;
  made->shares = fair_tree(*tree, raw_by_place(*tree, policies->usage));
  made->tres = tree->accounts().tres;
  if (auto weights = parse_tres_weights(made->tres, settings->priority.weight_tres)) {
    made->tres_weights = std::move(*weights);
  }
  set_highest(*tree, *made);
  for (std::size_t p = 0; p < partitions.size(); ++p) {
    const model::Partition& partition = *partitions[p];
    made->highest_partition = std::max(made->highest_partition, partition.priority_job_factor);
    made->partitions.push_back({partition.name, partition.priority_job_factor,
                                partition_totals(partition, made->tres_weights)});
  }
  if (made->settings.weight_slowdown != 0) note_crowds(*made);
  for (const NodeInfo& node : nodes) made->cpus += node.record->facts.cpus();
  made->nodes = static_cast<std::uint32_t>(nodes.size());
  made->limit_unit_ms = static_cast<std::uint32_t>(settings->limit_unit_ms);
  policies->inputs = made;
  policies->rule.publish(made);
  policies->limits.set_shares(made);
}

void Cluster::State::note_crowds(PriorityInputs& inputs) const {
  const std::vector<Planner::Overdue> all =
      planner.overdue(inputs.as_of - kCrowdedAfterS * model::kSecond);
  for (std::size_t p = 0; p < std::min(all.size(), inputs.partitions.size()); ++p) {
    Crowd& crowd = inputs.partitions[p].crowd;
    crowd.crowded = all[p].cpus >= kCrowdedTimes * std::max(1U, partitions[p]->total_cpus);
    if (crowd.crowded) crowd.oldest_wait_s = (inputs.as_of - all[p].oldest) / model::kSecond;
  }
}

model::TresCounts Cluster::State::partition_totals(const model::Partition& partition,
                                                   const TresWeights& weights) const {
  model::TresCounts totals;
  const std::size_t index = partition.index.value;
  model::set_tres(totals, model::kTresCpu, partition.total_cpus);
  model::set_tres(totals, model::kTresNode, partition.total_nodes);
  model::set_tres(totals, model::kTresMemory, static_cast<std::int64_t>(partition_memory[index]));
  const bool gres = std::ranges::any_of(
      weights, [](const TresWeight& weight) { return weight.id >= model::kFirstConfiguredTres; });
  if (!gres) return totals;
  model::Allocation everything;
  for (const std::uint32_t node : nodes_of(partition)) {
    model::NodeShare& share = everything.shares.emplace_back();
    for (const model::NodeGres& has : nodes[node].record->facts.gres) {
      share.gres.push_back({.name = has.name, .type = has.type, .indices = {}, .count = has.count});
    }
  }
  for (const model::TresCount& count : allocated_tres(everything, tree->accounts().tres)) {
    if (count.id >= model::kFirstConfiguredTres) model::set_tres(totals, count.id, count.count);
  }
  return totals;
}

// What is used, shared and counted, for each association and QOS that has any of it.
std::vector<model::UsageRecord> Cluster::State::usage_shown() const {
  std::map<std::pair<std::uint32_t, std::uint32_t>, model::UsageRecord> shown;
  for (model::UsageRecord& record : policies->usage.all()) {
    if (record.association == 0 && record.qos == 0) continue;
    shown[{record.association, record.qos}] = std::move(record);
  }
  Limits counted(policies->usage);
  if (!policies->limits.counts()) count_apart(counted);
  const Limits& limits = policies->limits.counts() ? policies->limits : counted;
  for (const auto& [holder, use] : limits.uses()) {
    const bool association = holder.kind == LimitHolder::Kind::association;
    if (!association && holder.kind != LimitHolder::Kind::qos) continue;
    model::UsageRecord& record = association ? shown[{holder.id, 0}] : shown[{0, holder.id}];
    record.run_seconds = use.run_seconds;
    record.in_use = use.in_use;
    if (!use.nodes.empty()) {
      model::set_tres(record.in_use, model::kTresNode, std::ssize(use.nodes));
    }
    record.jobs = static_cast<std::uint32_t>(use.running);
    record.submitted = static_cast<std::uint32_t>(use.submitted);
    record.accruing = static_cast<std::uint32_t>(use.accruing);
  }
  const std::vector<FairShare> shares = fair_tree(*tree, raw_by_place(*tree, policies->usage));
  for (AccountTree::Place place = 0; place < tree->size(); ++place) {
    model::UsageRecord& record = shown[{tree->at(place).id, 0}];
    record.norm_shares = shares[place].norm_shares;
    record.norm_usage = shares[place].norm_usage;
    record.effective_usage = shares[place].effective_usage;
    record.level_fs = shares[place].level_fs;
    record.factor = shares[place].factor;
  }
  std::vector<model::UsageRecord> records;
  for (auto& [key, record] : shown) {
    record.association = key.first;
    record.qos = key.second;
    records.push_back(std::move(record));
  }
  return records;
}

// What a job is submitted to: each of its QOS in each of its partitions.
std::vector<std::pair<PartitionIndex, LimitClaim>> Cluster::State::claims_at_submit(
    const model::Job& job) const {
  std::vector<std::pair<PartitionIndex, LimitClaim>> claims;
  LimitClaim claim = claimant(job);
  claim.submitted = is_rest(job) ? model::task_count(*job.array_rest) : 1;
  std::vector<std::string_view> wanted = base::split_nonempty(job.request->qos, ',');
  if (wanted.empty()) wanted.push_back(job.qos);
  for (const std::string_view asked : base::split_nonempty(job.request->partitions, ',')) {
    for (std::size_t p = 0; p < partitions.size(); ++p) {
      if (partitions[p]->name.view() != asked) continue;
      claim.partition_qos = policies->limits.rules().partitions[p].qos;
      for (const std::string_view qos : wanted) {
        claim.qos = qos_id(qos);
        claims.emplace_back(partitions[p]->index, claim);
      }
    }
  }
  return claims;
}

// What a submit must respect: MaxWall where the job gives no time, the limits on what is submitted,
// and what QOS with DenyOnLimit refuse. As in Slurm, all QOS and partitions that a job asks for
// must let it in.
Status Cluster::State::admit_to_limits(model::Job& job) {
  if (!settings->enforce.limits) return {};
  const auto claims = claims_at_submit(job);
  std::uint32_t most = model::kNoLimit;
  for (const auto& [partition, claim] : claims) {
    most = std::min(most, policies->limits.max_wall(claim));
  }
  if (job.request->time_limit == 0 && most < job.time_limit) {
    model::Request limited = *job.request;
    limited.time_limit = most;
    job.request = requests.intern(std::move(limited));
    job.time_limit = most;
  }
  const auto refused = [](const GateBlock& block) {
    constexpr ErrorCode kCode = ErrorCode::max_jobs;
    return fail(kCode, std::string(base::error_text(kCode)) + ": " + Limits::describe(block));
  };
  for (const auto& [partition, claim] : claims) {
    if (auto block = policies->limits.refuses_submit(claim)) return refused(*block);
    const RankedJob ranked{.request = job.request.get(),
                           .uid = job.spec->uid,
                           .association = claim.association,
                           .qos = claim.qos,
                           .time_limit = job.time_limit};
    const GateQuestion question{
        .job = ranked, .partition = partition, .time_limit = job.time_limit, .allocation = nullptr};
    if (auto block = policies->limits.refuses_alone(question)) return refused(*block);
  }
  return {};
}

bool Cluster::State::ranks_by_factors() const {
  return settings->priority.type == model::PriorityType::multifactor && policies->inputs != nullptr;
}

std::uint32_t Cluster::State::computed_priority(const model::Job& job) const {
  model::Job asked = job;
  asked.priority = 1;
  asked.priority_fixed = false;
  asked.state = model::JobState::pending;
  return shown_priority(asked, *policies->inputs);
}

}  // namespace sluice::core
