// The content address: SHA-256, in hex.
#include <array>

#include <openssl/evp.h>

#include "base/assert.hpp"
#include "store/store.hpp"

namespace sluice::store {

Text content_hash(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const int done =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  SLUICE_ASSERT(done == 1 && size == 32, "SHA-256 of {} bytes", bytes.size());
  std::string hex;
  hex.reserve(2 * std::size_t{size});
  for (unsigned i = 0; i < size; ++i) {
    hex.push_back(kDigits[digest[i] >> 4U]);
    hex.push_back(kDigits[digest[i] & 15U]);
  }
  return Text(hex);
}

}  // namespace sluice::store
