// How records look in the tables. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "model/job.hpp"
#include "model/node.hpp"

namespace sluice::store {

// Of an attempt of a job: ascending by job, then by attempt.
[[nodiscard]] std::int64_t job_key(JobId job, std::uint32_t attempt);
[[nodiscard]] JobId job_of_key(std::int64_t key);
inline constexpr std::int64_t kAttemptMask = 0x7fffffff;

// A live job may still change, and is loaded at a start: not finished, or nodes still clean up.
[[nodiscard]] bool is_live(const model::Job& job);
// The column `finished`: null while live.
[[nodiscard]] std::optional<std::int64_t> finished_at(const model::Job& job);

// Finished jobs that a start needs however old they are: the failed tasks of arrays that go on (who
// waits for the whole wants to know), and jobs whose start somebody counts minutes from.
struct StillNeeded {
  std::set<JobId> arrays;   // that have live records
  std::set<JobId> targets;  // of `after:id+minutes`: jobs or arrays
};
[[nodiscard]] StillNeeded still_needed(const std::vector<model::JobPtr>& live);
[[nodiscard]] bool is_needed(const model::Job& finished, const StillNeeded& needed);

// All but spec and request, which have tables of their own.
[[nodiscard]] std::string encode_job(const model::Job& job);

// What of a node outlives a restart: its facts, and what an administrator set. When the record was
// written for the last time it was equal to this but for `last_busy`.
[[nodiscard]] model::Node kept_of(const model::Node& node);

using RequestKey = std::array<char, 16>;
[[nodiscard]] RequestKey request_key(const Uid128& id);

}  // namespace sluice::store
