// See components.hpp.
#include "daemon/worker/service/components.hpp"

#include <algorithm>
#include <utility>

#include "base/hostlist.hpp"
#include "daemon/worker/service/placement.hpp"

namespace sluice::worker {

namespace {

std::vector<NodeUse> use_of(const JobRun& job, const model::Job& component) {
  std::vector<NodeUse> used = no_use(component);
  for (const auto& [number, step] : job.steps) {
    if (!step.root || step.root->finished || number >= base::kInteractiveStep) continue;
    const model::StepSpec* spec = &step.spec;
    for (const wire::StepPortion& portion : step.portions) {
      if (portion.job.id == component.id) spec = &portion.spec;
    }
    // Nodes of other components are none of this one's.
    add_use(used, component, *spec, step.layout);
  }
  return used;
}

void append(PlacedStep& whole, wire::StepLayout part, const model::Job& job,
            const model::StepSpec& spec) {
  wire::StepPortion portion;
  portion.first = static_cast<std::uint32_t>(whole.layout.nodes.size());
  portion.count = static_cast<std::uint32_t>(part.nodes.size());
  portion.job = job;
  portion.spec = spec;
  portion.cpus_per_task = part.cpus_per_task;
  const std::uint32_t first_task = whole.layout.tasks;
  for (wire::StepNode& node : part.nodes) {
    for (std::uint32_t& task : node.tasks) task += first_task;
    whole.layout.nodes.push_back(std::move(node));
  }
  whole.layout.tasks += part.tasks;
  whole.portions.push_back(std::move(portion));
}

model::AllocationPtr without(const model::Allocation& from, std::string_view lost) {
  model::Allocation left;
  std::vector<std::string> names;
  for (const model::NodeShare& share : from.shares) {
    if (share.name.view() == lost) continue;
    left.cpus += share.cpu_count;
    names.push_back(share.name.str());
    left.shares.push_back(share);
  }
  left.nodes = base::compress_hosts(names);
  return std::make_shared<const model::Allocation>(std::move(left));
}

bool has_node(const model::Job& job, std::string_view name) {
  return job.allocation && std::ranges::any_of(job.allocation->shares, [&](const auto& share) {
           return share.name.view() == name;
         });
}

// What a portion's nodes make of the whole step's record.
model::Step record_of(const StepRun& step, const wire::StepPortion& portion) {
  model::Step record = step.root->record;
  record.job = portion.job.id;
  record.attempt = {portion.job.uid, portion.job.attempt};
  record.name = portion.spec.name;
  record.partition = portion.job.partition;
  record.node_count = portion.count;
  record.tasks = 0;
  record.cpus = 0;
  record.memory = 0;
  record.usage = {};
  record.exit_code = 0;
  std::vector<std::string> names;
  for (std::uint32_t n = portion.first; n < portion.first + portion.count; ++n) {
    const wire::StepNode& node = step.layout.nodes[n];
    names.push_back(node.name.str());
    record.tasks += static_cast<std::uint32_t>(node.tasks.size());
    record.cpus += static_cast<std::uint32_t>(node.share.cpus.count());
    record.memory += node.share.memory;
    const auto done = step.done.find(n);
    if (done == step.done.end()) continue;
    model::add(record.usage, done->second.usage);
    record.exit_code = std::max(record.exit_code, done->second.exit_code);
  }
  record.nodes = base::compress_hosts(names);
  const bool failed_elsewhere =
      record.state == model::JobState::failed && record.exit_code == 0 && record.reason.empty();
  if (failed_elsewhere) record.state = model::JobState::completed;
  return record;
}

}  // namespace

const model::Job* component(const JobRun& job, std::uint32_t offset) {
  const model::Job& own = *job.host.job;
  if (own.het_offset == offset) return &own;
  for (const auto& other : job.host.components) {
    const bool there = other->allocation && !other->allocation->shares.empty();
    if (other->het_offset == offset) return there ? other.get() : nullptr;
  }
  return nullptr;
}

Result<PlacedStep> place_parts(const JobRun& job, const wire::StepRequest& request,
                               const model::NodeFacts& facts) {
  PlacedStep whole;
  std::vector<std::string> names;
  std::uint32_t last = 0;
  for (const wire::StepPart& part : request.parts) {
    if (!whole.portions.empty() && part.component <= last) {
      return fail(ErrorCode::invalid_argument, "the components of a step are not in order");
    }
    last = part.component;
    const model::Job* of = component(job, part.component);
    if (of == nullptr) {
      return fail(ErrorCode::already_done, "Job/step already completing or completed");
    }
    if (part.spec.argv.empty() && !part.spec.multi_prog) {
      return fail(ErrorCode::invalid_argument, "no program was named");
    }
    const std::vector<NodeUse> used = use_of(job, *of);
    Result<wire::StepLayout> layout =
        place_step({*of, part.spec, used, facts.threads_per_core, facts.sockets, facts.gres});
    if (!layout) return tl::unexpected(layout.error());
    for (const wire::StepNode& node : layout->nodes) names.push_back(node.name.str());
    append(whole, std::move(*layout), *of, part.spec);
  }
  whole.layout.cpus_per_task = whole.portions.front().cpus_per_task;
  whole.layout.node_list = base::compress_hosts(names);
  return whole;
}

const wire::StepPortion* portion_of(const StepRun& step, std::uint32_t node) {
  for (const wire::StepPortion& portion : step.portions) {
    if (node - portion.first < portion.count) return &portion;
  }
  return nullptr;
}

void make_own(wire::LaunchStep& launch, const StepRun& step, std::uint32_t node) {
  launch.portions = step.portions;
  const wire::StepPortion* portion = portion_of(step, node);
  if (portion == nullptr) return;
  launch.job = portion->job;
  launch.spec = portion->spec;
  launch.layout.cpus_per_task = portion->cpus_per_task;
}

std::vector<model::Step> records_of(const StepRun& step) {
  std::vector<model::Step> records;
  for (const wire::StepPortion& portion : step.portions) {
    if (portion.count != 0) records.push_back(record_of(step, portion));
  }
  if (records.empty()) records.push_back(step.root->record);
  return records;
}

void remove_node(JobRun& job, std::string_view lost) {
  const auto shrunk = [&](const std::shared_ptr<const model::Job>& from) {
    if (!has_node(*from, lost)) return from;
    model::Job smaller = *from;
    smaller.allocation = without(*from->allocation, lost);
    return std::make_shared<const model::Job>(std::move(smaller));
  };
  job.host.job = shrunk(job.host.job);
  for (auto& other : job.host.components) other = shrunk(other);
}

}  // namespace sluice::worker
