// See placement.hpp. The choice is made twice by the same rules: with the job's resources as if no
// step ran (can it ever run?), then with what is free (can it run now?).
#include "daemon/worker/service/placement.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "base/hostlist.hpp"
#include "daemon/worker/service/layout.hpp"
#include "daemon/worker/service/step_gres.hpp"

namespace sluice::worker {

namespace {

constexpr std::uint32_t kNoLimit = std::numeric_limits<std::uint32_t>::max();

bool is_exact(const model::StepSpec& spec) {
  return !spec.whole && !spec.external_launcher &&
         (spec.exact || spec.cpus_per_task > 0 || spec.threads_per_core > 0);
}

bool overlaps(const model::StepSpec& spec) { return spec.overlap || spec.external_launcher; }

std::uint64_t memory_wanted(const model::StepSpec& spec, std::uint64_t cpus) {
  if (spec.memory_per_cpu > 0) return spec.memory_per_cpu * std::max<std::uint64_t>(cpus, 1);
  return spec.memory_per_node;
}

struct Candidate {
  std::size_t position = 0;  // in the job's allocation
  base::Bitmap cpus;         // that the step may have there
  std::uint32_t slots = 0;   // tasks that fit
};

std::uint64_t gres_per_node(const model::GresRequest& wanted, std::uint32_t tasks) {
  return wanted.scope == model::GresScope::task ? wanted.count * tasks : wanted.count;
}

class Placer {
 public:
  Placer(const PlacementInput& input, const std::vector<NodeUse>& used)
      : input_(input), spec_(input.spec), shares_(input.job.allocation->shares), used_(used) {}

  [[nodiscard]] Result<wire::StepLayout> place() {
    if (Status gres = check_gres(input_.job, spec_); !gres) return tl::unexpected(gres.error());
    if (Status chosen = choose_candidates(); !chosen) return tl::unexpected(chosen.error());
    if (Status counted = count_nodes(); !counted) return tl::unexpected(counted.error());
    if (Status taken = take_nodes(); !taken) return tl::unexpected(taken.error());
    return lay_out_tasks();
  }

 private:
  [[nodiscard]] Status choose_candidates();
  [[nodiscard]] Status count_nodes();
  [[nodiscard]] Status take_nodes();
  [[nodiscard]] Result<wire::StepLayout> lay_out_tasks();
  [[nodiscard]] Candidate candidate(std::size_t position) const;
  [[nodiscard]] std::uint32_t slot_limit(std::uint32_t cpus) const;
  [[nodiscard]] Status fill_arbitrary(LayoutRequest& request) const;
  [[nodiscard]] Result<model::NodeShare> share_for(const Candidate& node,
                                                   std::uint32_t tasks) const;
  [[nodiscard]] Status add_gres(model::NodeShare& share, const Candidate& node) const;
  [[nodiscard]] Status deal_job_gres();
  [[nodiscard]] std::uint64_t left_of(const model::GresRequest& wanted, std::size_t position) const;

  const PlacementInput& input_;
  const model::StepSpec& spec_;
  const std::vector<model::NodeShare>& shares_;
  const std::vector<NodeUse>& used_;
  std::vector<Candidate> candidates_;
  std::vector<Candidate> nodes_;
  std::vector<std::string> listed_;  // -w, with repeats
  // GRES counted for the whole step: for each of spec_.gres what each node gives, by position.
  std::vector<std::map<std::size_t, std::uint64_t>> dealt_;
  std::uint32_t tasks_ = 0;
  std::uint32_t min_nodes_ = 0;
  std::uint32_t max_nodes_ = 0;
};

Error unavailable() {
  return {ErrorCode::node_config_unavailable,
          std::string(error_text(ErrorCode::node_config_unavailable))};
}

Status Placer::choose_candidates() {
  Result<std::vector<std::string>> listed = base::parse_hosts(spec_.node_list);
  Result<std::vector<std::string>> excluded = base::parse_hosts(spec_.exclude);
  if (!listed) return tl::unexpected(listed.error());
  if (!excluded) return tl::unexpected(excluded.error());
  listed_ = *listed;
  const std::set<std::string> wanted(listed->begin(), listed->end());
  const std::set<std::string> unwanted(excluded->begin(), excluded->end());
  const std::size_t start = spec_.relative_node == model::kNoTask ? 0 : spec_.relative_node;
  if (start >= shares_.size()) return tl::unexpected(unavailable());
  std::vector<std::size_t> listed_first;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    const std::size_t position = (start + i) % shares_.size();
    const std::string name = shares_[position].name.str();
    if (unwanted.contains(name)) continue;
    (wanted.contains(name) ? listed_first : others).push_back(position);
  }
  if (listed_first.size() < wanted.size()) return tl::unexpected(unavailable());
  min_nodes_ = std::max<std::uint32_t>(spec_.min_nodes, static_cast<std::uint32_t>(wanted.size()));
  for (const std::size_t position : listed_first) candidates_.push_back(candidate(position));
  // A list that names as many nodes as are wanted is the whole choice.
  if (wanted.empty() || spec_.min_nodes > wanted.size()) {
    for (const std::size_t position : others) candidates_.push_back(candidate(position));
  }
  return {};
}

std::uint32_t Placer::slot_limit(std::uint32_t cpus) const {
  std::uint32_t limit = kNoLimit;
  const std::uint32_t threads = std::max<std::uint32_t>(input_.threads_per_core, 1);
  const std::uint32_t cores = std::max<std::uint32_t>(cpus / threads, 1);
  const std::uint32_t cpus_per_task = std::max<std::uint32_t>(spec_.cpus_per_task, 1);
  if (spec_.tasks_per_node > 0) limit = std::min(limit, spec_.tasks_per_node);
  if (spec_.tasks_per_core > 0) limit = std::min(limit, cores * spec_.tasks_per_core);
  if (spec_.tasks_per_socket > 0) {
    limit = std::min(limit, std::max<std::uint32_t>(input_.sockets, 1) * spec_.tasks_per_socket);
  }
  if (spec_.overcommit) return limit;
  std::uint32_t usable = cpus;
  if (spec_.threads_per_core > 0 && spec_.threads_per_core < threads) {
    usable = cores * spec_.threads_per_core;
  }
  if (spec_.no_multithread) usable = std::min(usable, cores);
  return std::min(limit, usable / cpus_per_task);
}

Candidate Placer::candidate(std::size_t position) const {
  const model::NodeShare& share = shares_[position];
  const NodeUse& use = used_[position];
  Candidate node;
  node.position = position;
  node.cpus = share.cpus;
  if (!overlaps(spec_)) {
    // Who wants all CPUs of a node doesn't get some of them.
    if (!is_exact(spec_) && use.cpus.any()) return node;
    node.cpus -= use.cpus;
  }
  const auto count = static_cast<std::uint32_t>(node.cpus.count());
  std::uint32_t slots = slot_limit(count);
  if (count == 0 && !spec_.overcommit) slots = 0;
  const std::uint64_t memory =
      memory_wanted(spec_, std::max<std::uint32_t>(spec_.cpus_per_task, 1));
  if (memory > 0 && share.memory > 0 && !overlaps(spec_)) {
    const std::uint64_t left = share.memory > use.memory ? share.memory - use.memory : 0;
    // Overcommitted tasks share their CPUs, and so the memory that comes with those.
    const bool by_task = spec_.memory_per_cpu > 0 && !spec_.overcommit;
    const std::uint64_t fit = by_task ? left / memory : (left >= memory ? kNoLimit : 0);
    slots = static_cast<std::uint32_t>(std::min<std::uint64_t>(slots, fit));
  }
  for (const model::GresRequest& wanted : spec_.gres) {
    const std::uint64_t left = left_of(wanted, position);
    if (wanted.scope == model::GresScope::task && wanted.count > 0) {
      slots = static_cast<std::uint32_t>(std::min<std::uint64_t>(slots, left / wanted.count));
    } else if (left < (wanted.scope == model::GresScope::job ? 1 : wanted.count)) {
      slots = 0;
    }
  }
  node.slots = slots;
  return node;
}

std::uint64_t Placer::left_of(const model::GresRequest& wanted, std::size_t position) const {
  const GresShares nothing;
  return free_gres(input_.job, shares_[position].gres,
                   overlaps(spec_) ? nothing : used_[position].gres, wanted);
}

Status Placer::deal_job_gres() {
  dealt_.assign(spec_.gres.size(), {});
  for (std::size_t g = 0; g < spec_.gres.size(); ++g) {
    if (spec_.gres[g].scope != model::GresScope::job) continue;
    std::vector<std::uint64_t> free;
    for (const Candidate& node : nodes_) free.push_back(left_of(spec_.gres[g], node.position));
    const std::vector<std::uint64_t> dealt = deal_gres(spec_.gres[g].count, free);
    if (dealt.empty()) return fail(ErrorCode::invalid_gres);
    for (std::size_t n = 0; n < nodes_.size(); ++n) dealt_[g][nodes_[n].position] = dealt[n];
  }
  return {};
}

Status Placer::count_nodes() {
  std::uint32_t nodes = min_nodes_;
  if (nodes == 0) nodes = spec_.tasks > 0 ? 1 : static_cast<std::uint32_t>(candidates_.size());
  tasks_ = tasks_of(input_.job, spec_, nodes);
  if (nodes > candidates_.size()) return tl::unexpected(unavailable());
  // Never more nodes than tasks, except those that were named.
  min_nodes_ = std::max<std::uint32_t>(std::min(nodes, tasks_), 1);
  max_nodes_ = static_cast<std::uint32_t>(candidates_.size());
  if (spec_.max_nodes > 0) max_nodes_ = std::min(max_nodes_, std::max(spec_.max_nodes, min_nodes_));
  if (spec_.min_nodes > 0 && spec_.max_nodes == 0)
    max_nodes_ = std::max(spec_.min_nodes, min_nodes_);
  max_nodes_ = std::min<std::uint32_t>(max_nodes_, tasks_);
  return {};
}

// In the job's order: the least number of nodes, from min_nodes up, that takes all tasks.
Status Placer::take_nodes() {
  std::uint64_t slots = 0;
  for (const Candidate& node : candidates_) {
    if (nodes_.size() >= min_nodes_ && slots >= tasks_) break;
    if (nodes_.size() >= max_nodes_) break;
    if (node.slots == 0) continue;
    nodes_.push_back(node);
    slots += node.slots;
  }
  if (nodes_.size() < min_nodes_ || slots < tasks_) {
    return fail(ErrorCode::cpu_count, "More processors requested than permitted");
  }
  return {};
}

// -m arbitrary: task i runs on the i-th name of the list.
Status Placer::fill_arbitrary(LayoutRequest& request) const {
  if (listed_.size() < tasks_) return tl::unexpected(unavailable());
  for (std::uint32_t task = 0; task < tasks_; ++task) {
    const auto node = std::ranges::find_if(nodes_, [&](const Candidate& candidate) {
      return shares_[candidate.position].name.view() == listed_[task];
    });
    if (node == nodes_.end()) return tl::unexpected(unavailable());
    request.task_nodes.push_back(static_cast<std::uint32_t>(node - nodes_.begin()));
  }
  return {};
}

Result<wire::StepLayout> Placer::lay_out_tasks() {
  // Nodes of a layout stand in the job's order, whatever -r or -w made the first.
  std::ranges::sort(nodes_, {}, &Candidate::position);
  if (Status dealt = deal_job_gres(); !dealt) return tl::unexpected(dealt.error());
  Result<Distribution> distribution = parse_distribution(spec_.distribution);
  if (!distribution) return tl::unexpected(distribution.error());
  LayoutRequest request;
  request.tasks = tasks_;
  request.cpus_per_task = 1;
  request.overcommit = spec_.overcommit;
  request.distribution = *distribution;
  // Slots already say what fits, so a slot is the layout's CPU.
  for (const Candidate& node : nodes_) {
    const auto cpus = static_cast<std::uint32_t>(node.cpus.count());
    request.cpus.push_back(spec_.overcommit ? std::max<std::uint32_t>(cpus, 1) : node.slots);
  }
  request.max_tasks_per_node = spec_.tasks_per_node;
  if (distribution->nodes == NodeSpread::arbitrary) {
    if (Status filled = fill_arbitrary(request); !filled) return tl::unexpected(filled.error());
  }
  Result<Layout> layout = lay_out(request);
  if (!layout) return tl::unexpected(layout.error());
  wire::StepLayout result;
  result.tasks = tasks_;
  result.cpus_per_task = std::max<std::uint32_t>(spec_.cpus_per_task, 1);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto count = static_cast<std::uint32_t>(layout->tasks_of[i].size());
    Result<model::NodeShare> share = share_for(nodes_[i], count);
    if (!share) return tl::unexpected(share.error());
    wire::StepNode node;
    node.name = share->name;
    node.share = std::move(*share);
    node.tasks = std::move(layout->tasks_of[i]);
    names.push_back(node.name.str());
    result.nodes.push_back(std::move(node));
  }
  result.node_list = base::compress_hosts(names);
  return result;
}

Result<model::NodeShare> Placer::share_for(const Candidate& node, std::uint32_t tasks) const {
  const model::NodeShare& whole = shares_[node.position];
  model::NodeShare share;
  share.node = whole.node;
  share.name = whole.name;
  share.topology = whole.topology;
  share.tasks = tasks;
  share.cpus = node.cpus;
  if (is_exact(spec_)) {
    const std::uint32_t threads = std::max<std::uint32_t>(input_.threads_per_core, 1);
    std::size_t count = std::size_t{tasks} * std::max<std::uint32_t>(spec_.cpus_per_task, 1);
    const bool one_thread = spec_.no_multithread || spec_.threads_per_core == 1;
    if (one_thread) count *= threads;
    share.cpus = node.cpus.first_n(std::min(std::max<std::size_t>(count, 1), node.cpus.count()));
  }
  share.cpu_count = static_cast<std::uint32_t>(share.cpus.count());
  const std::uint64_t wanted = memory_wanted(spec_, share.cpu_count);
  share.memory = wanted > 0 ? std::min(wanted, std::max(whole.memory, wanted)) : whole.memory;
  if (Status added = add_gres(share, node); !added) return tl::unexpected(added.error());
  return share;
}

Status Placer::add_gres(model::NodeShare& share, const Candidate& node) const {
  const model::NodeShare& whole = shares_[node.position];
  if (spec_.gres_none) return {};
  const GresShares nothing;
  const bool sees_all = spec_.gres.empty() || overlaps(spec_);
  const GresPlace place{input_.job, whole.gres, sees_all ? nothing : used_[node.position].gres,
                        share.cpus, input_.gres};
  if (spec_.gres.empty()) {
    share.gres = default_gres(place, whole.tasks);
    return {};
  }
  for (std::size_t g = 0; g < spec_.gres.size(); ++g) {
    const model::GresRequest& wanted = spec_.gres[g];
    const std::uint64_t count = wanted.scope == model::GresScope::job
                                    ? dealt_[g].at(node.position)
                                    : gres_per_node(wanted, share.tasks);
    if (take_gres(place, wanted, count, share.gres) != 0) return fail(ErrorCode::invalid_gres);
  }
  return {};
}

}  // namespace

std::vector<NodeUse> no_use(const model::Job& job) {
  std::vector<NodeUse> used;
  for (const model::NodeShare& share : job.allocation->shares) {
    used.push_back({base::Bitmap(share.cpus.size()), 0, {}});
  }
  return used;
}

void add_use(std::vector<NodeUse>& used, const model::Job& job, const model::StepSpec& spec,
             const wire::StepLayout& layout) {
  if (overlaps(spec)) return;
  const auto& shares = job.allocation->shares;
  for (const wire::StepNode& node : layout.nodes) {
    const auto share = std::ranges::find(shares, node.name, &model::NodeShare::name);
    if (share == shares.end()) continue;
    NodeUse& use = used[static_cast<std::size_t>(share - shares.begin())];
    if (node.share.cpus.size() == use.cpus.size()) use.cpus |= node.share.cpus;
    if (memory_wanted(spec, 1) > 0) use.memory += node.share.memory;
    if (spec.gres.empty()) continue;
    use.gres.insert(use.gres.end(), node.share.gres.begin(), node.share.gres.end());
  }
}

std::uint32_t tasks_of(const model::Job& job, const model::StepSpec& spec, std::uint32_t nodes) {
  if (spec.tasks > 0) return spec.tasks;
  if (spec.tasks_per_node > 0) return spec.tasks_per_node * nodes;
  if (job.request->tasks > 0 && spec.min_nodes == 0) return std::max(job.request->tasks, nodes);
  return nodes;
}

Result<wire::StepLayout> place_step(const PlacementInput& input) {
  const std::vector<NodeUse> idle = no_use(input.job);
  Result<wire::StepLayout> ever = Placer(input, idle).place();
  if (!ever) return ever;
  Result<wire::StepLayout> now = Placer(input, input.used).place();
  if (!now) return fail(ErrorCode::nodes_busy);
  return now;
}

}  // namespace sluice::worker
