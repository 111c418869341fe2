// Look-ups and the ledger's keys.
#include "daemon/worker/service/context.hpp"

#include <algorithm>

#include "base/uid_text.hpp"

namespace sluice::worker {

JobRun* Context::find(const Attempt& attempt) {
  const auto found = jobs.find(attempt);
  return found == jobs.end() ? nullptr : &found->second;
}

JobRun* Context::find(JobId job) {
  JobRun* best = nullptr;
  for (auto& [attempt, run] : jobs) {
    if (run.host.job->id != job) continue;
    if (best == nullptr || best->host.attempt.number < attempt.number) best = &run;
  }
  return best;
}

StepRun* Context::find(const StepKey& key) {
  JobRun* job = find(key.attempt);
  if (job == nullptr) return nullptr;
  const auto found = job->steps.find(key.step);
  return found == job->steps.end() ? nullptr : &found->second;
}

StreamState* Context::stream(StreamId id) {
  const auto found = streams.find(id);
  return found == streams.end() ? nullptr : &found->second;
}

const wire::HostRow* Context::host(std::string_view name) const {
  const auto found = std::ranges::find_if(
      cluster.hosts, [&](const wire::HostRow& row) { return row.name.view() == name; });
  return found == cluster.hosts.end() ? nullptr : &*found;
}

void Context::refuse(StreamId stream, std::uint64_t id, const Error& error) {
  send_stream(env, stream, wire::ErrorReply{error.code, error.text}, id);
}

bool spans(const JobRun& job, std::string_view node) {
  const auto has = [&](const std::shared_ptr<const model::Job>& one) {
    return one->allocation && std::ranges::any_of(one->allocation->shares, [&](const auto& share) {
             return share.name.view() == node;
           });
  };
  return has(job.host.job) || std::ranges::any_of(job.host.components, has);
}

std::string attempt_text(const Attempt& attempt) {
  return base::uid_text(attempt.job) + "." + std::to_string(attempt.number);
}

std::string ledger_key(char kind, const Attempt& attempt) { return kind + attempt_text(attempt); }

std::string ledger_key(const StepKey& key) {
  return "S" + attempt_text(key.attempt) + "." + std::to_string(key.step);
}

void store_progress(Context& context, const JobRun& job) {
  JobProgress progress;
  progress.phase = job.phase;
  progress.why = job.why;
  progress.batch_started = job.batch_started;
  progress.batch_ended = job.batch_ended;
  progress.suspended = job.suspended;
  context.env.ledger_put(ledger_key('P', job.host.attempt), wire::encode(progress));
}

void store_step(Context& context, const JobRun& job, const StepRun& step, const Uid128& request) {
  StepEntry entry;
  entry.attempt = job.host.attempt;
  entry.number = step.number;
  entry.root = step.root != nullptr;
  entry.spec = step.spec;
  entry.layout = step.layout;
  entry.first = step.first;
  entry.count = step.count;
  entry.request_id = request;
  entry.portions = step.portions;
  if (step.root) {
    entry.record = step.root->record;
    entry.verdict = step.root->verdict;
  }
  context.env.ledger_put(ledger_key(StepKey{job.host.attempt, step.number}), wire::encode(entry));
}

}  // namespace sluice::worker
