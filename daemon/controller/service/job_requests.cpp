// Requests on existing jobs: cancel, signal, hold, release, requeue, suspend, resume, update, and
// reading a script back. Each job that a request touches is checked against the table by its owner.
#include <algorithm>
#include <utility>

#include "daemon/controller/service/job_filter.hpp"
#include "daemon/controller/service/policies.hpp"
#include "daemon/controller/service/service.hpp"
#include "ledger/books_state.hpp"

namespace sluice::controller {

namespace {

Error error_of(ErrorCode code) { return {code, std::string(error_text(code))}; }

void merge(core::Changes& sum, core::Changes&& more) {
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  append(sum.outcomes, more.outcomes);
  append(sum.jobs, more.jobs);
  append(sum.ended, more.ended);
  append(sum.forgotten, more.forgotten);
  append(sum.nodes, more.nodes);
  append(sum.partitions, more.partitions);
  append(sum.steps, more.steps);
  append(sum.orders, more.orders);
  append(sum.usage, more.usage);  // later records replace earlier ones
  append(sum.reservations, more.reservations);
  append(sum.reservations_gone, more.reservations_gone);
  if (more.books == nullptr) return;
  sum.books =
      sum.books == nullptr
          ? std::move(more.books)
          : std::make_shared<const ledger::BooksRows>(ledger::joined(*sum.books, *more.books));
}

void add_outcome(wire::JobActionReply& reply, JobId job, const Status& status) {
  wire::JobActionOutcome outcome;
  outcome.job = job;
  if (!status) {
    outcome.code = status.error().code;
    outcome.text = status.error().text;
  }
  reply.outcomes.push_back(std::move(outcome));
}

void add_outcomes(wire::JobActionReply& reply, const std::vector<core::JobOutcome>& outcomes) {
  for (const core::JobOutcome& outcome : outcomes) {
    add_outcome(reply, outcome.job, outcome.status);
    reply.outcomes.back().array_job = outcome.array_job;
    reply.outcomes.back().array_task = outcome.array_task;
  }
}

}  // namespace

Status Service::may_touch(const Call& call, const auth::Rule& rule, JobId job) const {
  const std::vector<model::JobPtr> records = cluster_.records_of(job);
  if (records.empty()) return fail(ErrorCode::invalid_job_id);
  return judge(rule, call.peer, records.front()->spec->uid);
}

// "123+1" names a component of job 123; 0: there is none such.
JobId Service::named(const wire::JobRef& ref) const {
  if (ref.component == model::kNoTask) return ref.job;
  const model::JobPtr job = cluster_.find_job(JobId(ref.job.value + ref.component));
  const bool meant = job && job->het_job == ref.job && job->het_offset == ref.component;
  return meant ? job->id : JobId();
}

std::vector<core::JobSelector> Service::select(const wire::JobFilter& filter) const {
  std::vector<core::JobSelector> selected;
  if (!filter.jobs.empty()) {
    for (const wire::JobRef& ref : filter.jobs) {
      if (ref.step == model::kNoTask) selected.push_back({named(ref), ref.tasks});
    }
    return selected;
  }
  for (const model::JobPtr& job : cluster_.all_jobs()) {
    if (model::is_finished(job->state) || !matches_conditions(*job, filter)) continue;
    core::JobSelector selector{job->id, {}};
    if (job->array_job.is_set() && job->array_task != model::kNoTask) {
      selector = {job->array_job, {{job->array_task, job->array_task, 1}}};
    } else if (job->array_rest) {
      selector.tasks = job->array_rest->runs;
    }
    selected.push_back(std::move(selector));
  }
  return selected;
}

void Service::handle(const Call& call, wire::JobAction& request) {
  if (answer_again(call, request.request_id)) return;
  const auth::Rule& rule = auth::Policy<wire::JobAction>::rule;
  const bool by_filter = request.filter.jobs.empty();
  core::Changes changes;
  wire::JobActionReply message;
  core::ActOnJob event;
  event.verb = request.verb;
  event.by_uid = call.peer.uid;
  event.by_admin = is_admin(call.peer);
  event.signal = request.signal;
  event.batch_only = request.batch_only;
  event.full = request.full;
  event.exit_code = request.exit_code;
  event.special_exit = request.special_exit;
  if (event.verb == model::JobVerb::hold && !event.by_admin) event.verb = model::JobVerb::hold_user;
  for (core::JobSelector& selector : select(request.filter)) {
    const JobId id = selector.job;
    if (const Status allowed = may_touch(call, rule, id); !allowed) {
      if (!by_filter) add_outcome(message, id, allowed);
      continue;
    }
    const std::vector<model::JobPtr> records = cluster_.records_of(id);
    const bool wanted = by_filter || std::ranges::any_of(records, [&](const model::JobPtr& job) {
                          return matches_conditions(*job, request.filter);
                        });
    if (!wanted) continue;
    event.selector = std::move(selector);
    core::Changes more = cluster_.apply(event, env_.now());
    if (more.outcomes.empty() && !more.outcome) add_outcome(message, id, more.outcome);
    add_outcomes(message, more.outcomes);
    merge(changes, std::move(more));
  }
  act_on_steps(call, request, message);
  answer_stored(call, request.request_id, std::move(changes), wire::JobActionReply::kType,
                wire::encode(message));
}

// scancel JOB.STEP: the job's first node is the step manager; it gets the signal.
void Service::act_on_steps(const Call& call, const wire::JobAction& request,
                           wire::JobActionReply& reply_message) {
  const auth::Rule& rule = auth::Policy<wire::JobAction>::rule;
  for (const wire::JobRef& ref : request.filter.jobs) {
    if (ref.step == model::kNoTask) continue;
    Status status = may_touch(call, rule, named(ref));
    const model::JobPtr job = ref.tasks.empty()
                                  ? cluster_.find_job(named(ref))
                                  : cluster_.find_task(ref.job, ref.tasks.front().first);
    if (status && (!job || !job->allocation)) status = fail(ErrorCode::invalid_job_id);
    if (status && request.verb != model::JobVerb::cancel &&
        request.verb != model::JobVerb::signal) {
      status = fail(ErrorCode::invalid_argument, "only signals can be sent to a step");
    }
    if (status) {
      const model::JobPtr leader = cluster_.find_job(job->het_job);
      const model::Job& manager = leader && leader->allocation ? *leader : *job;
      const NodeIndex node = manager.allocation->shares.front().node;
      wire::SignalJob message;
      message.epoch = Epoch(epoch_);
      message.attempt = {manager.uid, manager.attempt};
      message.order = next_order(node, message.attempt);
      message.job = manager.id;
      message.signal = request.verb == model::JobVerb::cancel ? 0 : request.signal;
      message.step = ref.step;
      if (links_[node.value].connected) {
        send_node(env_, node, message);
      } else {
        status = fail(ErrorCode::node_down);
      }
    }
    add_outcome(reply_message, ref.job, status);
    reply_message.outcomes.back().step = ref.step;
  }
}

void Service::handle(const Call& call, wire::UpdateJob& request) {
  if (answer_again(call, request.request_id)) return;
  const auth::Rule& rule = auth::Policy<wire::UpdateJob>::rule;
  std::vector<core::JobSelector> selected;
  if (!request.name.empty()) {
    wire::JobFilter filter;
    filter.names.push_back(request.name);
    filter.uids.push_back(call.peer.uid);
    selected = select(filter);
    if (selected.empty()) return refuse(call, error_of(ErrorCode::invalid_job_id));
  } else {
    for (const wire::JobRef& ref : request.jobs) selected.push_back({named(ref), ref.tasks});
  }
  core::Changes changes;
  wire::JobActionReply message;
  std::vector<model::JobPtr> past;
  if (request.patch.dependency) past = past_targets(*request.patch.dependency);
  for (core::JobSelector& selector : selected) {
    const JobId id = selector.job;
    if (const Status allowed = may_touch(call, rule, id); !allowed) {
      add_outcome(message, id, allowed);
      continue;
    }
    core::UpdateJob event{std::move(selector), request.patch, call.peer.uid, is_admin(call.peer),
                          past};
    core::Changes more = cluster_.apply(event, env_.now());
    if (more.outcomes.empty()) add_outcome(message, id, more.outcome);
    add_outcomes(message, more.outcomes);
    merge(changes, std::move(more));
  }
  answer_stored(call, request.request_id, std::move(changes), wire::JobActionReply::kType,
                wire::encode(message));
}

void Service::handle(const Call& call, wire::QueryScript& request) {
  const bool whole = request.job.tasks.empty();
  const std::uint32_t task = whole ? model::kNoTask : request.job.tasks.front().first;
  model::JobPtr job =
      whole ? cluster_.find_job(request.job.job) : cluster_.find_task(request.job.job, task);
  if (!job) {
    const std::vector<model::JobPtr> past = env_.past_jobs(request.job.job, task);
    if (!past.empty()) job = past.back();
  }
  if (!job) return refuse(call, error_of(ErrorCode::invalid_job_id));
  const Status allowed = judge(auth::Policy<wire::QueryScript>::rule, call.peer, job->spec->uid);
  if (!allowed) return refuse(call, allowed.error());
  const Text& hash = request.environment ? job->spec->environment_hash : job->spec->script_hash;
  if (hash.empty()) return refuse(call, {ErrorCode::not_found, "the job has no batch script"});
  Result<std::string> bytes = blob(hash);
  if (!bytes) return refuse(call, bytes.error());
  reply(env_, call.session, call.id, wire::ScriptReply{std::move(*bytes)});
}

// Where jobs of others are private they are not named, here as little as in squeue.
void Service::hide_others(model::Explanation& why, const Sight& sight) const {
  const auto is_hidden = [&](JobId id) {
    const model::JobPtr job = cluster_.find_job(id);
    return job && !sight.sees(*job);
  };
  const auto is_others = [&](const model::ExplainedJob& one) { return is_hidden(one.job); };
  std::erase_if(why.until, is_others);
  for (model::ExplainedLimit& limit : why.limits) std::erase_if(limit.by, is_others);
  for (model::Placement& placed : why.placed) {
    if (is_hidden(placed.ahead_of)) placed.ahead_of = {};
  }
  if (!is_hidden(why.behind)) return;
  why.behind = {};
  why.behind_start = 0;
  why.behind_nodes = {};
}

// Asked of the live state, which only the loop may see: a plan is not in the snapshots.
void Service::handle(const Call& call, wire::QueryPlan& request) {
  model::JobPtr job = request.task == model::kNoTask
                          ? cluster_.find_job(request.job)
                          : cluster_.find_task(request.job, request.task);
  if (!job) {
    return refuse(call,
                  {ErrorCode::invalid_job_id, std::string(error_text(ErrorCode::invalid_job_id))});
  }
  const auth::Rule& rule = auth::Policy<wire::QueryPlan>::rule;
  const Status allowed = judge(rule, call.peer, job->spec->uid, job->request->account);
  if (!allowed) return refuse(call, allowed.error());
  wire::PlanReply message;
  message.explanation = *cluster_.why(job->id, request.sooner);
  hide_others(message.explanation, sight_for<wire::QueryPlan>(call.peer));
  message.job = *job;
  reply(env_, call.session, call.id, message);
}

}  // namespace sluice::controller
