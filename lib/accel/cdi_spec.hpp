// CDI specifications as text: read from JSON or YAML with the rules of the specification (every
// field must be known to the version that the file claims, names and kinds have their form), and
// written as JSON. And those that we make ourselves, for vendors that bring none.
// Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/cdi.hpp"
#include "accel/vendor.hpp"
#include "base/result.hpp"
#include "model/device.hpp"

namespace sluice::accel {

inline constexpr std::size_t kMaxCdiFile = 4 * 1024 * 1024;

// `file` names it in errors ("FILE:LINE: key: expected …"); ".json" at its end: strict JSON.
[[nodiscard]] Result<CdiSpec> parse_cdi_spec(const std::string& text, const std::string& file);
[[nodiscard]] std::string write_cdi_spec(const CdiSpec& spec);

// One CDI device for each of these, named by its number (and "all"): its nodes, and once the
// vendor's control nodes, constants, and libraries as read-only mounts.
[[nodiscard]] CdiSpec generate_cdi_spec(const Vendor& vendor,
                                        std::span<const model::Device> devices);

// "vendor.com/class" and "vendor.com/class=name".
[[nodiscard]] bool is_cdi_kind(std::string_view text);
struct CdiName {
  std::string kind;
  std::string device;
};
[[nodiscard]] Result<CdiName> parse_cdi_name(std::string_view text);

}  // namespace sluice::accel
