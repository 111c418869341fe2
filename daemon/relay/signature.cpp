// See signature.hpp.
#include "daemon/relay/signature.hpp"

#include <array>

#include <fmt/core.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.hpp"

namespace sluice::relay {

std::string signature(std::string_view secret, std::int64_t time_s, std::string_view body) {
  const std::string text = fmt::format("sluice-webhook-v1\n{}\n{}", time_s, body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const unsigned char* made = ::HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     text.size(), digest.data(), &size);
  SLUICE_ASSERT(made != nullptr, "HMAC of {} bytes", text.size());
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace sluice::relay
