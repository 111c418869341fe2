// Numeric socket addresses for net's own files: parsing, printing, and the options that every
// network connection of ours has.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "net/loop.hpp"

namespace sluice::net {

// An IPv4 or IPv6 address; empty for every interface (IPv6 with IPv4, where there is IPv6).
Result<RawAddress> numeric_address(const std::string& address, std::uint16_t port);
// "192.0.2.1:6817", "[2001:db8::1]:6817".
[[nodiscard]] std::string address_text(const RawAddress& address);
[[nodiscard]] std::uint16_t address_port(const RawAddress& address);
// A non-blocking stream socket of the address's family.
Result<base::UniqueFd> tcp_socket(const RawAddress& address);
// Small frames leave at once; a silent dead peer is found.
void tune_tcp(int fd);

}  // namespace sluice::net
