// The cause is found by asking the same questions as placement does, in the order in which a user
// would fix them: names and features, hardware of one node, number of nodes, sum of tasks.
#include "core/ever_run.hpp"

#include <algorithm>
#include <string>

#include <fmt/core.h>

#include "core/gres_choice.hpp"

namespace sluice::core {

namespace {

// Slurm's words, which users search for.
constexpr std::string_view kTooManyCpus = "CPU count per node can not be satisfied";
constexpr std::string_view kTooMuchMemory = "Memory specification can not be satisfied";
constexpr std::string_view kTooMuchDisk = "Temporary disk specification can not be satisfied";
constexpr std::string_view kWrongShape =
    "Socket, core and/or thread specification can not be satisfied";

class CauseFinder {
 public:
  CauseFinder(const NodePool::State& pool, const model::Request& request, const Demand& demand)
      : pool_(pool),
        request_(request),
        demand_(demand),
        partition_(pool.partitions[demand.partition.value].config.name.view()) {}

  [[nodiscard]] std::string cause(const Eligibility& eligibility) const {
    if (std::string text = one_node_cause(); !text.empty()) return text;
    if (!request_.features.empty() && eligibility.nodes == 0) {
      return fmt::format("no node in partition {} has the features {}", partition_,
                         request_.features.view());
    }
    if (std::string text = gres_cause(); !text.empty()) return text;
    if (demand_.min_nodes > eligibility.nodes) {
      return fmt::format("asks for {} nodes; partition {} has {} that fit", demand_.min_nodes,
                         partition_, eligibility.nodes);
    }
    if (std::string text = set_cause(eligibility); !text.empty()) return text;
    if (demand_.max_nodes != model::kUnlimited) {
      return fmt::format(
          "asks for {} tasks on at most {} nodes; partition {} can't hold them there",
          demand_.tasks, demand_.max_nodes, partition_);
    }
    return fmt::format("asks for {} tasks; partition {} can't hold so many", demand_.tasks,
                       partition_);
  }

 private:
  // The tasks that have to go to one node.
  [[nodiscard]] std::uint32_t tasks_on_one() const {
    if (demand_.tasks == 0) return demand_.tasks_each;
    return demand_.max_nodes == 1 ? demand_.tasks : 1;
  }

  // It has nodes, in the partition.
  [[nodiscard]] bool is_mine(const NodeClass& tested) const {
    return tested.size != 0 && std::binary_search(tested.partitions.begin(),
                                                  tested.partitions.end(), demand_.partition.value);
  }

  template <class Value>
  [[nodiscard]] std::uint64_t largest(Value&& value) const {
    std::uint64_t most = 0;
    for (ClassId id = 0; id < pool_.classes.count(); ++id) {
      const NodeClass& tested = pool_.classes.at(id);
      if (!is_mine(tested)) continue;
      most = std::max<std::uint64_t>(most, value(*tested.hardware));
    }
    return most;
  }

  [[nodiscard]] std::string too_large(std::string_view what, std::uint64_t asked,
                                      std::uint64_t most) const {
    return fmt::format("asks for {} {} on one node; the largest in partition {} has {}", asked,
                       what, partition_, most);
  }

  [[nodiscard]] std::string one_node_cause() const {
    const auto usable = [&](const Hardware& hardware) {
      return demand_.use_threads == 0
                 ? hardware.job_cpus()
                 : hardware.job_cores() * std::min(demand_.use_threads, hardware.threads);
    };
    std::uint64_t cpus =
        std::uint64_t{demand_.cpus_per_task} * (demand_.overcommit ? 1 : tasks_on_one());
    cpus = std::max<std::uint64_t>(cpus, demand_.min_cpus);
    const std::uint64_t most_cpus = largest(usable);
    if (cpus > most_cpus) {
      return fmt::format("{}: {}", kTooManyCpus, too_large("CPUs", cpus, most_cpus));
    }
    if (cpus > demand_.max_partition_cpus) {
      return fmt::format("{}: asks for {} CPUs on one node; partition {} allows {}", kTooManyCpus,
                         cpus, partition_, demand_.max_partition_cpus);
    }
    const std::uint64_t memory = demand_.memory_per_node + demand_.memory_per_cpu * cpus;
    const std::uint64_t most_memory = largest([](const Hardware& h) { return h.memory; });
    if (memory > most_memory) {
      return fmt::format("{}: {}", kTooMuchMemory, too_large("MiB of memory", memory, most_memory));
    }
    const std::uint64_t most_disk = largest([](const Hardware& h) { return h.tmp_disk; });
    if (demand_.hw_tmp_disk > most_disk) {
      return fmt::format("{}: {}", kTooMuchDisk,
                         too_large("MiB of temporary disk", demand_.hw_tmp_disk, most_disk));
    }
    return shape_cause();
  }

  [[nodiscard]] std::string shape_cause() const {
    struct Part {
      std::string_view name;
      std::uint64_t asked;
      std::uint64_t most;
    };
    const Part parts[] = {
        {"sockets", demand_.hw_sockets, largest([](const Hardware& h) { return h.sockets; })},
        {"cores in a socket", demand_.hw_cores_per_socket,
         largest([](const Hardware& h) { return h.cores_per_socket; })},
        {"threads in a core", demand_.hw_threads,
         largest([](const Hardware& h) { return h.threads; })}};
    for (const Part& part : parts) {
      if (part.asked <= part.most) continue;
      return fmt::format("{}: {}", kWrongShape, too_large(part.name, part.asked, part.most));
    }
    return {};
  }

  // Of nodes that are many enough: why no such set of them.
  [[nodiscard]] std::string set_cause(const Eligibility& eligibility) const {
    const model::TopologyKind kind = pool_.topology.kind;
    if (demand_.contiguous) {
      return fmt::format("partition {} has no such run of neighbouring nodes", partition_);
    }
    if (eligibility.counted_nodes != 0) {
      return fmt::format("partition {} has not that many nodes with the features {}", partition_,
                         request_.features.view());
    }
    if (eligibility.choices.size() > 1 && demand_.min_nodes > 1) {
      return fmt::format("partition {} has not {} nodes with the same of the features {}",
                         partition_, demand_.min_nodes, request_.features.view());
    }
    if (kind == model::TopologyKind::tree && demand_.switches != 0) {
      return fmt::format("partition {} has no {} nodes on {} leaf switches", partition_,
                         demand_.min_nodes, demand_.switches);
    }
    if (kind == model::TopologyKind::block && demand_.segment != 0) {
      return fmt::format("{} nodes in segments of {} do not fit the blocks of partition {}",
                         demand_.min_nodes, demand_.segment, partition_);
    }
    return {};
  }

  [[nodiscard]] std::string gres_cause() const {
    for (const GresNeed& need : demand_.gres) {
      JobGres one{};
      if (need.per_job != 0) one[need.job_slot] = demand_.max_nodes == 1 ? need.per_job : 1;
      const std::uint64_t asked = gres_for(need, tasks_on_one(), one);
      const std::uint64_t most = largest([&](const Hardware& hardware) {
        std::uint64_t count = 0;
        for (const GresEntry& entry : hardware.gres) {
          if (!matches(need, entry)) continue;
          const std::uint64_t own = hardware.most_of(entry);
          count = need.any_accelerator ? std::max(count, own) : count + own;
        }
        return count;
      });
      if (asked > most) return too_large(name_of(need), asked, most);
      if (std::string text = all_nodes_cause(need, most); !text.empty()) return text;
    }
    return {};
  }

  [[nodiscard]] static std::string name_of(const GresNeed& need) {
    return need.type.empty() ? need.name.str()
                             : fmt::format("{}:{}", need.name.view(), need.type.view());
  }

  // Counted for the whole job: what as many nodes as it may have can give at most.
  [[nodiscard]] std::string all_nodes_cause(const GresNeed& need, std::uint64_t largest) const {
    std::uint64_t nodes = demand_.max_nodes;
    if (demand_.tasks != 0) {
      nodes = std::min<std::uint64_t>(nodes, std::max(demand_.tasks, demand_.min_nodes));
    }
    if (need.per_job > nodes * largest) {
      return fmt::format("asks for {} {} on at most {} nodes; the largest in partition {} has {}",
                         need.per_job, name_of(need), nodes, partition_, largest);
    }
    std::uint64_t all = 0;
    for (ClassId id = 0; id < pool_.classes.count(); ++id) {
      const NodeClass& tested = pool_.classes.at(id);
      if (!is_mine(tested)) continue;
      for (const GresEntry& entry : tested.hardware->gres) {
        if (matches(need, entry)) all += tested.hardware->most_of(entry) * tested.size;
      }
    }
    if (need.per_job <= all) return {};
    return fmt::format("asks for {} {}; partition {} has {}", need.per_job, name_of(need),
                       partition_, all);
  }

  const NodePool::State& pool_;
  const model::Request& request_;
  const Demand& demand_;
  std::string_view partition_;
};

// A GRES name that no node has at all is a wrong specification, not a question of size; a type that
// none has is one of configuration, as in Slurm.
Status check_gres_names(const NodePool::State& pool, const Demand& demand) {
  for (const GresNeed& need : demand.gres) {
    bool found = false;
    bool named = false;
    for (ClassId id = 0; id < pool.classes.count() && !found; ++id) {
      const NodeClass& tested = pool.classes.at(id);
      if (tested.size == 0) continue;
      found = !tested.hardware->known;
      for (const GresEntry& entry : tested.hardware->gres) {
        found = found || matches(need, entry);
        named = named || entry.name == need.name;
      }
    }
    if (!found) {
      const ErrorCode code = named ? ErrorCode::node_config_unavailable : ErrorCode::invalid_gres;
      return fail(code,
                  fmt::format("{}: no node has {}{}{}", base::error_text(code), need.name.view(),
                              need.type.empty() ? "" : ":", need.type.view()));
    }
  }
  return {};
}

bool has_unknown(const NodePool::State& pool, const Eligibility& eligibility) {
  return std::any_of(eligibility.classes.begin(), eligibility.classes.end(),
                     [&](ClassId id) { return !pool.classes.at(id).hardware->known; });
}

}  // namespace

bool fits_when_idle(const NodePool::State& pool, const Demand& demand,
                    const Eligibility& eligibility, Outlook::Nodes nodes) {
  return choose_nodes(demand, eligibility, Outlook::idle(pool, nodes)).has_value();
}

Status could_ever_run(const NodePool::State& pool, const model::Request& request,
                      const Demand& demand) {
  if (Status done = check_gres_names(pool, demand); !done) return done;
  const Result<Eligibility> eligibility = make_eligibility(pool, request, demand);
  if (!eligibility) return tl::unexpected(eligibility.error());
  if (has_unknown(pool, *eligibility)) return {};
  if (fits_when_idle(pool, demand, *eligibility, Outlook::Nodes::all)) return {};
  return fail(ErrorCode::node_config_unavailable,
              fmt::format("{}: {}", base::error_text(ErrorCode::node_config_unavailable),
                          CauseFinder(pool, request, demand).cause(*eligibility)));
}

}  // namespace sluice::core
