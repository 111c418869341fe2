// See accounts.hpp.
#include "model/accounts.hpp"

namespace sluice::model {

Accounts first_accounts() {
  Accounts first;
  first.tres = first_tres();

  Qos normal;
  normal.id = 1;
  normal.name = "normal";
  normal.description = "Normal QOS default";
  first.qos.push_back(normal);

  Account root_account;
  root_account.name = "root";
  root_account.description = "default root account";
  root_account.organization = "root";
  first.accounts.push_back(root_account);

  User root_user;
  root_user.name = "root";
  root_user.admin_level = AdminLevel::administrator;
  first.users.push_back(root_user);

  Association top;
  top.id = 1;
  top.account = "root";
  top.qos = {Text("normal")};
  top.qos_own = true;
  first.associations.push_back(top);

  Association root_in_root;
  root_in_root.id = 2;
  root_in_root.parent = 1;
  root_in_root.account = "root";
  root_in_root.user = "root";
  root_in_root.is_default = true;
  first.associations.push_back(root_in_root);

  first.next_association = 3;
  return first;
}

}  // namespace sluice::model
