// The section `relay` of sluice.yaml. Private to lib/config.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/relay_target.hpp"
#include "config/yaml_reader.hpp"

namespace sluice::config {

inline constexpr std::string_view kRelaySection = "relay";

[[nodiscard]] Status read_relay(const YamlValue& list, const std::string& file,
                                std::vector<RelayTarget>& targets);

}  // namespace sluice::config
