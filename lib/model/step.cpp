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

}  // namespace

void add(Usage& sum, const Usage& more) {
  if (more.max_rss_kib > sum.max_rss_kib) {
    sum.max_rss_kib = more.max_rss_kib;
    sum.max_rss_task = more.max_rss_task;
    sum.max_rss_node = more.max_rss_node;
  }
  sum.max_vm_kib = std::max(sum.max_vm_kib, more.max_vm_kib);
  sum.user_us += more.user_us;
  sum.system_us += more.system_us;
  sum.total_rss_kib += more.total_rss_kib;
  sum.major_faults += more.major_faults;
  sum.read_bytes += more.read_bytes;
  sum.written_bytes += more.written_bytes;
  sum.tasks += more.tasks;
  for (const DeviceUse& use : more.devices) add(sum.devices, use);
}

}  // namespace sluice::model
