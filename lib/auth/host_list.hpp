// The hosts of a cluster as the controller tells them: who has which key and role. A plain value;
// names and keys are unique in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/host_key.hpp"
#include "auth/role.hpp"
#include "base/result.hpp"

namespace sluice::auth {

struct HostEntry {
  std::string name;
  std::string address;
  std::uint32_t port = 0;
  std::string public_key;  // as public_key_text() gives it
  std::uint32_t role_bits = 0;

  [[nodiscard]] Roles roles() const { return Roles(static_cast<std::uint8_t>(role_bits)); }
  bool operator==(const HostEntry&) const = default;

  template <class Self, class V>
  static void fields(Self& s, V& v) {
    v(1, "name", s.name);
    v(2, "address", s.address);
    v(3, "port", s.port);
    v(4, "public_key", s.public_key);
    v(5, "role_bits", s.role_bits);
  }
};

struct HostList {
  std::uint64_t version = 0;  // raised by each change
  std::vector<HostEntry> hosts;

  // Null when there is none. Pointers hold until the list is changed.
  [[nodiscard]] const HostEntry* by_name(std::string_view name) const;
  [[nodiscard]] const HostEntry* by_key(const PublicKey& key) const;

  // Adds a host, or replaces the one of that name. Refuses bad keys, unknown role bits, bad names
  // and ports, and a key that another host has.
  Status put(HostEntry entry);
  bool remove(std::string_view name);

  bool operator==(const HostList&) const = default;

  template <class Self, class V>
  static void fields(Self& s, V& v) {
    v(1, "version", s.version);
    v(2, "hosts", s.hosts);
  }
};

}  // namespace sluice::auth
