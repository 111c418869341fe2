// See job_query.hpp.
#include "cli/common/job_query.hpp"

#include "cli/common/submission.hpp"
#include "model/task_set.hpp"

namespace sluice::cli {

namespace {

constexpr std::uint32_t kGreatestTask = 4'000'000;  // Slurm's own bound of MaxArraySize

constexpr std::uint64_t bit(model::JobState state) {
  return std::uint64_t{1} << static_cast<unsigned>(state);
}

}  // namespace

Result<wire::JobRef> wire_ref(const opt::JobRef& ref) {
  wire::JobRef result;
  result.job = JobId(ref.job);
  if (ref.task) result.tasks.push_back({*ref.task, *ref.task, 1});
  if (!ref.tasks.empty()) {
    Result<model::TaskSet> tasks = model::parse_tasks(ref.tasks, kGreatestTask);
    if (!tasks) {
      return fail(ErrorCode::invalid_job_id,
                  "Invalid job id " + std::to_string(ref.job) + "_[" + ref.tasks + "]");
    }
    result.tasks = std::move(tasks->runs);
  }
  result.step = ref.step.value_or(model::kNoTask);
  result.component = ref.component.value_or(model::kNoTask);
  return result;
}

Result<std::vector<wire::JobRef>> wire_refs(std::span<const opt::JobRef> refs) {
  std::vector<wire::JobRef> result;
  result.reserve(refs.size());
  for (const opt::JobRef& ref : refs) {
    Result<wire::JobRef> made = wire_ref(ref);
    if (!made) return tl::unexpected(made.error());
    result.push_back(std::move(*made));
  }
  return result;
}

std::uint64_t state_mask(const opt::JobStates& states) {
  if (states.all) return 0;
  return states.states | std::uint64_t{states.flags} << 32U;
}

std::uint64_t live_states() {
  constexpr std::uint64_t kFlags = model::kFlagCompleting | model::kFlagConfiguring |
                                   model::kFlagRequeued | model::kFlagResizing |
                                   model::kFlagStopped | model::kFlagSignaling;
  return bit(model::JobState::pending) | bit(model::JobState::running) |
         bit(model::JobState::suspended) | kFlags << 32U;
}

std::vector<Text> texts(std::span<const std::string> words) { return {words.begin(), words.end()}; }

std::vector<Text> one_text(std::string_view word) {
  std::vector<Text> result;
  if (!word.empty()) result.emplace_back(word);
  return result;
}

wire::JobRef ref_of(const model::Job& job) {
  wire::JobRef ref;
  ref.job = job.array_job.is_set() ? job.array_job : job.id;
  if (job.array_task != model::kNoTask) {
    ref.tasks.push_back({job.array_task, job.array_task, 1});
  } else if (job.array_rest) {
    ref.tasks = job.array_rest->runs;
  }
  return ref;
}

Status check_named_cluster(Client& client, std::string_view wanted) {
  if (wanted.empty()) return {};
  const auto ping = client.call<wire::PingReply>(wire::Ping{});
  if (!ping) return tl::unexpected(as_seen_by_user(ping.error()));
  return check_cluster(wanted, ping->cluster);
}

}  // namespace sluice::cli
