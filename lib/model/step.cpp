// Adding up what tasks used.
#include "model/step.hpp"

#include <algorithm>

namespace sluice::model {

namespace {

void add(std::vector<DeviceUse>& all, const DeviceUse& more) {
  for (DeviceUse& use : all) {
    if (use.node != more.node || use.name != more.name || use.type != more.type ||
        use.index != more.index) {
      continue;
    }
    use.samples += more.samples;
    use.utilization_sum += more.utilization_sum;
    use.utilization_max = std::max(use.utilization_max, more.utilization_max);
    use.memory_sum += more.memory_sum;
    use.memory_max = std::max(use.memory_max, more.memory_max);
    use.energy_mj += more.energy_mj;
    use.power_max_w = std::max(use.power_max_w, more.power_max_w);
    return;
  }
  all.push_back(more);
}

// Of equals the first task's stands, in whatever order the nodes tell.
void widen(TaskRange& range, const TaskRange& more) {
  if (more.min < range.min || (more.min == range.min && more.min_task < range.min_task)) {
    range.min = more.min;
    range.min_task = more.min_task;
    range.min_node = more.min_node;
  }
  if (more.max > range.max || (more.max == range.max && more.max_task < range.max_task)) {
    range.max = more.max;
    range.max_task = more.max_task;
    range.max_node = more.max_node;
  }
}

void widen(std::vector<TaskRange>& ranges, const std::vector<TaskRange>& more) {
  if (ranges.empty()) ranges = more;
  for (std::size_t i = 0; i < ranges.size() && i < more.size(); ++i) widen(ranges[i], more[i]);
}

}  // namespace

void add(Usage& sum, const Usage& more) {
  if (more.max_rss_kib > sum.max_rss_kib) {
    sum.max_rss_kib = more.max_rss_kib;
    sum.max_rss_task = more.max_rss_task;
    sum.max_rss_node = more.max_rss_node;
  }
  if (more.max_node_rss_kib > sum.max_node_rss_kib) {
    sum.max_node_rss_kib = more.max_node_rss_kib;
    sum.max_rss_sum_node = more.max_rss_sum_node;
  }
  sum.max_vm_kib = std::max(sum.max_vm_kib, more.max_vm_kib);
  sum.user_us += more.user_us;
  sum.system_us += more.system_us;
  sum.total_rss_kib += more.total_rss_kib;
  sum.total_vm_kib += more.total_vm_kib;
  widen(sum.ranges, more.ranges);
  sum.major_faults += more.major_faults;
  sum.read_bytes += more.read_bytes;
  sum.written_bytes += more.written_bytes;
  sum.tasks += more.tasks;
  for (const DeviceUse& use : more.devices) add(sum.devices, use);
}

}  // namespace sluice::model
