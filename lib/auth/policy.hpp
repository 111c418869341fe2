// The authorisation table: every request type has a Policy, a handler without one doesn't compile,
// and one pure function decides. Header only.
//
//   template <> struct auth::Policy<wire::CancelJob> {
//     static constexpr auth::Rule rule{.least = auth::Need::owner};
//   };
//   Status allowed = auth::decide(auth::Policy<wire::CancelJob>::rule, peer, facts);
//
// A stamp is worth what its host is worth. Controller and login hosts are trusted to say which of
// their users speaks. A compute node is not: it speaks only for users who have a job on it, none of
// them counts as more than a plain user there, and its uid 0 counts as nobody at all.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "auth/role.hpp"
#include "base/result.hpp"

namespace sluice::auth {

// A user's rank in the cluster; `none` is somebody whose word counts for nothing.
enum class Level : std::uint8_t { none, user, operator_, admin, root };

// Who speaks. Made only from what the kernel (unix socket) or a link (host key, stamp) says.
struct Peer {
  static constexpr uid_t kNoUid = static_cast<uid_t>(-1);

  uid_t uid = kNoUid;  // kNoUid: the host itself speaks, in a message of its link
  gid_t gid = static_cast<gid_t>(-1);
  pid_t pid = 0;
  std::string host;  // name in the host list
  Roles roles;       // of that host

  [[nodiscard]] bool is_host() const { return uid == kNoUid; }
  // Whether the host's stamps are believed for everybody.
  [[nodiscard]] bool trusted_host() const { return roles.overlaps(Role::controller | Role::login); }
};

enum class Need : std::uint8_t {
  any_user,
  owner,                 // or operator
  owner_or_coordinator,  // of the account that the object belongs to; or operator
  owner_or_admin,
  operator_,
  admin,
  root,
  host,  // no user: a host's own message
};

// Whether a compute node may bring this request on a user's behalf.
enum class FromNodes : std::uint8_t {
  never,
  with_job,  // for users who have a job there
  anybody,   // harmless reading
};

struct Rule {
  Need least = Need::root;
  Roles roles = kAnyRole;  // of the host that it comes from
  FromNodes from_nodes = FromNodes::with_job;
  // What of private_data (model/secrets.hpp) an answer may hold: it leaves out what the asker may
  // not see. Of kinds that `whole_secrets` names, nothing is answered at all.
  std::uint32_t secrets = 0;
  std::uint32_t whole_secrets = 0;
};

template <class Request>
struct Policy;  // undefined: say it for each request

template <class Request>
concept HasPolicy = requires {
  {Policy<Request>::rule.least};
};

// What the judge must be told beside the peer.
struct Facts {
  std::optional<uid_t> owner;         // of the object, where it has one
  Level level = Level::user;          // the uid's rank by the accounting tables
  bool user_has_job_on_host = false;  // asked only for peers from compute nodes
  bool coordinates = false;           // the account of the object
};

// The peer's rank after its host has been weighed.
[[nodiscard]] inline Level effective_level(const Peer& peer, Level by_accounting,
                                           bool user_has_job_on_host) {
  if (peer.is_host()) return Level::none;
  if (peer.trusted_host()) return peer.uid == 0 ? Level::root : by_accounting;
  if (peer.uid == 0 || !user_has_job_on_host || by_accounting == Level::none) return Level::none;
  return Level::user;
}

// Nobody grants, changes or takes a rank at or above their own; root deals with all below root.
[[nodiscard]] constexpr bool may_grant(Level granter, Level rank) {
  return granter >= Level::admin && rank < granter;
}

namespace detail {

[[nodiscard]] constexpr bool level_suffices(Need least, Level level, bool is_owner,
                                            bool coordinates) {
  switch (least) {
    case Need::any_user: return level >= Level::user;
    case Need::owner: return is_owner || level >= Level::operator_;
    case Need::owner_or_coordinator: return is_owner || coordinates || level >= Level::operator_;
    case Need::owner_or_admin: return is_owner || level >= Level::admin;
    case Need::operator_: return level >= Level::operator_;
    case Need::admin: return level >= Level::admin;
    case Need::root: return level >= Level::root;
    case Need::host: return false;
  }
  return false;
}

}  // namespace detail

// Success, access_denied, or not_on_this_host. Pure.
[[nodiscard]] inline Status decide(const Rule& rule, const Peer& peer, const Facts& facts) {
  if (!rule.roles.overlaps(peer.roles)) return fail(ErrorCode::access_denied);
  if (peer.is_host() || rule.least == Need::host) {
    if (peer.is_host() && rule.least == Need::host) return {};
    return fail(ErrorCode::access_denied);
  }
  const bool trusted = peer.trusted_host();
  if (!trusted && rule.from_nodes == FromNodes::never) return fail(ErrorCode::access_denied);
  if (!trusted && rule.from_nodes == FromNodes::anybody && rule.least == Need::any_user) return {};
  if (!trusted && peer.uid != 0 && !facts.user_has_job_on_host) {
    return fail(ErrorCode::not_on_this_host);
  }
  const Level level = effective_level(peer, facts.level, facts.user_has_job_on_host);
  const bool is_owner = level >= Level::user && facts.owner == peer.uid;
  const bool coordinates = level >= Level::user && trusted && facts.coordinates;
  if (!detail::level_suffices(rule.least, level, is_owner, coordinates))
    return fail(ErrorCode::access_denied);
  return {};
}

}  // namespace sluice::auth
