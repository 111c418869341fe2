// DeviceMeter: what a step made of its devices, from samples taken now and then.
// The first sample is taken at the very start, when programs have hardly begun: it stands only
// where no other followed. Energy is power over the time between two samples. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/stepd/devices.hpp"
#include "model/device.hpp"

namespace sluice::stepd {

// Of one device; what the tool didn't say is -1. Travels through a pipe as it lies in memory.
struct DeviceSample {
  std::uint32_t position = 0;  // in StepDevices::all()
  std::int32_t utilization = -1;
  std::int64_t memory = -1;  // MiB
  std::int64_t power_w = -1;
};

class DeviceMeter {
 public:
  DeviceMeter(const std::string& node, const std::vector<HeldDevice>& devices);

  // Times only grow.
  void add(const DeviceSample& sample, std::int64_t now_ms);
  // Of the devices of which anything is known.
  [[nodiscard]] std::vector<model::DeviceUse> uses() const;

 private:
  struct Track {
    model::DeviceUse use;
    model::DeviceUse first;
    bool seen = false;
    std::int64_t last_ms = 0;
    std::int64_t last_power_w = -1;
  };
  std::vector<Track> tracks_;
};

}  // namespace sluice::stepd
