// Which of the step's devices each task sees: --gpu-bind, --tres-bind, --gpus-per-task,
// --ntasks-per-gpu. A matter of the environment alone; the device cgroup is the whole step's, since
// copies between the devices of one job need both of them open.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bitmap.hpp"
#include "daemon/stepd/devices.hpp"
#include "daemon/stepd/task_plan.hpp"

namespace sluice::stepd {

enum class DeviceBind : std::uint8_t { none, closest, single, per_task, map, mask };

// One kind's binding.
struct DeviceRuleOfTasks {
  std::string name = "gpu";  // GRES name
  std::string text;          // as asked: what messages and SLURMD_TRES_BIND repeat
  DeviceBind kind = DeviceBind::none;
  std::uint32_t count = 1;        // of single (tasks per device) and per_task (devices)
  std::vector<std::string> list;  // of map and mask, repetitions written out
  bool verbose = false;
};

// What the step asks for; rules that can't be read are left out (the command has checked them).
[[nodiscard]] std::vector<DeviceRuleOfTasks> device_rules_of(const StepView& step);

// A task as the choice sees it.
struct TaskPlace {
  std::uint32_t task = 0;   // in the step
  std::uint32_t local = 0;  // on this node
  // The CPUs that it is bound to, in the numbers of Device::cpus; of size 0: nobody knows.
  base::Bitmap cpus;
};

struct DeviceChoice {
  std::vector<std::size_t> positions;  // in StepDevices::all(), ascending; never empty
  std::vector<std::string> complaints;
};
// Of a kind that the step holds. What the rule doesn't cover sees the first device, as with Slurm,
// with a complaint.
[[nodiscard]] DeviceChoice choose_devices(const DeviceRuleOfTasks& rule, const StepDevices& devices,
                                          const TaskPlace& place);

// Changes the environments of the plan's tasks, and adds what is to be told on their standard
// error.
void bind_devices(const StepView& step, StepPlan& plan);

}  // namespace sluice::stepd
