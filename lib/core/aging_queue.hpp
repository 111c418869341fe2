// AgingQueue: pending jobs that a limit on ageing jobs keeps back. Jobs that count for the same
// sums stand in one line, in order of submission: when one of a line is refused, so are all behind
// it, and a look at the queue costs as much as there is room, not as there are jobs.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "core/limits.hpp"

namespace sluice::core {

class AgingQueue {
 public:
  void put(JobId id, const LimitClaim& whose) {
    drop(id);
    const Line line{whose.association, whose.qos, whose.partition_qos, whose.uid};
    lines_[line].insert(id);
    line_of_.emplace(id, line);
  }
  void drop(JobId id) {
    const auto known = line_of_.find(id);
    if (known == line_of_.end()) return;
    const auto line = lines_.find(known->second);
    line->second.erase(id);
    if (line->second.empty()) lines_.erase(line);
    line_of_.erase(known);
  }
  // Calls `may_age` for jobs in order of submission. A line is left alone once it says false of one
  // of its jobs. It may drop that job, and no other.
  template <class MayAge>
  void advance(MayAge&& may_age) {
    std::map<JobId, Line> heads;
    for (const auto& [line, jobs] : lines_) heads.emplace(*jobs.begin(), line);
    while (!heads.empty()) {
      const auto [id, line] = *heads.begin();
      heads.erase(heads.begin());
      if (!may_age(id)) continue;
      const auto jobs = lines_.find(line);
      if (jobs == lines_.end()) continue;
      const auto next = jobs->second.upper_bound(id);
      if (next != jobs->second.end()) heads.emplace(*next, line);
    }
  }

 private:
  using Line = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>;

  std::map<Line, std::set<JobId>> lines_;
  std::unordered_map<JobId, Line> line_of_;  // looked up only
};

}  // namespace sluice::core
