// Images on their way. A container image is pulled by one node of a step, its first; the others
// fetch it from the agent above them in the step's tree, as one stream of bytes (an OCI layout as a
// tar archive) that a helper of the job's user reads there and another writes here. The agents only
// carry it: they look at no byte, and stop reading while the other side is slow (image_ack).
//
//   sluice-image (user) -> own agent:  image_fetch
//   own agent -> agent of `from`:      the same, on a stream for that user
//   back:                              image_data …, image_end
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

inline constexpr std::size_t kImageChunk = 256U << 10U;
inline constexpr std::uint64_t kImageWindow = 4U << 20U;  // bytes sent and not acknowledged

struct ImageFetch {
  static constexpr MessageType kType = MessageType::image_fetch;
  JobId job;    // the caller's, running on both nodes
  Text from;    // node
  Text digest;  // of the manifest, "sha256:…"; empty: the one that `step` runs, once it is there
  StepNumber step = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "from", self.from);
    visit(3, "digest", self.digest);
    visit(4, "step", self.step);
  }
};

struct ImageData {
  static constexpr MessageType kType = MessageType::image_data;
  std::uint64_t offset = 0;
  std::string bytes;
  // First answer to a fetch without a digest, with no bytes yet: an image_ack asks for them. Who
  // has that image already just leaves.
  Text digest;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "offset", self.offset);
    visit(2, "bytes", self.bytes);
    visit(3, "digest", self.digest);
  }
};

struct ImageAck {
  static constexpr MessageType kType = MessageType::image_ack;
  std::uint64_t offset = 0;  // everything before it is written

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "offset", self.offset);
  }
};

struct ImageEnd {
  static constexpr MessageType kType = MessageType::image_end;
  Text error;  // empty: all of it was sent

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "error", self.error);
  }
};

// Asked of the local agent, which makes the folder (the caller's, 0700) where it isn't there yet.
struct ImageHome {
  static constexpr MessageType kType = MessageType::image_home;

  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

struct ImageHomeReply {
  static constexpr MessageType kType = MessageType::image_home_reply;
  Text folder;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "folder", self.folder);
  }
};

// From stepd up to the step's first node, and on to srun: what a step does before its tasks start.
struct StepProgress {
  static constexpr MessageType kType = MessageType::step_progress;
  std::uint32_t node = 0;      // position in the layout
  Text phase;                  // "pulling", "fetching", "unpacking", "ready"
  std::uint64_t done = 0;      // bytes
  std::uint64_t total = 0;     // bytes; 0: not known
  Text image_digest;           // once it is known
  std::uint64_t spent_us = 0;  // since the launch, with phase "ready"

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
    visit(2, "phase", self.phase);
    visit(3, "done", self.done);
    visit(4, "total", self.total);
    visit(5, "image_digest", self.image_digest);
    visit(6, "spent_us", self.spent_us);
  }
};

}  // namespace sluice::wire
