// How records look in the tables. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

// All but spec and request, which have tables of their own.
[[nodiscard]] std::string encode_job(const model::Job& job);

// What of a node outlives a restart: its facts, and what an administrator set. When the record was
// written for the last time it was equal to this but for `last_busy`.
[[nodiscard]] model::Node kept_of(const model::Node& node);

using RequestKey = std::array<char, 16>;
[[nodiscard]] RequestKey request_key(const Uid128& id);

}  // namespace sluice::store
