// Adding up what tasks used.
#include "model/step.hpp"

#include <algorithm>

namespace sluice::model {

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
}

}  // namespace sluice::model
