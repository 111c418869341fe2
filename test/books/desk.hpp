// Desk: the controller of a played site: the product's own Service with the product's own store,
// in virtual time. Commits are answered when they are queued, since nothing crashes here; whatever
// reads the database waits until all of them are on disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "config/cluster_config.hpp"
#include "daemon/controller/service/service.hpp"
#include "store/store.hpp"
#include "test/books/nodes.hpp"
#include "test/sim/random.hpp"
#include "test/sim/timeline.hpp"

namespace sluice::books {

struct DeskOptions {
  std::string database;
  std::uint64_t seed = 1;
  model::AccountsPtr accounts;  // as they are at the beginning
};

class Desk final : private controller::Env {
 public:
  Desk(sim::Timeline& timeline, const config::ClusterConfig& config);
  ~Desk() override = default;
  [[nodiscard]] Status open(const DeskOptions& options);

  using Answer = std::function<void(const net::Frame&)>;
  // By a user of this number; 0 is root.
  template <class Message>
  void ask(std::uint32_t uid, const Message& message, Answer answer) {
    send(uid, Message::kType, wire::encode(message), std::move(answer));
  }
  void node_goes(NodeIndex node);
  void node_comes(NodeIndex node);
  // Waits for the disk; fails if it failed.
  [[nodiscard]] Status settle();

  [[nodiscard]] Nodes& nodes() { return nodes_; }
  [[nodiscard]] const core::Cluster& cluster() const { return service_->cluster(); }
  [[nodiscard]] std::optional<NodeIndex> node(std::string_view name) const {
    return service_->cluster().find_node(name);
  }
  Uid128 random_uid() override { return {random_.next(), random_.next()}; }
  [[nodiscard]] static std::string user_name(std::uint32_t uid);
  [[nodiscard]] static std::uint32_t uid_of(std::string_view user);

 private:
  [[nodiscard]] core::Now now() const override;
  void wake_at(std::int64_t mono_ms) override;
  void reply(controller::SessionId session, wire::MessageType type, std::uint64_t id,
             std::string payload) override;
  void tell_hosts(const wire::HostListUpdate&) override {}
  void send_node(NodeIndex node, wire::MessageType type, std::string payload) override;
  void commit(store::Transaction transaction, std::function<void(Status)> done) override;
  [[nodiscard]] bool accepts_work() const override { return true; }
  [[nodiscard]] std::optional<store::StoredReply> find_reply(const Uid128&) override { return {}; }
  [[nodiscard]] Result<std::string> blob(std::string_view hash) override;
  [[nodiscard]] std::vector<model::JobPtr> past_jobs(JobId, std::uint32_t) override { return {}; }
  [[nodiscard]] Result<store::ChargeFacts> charge_facts(std::uint64_t entry) override;
  void publish(controller::Delta) override {}
  [[nodiscard]] controller::UserFacts user_facts(std::uint32_t uid) override;
  [[nodiscard]] std::string content_hash(std::string_view bytes) const override;
  void fatal(const Error& error) override;
  void log(std::string_view line) override;
  void send_mail(const model::JobPtr&, std::string_view) override {}

  void send(std::uint32_t uid, wire::MessageType type, std::string payload, Answer answer);
  // Something reaches the process; at the end of the turn it plans.
  template <class What>
  void turn(const What& what);

  sim::Timeline& timeline_;
  const config::ClusterConfig& config_;
  sim::Random random_{1};
  std::string database_;
  std::unique_ptr<store::Store> store_;
  std::atomic<std::uint64_t> under_way_ = 0;
  std::atomic<bool> failed_ = false;
  Nodes nodes_;
  std::unique_ptr<controller::Service> service_;
  std::map<std::uint64_t, Answer> answers_;
  std::uint64_t requests_ = 0;
  std::uint64_t wakes_ = 0;
};

}  // namespace sluice::books
