// See the header.

#include "test/unit/net/net_world.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace sluice::net::test {

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> NetTest::stream_pair() {
  auto pair = base::make_socket_pair(SOCK_STREAM);
  return {std::move(*make_stream(loop(), std::move(pair->first))),
          std::move(*make_stream(loop(), std::move(pair->second)))};
}

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> NetTest::tcp_pair() {
  std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> pair;
  const auto listener = listen_tcp(
      loop(), "127.0.0.1", 0,
      [&](std::unique_ptr<Stream> stream, const std::string&) { pair.second = std::move(stream); });
  const auto connecting =
      connect_tcp(loop(), {"127.0.0.1", (*listener)->port()}, 5000,
                  [&](Result<std::unique_ptr<Stream>> stream) { pair.first = std::move(*stream); });
  EXPECT_TRUE(until([&] { return pair.first && pair.second; }));
  return pair;
}

std::string NetTest::scratch_path(const std::string& name) {
  return ::testing::TempDir() + "sluice_net_" + std::to_string(::getpid()) + "_" + name;
}

Host::Host(std::string host_name)
    : name(std::move(host_name)), key(std::move(*auth::HostKey::generate())) {
  context = *TlsContext::create(*key.certificate_der(), *key.private_key_der());
}

CheckPeer knows(const Host& host) {
  return [name = host.name,
          known = host.key.public_key()](const PublicKey& key) -> Result<HostIdentity> {
    if (key != known) return fail(ErrorCode::access_denied, "unknown host key");
    return HostIdentity{.name = name, .roles = auth::Role::node, .key = {}};
  };
}

}  // namespace sluice::net::test
