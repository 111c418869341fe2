// AccountTree: what follows from the accounts, users, associations and QOS together: who is whose
// child, which association a job runs under, which limits and QOS hold where none are set. Built
// once from an immutable value and then only read; every edit of the accounts makes a new one, in
// time proportional to their number.
//
// An association's place is its position in Accounts::associations (ascending by id); whoever keeps
// numbers for each association keeps them in a list by place. Names of accounts and QOS are in
// lower case; questions may be asked in any.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "model/accounts.hpp"

namespace sluice::core {

class AccountTree {
 public:
  using Place = std::uint32_t;
  static constexpr Place kNoPlace = std::numeric_limits<Place>::max();

  // The value must have passed check_accounts() (accounts_check.hpp).
  explicit AccountTree(model::AccountsPtr accounts) : AccountTree(std::move(accounts), nullptr) {}
  // The same, in less time if the accounts follow from `before`'s by edits that removed nothing.
  AccountTree(model::AccountsPtr accounts, const AccountTree* before);

  [[nodiscard]] const model::Accounts& accounts() const { return *accounts_; }
  [[nodiscard]] const model::AccountsPtr& pointer() const { return accounts_; }

  // Places
  [[nodiscard]] std::size_t size() const { return parents_.size(); }
  // Whether all associations of an earlier tree are there, at the same places.
  [[nodiscard]] bool extends(const AccountTree& before) const;
  [[nodiscard]] const model::Association& at(Place place) const {
    return accounts_->associations[place];
  }
  [[nodiscard]] Place place_of(std::uint32_t association) const;             // kNoPlace: unknown
  [[nodiscard]] Place parent(Place place) const { return parents_[place]; }  // kNoPlace: root's
  [[nodiscard]] std::span<const Place> children(Place place) const;          // by id
  // Itself, its account's and so on up to root's.
  [[nodiscard]] std::vector<Place> chain(Place place) const;

  // Who
  // The association that a job of the user runs under: the one of the partition, else the one for
  // any partition; kNoPlace: there is none.
  [[nodiscard]] Place find(std::string_view account, std::string_view user,
                           std::string_view partition) const;
  [[nodiscard]] Place find_account(std::string_view account) const;
  // Whether the user has some association in the account.
  [[nodiscard]] bool is_member(std::string_view account, std::string_view user) const;
  [[nodiscard]] Text default_account(std::string_view user) const;  // empty: none
  // All associations of the user, by account and partition.
  [[nodiscard]] std::vector<Place> of_user(std::string_view user) const;
  [[nodiscard]] const model::User* user(std::string_view name) const;        // null: unknown
  [[nodiscard]] const model::Account* account(std::string_view name) const;  // null: unknown
  // Coordinators of the account and of all above it.
  [[nodiscard]] bool is_coordinator(std::string_view user, std::string_view account) const;
  // Whether `below` is `above` or stands under it.
  [[nodiscard]] bool is_within(Place below, Place above) const;

  // QOS
  [[nodiscard]] const model::Qos* qos(std::string_view name) const;  // null: unknown
  [[nodiscard]] const model::Qos* qos(std::uint32_t id) const;

  // What is in force at an association: its own, or the nearest set one above.
  // Only the Max* members (and MinPrioThreshold) are filled in; TRES one by one.
  [[nodiscard]] model::AssociationLimits limits(Place place) const;
  [[nodiscard]] const std::vector<Text>& qos_list(Place place) const;
  [[nodiscard]] bool allows_qos(Place place, std::string_view qos) const;
  // DefaultQOS in force, or the only one allowed, or "normal".
  [[nodiscard]] Text default_qos(Place place) const;
  [[nodiscard]] std::uint32_t priority(Place place) const;  // 0: nowhere set

 private:
  struct Name {
    std::string_view account;
    std::string_view user;
    std::string_view partition;
    auto operator<=>(const Name&) const = default;
  };
  [[nodiscard]] Name name(Place place) const;
  [[nodiscard]] static bool is_before(const Name& a, const Name& b);
  void find_parents(const AccountTree* before);
  void order_names(const AccountTree* before);
  [[nodiscard]] Place find_exactly(const Name& wanted) const;

  model::AccountsPtr accounts_;
  std::vector<Place> parents_;              // by place
  std::vector<Place> by_name_;              // sorted by user, account, partition
  std::vector<Place> child_list_;           // children of one after those of another
  std::vector<Place> child_begin_;          // by place, and one more
  std::vector<std::uint32_t> qos_by_name_;  // positions in Accounts::qos
};
using AccountTreePtr = std::shared_ptr<const AccountTree>;

}  // namespace sluice::core
