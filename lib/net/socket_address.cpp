// See the header.

#include "net/socket_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sluice::net {

namespace {

template <class Address>
RawAddress raw(const Address& address) {
  return RawAddress(reinterpret_cast<const char*>(&address), sizeof address);
}

bool has_ipv6() {
  const base::UniqueFd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return probe.is_open();
}

sa_family_t family_of(const RawAddress& address) {
  sa_family_t family = AF_UNSPEC;
  if (address.size() >= sizeof(sockaddr)) {
    std::memcpy(&family, address.data() + offsetof(sockaddr, sa_family), sizeof family);
  }
  return family;
}

}  // namespace

Result<RawAddress> numeric_address(const std::string& address, std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (address.empty()) return has_ipv6() ? raw(v6) : raw(v4);
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) return raw(v4);
  if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) return raw(v6);
  return fail(ErrorCode::invalid_argument, address + ": not a numeric address");
}

std::string address_text(const RawAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family_of(address) == AF_INET && address.size() >= sizeof(sockaddr_in)) {
    sockaddr_in v4{};
    std::memcpy(&v4, address.data(), sizeof v4);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  if (family_of(address) == AF_INET6 && address.size() >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address.data(), sizeof v6);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  return "?";
}

std::uint16_t address_port(const RawAddress& address) {
  // Both families have the port at the same place.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  std::uint16_t port = 0;
  if (address.size() >= sizeof(sockaddr_in)) {
    std::memcpy(&port, address.data() + offsetof(sockaddr_in, sin_port), sizeof port);
  }
  return ntohs(port);
}

Result<base::UniqueFd> tcp_socket(const RawAddress& address) {
  base::UniqueFd fd(
      ::socket(family_of(address), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!fd.is_open()) return tl::unexpected<Error>(base::errno_error("socket", errno));
  return fd;
}

void tune_tcp(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

}  // namespace sluice::net
