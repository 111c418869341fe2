// Env: everything that the worker's service needs from outside, and nothing else. main.cpp binds it
// to the event loop, the host and the links; the simulation binds it to a simulated world. All
// calls come from, and all callbacks go to, the one thread that owns the service; no callback or
// event comes from inside a call.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/job.hpp"
#include "wire/codec.hpp"
#include "wire/image_messages.hpp"
#include "wire/message_types.hpp"
#include "wire/step_messages.hpp"

namespace sluice::worker {

// One conversation of the step stream: with srun, or with another agent. Made by the shell (or by
// open_peer), never reused; 0 is none.
using StreamId = std::uint64_t;
// The link to one sluice-stepd, with the same rules.
using StepdId = std::uint64_t;
// An image that is read here to be sent elsewhere, with the same rules.
using ImageSourceId = std::uint64_t;

struct Now {
  model::WallTime wall = 0;  // microseconds since 1970, for display
  std::int64_t mono_ms = 0;  // for limits and timeouts
};

// A job as the host's side of things sees it: what folders, cgroups and processes are named after.
struct JobOnHost {
  Attempt attempt;
  std::shared_ptr<const model::Job> job;  // with spec and allocation
  std::vector<std::uint32_t> gids;        // of the user; empty: looked up
  // Of a heterogeneous job: all components, in order.
  std::vector<std::shared_ptr<const model::Job>> components = {};
  std::size_t share = 0;     // this node's position in the allocation
  model::WallTime ends = 0;  // by the time limit; 0: never

  [[nodiscard]] const model::NodeShare& my_share() const { return job->allocation->shares[share]; }
  [[nodiscard]] std::uint32_t uid() const { return job->spec->uid; }
};

// One message of a conversation; `payload` is the sender's.
struct StreamMessage {
  wire::MessageType type = wire::MessageType::none;
  std::uint64_t id = 0;
  std::string_view payload;
};

struct Load {
  std::uint32_t load_hundredths = 0;
  std::uint64_t free_memory_mib = 0;
};

enum class LogLevel : std::uint8_t { error, warn, info, debug };

class Env {
 public:
  virtual ~Env() = default;

  [[nodiscard]] virtual Now now() const = 0;
  // Asks for one call of Service::on_wake at (or after) this monotonic time; replaces the former.
  virtual void wake_at(std::int64_t mono_ms) = 0;
  virtual void log(LogLevel level, std::string_view line) = 0;

  // To the controller; dropped while there is no link.
  virtual void send_controller(wire::MessageType type, std::string payload) = 0;
  [[nodiscard]] virtual Load load() = 0;

  // Small records that outlive the daemon. What was put before a message is sent, or before stepd
  // starts, is kept if the message arrives or stepd runs.
  virtual void ledger_put(std::string_view key, std::string value) = 0;
  virtual void ledger_forget(std::string_view key) = 0;

  // Folders, cgroup, prolog. May be repeated.
  virtual void prepare_job(const JobOnHost& job, std::function<void(Status)> done) = 0;
  // Kills what is left of the job, runs the epilog, removes folders and cgroup. `busy`: something
  // lives on, to be called again later. May be repeated.
  virtual void clean_job(const JobOnHost& job, std::function<void(Status)> done) = 0;
  // Freezes or thaws all processes of the job here.
  virtual void freeze_job(const JobOnHost& job, bool frozen) = 0;

  // Starts a stepd and gives it the launch, whose host-specific parts (settings, os_cpus, gids) the
  // Env fills in. Never fails at once: on_stepd_closed tells.
  virtual StepdId start_stepd(const JobOnHost& job, wire::LaunchStep launch) = 0;
  // Whether a stepd of that step ever listened: its tasks may have run.
  [[nodiscard]] virtual bool step_began(const JobOnHost& job, StepNumber step) const = 0;
  // Connects to a stepd that a former daemon started; on_stepd_closed if there is none.
  virtual StepdId adopt_stepd(const JobOnHost& job, StepNumber step) = 0;
  virtual void send_stepd(StepdId stepd, wire::MessageType type, std::string payload) = 0;
  virtual void close_stepd(StepdId stepd) = 0;  // after what is queued
  // What a stepd left when it ended.
  [[nodiscard]] virtual std::optional<wire::StepDone> step_record(const JobOnHost& job,
                                                                  StepNumber step) = 0;
  // SIGKILL to what a dead stepd left; answers how many processes there were.
  [[nodiscard]] virtual std::size_t kill_step(const JobOnHost& job, StepNumber step) = 0;
  virtual void remove_step(const JobOnHost& job, StepNumber step) = 0;

  virtual void send_stream(StreamId stream, wire::MessageType type, std::uint64_t id,
                           std::string payload) = 0;
  virtual void close_stream(StreamId stream) = 0;  // after what is queued
  [[nodiscard]] virtual bool congested(StreamId stream) const = 0;
  // A stream to another node's agent, on behalf of the job's user. Usable at once; on_stream_closed
  // if it can't be had.
  virtual StreamId open_peer(const std::string& node, const model::JobSpec& spec) = 0;

  // An image in the store of the job's user here, as a stream of bytes. Never fails at once. Each
  // read_image() is answered by one on_image_data (at most kImageChunk) or on_image_failed.
  virtual ImageSourceId open_image(const JobOnHost& job, const std::string& digest) = 0;
  virtual void read_image(ImageSourceId source) = 0;
  virtual void close_image(ImageSourceId source) = 0;
};

template <class Message>
void send_controller(Env& env, const Message& message) {
  env.send_controller(Message::kType, wire::encode(message));
}
template <class Message>
void send_stepd(Env& env, StepdId stepd, const Message& message) {
  env.send_stepd(stepd, Message::kType, wire::encode(message));
}
template <class Message>
void send_stream(Env& env, StreamId stream, const Message& message, std::uint64_t id = 0) {
  env.send_stream(stream, Message::kType, id, wire::encode(message));
}

}  // namespace sluice::worker
