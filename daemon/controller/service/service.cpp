// The service's frame: start, commits and their effects, time. The handlers are in files of their
// own: submit.cpp, job_requests.cpp, node_requests.cpp, node_link.cpp, waits.cpp.
#include "daemon/controller/service/service.hpp"

#include <algorithm>
#include <utility>

#include "ledger/books.hpp"

namespace sluice::controller {

namespace {

core::StoredState stored_state(const store::LoadedState& loaded) {
  core::StoredState state;
  state.next_job_id = loaded.next_job_id;
  state.jobs = loaded.jobs;
  state.nodes = loaded.nodes;
  state.partitions = loaded.partitions;
  state.steps = loaded.steps;
  state.released = loaded.released;
  state.reservations = loaded.reservations;
  state.accounts = loaded.accounts;
  state.usage = loaded.usage;
  state.books = loaded.books;
  return state;
}

constexpr std::size_t kRepliesKept = 65'536;

void tell_warnings(Env& env, const core::Cluster& cluster, const core::Changes& changes) {
  if (changes.books == nullptr) return;
  for (const ledger::Entry& entry : changes.books->entries) {
    if (entry.kind != ledger::EntryKind::notice) continue;
    const ledger::Customer& customer = *cluster.books()->customer(entry.customer);
    env.log("customer " + customer.name.str() + ": " + entry.note.str());
  }
}

}  // namespace

Service::Service(Env& env, ServiceOptions options, const store::LoadedState& loaded)
    : env_(env),
      options_(std::move(options)),
      epoch_(loaded.epoch),
      cluster_(options_.settings, stored_state(loaded), env.now()),
      links_(options_.settings->nodes.size()),
      hosts_(options_.hosts),
      committed_next_id_(loaded.next_job_id),
      statistics_(env.now().wall),
      node_history_(loaded.node_spans),
      started_(env.now().wall) {
  const std::int64_t now_ms = env_.now().mono_ms;
  for (std::uint32_t i = 0; i < links_.size(); ++i) expect_node(NodeIndex(i), now_ms);
  Delta all;
  all.jobs = cluster_.all_jobs();
  all.nodes = cluster_.all_nodes();
  all.partitions = cluster_.all_partitions();
  all.steps = cluster_.running_steps();
  all.accounts = cluster_.accounts().pointer();
  env_.publish(std::move(all));
  note_ranks();
  note_all_spans();
  arm_wake();
}

void Service::on_request(const Call& call, const net::Frame& frame) {
  if (dead_) return;
  dispatch(*this, call, frame);
}

// `account`: of the object, where it has one.
Status Service::judge(const auth::Rule& rule, const auth::Peer& peer,
                      std::optional<std::uint32_t> owner, std::string_view account) const {
  auth::Facts facts;
  facts.owner = owner;
  facts.level = level_of(peer.uid);
  facts.user_has_job_on_host = !peer.trusted_host() && has_job_on_its_host(peer);
  facts.coordinates = rule.least == auth::Need::owner_or_coordinator && coordinates(peer, account);
  return auth::decide(rule, peer, facts);
}

auth::Level Service::level_of(std::uint32_t uid) const {
  const auto among = [uid](const std::vector<std::uint32_t>& uids) {
    return std::ranges::find(uids, uid) != uids.end();
  };
  if (uid == options_.service_uid || among(options_.admins)) return auth::Level::admin;
  const auth::Level accounted = accounted_level(uid);
  return among(options_.operators) ? std::max(accounted, auth::Level::operator_) : accounted;
}

bool Service::is_admin(const auth::Peer& peer) const {
  return auth::effective_level(peer, level_of(peer.uid), false) >= auth::Level::operator_;
}

void Service::refuse(const Call& call, const Error& error) {
  wire::ErrorReply reply_message;
  reply_message.code = error.code;
  reply_message.text = error.text;
  reply(env_, call.session, call.id, reply_message);
}

void Service::apply(const core::Event& event) { commit(cluster_.apply(event, env_.now()), {}); }

void Service::commit(core::Changes changes, Answer answer, store::Transaction extra) {
  if (dead_) return;
  mail_for(changes);
  statistics_.note(changes, env_.now().wall);
  store::Transaction transaction = std::move(extra);
  transaction.jobs = changes.jobs;
  transaction.ended = std::move(changes.ended);
  transaction.nodes = changes.nodes;
  transaction.partitions = changes.partitions;
  transaction.steps = changes.steps;
  transaction.released = std::move(changes.released);
  for (const core::JobOutcome& outcome : changes.outcomes) {
    if (outcome.status) transaction.touched.push_back(outcome.job);
  }
  std::ranges::sort(transaction.touched);
  transaction.reservations = std::move(changes.reservations);
  transaction.reservations_gone = std::move(changes.reservations_gone);
  transaction.usage = std::move(changes.usage);
  tell_warnings(env_, cluster_, changes);
  transaction.books = std::move(changes.books);
  note_spans(changes);
  transaction.node_spans = std::exchange(spans_due_, {});
  if (changes.accounts) {
    static const model::Accounts kNothing;
    const model::Accounts& before = changes.accounts_before ? *changes.accounts_before : kNothing;
    transaction.accounts = std::make_shared<const model::AccountsDifference>(
        model::difference(before, *changes.accounts));
    note_ranks();
  }
  if (cluster_.next_job_id() != committed_next_id_) {
    committed_next_id_ = cluster_.next_job_id();
    transaction.next_job_id = committed_next_id_;
  }
  auto effects = std::make_shared<Effects>();
  effects->delta = {std::move(changes.jobs),  std::move(changes.forgotten),
                    std::move(changes.nodes), std::move(changes.partitions),
                    std::move(changes.steps), std::move(changes.accounts)};
  effects->orders = std::move(changes.orders);
  effects->answer = std::move(answer);
  const bool nothing =
      transaction.jobs.empty() && transaction.ended.empty() && transaction.nodes.empty() &&
      transaction.partitions.empty() && transaction.steps.empty() && transaction.released.empty() &&
      transaction.blobs.empty() && transaction.usage.empty() && !transaction.accounts &&
      transaction.hosts.empty() && transaction.tokens.empty() && !transaction.reply &&
      effects->orders.empty() && transaction.reservations.empty() &&
      transaction.reservations_gone.empty() && transaction.node_spans.empty() &&
      !transaction.books && effects->delta.forgotten.empty() && !effects->answer;
  if (nothing) return arm_wake();
  ++commits_under_way_;
  statistics_.orders_wait(effects->orders);
  env_.commit(std::move(transaction), [this, effects](const Status& status) {
    if (dead_) return;
    --commits_under_way_;
    statistics_.orders_given(effects->orders);
    if (!status) {
      dead_ = true;
      return env_.fatal(status.error());
    }
    perform(*effects);
  });
  arm_wake();
}

void Service::perform(Effects& effects) {
  const std::vector<model::JobPtr> jobs = effects.delta.jobs;
  env_.publish(std::move(effects.delta));
  if (effects.answer) effects.answer();
  for (const core::Order& order : effects.orders) send_order(order);
  for (const model::JobPtr& job : jobs) wake_waiters(job);
}

bool Service::answer_again(const Call& call, const Uid128& request_id) {
  if (!request_id.is_set()) return false;
  if (auto waiting = in_flight_.find(request_id); waiting != in_flight_.end()) {
    waiting->second.push_back(call);
    return true;
  }
  std::optional<store::StoredReply> found;
  if (const auto kept = replies_.find(request_id); kept != replies_.end()) {
    found = kept->second;
  } else {
    found = env_.find_reply(request_id);
  }
  if (!found) return false;
  if (found->uid != call.peer.uid) {
    refuse(call,
           Error{ErrorCode::access_denied, std::string(error_text(ErrorCode::access_denied))});
  } else {
    env_.reply(call.session, static_cast<wire::MessageType>(found->type), call.id, found->payload);
  }
  return true;
}

void Service::remember(const store::StoredReply& reply) {
  if (!replies_.emplace(reply.request_id, reply).second) return;
  reply_order_.push_back(reply.request_id);
  if (reply_order_.size() > kRepliesKept) {
    replies_.erase(reply_order_.front());
    reply_order_.pop_front();
  }
}

void Service::answer_stored(const Call& call, const Uid128& request_id, core::Changes changes,
                            wire::MessageType type, std::string payload, store::Transaction extra) {
  store::StoredReply stored{request_id, call.peer.uid, static_cast<std::uint16_t>(type),
                            std::move(payload)};
  if (request_id.is_set()) {
    in_flight_.emplace(request_id, std::vector<Call>{});
    extra.reply = stored;
  }
  commit(
      std::move(changes),
      [this, call, stored] {
        env_.reply(call.session, static_cast<wire::MessageType>(stored.type), call.id,
                   stored.payload);
        if (!stored.request_id.is_set()) return;
        remember(stored);
        auto waiting = in_flight_.extract(stored.request_id);
        if (waiting.empty()) return;
        for (const Call& again : waiting.mapped()) answer_again(again, stored.request_id);
      },
      std::move(extra));
}

void Service::on_turn_end() {
  if (dead_ || !cluster_.more_to_plan()) return;
  const core::Now start = env_.now();
  core::Changes changes = cluster_.plan(start, options_.plan_budget);
  const model::WallTime end = env_.now().wall;
  const bool more = cluster_.more_to_plan();
  statistics_.note_slice(changes.figures, end - start.wall,
                         more ? Statistics::Slice::partial : Statistics::Slice::whole, end);
  commit(std::move(changes), {});
}

wire::SchedulerStats Service::scheduler_stats() {
  wire::SchedulerStats stats = statistics_.figures(env_.now().wall);
  stats.commits_waiting = commits_under_way_;
  return stats;
}

void Service::on_wake() {
  if (dead_) return;
  wake_ms_ = 0;
  const core::Now now = env_.now();
  if (cluster_.next_tick_ms() <= now.mono_ms) apply(core::Tick{});
  check_node_deadlines(now.mono_ms);
  check_orphans(now.mono_ms);
  arm_wake();
}

void Service::arm_wake() {
  std::int64_t next = cluster_.next_tick_ms();
  if (cluster_.more_to_plan()) next = env_.now().mono_ms;
  if (!node_deadlines_.empty()) next = std::min(next, node_deadlines_.begin()->first);
  for (const auto& [job, deadline] : orphans_) next = std::min(next, deadline);
  if (next != wake_ms_ && next != INT64_MAX) {
    wake_ms_ = next;
    env_.wake_at(next);
  }
}

Status Service::configure(core::SettingsPtr settings, std::vector<wire::KeyValue> node_settings) {
  core::Changes changes = cluster_.apply(core::Configure{settings}, env_.now());
  if (!changes.outcome) return changes.outcome;
  options_.settings = std::move(settings);
  options_.node_settings = std::move(node_settings);
  links_.resize(options_.settings->nodes.size());
  note_all_spans();
  commit(std::move(changes), {});
  for (std::size_t i = 0; i < links_.size(); ++i) {
    if (!links_[i].connected) continue;
    wire::HostListUpdate update{hosts_, options_.node_settings};
    send_node(env_, NodeIndex(static_cast<std::uint32_t>(i)), update);
  }
  return {};
}

void Service::add_host(const wire::HostRow& host, std::function<void(Status)> done) {
  const auto same = std::ranges::find(hosts_, host.name, &wire::HostRow::name);
  if (same != hosts_.end()) {
    *same = host;
  } else {
    hosts_.push_back(host);
  }
  store::Transaction transaction;
  transaction.hosts.push_back({host.name, host.public_key, host.roles, host.address, host.port});
  commit(
      core::Changes{},
      [this, done = std::move(done)] {
        for (std::size_t i = 0; i < links_.size(); ++i) {
          if (!links_[i].connected) continue;
          wire::HostListUpdate update{hosts_, options_.node_settings};
          send_node(env_, NodeIndex(static_cast<std::uint32_t>(i)), update);
        }
        env_.tell_hosts({hosts_, {}});
        done({});
      },
      std::move(transaction));
}

void Service::add_token(const store::TokenRecord& token, std::function<void(Status)> done) {
  store::Transaction transaction;
  transaction.tokens.push_back(token);
  commit(
      core::Changes{}, [done = std::move(done)] { done({}); }, std::move(transaction));
}

void Service::note_spans(const core::Changes& changes) {
  if (changes.nodes.empty()) return;
  const std::vector<model::PartitionPtr> partitions = cluster_.all_partitions();
  const Counting counting{cluster_.accounts().accounts().tres, partitions,
                          options_.settings->priority.flags};
  for (model::NodeSpan& span : node_history_.note(changes.nodes, counting, env_.now().wall)) {
    spans_due_.push_back(std::move(span));
  }
}

void Service::note_all_spans() {
  const std::vector<model::PartitionPtr> partitions = cluster_.all_partitions();
  const std::vector<model::NodePtr> nodes = cluster_.all_nodes();
  const Counting counting{cluster_.accounts().accounts().tres, partitions,
                          options_.settings->priority.flags};
  for (model::NodeSpan& span : node_history_.note_all(nodes, counting, env_.now().wall)) {
    spans_due_.push_back(std::move(span));
  }
}

void Service::mail_for(const core::Changes& changes) {
  for (const model::JobPtr& job : changes.ended) {
    if (job->spec->mail_type.empty()) continue;
    env_.send_mail(job, job->flags & model::kFlagRequeued ? "REQUEUE" : "END");
  }
  for (const core::Order& order : changes.orders) {
    const auto* launch = std::get_if<core::LaunchJob>(&order);
    if (launch == nullptr || launch->job->spec->mail_type.empty()) continue;
    if (launch->job->allocation->shares.front().node == launch->node) {
      env_.send_mail(launch->job, "BEGIN");
    }
  }
}

}  // namespace sluice::controller
