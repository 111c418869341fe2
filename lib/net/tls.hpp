// TLS 1.3 between hosts, mutual, always. Each side shows a self-signed certificate for its Ed25519
// key; names and dates in it mean nothing: the handshake succeeds exactly when the caller's check
// knows the public key. After it the TLS stream is a Stream like any other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "auth/host_key.hpp"
#include "auth/role.hpp"
#include "base/result.hpp"
#include "net/stream.hpp"

namespace sluice::net {

using auth::PublicKey;

// What the check makes of a key. No roles: a host that is only joining.
struct HostIdentity {
  std::string name;
  auth::Roles roles;
  PublicKey key{};

  bool operator==(const HostIdentity&) const = default;
};

// Says whose key it is, or why the peer is refused. Called once in each handshake, before the peer
// can send or receive anything.
using CheckPeer = std::function<Result<HostIdentity>(const PublicKey&)>;

// This host's key and certificate, ready for use in any number of connections. Immutable.
class TlsContext {
 public:
  // Both in DER, as auth::HostKey gives them.
  static Result<std::shared_ptr<const TlsContext>> create(const std::string& certificate_der,
                                                          const std::string& private_key_der);
  virtual ~TlsContext() = default;
};

enum class TlsSide { client, server };

struct TlsOptions {
  TlsSide side = TlsSide::client;
  std::int64_t handshake_timeout_ms = 10'000;
  CheckPeer check;  // required
};

struct TlsConnection {
  std::unique_ptr<Stream> stream;  // paused
  HostIdentity peer;
};
using TlsDone = std::function<void(Result<TlsConnection>)>;

// A handshake under way; destroying it cancels without a call and closes the stream.
class TlsHandshake {
 public:
  virtual ~TlsHandshake() = default;
};

std::unique_ptr<TlsHandshake> start_tls(Loop& loop, std::shared_ptr<const TlsContext> context,
                                        std::unique_ptr<Stream> stream, TlsOptions options,
                                        TlsDone done);

}  // namespace sluice::net
