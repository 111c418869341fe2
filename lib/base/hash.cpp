// hash_bytes: eight bytes at a time, each folded into the state by hash_mix.
#include "base/hash.hpp"

#include <cstring>

namespace sluice::base {

std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t state = hash_mix(seed, bytes.size());
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    state = hash_mix(state, word);
    bytes.remove_prefix(8);
  }
  if (!bytes.empty()) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), bytes.size());
    state = hash_mix(state, word);
  }
  return hash_mix(state, 0xa0761d6478bd642fULL);
}

}  // namespace sluice::base
