// SHA-256 by OpenSSL.
#include "image/digest.hpp"

#include <array>

#include <openssl/evp.h>

#include "base/assert.hpp"

namespace sluice::image {
namespace {

constexpr std::size_t kHexDigits = 64;

}  // namespace

bool is_hex(std::string_view text) {
  if (text.size() != kHexDigits) return false;
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

bool is_digest(std::string_view text) {
  return text.substr(0, kDigestPrefix.size()) == kDigestPrefix &&
         is_hex(text.substr(kDigestPrefix.size()));
}

std::string hex_of(std::string_view digest) {
  SLUICE_ASSERT(is_digest(digest), "not a digest: {}", digest);
  return std::string(digest.substr(kDigestPrefix.size()));
}

struct Sha256::Context {
  EVP_MD_CTX* evp = nullptr;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  context_->evp = EVP_MD_CTX_new();
  const bool ready =
      context_->evp != nullptr && EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) == 1;
  SLUICE_ASSERT(ready, "no SHA-256");
}

Sha256::~Sha256() {
  if (context_ != nullptr) EVP_MD_CTX_free(context_->evp);
}

Sha256::Sha256(Sha256&&) noexcept = default;

Sha256& Sha256::operator=(Sha256&& other) noexcept {
  std::swap(context_, other.context_);
  return *this;
}

void Sha256::add(std::string_view bytes) {
  const int done = EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size());
  SLUICE_ASSERT(done == 1, "SHA-256 of {} bytes", bytes.size());
}

std::string Sha256::digest() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  const int done = EVP_DigestFinal_ex(context_->evp, raw.data(), &size);
  SLUICE_ASSERT(done == 1 && size == kHexDigits / 2, "SHA-256 ended with {} bytes", size);
  std::string text(kDigestPrefix);
  for (unsigned i = 0; i < size; ++i) {
    text.push_back(kDigits[raw[i] >> 4U]);
    text.push_back(kDigits[raw[i] & 15U]);
  }
  return text;
}

std::string digest_of(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.digest();
}

}  // namespace sluice::image
