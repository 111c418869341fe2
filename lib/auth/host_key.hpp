// A host's own Ed25519 key: made on the host, never leaves it. The public key is the host's
// identity everywhere; its text form is "ed25519:" and base64 of the 32 bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::auth {

using PublicKey = std::array<std::uint8_t, 32>;    // raw Ed25519 (the same type as net::PublicKey)
using Fingerprint = std::array<std::uint8_t, 32>;  // SHA-256 of the raw public key

[[nodiscard]] std::string public_key_text(const PublicKey& key);
Result<PublicKey> parse_public_key(std::string_view text);
[[nodiscard]] Fingerprint fingerprint(const PublicKey& key);
// "sha256:" and hex, for people to compare.
[[nodiscard]] std::string fingerprint_text(const Fingerprint& value);

class HostKey {
 public:
  static Result<HostKey> generate();
  // Refuses a file that others could read or write, or that isn't the caller's or root's.
  static Result<HostKey> load(const std::string& path);
  // Loads, or makes and saves when there is no such file.
  static Result<HostKey> load_or_create(const std::string& path);
  ~HostKey();
  HostKey(const HostKey&) = default;
  HostKey& operator=(const HostKey&) = default;
  HostKey(HostKey&&) = default;
  HostKey& operator=(HostKey&&) = default;

  // Mode 0600, atomic and durable (temporary file, fsync, rename, fsync of the folder).
  [[nodiscard]] Status save(const std::string& path) const;

  [[nodiscard]] const PublicKey& public_key() const { return public_; }

  // What net::TlsContext::create takes. The certificate is made anew on each call.
  [[nodiscard]] Result<std::string> certificate_der() const;
  [[nodiscard]] Result<std::string> private_key_der() const;

 private:
  HostKey() = default;
  static Result<HostKey> from_seed(const std::array<std::uint8_t, 32>& seed);
  std::array<std::uint8_t, 32> seed_{};
  PublicKey public_{};
};

}  // namespace sluice::auth
