// Base64 as keys and tokens are written. Decoders accept only the canonical form: one text for each
// value, so that texts may be compared.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::auth {

enum class Base64 {
  standard,  // + and /, padded
  url,       // - and _, without padding
};

[[nodiscard]] std::string encode_base64(std::string_view bytes, Base64 kind);
Result<std::string> decode_base64(std::string_view text, Base64 kind);

}  // namespace sluice::auth
