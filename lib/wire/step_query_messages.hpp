// Asking a running step how it is doing (sstat, pids).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/job.hpp"
#include "model/step.hpp"
#include "model/step_spec.hpp"
#include "wire/conversation.hpp"
#include "wire/message_types.hpp"
#include "wire/step_launch_messages.hpp"

namespace sluice::wire {

struct QueryStep {
  static constexpr MessageType kType = MessageType::query_step;
  JobId job;
  std::uint32_t step = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "step", self.step);
  }
};

struct StepStatus {
  static constexpr MessageType kType = MessageType::step_status;
  std::uint32_t node = 0;
  model::Usage usage;
  std::vector<TaskStart> tasks;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "node", self.node);
    visit(2, "usage", self.usage);
    visit(3, "tasks", self.tasks);
  }
};

}  // namespace sluice::wire
