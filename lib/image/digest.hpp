// Content addresses: "sha256:" and 64 lower-case hexadecimal digits. All that is downloaded or
// received is judged by them before anybody uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::image {

inline constexpr std::string_view kDigestPrefix = "sha256:";

// True for a digest in the form above; nothing else is accepted anywhere in this folder.
[[nodiscard]] bool is_digest(std::string_view text);
// The digits alone: how files are named. The argument is a digest.
[[nodiscard]] std::string hex_of(std::string_view digest);
[[nodiscard]] bool is_hex(std::string_view text);

// A hash that is fed piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void add(std::string_view bytes);
  // Ends it: nothing may be added afterwards.
  [[nodiscard]] std::string digest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

[[nodiscard]] std::string digest_of(std::string_view bytes);

}  // namespace sluice::image
