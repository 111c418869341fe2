// The rows of accounts, users, associations, QOS, TRES and usage. Written record by record as they
// change; read as a whole at the start.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "model/accounts_difference.hpp"
#include "model/usage_record.hpp"
#include "store/database.hpp"

namespace sluice::store {

struct LoadedState;

// Statements of a writer's connection.
class AccountRows {
 public:
  struct Statements {
    Statement put_meta, put_tres;
    Statement put_account, drop_account;
    Statement put_user, drop_user;
    Statement put_association, drop_association;
    Statement put_qos, drop_qos;
    Statement put_usage, drop_association_usage, drop_qos_usage;
  };

  [[nodiscard]] static Result<Statements> prepare(Connection& connection);
  explicit AccountRows(Statements statements) : sql_(std::move(statements)) {}

  [[nodiscard]] Status write(const model::AccountsDifference& changed);
  [[nodiscard]] Status write(const model::UsageRecord& usage);

 private:
  [[nodiscard]] Status write_head(const model::AccountsDifference& changed);

  Statements sql_;
};

// What outlives a restart of a usage record: what was used, not what is in use.
[[nodiscard]] model::UsageRecord kept_of(const model::UsageRecord& usage);

[[nodiscard]] Status load_accounts(Connection& connection, LoadedState& state);

}  // namespace sluice::store
