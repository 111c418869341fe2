// See the header. Lists are small against how rarely they are searched: links are looked up once
// for each handshake.

#include "auth/host_list.hpp"

#include <algorithm>
#include <utility>

namespace sluice::auth {

namespace {

constexpr std::size_t kMaxName = 255;

tl::unexpected<Error> bad(const HostEntry& entry, const char* what) {
  return fail(ErrorCode::invalid_argument, "host " + entry.name + ": " + what);
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

bool is_host_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

Status check(const HostEntry& entry) {
  if (!is_host_name(entry.name)) return bad(entry, "bad name");
  if (entry.port > 65535) return bad(entry, "bad port");
  if (entry.role_bits == 0 || (entry.role_bits & ~std::uint32_t{kAnyRole.bits}) != 0) {
    return bad(entry, "bad role");
  }
  if (!parse_public_key(entry.public_key)) return bad(entry, "bad public key");
  return {};
}

}  // namespace

const HostEntry* HostList::by_name(std::string_view name) const {
  const auto found = std::find_if(hosts.begin(), hosts.end(),
                                  [&](const HostEntry& entry) { return entry.name == name; });
  return found == hosts.end() ? nullptr : &*found;
}

const HostEntry* HostList::by_key(const PublicKey& key) const {
  // Key texts are canonical, so they compare as the keys do.
  const std::string text = public_key_text(key);
  const auto found = std::find_if(hosts.begin(), hosts.end(),
                                  [&](const HostEntry& entry) { return entry.public_key == text; });
  return found == hosts.end() ? nullptr : &*found;
}

Status HostList::put(HostEntry entry) {
  if (Status good = check(entry); !good) return good;
  for (const HostEntry& other : hosts) {
    if (other.name != entry.name && other.public_key == entry.public_key) {
      return fail(ErrorCode::already_exists, "host " + other.name + " has that key already");
    }
  }
  const auto same = std::find_if(hosts.begin(), hosts.end(),
                                 [&](const HostEntry& other) { return other.name == entry.name; });
  if (same == hosts.end()) {
    hosts.push_back(std::move(entry));
  } else {
    *same = std::move(entry);
  }
  ++version;
  return {};
}

bool HostList::remove(std::string_view name) {
  if (std::erase_if(hosts, [&](const HostEntry& entry) { return entry.name == name; }) == 0) {
    return false;
  }
  ++version;
  return true;
}

}  // namespace sluice::auth
