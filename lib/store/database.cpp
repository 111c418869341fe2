// See database.hpp.
#include "store/database.hpp"

#include <cerrno>
#include <limits>
#include <memory>
#include <utility>

#include <sqlite3.h>

namespace sluice::store {

namespace {

constexpr int kBusyTimeoutMs = 10'000;  // somebody with the sqlite3 shell; nobody else writes

tl::unexpected<Error> failed(sqlite3* raw) {
  std::string text = sqlite3_errmsg(raw);
  const int code = sqlite3_extended_errcode(raw);
  text += " (SQLite error " + std::to_string(code) + ")";
  return fail(ErrorCode::storage, std::move(text));
}

int size_of(std::string_view bytes) {
  return bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())
             ? std::numeric_limits<int>::max()
             : static_cast<int>(bytes.size());
}

// A null pointer would be bound as NULL.
const char* data_of(std::string_view bytes) { return bytes.data() == nullptr ? "" : bytes.data(); }

int note_log_pages(void* pages, sqlite3*, const char*, int count) {
  *static_cast<std::uint32_t*>(pages) = static_cast<std::uint32_t>(count);
  return SQLITE_OK;
}

}  // namespace

Statement::Statement(Statement&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(raw_, other.raw_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(raw_); }

void Statement::bind(int at, std::int64_t value) { sqlite3_bind_int64(raw_, at, value); }

void Statement::bind(int at, std::string_view text) {
  sqlite3_bind_text(raw_, at, data_of(text), size_of(text), SQLITE_STATIC);
}

void Statement::bind(int at, Bytes bytes) {
  sqlite3_bind_blob(raw_, at, data_of(bytes.view), size_of(bytes.view), SQLITE_STATIC);
}

void Statement::bind(int at, const std::optional<std::int64_t>& value) {
  if (value) {
    sqlite3_bind_int64(raw_, at, *value);
  } else {
    sqlite3_bind_null(raw_, at);
  }
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(raw_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(raw_);
    return false;
  }
  auto error = failed(sqlite3_db_handle(raw_));
  sqlite3_reset(raw_);
  return error;
}

Status Statement::finish() {
  Result<bool> stepped = step();
  if (!stepped) return tl::unexpected(std::move(stepped.error()));
  if (*stepped) reset();
  return {};
}

void Statement::reset() { sqlite3_reset(raw_); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(raw_, column); }

bool Statement::is_null(int column) const {
  return sqlite3_column_type(raw_, column) == SQLITE_NULL;
}

std::string_view Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(raw_, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(raw_, column))};
}

Connection::Connection(sqlite3* raw) : raw_(raw), log_pages_(std::make_unique<std::uint32_t>(0)) {}

Connection::Connection(Connection&& other) noexcept
    : raw_(std::exchange(other.raw_, nullptr)), log_pages_(std::move(other.log_pages_)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(raw_, other.raw_);
  std::swap(log_pages_, other.log_pages_);
  return *this;
}

Connection::~Connection() { close(); }

void Connection::close() { sqlite3_close_v2(std::exchange(raw_, nullptr)); }

Result<Connection> Connection::open(const std::string& path, Mode mode) {
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == Mode::writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Connection connection(raw);
  if (code != SQLITE_OK) {
    if (raw == nullptr) return fail(ErrorCode::storage, "no memory for a database connection");
    return failed(raw);
  }
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  connection.leave_log();
  if (mode == Mode::reader) {
    if (Status set = connection.execute("PRAGMA query_only=1"); !set) {
      return tl::unexpected(std::move(set.error()));
    }
  } else {
    // Takes the place of SQLite's own checkpoint after a commit.
    sqlite3_wal_hook(raw, note_log_pages, connection.log_pages_.get());
  }
  return connection;
}

Result<Statement> Connection::prepare(Sql sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(raw_, sql.text(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) !=
      SQLITE_OK) {
    return failed(raw_);
  }
  return Statement(statement);
}

Status Connection::execute(Sql sql) {
  const char* rest = sql.text();
  while (*rest != '\0') {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(raw_, rest, -1, &raw, &rest) != SQLITE_OK) return failed(raw_);
    if (raw == nullptr) continue;  // blanks after the last statement
    Statement statement(raw);
    while (true) {
      Result<bool> row = statement.step();
      if (!row) return tl::unexpected(std::move(row.error()));
      if (!*row) break;
    }
  }
  return {};
}

Result<std::int64_t> Connection::query_integer(Sql sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return tl::unexpected(std::move(statement.error()));
  Result<bool> row = statement->step();
  if (!row) return tl::unexpected(std::move(row.error()));
  return *row ? statement->integer(0) : 0;
}

Result<std::string> Connection::query_text(Sql sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return tl::unexpected(std::move(statement.error()));
  Result<bool> row = statement->step();
  if (!row) return tl::unexpected(std::move(row.error()));
  return *row ? std::string(statement->bytes(0)) : std::string();
}

std::int64_t Connection::last_row() const { return sqlite3_last_insert_rowid(raw_); }

std::int64_t Connection::changed_rows() const { return sqlite3_changes64(raw_); }

bool Connection::in_transaction() const { return sqlite3_get_autocommit(raw_) == 0; }

bool Connection::was_full() const {
  const int code = sqlite3_extended_errcode(raw_);
  if (code == SQLITE_FULL) return true;
  const int reason = sqlite3_system_errno(raw_);
  const bool write = code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE;
  return write && (reason == ENOSPC || reason == EDQUOT);
}

void Connection::leave_log() {
  sqlite3_db_config(raw_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void Connection::settle_log() {
  sqlite3_db_config(raw_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

Result<bool> Connection::checkpoint() {
  int in_log = 0;
  int copied = 0;
  const int code =
      sqlite3_wal_checkpoint_v2(raw_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
  if (code == SQLITE_BUSY) return false;
  if (code != SQLITE_OK) return failed(raw_);
  return in_log == copied;
}

}  // namespace sluice::store
