// Asking for a step, and launching it over its nodes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/job.hpp"
#include "model/step.hpp"
#include "model/step_spec.hpp"
#include "wire/conversation.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

// What runs on one component of a heterogeneous job.
struct StepPart {
  std::uint32_t component = 0;
  model::StepSpec spec;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "component", self.component);
    visit(2, "spec", self.spec);
  }
};

// srun asks the job's first node for a step. The session that asked is the step's owner: its end
// cancels the step unless it comes back with attach_step within the agent's patience.
struct StepRequest {
  static constexpr MessageType kType = MessageType::step_request;
  Uid128 request_id;
  JobId job;  // of a heterogeneous job: the first component's
  model::StepSpec spec;
  std::vector<StepPart> parts;  // empty: `spec` in `job`; else ascending, and `spec` is the first's

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "job", self.job);
    visit(3, "spec", self.spec);
    visit(4, "parts", self.parts);
  }
};

// Where each task runs. `tasks[i]` are the task ids on nodes[i]; each task's CPUs stand in the
// share.
struct StepNode {
  Text name;
  model::NodeShare share;  // CPUs, memory, GRES of the step there
  std::vector<std::uint32_t> tasks;
  Text address;
  std::uint32_t port = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "share", self.share);
    visit(3, "tasks", self.tasks);
    visit(4, "address", self.address);
    visit(5, "port", self.port);
  }
};

struct StepLayout {
  std::uint32_t step = 0;
  std::uint32_t tasks = 0;
  std::uint32_t cpus_per_task = 0;
  std::vector<StepNode> nodes;
  Text node_list;  // compressed
  // Of the host where srun runs: its agent's address.
  Text launch_address;
  std::uint32_t launch_port = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "step", self.step);
    visit(2, "tasks", self.tasks);
    visit(3, "cpus_per_task", self.cpus_per_task);
    visit(4, "nodes", self.nodes);
    visit(5, "node_list", self.node_list);
    visit(6, "launch_address", self.launch_address);
    visit(7, "launch_port", self.launch_port);
  }
};

struct StepGranted {
  static constexpr MessageType kType = MessageType::step_granted;
  JobId job;
  StepLayout layout;
  std::uint32_t waited = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "layout", self.layout);
    visit(3, "waited", self.waited);
  }
};

// A run of a layout's nodes that belongs to one component of a heterogeneous job.
struct StepPortion {
  std::uint32_t first = 0;  // position in the layout
  std::uint32_t count = 0;
  model::Job job;  // the component
  model::StepSpec spec;
  std::uint32_t cpus_per_task = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "first", self.first);
    visit(2, "count", self.count);
    visit(3, "job", self.job);
    visit(4, "spec", self.spec);
    visit(5, "cpus_per_task", self.cpus_per_task);
  }
};

// Root to child, child to its children, agent to stepd. `first` and `count` say which part of the
// layout's nodes the receiver launches: itself is node `first`, the rest are its subtree.
struct LaunchStep {
  static constexpr MessageType kType = MessageType::launch_step;
  Epoch epoch;
  model::Job job;
  model::StepSpec spec;
  StepLayout layout;
  std::uint32_t first = 0;
  std::uint32_t count = 1;
  std::string script;  // of the batch step
  std::vector<std::uint32_t> gids;
  std::vector<std::uint32_t>
      os_cpus;  // this host's OS number of each of its node's CPUs; empty: no binding
  std::vector<KeyValue> settings;  // paths and switches that stepd needs, from its agent
  // Of a step over components: who has which nodes. `job` and `spec` are the receiver's own.
  std::vector<StepPortion> portions;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "job", self.job);
    visit(3, "spec", self.spec);
    visit(4, "layout", self.layout);
    visit(5, "first", self.first);
    visit(6, "count", self.count);
    visit(7, "script", self.script);
    visit(8, "gids", self.gids);
    visit(9, "os_cpus", self.os_cpus);
    visit(10, "settings", self.settings);
    visit(11, "portions", self.portions);
  }
};

struct TaskStart {
  std::uint32_t task = 0;
  std::uint32_t pid = 0;
  // In answers to QueryStep:
  std::uint32_t node = 0;   // of the step's
  std::uint32_t local = 0;  // the task's number on it

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "task", self.task);
    visit(2, "pid", self.pid);
    visit(3, "node", self.node);
    visit(4, "local", self.local);
  }
};

// stepd's first message to its agent, also after the agent's restart.
struct StepdHello {
  static constexpr MessageType kType = MessageType::stepd_hello;
  Attempt attempt;
  JobId job;
  std::uint32_t step = 0;
  std::uint32_t pid = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(2, "job", self.job);
    visit(3, "step", self.step);
    visit(4, "pid", self.pid);
  }
};

}  // namespace sluice::wire
