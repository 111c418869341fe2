// The small files that Sluice's processes leave for each other (client.conf, agent.conf, hosts.d):
// one "key: value" a line, '#' begins a comment line. What people write is sluice.yaml, which has a
// real parser (lib/config). Pure: usable from core.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::base {

using KeyValues = std::map<std::string, std::string, std::less<>>;

// Fails on a line without a colon and on a key that comes twice; `name` stands in the message.
[[nodiscard]] Result<KeyValues> parse_key_values(std::string_view text, std::string_view name);
[[nodiscard]] std::string format_key_values(const KeyValues& values);
// The value, or `otherwise` if there is none.
[[nodiscard]] std::string value_or(const KeyValues& values, std::string_view key,
                                   std::string_view otherwise);

}  // namespace sluice::base
