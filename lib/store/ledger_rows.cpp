// See ledger_rows.hpp.
#include "store/ledger_rows.hpp"

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include <openssl/evp.h>

#include "base/assert.hpp"
#include "store/records.hpp"
#include "store/store.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

namespace {

// Keys whose order is that of the numbers.
std::string key_of(std::uint32_t number) {
  std::string key(4, '\0');
  for (int byte = 0; byte < 4; ++byte) key[byte] = static_cast<char>(number >> (24 - 8 * byte));
  return key;
}

std::string key_of(const Uid128& uid) {
  const RequestKey key = request_key(uid);
  return {key.data(), key.size()};
}

std::string key_of(const Attempt& attempt) { return key_of(attempt.job) + key_of(attempt.number); }

template <class Record>
Result<Record> decoded(const Statement& rows) {
  Result<Record> record = wire::decode<Record>(rows.bytes(2));
  if (!record) return context("a stored record of the books", record.error());
  return record;
}

template <class Record>
Status take(const Statement& rows, std::vector<Record>& to) {
  Result<Record> record = decoded<Record>(rows);
  if (!record) return tl::unexpected(record.error());
  to.push_back(std::move(*record));
  return {};
}

Status take_row(const Statement& rows, ledger::BooksState& state) {
  switch (static_cast<BooksRow>(rows.integer(0))) {
    case BooksRow::head: {
      const Result<ledger::BooksHead> head = decoded<ledger::BooksHead>(rows);
      if (!head) return tl::unexpected(head.error());
      state.head = *head;
      return {};
    }
    case BooksRow::prices: {
      Result<ledger::PriceBook> book = decoded<ledger::PriceBook>(rows);
      if (!book) return tl::unexpected(book.error());
      state.prices.push_back(std::make_shared<const ledger::PriceBook>(std::move(*book)));
      return {};
    }
    case BooksRow::customer: return take(rows, state.customers);
    case BooksRow::balance: return take(rows, state.balances);
    case BooksRow::package: return take(rows, state.packages);
    case BooksRow::attempt: return take(rows, state.attempts);
    case BooksRow::request: return take(rows, state.requests);
  }
  return fail(ErrorCode::storage, "a row of the books is of an unknown kind");
}

}  // namespace

std::string chain_start() { return std::string(kChainHash, '\0'); }

std::string chain_hash(std::string_view before, std::string_view record) {
  const std::string all = std::string(before) + std::string(record);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const int done = EVP_Digest(all.data(), all.size(), digest.data(), &size, EVP_sha256(), nullptr);
  SLUICE_ASSERT(done == 1 && size == kChainHash, "SHA-256 of {} bytes", all.size());
  return {digest.begin(), digest.begin() + kChainHash};
}

Result<LedgerRows::Statements> LedgerRows::prepare(Connection& connection) {
  struct Wanted {
    Statement* statement;
    Sql sql;
  };
  Statements s;
  const std::array<Wanted, 6> list{{
      {&s.last, "SELECT hash FROM ledger ORDER BY sequence DESC LIMIT 1"},
      {&s.put_entry, "INSERT INTO ledger VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
      {&s.put, "INSERT OR REPLACE INTO books VALUES (?1, ?2, ?3)"},
      {&s.drop, "DELETE FROM books WHERE kind=?1 AND id=?2"},
      {&s.drop_kind, "DELETE FROM books WHERE kind=?1"},
      {&s.put_mark, "INSERT OR REPLACE INTO ledger_marks VALUES (?1, ?2, ?3, ?4)"},
  }};
  for (const Wanted& wanted : list) {
    Result<Statement> made = connection.prepare(wanted.sql);
    if (!made) return tl::unexpected(std::move(made.error()));
    *wanted.statement = std::move(*made);
  }
  return s;
}

Status LedgerRows::read_last() {
  if (!last_.empty()) return {};
  sql_.last.start();
  const Result<bool> row = sql_.last.step();
  if (!row) return tl::unexpected(row.error());
  last_ = *row ? std::string(sql_.last.bytes(0)) : chain_start();
  sql_.last.reset();
  return {};
}

Status LedgerRows::write(const ledger::BooksRows& rows) {
  for (const ledger::Entry& entry : rows.entries) {
    if (Status written = write_entry(entry); !written) return written;
  }
  if (Status marked = write_marks(rows); !marked) return marked;
  return write_state(rows.changed);
}

// The balances that changed are those after the last of the entries.
Status LedgerRows::write_marks(const ledger::BooksRows& rows) {
  for (const ledger::Entry& entry : rows.entries) ++unmarked_[entry.customer];
  std::map<std::uint32_t, const ledger::Balance*> latest;
  for (const ledger::Balance& balance : rows.changed.balances) latest[balance.customer] = &balance;
  for (const auto& [customer, balance] : latest) {
    std::size_t& since = unmarked_[customer];
    if (since < kEntriesPerMark || rows.entries.empty()) continue;
    since = 0;
    const std::string record = wire::encode(*balance);
    const ledger::Entry& last = rows.entries.back();
    const Status written = sql_.put_mark.run(customer, static_cast<std::int64_t>(last.sequence),
                                             last.time, Bytes{record});
    if (!written) return written;
  }
  return {};
}

Status LedgerRows::write_entry(const ledger::Entry& entry) {
  if (Status read = read_last(); !read) return read;
  const std::string record = wire::encode(entry);
  std::string hash = chain_hash(last_, record);
  std::optional<std::int64_t> job;
  std::optional<std::int64_t> refers_to;
  if (entry.job.job.is_set()) job = entry.job.job.value;
  if (entry.refers_to != 0) refers_to = static_cast<std::int64_t>(entry.refers_to);
  const Status written = sql_.put_entry.run(static_cast<std::int64_t>(entry.sequence), entry.time,
                                            std::int64_t{entry.month.value}, entry.customer,
                                            static_cast<std::int64_t>(entry.kind), job, refers_to,
                                            Bytes{record}, Bytes{hash});
  if (written) last_ = std::move(hash);
  return written;
}

template <class Record>
Status LedgerRows::put(BooksRow kind, const std::string& id, const Record& record) {
  const std::string bytes = wire::encode(record);
  return sql_.put.run(static_cast<std::int64_t>(kind), Bytes{id}, Bytes{bytes});
}

Status LedgerRows::write_state(const ledger::BooksChanges& changed) {
  Status written;
  if (changed.head) written = put(BooksRow::head, "", *changed.head);
  if (written && changed.prices) {
    written = sql_.drop_kind.run(static_cast<std::int64_t>(BooksRow::prices));
    for (const ledger::PriceBookPtr& book : *changed.prices) {
      if (written) written = put(BooksRow::prices, book->name.str() + key_of(book->version), *book);
    }
  }
  for (const ledger::Customer& one : changed.customers) {
    if (written) written = put(BooksRow::customer, key_of(one.id), one);
  }
  for (const ledger::Balance& one : changed.balances) {
    if (written) written = put(BooksRow::balance, key_of(one.customer), one);
  }
  for (const ledger::Package& one : changed.packages) {
    if (written) written = put(BooksRow::package, key_of(one.id), one);
  }
  for (const ledger::OpenAttempt& one : changed.attempts) {
    if (written) written = put(BooksRow::attempt, key_of(ledger::attempt_of(one.job)), one);
  }
  for (const Attempt& gone : changed.gone) {
    const std::string id = key_of(gone);
    if (written) written = sql_.drop.run(static_cast<std::int64_t>(BooksRow::attempt), Bytes{id});
  }
  for (const ledger::RequestSeen& one : changed.requests) {
    if (written) written = put(BooksRow::request, key_of(one.id), one);
  }
  return written;
}

Result<ledger::BooksState> read_books(Connection& connection) {
  Result<Statement> rows =
      connection.prepare("SELECT kind, id, record FROM books ORDER BY kind, id");
  if (!rows) return tl::unexpected(std::move(rows.error()));
  ledger::BooksState state;
  while (true) {
    const Result<bool> row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return state;
    if (Status taken = take_row(*rows, state); !taken) return tl::unexpected(taken.error());
  }
}

Status load_books(Connection& connection, LoadedState& state) {
  Result<ledger::BooksState> books = read_books(connection);
  if (!books) return tl::unexpected(books.error());
  if (books->head.sequence == 0 && books->customers.empty()) return {};
  state.books = std::make_shared<const ledger::BooksState>(std::move(*books));
  return {};
}

}  // namespace sluice::store
