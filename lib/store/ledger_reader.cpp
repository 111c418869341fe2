// See ledger_reader.hpp.
#include "store/ledger_reader.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "store/database.hpp"
#include "store/ledger_rows.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

struct LedgerReader::State {
  explicit State(Connection opened) : connection(std::move(opened)) {}

  [[nodiscard]] Status prepare();
  [[nodiscard]] Result<std::int64_t> first_from(model::WallTime when);
  [[nodiscard]] Status verify(Verification& made);
  [[nodiscard]] std::optional<ledger::Finding> judge_row(Verification& made);

  Connection connection;
  Statement at_or_after, by_month, by_sequence;
  Statement one, refunds, reversals, all;
  ledger::Auditor auditor;
  std::string chain;
};

namespace {

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text.push_back(kDigits[static_cast<unsigned char>(byte) >> 4U]);
    text.push_back(kDigits[static_cast<unsigned char>(byte) & 15U]);
  }
  return text;
}

bool passes(const ledger::Entry& entry, const EntryFilter& filter) {
  if (filter.customer != 0 && entry.customer != filter.customer) return false;
  if (filter.month.is_set() && entry.month != filter.month) return false;
  if (filter.job.is_set() && entry.job.job != filter.job && entry.job.array_job != filter.job &&
      entry.job.het_job != filter.job) {
    return false;
  }
  return entry.time >= filter.from && (filter.to == 0 || entry.time < filter.to);
}

}  // namespace

Status LedgerReader::State::prepare() {
  struct Wanted {
    Statement* statement;
    Sql sql;
  };
  const std::array<Wanted, 7> list{{
      {&at_or_after, "SELECT sequence, time FROM ledger WHERE sequence>=?1 LIMIT 1"},
      {&by_month,
       "SELECT sequence, record FROM ledger WHERE month=?1 AND (?2=0 OR customer=?2) "
       "AND sequence>=?3 ORDER BY sequence"},
      {&by_sequence,
       "SELECT sequence, record FROM ledger WHERE sequence>=?1 AND (?2=0 OR customer=?2) "
       "ORDER BY sequence"},
      {&one, "SELECT sequence, record FROM ledger WHERE sequence=?1"},
      {&refunds, "SELECT sequence, record FROM ledger WHERE refers_to=?1 ORDER BY sequence"},
      // 8: EntryKind::reversal
      {&reversals, "SELECT sequence, record FROM ledger WHERE job=?1 AND kind=8"},
      {&all,
       "SELECT sequence, record, time, month, customer, kind, job, refers_to, hash FROM ledger "
       "ORDER BY sequence"},
  }};
  for (const Wanted& wanted : list) {
    Result<Statement> made = connection.prepare(wanted.sql);
    if (!made) return tl::unexpected(std::move(made.error()));
    *wanted.statement = std::move(*made);
  }
  return {};
}

// Times never go back, so the first entry of a time is found by halving.
Result<std::int64_t> LedgerReader::State::first_from(model::WallTime when) {
  const Result<std::int64_t> last = connection.query_integer("SELECT max(sequence) FROM ledger");
  if (!last) return tl::unexpected(last.error());
  std::int64_t low = 1;
  std::int64_t high = *last + 1;
  while (when > 0 && low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    at_or_after.start(middle);
    const Result<bool> row = at_or_after.step();
    if (!row) return tl::unexpected(row.error());
    const bool before = *row && at_or_after.integer(1) < when;
    at_or_after.reset();
    (before ? low : high) = before ? middle + 1 : middle;
  }
  return low;
}

Result<LedgerReader> LedgerReader::open(const std::string& path) {
  Result<Connection> connection = Connection::open(path, Connection::Mode::reader);
  if (!connection) return tl::unexpected(connection.error());
  auto state = std::make_unique<State>(std::move(*connection));
  if (Status prepared = state->prepare(); !prepared) return tl::unexpected(prepared.error());
  return LedgerReader(std::move(state));
}

LedgerReader::LedgerReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
LedgerReader::LedgerReader(LedgerReader&&) noexcept = default;
LedgerReader& LedgerReader::operator=(LedgerReader&&) noexcept = default;
LedgerReader::~LedgerReader() = default;

namespace {

Result<ledger::Entry> entry_of(const Statement& rows) {
  Result<ledger::Entry> entry = wire::decode<ledger::Entry>(rows.bytes(1));
  if (!entry) return context("entry " + std::to_string(rows.integer(0)), entry.error());
  return entry;
}

}  // namespace

Status LedgerReader::entries(const EntryFilter& filter,
                             const std::function<bool(ledger::Entry)>& found) {
  Statement* rows = &state_->by_sequence;
  auto first = static_cast<std::int64_t>(filter.after + 1);
  if (filter.month.is_set()) {
    rows = &state_->by_month;
    rows->start(std::int64_t{filter.month.value}, filter.customer, first);
  } else {
    const Result<std::int64_t> of_time = state_->first_from(filter.from);
    if (!of_time) return tl::unexpected(of_time.error());
    first = std::max(first, *of_time);
    rows->start(first, filter.customer);
  }
  while (true) {
    const Result<bool> row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    Result<ledger::Entry> entry = entry_of(*rows);
    if (!entry) return tl::unexpected(entry.error());
    const bool over = !filter.month.is_set() && filter.to != 0 && entry->time >= filter.to;
    if (over || (passes(*entry, filter) && !found(std::move(*entry)))) break;
  }
  rows->reset();
  return {};
}

Result<ChargeFacts> LedgerReader::charge(std::uint64_t sequence) {
  ChargeFacts facts;
  const auto key = static_cast<std::int64_t>(
      std::min<std::uint64_t>(sequence, std::numeric_limits<std::int64_t>::max()));
  state_->one.start(key);
  const Result<bool> there = state_->one.step();
  if (!there) return tl::unexpected(there.error());
  if (!*there) {
    return fail(ErrorCode::not_found, "there is no entry " + std::to_string(sequence));
  }
  Result<ledger::Entry> entry = entry_of(state_->one);
  state_->one.reset();
  if (!entry) return tl::unexpected(entry.error());
  facts.entry = std::make_shared<const ledger::Entry>(std::move(*entry));
  const Attempt attempt = ledger::attempt_of(facts.entry->job);
  state_->refunds.start(key);
  while (true) {
    const Result<bool> row = state_->refunds.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    const Result<ledger::Entry> later = entry_of(state_->refunds);
    if (!later) return tl::unexpected(later.error());
    if (later->kind == ledger::EntryKind::refund) facts.refunded += later->amount;
  }
  state_->reversals.start(std::int64_t{facts.entry->job.job.value});
  while (true) {
    const Result<bool> row = state_->reversals.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    const Result<ledger::Entry> later = entry_of(state_->reversals);
    if (!later) return tl::unexpected(later.error());
    if (ledger::attempt_of(later->job) == attempt) facts.given_back = true;
  }
  return facts;
}

// The row that `all` stands at.
std::optional<ledger::Finding> LedgerReader::State::judge_row(Verification& made) {
  const auto sequence = static_cast<std::uint64_t>(all.integer(0));
  const auto wrong = [sequence](std::string text) {
    return ledger::Finding{sequence, std::move(text)};
  };
  const std::uint64_t expected = made.entries + 1;
  if (sequence != expected) return ledger::Finding{expected, "it is missing"};
  const std::string_view record = all.bytes(1);
  chain = chain_hash(chain, record);
  if (chain != all.bytes(8)) return wrong("it is not what was written: its hash differs");
  const Result<ledger::Entry> entry = wire::decode<ledger::Entry>(record);
  if (!entry) return wrong("it can't be read");
  const bool same =
      entry->sequence == sequence && entry->time == all.integer(2) &&
      entry->month.value == all.integer(3) && entry->customer == all.integer(4) &&
      static_cast<std::int64_t>(entry->kind) == all.integer(5) &&
      entry->job.job.value == (all.is_null(6) ? 0 : all.integer(6)) &&
      entry->refers_to == static_cast<std::uint64_t>(all.is_null(7) ? 0 : all.integer(7));
  if (!same) return wrong("what it is found by is not what it says");
  made.entries = sequence;
  return auditor.add(*entry);
}

Status LedgerReader::State::verify(Verification& made) {
  auditor = {};
  chain = chain_start();
  all.start();
  while (!made.finding) {
    const Result<bool> row = all.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    made.finding = judge_row(made);
  }
  all.reset();
  made.head = hex(chain);
  if (made.finding) return {};
  const Result<ledger::BooksState> books = read_books(connection);
  if (!books) return tl::unexpected(books.error());
  made.finding = auditor.compare(*books);
  return {};
}

// One transaction: entries and books as of one moment.
Result<Verification> LedgerReader::verify() {
  Verification made;
  if (Status begun = state_->connection.execute("BEGIN"); !begun) {
    return tl::unexpected(begun.error());
  }
  const Status done = state_->verify(made);
  const Status ended = state_->connection.execute("COMMIT");
  if (!done) return tl::unexpected(done.error());
  if (!ended) return tl::unexpected(ended.error());
  return made;
}

}  // namespace sluice::store
