// DeviceSampler: has the vendors' tools tell what the step's devices are doing, and adds it up.
//
// A helper process runs the tools, reads what they print and sends plain numbers back, so neither a
// vendor's program nor its output comes near stepd. It is nobody, with the groups of the device
// files: not root, and not the job's user either, whose processes could take it over, outside of
// their device cgroup as it is. One helper at a time, killed when its time is over; stepd never
// waits for it. A tool that fails is asked again at the next interval.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "daemon/stepd/device_meter.hpp"
#include "daemon/stepd/poller.hpp"

namespace sluice::stepd {

class DeviceSampler {
 public:
  // What the view shows outlives it.
  DeviceSampler(Poller& poller, const StepView& step);
  ~DeviceSampler();
  DeviceSampler(const DeviceSampler&) = delete;
  DeviceSampler& operator=(const DeviceSampler&) = delete;

  // A sample now, one a moment later, then at the step's interval. Nothing without devices whose
  // vendor has a tool here, or with an interval of 0.
  void start();
  // No more of them; a helper that runs is told to end.
  void stop();
  // An ended child: was it the helper?
  bool reaped(pid_t pid);
  [[nodiscard]] bool busy() const { return helper_ > 0; }
  [[nodiscard]] std::vector<model::DeviceUse> uses() const { return meter_.uses(); }

 private:
  void sample();
  void plan_next();
  void read_samples();
  void take_samples();

  Poller& poller_;
  const StepView& step_;
  StepDevices devices_;
  DeviceMeter meter_;
  std::vector<const accel::Vendor*> vendors_;  // with a tool, of devices held
  pid_t helper_ = -1;
  base::UniqueFd results_;
  std::string bytes_;
  std::uint32_t round_ = 0;
  bool stopped_ = true;
  Poller::TimerId next_ = 0;
  Poller::TimerId limit_ = 0;
};

}  // namespace sluice::stepd
