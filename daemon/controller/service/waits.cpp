// Clients that wait for a job: salloc and srun for the grant, sbatch --wait for the end. An
// allocation whose owner went away is cancelled: at once while it is pending, after some patience
// when it runs, because the owner may be reconnecting.
#include <algorithm>
#include <utility>

#include "daemon/controller/service/policies.hpp"
#include "daemon/controller/service/service.hpp"

namespace sluice::controller {

bool Service::is_ready(const model::Job& job) const {
  const auto prepared = [](const model::Job& one) {
    return one.state == model::JobState::running && (one.flags & model::kFlagConfiguring) == 0;
  };
  if (!prepared(job)) return false;
  for (std::uint32_t i = 0; job.het_job == job.id && i < job.het_count; ++i) {
    const model::JobPtr part = cluster_.find_job(JobId(job.id.value + i));
    if (part && !prepared(*part) && !model::is_finished(part->state)) return false;
  }
  return true;
}

void Service::handle(const Call& call, wire::WaitJob& request) {
  const model::JobPtr job = cluster_.find_job(request.job);
  if (!job)
    return refuse(call,
                  {ErrorCode::invalid_job_id, std::string(error_text(ErrorCode::invalid_job_id))});
  const Status allowed = judge(auth::Policy<wire::WaitJob>::rule, call.peer, job->spec->uid);
  if (!allowed) return refuse(call, allowed.error());
  // One wait per conversation and job: a new one replaces it, also the ownership.
  std::vector<Waiter>& waiters = waiters_[job->id];
  std::erase_if(waiters, [&](const Waiter& waiter) { return waiter.session == call.session; });
  waiters.push_back({call.session, call.id, request.started, request.ended, request.owned});
  if (request.owned) orphans_.erase(job->id);
  // What is on its way to the disk is answered when it is there, and can be read by everybody.
  if (commits_under_way_ == 0) return wake_waiters(job);
  commit({}, [this, job] { wake_waiters(job); });
}

// To the command that owns the allocation, or into the output of a batch job. It is said once, and
// kept by nobody.
void Service::handle(const Call& call, wire::NotifyJob& request) {
  const JobId named_id = named(request.job);
  const model::JobPtr job = request.job.tasks.empty()
                                ? cluster_.find_job(named_id)
                                : cluster_.find_task(named_id, request.job.tasks.front().first);
  const auto error = [](ErrorCode code) { return Error{code, std::string(error_text(code))}; };
  if (!job || model::is_finished(job->state)) {
    return refuse(call, error(ErrorCode::invalid_job_id));
  }
  const Status allowed = judge(auth::Policy<wire::NotifyJob>::rule, call.peer, job->spec->uid);
  if (!allowed) return refuse(call, allowed.error());
  if (request.text.size() > wire::kMaxNotice) {
    return refuse(call, {ErrorCode::invalid_argument, "the message is too long"});
  }
  if (job->spec->kind != model::JobKind::batch) {
    const auto found = waiters_.find(job->id);
    if (found == waiters_.end()) return refuse(call, error(ErrorCode::job_not_requeueable));
    for (const Waiter& waiter : found->second) {
      if (waiter.owned) {
        reply(env_, waiter.session, waiter.id, wire::JobNotice{job->id, request.text});
      }
    }
  } else {
    if (!job->allocation) return refuse(call, error(ErrorCode::job_not_requeueable));
    const NodeIndex node = job->allocation->shares.front().node;
    if (!links_[node.value].connected) return refuse(call, error(ErrorCode::node_down));
    wire::TellJob order;
    order.epoch = Epoch(epoch_);
    order.attempt = {job->uid, job->attempt};
    order.order = next_order(node, order.attempt);
    order.job = job->id;
    order.text = request.text;
    send_node(env_, node, order);
  }
  reply(env_, call.session, call.id, wire::DoneReply{});
}

void Service::wake_waiters(const model::JobPtr& job) {
  if (job->het_job.is_set() && job->het_job != job->id) {
    if (const model::JobPtr leader = cluster_.find_job(job->het_job)) wake_waiters(leader);
  }
  const auto found = waiters_.find(job->id);
  if (found == waiters_.end()) return;
  const bool over = model::is_finished(job->state);
  std::vector<Waiter>& waiters = found->second;
  for (Waiter& waiter : waiters) {
    const bool due = over || (waiter.started && is_ready(*job));
    if (!due || (!waiter.started && !waiter.ended)) continue;
    wire::WaitJobReply message;
    message.job = *job;
    reply(env_, waiter.session, waiter.id, message);
    // An owner keeps its place, so that its going away is noticed.
    waiter.started = false;
    waiter.ended = false;
  }
  std::erase_if(waiters,
                [&](const Waiter& w) { return over || (!w.started && !w.ended && !w.owned); });
  if (waiters.empty()) waiters_.erase(found);
  if (over) orphans_.erase(job->id);
}

void Service::on_session_closed(SessionId session) {
  if (dead_) return;
  std::vector<JobId> left;
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    bool owner_left = false;
    std::erase_if(it->second, [&](const Waiter& waiter) {
      owner_left = owner_left || (waiter.session == session && waiter.owned);
      return waiter.session == session;
    });
    if (owner_left) left.push_back(it->first);
    it = it->second.empty() ? waiters_.erase(it) : std::next(it);
  }
  for (const JobId id : left) {
    const model::JobPtr job = cluster_.find_job(id);
    if (!job || model::is_finished(job->state)) continue;
    const std::int64_t patience_ms = job->state == model::JobState::pending
                                         ? 0
                                         : std::int64_t{options_.orphan_patience_s} * 1000;
    orphans_[id] = env_.now().mono_ms + patience_ms;
  }
  arm_wake();
}

void Service::check_orphans(std::int64_t now_ms) {
  std::vector<JobId> due;
  for (const auto& [job, deadline] : orphans_) {
    if (deadline <= now_ms) due.push_back(job);
  }
  for (const JobId id : due) {
    orphans_.erase(id);
    const model::JobPtr job = cluster_.find_job(id);
    if (!job) continue;
    core::ActOnJob cancel;
    cancel.selector.job = id;
    cancel.by_uid = job->spec->uid;
    apply(cancel);
  }
}

}  // namespace sluice::controller
