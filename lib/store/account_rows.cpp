// See account_rows.hpp.
#include "store/account_rows.hpp"

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "store/store.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

namespace {

template <class Record>
Status put(Statement& statement, std::string_view key, const Record& record) {
  const std::string bytes = wire::encode(record);
  return statement.run(key, Bytes{bytes});
}

template <class Record>
Status put(Statement& statement, std::uint32_t key, const Record& record) {
  const std::string bytes = wire::encode(record);
  return statement.run(key, Bytes{bytes});
}

std::string_view key_of(const model::Account& account) { return account.name; }
std::string_view key_of(const model::User& user) { return user.name; }
std::uint32_t key_of(const model::Association& association) { return association.id; }
std::uint32_t key_of(const model::Qos& qos) { return qos.id; }

struct Pair {
  Statement* put;
  Statement* drop;
  Statement* drop_usage;  // null: has none
};

template <class Record>
Status write_all(const std::vector<model::Edit<Record>>& edits, const Pair& sql) {
  for (const model::Edit<Record>& edit : edits) {
    const auto key = key_of(edit.record);
    Status written = edit.removed ? sql.drop->run(key) : put(*sql.put, key, edit.record);
    if (written && edit.removed && sql.drop_usage != nullptr) written = sql.drop_usage->run(key);
    if (!written) return written;
  }
  return {};
}

template <class Record>
Status read_all(Connection& connection, Sql sql, std::vector<model::Edit<Record>>& records) {
  Result<Statement> rows = connection.prepare(sql);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  while (true) {
    const Result<bool> row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    Result<Record> record = wire::decode<Record>(rows->bytes(0));
    if (!record) return context("a stored record of the accounts", record.error());
    records.push_back({std::move(*record), false});
  }
}

Status read_tres(Connection& connection, model::TresTable& table) {
  Result<Statement> rows = connection.prepare("SELECT id, type, name FROM tres ORDER BY id");
  if (!rows) return tl::unexpected(std::move(rows.error()));
  while (true) {
    const Result<bool> row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    table.push_back({static_cast<model::TresId>(rows->integer(0)), rows->bytes(1), rows->bytes(2)});
  }
}

Status read_head(Connection& connection, model::AccountsDifference& stored) {
  const Result<std::int64_t> generation =
      connection.query_integer("SELECT value FROM meta WHERE name='accounts_generation'");
  const Result<std::int64_t> association =
      connection.query_integer("SELECT value FROM meta WHERE name='next_association'");
  const Result<std::int64_t> qos =
      connection.query_integer("SELECT value FROM meta WHERE name='next_qos'");
  for (const auto* value : {&generation, &association, &qos}) {
    if (!*value) return tl::unexpected(value->error());
  }
  stored.generation = static_cast<std::uint64_t>(*generation);
  stored.next_association = static_cast<std::uint32_t>(*association);
  stored.next_qos = static_cast<std::uint32_t>(*qos);
  return read_tres(connection, stored.tres);
}

Status read_usage(Connection& connection, std::vector<model::UsageRecord>& usage) {
  std::vector<model::Edit<model::UsageRecord>> records;
  Status read = read_all(connection, "SELECT record FROM usage ORDER BY association, qos", records);
  for (model::Edit<model::UsageRecord>& one : records) usage.push_back(std::move(one.record));
  return read;
}

}  // namespace

Result<AccountRows::Statements> AccountRows::prepare(Connection& connection) {
  struct Wanted {
    Statement* statement;
    Sql sql;
  };
  Statements s;
  const std::array<Wanted, 13> list{{
      {&s.put_meta, "UPDATE meta SET value=?2 WHERE name=?1"},
      {&s.put_tres, "INSERT OR IGNORE INTO tres VALUES (?1, ?2, ?3)"},
      {&s.put_account, "INSERT OR REPLACE INTO accounts VALUES (?1, ?2)"},
      {&s.drop_account, "DELETE FROM accounts WHERE name=?1"},
      {&s.put_user, "INSERT OR REPLACE INTO users VALUES (?1, ?2)"},
      {&s.drop_user, "DELETE FROM users WHERE name=?1"},
      {&s.put_association, "INSERT OR REPLACE INTO associations VALUES (?1, ?2)"},
      {&s.drop_association, "DELETE FROM associations WHERE id=?1"},
      {&s.put_qos, "INSERT OR REPLACE INTO qos VALUES (?1, ?2)"},
      {&s.drop_qos, "DELETE FROM qos WHERE id=?1"},
      {&s.put_usage, "INSERT OR REPLACE INTO usage VALUES (?1, ?2, ?3)"},
      {&s.drop_association_usage, "DELETE FROM usage WHERE association=?1"},
      {&s.drop_qos_usage, "DELETE FROM usage WHERE association=0 AND qos=?1"},
  }};
  for (const Wanted& wanted : list) {
    Result<Statement> made = connection.prepare(wanted.sql);
    if (!made) return tl::unexpected(std::move(made.error()));
    *wanted.statement = std::move(*made);
  }
  return s;
}

Status AccountRows::write_head(const model::AccountsDifference& changed) {
  const std::pair<std::string_view, std::int64_t> values[] = {
      {"accounts_generation", static_cast<std::int64_t>(changed.generation)},
      {"next_association", changed.next_association},
      {"next_qos", changed.next_qos}};
  for (const auto& [name, value] : values) {
    if (Status written = sql_.put_meta.run(name, value); !written) return written;
  }
  for (const model::TresKind& kind : changed.tres) {
    const Status written = sql_.put_tres.run(kind.id, kind.type.view(), kind.name.view());
    if (!written) return written;
  }
  return {};
}

Status AccountRows::write(const model::AccountsDifference& changed) {
  if (Status written = write_head(changed); !written) return written;
  Status written = write_all(changed.accounts, {&sql_.put_account, &sql_.drop_account, nullptr});
  if (!written) return written;
  written = write_all(changed.users, {&sql_.put_user, &sql_.drop_user, nullptr});
  if (!written) return written;
  written = write_all(changed.associations, {&sql_.put_association, &sql_.drop_association,
                                             &sql_.drop_association_usage});
  if (!written) return written;
  return write_all(changed.qos, {&sql_.put_qos, &sql_.drop_qos, &sql_.drop_qos_usage});
}

Status AccountRows::write(const model::UsageRecord& usage) {
  const std::string bytes = wire::encode(kept_of(usage));
  return sql_.put_usage.run(usage.association, usage.qos, Bytes{bytes});
}

model::UsageRecord kept_of(const model::UsageRecord& usage) {
  model::UsageRecord kept;
  kept.association = usage.association;
  kept.qos = usage.qos;
  kept.raw = usage.raw;
  kept.wall = usage.wall;
  kept.tres = usage.tres;
  kept.raw_micro = usage.raw_micro;
  kept.wall_micro = usage.wall_micro;
  kept.tres_micro = usage.tres_micro;
  return kept;
}

Status load_accounts(Connection& connection, LoadedState& state) {
  if (Status read = read_usage(connection, state.usage); !read) return read;
  model::AccountsDifference stored;
  if (Status read = read_head(connection, stored); !read) return read;
  if (stored.generation == 0) return {};
  Status read = read_all(connection, "SELECT record FROM accounts", stored.accounts);
  if (read) read = read_all(connection, "SELECT record FROM users", stored.users);
  if (read) read = read_all(connection, "SELECT record FROM associations", stored.associations);
  if (read) read = read_all(connection, "SELECT record FROM qos", stored.qos);
  if (!read) return read;
  state.accounts = std::make_shared<const model::Accounts>(model::with_difference({}, stored));
  return {};
}

}  // namespace sluice::store
