// Service: the node daemon without I/O. Orders of the controller, frames of sessions, of other
// agents and of stepds come in; jobs, steps and reports follow. The same code runs in sluiced and
// in the simulation; both hand it an Env.
//
// Invariants: an attempt is launched at most once (the ledger says so before anything starts);
// orders of an older epoch than the last one seen have no effect; each report is repeated until it
// is acknowledged; after a restart every job, step and report is there again.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/worker/service/context.hpp"
#include "daemon/worker/service/images.hpp"
#include "daemon/worker/service/jobs.hpp"
#include "daemon/worker/service/manager.hpp"
#include "daemon/worker/service/tree.hpp"

namespace sluice::worker {

// Records of the ledger, in the order in which they were last put.
using LedgerRecords = std::vector<std::pair<std::string, std::string>>;

class Service {
 public:
  // Loads the ledger; begin() then goes on with what it says.
  Service(Env& env, ServiceOptions options, const LedgerRecords& ledger);
  void begin();

  // The controller's link. The hello is made by the service; the shell sends it when a link is up.
  [[nodiscard]] wire::NodeHello hello() const;
  void on_controller_message(wire::MessageType type, std::string_view payload);
  void on_controller_closed();

  void on_wake() { context_.timers.run_due(); }

  // Conversations. Before the first frame of one, opened() says who is at its other end.
  void stream_opened(StreamId stream, const auth::Peer& peer, bool from_agent);
  void on_stream_frame(StreamId stream, const StreamMessage& frame);
  void on_stream_closed(StreamId stream);

  void on_stepd_frame(StepdId stepd, wire::MessageType type, std::string_view payload) {
    tree_.on_stepd_frame(stepd, type, payload);
  }
  void on_stepd_closed(StepdId stepd) { tree_.on_stepd_closed(stepd); }

  // What read_image() asked for; no bytes: that was all of it.
  void on_image_data(ImageSourceId source, std::string_view bytes) { images_.data(source, bytes); }
  void on_image_failed(ImageSourceId source, const Text& why) { images_.failed(source, why); }

  // All accelerators that are out of service now; the controller hears of it at once.
  void set_device_faults(std::vector<wire::DeviceFault> faults);

  // Ends a job at once, whatever the controller says.
  void end_job(const Attempt& attempt) { jobs_.end(attempt); }

  [[nodiscard]] const Context& context() const { return context_; }
  // Whether the user has a job here that also spans `host`: what a compute node may speak for.
  [[nodiscard]] bool user_shares_job_with(std::uint32_t uid, std::string_view host) const;
  // What the controller said last: hosts and settings; empty before its first word.
  [[nodiscard]] const wire::HostListUpdate& cluster() const { return context_.cluster; }

 private:
  void load(const LedgerRecords& ledger);
  void note_boot();
  void adopt_steps();
  void welcomed(const wire::NodeWelcome& welcome);
  void take_cluster(wire::HostListUpdate update);
  void apply_settings();
  void send_report();
  // False if the order must be ignored.
  [[nodiscard]] bool accept_order(Epoch epoch, std::uint64_t order);
  template <class Order>
  void take_order(std::string_view payload, const auto& use);

  // A frame of a session that isn't bound to a step yet.
  void on_request(StreamId stream, StreamState& state, const StreamMessage& frame);
  [[nodiscard]] Result<JobRun*> job_for(const StreamState& state, JobId job);
  void on_launch(StreamId stream, const StreamState& state, const StreamMessage& frame);
  void on_parent_frame(const StepKey& key, const StreamMessage& frame);

  Context context_;
  Tree tree_;
  Manager manager_;
  Jobs jobs_;
  Images images_;
  std::string cluster_name_;
  std::string boot_id_;  // under which the ledger was written
  std::uint64_t last_order_ = 0;
  bool linked_ = false;
  TimerId report_timer_ = 0;
  std::vector<wire::DeviceFault> device_faults_;
  bool devices_judged_ = false;
  std::vector<StepEntry> adopted_;  // between load() and begin()
};

}  // namespace sluice::worker
