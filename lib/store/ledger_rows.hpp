// The rows of the books: entries that are never changed, chained by hashes, and beside them what
// the books need after a restart. Written in the transaction of what caused them.
//
// The chain: hash(n) = SHA-256(hash(n-1), the bytes of entry n as stored), beginning from 32 zero
// bytes. An entry that is changed, left out or put in afterwards breaks it from there on. Who
// rewrites the whole chain is found by a hash that was noted elsewhere (`sluice bill verify` and
// `close` print the last one).
//
// Marks: a customer's balances after each few thousand of its entries, so that a statement of a
// late time need not begin at the first entry. They say nothing that the entries don't.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "ledger/books_state.hpp"
#include "store/database.hpp"

namespace sluice::store {

struct LoadedState;

inline constexpr std::size_t kChainHash = 32;  // bytes
[[nodiscard]] std::string chain_start();
[[nodiscard]] std::string chain_hash(std::string_view before, std::string_view record);

// Kinds of rows in `books`. Stored: numbers never change.
enum class BooksRow : std::uint8_t {
  head = 1,
  prices = 2,
  customer = 3,
  balance = 4,
  package = 5,
  attempt = 6,
  request = 7,
};

// Statements of a writer's connection.
class LedgerRows {
 public:
  struct Statements {
    Statement last, put_entry, put, drop, drop_kind, put_mark;
  };

  [[nodiscard]] static Result<Statements> prepare(Connection& connection);
  explicit LedgerRows(Statements statements) : sql_(std::move(statements)) {}

  [[nodiscard]] Status write(const ledger::BooksRows& rows);
  // After a roll-back the end of the chain is read anew.
  void forget() { last_.clear(); }

 private:
  [[nodiscard]] Status write_entry(const ledger::Entry& entry);
  [[nodiscard]] Status write_state(const ledger::BooksChanges& changed);
  [[nodiscard]] Status write_marks(const ledger::BooksRows& rows);
  template <class Record>
  [[nodiscard]] Status put(BooksRow kind, const std::string& id, const Record& record);
  [[nodiscard]] Status read_last();

  Statements sql_;
  std::string last_;                               // the last hash; empty: not known
  std::map<std::uint32_t, std::size_t> unmarked_;  // entries by customer since its last mark
};

inline constexpr std::size_t kEntriesPerMark = 4096;

// Leaves state.books null if nothing was ever billed.
[[nodiscard]] Status load_books(Connection& connection, LoadedState& state);
[[nodiscard]] Result<ledger::BooksState> read_books(Connection& connection);

}  // namespace sluice::store
