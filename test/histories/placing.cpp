// Placement by brute force: every set of nodes is tried, in each partition that takes the job. Only
// what is certain counts: a node that some planned start or some other reservation needs in the
// meantime is left out altogether.
#include <algorithm>
#include <bit>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "test/histories/picture.hpp"

namespace sluice::histories {

namespace {

struct Room {
  bool usable = false;
  std::uint32_t cpus = 0;
  std::uint64_t memory = 0;
  std::uint64_t gpus = 0;
  bool idle = true;
};

bool accepts_jobs(const model::Node& node) {
  constexpr std::uint32_t kOff = model::kNodeDrain | model::kNodeNoRespond | model::kNodeFail |
                                 model::kNodeMaint | model::kNodeReboot |
                                 model::kNodeInvalidRegistration;
  return node.state != model::NodeState::down && node.state != model::NodeState::unknown &&
         (node.flags & kOff) == 0;
}

// Features of the histories' jobs: none, or names joined by '&'.
bool has_features(const model::Node& node, std::string_view wanted) {
  const auto has = base::split(node.features.view(), ',');
  for (const std::string_view one : base::split(wanted, '&')) {
    if (!one.empty() && std::find(has.begin(), has.end(), one) == has.end()) return false;
  }
  return true;
}

std::vector<Room> empty_rooms(const Picture& picture, const model::Job& job,
                              const model::Partition& partition) {
  std::vector<Room> rooms(picture.nodes.size());
  const std::vector<bool> in = nodes_of(picture, partition);
  for (std::size_t n = 0; n < rooms.size(); ++n) {
    const model::Node& node = *picture.nodes[n];
    rooms[n].usable = in[n] && has_features(node, job.request->features.view());
    rooms[n].cpus = node.facts.cpus();
    rooms[n].memory = node.facts.memory;
    for (const model::NodeGres& gres : node.facts.gres) rooms[n].gpus += gres.count;
  }
  return rooms;
}

void take_out_jobs(const Picture& picture, std::vector<Room>& rooms) {
  for (const model::JobPtr& job : picture.jobs) {
    if (!job->allocation) continue;
    for (const model::NodeShare& share : job->allocation->shares) {
      if (!holds(picture, *job, share)) continue;
      Room& room = rooms[share.node.value];
      room.idle = false;
      if (job->suspended_at == 0) room.cpus -= static_cast<std::uint32_t>(share.cpus.count());
      room.memory -= share.memory;
      for (const model::GresShare& gres : share.gres) room.gpus -= gres.count;
      if (job->request->sharing == model::Sharing::exclusive) room.usable = false;
      if (job->suspended_at != 0) room.usable = false;  // its CPUs may be called back
    }
  }
}

void take_out_plans(const Picture& picture, const model::Job& job, model::WallTime until,
                    std::vector<Room>& rooms) {
  const auto close = [&](const std::set<std::string>& closed) {
    for (std::size_t n = 0; n < rooms.size(); ++n) {
      if (closed.contains(picture.nodes[n]->name.str())) rooms[n].usable = false;
    }
  };
  for (const model::ReservationPtr& one : picture.reservations) {
    if (one->start < until && one->end > picture.now.wall) close(names(one->nodes.view()));
  }
  for (const auto& [id, entry] : picture.plan) {
    if (id == job.id || picture.planned(*picture.find(id)) == nullptr || entry.planned_start == 0 ||
        entry.planned_start >= until)
      continue;
    close(names(entry.planned_nodes.view()));
    const model::Job& other = *picture.find(id);
    if (!has_others_alike(picture, other)) continue;
    // The others of its group are planned as well, later, and that isn't shown.
    for (const model::Partition* partition : partitions_of(picture, other)) {
      const std::vector<bool> theirs = nodes_of(picture, *partition);
      for (std::size_t n = 0; n < rooms.size(); ++n) {
        rooms[n].usable = rooms[n].usable && !theirs[n];
      }
    }
  }
}

bool fits(const model::Request& request, const std::vector<Room>& rooms, std::uint32_t set) {
  const auto size = static_cast<std::uint32_t>(std::popcount(set));
  if (size < std::max(request.min_nodes, 1U)) return false;
  if (request.max_nodes != 0 && size > request.max_nodes) return false;
  if (size > request.tasks) return false;
  std::uint64_t gpus = 0;
  for (const model::GresRequest& gres : request.gres) gpus += gres.count;
  std::uint32_t tasks = 0;
  for (std::size_t n = 0; n < rooms.size(); ++n) {
    if ((set >> n & 1U) == 0) continue;
    const Room& room = rooms[n];
    const std::uint32_t here = room.cpus / std::max(request.cpus_per_task, 1U);
    if (!room.usable || here == 0 || room.memory < request.memory_per_node || room.gpus < gpus) {
      return false;
    }
    if (request.sharing == model::Sharing::exclusive && !room.idle) return false;
    tasks += here;
  }
  return tasks >= request.tasks;
}

std::string some_place(const Picture& picture, const model::Request& request,
                       const std::vector<Room>& rooms) {
  for (std::uint32_t set = 1; set < 1U << rooms.size(); ++set) {
    if (!fits(request, rooms, set)) continue;
    std::string text;
    for (std::size_t n = 0; n < rooms.size(); ++n) {
      if ((set >> n & 1U) != 0) text += ' ' + picture.nodes[n]->name.str();
    }
    return text;
  }
  return {};
}

}  // namespace

std::string possible_start(const Picture& picture, const model::Job& job) {
  for (const model::Partition* partition : partitions_of(picture, job)) {
    if (partition->state == model::PartitionState::down ||
        partition->state == model::PartitionState::inactive) {
      continue;
    }
    const std::uint32_t minutes = minutes_of(job, *partition);
    if (minutes > partition->max_time) continue;
    std::vector<Room> rooms = empty_rooms(picture, job, *partition);
    for (std::size_t n = 0; n < rooms.size(); ++n) {
      rooms[n].usable =
          rooms[n].usable && accepts_jobs(*picture.nodes[n]) && !picture.has_strangers[n];
    }
    take_out_jobs(picture, rooms);
    take_out_plans(picture, job, picture.now.wall + minutes * 60 * model::kSecond, rooms);
    std::string place = some_place(picture, *job.request, rooms);
    if (!place.empty()) return place;
  }
  return {};
}

bool could_ever_run(const Picture& picture, const model::Job& job) {
  for (const model::Partition* partition : partitions_of(picture, job)) {
    if (partition->state == model::PartitionState::down) continue;
    if (partition->state == model::PartitionState::inactive) continue;
    if (minutes_of(job, *partition) > partition->max_time) continue;
    if (!some_place(picture, *job.request, empty_rooms(picture, job, *partition)).empty()) {
      return true;
    }
  }
  return false;
}

}  // namespace sluice::histories
