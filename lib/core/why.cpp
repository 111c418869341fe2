// Why a job waits, or runs where it does: the plan's own data, put together for one job.
#include "core/why.hpp"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

constexpr std::size_t kMaxNamed = 10;        // jobs named in one list
constexpr std::size_t kMaxAlternatives = 8;  // shown
constexpr std::size_t kMaxOthers = 4;        // QOS and accounts tried

void copy_filters(const std::vector<FilterCount>& from, std::vector<model::ExplainedFilter>& to) {
  for (const FilterCount& filter : from) to.push_back({Text(filter.filter), filter.removed});
}

// What a change is a change of: "--account=b --time=1:00" is one of "--account=b --time".
std::string options_of(std::string_view change) {
  std::string options;
  for (const std::string_view word : base::split(change, ' ')) {
    const std::string_view option = word.substr(0, word.find('='));
    const bool names_one = option == "--partition" || option == "--qos" || option == "--account";
    options += std::string(names_one ? word : option) + ' ';
  }
  return options;
}

}  // namespace

model::WallTime Cluster::State::expected_end(const model::Job& job) const {
  const auto held = active.find(job.id);
  if (held == active.end() || held->second.limit_ms == DueTimes::kNone) return 0;
  return last.wall + (held->second.limit_ms - last.mono_ms) * 1000;
}

model::ExplainedJob Cluster::State::named(const model::Job& job) const {
  model::ExplainedJob named;
  named.job = job.id;
  named.user = job.spec->user;
  named.start = job.start;
  named.end = expected_end(job);
  const std::size_t count = job.allocation ? job.allocation->shares.size() : 0;
  named.what = fmt::format("{} CPUs on {} node{}", job.allocation ? job.allocation->cpus : 0, count,
                           count == 1 ? "" : "s");
  return named;
}

// The running jobs on the nodes that the planned start counts on, the last to end first.
void Cluster::State::explain_until(const LaneView& lane, model::Explanation& why) const {
  std::set<JobId> found;
  for (const std::uint32_t node : lane.nodes) {
    for (const JobId id : nodes[node].jobs) {
      const auto held = active.find(id);
      if (held != active.end() && held->second.limit_ms <= lane.start_ms) found.insert(id);
    }
  }
  for (const JobId id : found) why.until.push_back(named(job(id)));
  std::stable_sort(why.until.begin(), why.until.end(),
                   [](const auto& a, const auto& b) { return a.end > b.end; });
  if (why.until.size() > kMaxNamed) why.until.resize(kMaxNamed);
}

bool Cluster::State::counts_for(const GateBlock& gate, const model::Job& running) const {
  if (gate.uid != model::kNoTask && running.spec->uid != gate.uid) return false;
  if (!gate.account.empty() && running.request->account != gate.account) return false;
  if (gate.qos != 0) {
    const model::Qos* qos = tree->qos(running.qos);
    if (qos == nullptr || qos->id != gate.qos) return false;
  }
  if (gate.association == 0) return true;
  const AccountTree::Place below = tree->place_of(running.association);
  const AccountTree::Place above = tree->place_of(gate.association);
  const bool known = below != AccountTree::kNoPlace && above != AccountTree::kNoPlace;
  return known && tree->is_within(below, above);
}

void Cluster::State::explain_limit(const GateBlock& gate, model::Explanation& why) const {
  model::ExplainedLimit limit;
  limit.name = gate.detail.empty() ? Text(model::reason_name(gate.reason)) : gate.detail;
  limit.holder = gate.holder;
  limit.resource = gate.resource;
  limit.used = gate.used;
  limit.wanted = gate.wanted;
  limit.limit = gate.limit;
  for (const model::ExplainedLimit& other : why.limits) {
    if (other.name == limit.name && other.holder == limit.holder) return;
  }
  const bool of_somebody = gate.association != 0 || gate.qos != 0;
  for (const auto& [id, held] : active) {
    const model::Job& running = job(id);
    if (of_somebody && counts_for(gate, running)) limit.by.push_back(named(running));
  }
  std::stable_sort(limit.by.begin(), limit.by.end(),
                   [](const auto& a, const auto& b) { return a.end < b.end; });
  if (limit.by.size() > kMaxNamed) limit.by.resize(kMaxNamed);
  why.limits.push_back(std::move(limit));
}

// Where, and as whom.
void Cluster::State::name_guise(const LaneView& view, const model::Job& asked,
                                model::ExplainedLane& lane) const {
  lane.partition = partitions[view.plan.partition.value]->name;
  const model::Qos* qos = tree->qos(view.guise.qos);
  lane.qos = qos == nullptr ? asked.qos : qos->name;
  const AccountTree::Place place = tree->place_of(view.guise.association);
  lane.account = place == AccountTree::kNoPlace ? asked.request->account : tree->at(place).account;
  const auto kept = reservations.all().find(view.reservation);
  if (kept != reservations.all().end()) lane.reservation = kept->second.record->name;
}

void Cluster::State::explain_lanes(JobId id, model::Explanation& why) const {
  const std::vector<LaneView> lanes = planner.lanes_of(pool, id, last);
  const LaneView* planned = nullptr;
  for (const LaneView& view : lanes) {
    model::ExplainedLane lane;
    name_guise(view, job(id), lane);
    lane.reason = view.plan.reason;
    lane.detail = view.plan.detail;
    lane.nodes = static_cast<std::uint32_t>(nodes.size());
    copy_filters(view.plan.filters, lane.filters);
    lane.wanted = view.plan.nodes_wanted;
    lane.usable = view.plan.nodes_usable;
    lane.free = view.free;
    lane.planned_start = view.plan.planned_start;
    lane.planned_nodes = view.plan.planned_nodes;
    if (view.plan.gate) explain_limit(*view.plan.gate, why);
    why.lanes.push_back(std::move(lane));
    if (!view.nodes.empty() && (planned == nullptr || view.start_ms < planned->start_ms)) {
      planned = &view;
    }
  }
  if (planned != nullptr) explain_until(*planned, why);
  why.ahead = planner.ahead_of(id);
  const PlanEntry* shown = planner.explain(id);
  if (shown == nullptr || !shown->behind.is_set()) return;
  why.behind = shown->behind;
  const PlanEntry* ahead = planner.explain(shown->behind);
  if (ahead == nullptr) return;
  why.behind_start = ahead->planned_start;
  why.behind_nodes = ahead->planned_nodes;
}

ChangeHints Cluster::State::change_hints(const model::Job& job) const {
  ChangeHints hints;
  hints.minutes = job.time_limit;
  const std::vector<std::string_view> asked = base::split(job.request->partitions, ',');
  for (const model::PartitionPtr& partition : partitions) {
    if (std::find(asked.begin(), asked.end(), partition->name.view()) != asked.end()) continue;
    if (partition->hidden || partition->root_only) continue;
    hints.partitions.push_back(partition->name);
  }
  const AccountTree::Place place = tree->place_of(job.association);
  const auto add = [](std::vector<Text>& to, const Text& name, const Text& own) {
    const bool listed = std::find(to.begin(), to.end(), name) != to.end();
    if (!listed && name != own && to.size() < kMaxOthers) to.push_back(name);
  };
  if (place != AccountTree::kNoPlace) {
    for (const Text& qos : tree->qos_list(place)) add(hints.qos, qos, job.qos);
    for (const AccountTree::Place other : tree->of_user(job.spec->user)) {
      add(hints.accounts, tree->at(other).account, tree->at(place).account);
    }
    // Those of the user's other accounts are for pairs of changes.
    for (const AccountTree::Place other : tree->of_user(job.spec->user)) {
      for (const Text& qos : tree->qos_list(other)) add(hints.qos, qos, job.qos);
    }
  }
  std::set<std::string> types;
  for (const NodeInfo& node : nodes) {
    for (const model::NodeGres& gres : node.record->facts.gres) {
      for (const model::GresRequest& wanted : job.request->gres) {
        if (gres.name == wanted.name && !gres.type.empty()) types.insert(gres.type.str());
      }
    }
  }
  for (const std::string& type : types) hints.gpu_types.emplace_back(type);
  return hints;
}

// The job as it would be; nothing if its user may not ask for that.
std::optional<Candidate> Cluster::State::as_changed(const model::Job& waiting,
                                                    model::Request request) const {
  model::Job changed = waiting;
  if (request.qos != waiting.request->qos) changed.qos = request.qos;
  const AccountTree::Place before = tree->place_of(waiting.association);
  const bool other =
      request.qos != waiting.request->qos || request.account != waiting.request->account;
  if (other && before != AccountTree::kNoPlace) {
    const Text& account = request.account.empty() ? tree->at(before).account : request.account;
    const AccountTree::Place place = tree->find(account, waiting.spec->user, waiting.partition);
    if (place == AccountTree::kNoPlace || !tree->allows_qos(place, changed.qos)) return {};
    changed.association = tree->at(place).id;
  }
  changed.request = std::make_shared<const model::Request>(std::move(request));
  Candidate made = candidate(changed, 1);
  if (made.partitions.empty()) return {};
  return made;
}

// When the job could start where no start is planned for it, beside those that are planned.
model::WallTime Cluster::State::earliest_start(const model::Job& waiting) const {
  const std::optional<Candidate> as_it_is = as_changed(waiting, *waiting.request);
  if (!as_it_is) return 0;
  const auto answers = planner.what_if(pool, waiting.id, {*as_it_is}, last);
  return answers.front() ? answers.front()->planned_start : 0;
}

// "If nothing else changes": changed requests, planned in the job's place. Each that would start
// before it would without a change is noted. True if one would start at once.
bool Cluster::State::try_changes(const model::Job& waiting, std::vector<ChangedRequest> changes,
                                 model::Explanation& why) const {
  const PlanEntry* plan = planner.explain(waiting.id);
  const bool planned = plan != nullptr && plan->planned_start != 0;
  const model::WallTime present = planned ? plan->planned_start : why.earliest;
  std::vector<Candidate> candidates;
  std::vector<std::string> words;
  for (ChangedRequest& change : changes) {
    std::optional<Candidate> made = as_changed(waiting, std::move(change.request));
    if (!made) continue;
    candidates.push_back(std::move(*made));
    words.push_back(std::move(change.change));
  }
  const auto answers = planner.what_if(pool, waiting.id, candidates, last);
  std::set<std::pair<std::string, model::WallTime>> seen;
  bool at_once = false;
  for (std::size_t at = 0; at < answers.size(); ++at) {
    if (!answers[at]) continue;
    const model::WallTime start = answers[at]->planned_start;
    if (present != 0 && start + model::kSecond > present) continue;
    // Of one option only the least change for the same gain.
    if (!seen.emplace(options_of(words[at]), start).second) continue;
    at_once = at_once || start <= last.wall;
    why.sooner.push_back({Text(words[at]), start, answers[at]->planned_nodes,
                          partitions[answers[at]->partition.value]->name});
  }
  return at_once;
}

void Cluster::State::explain_sooner(const model::Job& waiting, model::Explanation& why) const {
  const PlanEntry* plan = planner.explain(waiting.id);
  if (plan == nullptr || plan->planned_start == 0) why.earliest = earliest_start(waiting);
  const ChangeHints hints = change_hints(waiting);
  if (!try_changes(waiting, changed_requests(*waiting.request, hints), why)) {
    try_changes(waiting, paired_changes(*waiting.request, hints), why);
  }
  std::stable_sort(why.sooner.begin(), why.sooner.end(),
                   [](const auto& a, const auto& b) { return a.start < b.start; });
  if (why.sooner.size() > kMaxAlternatives) why.sooner.resize(kMaxAlternatives);
}

// The numbers are those of the moment of the start; the rules follow from the request.
void Cluster::State::explain_placement(const model::Job& placed, model::Explanation& why) const {
  const auto held = active.find(placed.id);
  if (held == active.end()) return;
  const StartNote& note = held->second.note;
  const model::Request& request = *placed.request;
  model::Placement made;
  made.partition = placed.partition;
  made.wanted = std::max(request.min_nodes, 1U);
  made.usable = note.usable;
  made.serving = note.serving;
  made.planned_before = note.planned_start;
  made.ahead_of = note.ahead_of;
  Candidate asked = candidate(placed, 1);
  asked.partitions = {held->second.holder.partition};
  copy_filters(planner.fixed_filters(pool, asked), made.filters);
  if (!request.node_list.empty()) made.rules.emplace_back("the nodes that it names (--nodelist)");
  made.rules.emplace_back("nodes of the lowest weight first");
  if (request.switches != 0) made.rules.emplace_back("as few leaf switches as asked (--switches)");
  if (request.contiguous) made.rules.emplace_back("nodes beside each other (--contiguous)");
  made.rules.emplace_back(request.spread ? "as many nodes as can be had (--spread-job)"
                                         : "as few nodes as suffice");
  made.rules.emplace_back("the node with the fewest idle cores that serves (best fit)");
  made.rules.emplace_back("the first in the node table");
  why.placed.push_back(std::move(made));
}

model::Explanation Cluster::State::why(JobId id, bool sooner) const {
  const model::Job& asked = job(id);
  model::Explanation why;
  why.job = id;
  why.state = asked.state;
  why.reason = asked.reason;
  why.detail = asked.reason_detail;
  why.priority = asked.priority;
  why.at = last.wall;
  if (asked.state != model::JobState::pending) {
    explain_placement(asked, why);
    return why;
  }
  if (asked.spec->begin > last.wall) why.begin = asked.spec->begin;
  why.dependency = asked.dependency;
  if (const PlanEntry* plan = planner.explain(id)) {
    why.reason = plan->reason;
    why.detail = plan->detail;
    const std::uint32_t ranked = planner.priority_of(id);
    if (ranked != 0) why.priority = ranked;
    explain_lanes(id, why);
    if (sooner) explain_sooner(asked, why);
  }
  return why;
}

std::optional<model::Explanation> Cluster::why(JobId id, bool sooner) const {
  if (!find_job(id)) return std::nullopt;
  return state_->why(id, sooner);
}

}  // namespace sluice::core
