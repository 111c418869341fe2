// How a step's tasks begin and end, and how a broken conversation is taken up again.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/step.hpp"
#include "wire/message_types.hpp"
#include "wire/step_io_messages.hpp"
#include "wire/step_launch_messages.hpp"

namespace sluice::wire {

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

// From above: the agent of that node is given up, and all that was the node's of the step.
struct LosePart {
  static constexpr MessageType kType = MessageType::lose_part;
  std::uint32_t node = 0;  // its position in the layout

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
  }
};

// Words of the administrator or owner, for the first task's standard error.
struct StepNotice {
  static constexpr MessageType kType = MessageType::step_notice;
  Text text;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "text", self.text);
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

}  // namespace sluice::wire
