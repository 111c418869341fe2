// See account_rights.hpp.
#include "daemon/controller/service/account_rights.hpp"

#include <algorithm>
#include <set>
#include <vector>

namespace sluice::controller {

namespace {

using core::AccountTree;
using model::Account;
using model::AdminLevel;
using model::Association;
using model::AssociationEdit;
using model::Edit;
using model::User;

auth::Level rank_of(AdminLevel level) {
  if (level == AdminLevel::administrator) return auth::Level::admin;
  return level == AdminLevel::operator_ ? auth::Level::operator_ : auth::Level::user;
}

class Rights {
 public:
  Rights(const AccountEditor& who, const AccountTree& tree, const model::AccountsEdit& edit)
      : who_(who), tree_(tree), edit_(edit) {}

  [[nodiscard]] bool all() const {
    if (!ranks()) return false;
    if (who_.level >= auth::Level::admin) return true;
    if (!edit_.qos.empty() || !edit_.add_tres.empty()) return false;
    if (who_.level >= auth::Level::operator_) return true;
    if (!edit_.reset_usage.empty() || !edit_.reset_qos_usage.empty()) return false;
    const auto allowed = [this](const auto& one) { return may(one); };
    return std::ranges::all_of(edit_.accounts, allowed) &&
           std::ranges::all_of(edit_.users, allowed) &&
           std::ranges::all_of(edit_.associations, allowed);
  }

 private:
  [[nodiscard]] bool ranks() const;
  [[nodiscard]] bool may(const Edit<Account>& edit) const;
  [[nodiscard]] bool may(const Edit<User>& edit) const;
  [[nodiscard]] bool may(const AssociationEdit& edit) const;
  [[nodiscard]] bool may_set_own_default(const AssociationEdit& edit) const;
  [[nodiscard]] bool may_change_account(const AssociationEdit& edit) const;
  [[nodiscard]] bool coordinates(std::string_view account) const {
    return who_.may_coordinate && tree_.is_coordinator(who_.user, account);
  }
  [[nodiscard]] std::string_view parent_of(const AssociationEdit& edit) const;
  [[nodiscard]] bool keeps_qos(const Association& wanted, std::string_view account) const;

  const AccountEditor& who_;
  const AccountTree& tree_;
  const model::AccountsEdit& edit_;
};

// Whoever has a rank is only removed, or given another, by somebody above both.
bool Rights::ranks() const {
  for (const Edit<User>& edit : edit_.users) {
    const User* known = tree_.user(edit.record.name);
    const auth::Level before = rank_of(known != nullptr ? known->admin_level : AdminLevel::none);
    const auth::Level after = rank_of(edit.removed ? AdminLevel::none : edit.record.admin_level);
    if (before == after) continue;
    if (!auth::may_grant(who_.level, before) || !auth::may_grant(who_.level, after)) return false;
  }
  return true;
}

// Of an existing account only the coordinators; a new one must come with its association, whose
// place is judged.
bool Rights::may(const Edit<Account>& edit) const {
  if (edit.removed) return false;
  const Account* known = tree_.account(edit.record.name);
  if (known == nullptr) {
    return std::ranges::any_of(edit_.associations, [&](const AssociationEdit& one) {
      return !one.removed && one.record.user.empty() && one.record.account == edit.record.name;
    });
  }
  Account same = edit.record;
  same.coordinators = known->coordinators;
  return same == *known && coordinates(known->name);
}

// A new user must come with an association; one is removed where all its associations are ours.
bool Rights::may(const Edit<User>& edit) const {
  const User* known = tree_.user(edit.record.name);
  if (edit.removed) {
    if (known == nullptr) return false;
    const std::vector<AccountTree::Place> places = tree_.of_user(known->name);
    return !places.empty() && std::ranges::all_of(places, [this](AccountTree::Place place) {
      return coordinates(tree_.at(place).account);
    });
  }
  if (known == nullptr) {
    User plain;
    plain.name = edit.record.name;
    return edit.record == plain &&
           std::ranges::any_of(edit_.associations, [&](const AssociationEdit& one) {
             return !one.removed && one.record.user == edit.record.name;
           });
  }
  User same = edit.record;
  if (known->name.view() == who_.user) same.default_wckey = known->default_wckey;
  return same == *known;
}

std::string_view Rights::parent_of(const AssociationEdit& edit) const {
  if (!edit.parent_account.empty()) return edit.parent_account;
  const AccountTree::Place place = tree_.place_of(edit.record.parent);
  return place == AccountTree::kNoPlace ? std::string_view() : tree_.at(place).account.view();
}

// QOS that are new to the record must be allowed in the account.
bool Rights::keeps_qos(const Association& wanted, std::string_view account) const {
  const AccountTree::Place known = tree_.place_of(wanted.id);
  const AccountTree::Place home = tree_.find_account(account);
  const auto allowed = [&](const Text& qos) {
    if (known != AccountTree::kNoPlace && tree_.allows_qos(known, qos)) return true;
    return home != AccountTree::kNoPlace && tree_.allows_qos(home, qos);
  };
  return std::ranges::all_of(wanted.qos, allowed);
}

bool Rights::may_change_account(const AssociationEdit& edit) const {
  if (edit.removed) return false;
  const std::string_view parent = parent_of(edit);
  if (!coordinates(parent) || !keeps_qos(edit.record, parent)) return false;
  if (edit.record.id == 0) return true;
  const AccountTree::Place known = tree_.place_of(edit.record.id);
  if (known == AccountTree::kNoPlace) return false;
  const AccountTree::Place above = tree_.parent(known);
  return above != AccountTree::kNoPlace && coordinates(tree_.at(above).account);
}

bool Rights::may_set_own_default(const AssociationEdit& edit) const {
  const AccountTree::Place place = tree_.place_of(edit.record.id);
  if (edit.removed || place == AccountTree::kNoPlace) return false;
  const Association& known = tree_.at(place);
  Association same = edit.record;
  same.is_default = known.is_default;
  same.modified = known.modified;
  return same == known && !who_.user.empty() && known.user.view() == who_.user;
}

bool Rights::may(const AssociationEdit& edit) const {
  if (may_set_own_default(edit)) return true;
  if (edit.record.user.empty()) return may_change_account(edit);
  const std::string_view account = edit.record.account;
  // An account that the same edit adds: its place is judged by its own association.
  const bool is_new =
      tree_.find_account(account) == AccountTree::kNoPlace &&
      std::ranges::any_of(edit_.associations, [&](const AssociationEdit& one) {
        return !one.removed && one.record.user.empty() && one.record.account.view() == account;
      });
  if (is_new) return who_.may_coordinate && edit.record.qos.empty();
  const AccountTree::Place place = tree_.place_of(edit.record.id);
  const bool meant = edit.record.id == 0 ||
                     (place != AccountTree::kNoPlace && tree_.at(place).account.view() == account);
  return meant && coordinates(account) && keeps_qos(edit.record, account);
}

}  // namespace

Status may_edit(const AccountEditor& who, const AccountTree& tree,
                const model::AccountsEdit& edit) {
  if (Rights(who, tree, edit).all()) return {};
  return fail(ErrorCode::access_denied);
}

}  // namespace sluice::controller
