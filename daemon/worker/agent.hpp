// Agent: sluiced's real world. Binds the service to the event loop, the spool, the stepds, the
// links to controller and other agents, and the local socket (the door for commands on this host).
//
// Below DIR: agent.conf, host.key, agent.sock, spool/ (ledger, lock, job_<id>.<attempt>/).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "auth/user/become_user.hpp"
#include "base/fd.hpp"
#include "daemon/worker/accel_health.hpp"
#include "daemon/worker/agent_config.hpp"
#include "daemon/worker/containers.hpp"
#include "daemon/worker/host/nursery.hpp"
#include "daemon/worker/host_jobs.hpp"
#include "daemon/worker/host_links.hpp"
#include "daemon/worker/ledger_file.hpp"
#include "daemon/worker/service/service.hpp"
#include "net/channel.hpp"
#include "net/loop.hpp"

namespace sluice::worker {

class Agent : private Env {
 public:
  // Everything that can be wrong with configuration, spool or ports is found here.
  [[nodiscard]] static Result<std::unique_ptr<Agent>> create(net::Loop& loop, AgentConfig config);
  ~Agent() override;

  // Kills all jobs of this node, then calls `done` (or when the time is over).
  void end_jobs(std::int64_t most_ms, std::function<void()> done);
  // The last words of an orderly stop; jobs and their stepds stay.
  void stop();

 private:
  struct Stepd {
    std::unique_ptr<net::Connecting> connecting;
    std::unique_ptr<net::FrameChannel> channel;
    std::vector<net::Frame> waiting;  // until it is connected
  };
  struct Conversation {
    std::unique_ptr<net::FrameChannel> channel;  // null: being opened
    std::vector<net::Frame> waiting;
    bool closing = false;
  };
  // A local session that has not been routed yet, or whose other end is being opened.
  struct Session {
    std::unique_ptr<net::FrameChannel> channel;
    auth::Peer peer;
  };

  Agent(net::Loop& loop, AgentConfig config) : loop_(loop), config_(std::move(config)) {}
  Status start();
  Status open_spool(LedgerRecords& records);
  Status discover();
  Status discover_accelerators();
  void configure_host();
  void turn_end();

  // Env
  [[nodiscard]] Now now() const override;
  void wake_at(std::int64_t mono_ms) override;
  void log(LogLevel level, std::string_view line) override;
  void send_controller(wire::MessageType type, std::string payload) override;
  [[nodiscard]] Load load() override;
  void ledger_put(std::string_view key, std::string value) override;
  void ledger_forget(std::string_view key) override;
  void prepare_job(const JobOnHost& job, std::function<void(Status)> done) override;
  void clean_job(const JobOnHost& job, std::function<void(Status)> done) override;
  void freeze_job(const JobOnHost& job, bool frozen) override;
  StepdId start_stepd(const JobOnHost& job, wire::LaunchStep launch) override;
  [[nodiscard]] bool step_began(const JobOnHost& job, StepNumber step) const override;
  StepdId adopt_stepd(const JobOnHost& job, StepNumber step) override;
  void send_stepd(StepdId stepd, wire::MessageType type, std::string payload) override;
  void close_stepd(StepdId stepd) override;
  std::optional<wire::StepDone> step_record(const JobOnHost& job, StepNumber step) override;
  std::size_t kill_step(const JobOnHost& job, StepNumber step) override;
  void remove_step(const JobOnHost& job, StepNumber step) override;
  void send_stream(StreamId stream, wire::MessageType type, std::uint64_t id,
                   std::string payload) override;
  void close_stream(StreamId stream) override;
  [[nodiscard]] bool congested(StreamId stream) const override;
  StreamId open_peer(const std::string& node, const model::JobSpec& spec) override;
  ImageSourceId open_image(const JobOnHost& job, const std::string& digest) override;
  void read_image(ImageSourceId source) override;
  void close_image(ImageSourceId source) override;

  // stepds (agent_stepds.cpp)
  [[nodiscard]] Result<base::UniqueFd> hatch_stepd(const std::string& step_dir);
  void connect_stepd(StepdId id, std::unique_ptr<net::Stream> stream);
  void stepd_closed(StepdId id);
  [[nodiscard]] const std::vector<std::uint32_t>& groups_of(std::uint32_t uid, std::uint32_t gid);

  // The door and other agents' channels (agent_door.cpp)
  Status open_door();
  void admit(std::unique_ptr<net::FrameChannel> channel, const net::PeerCredentials& who);
  void route(std::uint64_t session, const net::Frame& frame);
  // What a helper on this host asks without saying where to: it means this agent.
  void serve_helper(std::uint64_t session, const net::Frame& frame);
  void tell_image_home(std::uint64_t session);
  void join(std::unique_ptr<net::FrameChannel> from, std::unique_ptr<net::FrameChannel> to);
  void channel_arrived(const net::HostIdentity& from, const net::ChannelStamp& stamp,
                       std::unique_ptr<net::FrameChannel> channel);
  StreamId add_stream(std::unique_ptr<net::FrameChannel> channel, const auth::Peer& peer,
                      bool from_agent);
  void bind_stream(StreamId id, std::unique_ptr<net::FrameChannel> channel);
  void stream_closed(StreamId id);
  void controller_up();
  void controller_message(const net::Frame& frame);

  net::Loop& loop_;
  AgentConfig config_;
  base::UniqueFd lock_;
  std::optional<LedgerFile> ledger_;
  bool ledger_failed_ = false;
  HostFacts facts_;
  std::vector<accel::Vendor> vendors_;
  std::unique_ptr<HostLinks> links_;
  std::unique_ptr<HostJobs> host_;
  std::unique_ptr<Containers> containers_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<AccelHealth> health_;  // null: no accelerators here
  net::Timer wake_;
  net::Timer end_timer_;
  std::map<StepdId, Stepd> stepds_;
  std::uint64_t next_stepd_ = 1;
  std::unique_ptr<stepd::Nursery> nursery_;
  std::map<StreamId, Conversation> streams_;
  StreamId next_stream_ = 1;
  std::map<std::uint64_t, Session> sessions_;
  std::uint64_t next_session_ = 1;
  std::map<std::uint64_t, std::unique_ptr<net::Relay>> relays_;
  std::uint64_t next_relay_ = 1;
  struct Groups {
    std::vector<std::uint32_t> gids;
    std::int64_t until_ms = 0;
  };
  std::unordered_map<std::uint64_t, Groups> groups_;
  std::unique_ptr<net::Listener> door_;
};

}  // namespace sluice::worker
