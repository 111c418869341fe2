// What every TLS connection of ours has in common: version 1.3 only, both sides show an Ed25519
// certificate, no resumption (each connection proves its key anew), and the verdict on the peer is
// ours alone: no chain, no names, no dates, only the public key.

#include "net/tls_context.hpp"

#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace sluice::net {

namespace {

constexpr unsigned char kProtocol[] = "\x08sluice/1";
constexpr unsigned kProtocolSize = sizeof kProtocol - 1;

int verdict_slot() {
  static const int slot = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return slot;
}

bool raw_key(X509* certificate, PublicKey& key) {
  EVP_PKEY* const found = certificate == nullptr ? nullptr : X509_get0_pubkey(certificate);
  if (found == nullptr || EVP_PKEY_get_base_id(found) != EVP_PKEY_ED25519) return false;
  std::size_t size = key.size();
  return EVP_PKEY_get_raw_public_key(found, key.data(), &size) == 1 && size == key.size();
}

// Replaces OpenSSL's judgement of the chain. That the peer has the private key is proved by the
// handshake's signature, which OpenSSL checks.
int verify_peer(X509_STORE_CTX* store, void*) {
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const verdict = static_cast<PeerVerdict*>(SSL_get_ex_data(ssl, verdict_slot()));
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  if (verdict == nullptr) return 0;
  PublicKey key{};
  if (!raw_key(X509_STORE_CTX_get0_cert(store), key)) {
    verdict->refusal = Error{ErrorCode::access_denied, "the peer's key is not Ed25519"};
    return 0;
  }
  auto identity = verdict->check(key);
  if (!identity) {
    verdict->refusal = std::move(identity).error();
    return 0;
  }
  verdict->identity = std::move(*identity);
  verdict->identity.key = key;
  verdict->accepted = true;
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocol, kProtocolSize, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

bool set_rules(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_max_cert_list(context, 16 * 1024);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify_peer, nullptr);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_ciphersuites(context,
                                  "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
                                  "TLS_AES_256_GCM_SHA384") == 1 &&
         SSL_CTX_set1_groups_list(context, "X25519") == 1 &&
         SSL_CTX_set1_sigalgs_list(context, "ed25519") == 1 &&
         SSL_CTX_set_alpn_protos(context, kProtocol, kProtocolSize) == 0;
}

bool set_identity(SSL_CTX* context, const std::string& certificate, const std::string& key) {
  return SSL_CTX_use_certificate_ASN1(context, static_cast<int>(certificate.size()),
                                      reinterpret_cast<const unsigned char*>(certificate.data())) ==
             1 &&
         SSL_CTX_use_PrivateKey_ASN1(EVP_PKEY_ED25519, context,
                                     reinterpret_cast<const unsigned char*>(key.data()),
                                     static_cast<long>(key.size())) == 1 &&
         SSL_CTX_check_private_key(context) == 1;
}

}  // namespace

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown TLS failure" : reason;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const std::string& certificate_der,
                                                             const std::string& private_key_der) {
  SSL_CTX* const raw = SSL_CTX_new(TLS_method());
  if (raw == nullptr) return fail(ErrorCode::internal, "TLS: " + openssl_reason());
  auto context = std::make_shared<OpensslContext>(raw);
  if (!set_rules(raw) || !set_identity(raw, certificate_der, private_key_der)) {
    return fail(ErrorCode::internal, "TLS: " + openssl_reason());
  }
  return context;
}

OpensslContext::~OpensslContext() { SSL_CTX_free(context_); }

ssl_st* OpensslContext::make_ssl(TlsSide side, PeerVerdict* verdict) const {
  SSL* const ssl = SSL_new(context_);
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  if (ssl == nullptr || in == nullptr || out == nullptr ||
      SSL_set_ex_data(ssl, verdict_slot(), verdict) != 1) {
    SSL_free(ssl);
    BIO_free(in);
    BIO_free(out);
    return nullptr;
  }
  BIO_set_mem_eof_return(in, -1);  // empty means "come back later", not the end
  BIO_set_mem_eof_return(out, -1);
  SSL_set_bio(ssl, in, out);  // owns both now
  if (side == TlsSide::client) {
    SSL_set_connect_state(ssl);
  } else {
    SSL_set_accept_state(ssl);
  }
  return ssl;
}

}  // namespace sluice::net
