// ControllerHost: the machine of the controller. It runs the real controller::Service, kills it at
// any moment, and starts it again from the disk. Everything that reaches the service is one turn;
// planning comes a little later, as at the end of a turn of the event loop.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "daemon/controller/service/service.hpp"
#include "test/sim/pipes.hpp"

namespace sluice::sim {

class ControllerHost final : private controller::Env {
 public:
  explicit ControllerHost(World& world) : world_(world) {}
  ~ControllerHost() override = default;

  void start();
  void crash();
  void start_after(Micros delay);
  void reboot_clock();  // the monotonic clock begins anew
  [[nodiscard]] bool is_up() const { return service_ != nullptr; }
  [[nodiscard]] const controller::Service* service() const { return service_.get(); }
  [[nodiscard]] std::uint64_t life() const { return life_; }

  // Conversations. The caller keeps the near end; false: nobody listens.
  [[nodiscard]] PipeId accept_session(PipeEnd client, const auth::Peer& peer);
  [[nodiscard]] PipeId accept_node(PipeEnd daemon, NodeIndex node);

  // Something happens inside the process.
  template <class What>
  void turn(const What& what) {
    if (!service_) return;
    what();
    after_turn();
  }

 private:
  [[nodiscard]] core::Now now() const override;
  [[nodiscard]] Uid128 random_uid() override;
  void wake_at(std::int64_t mono_ms) override;
  void reply(controller::SessionId session, wire::MessageType type, std::uint64_t id,
             std::string payload) override;
  void tell_hosts(const wire::HostListUpdate&) override {}
  void send_node(NodeIndex node, wire::MessageType type, std::string payload) override;
  void commit(store::Transaction transaction, std::function<void(Status)> done) override;
  [[nodiscard]] bool accepts_work() const override;
  [[nodiscard]] std::optional<store::StoredReply> find_reply(const Uid128& request) override;
  [[nodiscard]] Result<std::string> blob(std::string_view hash) override;
  [[nodiscard]] std::vector<model::JobPtr> past_jobs(JobId id, std::uint32_t task) override;
  [[nodiscard]] Result<store::ChargeFacts> charge_facts(std::uint64_t) override {
    return fail(ErrorCode::not_found, "the simulation refunds nothing");
  }
  void publish(controller::Delta) override {}
  [[nodiscard]] controller::UserFacts user_facts(std::uint32_t uid) override;
  [[nodiscard]] std::string content_hash(std::string_view bytes) const override;
  void fatal(const Error& error) override;
  void log(std::string_view line) override;
  void send_mail(const model::JobPtr&, std::string_view) override {}

  void after_turn();
  void on_link_frame(PipeId pipe, NodeIndex node, const net::Frame& frame);
  void on_link_closed(PipeId pipe, NodeIndex node);

  World& world_;
  std::unique_ptr<controller::Service> service_;
  std::uint64_t life_ = 0;
  std::int64_t mono_origin_ = 0;  // microseconds of the timeline
  std::uint64_t wakes_ = 0;
  bool turn_end_set_ = false;
  bool changed_ = false;
  std::map<controller::SessionId, PipeId> sessions_;
  std::map<PipeId, NodeIndex> links_;       // all that stand
  std::map<NodeIndex, PipeId> node_links_;  // that said hello, the latest of each node
};

}  // namespace sluice::sim
