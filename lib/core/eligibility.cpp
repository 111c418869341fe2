// The fixed filters, class by class, in the order in which they are explained to users.
#include "core/eligibility.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/hostlist.hpp"
#include "core/constraint.hpp"
#include "core/node_view.hpp"

namespace sluice::core {

namespace {

Result<std::vector<std::uint32_t>> indices_of(const NodePool::State& pool, const Text& list) {
  std::vector<std::uint32_t> indices;
  if (list.empty()) return indices;
  Result<std::vector<std::string>> names = base::parse_hosts(list);
  if (!names) return fail(ErrorCode::invalid_node_name);
  for (const std::string& name : *names) {
    const auto index = pool.find(name);
    if (!index) {
      return fail(ErrorCode::invalid_node_name,
                  fmt::format("{}: {}", base::error_text(ErrorCode::invalid_node_name), name));
    }
    indices.push_back(*index);
  }
  std::sort(indices.begin(), indices.end());
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  return indices;
}

// A feature that no node has is an error, unless nodes have still to tell what they have.
Status check_names(const NodePool::State& pool, const Constraint& constraint) {
  for (const std::string& name : constraint.names()) {
    bool known = false;
    for (ClassId id = 0; id < pool.classes.count() && !known; ++id) {
      const NodeClass& tested = pool.classes.at(id);
      known = tested.size != 0 &&
              (!tested.hardware->known ||
               std::binary_search(tested.features.begin(), tested.features.end(), name));
    }
    if (!known) {
      return fail(ErrorCode::invalid_feature,
                  fmt::format("{}: no node has feature '{}'",
                              base::error_text(ErrorCode::invalid_feature), name));
    }
  }
  return {};
}

// "Invalid feature specification: why" of --prefer, in Slurm's other words.
Error about_preference(const Error& error) {
  const std::string_view usual = base::error_text(ErrorCode::invalid_feature);
  const std::string text = error.text;
  const std::string why = text.rfind(usual, 0) == 0 ? text.substr(usual.size()) : ": " + text;
  return {ErrorCode::invalid_preference,
          std::string(base::error_text(ErrorCode::invalid_preference)) + why};
}

struct Wishes {
  Constraint demanded;   // --constraint
  Constraint preferred;  // --prefer
};

Result<Wishes> parse_wishes(const NodePool::State& pool, const model::Request& request) {
  Result<Constraint> demanded = Constraint::parse(request.features);
  if (!demanded) return tl::unexpected(demanded.error());
  if (Status done = check_names(pool, *demanded); !done) return tl::unexpected(done.error());
  Result<Constraint> preferred = Constraint::parse(request.prefer);
  if (!preferred) return tl::unexpected(about_preference(preferred.error()));
  if (Status done = check_names(pool, *preferred); !done) {
    return tl::unexpected(about_preference(done.error()));
  }
  return Wishes{std::move(*demanded), std::move(*preferred)};
}

std::uint32_t idle_tasks(const Hardware& hardware, const Demand& demand) {
  NodeSlot idle;
  idle.hardware = &hardware;
  NodeView view;
  view_idle(idle, demand, view);
  return evaluate(demand, view, demand.tasks == 0 ? demand.tasks_each : demand.tasks).tasks;
}

// The name of the filter that removes the class, or null.
const char* removed_by(const NodeClass& tested, const Demand& demand, const Wishes& wishes) {
  const Hardware& hardware = *tested.hardware;
  if (!std::binary_search(tested.partitions.begin(), tested.partitions.end(),
                          demand.partition.value)) {
    return "partition";
  }
  const bool liked = !wishes.preferred.empty() && wishes.preferred.allows(tested.features);
  if (!liked && !wishes.demanded.allows(tested.features)) return "features";
  if (!hardware.known) return nullptr;  // it may turn out to fit
  if (hardware.sockets < demand.hw_sockets ||
      hardware.cores_per_socket < demand.hw_cores_per_socket ||
      hardware.threads < demand.hw_threads) {
    return "sockets";
  }
  if (hardware.tmp_disk < demand.hw_tmp_disk) return "tmp_disk";
  const std::array<std::uint64_t, kMaxJobGres> one{1, 1, 1, 1};
  const std::uint32_t each = demand.tasks == 0 ? demand.tasks_each : 1;
  const NodeNeed need = need_for(demand, hardware, each, one);
  if (need.cores > hardware.job_cores() || need.threads > hardware.job_cpus()) return "cpus";
  if (need.memory > hardware.memory) return "memory";
  if (idle_tasks(hardware, demand) < each) return demand.gres.empty() ? "cpus" : "gres";
  return nullptr;
}

void count_filter(std::vector<FilterCount>& filters, const char* name, std::uint32_t nodes) {
  if (nodes == 0) return;
  for (FilterCount& filter : filters) {
    if (std::string_view(filter.filter) == name) {
      filter.removed += nodes;
      return;
    }
  }
  filters.push_back({name, nodes});
}

Status check_required(const NodePool::State& pool, const Eligibility& found, const Demand& demand) {
  for (const std::uint32_t node : found.required) {
    if (found.allows(node, pool)) continue;
    return fail(
        ErrorCode::node_config_unavailable,
        fmt::format("{}: node {} is not in partition {}, is excluded, or lacks what is asked",
                    base::error_text(ErrorCode::node_config_unavailable),
                    pool.nodes[node].name.view(),
                    pool.partitions[demand.partition.value].config.name.view()));
  }
  if (found.required.size() > demand.max_nodes) {
    return fail(ErrorCode::node_count, fmt::format("{}: names {} nodes but asks for at most {}",
                                                   base::error_text(ErrorCode::node_count),
                                                   found.required.size(), demand.max_nodes));
  }
  return {};
}

// What an eligibility leaves of itself to nodes with features of a kind.
template <class Has>
Eligibility narrowed(const NodePool::State& pool, const Eligibility& from, Has&& has) {
  Eligibility made;
  made.required = from.required;
  made.excluded = from.excluded;
  made.filters = from.filters;
  made.idle_tasks = from.idle_tasks;
  made.has_class.resize(from.has_class.size(), false);
  for (const ClassId id : from.classes) {
    const NodeClass& tested = pool.classes.at(id);
    if (!has(tested.features)) continue;
    made.classes.push_back(id);
    made.has_class[id] = true;
    made.most_idle_tasks = std::max(made.most_idle_tasks, from.idle_tasks[id]);
    made.nodes += tested.size;
    if (from.excluded.size() != 0) {
      made.nodes -= static_cast<std::uint32_t>(from.excluded.count_common(tested.members));
    }
  }
  return made;
}

void add_counts(const NodePool::State& pool, const Constraint& constraint, Eligibility& to) {
  for (const Constraint::Count& count : constraint.counts) {
    Eligibility::Counted made{std::vector<bool>(to.has_class.size(), false), count.nodes};
    for (const ClassId id : to.classes) {
      made.has_class[id] = count.of.matches(pool.classes.at(id).features);
    }
    to.counted.push_back(std::move(made));
  }
  to.counted_nodes = constraint.counted_nodes();
}

// One choice for each alternative of the constraint, in its order.
void add_choices(const NodePool::State& pool, const Eligibility& whole,
                 const Constraint& constraint, std::vector<Eligibility>& to) {
  const auto add = [&](const FeatureExpression* alternative) {
    Eligibility choice = narrowed(pool, whole, [&](const std::vector<std::string>& features) {
      return constraint.allows(features) &&
             (alternative == nullptr || alternative->matches(features));
    });
    const bool named = std::all_of(choice.required.begin(), choice.required.end(),
                                   [&](std::uint32_t node) { return choice.allows(node, pool); });
    if (!named || choice.classes.empty()) return;
    add_counts(pool, constraint, choice);
    to.push_back(std::move(choice));
  };
  if (constraint.alternatives.empty()) return add(nullptr);
  for (const FeatureExpression& alternative : constraint.alternatives) add(&alternative);
}

void add_wishes(const NodePool::State& pool, const Wishes& wishes, Eligibility& to) {
  if (wishes.preferred.empty() && wishes.demanded.alternatives.empty()) {
    add_counts(pool, wishes.demanded, to);
    return;
  }
  std::vector<Eligibility> choices;
  if (!wishes.preferred.empty()) add_choices(pool, to, wishes.preferred, choices);
  add_choices(pool, to, wishes.demanded, choices);
  to.choices = std::move(choices);
  if (to.choices.empty()) to.classes.clear();  // nothing that is asked goes with the named nodes
}

}  // namespace

Result<Eligibility> make_eligibility(const NodePool::State& pool, const model::Request& request,
                                     const Demand& demand) {
  Eligibility made;
  Result<std::vector<std::uint32_t>> required = indices_of(pool, request.node_list);
  if (!required) return tl::unexpected(required.error());
  Result<std::vector<std::uint32_t>> excluded = indices_of(pool, request.exclude);
  if (!excluded) return tl::unexpected(excluded.error());
  const Result<Wishes> wishes = parse_wishes(pool, request);
  if (!wishes) return tl::unexpected(wishes.error());

  made.required = std::move(*required);
  if (!excluded->empty()) {
    made.excluded = base::Bitmap(pool.nodes.size());
    for (const std::uint32_t node : *excluded) made.excluded.set(node);
  }
  made.has_class.resize(pool.classes.count(), false);
  made.idle_tasks.resize(pool.classes.count(), 0);
  std::uint32_t excluded_here = 0;
  for (ClassId id = 0; id < pool.classes.count(); ++id) {
    const NodeClass& tested = pool.classes.at(id);
    if (tested.size == 0) continue;
    if (const char* filter = removed_by(tested, demand, *wishes)) {
      count_filter(made.filters, filter, tested.size);
      continue;
    }
    made.classes.push_back(id);
    made.has_class[id] = true;
    made.idle_tasks[id] = idle_tasks(*tested.hardware, demand);
    made.most_idle_tasks = std::max(made.most_idle_tasks, made.idle_tasks[id]);
    made.nodes += tested.size;
    if (made.excluded.size() != 0) {
      excluded_here += static_cast<std::uint32_t>(made.excluded.count_common(tested.members));
    }
  }
  count_filter(made.filters, "excluded", excluded_here);
  made.nodes -= excluded_here;
  std::stable_sort(made.classes.begin(), made.classes.end(), [&](ClassId a, ClassId b) {
    return pool.classes.at(a).weight < pool.classes.at(b).weight;
  });
  if (Status done = check_required(pool, made, demand); !done) return tl::unexpected(done.error());
  add_wishes(pool, *wishes, made);
  return made;
}

}  // namespace sluice::core
