// Shell: sluicectld's real world. Binds the service to the event loop, the store, the unix socket,
// the hosts' links and the query threads. Owned and used by the loop's thread; the store's writer
// and the pool's threads only post functions to the loop.
//
// Files below the directory: sluice.yaml, controller.key, hosts.d/NAME (hosts known from the
// start), state/sluice.db, controller.sock, port (where it listens), sluicectld.log.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "auth/host_key.hpp"
#include "auth/join_token.hpp"
#include "base/fd.hpp"
#include "config/cluster_config.hpp"
#include "daemon/controller/queries.hpp"
#include "daemon/controller/service/service.hpp"
#include "daemon/controller/snapshot.hpp"
#include "net/link.hpp"
#include "net/work_pool.hpp"
#include "store/store.hpp"
#include "wire/event_messages.hpp"

namespace sluice::controller {

struct ShellOptions {
  std::string dir;
  std::string config_file;            // empty: DIR/sluice.yaml
  std::optional<std::uint16_t> port;  // in place of the configuration's
};

[[nodiscard]] bool may_hold_events(const store::Transaction& transaction);

class Shell : private Env {
 public:
  // Everything that can be wrong with configuration, state or ports is found here.
  [[nodiscard]] static Result<std::unique_ptr<Shell>> create(net::Loop& loop,
                                                             const ShellOptions& options);
  ~Shell() override;
  [[nodiscard]] std::uint16_t port() const;
  // Reads sluice.yaml again; all or nothing.
  [[nodiscard]] Status reconfigure();
  // Set when durability is lost: the process must end with an error.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  struct QueryRun {
    SessionId session = 0;
    std::uint64_t id = 0;
    std::uint16_t type = 0;
    std::uint32_t uid = 0;
    std::unique_ptr<Query> query;
    std::int64_t us = 0;     // that its pieces took
    std::uint64_t seen = 0;  // commits that there were when it looked last
  };
  struct MadePiece {
    Query::Piece piece;
    std::int64_t us = 0;
  };
  struct Session {
    std::unique_ptr<net::FrameChannel> channel;
    auth::Peer peer;
    std::vector<std::shared_ptr<QueryRun>> waiting;  // for the channel to drain
  };
  // A link whose host has not said yet what it is, or a login host's, or one that joins.
  struct HostLink {
    std::unique_ptr<net::Link> link;
    net::HostIdentity peer;
    std::optional<NodeIndex> node;
  };
  using LinkId = std::uint64_t;

  Shell(net::Loop& loop, ShellOptions options, config::ClusterConfig config);
  [[nodiscard]] std::string store_path() const;
  Status open_store();
  Status load_hosts();
  Status start_service();
  Status listen();

  // Env
  [[nodiscard]] core::Now now() const override;
  [[nodiscard]] Uid128 random_uid() override;
  void wake_at(std::int64_t mono_ms) override;
  void reply(SessionId session, wire::MessageType type, std::uint64_t id,
             std::string payload) override;
  void tell_hosts(const wire::HostListUpdate& update) override;
  void send_node(NodeIndex node, wire::MessageType type, std::string payload) override;
  void commit(store::Transaction transaction, std::function<void(Status)> done) override;
  [[nodiscard]] bool accepts_work() const override;
  [[nodiscard]] std::optional<store::StoredReply> find_reply(const Uid128& request) override;
  [[nodiscard]] Result<std::string> blob(std::string_view hash) override;
  [[nodiscard]] std::vector<model::JobPtr> past_jobs(JobId id, std::uint32_t task) override;
  [[nodiscard]] Result<store::ChargeFacts> charge_facts(std::uint64_t entry) override;
  void publish(Delta delta) override;
  [[nodiscard]] UserFacts user_facts(std::uint32_t uid) override;
  [[nodiscard]] std::string content_hash(std::string_view bytes) const override;
  void fatal(const Error& error) override;
  void log(std::string_view line) override;
  void send_mail(const model::JobPtr& job, std::string_view event) override;

  // Sessions
  void add_session(std::unique_ptr<net::FrameChannel> channel, auth::Peer peer);
  void on_frame(SessionId id, const net::Frame& frame);
  bool start_query(const Call& call, const net::Frame& frame);
  bool start_ledger_query(const Call& call, const net::Frame& frame);
  bool start_rebuild(const Call& call, const net::Frame& frame);
  void start(const Call& call, const net::Frame& frame, std::unique_ptr<Query> query);
  // Readings of the event stream that wait (followers.cpp).
  void start_events(const Call& call, const net::Frame& frame, wire::QueryEvents request);
  void follow(std::shared_ptr<QueryRun> run);
  void follow_soon();
  void lead_followers_on();
  void note_commit();
  template <class Request, class Make>
  bool try_query(const Call& call, const net::Frame& frame, Make make);
  void advance(const std::shared_ptr<QueryRun>& run);
  void deliver(const std::shared_ptr<QueryRun>& run, MadePiece made);
  void finish(const QueryRun& run);
  void make_token(const Call& call, const net::Frame& frame);
  void reconfigure(const Call& call);
  void watch_archive();
  void answer_config(const Call& call);
  [[nodiscard]] wire::StatsReply stats_reply();
  [[nodiscard]] bool answer_frame(const Call& call, const net::Frame& frame);
  void refuse(const Call& call, const Error& error);

  // Links
  [[nodiscard]] Result<net::HostIdentity> identify(const auth::PublicKey& key) const;
  void add_link(net::LinkConnection connection);
  void on_link_message(LinkId id, const net::Frame& frame);
  void on_hello(LinkId id, const net::Frame& frame);
  void on_join(LinkId id, const net::Frame& frame);
  void on_link_closed(LinkId id, const Error& error);

  net::Loop& loop_;
  ShellOptions options_;
  config::ClusterConfig config_;
  std::optional<auth::HostKey> key_;
  std::shared_ptr<store::Store> store_;  // also of a query that rebuilds
  std::optional<store::Reader> reader_;
  store::LoadedState loaded_;
  std::map<std::string, store::TokenRecord> tokens_;  // by hash
  SnapshotBuilder snapshot_;
  std::vector<wire::HostRow> hosts_;
  std::unique_ptr<Service> service_;
  net::WorkPool pool_;
  net::Timer wake_;
  net::Timer archive_watch_;
  std::string archive_error_;
  bool wake_posted_ = false;
  std::map<SessionId, Session> sessions_;
  SessionId next_session_ = 1;
  std::uint32_t queries_under_way_ = 0;  // with those that wait
  std::vector<std::shared_ptr<QueryRun>> followers_;
  net::Timer follow_timer_;
  bool follow_soon_ = false;
  std::uint64_t commits_ = 0;   // that may hold events
  std::uint64_t clock_us_ = 0;  // that 1000 readings of the clock took
  std::map<LinkId, HostLink> links_;
  LinkId next_link_ = 1;
  std::map<NodeIndex, LinkId> node_links_;
  struct CachedUser {
    UserFacts facts;
    std::int64_t until_ms = 0;
  };
  std::map<std::uint32_t, CachedUser> users_;
  std::unique_ptr<net::Listener> link_listener_;
  std::unique_ptr<net::Listener> socket_listener_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for posted functions
  bool failed_ = false;
};

}  // namespace sluice::controller
