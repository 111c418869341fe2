// CPU and GPU binding as part of the plan: asks binding.hpp, maps to the host's numbers, and tells
// the tasks about it. Pure.
#pragma once

#include "base/result.hpp"
#include "daemon/stepd/task_plan.hpp"

namespace sluice::stepd {

// Fails with what is to be said when the user's own list can't be satisfied.
[[nodiscard]] Status plan_binding(const StepView& step, StepPlan& plan);

}  // namespace sluice::stepd
