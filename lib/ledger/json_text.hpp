// JSON texts, as small as exports need them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace sluice::ledger {

// In quotes, escaped.
[[nodiscard]] std::string json_string(std::string_view text);

struct JsonMember {
  std::string_view name;
  std::string value;  // a text
};
[[nodiscard]] std::string json_object(std::initializer_list<JsonMember> members);

}  // namespace sluice::ledger
