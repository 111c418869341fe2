// See the header. The file is PKCS#8 in PEM, so that the usual tools can read it. In memory we keep
// the 32 bytes of seed and build OpenSSL's objects when they are needed.

#include "auth/host_key.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <span>
#include <utility>

#include <fmt/core.h>
#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "auth/base64.hpp"
#include "base/entropy.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"

namespace sluice::auth {

namespace {

constexpr std::string_view kKeyPrefix = "ed25519:";
constexpr std::size_t kMaxFile = 4096;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using PkeyPointer = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using CertificatePointer = std::unique_ptr<X509, Freer<X509_free>>;
using BioPointer = std::unique_ptr<BIO, Freer<BIO_free_all>>;

tl::unexpected<Error> crypto_failure(const char* doing) {
  return fail(ErrorCode::internal, std::string(doing) + " failed in OpenSSL");
}

std::string_view view(const std::array<std::uint8_t, 32>& bytes) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

PkeyPointer private_pkey(const std::array<std::uint8_t, 32>& seed) {
  return PkeyPointer(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
}

std::string bio_text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

// Names and dates mean nothing to those who read it: they know the key or they don't.
bool fill_certificate(X509* certificate, EVP_PKEY* key) {
  std::uint64_t serial = 0;
  base::random_bytes(std::as_writable_bytes(std::span(&serial, 1)));
  X509_NAME* const name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>("sluice host");
  return X509_set_version(certificate, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1 &&
         ASN1_TIME_set_string(X509_getm_notBefore(certificate), "20000101000000Z") == 1 &&
         ASN1_TIME_set_string(X509_getm_notAfter(certificate), "99991231235959Z") == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
         X509_sign(certificate, key, nullptr) > 0;
}

// Others must not be able to read the key, nor to have put their own there.
Status check_file(int fd, const std::string& path) {
  struct stat found {};
  if (::fstat(fd, &found) != 0) return tl::unexpected<Error>(base::errno_error(path, errno));
  if (!S_ISREG(found.st_mode)) return fail(ErrorCode::invalid_argument, path + ": not a file");
  if (found.st_uid != 0 && found.st_uid != ::geteuid()) {
    return fail(ErrorCode::access_denied, path + ": belongs to another user");
  }
  if ((found.st_mode & 077) != 0) {
    return fail(ErrorCode::access_denied, path + ": others may read or write it (want mode 0600)");
  }
  return {};
}

}  // namespace

std::string public_key_text(const PublicKey& key) {
  return std::string(kKeyPrefix) + encode_base64(view(key), Base64::standard);
}

Result<PublicKey> parse_public_key(std::string_view text) {
  if (!text.starts_with(kKeyPrefix)) {
    return fail(ErrorCode::invalid_argument, "a public key begins with ed25519:");
  }
  const auto bytes = decode_base64(text.substr(kKeyPrefix.size()), Base64::standard);
  PublicKey key{};
  if (!bytes || bytes->size() != key.size()) {
    return fail(ErrorCode::invalid_argument, "a public key has 32 bytes in base64");
  }
  std::copy(bytes->begin(), bytes->end(), key.begin());
  return key;
}

Fingerprint fingerprint(const PublicKey& key) {
  Fingerprint hash{};
  SHA256(key.data(), key.size(), hash.data());
  return hash;
}

std::string fingerprint_text(const Fingerprint& value) {
  std::string text = "sha256:";
  for (const std::uint8_t byte : value) text += fmt::format("{:02x}", byte);
  return text;
}

HostKey::~HostKey() { OPENSSL_cleanse(seed_.data(), seed_.size()); }

Result<HostKey> HostKey::from_seed(const std::array<std::uint8_t, 32>& seed) {
  HostKey key;
  key.seed_ = seed;
  const PkeyPointer pkey = private_pkey(seed);
  std::size_t size = key.public_.size();
  if (!pkey || EVP_PKEY_get_raw_public_key(pkey.get(), key.public_.data(), &size) != 1) {
    return crypto_failure("making a key");
  }
  return key;
}

Result<HostKey> HostKey::generate() {
  std::array<std::uint8_t, 32> seed{};
  base::random_bytes(std::as_writable_bytes(std::span(seed)));
  auto key = from_seed(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  return key;
}

Result<HostKey> HostKey::load(const std::string& path) {
  auto fd = base::open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return tl::unexpected<Error>(std::move(fd).error());
  if (Status good = check_file(fd->get(), path); !good) {
    return tl::unexpected<Error>(std::move(good).error());
  }
  auto text = base::read_to_end(fd->get(), kMaxFile);
  if (!text) return context(path, std::move(text).error());
  const BioPointer bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };  // instead of asking
  const PkeyPointer pkey(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  OPENSSL_cleanse(text->data(), text->size());
  std::array<std::uint8_t, 32> seed{};
  std::size_t size = seed.size();
  if (!pkey || EVP_PKEY_get_base_id(pkey.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_private_key(pkey.get(), seed.data(), &size) != 1) {
    return fail(ErrorCode::invalid_argument, path + ": not an Ed25519 private key");
  }
  auto key = from_seed(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  return key;
}

Result<HostKey> HostKey::load_or_create(const std::string& path) {
  auto key = load(path);
  if (key || key.error().code != ErrorCode::not_found) return key;
  key = generate();
  if (!key) return key;
  if (Status saved = key->save(path); !saved) return tl::unexpected<Error>(saved.error());
  return key;
}

Status HostKey::save(const std::string& path) const {
  const PkeyPointer pkey = private_pkey(seed_);
  const BioPointer bio(BIO_new(BIO_s_secmem()));
  if (!pkey || !bio ||
      PEM_write_bio_PrivateKey(bio.get(), pkey.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return crypto_failure("writing a key");
  }
  std::string text = bio_text(bio.get());
  const base::WriteOptions options{.mode = 0600, .durability = base::Durability::synced};
  Status saved = base::write_file_atomic(path, text, options);
  OPENSSL_cleanse(text.data(), text.size());
  return saved;
}

Result<std::string> HostKey::certificate_der() const {
  const PkeyPointer pkey = private_pkey(seed_);
  const CertificatePointer certificate(X509_new());
  const BioPointer bio(BIO_new(BIO_s_mem()));
  if (!pkey || !certificate || !bio || !fill_certificate(certificate.get(), pkey.get()) ||
      i2d_X509_bio(bio.get(), certificate.get()) != 1) {
    return crypto_failure("making a certificate");
  }
  return bio_text(bio.get());
}

Result<std::string> HostKey::private_key_der() const {
  const PkeyPointer pkey = private_pkey(seed_);
  const BioPointer bio(BIO_new(BIO_s_secmem()));
  if (!pkey || !bio || i2d_PrivateKey_bio(bio.get(), pkey.get()) != 1) {
    return crypto_failure("writing a key");
  }
  return bio_text(bio.get());
}

}  // namespace sluice::auth
