// Who may ask what of the controller: the one authorisation table (R2). A request type without an
// entry here has no handler: the dispatcher doesn't compile.
//
// "owner" is checked for each object that a request touches, here it only says that somebody who
// owns nothing has no business asking.
#pragma once

#include "auth/policy.hpp"
#include "wire/account_messages.hpp"
#include "wire/client_messages.hpp"
#include "wire/reservation_messages.hpp"

namespace sluice::auth {

template <>
struct Policy<wire::Submit> {
  static constexpr Rule rule{.least = Need::any_user, .from_nodes = FromNodes::with_job};
};
template <>
struct Policy<wire::SubmitHeterogeneous> : Policy<wire::Submit> {};
template <>
struct Policy<wire::JobAction> {
  static constexpr Rule rule{.least = Need::owner, .from_nodes = FromNodes::with_job};
};
template <>
struct Policy<wire::UpdateJob> {
  static constexpr Rule rule{.least = Need::owner, .from_nodes = FromNodes::with_job};
};
template <>
struct Policy<wire::WaitJob> {
  static constexpr Rule rule{.least = Need::owner, .from_nodes = FromNodes::with_job};
};
template <>
struct Policy<wire::NotifyJob> {
  static constexpr Rule rule{.least = Need::owner, .from_nodes = FromNodes::with_job};
};
template <>
struct Policy<wire::QueryScript> {
  static constexpr Rule rule{.least = Need::owner, .from_nodes = FromNodes::with_job};
};
// Each record of the edit is judged: account_rights.hpp.
template <>
struct Policy<wire::EditAccounts> {
  static constexpr Rule rule{.least = Need::any_user, .from_nodes = FromNodes::with_job};
};
template <>
struct Policy<wire::UpdateNode> {
  static constexpr Rule rule{.least = Need::operator_, .from_nodes = FromNodes::never};
};
template <>
struct Policy<wire::UpdatePartition> {
  static constexpr Rule rule{.least = Need::operator_, .from_nodes = FromNodes::never};
};
// Operators; the core lets users remove what is theirs to remove (USER_DELETE).
template <>
struct Policy<wire::EditReservation> {
  static constexpr Rule rule{.least = Need::any_user, .from_nodes = FromNodes::never};
};
template <>
struct Policy<wire::Reconfigure> {
  static constexpr Rule rule{.least = Need::admin, .from_nodes = FromNodes::never};
};
template <>
struct Policy<wire::MakeToken> {
  static constexpr Rule rule{.least = Need::admin, .from_nodes = FromNodes::never};
};
template <>
struct Policy<wire::QueryHosts> {
  static constexpr Rule rule{.least = Need::admin, .from_nodes = FromNodes::never};
};

// Reading what every user may see.
struct ReadingPolicy {
  static constexpr Rule rule{.least = Need::any_user, .from_nodes = FromNodes::anybody};
};
template <>
struct Policy<wire::QueryJobs> : ReadingPolicy {};
template <>
struct Policy<wire::QueryNodes> : ReadingPolicy {};
template <>
struct Policy<wire::QueryPartitions> : ReadingPolicy {};
template <>
struct Policy<wire::QueryReservations> : ReadingPolicy {};
template <>
struct Policy<wire::QueryLicenses> : ReadingPolicy {};
template <>
struct Policy<wire::QueryConfig> : ReadingPolicy {};
template <>
struct Policy<wire::QueryHistory> : ReadingPolicy {};
template <>
struct Policy<wire::QueryAccounts> : ReadingPolicy {};
template <>
struct Policy<wire::QueryPriorities> : ReadingPolicy {};
template <>
struct Policy<wire::QueryStats> : ReadingPolicy {
  static constexpr Rule reset{.least = Need::operator_, .from_nodes = FromNodes::never};
};
template <>
struct Policy<wire::Ping> : ReadingPolicy {};
template <>
struct Policy<wire::QueryTopology> : ReadingPolicy {};
template <>
struct Policy<wire::QueryPlan> : ReadingPolicy {};

}  // namespace sluice::auth
