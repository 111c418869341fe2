// Images: a container image on its way from one node of a job to another. On the node that wants it
// a helper of the job's user asks its own agent, which opens a stream to the other node's agent;
// there a child of the user reads the image, and its bytes come back. Both agents only carry them:
// what is under way is bounded by a window that the helper opens as it writes (image_ack), and the
// child is read only as far as the window goes.
//
// Who may: the job's user (or root), on a node of the job, from a node of the same job.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "daemon/worker/service/context.hpp"

namespace sluice::worker {

class Images {
 public:
  explicit Images(Context& context) : context_(context) {}

  // A stream's first frame. It is this part's from then on, or was refused.
  void fetch(StreamId stream, const wire::ImageFetch& wanted);
  void frame(StreamId stream, wire::MessageType type, std::string_view payload);
  void closed(StreamId stream);

  // The image of that step is here now, or never will be.
  void look(const StepKey& key);

  // From the Env, about what read_image() asked for. No bytes: that was all.
  void data(ImageSourceId source, std::string_view bytes);
  void failed(ImageSourceId source, const Text& why);

 private:
  // Sent from here to another agent.
  struct Sending {
    StepKey step;
    ImageSourceId source = 0;  // 0: the step's image isn't here yet, or nobody asked for its bytes
    std::string told;          // its digest, told to somebody who may have it already
    bool reading = false;
    std::uint64_t sent = 0;
    std::uint64_t taken = 0;
  };

  [[nodiscard]] Result<JobRun*> job_for(const StreamState& state, JobId id);
  void relay(StreamId local, const JobRun& job, const wire::ImageFetch& wanted);
  void send(StreamId stream, const JobRun& job, const wire::ImageFetch& wanted);
  void tell(StreamId stream, Sending& sending, const Text& digest);
  void open(StreamId stream, Sending& sending, const std::string& digest);
  void read_on(Sending& sending);
  // The last word on a stream.
  void end(StreamId stream, const Text& error);
  [[nodiscard]] std::map<StreamId, Sending>::iterator sending_of(ImageSourceId source);

  Context& context_;
  std::map<StreamId, Sending> sending_;
  std::map<StreamId, StreamId> peer_of_;    // by the local helper's stream
  std::map<StreamId, StreamId> helper_of_;  // by the stream to the other agent
};

// "sha256:" and 64 hexadecimal digits.
[[nodiscard]] bool is_image_digest(std::string_view text);

}  // namespace sluice::worker
