// See gres.hpp.
#include "model/gres.hpp"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

namespace sluice::model {

namespace {

// What is asked of one kind of GRES, by scope.
struct Counts {
  std::uint64_t job = 0;
  std::uint64_t node = 0;
  std::uint64_t task = 0;
};

Counts counts_of(const Request& request, const Text& name, const Text& type) {
  Counts counts;
  for (const GresRequest& asked : request.gres) {
    if (asked.name != name || asked.type != type) continue;
    if (asked.scope == GresScope::job) counts.job += asked.count;
    if (asked.scope == GresScope::node) counts.node += asked.count;
    if (asked.scope == GresScope::task) counts.task += asked.count;
  }
  return counts;
}

auto contradiction(std::string_view text) {
  return fail(ErrorCode::invalid_gres, fmt::format("Failed to validate job spec{}", text));
}

std::uint32_t narrow(std::uint64_t count) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max() - 1));
}

Status settle_nodes(Request& request, const Counts& counts) {
  if (counts.job != 0 && counts.node != 0) {
    if (counts.job % counts.node != 0) {
      return contradiction(", --gpus is not multiple of --gres=gpu/--gpus-per-node");
    }
    const std::uint32_t nodes = narrow(counts.job / counts.node);
    const bool outside =
        nodes < request.min_nodes || (request.max_nodes != 0 && nodes > request.max_nodes);
    if (outside) {
      return contradiction(
          ". Based on --gpus and --gres=gpu/--gpus-per-node required nodes doesn't match -N");
    }
    request.min_nodes = request.max_nodes = nodes;
  }
  if (counts.job != 0 && counts.job < request.min_nodes) return contradiction(", --gpus < -N");
  return {};
}

Status settle_tasks(Request& request, const Counts& counts) {
  if (counts.task == 0) return {};
  if (counts.job != 0) {
    if (counts.job % counts.task != 0) {
      return contradiction(", --gpus not multiple of --gpus-per-task");
    }
    const std::uint32_t tasks = narrow(counts.job / counts.task);
    if (request.tasks != 0 && request.tasks != tasks) {
      return contradiction(
          ". Based on --gpus and --gpus-per-task number of requested tasks differ from "
          "-n/--ntasks.");
    }
    request.tasks = tasks;
  }
  if (counts.node != 0) {
    if (counts.node % counts.task != 0) {
      return contradiction(", --gres=gpu/--gpus-per-node not multiple of --gpus-per-task");
    }
    const std::uint32_t tasks = narrow(counts.node / counts.task);
    if (request.tasks_per_node != 0 && request.tasks_per_node != tasks) {
      return contradiction(
          ". Based on --gres=gpu/--gpus-per-node and --gpus-per-task requested number of tasks "
          "per node differ from --ntasks-per-node.");
    }
    request.tasks_per_node = tasks;
  }
  return {};
}

// --ntasks-per-gpu makes tasks of GPUs, if those are counted.
void settle_tasks_per_gpu(Request& request) {
  if (request.tasks_per_gpu == 0) return;
  std::uint64_t on_job = 0;
  std::uint64_t on_node = 0;
  for (const GresRequest& asked : request.gres) {
    if (asked.name.view() != "gpu") continue;
    if (asked.scope == GresScope::job) on_job += asked.count;
    if (asked.scope == GresScope::node) on_node += asked.count;
  }
  const std::uint64_t gpus = on_job != 0 ? on_job : on_node * std::max(request.min_nodes, 1U);
  if (gpus == 0) return;
  if (request.tasks == 0) request.tasks = narrow(gpus * request.tasks_per_gpu);
  if (on_node != 0 && request.tasks_per_node == 0) {
    request.tasks_per_node = narrow(on_node * request.tasks_per_gpu);
  }
}

}  // namespace

std::uint32_t first_index(std::span<const NodeGres> all, std::size_t position) {
  std::uint32_t first = 0;
  for (std::size_t n = 0; n < position; ++n) {
    if (all[n].name != all[position].name || !has_devices(all[n])) continue;
    first += static_cast<std::uint32_t>(all[n].files.size());
  }
  return first;
}

Text device_label(const NodeGres& gres, std::uint32_t index) {
  return gres.type.empty() ? fmt::format("{}:{}", gres.name.view(), index)
                           : fmt::format("{}:{}:{}", gres.name.view(), gres.type.view(), index);
}

std::string faults_text(const std::vector<NodeGres>& all) {
  std::string text;
  for (std::size_t n = 0; n < all.size(); ++n) {
    const std::uint32_t first = first_index(all, n);
    for (std::size_t d = 0; d < all[n].devices.size(); ++d) {
      const Text& fault = all[n].devices[d].fault;
      if (fault.empty()) continue;
      const auto index = first + static_cast<std::uint32_t>(d);
      text += fmt::format("{}{}({})", text.empty() ? "" : ",", device_label(all[n], index).view(),
                          fault.view());
    }
  }
  return text;
}

std::vector<GresRequest> without_repeats(std::vector<GresRequest> gres) {
  const std::vector<GresRequest> all = gres;
  const auto rank = [](GresScope scope) {
    if (scope == GresScope::job) return 0;
    return scope == GresScope::task ? 1 : 2;
  };
  std::erase_if(gres, [&](const GresRequest& one) {
    return std::any_of(all.begin(), all.end(), [&](const GresRequest& other) {
      return other.count != 0 && other.name == one.name && other.type == one.type &&
             rank(other.scope) > rank(one.scope);
    });
  });
  return gres;
}

Status settle_gres(Request& request) {
  for (std::size_t n = 0; n < request.gres.size(); ++n) {
    const GresRequest& asked = request.gres[n];
    const auto earlier = request.gres.begin() + static_cast<std::ptrdiff_t>(n);
    const bool done = std::any_of(request.gres.begin(), earlier, [&](const GresRequest& other) {
      return other.name == asked.name && other.type == asked.type;
    });
    if (done) continue;
    const Counts counts = counts_of(request, asked.name, asked.type);
    if (Status nodes = settle_nodes(request, counts); !nodes) return nodes;
    if (Status tasks = settle_tasks(request, counts); !tasks) return tasks;
  }
  settle_tasks_per_gpu(request);
  return {};
}

}  // namespace sluice::model
