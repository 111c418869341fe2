// See records.hpp.
#include "store/records.hpp"

#include <charconv>
#include <limits>

#include "base/assert.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

namespace {
constexpr unsigned kAttemptBits = 31;
}

std::int64_t job_key(JobId job, std::uint32_t attempt) {
  SLUICE_ASSERT(std::int64_t{attempt} <= kAttemptMask, "job {} attempt {}", job.value, attempt);
  return (static_cast<std::int64_t>(job.value) << kAttemptBits) | attempt;
}

JobId job_of_key(std::int64_t key) {
  return JobId(static_cast<std::uint32_t>(key >> kAttemptBits));
}

bool is_live(const model::Job& job) {
  return !model::is_finished(job.state) || (job.flags & model::kFlagCompleting) != 0;
}

std::optional<std::int64_t> finished_at(const model::Job& job) {
  if (is_live(job)) return std::nullopt;
  return job.end != 0 ? job.end : std::numeric_limits<std::int64_t>::max();
}

namespace {

// "after:12+5(unfulfilled),afterok:3" names 12. A text that can't be read names nobody.
void add_timed_targets(std::string_view dependency, std::set<JobId>& targets) {
  for (std::size_t plus = dependency.find('+'); plus != std::string_view::npos;
       plus = dependency.find('+', plus + 1)) {
    const std::size_t before = dependency.substr(0, plus).rfind(':');
    if (before == std::string_view::npos) continue;
    const char* begin = dependency.data() + before + 1;
    std::uint32_t id = 0;
    const auto parsed = std::from_chars(begin, dependency.data() + plus, id);
    if (parsed.ec == std::errc{} && id != 0) targets.insert(JobId(id));
  }
}

}  // namespace

StillNeeded still_needed(const std::vector<model::JobPtr>& live) {
  StillNeeded needed;
  for (const model::JobPtr& job : live) {
    if (job->array_job.is_set()) needed.arrays.insert(job->array_job);
    add_timed_targets(job->dependency.view(), needed.targets);
  }
  return needed;
}

bool is_needed(const model::Job& finished, const StillNeeded& needed) {
  const bool of_array = finished.array_job.is_set();
  if (needed.targets.contains(of_array ? finished.array_job : finished.id)) return true;
  return of_array && finished.state != model::JobState::completed &&
         needed.arrays.contains(finished.array_job);
}

std::string encode_job(const model::Job& job) {
  model::Job own = job;
  own.spec.reset();
  own.request.reset();
  return wire::encode(own);
}

model::Node kept_of(const model::Node& node) {
  constexpr std::uint32_t kKept = model::kNodeDrain | model::kNodeFail | model::kNodeMaint |
                                  model::kNodeReboot | model::kNodeInvalidRegistration;
  model::Node kept = node;
  kept.state =
      node.state == model::NodeState::down ? model::NodeState::down : model::NodeState::unknown;
  kept.flags &= kKept;
  kept.allocated_cpus = 0;
  kept.allocated_memory = 0;
  kept.gres_used = Text();
  kept.cpu_load = 0;
  kept.free_memory = 0;
  kept.last_busy = 0;
  kept.partitions = Text();
  return kept;
}

RequestKey request_key(const Uid128& id) {
  RequestKey key{};
  for (std::size_t i = 0; i < 8; ++i) {
    const auto shift = static_cast<unsigned>(56 - 8 * i);
    key[i] = static_cast<char>(id.high >> shift);
    key[i + 8] = static_cast<char>(id.low >> shift);
  }
  return key;
}

}  // namespace sluice::store
