// Requests on existing jobs: which are meant, what is to be done, what came of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "model/requests.hpp"
#include "model/task_set.hpp"
#include "model/types.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

// One job, one array, or some tasks of one: as the user wrote it, "123", "123_4", "123_[1-5]".
struct JobRef {
  JobId job;
  std::vector<model::TaskRun> tasks;
  std::uint32_t step = model::kNoTask;       // with scancel JOB.STEP
  std::uint32_t component = model::kNoTask;  // of a heterogeneous job: "123+1"

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "tasks", self.tasks);
    visit(3, "step", self.step);
    visit(4, "component", self.component);
  }
};

// Which jobs a request or a query means. Empty lists: any. Lists are or-ed, kinds are and-ed.
struct JobFilter {
  std::vector<JobRef> jobs;
  std::vector<std::uint32_t> uids;
  std::vector<Text> accounts;
  std::vector<Text> partitions;
  std::vector<Text> names;
  std::vector<Text> qos;
  std::vector<Text> nodes;
  std::vector<Text> reservations;
  std::vector<Text> wckeys;
  std::vector<Text> licenses;
  std::uint64_t states = 0;  // bits by JobState, and bits 32+ by JobFlag; 0: any
  std::vector<std::uint32_t> associations;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "jobs", self.jobs);
    visit(2, "uids", self.uids);
    visit(3, "accounts", self.accounts);
    visit(4, "partitions", self.partitions);
    visit(5, "names", self.names);
    visit(6, "qos", self.qos);
    visit(7, "nodes", self.nodes);
    visit(8, "reservations", self.reservations);
    visit(9, "wckeys", self.wckeys);
    visit(10, "licenses", self.licenses);
    visit(11, "states", self.states);
    visit(12, "associations", self.associations);
  }
};

struct JobAction {
  static constexpr MessageType kType = MessageType::job_action;
  Uid128 request_id;
  model::JobVerb verb = model::JobVerb::cancel;
  JobFilter filter;
  std::uint32_t signal = 0;
  bool batch_only = false;
  bool full = false;
  std::uint32_t exit_code = 0;
  bool special_exit = false;  // scontrol requeue State=SpecialExit

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "verb", self.verb);
    visit(3, "filter", self.filter);
    visit(4, "signal", self.signal);
    visit(5, "batch_only", self.batch_only);
    visit(6, "full", self.full);
    visit(7, "exit_code", self.exit_code);
    visit(8, "special_exit", self.special_exit);
  }
};

struct JobActionOutcome {
  JobId job;
  JobId array_job;
  std::uint32_t array_task = model::kNoTask;
  std::uint32_t step = model::kNoTask;
  ErrorCode code = ErrorCode::ok;
  Text text;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "array_job", self.array_job);
    visit(3, "array_task", self.array_task);
    visit(4, "step", self.step);
    visit(5, "code", self.code);
    visit(6, "text", self.text);
  }
};

struct JobActionReply {
  static constexpr MessageType kType = MessageType::job_action_reply;
  std::vector<JobActionOutcome> outcomes;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "outcomes", self.outcomes);
  }
};

struct UpdateJob {
  static constexpr MessageType kType = MessageType::update_job;
  Uid128 request_id;
  std::vector<JobRef> jobs;
  Text name;  // when set, jobs of this name (and `uid`) are meant instead
  model::JobPatch patch;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "jobs", self.jobs);
    visit(3, "name", self.name);
    visit(4, "patch", self.patch);
  }
};

// A message to people: to the command that waits for an allocation, or into a batch job's output.
inline constexpr std::size_t kMaxNotice = 16 * 1024;
struct NotifyJob {
  static constexpr MessageType kType = MessageType::notify_job;
  JobRef job;
  Text text;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "text", self.text);
  }
};

// It comes between the answers to WaitJob, to whoever owns the allocation.
struct JobNotice {
  static constexpr MessageType kType = MessageType::job_notice;
  JobId job;
  Text text;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "text", self.text);
  }
};

struct QueryScript {
  static constexpr MessageType kType = MessageType::query_script;
  JobRef job;
  bool environment = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "environment", self.environment);
  }
};

struct ScriptReply {
  static constexpr MessageType kType = MessageType::script_reply;
  std::string content;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "content", self.content);
  }
};

}  // namespace sluice::wire
