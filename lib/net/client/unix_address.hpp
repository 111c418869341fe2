// The address of a unix socket. Paths longer than the kernel's 107 characters go by way of a
// descriptor of their folder.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace sluice::net {

struct UnixAddress {
  sockaddr_un raw{};
  socklen_t length = 0;
  base::UniqueFd folder;  // must live while the address is used

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&raw); }
};

Result<UnixAddress> unix_address(const std::string& path);

}  // namespace sluice::net
