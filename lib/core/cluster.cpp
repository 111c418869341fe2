// The door: each event is one turn. See cluster_state.hpp for how a turn works.
#include "core/cluster.hpp"

#include <algorithm>
#include <utility>

#include "core/billing.hpp"
#include "core/cluster_state.hpp"
#include "model/task_set.hpp"

namespace sluice::core {

Cluster::Cluster(SettingsPtr settings) : state_(std::make_unique<State>(std::move(settings))) {}

Cluster::Cluster(SettingsPtr settings, const StoredState& stored, Now now)
    : state_(std::make_unique<State>(std::move(settings), stored, now)) {}

Cluster::~Cluster() = default;
Cluster::Cluster(Cluster&&) noexcept = default;
Cluster& Cluster::operator=(Cluster&&) noexcept = default;

Changes Cluster::apply(const Event& event, Now now) {
  state_->begin(now);
  state_->review_restored();
  std::visit([&](const auto& what) { state_->on(what); }, event);
  return state_->finish();
}

Changes Cluster::plan(Now now, std::uint64_t budget) {
  state_->begin(now);
  state_->review_restored();
  state_->settle();
  state_->refresh_preemption();
  state_->wake_displaced();
  const PassResult pass = state_->planner.pass(state_->pool, now, budget);
  state_->plan_needed = !pass.finished;
  state_->last_pass_ms = now.mono_ms;
  state_->take(pass);
  Changes changes = state_->finish();
  changes.figures = pass.figures;
  return changes;
}

bool Cluster::more_to_plan() const { return state_->plan_needed || !state_->unreviewed.empty(); }

std::int64_t Cluster::next_tick_ms() const {
  if (!state_->unreviewed.empty()) return state_->last.mono_ms;
  std::int64_t next = std::min(state_->timers.next_ms(state_->last), state_->replan_at_ms());
  if (!state_->unexplained.empty()) next = std::min(next, state_->explain_at_ms);
  next = std::min(next, state_->reservation_tick_ms());
  next = std::min(next, state_->calculation_ms());
  next = std::min(next, state_->billing_ms());
  return next;
}

const Settings& Cluster::settings() const { return *state_->settings; }

model::JobPtr Cluster::find_job(JobId id) const {
  const auto entry = state_->jobs.find(id);
  return entry == state_->jobs.end() ? nullptr : entry->second.job;
}

model::JobPtr Cluster::find_attempt(const Attempt& attempt) const {
  const std::optional<JobId> id = state_->attempt_job(attempt);
  return id ? find_job(*id) : nullptr;
}

model::JobPtr Cluster::find_task(JobId array, std::uint32_t task) const {
  const auto info = state_->arrays.find(array);
  if (info == state_->arrays.end()) return nullptr;
  const auto own = info->second.own.find(task);
  if (own != info->second.own.end()) return find_job(own->second);
  model::JobPtr rest = find_job(array);
  const bool there = rest && is_rest(*rest) && model::has_task(*rest->array_rest, task);
  return there ? rest : nullptr;
}

std::vector<model::JobPtr> Cluster::records_of(JobId job) const {
  std::set<JobId> ids;
  const auto info = state_->arrays.find(job);
  if (info != state_->arrays.end()) {
    for (const auto& [task, id] : info->second.own) ids.insert(id);
  }
  ids.insert(job);
  std::vector<model::JobPtr> records;
  for (const JobId id : ids) {
    if (model::JobPtr record = find_job(id)) records.push_back(std::move(record));
  }
  return records;
}

std::vector<model::JobPtr> Cluster::all_jobs() const {
  std::vector<model::JobPtr> all;
  all.reserve(state_->jobs.size());
  for (const auto& [id, entry] : state_->jobs) all.push_back(entry.job);
  return all;
}

std::vector<model::NodePtr> Cluster::all_nodes() const {
  std::vector<model::NodePtr> all;
  all.reserve(state_->nodes.size());
  for (const NodeInfo& node : state_->nodes) all.push_back(node.record);
  return all;
}

std::vector<model::PartitionPtr> Cluster::all_partitions() const { return state_->partitions; }

std::vector<model::StepPtr> Cluster::running_steps() const {
  std::vector<model::StepPtr> all;
  for (const auto& [key, step] : state_->steps) all.push_back(step);
  return all;
}

std::vector<model::NodeRelease> Cluster::released() const { return state_->released(); }

std::vector<model::UsageRecord> Cluster::usage() const { return state_->usage_shown(); }

const ledger::Books* Cluster::books() const {
  return state_->money == nullptr ? nullptr : &state_->money->books();
}

PriorityInputsPtr Cluster::priority_inputs() const { return state_->policies->inputs; }

const AccountTree& Cluster::accounts() const { return *state_->tree; }

std::vector<model::ReservationPtr> Cluster::all_reservations() const {
  std::vector<model::ReservationPtr> all;
  for (const auto& [id, entry] : state_->reservations.all()) all.push_back(entry.record);
  return all;
}

std::vector<LicenseUse> Cluster::licenses() const { return state_->licenses->use(); }

std::optional<NodeIndex> Cluster::find_node(std::string_view name) const {
  const auto found = state_->node_names.find(name);
  if (found == state_->node_names.end()) return std::nullopt;
  return NodeIndex(found->second);
}

const model::NodePtr& Cluster::node_record(NodeIndex node) const {
  return state_->nodes.at(node.value).record;
}

std::vector<model::JobPtr> Cluster::jobs_on(NodeIndex node) const {
  std::vector<model::JobPtr> all;
  if (node.value >= state_->nodes.size()) return all;
  for (const JobId id : state_->nodes[node.value].jobs) all.push_back(find_job(id));
  return all;
}

std::vector<Attempt> Cluster::strangers_on(NodeIndex node) const {
  if (node.value >= state_->nodes.size()) return {};
  const std::set<Attempt>& strangers = state_->nodes[node.value].strangers;
  return {strangers.begin(), strangers.end()};
}

const PlanEntry* Cluster::explain(JobId id) const { return state_->planner.explain(id); }

std::vector<PastTarget> Cluster::past_targets(std::string_view dependency) const {
  return state_->past_targets(dependency);
}

std::uint32_t Cluster::next_job_id() const { return state_->next_job_id; }

}  // namespace sluice::core
