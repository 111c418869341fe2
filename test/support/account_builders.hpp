// Builders for tests of accounts: an edit that adds accounts, users and QOS by name.
//
//   AccountsEditor(accounts).account("physics").user("ann", "physics").edit()
#pragma once

#include <algorithm>
#include <string_view>

#include "model/accounts.hpp"

namespace sluice::test {

class AccountsEditor {
 public:
  explicit AccountsEditor(const model::Accounts& accounts) : accounts_(&accounts) {
    edit_.generation = accounts.generation;
  }

  AccountsEditor& account(std::string_view name, std::string_view parent = "root") {
    model::Account account;
    account.name = name;
    edit_.accounts.push_back({account, false});
    model::AssociationEdit own;
    own.record.account = name;
    own.parent_account = parent;
    edit_.associations.push_back(own);
    return *this;
  }
  AccountsEditor& user(std::string_view name, std::string_view account,
                       std::string_view partition = {}) {
    model::User user;
    user.name = name;
    const bool known = std::any_of(edit_.users.begin(), edit_.users.end(),
                                   [&](const auto& one) { return one.record.name == user.name; }) ||
                       std::any_of(accounts_->users.begin(), accounts_->users.end(),
                                   [&](const auto& one) { return one.name == user.name; });
    if (!known) edit_.users.push_back({user, false});
    model::AssociationEdit one;
    one.record.account = account;
    one.record.user = name;
    one.record.partition = partition;
    edit_.associations.push_back(one);
    return *this;
  }
  AccountsEditor& qos(std::string_view name) {
    model::Qos qos;
    qos.name = name;
    edit_.qos.push_back({qos, false});
    return *this;
  }
  // The latest association added, or an existing one: an account's own where `user` is empty.
  template <class Change>
  AccountsEditor& with(Change&& change) {
    change(edit_.associations.back().record);
    return *this;
  }
  template <class Change>
  AccountsEditor& change(std::string_view account, std::string_view user, Change&& change) {
    for (const model::Association& one : accounts_->associations) {
      if (one.account != Text(account) || one.user != Text(user)) continue;
      edit_.associations.push_back({one, {}, false});
      change(edit_.associations.back().record);
    }
    return *this;
  }
  AccountsEditor& move(std::string_view account, std::string_view parent) {
    change(account, "", [](auto&) {});
    edit_.associations.back().parent_account = parent;
    return *this;
  }
  AccountsEditor& remove(std::string_view account, std::string_view user) {
    change(account, user, [](auto&) {});
    edit_.associations.back().removed = true;
    return *this;
  }
  AccountsEditor& remove_account(std::string_view name) {
    model::Account account;
    account.name = name;
    edit_.accounts.push_back({account, true});
    return *this;
  }
  AccountsEditor& remove_user(std::string_view name) {
    model::User user;
    user.name = name;
    edit_.users.push_back({user, true});
    return *this;
  }
  AccountsEditor& remove_qos(std::string_view name) {
    model::Qos qos;
    qos.name = name;
    edit_.qos.push_back({qos, true});
    return *this;
  }
  AccountsEditor& coordinator(std::string_view user, std::string_view account) {
    for (const model::Account& one : accounts_->accounts) {
      if (one.name != Text(account)) continue;
      edit_.accounts.push_back({one, false});
      edit_.accounts.back().record.coordinators.emplace_back(user);
    }
    return *this;
  }
  [[nodiscard]] model::AccountsEdit& edit() { return edit_; }

 private:
  const model::Accounts* accounts_;
  model::AccountsEdit edit_;
};

}  // namespace sluice::test
