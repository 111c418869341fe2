// `sluice token` and `sluice join`: how a host becomes part of a cluster. The token pins the
// controller's key, so the new host talks to no other; the host makes its own key and keeps it.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace sluice::cli {

struct TokenOptions {
  std::string role = "node";
  std::uint32_t valid_s = 3600;
  std::uint32_t uses = 1;
};
// The token and a newline.
[[nodiscard]] Result<std::string> request_token(const TokenOptions& options);

struct JoinOptions {
  std::string token;
  std::string name;     // empty: the host's name
  std::string address;  // empty: the host's name
  std::uint32_t port = 6818;
  std::string dir = "/var/lib/sluice/agent";
};
// Writes the agent's directory; `sluiced --dir DIR` then finds everything there.
[[nodiscard]] Status join_cluster(const JoinOptions& options);

}  // namespace sluice::cli
