// The plan, asked for one job: `sluice why` and `sluice why-placed`.
#pragma once

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/explanation.hpp"
#include "model/job.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

struct QueryPlan {
  static constexpr MessageType kType = MessageType::query_plan;
  JobId job;                            // or an array
  std::uint32_t task = model::kNoTask;  // of that array
  bool sooner = false;                  // also plan changed requests

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "task", self.task);
    visit(3, "sooner", self.sooner);
  }
};

struct PlanReply {
  static constexpr MessageType kType = MessageType::plan_reply;
  model::Explanation explanation;
  model::Job job;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "explanation", self.explanation);
    visit(2, "job", self.job);
  }
};

}  // namespace sluice::wire
