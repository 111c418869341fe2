// The text of a Uid128: 32 lower-case hexadecimal digits, the high half first.
// Pure: usable from core.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace sluice::base {

[[nodiscard]] std::string uid_text(const Uid128& uid);
[[nodiscard]] Result<Uid128> parse_uid(std::string_view text);

}  // namespace sluice::base
