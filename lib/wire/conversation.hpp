// How every conversation begins and how a request may fail. No message has a field for the
// caller's own identity: that comes from the kernel (R2).
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "base/text.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::uint32_t kOldestProtocol = 1;

// First message of each conversation. The answer comes only if the versions can't talk.
struct Hello {
  static constexpr MessageType kType = MessageType::hello;
  std::uint32_t version = kProtocolVersion;
  Text program;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "version", self.version);
    visit(2, "program", self.program);
  }
};

struct ErrorReply {
  static constexpr MessageType kType = MessageType::error_reply;
  ErrorCode code = ErrorCode::failure;
  Text text;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "code", self.code);
    visit(2, "text", self.text);
  }
};

struct DoneReply {
  static constexpr MessageType kType = MessageType::done_reply;
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

// First frame to an agent (sluiced): which process the rest of the conversation is for.
// Empty node: the controller.
struct Route {
  static constexpr MessageType kType = MessageType::route;
  Text node;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
  }
};

// Fields by the names of `scontrol update partition`, as typed; the controller checks them.
struct KeyValue {
  Text key;
  Text value;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "key", self.key);
    visit(2, "value", self.value);
  }
};

}  // namespace sluice::wire
