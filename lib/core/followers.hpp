// Followers: what is planned for the members of a group behind its leader (planner_follow.cpp).
//
// They are planned one after the other, each in whichever of the group's lanes it may start first.
// All that they claim stands in the profile under the key of the lane in which the leader is
// planned, and goes with its reservation.
#pragma once

#include <cstdint>
#include <vector>

#include "core/backfill.hpp"

namespace sluice::core {

struct Follower {
  std::uint32_t lane = 0;
  PlannedStart start;
};

struct Followers {
  std::uint32_t lane = 0;         // where the leader is planned
  std::vector<Follower> planned;  // in their order
  std::vector<Follower> before;   // the same, as an earlier pass had it
  LaneKey until;                  // the last place in the order of a pass at which one was planned
  std::uint64_t moved_pass = 0;   // State::pass_number when one last moved to another lane
};

// Members of a group behind its leader that are still to be planned in a lane.
struct FollowUp {
  LaneKey key;                      // of the next one
  std::uint32_t place = 0;          // its place in the group's heap
  std::uint32_t tasks = 0;          // that it has beside
  std::size_t number = 0;           // how many are before it, but for the leader
  JobId leader;                     // when this was begun
  std::size_t members = 0;          // of the group, at that time
  std::uint32_t left = 0;           // so many more at most
  std::vector<std::uint32_t> open;  // places in the heap from which to go on
};

}  // namespace sluice::core
