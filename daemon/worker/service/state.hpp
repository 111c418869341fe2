// What the worker's service remembers: the jobs on this node, their steps, and each step's part of
// the tree of agents. Plain records; the rules are in jobs.cpp (life of a job), tree.cpp (what
// travels between agents and stepd) and manager*.cpp (steps of jobs whose first node this is).
//
// A step's nodes are numbered by their position in its layout. An agent answers for the nodes
// [first, first + count): itself is `first`, the rest is divided among its children. The root may
// have no part in the step (`member`): then its children answer for all nodes.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "auth/policy.hpp"
#include "daemon/worker/service/env.hpp"
#include "daemon/worker/service/timers.hpp"
#include "wire/node_messages.hpp"
#include "wire/step_messages.hpp"

namespace sluice::worker {

struct StepKey {
  Attempt attempt;
  StepNumber step = 0;
  auto operator<=>(const StepKey&) const = default;
};

// Agents below this one that answer for a run of nodes.
struct Child {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  StreamId stream = 0;  // 0: lost, to be opened again
  TimerId retry = 0;
  std::int64_t lost_since = -1;  // monotonic; -1: connected
};

struct FenceState {
  std::uint32_t expected = 0;
  std::vector<wire::FencePart> parts;
};

// Only on the job's first node.
struct RootPart {
  model::Step record;  // running until all nodes are done
  StreamId owner = 0;  // srun; 0: none now
  bool owned = false;  // false: the batch step, which nobody watches
  std::uint32_t waited = 0;
  std::set<StreamId> readers;  // sattach
  bool bad_exit = false;
  model::JobState verdict = model::JobState::running;  // why it was killed; running: it was not
  bool start_reported = false;
  std::set<std::uint32_t> images;   // nodes whose image is there
  std::uint64_t image_us = 0;       // the longest of them
  std::string image_phase;          // what the first node's image is at
  bool image_closed = false;        // … and that it is there
  std::int64_t image_told_ms = -1;  // when the controller heard of that last; -1: never
  bool out_of_memory = false;
  bool finished = false;   // its account is closed; results may still wait for srun
  bool abandoned = false;  // srun did not come back
  TimerId patience = 0;    // until the owner must be back
  TimerId wait = 0;        // -W
  TimerId limit = 0;       // the step's time limit
  TimerId warn = 0;        // --signal
  TimerId kill = 0;        // SIGTERM to SIGKILL
  TimerId report = 0;      // of a batch step for the first time, or of its image
};

struct StepRun {
  StepNumber number = 0;
  model::StepSpec spec;
  wire::StepLayout layout;
  std::uint32_t first = 0;
  std::uint32_t count = 1;
  bool member = true;                       // false: a root whose own node has no tasks
  std::vector<std::uint32_t> node_of;       // by task
  std::vector<wire::StepPortion> portions;  // of a step over components (components.hpp)
  StepdId stepd = 0;
  bool stepd_known = false;  // it has said hello or started
  bool own_done = false;
  Text image_digest;    // of the container's image, once it is on this node
  TimerId reap = 0;     // killing what a dead stepd left
  StreamId parent = 0;  // 0: this is the root, or it is lost
  std::vector<Child> children;
  std::map<std::uint32_t, wire::StepStarted> started;  // of the nodes below, by node
  std::vector<wire::TaskExit> exits;
  std::vector<bool> exited;  // by task
  std::uint32_t exited_count = 0;
  std::map<std::uint32_t, wire::StepDone> done;
  std::set<std::uint32_t> acknowledged;  // by the parent
  std::map<std::pair<std::string, std::uint64_t>, FenceState> fences;
  std::unique_ptr<RootPart> root;  // null on other nodes

  [[nodiscard]] bool all_done() const { return done.size() >= count; }
};

// An srun that waits for CPUs of its job.
struct WaitingRequest {
  StreamId stream = 0;
  std::uint64_t id = 0;
  wire::StepRequest request;
  model::WallTime since = 0;
};

// A launch from another agent that came before the controller's order.
struct ParkedLaunch {
  StreamId stream = 0;
  wire::LaunchStep launch;
  std::vector<std::pair<wire::MessageType, std::string>> behind;  // what came after it
};

struct JobRun {
  JobOnHost host;
  std::string script;  // until the batch step has started
  std::string environment;
  wire::HoldPhase phase = wire::HoldPhase::preparing;
  bool prepared = false;
  bool suspended = false;
  std::uint64_t still_order = 0;  // of this link, the last that said whether it is
  bool cleaning = false;          // the host is at it
  bool batch_started = false;
  bool batch_ended = false;
  model::JobState why = model::JobState::completed;
  std::int64_t kill_after = -1;   // monotonic: when SIGKILL was sent; -1: not yet
  std::int64_t quiet_since = -1;  // monotonic: no process of a step is left here
  std::uint32_t clean_tries = 0;
  bool given_up = false;  // reported as unkillable
  TimerId kill = 0;
  TimerId settle = 0;
  TimerId clean = 0;
  TimerId tell = 0;  // until a held report goes out alone
  std::uint32_t next_step = 0;
  std::map<StepNumber, StepRun> steps;
  std::set<StepNumber> finished;  // steps that were here
  std::deque<WaitingRequest> waiting;
  std::map<Uid128, StepNumber> granted;  // requests that were answered, by their ids

  // Steps of a heterogeneous job are all made by its first component.
  [[nodiscard]] bool is_root() const { return host.share == 0 && host.job->het_offset == 0; }
  [[nodiscard]] bool is_ending() const { return phase >= wire::HoldPhase::ending; }
  [[nodiscard]] bool has_batch() const {
    return is_root() && host.job->spec->kind == model::JobKind::batch;
  }
};

// What sluice.yaml and the host list say, from the controller.
struct NodeSettings {
  std::string cluster;
  std::uint32_t kill_wait_s = 30;
  std::uint32_t unkillable_s = 60;
  std::uint32_t tree_width = 16;
  std::uint32_t patience_s = 60;  // for a lost srun, and for a lost agent
  std::uint32_t report_interval_s = 30;
};

enum class StreamRole : std::uint8_t {
  fresh,
  waiting,
  owner,
  reader,
  parent,
  child,
  parked,
  image
};

struct StreamState {
  auth::Peer peer;
  bool from_agent = false;  // another agent's own, not a user's session
  StreamRole role = StreamRole::fresh;
  StepKey step;
  std::uint64_t id = 0;  // of the request that is answered by and by
};

}  // namespace sluice::worker
