// What a new record tells beside the one before it. Pure; used where records are written, so that
// an event and its cause are one transaction.
#pragma once

#include <optional>

#include "event/event.hpp"
#include "model/job.hpp"
#include "model/node.hpp"

namespace sluice::event {

// By the state that this attempt's former record had; none: it is the attempt's first record.
// What::none: nothing to tell.
[[nodiscard]] What job_step(const std::optional<model::JobState>& before, const model::Job& now);
[[nodiscard]] JobChange facts_of(const model::Job& job);

struct NodeStep {
  What what = What::none;
  NodeChange facts;
};
// `before` null: the node is new.
[[nodiscard]] NodeStep node_step(const model::Node* before, const model::Node& now);

}  // namespace sluice::event
