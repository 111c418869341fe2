// getrandom() with a zero flag blocks only before the kernel's pool is first filled, at boot.
#include "base/entropy.hpp"

#include <sys/random.h>
#include <sys/types.h>

#include <array>
#include <cerrno>
#include <vector>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace sluice::base {

void random_bytes(std::span<std::byte> buffer) {
  while (!buffer.empty()) {
    const ssize_t got = getrandom(buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    SLUICE_ASSERT(got > 0, "getrandom: errno {}", errno);
    buffer = buffer.subspan(static_cast<std::size_t>(got));
  }
}

Uid128 random_uid() {
  Uid128 uid;
  std::array<std::uint64_t, 2> words{};
  while (!uid.is_set()) {  // all zero means none
    random_bytes(std::as_writable_bytes(std::span(words)));
    uid = Uid128{words[0], words[1]};
  }
  return uid;
}

std::string random_hex(std::size_t bytes) {
  std::vector<std::byte> raw(bytes);
  random_bytes(raw);
  std::string text;
  for (const std::byte b : raw) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  return text;
}

}  // namespace sluice::base
