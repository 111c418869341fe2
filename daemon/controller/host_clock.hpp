// This host's rules of local time, as a table that reaches back far enough for all of history.
#pragma once

#include "model/local_clock.hpp"

namespace sluice::controller {

[[nodiscard]] model::LocalClock host_clock();

}  // namespace sluice::controller
