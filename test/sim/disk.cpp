// See disk.hpp.
#include "test/sim/disk.hpp"

#include <algorithm>

#include "store/account_rows.hpp"
#include "store/records.hpp"
#include "test/sim/world.hpp"

namespace sluice::sim {

store::LoadedState Disk::load() {
  ++epoch_;
  failing_ = false;
  return peek();
}

store::LoadedState Disk::peek() const {
  const model::WallTime after =
      world_.timeline.wall() - std::int64_t{world_.settings->min_job_age_s} * model::kSecond;
  std::vector<model::JobPtr> live;
  for (const auto& [key, job] : jobs_) {
    if (store::is_live(*job)) live.push_back(job);
  }
  const store::StillNeeded needed = store::still_needed(live);
  store::LoadedState state;
  state.epoch = epoch_;
  state.next_job_id = next_job_id_;
  for (const auto& [key, job] : jobs_) {
    state.next_job_id = std::max(state.next_job_id, key.first.value + 1);
    const auto finished = store::finished_at(*job);
    // Of a job that was requeued only the latest attempt.
    if (!state.jobs.empty() && state.jobs.back()->id == job->id) state.jobs.pop_back();
    if (finished && *finished < after && !store::is_needed(*job, needed)) continue;
    state.jobs.push_back(job);
  }
  for (const model::JobPtr& job : state.jobs) {
    if (!store::is_live(*job) || job->state == model::JobState::pending) continue;
    auto step = steps_.lower_bound({{job->id, job->attempt}, 0});
    for (; step != steps_.end() && step->first.first == AttemptKey{job->id, job->attempt}; ++step) {
      if (!model::is_finished(step->second->state)) state.steps.push_back(step->second);
    }
  }
  for (const auto& [key, names] : released_) {
    for (const Text& name : names) state.released.push_back({key.first, key.second, name});
  }
  for (const auto& [name, node] : nodes_) state.nodes.push_back(node);
  for (const auto& [name, partition] : partitions_) state.partitions.push_back(partition);
  state.accounts = accounts_;
  for (const auto& [key, usage] : usage_) state.usage.push_back(usage);
  return state;
}

void Disk::commit(store::Transaction transaction, Done done) {
  ++given_;
  ++world_.counts.commits;
  queue_.push_back({std::move(transaction), std::move(done)});
  if (skip_) {
    std::vector<Done> now{std::exchange(queue_.back().done, {})};
    tell(std::move(now), {});
  }
  begin_sync();
}

void Disk::begin_sync() {
  if (syncing_ || queue_.empty()) return;
  syncing_ = true;
  Random& random = world_.random;
  const Micros gather = random.between(0, 200);
  Micros sync = random.mostly_low(100, 10 * kMilli);
  if (random.permille(world_.weather.slow_commits)) {
    world_.count(Fault::commit_slow);
    sync = random.mostly_low(10 * kMilli, 3 * kSec);
  }
  world_.timeline.after(gather, [this, life = life_, sync] {
    if (life != life_) return;
    group_.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end()));
    queue_.clear();
    world_.timeline.after(sync, [this, life] {
      if (life == life_) end_sync();
    });
  });
}

void Disk::end_sync() {
  syncing_ = false;
  std::vector<Waiting> group = std::exchange(group_, {});
  Status status;
  if (failing_) {
    world_.count(Fault::disk_failure);
    status = fail(ErrorCode::storage, "simulated: the sync failed");
  }
  std::vector<Done> list;
  for (Waiting& waiting : group) {
    if (status) apply(waiting.transaction);
    if (waiting.done) list.push_back(std::move(waiting.done));
  }
  tell(std::move(list), status);
  begin_sync();
}

// One after the other, each in a turn of its own.
void Disk::tell(std::vector<Done> list, const Status& status) {
  for (Done& done : list) {
    world_.timeline.after(0, [this, life = life_, done = std::move(done), status] {
      if (life != life_) return;
      ++told_;
      world_.controller.turn([&] { done(status); });
    });
  }
}

void Disk::crash() {
  ++life_;
  const bool made_it = syncing_ && !failing_ && world_.random.percent(50);
  std::uint64_t lost = queue_.size();
  for (const Waiting& waiting : group_) {
    if (made_it) {
      apply(waiting.transaction);
    } else {
      ++lost;
    }
  }
  world_.count(Fault::commits_lost, lost);
  queue_.clear();
  group_.clear();
  syncing_ = false;
  given_ = told_ = 0;
}

void Disk::apply(const store::Transaction& transaction) {
  for (const model::NodeRelease& gone : transaction.released) {
    released_[{gone.job, gone.attempt}].insert(gone.node);
  }
  for (const auto* list : {&transaction.ended, &transaction.jobs}) {
    for (const model::JobPtr& job : *list) {
      jobs_[{job->id, job->attempt}] = job;
      if (store::finished_at(*job)) released_.erase({job->id, job->attempt});
    }
  }
  for (const model::StepPtr& step : transaction.steps) {
    steps_[{{step->job, step->attempt.number}, step->number}] = step;
  }
  for (const model::NodePtr& node : transaction.nodes) {
    nodes_[node->name.str()] = std::make_shared<const model::Node>(store::kept_of(*node));
  }
  for (const model::PartitionPtr& partition : transaction.partitions) {
    partitions_[partition->name.str()] = partition;
  }
  for (const model::UsageRecord& usage : transaction.usage) {
    usage_[{usage.association, usage.qos}] = store::kept_of(usage);
  }
  if (transaction.accounts) {
    accounts_ = std::make_shared<const model::Accounts>(
        model::with_difference(accounts_ ? *accounts_ : model::Accounts{}, *transaction.accounts));
    for (const auto& edit : transaction.accounts->associations) {
      if (edit.removed) usage_.erase({edit.record.id, 0});
    }
    for (const auto& edit : transaction.accounts->qos) {
      if (edit.removed) usage_.erase({0, edit.record.id});
    }
  }
  for (const store::Blob& blob : transaction.blobs) blobs_.emplace(blob.hash.str(), blob.bytes);
  if (transaction.reply) replies_.emplace(transaction.reply->request_id, *transaction.reply);
  next_job_id_ = std::max(next_job_id_, transaction.next_job_id);
  world_.judge.durable(transaction);
}

std::optional<store::StoredReply> Disk::find_reply(const Uid128& request) const {
  const auto found = replies_.find(request);
  return found == replies_.end() ? std::nullopt : std::optional(found->second);
}

Result<std::string> Disk::blob(std::string_view hash) const {
  const auto found = blobs_.find(hash);
  if (found == blobs_.end()) return fail(ErrorCode::not_found, "no such blob");
  return found->second;
}

std::vector<model::JobPtr> Disk::past_jobs(JobId id, std::uint32_t task) const {
  std::map<JobId, model::JobPtr> last;
  for (const auto& [key, job] : jobs_) {
    const bool whole = job->id == id || job->array_job == id;
    const bool one = job->array_job == id && job->array_task == task;
    if (task == model::kNoTask ? whole : one) last[job->id] = job;
  }
  std::vector<model::JobPtr> found;
  for (const auto& [job, record] : last) found.push_back(record);
  return found;
}

bool Disk::has_job(JobId job) const {
  const auto found = jobs_.lower_bound({job, 0});
  return found != jobs_.end() && found->first.first == job;
}

}  // namespace sluice::sim
