// See licenses.hpp.
#include "config/licenses.hpp"

#include <algorithm>

#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "model/reservation.hpp"

namespace sluice::config {

Setter license_list(std::vector<model::LicenseSetting>& out) {
  return [&out](const std::string& value) -> Status {
    const auto expected = [] {
      return fail(ErrorCode::invalid_argument,
                  "licences with their counts, each once: matlab:10,ansys:5");
    };
    out.clear();
    const Result<model::LicenseRequest> parsed = model::parse_licenses(value);
    if (!parsed || parsed->any) return expected();
    const std::vector<std::string_view> pieces = base::split_nonempty(value, ',');
    if (pieces.size() != parsed->needs.size()) return expected();  // one stands twice
    for (const model::LicenseNeed& license : parsed->needs) {
      out.push_back({license.name, license.count});
    }
    return {};
  };
}

Setter minutes_or_unlimited(std::uint32_t& out) {
  return [&out](const std::string& value) -> Status {
    if (base::iequals(value, "UNLIMITED") || base::iequals(value, "INFINITE")) {
      out = model::kUnlimited;
      return {};
    }
    const Result<std::uint32_t> minutes = base::parse_u32(value);
    if (!minutes) return fail(ErrorCode::invalid_argument, "minutes, or UNLIMITED");
    out = *minutes;
    return {};
  };
}

}  // namespace sluice::config
