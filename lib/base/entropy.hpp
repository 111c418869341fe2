// Randomness from the kernel (getrandom). Identities of jobs and requests come from here.
// Not for core: random.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/ids.hpp"
#include "base/uid_text.hpp"

namespace sluice::base {

// Fills the buffer. Can't fail on a running system; if the kernel refuses, the process aborts,
// because every alternative is a guessable identity.
void random_bytes(std::span<std::byte> buffer);
[[nodiscard]] Uid128 random_uid();
// `bytes` random bytes in lower-case hexadecimal.
[[nodiscard]] std::string random_hex(std::size_t bytes);

}  // namespace sluice::base
