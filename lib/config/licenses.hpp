// `licenses: matlab:10,ansys:5`.
#pragma once

#include <vector>

#include "config/values.hpp"
#include "model/settings.hpp"

namespace sluice::config {

// Names with how many there are of each (1 if it isn't said).
[[nodiscard]] Setter license_list(std::vector<model::LicenseSetting>& out);
// Minutes, or UNLIMITED.
[[nodiscard]] Setter minutes_or_unlimited(std::uint32_t& out);

}  // namespace sluice::config
