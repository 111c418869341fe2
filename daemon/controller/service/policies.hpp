// Who may ask what of the controller: the one authorisation table (R2). A request type without an
// entry here has no handler: the dispatcher doesn't compile.
//
// "owner" is checked for each object that a request touches, here it only says that somebody who
// owns nothing has no business asking.
#pragma once

#include "auth/policy.hpp"
#include "model/secrets.hpp"
#include "wire/account_messages.hpp"
#include "wire/books_messages.hpp"
#include "wire/client_messages.hpp"
#include "wire/event_messages.hpp"
#include "wire/ledger_messages.hpp"
#include "wire/quote_messages.hpp"
#include "wire/reservation_messages.hpp"
#include "wire/use_messages.hpp"

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
// The same, where private_data may hide a part of it, or all.
template <std::uint32_t kSecrets, std::uint32_t kWhole = 0>
struct PrivatePolicy {
  static constexpr Rule rule{.least = Need::any_user,
                             .from_nodes = FromNodes::anybody,
                             .secrets = kSecrets,
                             .whole_secrets = kWhole};
};
template <>
struct Policy<wire::QueryJobs> : PrivatePolicy<model::kSecretJobs> {};
template <>
struct Policy<wire::QueryNodes> : PrivatePolicy<0, model::kSecretNodes> {};
template <>
struct Policy<wire::QueryPartitions> : PrivatePolicy<0, model::kSecretPartitions> {};
template <>
struct Policy<wire::QueryReservations> : PrivatePolicy<model::kSecretReservations> {};
template <>
struct Policy<wire::QueryLicenses> : ReadingPolicy {};
template <>
struct Policy<wire::QueryConfig> : ReadingPolicy {};
template <>
struct Policy<wire::QueryHistory> : PrivatePolicy<model::kSecretJobs> {};
template <>
struct Policy<wire::QueryUse>
    : PrivatePolicy<model::kSecretUsage | model::kSecretAccounts | model::kSecretUsers> {};
template <>
struct Policy<wire::EditHistory> {
  static constexpr Rule rule{.least = Need::admin, .from_nodes = FromNodes::never};
};
template <>
struct Policy<wire::QueryAccounts>
    : PrivatePolicy<model::kSecretUsage | model::kSecretAccounts | model::kSecretUsers> {};
template <>
struct Policy<wire::QueryPriorities> : PrivatePolicy<model::kSecretJobs> {};
template <>
struct Policy<wire::QueryStats> : ReadingPolicy {
  static constexpr Rule reset{.least = Need::operator_, .from_nodes = FromNodes::never};
};
// Money moves by administrators' word alone, from hosts that are trusted.
template <>
struct Policy<wire::LoadPrices> {
  static constexpr Rule rule{.least = Need::admin, .from_nodes = FromNodes::never};
};
template <>
struct Policy<wire::PostMoney> : Policy<wire::LoadPrices> {};
template <>
struct Policy<wire::VerifyBooks> {
  static constexpr Rule rule{.least = Need::operator_, .from_nodes = FromNodes::never};
};
// What of it somebody may see: service/ledger_sight.hpp.
template <>
struct Policy<wire::QueryBooks> {
  static constexpr Rule rule{.least = Need::any_user, .from_nodes = FromNodes::with_job};
};
template <>
struct Policy<wire::QueryEntries> : Policy<wire::QueryBooks> {};
// The same: service/event_sight.hpp.
template <>
struct Policy<wire::QueryEvents> : Policy<wire::QueryBooks> {};
template <>
struct Policy<wire::QuoteSubmit> : Policy<wire::Submit> {};
template <>
struct Policy<wire::Ping> : ReadingPolicy {};
template <>
struct Policy<wire::QueryTopology> : ReadingPolicy {};
// What a job waits for tells of its request, its limits and those of its account.
template <>
struct Policy<wire::QueryPlan> {
  static constexpr Rule rule{.least = Need::owner_or_coordinator,
                             .from_nodes = FromNodes::with_job,
                             .secrets = model::kSecretJobs};
};

}  // namespace sluice::auth
