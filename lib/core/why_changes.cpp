// See why.hpp.
#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "core/why.hpp"

namespace sluice::core {

namespace {

enum class Kind : std::uint8_t { partition, qos, account, gpu_type, time, other };

struct Change {
  Kind kind = Kind::other;
  std::string words;
  std::function<void(model::Request&)> edit;
};

class Changes {
 public:
  explicit Changes(const model::Request& request) : request_(request) {}

  template <class Edit>
  void add(std::string words, Edit edit, Kind kind = Kind::other) {
    model::Request changed = request_;
    edit(changed);
    if (!(changed == request_)) made_.push_back({kind, std::move(words), std::move(edit)});
  }
  [[nodiscard]] const std::vector<Change>& all() const { return made_; }

 private:
  const model::Request& request_;
  std::vector<Change> made_;
};

void shorter(Changes& changes, std::uint32_t minutes) {
  if (minutes == 0) return;
  std::uint32_t tried = minutes == model::kUnlimited ? 7 * 1440 : minutes / 2;
  for (int step = 0; step < 8 && tried != 0; ++step, tried /= 2) {
    changes.add(
        "--time=" + base::format_duration(std::int64_t{tried} * 60),
        [tried](model::Request& request) { request.time_limit = tried; }, Kind::time);
  }
}

void fewer_nodes(Changes& changes, const model::Request& request) {
  for (std::uint32_t nodes = request.min_nodes; nodes > 1;) {
    nodes = nodes > 8 ? nodes / 2 : nodes - 1;
    const auto tasks =
        static_cast<std::uint32_t>(std::uint64_t{request.tasks} * nodes / request.min_nodes);
    changes.add(fmt::format("--nodes={}", nodes), [nodes, tasks](model::Request& changed) {
      changed.min_nodes = nodes;
      changed.max_nodes = nodes;
      changed.tasks = std::max(nodes, tasks);
    });
  }
}

void fewer_tasks(Changes& changes, const model::Request& request) {
  if (request.min_nodes > 1) return;
  for (std::uint32_t tasks = request.tasks / 2; tasks != 0; tasks /= 2) {
    changes.add(fmt::format("--ntasks={}", tasks),
                [tasks](model::Request& changed) { changed.tasks = tasks; });
  }
  for (std::uint32_t cpus = request.cpus_per_task / 2; cpus != 0; cpus /= 2) {
    changes.add(fmt::format("--cpus-per-task={}", cpus),
                [cpus](model::Request& changed) { changed.cpus_per_task = cpus; });
  }
}

void less_memory(Changes& changes, const model::Request& request) {
  for (std::uint64_t mib = request.memory_per_node / 2, step = 0; mib != 0 && step < 3; ++step) {
    changes.add(fmt::format("--mem={}M", mib),
                [mib](model::Request& changed) { changed.memory_per_node = mib; });
    mib /= 2;
  }
  for (std::uint64_t mib = request.memory_per_cpu / 2, step = 0; mib != 0 && step < 3; ++step) {
    changes.add(fmt::format("--mem-per-cpu={}M", mib),
                [mib](model::Request& changed) { changed.memory_per_cpu = mib; });
    mib /= 2;
  }
}

void other_gpus(Changes& changes, const model::Request& request, const ChangeHints& hints) {
  for (std::size_t at = 0; at < request.gres.size(); ++at) {
    const model::GresRequest& asked = request.gres[at];
    for (const Text& type : hints.gpu_types) {
      if (asked.type.empty() || asked.type == type) continue;
      changes.add(
          fmt::format("--gres={}:{}:{}", asked.name.view(), type.view(), asked.count),
          [at, type](model::Request& changed) { changed.gres[at].type = type; }, Kind::gpu_type);
    }
    if (!asked.type.empty()) {
      changes.add(
          fmt::format("--gres={}:{} (any type)", asked.name.view(), asked.count),
          [at](model::Request& changed) { changed.gres[at].type = Text(); }, Kind::gpu_type);
    }
    for (std::uint64_t count = asked.count / 2; count != 0; count /= 2) {
      changes.add(fmt::format("--gres={}{}{}:{}", asked.name.view(), asked.type.empty() ? "" : ":",
                              asked.type.view(), count),
                  [at, count](model::Request& changed) { changed.gres[at].count = count; });
    }
  }
}

Changes all_changes(const model::Request& request, const ChangeHints& hints) {
  Changes changes(request);
  for (const Text& partition : hints.partitions) {
    changes.add(
        fmt::format("--partition={}", partition.view()),
        [partition](model::Request& changed) { changed.partitions = partition; }, Kind::partition);
  }
  for (const Text& qos : hints.qos) {
    changes.add(
        fmt::format("--qos={}", qos.view()), [qos](model::Request& changed) { changed.qos = qos; },
        Kind::qos);
  }
  for (const Text& account : hints.accounts) {
    changes.add(
        fmt::format("--account={}", account.view()),
        [account](model::Request& changed) { changed.account = account; }, Kind::account);
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
  return changes;
}

}  // namespace

std::vector<ChangedRequest> changed_requests(const model::Request& request,
                                             const ChangeHints& hints) {
  std::vector<ChangedRequest> made;
  const Changes changes = all_changes(request, hints);
  for (const Change& change : changes.all()) {
    if (made.size() == kMaxChanges) break;
    ChangedRequest& one = made.emplace_back(change.words, request);
    change.edit(one.request);
  }
  return made;
}

std::vector<ChangedRequest> paired_changes(const model::Request& request,
                                           const ChangeHints& hints) {
  std::vector<ChangedRequest> made;
  const Changes changes = all_changes(request, hints);
  for (const Change& first : changes.all()) {
    if (first.kind == Kind::other) continue;
    for (const Change& second : changes.all()) {
      if (second.kind == Kind::other || second.kind <= first.kind) continue;
      if (made.size() == kMaxChanges) return made;
      ChangedRequest& both = made.emplace_back(first.words + " " + second.words, request);
      first.edit(both.request);
      second.edit(both.request);
    }
  }
  return made;
}

}  // namespace sluice::core
