// The small world of core tests.
#include "test/support/core_builders.hpp"

#include <gtest/gtest.h>

#include "base/assert.hpp"

namespace sluice::test {

using namespace core;  // the subject of everything here
using model::JobState;

namespace {

std::uint64_t next_uid = 1;

// I5: what may follow a state within one attempt; a requeue makes a new attempt.
bool is_legal(const model::Job& from, const model::Job& to) {
  if (from.attempt != to.attempt) {
    return to.attempt == from.attempt + 1 && to.state != JobState::suspended;
  }
  if (from.state == to.state) return true;
  if (from.state == JobState::pending) return to.state != JobState::suspended;
  if (model::is_finished(from.state)) {
    // A requeue that is cancelled before its former attempt is gone ends as cancelled.
    return (from.flags & model::kFlagRequeued) != 0 && to.state == JobState::cancelled;
  }
  return to.state != JobState::pending;
}

}  // namespace

JobBuilder::JobBuilder() {
  spec_.uid = spec_.gid = 1000;
  spec_.user = spec_.group = "alice";
  spec_.name = "job";
  request_.tasks = 1;
  request_.memory_per_node = 100;
  request_.time_limit = 60;
}

JobBuilder& JobBuilder::by(std::uint32_t uid) { return spec_.uid = uid, *this; }
JobBuilder& JobBuilder::named(const char* name) { return spec_.name = name, *this; }
JobBuilder& JobBuilder::on(const char* partitions) {
  return request_.partitions = partitions, *this;
}
JobBuilder& JobBuilder::cpus(std::uint32_t count) { return request_.cpus_per_task = count, *this; }
JobBuilder& JobBuilder::tasks(std::uint32_t count) { return request_.tasks = count, *this; }
JobBuilder& JobBuilder::nodes(std::uint32_t count) {
  request_.min_nodes = request_.max_nodes = request_.tasks = count;
  return *this;
}
JobBuilder& JobBuilder::memory(std::uint64_t mib) { return request_.memory_per_node = mib, *this; }
JobBuilder& JobBuilder::minutes(std::uint32_t limit) { return request_.time_limit = limit, *this; }
JobBuilder& JobBuilder::after(const char* dependency) {
  return spec_.dependency = dependency, *this;
}
JobBuilder& JobBuilder::array(const char* tasks, std::uint32_t limit) {
  spec_.array = tasks;
  spec_.array_limit = limit;
  return *this;
}
JobBuilder& JobBuilder::begin(model::WallTime when) { return spec_.begin = when, *this; }
JobBuilder& JobBuilder::held() { return spec_.held = true, *this; }
JobBuilder& JobBuilder::interactive() { return spec_.kind = model::JobKind::allocation, *this; }

SubmitJob JobBuilder::event() const {
  return {.spec = std::make_shared<const model::JobSpec>(spec_),
          .request = std::make_shared<const model::Request>(request_),
          .uid = {next_uid++, 77},
          .groups = {"users"},
          .test_only = false,
          .past = {}};
}

JobBuilder a_job() { return {}; }

model::Settings some_settings(const WorldOptions& options) {
  model::Settings settings;
  settings.reason_interval_ms = 0;
  for (std::uint32_t n = 1; n <= options.nodes; ++n) {
    model::NodeSetting node;
    node.name = "n" + std::to_string(n);
    node.facts.cores_per_socket = options.cpus;
    node.facts.memory = options.memory;
    node.facts_fixed = true;
    settings.nodes.push_back(std::move(node));
  }
  model::Partition batch;
  batch.name = "batch";
  batch.nodes = "ALL";
  batch.is_default = true;
  settings.partitions.push_back(batch);
  return settings;
}

World::World(const WorldOptions& options) : World(some_settings(options)) {}

World::World(model::Settings given)
    : settings(std::make_shared<const model::Settings>(std::move(given))),
      cluster(std::make_unique<Cluster>(settings)) {
  register_all();
}

Changes World::apply(const Event& event) {
  Changes changes = cluster->apply(event, now);
  take_in(changes);
  check(changes);
  if (planning) last_plan = plan();
  return changes;
}

Changes World::plan_once(std::uint64_t budget) {
  Changes changes = cluster->plan(now, budget);
  take_in(changes);
  check(changes);
  return changes;
}

Changes World::plan(std::uint64_t budget) {
  Changes all;
  while (cluster->more_to_plan()) {
    const Changes changes = plan_once(budget);
    all.orders.insert(all.orders.end(), changes.orders.begin(), changes.orders.end());
    all.jobs.insert(all.jobs.end(), changes.jobs.begin(), changes.jobs.end());
  }
  return all;
}

void World::pass(std::int64_t seconds) {
  const std::int64_t until = now.mono_ms + seconds * 1000;
  const auto move_to = [&](std::int64_t mono_ms) {
    now.wall += (mono_ms - now.mono_ms) * 1000;
    now.mono_ms = mono_ms;
  };
  for (int ticks = 0; ticks < 10'000 && cluster->next_tick_ms() <= until; ++ticks) {
    if (cluster->next_tick_ms() > now.mono_ms) move_to(cluster->next_tick_ms());
    apply(Tick{});
  }
  move_to(until);
  apply(Tick{});
}

void World::restart() {
  const std::string before = cluster->fingerprint();
  cluster = std::make_unique<Cluster>(settings, stored(), now);
  EXPECT_EQ(cluster->fingerprint(), before);
  const auto wrong = cluster->check();
  EXPECT_FALSE(wrong) << *wrong;
  register_all();
}

// What a store would find in its history.
std::vector<model::JobPtr> World::past(std::string_view dependency) const {
  std::vector<model::JobPtr> found;
  for (const core::PastTarget& target : cluster->past_targets(dependency)) {
    for (const auto& [id, job] : forgotten_) {
      const bool one = job->array_job == target.job && job->array_task == target.task;
      const bool whole =
          target.task == model::kNoTask && (job->id == target.job || job->array_job == target.job);
      if (one || whole) found.push_back(job);
    }
  }
  return found;
}

Changes World::submit_event(const JobBuilder& job) {
  SubmitJob event = job.event();
  event.past = past(event.spec->dependency);
  return apply(event);
}

JobId World::submit(const JobBuilder& job) {
  const Changes changes = submit_event(job);
  EXPECT_TRUE(changes.outcome) << changes.outcome.error().text;
  return changes.job;
}

Status World::try_submit(const JobBuilder& job) { return submit_event(job).outcome; }

void World::register_node(std::uint32_t n, const char* boot) {
  NodeRegistered event{.node = NodeIndex(n), .facts = settings->nodes[n].facts, .holds = {}};
  event.facts.boot_id = boot;
  event.facts.hostname = settings->nodes[n].name;
  for (const model::JobPtr& job : cluster->jobs_on(NodeIndex(n))) {
    event.holds.push_back({job->uid, job->attempt});
  }
  apply(event);
}

void World::register_all() {
  for (std::uint32_t n = 0; n < settings->nodes.size(); ++n) register_node(n);
}

Changes World::act(JobVerb verb, JobId job, std::uint32_t by) {
  return apply(ActOnJob{.verb = verb, .selector = {job, {}}, .by_uid = by});
}

Changes World::act_as_admin(JobVerb verb, JobId job) {
  return apply(ActOnJob{.verb = verb, .selector = {job, {}}, .by_uid = 0, .by_admin = true});
}

Changes World::update(JobId job, const JobPatch& patch, bool admin) {
  return apply(UpdateJob{
      {job, {}}, patch, admin ? 0U : 1000U, admin, past(patch.dependency.value_or(Text()))});
}

void World::prepared(JobId id) {
  const model::AllocationPtr allocation = job(id).allocation;
  for (const model::NodeShare& share : allocation->shares) {
    apply(JobPrepared{attempt(id), share.node, true, {}});
  }
}

void World::script_ends(JobId id, std::uint32_t exit_code) {
  apply(BatchEnded{.attempt = attempt(id), .exit_code = exit_code, .error = {}, .released = true});
}

void World::release(JobId id, std::uint32_t n) {
  apply(NodeReleased{attempt(id), NodeIndex(n), false});
}

void World::release(JobId id) {
  const Attempt over = attempt(id);
  const model::AllocationPtr allocation = job(id).allocation;
  for (const model::NodeShare& share : allocation->shares) {
    apply(NodeReleased{over, share.node, false});
  }
}

void World::finish(JobId id, std::uint32_t exit_code) {
  const Attempt over = attempt(id);
  const model::AllocationPtr allocation = job(id).allocation;
  script_ends(id, exit_code);
  for (const model::NodeShare& share : allocation->shares) {
    apply(NodeReleased{over, share.node, false});
  }
}

const model::Job& World::job(JobId id) const {
  const auto found = jobs_.find(id);
  SLUICE_ASSERT(found != jobs_.end(), "no record of job {}", id.value);
  return *found->second;
}

const model::Node& World::node(std::uint32_t n) const { return *cluster->all_nodes().at(n); }

std::string World::state(JobId id) const {
  const model::Job& now_is = job(id);
  std::string text(model::long_name(now_is.state, now_is.flags));
  if (now_is.reason == model::Reason::none) return text;
  return text + '/' + std::string(model::reason_name(now_is.reason));
}

Attempt World::attempt(JobId id) const { return {job(id).uid, job(id).attempt}; }

void World::take_in(const Changes& changes) {
  std::set<JobId> seen;
  for (const model::JobPtr& job : changes.jobs) {
    EXPECT_TRUE(seen.insert(job->id).second) << "job " << job->id.value << " listed twice";
    const auto before = jobs_.find(job->id);
    if (before != jobs_.end()) {
      EXPECT_TRUE(is_legal(*before->second, *job))
          << "job " << job->id.value << ": "
          << model::long_name(before->second->state, before->second->flags) << " to "
          << model::long_name(job->state, job->flags);
    }
    jobs_[job->id] = job;
  }
  for (const model::JobPtr& job : changes.ended) {
    EXPECT_TRUE(model::is_finished(job->state));
    EXPECT_TRUE(accounted_.insert({job->uid, job->attempt}).second)
        << "attempt " << job->attempt << " of job " << job->id.value << " ended twice";
    ended.push_back(job);
  }
  released_.insert(changes.released.begin(), changes.released.end());
  std::erase_if(released_, [&](const model::NodeRelease& gone) {
    const auto job = jobs_.find(gone.job);
    return job == jobs_.end() || job->second->attempt != gone.attempt ||
           (job->second->flags & model::kFlagCompleting) == 0;
  });
  EXPECT_EQ(cluster->released(), std::vector(released_.begin(), released_.end()));
  for (const JobId gone : changes.forgotten) forgotten_.insert(jobs_.extract(gone));
  for (const model::NodePtr& node : changes.nodes) nodes_[node->index] = node;
  for (const model::PartitionPtr& part : changes.partitions) partitions_[part->index] = part;
  if (changes.accounts) {
    const model::Accounts before =
        changes.accounts_before ? *changes.accounts_before : model::Accounts{};
    EXPECT_EQ(before, accounts_ ? *accounts_ : model::Accounts{});
    accounts_ = std::make_shared<const model::Accounts>(
        model::with_difference(before, model::difference(before, *changes.accounts)));
    EXPECT_EQ(*accounts_, *changes.accounts);
  }
  for (const model::ReservationPtr& kept : changes.reservations) reservations_[kept->id] = kept;
  for (const model::ReservationPtr& gone : changes.reservations_gone) {
    reservations_.erase(gone->id);
  }
  if (changes.books != nullptr) books.take(*changes.books);
  for (const model::UsageRecord& usage : changes.usage) {
    usage_[{usage.association, usage.qos}] = usage;
  }
  for (const model::StepPtr& step : changes.steps) {
    if (step->end == 0) {
      steps_[{step->job, step->number}] = step;
    } else {
      steps_.erase({step->job, step->number});
    }
  }
}

void World::check(const Changes&) {
  const auto wrong = cluster->check();
  EXPECT_FALSE(wrong) << *wrong;
  for (const auto& [id, job] : jobs_) {
    const model::JobPtr held = cluster->find_job(id);
    EXPECT_TRUE(held && *held == *job) << "job " << id.value << " differs from the store";
  }
}

StoredState World::stored() const {
  StoredState state;
  state.next_job_id = cluster->next_job_id();
  for (const auto& [id, job] : jobs_) state.jobs.push_back(job);
  for (const auto& [index, node] : nodes_) state.nodes.push_back(node);
  for (const auto& [index, partition] : partitions_) state.partitions.push_back(partition);
  for (const auto& [key, step] : steps_) state.steps.push_back(step);
  state.released.assign(released_.begin(), released_.end());
  state.accounts = accounts_;
  for (const auto& [key, usage] : usage_) state.usage.push_back(usage);
  for (const auto& [id, reservation] : reservations_) state.reservations.push_back(reservation);
  state.books = books.state();
  return state;
}

}  // namespace sluice::test
