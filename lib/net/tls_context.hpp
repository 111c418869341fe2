// For net's own files: the OpenSSL side of a TlsContext. Holds only pointers to OpenSSL's types, so
// that its header stays in .cpp files.
#pragma once

#include <memory>
#include <string>

#include "net/tls.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace sluice::net {

// One handshake's verdict; the verification callback finds it by its SSL object.
struct PeerVerdict {
  CheckPeer check;
  HostIdentity identity;
  Error refusal;
  bool accepted = false;
};

class OpensslContext final : public TlsContext {
 public:
  explicit OpensslContext(ssl_ctx_st* context) : context_(context) {}
  ~OpensslContext() override;
  OpensslContext(const OpensslContext&) = delete;
  OpensslContext& operator=(const OpensslContext&) = delete;

  // A new connection's state with memory BIOs; null when memory is short. `verdict` must live as
  // long as the handshake.
  [[nodiscard]] ssl_st* make_ssl(TlsSide side, PeerVerdict* verdict) const;

 private:
  ssl_ctx_st* context_;
};

// The newest of OpenSSL's queued complaints, as text; clears the queue.
[[nodiscard]] std::string openssl_reason();

}  // namespace sluice::net
