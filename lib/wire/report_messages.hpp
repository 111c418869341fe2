// What a node's daemon and the controller tell each other about how things are. Reports carry a
// serial number and are repeated until acknowledged; all of them may come twice.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/job.hpp"
#include "model/node.hpp"
#include "model/step.hpp"
#include "wire/cluster_messages.hpp"
#include "wire/conversation.hpp"
#include "wire/device_fault.hpp"
#include "wire/message_types.hpp"
#include "wire/order_messages.hpp"

namespace sluice::wire {

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

// Every report interval, after a reconnect, and when a device's health changed: the whole truth of
// the node.
struct NodeReport {
  static constexpr MessageType kType = MessageType::node_report;
  std::uint64_t last_order = 0;  // the latest order that this report knows of
  std::vector<Hold> holds;
  std::uint32_t cpu_load = 0;     // hundredths
  std::uint64_t free_memory = 0;  // MiB
  // All that are out of service now: any other device is sound. Counts only if `devices_judged`: a
  // daemon that has just started doesn't know yet what its vendors' tools say.
  std::vector<DeviceFault> device_faults;
  bool devices_judged = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "last_order", self.last_order);
    visit(2, "holds", self.holds);
    visit(3, "cpu_load", self.cpu_load);
    visit(4, "free_memory", self.free_memory);
    visit(5, "device_faults", self.device_faults);
    visit(6, "devices_judged", self.devices_judged);
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
