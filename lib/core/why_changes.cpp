// See why.hpp.
#include <algorithm>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "core/why.hpp"

namespace sluice::core {

namespace {

class Changes {
 public:
  explicit Changes(const model::Request& request) : request_(request) {}

  template <class Edit>
  void add(std::string change, Edit&& edit) {
    if (made_.size() == kMaxChanges) return;
    ChangedRequest changed{std::move(change), request_};
    edit(changed.request);
    if (!(changed.request == request_)) made_.push_back(std::move(changed));
  }
  [[nodiscard]] std::vector<ChangedRequest> take() { return std::move(made_); }

 private:
  const model::Request& request_;
  std::vector<ChangedRequest> made_;
};

void shorter(Changes& changes, std::uint32_t minutes) {
  if (minutes == 0) return;
  std::uint32_t tried = minutes == model::kUnlimited ? 7 * 1440 : minutes / 2;
  for (int step = 0; step < 8 && tried != 0; ++step, tried /= 2) {
    changes.add("--time=" + base::format_duration(std::int64_t{tried} * 60),
                [&](model::Request& request) { request.time_limit = tried; });
  }
}

void fewer_nodes(Changes& changes, const model::Request& request) {
  for (std::uint32_t nodes = request.min_nodes; nodes > 1;) {
    nodes = nodes > 8 ? nodes / 2 : nodes - 1;
    changes.add(fmt::format("--nodes={}", nodes), [&](model::Request& changed) {
      changed.min_nodes = nodes;
      changed.max_nodes = nodes;
      changed.tasks = std::max(nodes, static_cast<std::uint32_t>(std::uint64_t{request.tasks} *
                                                                 nodes / request.min_nodes));
    });
  }
}

void fewer_tasks(Changes& changes, const model::Request& request) {
  if (request.min_nodes > 1) return;
  for (std::uint32_t tasks = request.tasks / 2; tasks != 0; tasks /= 2) {
    changes.add(fmt::format("--ntasks={}", tasks),
                [&](model::Request& changed) { changed.tasks = tasks; });
  }
  for (std::uint32_t cpus = request.cpus_per_task / 2; cpus != 0; cpus /= 2) {
    changes.add(fmt::format("--cpus-per-task={}", cpus),
                [&](model::Request& changed) { changed.cpus_per_task = cpus; });
  }
}

void less_memory(Changes& changes, const model::Request& request) {
  for (std::uint64_t mib = request.memory_per_node / 2, step = 0; mib != 0 && step < 3; ++step) {
    changes.add(fmt::format("--mem={}M", mib),
                [&](model::Request& changed) { changed.memory_per_node = mib; });
    mib /= 2;
  }
  for (std::uint64_t mib = request.memory_per_cpu / 2, step = 0; mib != 0 && step < 3; ++step) {
    changes.add(fmt::format("--mem-per-cpu={}M", mib),
                [&](model::Request& changed) { changed.memory_per_cpu = mib; });
    mib /= 2;
  }
}

void other_gpus(Changes& changes, const model::Request& request, const ChangeHints& hints) {
  for (std::size_t at = 0; at < request.gres.size(); ++at) {
    const model::GresRequest& asked = request.gres[at];
    for (const Text& type : hints.gpu_types) {
      if (asked.type.empty() || asked.type == type) continue;
      changes.add(fmt::format("--gres={}:{}:{}", asked.name.view(), type.view(), asked.count),
                  [&](model::Request& changed) { changed.gres[at].type = type; });
    }
    if (!asked.type.empty()) {
      changes.add(fmt::format("--gres={}:{} (any type)", asked.name.view(), asked.count),
                  [&](model::Request& changed) { changed.gres[at].type = Text(); });
    }
    for (std::uint64_t count = asked.count / 2; count != 0; count /= 2) {
      changes.add(fmt::format("--gres={}{}{}:{}", asked.name.view(), asked.type.empty() ? "" : ":",
                              asked.type.view(), count),
                  [&](model::Request& changed) { changed.gres[at].count = count; });
    }
  }
}

}  // namespace

std::vector<ChangedRequest> changed_requests(const model::Request& request,
                                             const ChangeHints& hints) {
  Changes changes(request);
  for (const Text& partition : hints.partitions) {
    changes.add(fmt::format("--partition={}", partition.view()),
                [&](model::Request& changed) { changed.partitions = partition; });
  }
  for (const Text& qos : hints.qos) {
    changes.add(fmt::format("--qos={}", qos.view()),
                [&](model::Request& changed) { changed.qos = qos; });
  }
  for (const Text& account : hints.accounts) {
    changes.add(fmt::format("--account={}", account.view()),
                [&](model::Request& changed) { changed.account = account; });
  }
  shorter(changes, hints.minutes);
  other_gpus(changes, request, hints);
  if (!request.features.empty()) {
    changes.add("without --constraint", [](model::Request& changed) { changed.features = Text(); });
  }
  if (!request.node_list.empty()) {
    changes.add("without --nodelist", [](model::Request& changed) { changed.node_list = Text(); });
  }
  if (request.sharing == model::Sharing::exclusive) {
    changes.add("without --exclusive", [](model::Request& changed) {
      changed.sharing = model::Sharing::partition_default;
    });
  }
  if (request.contiguous) {
    changes.add("without --contiguous",
                [](model::Request& changed) { changed.contiguous = false; });
  }
  fewer_nodes(changes, request);
  fewer_tasks(changes, request);
  less_memory(changes, request);
  return changes.take();
}

}  // namespace sluice::core
