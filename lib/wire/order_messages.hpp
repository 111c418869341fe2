// What the controller tells a node to do, on channel 0 of their link. Orders name the attempt and
// carry the controller's epoch; nodes refuse older epochs and what their ledger says was done.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/job.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

// How far an attempt is on a node.
enum class HoldPhase : std::uint8_t {
  preparing = 0,
  running = 1,   // prepared; on the batch host the script runs
  ending = 2,    // told to end, or the script has ended
  released = 3,  // nothing left; kept until the controller acknowledges
};

struct Hold {
  Attempt attempt;
  JobId job;
  HoldPhase phase = HoldPhase::preparing;
  bool suspended = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(2, "job", self.job);
    visit(3, "phase", self.phase);
    visit(4, "suspended", self.suspended);
  }
};

// Prepare the job; on the node named first in the allocation also start its batch script.
struct LaunchJob {
  static constexpr MessageType kType = MessageType::launch_job;
  Epoch epoch;
  std::uint64_t order = 0;  // counts the orders of this link
  model::Job job;
  std::string script;
  std::string environment;
  std::uint64_t remaining_ms = 0;   // until the time limit; 0: none
  std::vector<std::uint32_t> gids;  // empty: the node looks them up
  // Of a heterogeneous job: all its components, in order, with what each was given.
  std::vector<model::Job> components;
  // Who stands still on the node, the job itself if it is to: it may be meant for their CPUs.
  std::vector<Hold> still;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "order", self.order);
    visit(3, "job", self.job);
    visit(4, "script", self.script);
    visit(5, "environment", self.environment);
    visit(6, "remaining_ms", self.remaining_ms);
    visit(7, "gids", self.gids);
    visit(8, "components", self.components);
    visit(9, "still", self.still);
  }
};

struct SignalJob {
  static constexpr MessageType kType = MessageType::signal_job;
  Epoch epoch;
  std::uint64_t order = 0;  // counts the orders of this link
  Attempt attempt;
  JobId job;
  std::uint32_t signal = 0;
  bool batch_only = false;
  bool full = false;
  std::uint32_t step = model::kNoTask;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "order", self.order);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(4, "job", self.job);
    visit(5, "signal", self.signal);
    visit(6, "batch_only", self.batch_only);
    visit(7, "full", self.full);
    visit(8, "step", self.step);
  }
};

struct TerminateJob {
  static constexpr MessageType kType = MessageType::terminate_job;
  Epoch epoch;
  std::uint64_t order = 0;  // counts the orders of this link
  Attempt attempt;
  JobId job;
  std::uint32_t grace_s = 0;
  model::JobState why = model::JobState::cancelled;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "order", self.order);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(4, "job", self.job);
    visit(5, "grace_s", self.grace_s);
    visit(6, "why", self.why);
  }
};

// To the job's first node: nothing more will come from another of its nodes. What steps had there
// counts as over.
struct LoseNode {
  static constexpr MessageType kType = MessageType::lose_node;
  Epoch epoch;
  std::uint64_t order = 0;  // counts the orders of this link
  Attempt attempt;
  JobId job;
  Text lost;  // its name

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "order", self.order);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(4, "job", self.job);
    visit(5, "lost", self.lost);
  }
};

// To the node of a batch script: words for its output.
struct TellJob {
  static constexpr MessageType kType = MessageType::tell_job;
  Epoch epoch;
  std::uint64_t order = 0;  // counts the orders of this link
  Attempt attempt;
  JobId job;
  Text text;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "order", self.order);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(4, "job", self.job);
    visit(5, "text", self.text);
  }
};

struct SuspendJob {
  static constexpr MessageType kType = MessageType::suspend_job;
  Epoch epoch;
  std::uint64_t order = 0;  // counts the orders of this link
  Attempt attempt;
  JobId job;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "order", self.order);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(4, "job", self.job);
  }
};

struct ResumeJob {
  static constexpr MessageType kType = MessageType::resume_job;
  Epoch epoch;
  std::uint64_t order = 0;  // counts the orders of this link
  Attempt attempt;
  JobId job;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "epoch", self.epoch);
    visit(2, "order", self.order);
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(4, "job", self.job);
  }
};

}  // namespace sluice::wire
