// Service: the controller without I/O. Requests and node messages come in, the core decides, the
// changes are committed, and only then answers and orders go out. The same code runs in sluicectld
// and in the simulation; both hand it an Env.
//
// Order of things (design: durability): apply -> commit -> publish, orders, answers. Effects of one
// commit happen together and in commit order.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "auth/policy.hpp"
#include "core/cluster.hpp"
#include "daemon/controller/service/env.hpp"
#include "daemon/controller/service/event_sight.hpp"
#include "daemon/controller/service/interner.hpp"
#include "daemon/controller/service/node_history.hpp"
#include "daemon/controller/service/service_options.hpp"
#include "daemon/controller/service/service_parts.hpp"
#include "daemon/controller/service/sight.hpp"
#include "daemon/controller/service/statistics.hpp"
#include "net/client/frame.hpp"
#include "wire/account_messages.hpp"
#include "wire/books_messages.hpp"
#include "wire/client_messages.hpp"
#include "wire/ledger_messages.hpp"
#include "wire/node_messages.hpp"
#include "wire/quote_messages.hpp"
#include "wire/reservation_messages.hpp"

namespace sluice::controller {

class Service {
 public:
  Service(Env& env, ServiceOptions options, const store::LoadedState& loaded);

  // Clients. Reads (queries) never come here: the shell answers them from snapshots, after
  // may_read() said yes.
  void on_request(const Call& call, const net::Frame& frame);
  void on_session_closed(SessionId session);
  template <class Request>
  [[nodiscard]] Status may_read(const auth::Peer& peer) const {
    const auth::Rule& rule = auth::Policy<Request>::rule;
    if (const Status allowed = judge(rule, peer, peer.uid); !allowed) return allowed;
    const bool hidden = sight_of(peer, rule.whole_secrets).hides(rule.whole_secrets);
    return hidden ? fail(ErrorCode::access_denied) : Status();
  }
  // What of the answer to a request the peer may see.
  [[nodiscard]] Sight sight_of(const auth::Peer& peer, std::uint32_t secrets) const;
  template <class Request>
  [[nodiscard]] Sight sight_for(const auth::Peer& peer) const {
    return sight_of(peer, auth::Policy<Request>::rule.secrets);
  }
  [[nodiscard]] LedgerSight ledger_sight(const auth::Peer& peer) const;
  [[nodiscard]] EventSight event_sight(const auth::Peer& peer) const;
  void set_private_data(std::uint32_t secrets) { options_.private_data = secrets; }

  // Node daemons.
  void on_node_hello(NodeIndex node, const wire::NodeHello& hello);
  void on_node_message(NodeIndex node, wire::MessageType type, std::string_view payload);
  void on_node_closed(NodeIndex node);

  void on_wake();
  void on_turn_end();  // plans what the turn made possible
  // Applies a new configuration, all or nothing.
  [[nodiscard]] Status configure(core::SettingsPtr settings,
                                 std::vector<wire::KeyValue> node_settings);
  // A new host, after its token was checked against the store. Sends the list to all nodes.
  void add_host(const wire::HostRow& host, std::function<void(Status)> done);
  void add_token(const store::TokenRecord& token, std::function<void(Status)> done);

  [[nodiscard]] const core::Cluster& cluster() const { return cluster_; }
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] const std::vector<wire::HostRow>& hosts() const { return hosts_; }
  // What sdiag shows, but for what the shell knows: it also tells what requests cost.
  [[nodiscard]] Statistics& statistics() { return statistics_; }
  [[nodiscard]] wire::SchedulerStats scheduler_stats();

  // Handlers, one per request; called by the dispatcher after the table said yes.
  void handle(const Call& call, wire::Submit& request);
  void handle(const Call& call, wire::SubmitHeterogeneous& request);
  void handle(const Call& call, wire::JobAction& request);
  void handle(const Call& call, wire::UpdateJob& request);
  void handle(const Call& call, wire::UpdateNode& request);
  void handle(const Call& call, wire::UpdatePartition& request);
  void handle(const Call& call, wire::EditReservation& request);
  void handle(const Call& call, wire::QueryReservations& request);
  void handle(const Call& call, wire::QueryLicenses& request);
  void handle(const Call& call, wire::WaitJob& request);
  void handle(const Call& call, wire::NotifyJob& request);
  void handle(const Call& call, wire::QueryScript& request);
  void handle(const Call& call, wire::Ping& request);
  void handle(const Call& call, wire::QueryHosts& request);
  void handle(const Call& call, wire::QueryTopology& request);
  void handle(const Call& call, wire::EditAccounts& request);
  void handle(const Call& call, wire::QueryPlan& request);
  void handle(const Call& call, wire::LoadPrices& request);
  void handle(const Call& call, wire::PostMoney& request);
  void handle(const Call& call, wire::QueryBooks& request);
  void handle(const Call& call, wire::QuoteSubmit& request);

  [[nodiscard]] Status judge(const auth::Rule& rule, const auth::Peer& peer,
                             std::optional<std::uint32_t> owner,
                             std::string_view account = {}) const;
  void refuse(const Call& call, const Error& error);

 private:
  using Answer = std::function<void()>;

  // Takes the changes of one event to the store; answers and orders follow the commit.
  void commit(core::Changes changes, Answer answer, store::Transaction extra = {});
  void perform(Effects& effects);
  // Applies an event nobody waits for.
  void apply(const core::Event& event);
  // Commits the changes together with the answer; a repeated request id gets the same answer.
  void answer_stored(const Call& call, const Uid128& request_id, core::Changes changes,
                     wire::MessageType type, std::string payload, store::Transaction extra = {});
  // True if this request id was answered before (the answer was sent again).
  bool answer_again(const Call& call, const Uid128& request_id);
  void remember(const store::StoredReply& reply);

  [[nodiscard]] Result<core::SubmitJob> submission(const Call& call, wire::Submit& request,
                                                   store::Transaction& extra);
  void submitted(const Call& call, const Uid128& request_id, core::Changes changes,
                 std::uint32_t cpus, store::Transaction extra);
  // Whether the job, or all of a heterogeneous one, has its nodes prepared.
  [[nodiscard]] bool is_ready(const model::Job& job) const;
  [[nodiscard]] JobId named(const wire::JobRef& ref) const;
  [[nodiscard]] std::vector<core::JobSelector> select(const wire::JobFilter& filter) const;
  [[nodiscard]] Status may_touch(const Call& call, const auth::Rule& rule, JobId job) const;
  [[nodiscard]] auth::Level level_of(std::uint32_t uid) const;
  [[nodiscard]] auth::Level accounted_level(std::uint32_t uid) const;  // by AdminLevel
  void note_ranks();
  [[nodiscard]] bool is_admin(const auth::Peer& peer) const;
  [[nodiscard]] bool has_job_on_its_host(const auth::Peer& peer) const;
  [[nodiscard]] bool coordinates(const auth::Peer& peer, std::string_view account) const;
  [[nodiscard]] bool may_use(const model::Reservation& reservation, const auth::Peer& peer) const;
  void hide_others(model::Explanation& why, const Sight& sight) const;
  void act_on_steps(const Call& call, const wire::JobAction& request, wire::JobActionReply& reply);
  void send_order(const core::Order& order);
  void send_launch(const model::JobPtr& job, NodeIndex node);
  void send_terminate(const Attempt& attempt, JobId job, NodeIndex node, std::uint32_t grace_s);
  void reconcile(NodeIndex node, const std::vector<wire::Hold>& holds, std::uint64_t last_order);
  void judge_devices(NodeIndex node, const std::vector<wire::DeviceFault>& faults);
  std::uint64_t next_order(NodeIndex node, const Attempt& attempt);
  void report(NodeIndex node, const core::Event& event, std::uint64_t serial);
  [[nodiscard]] Result<std::string> blob(const Text& hash);
  // What history says of a dependency's targets that memory has forgotten.
  [[nodiscard]] std::vector<model::JobPtr> past_targets(std::string_view dependency);
  void wake_waiters(const model::JobPtr& job);
  void check_node_deadlines(std::int64_t now_ms);
  void expect_node(NodeIndex node, std::int64_t now_ms);
  void check_orphans(std::int64_t now_ms);
  void arm_wake();
  void mail_for(const core::Changes& changes);
  void note_spans(const core::Changes& changes);
  void note_all_spans();

  Env& env_;
  ServiceOptions options_;
  std::uint64_t epoch_ = 0;
  core::Cluster cluster_;
  std::vector<NodeLink> links_;
  std::vector<wire::HostRow> hosts_;
  Interner<model::JobSpec> specs_;
  Interner<model::Request> requests_;
  std::set<std::pair<std::int64_t, std::uint32_t>> node_deadlines_;  // of nodes without a link
  std::map<JobId, std::vector<Waiter>> waiters_;
  std::map<JobId, std::int64_t> orphans_;  // job -> monotonic deadline
  std::unordered_map<Uid128, store::StoredReply> replies_;
  std::deque<Uid128> reply_order_;
  std::unordered_map<Uid128, std::vector<Call>> in_flight_;  // duplicates wait for the first
  std::map<std::string, std::string, std::less<>> blobs_;    // recent scripts and environments
  std::size_t blob_bytes_ = 0;
  std::uint32_t committed_next_id_ = 0;
  std::uint32_t commits_under_way_ = 0;
  std::int64_t wake_ms_ = 0;
  std::map<std::string, auth::Level, std::less<>> ranked_;  // users above the plain ones
  Statistics statistics_;
  NodeHistory node_history_;
  NodeHistory::Spans spans_due_;                     // for the next commit
  std::map<std::uint64_t, ledger::Money> refunded_;  // by charge, since this process started
  model::WallTime started_ = 0;
  bool dead_ = false;  // durability lost
};

// Changes of `scontrol update partition` by their names, applied to a copy.
[[nodiscard]] Status edit_partition(model::Partition& partition,
                                    const std::vector<wire::KeyValue>& changes);
// Calls the handler of the frame's type, after decoding and the table. Unknown types are errors.
void dispatch(Service& service, const Call& call, const net::Frame& frame);

}  // namespace sluice::controller
