// Submitting, and waiting for what was submitted. Requests that change something carry a request id
// made by the client: a retry after a lost answer gets the first answer (the id lives in the same
// transaction as the change).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/job.hpp"
#include "wire/conversation.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

// sbatch, salloc, srun. The identity fields of `spec` are filled in by the controller.
struct Submit {
  static constexpr MessageType kType = MessageType::submit;
  Uid128 request_id;
  model::JobSpec spec;
  model::Request request;
  std::string script;
  std::string environment;  // "NAME=value" entries, each ended by a zero byte
  bool test_only = false;
  std::uint32_t as_uid = model::kNoTask;  // root only: submit for this user (--uid)
  std::uint32_t as_gid = model::kNoTask;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "spec", self.spec);
    visit(3, "request", self.request);
    visit(4, "script", self.script);
    visit(5, "environment", self.environment);
    visit(6, "test_only", self.test_only);
    visit(7, "as_uid", self.as_uid);
    visit(8, "as_gid", self.as_gid);
  }
};

// The components of a heterogeneous job, in order: all of them become jobs, with consecutive ids,
// or none does. Answered by a SubmitReply with the first one's id. Only the first has a script.
struct SubmitHeterogeneous {
  static constexpr MessageType kType = MessageType::submit_heterogeneous;
  Uid128 request_id;
  std::vector<Submit> parts;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "parts", self.parts);
  }
};

struct SubmitReply {
  static constexpr MessageType kType = MessageType::submit_reply;
  JobId job;
  Text message;                       // a note for the user; usually empty
  model::WallTime planned_start = 0;  // of a test
  Text planned_nodes;
  std::uint32_t planned_cpus = 0;
  Text partition;
  Text cluster;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "message", self.message);
    visit(3, "planned_start", self.planned_start);
    visit(4, "planned_nodes", self.planned_nodes);
    visit(5, "planned_cpus", self.planned_cpus);
    visit(6, "partition", self.partition);
    visit(7, "cluster", self.cluster);
  }
};

// Answers when the job is in one of the wanted conditions; the session stays open until then.
// With `owned`, a session that ends while the job is pending cancels it (salloc, srun).
struct WaitJob {
  static constexpr MessageType kType = MessageType::wait_job;
  JobId job;
  bool started = false;  // resources granted and nodes prepared
  bool ended = false;
  bool owned = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "started", self.started);
    visit(3, "ended", self.ended);
    visit(4, "owned", self.owned);
  }
};

struct WaitJobReply {
  static constexpr MessageType kType = MessageType::wait_job_reply;
  model::Job job;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
  }
};

}  // namespace sluice::wire
