// Accounts: every account, user, association, QOS and wckey of the cluster together, as one
// immutable value: what sacctmgr shows and edits, what the core limits by. A change names the
// generation that it was made from; the core takes it as a whole or not at all.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/text.hpp"
#include "model/association.hpp"
#include "model/qos.hpp"
#include "model/tres.hpp"

namespace sluice::model {

struct Accounts {
  std::uint64_t generation = 0;  // counts changes
  std::uint32_t next_association = 2;
  std::uint32_t next_qos = 2;
  TresTable tres;
  std::vector<Account> accounts;          // by name
  std::vector<User> users;                // by name
  std::vector<Association> associations;  // by id
  std::vector<Qos> qos;                   // by id

  bool operator==(const Accounts&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "generation", self.generation);
    visit(2, "next_association", self.next_association);
    visit(3, "next_qos", self.next_qos);
    visit(4, "tres", self.tres);
    visit(5, "accounts", self.accounts);
    visit(6, "users", self.users);
    visit(7, "associations", self.associations);
    visit(8, "qos", self.qos);
  }
};
using AccountsPtr = std::shared_ptr<const Accounts>;

// A cluster that nobody has configured: account and user root, QOS normal.
[[nodiscard]] Accounts first_accounts();

// One edit: the record as it shall be. A record with id 0 (associations, QOS) or an unknown name is
// added; `removed` takes it away, and with an account everything below it.
template <class Record>
struct Edit {
  Record record;
  bool removed = false;

  bool operator==(const Edit&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "record", self.record);
    visit(2, "removed", self.removed);
  }
};

// Applied in the order of the members: QOS, accounts, users, associations; removals last and in the
// opposite order. An association names its account, user and partition; `parent` is the id of the
// parent account's association, or 0 with `parent_account` set in AccountsEdit (for accounts that
// are added in the same change).
struct AssociationEdit {
  Association record;
  Text parent_account;  // of an account's association; empty: `record.parent`
  bool removed = false;

  bool operator==(const AssociationEdit&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "record", self.record);
    visit(2, "parent_account", self.parent_account);
    visit(3, "removed", self.removed);
  }
};

struct AccountsEdit {
  std::uint64_t generation = 0;  // that it was made from; another by now: refused, read again
  std::vector<Edit<Qos>> qos;
  std::vector<Edit<Account>> accounts;
  std::vector<Edit<User>> users;
  std::vector<AssociationEdit> associations;
  std::vector<Text> add_tres;              // kinds to be counted from now on
  std::vector<std::uint32_t> reset_usage;  // associations whose RawUsage becomes 0
  std::vector<std::uint32_t> reset_qos_usage;

  bool operator==(const AccountsEdit&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "generation", self.generation);
    visit(2, "qos", self.qos);
    visit(3, "accounts", self.accounts);
    visit(4, "users", self.users);
    visit(5, "associations", self.associations);
    visit(6, "add_tres", self.add_tres);
    visit(7, "reset_usage", self.reset_usage);
    visit(8, "reset_qos_usage", self.reset_qos_usage);
  }
};

}  // namespace sluice::model
