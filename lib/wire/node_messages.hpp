// What the controller and a node's daemon say to each other on channel 0 of their link. Orders name
// the attempt and carry the controller's epoch; nodes refuse older epochs and what their ledger
// says was done. Reports carry a serial number and are repeated until acknowledged; all of them may
// come twice.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/step.hpp"
#include "wire/client_messages.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

// How far an attempt is on a node.
enum class HoldPhase : std::uint8_t {
  preparing = 0,
  running = 1,      // prepared; on the batch host the script runs
  ending = 2,       // told to end, or the script has ended
  released = 3,     // nothing left; kept until the controller acknowledges
};

struct Hold {
  Attempt attempt;
  JobId job;
  HoldPhase phase = HoldPhase::preparing;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(2, "job", self.job);
    visit(3, "phase", self.phase);
  }
};

// First on the link, and again whenever facts change.
struct NodeHello {
  static constexpr MessageType kType = MessageType::node_hello;
  std::uint32_t version = kProtocolVersion;
  Text name;
  model::NodeFacts facts;
  Epoch last_epoch;
  std::vector<Hold> holds;
  std::uint32_t port = 0;  // where this agent listens

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "version", self.version);
    visit(2, "name", self.name);
    visit(3, "facts", self.facts);
    visit(4, "last_epoch", self.last_epoch);
    visit(5, "holds", self.holds);
    visit(6, "port", self.port);
  }
};

struct NodeWelcome {
  static constexpr MessageType kType = MessageType::node_welcome;
  Epoch epoch;
  Text cluster;
  std::vector<HostRow> hosts;
  std::vector<KeyValue> settings;  // what of sluice.yaml concerns nodes
  std::uint32_t report_interval_s = 30;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "cluster", self.cluster);
    visit(3, "hosts", self.hosts);
    visit(4, "settings", self.settings);
    visit(5, "report_interval_s", self.report_interval_s);
  }
};

// Every report interval, and after a reconnect: the whole truth of the node.
struct NodeReport {
  static constexpr MessageType kType = MessageType::node_report;
  std::uint64_t last_order = 0;  // the latest order that this report knows of
  std::vector<Hold> holds;
  std::uint32_t cpu_load = 0;  // hundredths
  std::uint64_t free_memory = 0;  // MiB

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "last_order", self.last_order);
    visit(2, "holds", self.holds);
    visit(3, "cpu_load", self.cpu_load);
    visit(4, "free_memory", self.free_memory);
  }
};

// Prepare the job; on the node named first in the allocation also start its batch script.
struct LaunchJob {
  static constexpr MessageType kType = MessageType::launch_job;
  Epoch epoch;
  std::uint64_t order = 0;  // counts the orders of this link
  model::Job job;
  std::string script;
  std::string environment;
  std::uint64_t remaining_ms = 0;  // until the time limit; 0: none
  std::vector<std::uint32_t> gids;  // empty: the node looks them up

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "order", self.order);
    visit(3, "job", self.job);
    visit(4, "script", self.script);
    visit(5, "environment", self.environment);
    visit(6, "remaining_ms", self.remaining_ms);
    visit(7, "gids", self.gids);
  }
};

struct SignalJob {
  static constexpr MessageType kType = MessageType::signal_job;
  Epoch epoch;
  std::uint64_t order = 0;  // counts the orders of this link
  Attempt attempt;
  JobId job;
  std::uint32_t signal = 0;
  bool batch_only = false;
  bool full = false;
  std::uint32_t step = model::kNoTask;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "order", self.order);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(4, "job", self.job);
    visit(5, "signal", self.signal);
    visit(6, "batch_only", self.batch_only);
    visit(7, "full", self.full);
    visit(8, "step", self.step);
  }
};

struct TerminateJob {
  static constexpr MessageType kType = MessageType::terminate_job;
  Epoch epoch;
  std::uint64_t order = 0;  // counts the orders of this link
  Attempt attempt;
  JobId job;
  std::uint32_t grace_s = 0;
  model::JobState why = model::JobState::cancelled;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "order", self.order);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(4, "job", self.job);
    visit(5, "grace_s", self.grace_s);
    visit(6, "why", self.why);
  }
};

struct SuspendJob {
  static constexpr MessageType kType = MessageType::suspend_job;
  Epoch epoch;
  std::uint64_t order = 0;  // counts the orders of this link
  Attempt attempt;
  JobId job;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "order", self.order);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(4, "job", self.job);
  }
};

struct ResumeJob {
  static constexpr MessageType kType = MessageType::resume_job;
  Epoch epoch;
  std::uint64_t order = 0;  // counts the orders of this link
  Attempt attempt;
  JobId job;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "order", self.order);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(4, "job", self.job);
  }
};

struct JobPrepared {
  static constexpr MessageType kType = MessageType::job_prepared;
  std::uint64_t serial = 0;
  Attempt attempt;
  JobId job;
  bool ok = true;
  Text error;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "serial", self.serial);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(3, "job", self.job);
    visit(4, "ok", self.ok);
    visit(5, "error", self.error);
  }
};

struct BatchEnded {
  static constexpr MessageType kType = MessageType::batch_ended;
  std::uint64_t serial = 0;
  Attempt attempt;
  JobId job;
  std::uint32_t exit_code = 0;  // as wait() has it
  bool out_of_memory = false;
  bool launch_failed = false;
  Text error;
  model::WallTime ended = 0;
  bool released = false;  // nothing of the job is left on this node: no NodeReleased follows

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "serial", self.serial);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(3, "job", self.job);
    visit(4, "exit_code", self.exit_code);
    visit(5, "out_of_memory", self.out_of_memory);
    visit(6, "launch_failed", self.launch_failed);
    visit(7, "error", self.error);
    visit(8, "ended", self.ended);
    visit(9, "released", self.released);
  }
};

struct NodeReleased {
  static constexpr MessageType kType = MessageType::node_released;
  std::uint64_t serial = 0;
  Attempt attempt;
  JobId job;
  bool unkillable = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "serial", self.serial);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(3, "job", self.job);
    visit(4, "unkillable", self.unkillable);
  }
};

struct StepRecord {
  static constexpr MessageType kType = MessageType::step_record;
  std::uint64_t serial = 0;
  model::Step step;  // running: it began; any other state: it ended

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "serial", self.serial);
    visit(2, "step", self.step);
  }
};

struct ReportAck {
  static constexpr MessageType kType = MessageType::report_ack;
  std::uint64_t serial = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "serial", self.serial);
  }
};

struct HostListUpdate {
  static constexpr MessageType kType = MessageType::host_list;
  std::vector<HostRow> hosts;
  std::vector<KeyValue> settings;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "hosts", self.hosts);
    visit(2, "settings", self.settings);
  }
};

struct NodeFault {
  static constexpr MessageType kType = MessageType::node_fault;
  Text reason;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "reason", self.reason);
  }
};

}  // namespace sluice::wire
