// See the header.
#include "daemon/stepd/device_meter.hpp"

#include <algorithm>

namespace sluice::stepd {
namespace {

constexpr std::uint32_t kMostPercent = 100;

void count(model::DeviceUse& use, const DeviceSample& sample) {
  ++use.samples;
  const auto percent = static_cast<std::uint32_t>(std::max(sample.utilization, 0));
  use.utilization_sum += std::min(percent, kMostPercent);
  use.utilization_max = std::max(use.utilization_max, std::min(percent, kMostPercent));
  const auto memory = static_cast<std::uint64_t>(std::max<std::int64_t>(sample.memory, 0));
  use.memory_sum += memory;
  use.memory_max = std::max(use.memory_max, memory);
  const auto power =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(sample.power_w, 0, 1U << 20U));
  use.power_max_w = std::max(use.power_max_w, power);
}

}  // namespace

DeviceMeter::DeviceMeter(const std::string& node, const std::vector<HeldDevice>& devices) {
  for (const HeldDevice& held : devices) {
    Track track;
    track.use.node = node;
    track.use.name = held.name;
    track.use.type = held.type;
    track.use.index = held.index;
    track.first = track.use;
    tracks_.push_back(std::move(track));
  }
}

void DeviceMeter::add(const DeviceSample& sample, std::int64_t now_ms) {
  if (sample.position >= tracks_.size()) return;
  Track& track = tracks_[sample.position];
  count(track.seen ? track.use : track.first, sample);
  if (track.seen && track.last_power_w >= 0 && sample.power_w >= 0 && now_ms > track.last_ms) {
    // Watts by milliseconds are millijoules.
    const std::int64_t mean = (track.last_power_w + sample.power_w) / 2;
    track.use.energy_mj += static_cast<std::uint64_t>(mean * (now_ms - track.last_ms));
  }
  track.seen = true;
  track.last_ms = now_ms;
  track.last_power_w = sample.power_w;
}

std::vector<model::DeviceUse> DeviceMeter::uses() const {
  std::vector<model::DeviceUse> all;
  for (const Track& track : tracks_) {
    if (!track.seen) continue;
    model::DeviceUse use = track.use.samples > 0 ? track.use : track.first;
    use.memory_max = std::max(use.memory_max, track.first.memory_max);
    use.utilization_max = std::max(use.utilization_max, track.first.utilization_max);
    use.power_max_w = std::max(use.power_max_w, track.first.power_max_w);
    all.push_back(std::move(use));
  }
  return all;
}

}  // namespace sluice::stepd
