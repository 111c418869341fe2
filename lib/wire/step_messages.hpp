// The step stream: what srun, the agents between, and stepd say to each other. The same messages
// travel on every hop: srun - agent of the job's first node (the step manager, "root") - a tree of
// agents - stepd. Upwards an agent merges what its children and its own stepd say; downwards it
// copies. Tasks are numbered over the whole step, nodes by their position in the step's node list.
//
// Output is numbered by offset. stepd keeps what srun has not acknowledged, and stops reading from
// a task when its window is full; after a broken hop an attach names the offsets to go on from, so
// nothing is lost or doubled. Input goes the other way by the same rule.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/job.hpp"
#include "model/step.hpp"
#include "model/step_spec.hpp"
#include "wire/client_messages.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

inline constexpr std::uint64_t kOutputWindow = 256 * 1024;  // bytes per task and stream
inline constexpr std::size_t kOutputChunk = 64 * 1024;

inline constexpr std::uint8_t kStdout = 1;
inline constexpr std::uint8_t kStderr = 2;

// srun asks the job's first node for a step. The session that asked is the step's owner: its end
// cancels the step unless it comes back with attach_step within the agent's patience.
struct StepRequest {
  static constexpr MessageType kType = MessageType::step_request;
  Uid128 request_id;
  JobId job;
  model::StepSpec spec;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "job", self.job);
    visit(3, "spec", self.spec);
  }
};

// Where each task runs. `tasks[i]` are the task ids on nodes[i]; each task's CPUs stand in the share.
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

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "step", self.step);
    visit(2, "tasks", self.tasks);
    visit(3, "cpus_per_task", self.cpus_per_task);
    visit(4, "nodes", self.nodes);
    visit(5, "node_list", self.node_list);
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
  std::vector<std::uint32_t> os_cpus;  // this host's OS number of each of its node's CPUs; empty: no binding
  std::vector<KeyValue> settings;  // paths and switches that stepd needs, from its agent

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
  }
};

struct TaskStart {
  std::uint32_t task = 0;
  std::uint32_t pid = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "task", self.task);
    visit(2, "pid", self.pid);
  }
};

struct StepStarted {
  static constexpr MessageType kType = MessageType::step_started;
  std::uint32_t node = 0;
  std::vector<TaskStart> tasks;
  Text error;  // not empty: this node could not start its tasks

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
    visit(2, "tasks", self.tasks);
    visit(3, "error", self.error);
  }
};

struct Output {
  static constexpr MessageType kType = MessageType::output;
  std::uint32_t task = 0;
  std::uint8_t stream = kStdout;
  std::uint64_t offset = 0;
  std::string data;
  bool end = false;  // nothing follows

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "task", self.task);
    visit(2, "stream", self.stream);
    visit(3, "offset", self.offset);
    visit(4, "data", self.data);
    visit(5, "end", self.end);
  }
};

struct OutputAck {
  static constexpr MessageType kType = MessageType::output_ack;
  std::uint32_t task = 0;
  std::uint8_t stream = kStdout;
  std::uint64_t offset = 0;  // everything before it has been written

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "task", self.task);
    visit(2, "stream", self.stream);
    visit(3, "offset", self.offset);
  }
};

// To one task, or to all (task == kNoTask).
struct Input {
  static constexpr MessageType kType = MessageType::input;
  std::uint32_t task = model::kNoTask;
  std::uint64_t offset = 0;
  std::string data;
  bool end = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "task", self.task);
    visit(2, "offset", self.offset);
    visit(3, "data", self.data);
    visit(4, "end", self.end);
  }
};

// From each node: how much of the input its tasks have taken.
struct InputAck {
  static constexpr MessageType kType = MessageType::input_ack;
  std::uint32_t node = 0;
  std::uint64_t offset = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
    visit(2, "offset", self.offset);
  }
};

struct SignalStep {
  static constexpr MessageType kType = MessageType::signal_step;
  std::uint32_t signal = 0;
  std::uint32_t task = model::kNoTask;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "signal", self.signal);
    visit(2, "task", self.task);
  }
};

struct WindowSize {
  static constexpr MessageType kType = MessageType::window_size;
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "rows", self.rows);
    visit(2, "columns", self.columns);
  }
};

// A collective of the MPI plugins. Upwards: the contributions of a subtree, merged; downwards: all.
struct FencePart {
  std::uint32_t node = 0;
  std::string data;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
    visit(2, "data", self.data);
  }
};

struct Fence {
  static constexpr MessageType kType = MessageType::fence;
  std::uint64_t number = 0;  // counts the step's fences of one participant set
  std::string participants;  // plugin's own key of the set; empty: all tasks
  std::uint32_t expected = 0;  // nodes that take part
  std::vector<FencePart> parts;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "number", self.number);
    visit(2, "participants", self.participants);
    visit(3, "expected", self.expected);
    visit(4, "parts", self.parts);
  }
};

struct FenceDone {
  static constexpr MessageType kType = MessageType::fence_done;
  std::uint64_t number = 0;
  std::string participants;
  std::vector<FencePart> parts;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "number", self.number);
    visit(2, "participants", self.participants);
    visit(3, "parts", self.parts);
  }
};

// Between two nodes' plugins, routed through the tree.
struct Direct {
  static constexpr MessageType kType = MessageType::direct;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::string data;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "from", self.from);
    visit(2, "to", self.to);
    visit(3, "data", self.data);
  }
};

struct TaskExit {
  static constexpr MessageType kType = MessageType::task_exit;
  std::vector<std::uint32_t> tasks;
  std::uint32_t status = 0;  // as wait() has it
  bool out_of_memory = false;
  std::uint32_t node = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "tasks", self.tasks);
    visit(2, "status", self.status);
    visit(3, "out_of_memory", self.out_of_memory);
    visit(4, "node", self.node);
  }
};

// The node's part of the step is over and nothing of it is left there.
struct StepDone {
  static constexpr MessageType kType = MessageType::step_done;
  std::uint32_t node = 0;
  std::uint32_t exit_code = 0;  // highest of its tasks
  bool out_of_memory = false;
  Text error;
  model::Usage usage;
  model::WallTime ended = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
    visit(2, "exit_code", self.exit_code);
    visit(3, "out_of_memory", self.out_of_memory);
    visit(4, "error", self.error);
    visit(5, "usage", self.usage);
    visit(6, "ended", self.ended);
  }
};

struct StepDoneAck {
  static constexpr MessageType kType = MessageType::step_done_ack;
  std::uint32_t node = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
  }
};

// A task asked for the end of the step (PMI abort, --kill-on-bad-exit).
struct StepAbort {
  static constexpr MessageType kType = MessageType::step_abort;
  std::uint32_t node = 0;
  std::uint32_t code = 0;
  Text reason;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
    visit(2, "code", self.code);
    visit(3, "reason", self.reason);
  }
};

struct StreamPosition {
  std::uint32_t task = 0;
  std::uint8_t stream = kStdout;
  std::uint64_t offset = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "task", self.task);
    visit(2, "stream", self.stream);
    visit(3, "offset", self.offset);
  }
};

// srun after a lost connection (with its offsets), or sattach (without: from now on).
struct AttachStep {
  static constexpr MessageType kType = MessageType::attach_step;
  JobId job;
  std::uint32_t step = 0;
  bool owner = false;
  std::vector<StreamPosition> positions;
  std::uint64_t input_offset = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "step", self.step);
    visit(3, "owner", self.owner);
    visit(4, "positions", self.positions);
    visit(5, "input_offset", self.input_offset);
  }
};

struct AttachReply {
  static constexpr MessageType kType = MessageType::attach_reply;
  StepLayout layout;
  std::vector<TaskExit> exits;  // tasks that ended before
  std::uint64_t input_offset = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "layout", self.layout);
    visit(2, "exits", self.exits);
    visit(3, "input_offset", self.input_offset);
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

struct QueryStep {
  static constexpr MessageType kType = MessageType::query_step;
  JobId job;
  std::uint32_t step = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "step", self.step);
  }
};

struct StepStatus {
  static constexpr MessageType kType = MessageType::step_status;
  std::uint32_t node = 0;
  model::Usage usage;
  std::vector<TaskStart> tasks;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
    visit(2, "usage", self.usage);
    visit(3, "tasks", self.tasks);
  }
};

}  // namespace sluice::wire
