// Context: what the parts of the worker's service share. One owner (Service); the parts hold a
// reference.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include <fmt/core.h>

#include "daemon/worker/host/step_settings.hpp"
#include "daemon/worker/service/env.hpp"
#include "daemon/worker/service/reports.hpp"
#include "daemon/worker/service/state.hpp"
#include "daemon/worker/service/timers.hpp"

namespace sluice::worker {

struct ServiceOptions {
  std::string name;  // this node's
  model::NodeFacts facts;
  std::uint32_t port = 0;         // where this agent listens
  bool login = false;             // only the door: no jobs
  std::uint32_t service_uid = 0;  // who runs the daemon: may attach to every step
};

struct Context {
  Context(Env& environment, ServiceOptions given)
      : env(environment), options(std::move(given)), timers(environment), reports(environment) {}

  Env& env;
  ServiceOptions options;
  Timers timers;
  Reports reports;
  NodeSettings settings;
  wire::HostListUpdate cluster;  // hosts and settings, as the controller last told
  Epoch epoch;
  std::map<Attempt, JobRun> jobs;
  std::unordered_map<StreamId, StreamState> streams;
  std::unordered_map<StepdId, StepKey> stepds;

  [[nodiscard]] JobRun* find(const Attempt& attempt);
  // The job's latest attempt here.
  [[nodiscard]] JobRun* find(JobId job);
  [[nodiscard]] StepRun* find(const StepKey& key);
  [[nodiscard]] StreamState* stream(StreamId id);
  [[nodiscard]] const wire::HostRow* host(std::string_view name) const;
  void refuse(StreamId stream, std::uint64_t id, const Error& error);
  template <class... Args>
  void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    env.log(level, fmt::format(format, std::forward<Args>(args)...));
  }
};

// Among a launch's settings, from the tree to the Env: the node to fetch the image from.
inline constexpr std::string_view kFetchFromKey = "fetch_from";

// Keys of the ledger. Each kind has its first letter: J job, P its progress, S step, T tombstone,
// R report, E epoch, B the node's boot, C the cluster's name, N what the controller told of hosts
// and settings.
[[nodiscard]] std::string attempt_text(const Attempt& attempt);
[[nodiscard]] std::string ledger_key(char kind, const Attempt& attempt);
[[nodiscard]] std::string ledger_key(const StepKey& key);

struct JobProgress {
  wire::HoldPhase phase = wire::HoldPhase::preparing;
  model::JobState why = model::JobState::completed;
  bool batch_started = false;
  bool batch_ended = false;
  bool suspended = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "phase", self.phase);
    visit(2, "why", self.why);
    visit(3, "batch_started", self.batch_started);
    visit(4, "batch_ended", self.batch_ended);
    visit(5, "suspended", self.suspended);
  }
};

struct JobEntry {
  wire::LaunchJob launch;
  model::WallTime ends = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "launch", self.launch);
    visit(2, "ends", self.ends);
  }
};

struct StepEntry {
  Attempt attempt;
  StepNumber number = 0;
  bool finished = false;  // then only attempt and number are kept
  bool root = false;
  model::StepSpec spec;
  wire::StepLayout layout;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  Uid128 request_id;
  model::Step record;  // of the root
  model::JobState verdict = model::JobState::running;
  std::vector<wire::StepPortion> portions;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(14, "attempt_uid", self.attempt.job);
    visit(15, "attempt_number", self.attempt.number);
    visit(1, "number", self.number);
    visit(2, "finished", self.finished);
    visit(3, "root", self.root);
    visit(4, "spec", self.spec);
    visit(5, "layout", self.layout);
    visit(6, "first", self.first);
    visit(7, "count", self.count);
    visit(8, "request_id", self.request_id);
    visit(9, "record", self.record);
    visit(10, "verdict", self.verdict);
    visit(11, "portions", self.portions);
  }
};

// Whether the job, or another component of it, has a share of that node.
[[nodiscard]] bool spans(const JobRun& job, std::string_view node);

void store_progress(Context& context, const JobRun& job);
void store_step(Context& context, const JobRun& job, const StepRun& step,
                const Uid128& request = {});

}  // namespace sluice::worker
