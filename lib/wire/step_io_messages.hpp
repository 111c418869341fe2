// Data of a running step: output, input, and what the MPI plugins of its nodes exchange.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/types.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

inline constexpr std::uint64_t kOutputWindow = 256 * 1024;  // bytes per task and stream
inline constexpr std::size_t kOutputChunk = 64 * 1024;

inline constexpr std::uint8_t kStdout = 1;
inline constexpr std::uint8_t kStderr = 2;

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
  std::uint64_t number = 0;    // counts the step's fences of one participant set
  std::string participants;    // plugin's own key of the set; empty: all tasks
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

}  // namespace sluice::wire
