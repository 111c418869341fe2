// A thin face of SQLite: a connection, prepared statements, errors as values. SQL can only come
// from literals (Sql can't be made at run time); values are always bound. A connection and its
// statements are used by one thread at a time; statements must go before their connection.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::store {

class Sql {
 public:
  consteval Sql(const char* text) : text_(text) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] const char* text() const { return text_; }

 private:
  const char* text_;
};

// Bytes that are bound as a blob; a plain string_view is bound as text.
struct Bytes {
  std::string_view view;
};

class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* raw) : raw_(raw) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Binds everything in order, steps once and resets. For statements that return no row.
  template <class... Values>
  [[nodiscard]] Status run(const Values&... values) {
    bind_all(values...);
    return finish();
  }
  // Binds everything in order (the values must stay until the last step) and goes to before the
  // first row.
  template <class... Values>
  void start(const Values&... values) {
    reset();
    bind_all(values...);
  }
  [[nodiscard]] Result<bool> step();  // false: no more rows; the statement is reset then
  void reset();

  // Of the current row. Views hold until the next step or reset.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::string_view bytes(int column) const;

 private:
  template <class... Values>
  void bind_all(const Values&... values) {
    int at = 0;
    (bind(++at, values), ...);
  }
  void bind(int at, std::int64_t value);
  void bind(int at, std::uint32_t value) { bind(at, static_cast<std::int64_t>(value)); }
  void bind(int at, std::string_view text);
  void bind(int at, Bytes bytes);
  void bind(int at, const std::optional<std::int64_t>& value);
  [[nodiscard]] Status finish();

  sqlite3_stmt* raw_ = nullptr;
};

class Connection {
 public:
  enum class Mode { writer, reader };

  [[nodiscard]] static Result<Connection> open(const std::string& path, Mode mode);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  [[nodiscard]] Result<Statement> prepare(Sql sql);
  // One or more statements; rows are passed over.
  [[nodiscard]] Status execute(Sql sql);
  [[nodiscard]] Result<std::int64_t> query_integer(Sql sql);
  [[nodiscard]] Result<std::string> query_text(Sql sql);

  [[nodiscard]] std::int64_t last_row() const;
  [[nodiscard]] std::int64_t changed_rows() const;  // by the latest statement
  [[nodiscard]] bool in_transaction() const;
  // Whether the latest failure was only for want of space: rolled back it may be tried again.
  [[nodiscard]] bool was_full() const;

  // What closing does with the log: leave it as it is (so from the start), or a last checkpoint.
  void leave_log();
  void settle_log();
  // Pages in the write-ahead log after the latest commit.
  [[nodiscard]] std::uint32_t log_pages() const { return *log_pages_; }
  // Copies the log into the database as far as readers allow, never waiting for them. True: all of
  // it, so that the next commit starts the log anew.
  [[nodiscard]] Result<bool> checkpoint();

 private:
  explicit Connection(sqlite3* raw);
  void close();

  sqlite3* raw_ = nullptr;
  std::unique_ptr<std::uint32_t> log_pages_;  // SQLite keeps the address
};

}  // namespace sluice::store
