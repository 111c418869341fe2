// Task layout: see the header. All distributions hand out "blocks" of tasks in rounds over the
// nodes; they differ in the length of a block and in the order in which ids are given afterwards.
#include "daemon/worker/service/layout.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include <fmt/core.h>

namespace sluice::worker {
namespace {

constexpr std::uint32_t kNoLimit = std::numeric_limits<std::uint32_t>::max();
using Counts = std::vector<std::uint32_t>;

// One block of consecutive task ids on one node.
struct Block {
  std::uint32_t node = 0;
  std::uint32_t tasks = 0;
};

Counts rooms(const LayoutRequest& request) {
  Counts result;
  const std::uint32_t per_task = std::max(request.cpus_per_task, 1U);
  for (const std::uint32_t cpus : request.cpus) {
    std::uint32_t room = cpus / per_task;
    if (request.max_tasks_per_node != 0) room = std::min(room, request.max_tasks_per_node);
    result.push_back(room);
  }
  return result;
}

std::uint64_t sum(const Counts& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

// Rounds over the nodes, each of which gives up to `length` tasks to every node with room. Blocks
// become shorter so that in the last round each node behind still gets one.
void hand_out(std::vector<Block>& blocks, Counts room, std::uint32_t length, std::uint32_t tasks) {
  const auto nodes = static_cast<std::uint32_t>(room.size());
  while (tasks > 0) {
    auto behind = static_cast<std::uint32_t>(nodes - std::count(room.begin(), room.end(), 0U));
    if (behind == 0) return;
    for (std::uint32_t node = 0; node < nodes && tasks > 0; ++node) {
      if (room[node] == 0) continue;
      --behind;
      const std::uint32_t fair = tasks > behind ? tasks - behind : 1;
      const std::uint32_t take = std::min({length, room[node], fair});
      blocks.push_back({node, take});
      if (room[node] != kNoLimit) room[node] -= take;
      tasks -= take;
    }
  }
}

// The even spread of single tasks. Counting instead of handing out keeps wide steps linear.
void hand_out_evenly(std::vector<Block>& blocks, Counts room, std::uint32_t tasks) {
  while (tasks > 0) {
    const std::uint32_t before = tasks;
    for (std::uint32_t node = 0; node < room.size() && tasks > 0; ++node) {
      if (room[node] == 0) continue;
      blocks.push_back({node, 1});
      if (room[node] != kNoLimit) --room[node];
      --tasks;
    }
    if (tasks == before) return;
  }
}

void fill(std::vector<Block>& blocks, const Counts& room, std::uint32_t tasks) {
  for (std::uint32_t node = 0; node < room.size() && tasks > 0; ++node) {
    const std::uint32_t take = std::min(room[node], tasks);
    if (take > 0) blocks.push_back({node, take});
    tasks -= take;
  }
}

void spread(std::vector<Block>& blocks, const LayoutRequest& request, const Counts& room,
            std::uint32_t tasks) {
  const Distribution& how = request.distribution;
  const bool fills = how.packing == Packing::pack && how.nodes != NodeSpread::cyclic &&
                     how.nodes != NodeSpread::plane;
  if (fills) return fill(blocks, room, tasks);
  if (how.nodes != NodeSpread::plane) return hand_out_evenly(blocks, room, tasks);
  hand_out(blocks, room, how.plane, tasks);
}

// Ids in the order of the blocks (cyclic, plane), or node by node (block).
Layout number(const std::vector<Block>& blocks, const LayoutRequest& request) {
  Layout layout;
  layout.tasks_of.resize(request.cpus.size());
  const NodeSpread how = request.distribution.nodes;
  std::uint32_t next = 0;
  if (how == NodeSpread::cyclic || how == NodeSpread::plane) {
    for (const Block& block : blocks) {
      for (std::uint32_t i = 0; i < block.tasks; ++i) layout.tasks_of[block.node].push_back(next++);
    }
    return layout;
  }
  Counts counts(request.cpus.size(), 0);
  for (const Block& block : blocks) counts[block.node] += block.tasks;
  for (std::size_t node = 0; node < counts.size(); ++node) {
    for (std::uint32_t i = 0; i < counts[node]; ++i) layout.tasks_of[node].push_back(next++);
  }
  return layout;
}

Result<Layout> lay_out_list(const LayoutRequest& request) {
  if (request.task_nodes.size() != request.tasks) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} tasks, but the list of nodes has {} entries", request.tasks,
                            request.task_nodes.size()));
  }
  Layout layout;
  layout.tasks_of.resize(request.cpus.size());
  for (std::uint32_t task = 0; task < request.tasks; ++task) {
    const std::uint32_t node = request.task_nodes[task];
    if (node >= request.cpus.size()) {
      return fail(ErrorCode::invalid_argument, "a task on a node that the step doesn't have");
    }
    layout.tasks_of[node].push_back(task);
  }
  return layout;
}

}  // namespace

Result<Layout> lay_out(const LayoutRequest& request) {
  if (request.cpus.empty() || request.tasks == 0 || request.tasks > kMaxLayoutTasks) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} tasks on {} nodes", request.tasks, request.cpus.size()));
  }
  if (request.distribution.nodes == NodeSpread::arbitrary) return lay_out_list(request);
  if (request.distribution.nodes == NodeSpread::plane && request.distribution.plane == 0) {
    return fail(ErrorCode::invalid_argument, "Invalid plane size or size not specified");
  }
  Counts room = rooms(request);
  const std::uint64_t fits = sum(room);
  if (fits < request.tasks && !request.overcommit) {
    return fail(ErrorCode::node_config_unavailable, "More processors requested than permitted");
  }
  std::vector<Block> blocks;
  // What exceeds the CPUs of all nodes is spread again, from the first node on.
  const auto first = static_cast<std::uint32_t>(std::min<std::uint64_t>(fits, request.tasks));
  if (first == request.tasks) {
    spread(blocks, request, room, first);
    return number(blocks, request);
  }
  if (request.distribution.nodes == NodeSpread::plane) {
    std::fill(room.begin(), room.end(), kNoLimit);
    spread(blocks, request, room, request.tasks);
    return number(blocks, request);
  }
  spread(blocks, request, room, first);
  std::fill(room.begin(), room.end(), kNoLimit);
  hand_out_evenly(blocks, room, request.tasks - first);
  return number(blocks, request);
}

std::vector<std::uint32_t> Layout::counts() const {
  std::vector<std::uint32_t> result;
  for (const auto& tasks : tasks_of) result.push_back(static_cast<std::uint32_t>(tasks.size()));
  return result;
}

std::vector<std::uint32_t> Layout::node_of() const {
  std::size_t total = 0;
  for (const auto& tasks : tasks_of) total += tasks.size();
  std::vector<std::uint32_t> result(total, 0);
  for (std::size_t node = 0; node < tasks_of.size(); ++node) {
    for (const std::uint32_t task : tasks_of[node]) result[task] = static_cast<std::uint32_t>(node);
  }
  return result;
}

std::string repeat_text(const std::vector<std::uint32_t>& counts) {
  std::string text;
  for (std::size_t i = 0; i < counts.size();) {
    std::size_t end = i + 1;
    while (end < counts.size() && counts[end] == counts[i]) ++end;
    if (!text.empty()) text += ',';
    text +=
        end - i == 1 ? fmt::format("{}", counts[i]) : fmt::format("{}(x{})", counts[i], end - i);
    i = end;
  }
  return text;
}

}  // namespace sluice::worker
