// Daemon: the process of a node's daemon: the real worker::Service on a simulated host. What it
// puts into its ledger and what it sends is kept back to the end of the turn; then the ledger is
// written first (as the agent does), so that a crash in between loses both.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/worker/service/service.hpp"
#include "test/sim/pipes.hpp"

namespace sluice::sim {

class NodeHost;

class Daemon final : private worker::Env {
 public:
  Daemon(World& world, NodeHost& host);
  ~Daemon() override;

  void begin();  // once it is in its place
  [[nodiscard]] worker::Service& service() { return *service_; }
  [[nodiscard]] const worker::Service& service() const { return *service_; }
  [[nodiscard]] bool is_linked() const { return link_ != 0; }
  void end_turn();
  bool flush_ledger();

  // A user's session or another agent's stream; the caller has the near end.
  PipeId accept_stream(PipeEnd near, const auth::Peer& peer, bool from_agent);

 private:
  struct Conversation {
    PipeId pipe = 0;  // 0: being connected
    Side side = Side::near;
    std::vector<net::Frame> waiting;
  };

  [[nodiscard]] worker::Now now() const override;
  void wake_at(std::int64_t mono_ms) override;
  void log(worker::LogLevel level, std::string_view line) override;
  void send_controller(wire::MessageType type, std::string payload) override;
  [[nodiscard]] worker::Load load() override { return {}; }
  void ledger_put(std::string_view key, std::string value) override;
  void ledger_forget(std::string_view key) override;
  void prepare_job(const worker::JobOnHost& job, std::function<void(Status)> done) override;
  void clean_job(const worker::JobOnHost& job, std::function<void(Status)> done) override;
  void freeze_job(const worker::JobOnHost& job, bool frozen) override;
  worker::StepdId start_stepd(const worker::JobOnHost& job, wire::LaunchStep launch) override;
  [[nodiscard]] bool step_began(const worker::JobOnHost& job, StepNumber step) const override;
  worker::StepdId adopt_stepd(const worker::JobOnHost& job, StepNumber step) override;
  void send_stepd(worker::StepdId stepd, wire::MessageType type, std::string payload) override;
  void close_stepd(worker::StepdId stepd) override;
  [[nodiscard]] std::optional<wire::StepDone> step_record(const worker::JobOnHost& job,
                                                          StepNumber step) override;
  [[nodiscard]] std::size_t kill_step(const worker::JobOnHost& job, StepNumber step) override;
  void remove_step(const worker::JobOnHost& job, StepNumber step) override;
  void send_stream(worker::StreamId stream, wire::MessageType type, std::uint64_t id,
                   std::string payload) override;
  void close_stream(worker::StreamId stream) override;
  [[nodiscard]] bool congested(worker::StreamId) const override { return false; }
  worker::StreamId open_peer(const std::string& node, const model::JobSpec& spec) override;

  // Simulated steps have no images.
  worker::ImageSourceId open_image(const worker::JobOnHost&, const std::string&) override {
    return ++next_image_;
  }
  void read_image(worker::ImageSourceId source) override {
    later(0, [source](worker::Service& service) { service.on_image_failed(source, "no images"); });
  }
  void close_image(worker::ImageSourceId) override {}

  // Later, as a turn of this daemon, if it still lives.
  void later(Micros delay, std::function<void(worker::Service&)> what);
  void connect_controller(Micros delay);
  void controller_closed();
  PipeEnd stepd_end(worker::StepdId id);
  void stepd_connected(worker::StepdId id, PipeId pipe);
  void connect_peer(worker::StreamId id, const std::string& node, const auth::Peer& peer);
  void speak(std::function<void()> what) { outbox_.push_back(std::move(what)); }

  World& world_;
  NodeHost& host_;
  std::uint64_t life_;
  std::unique_ptr<worker::Service> service_;
  PipeId link_ = 0;
  std::uint64_t wakes_ = 0;
  std::vector<std::pair<std::string, std::optional<std::string>>> unwritten_;
  std::vector<std::function<void()>> outbox_;
  std::map<worker::StreamId, Conversation> streams_;
  std::map<worker::StepdId, Conversation> stepds_;
  worker::StreamId next_stream_ = 1;
  worker::StepdId next_stepd_ = 1;
  worker::ImageSourceId next_image_ = 0;
};

}  // namespace sluice::sim
