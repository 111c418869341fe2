// The core's settings (model/settings.hpp) and its notion of time.
#pragma once

#include <cstdint>

#include "model/settings.hpp"

namespace sluice::core {

using model::NodeSetting;
using model::Settings;
using model::SettingsPtr;

// The time of an event. The monotonic clock drives limits and timeouts; the wall clock is for
// display and for what users give as wall time. Both come from the caller; the core reads no clock.
struct Now {
  model::WallTime wall = 0;  // microseconds since 1970
  std::int64_t mono_ms = 0;  // monotonic, arbitrary origin
};

}  // namespace sluice::core
