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
  // The last entry that can be of the month; of one that isn't closed the last there can ever be.
  [[nodiscard]] Result<std::int64_t> last_of(ledger::Month month);
  [[nodiscard]] Status verify(Verification& made);
  [[nodiscard]] std::optional<ledger::Finding> judge_row(Verification& made);
  [[nodiscard]] Result<std::optional<ledger::Finding>> judge_marks(std::uint64_t sequence);

  Connection connection;
  Statement at_or_after, closing, by_customer, by_sequence;
  Statement one, refunds, reversals, all, mark_before, marks;
  ledger::Auditor auditor;
  std::string chain;
  bool more_marks = false;
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
  const std::array<Wanted, 10> list{{
      {&at_or_after, "SELECT sequence, time FROM ledger WHERE sequence>=?1 LIMIT 1"},
      // 16: EntryKind::closing
      {&closing, "SELECT sequence FROM ledger WHERE month=?1 AND kind=16"},
      {&by_customer,
       "SELECT sequence, record FROM ledger WHERE customer=?4 AND sequence BETWEEN ?1 AND ?2 "
       "AND (?3=0 OR month=?3) ORDER BY sequence"},
      {&by_sequence,
       "SELECT sequence, record FROM ledger WHERE sequence BETWEEN ?1 AND ?2 "
       "AND (?3=0 OR month=?3) ORDER BY sequence"},
      {&mark_before,
       "SELECT sequence, record FROM ledger_marks WHERE customer=?1 AND time<?2 "
       "ORDER BY sequence DESC LIMIT 1"},
      {&marks, "SELECT sequence, customer, record FROM ledger_marks ORDER BY sequence"},
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

Result<std::int64_t> LedgerReader::State::last_of(ledger::Month month) {
  closing.start(std::int64_t{month.value});
  const Result<bool> row = closing.step();
  if (!row) return tl::unexpected(row.error());
  const std::int64_t last = *row ? closing.integer(0) : std::numeric_limits<std::int64_t>::max();
  closing.reset();
  return last;
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

// No entry is of a later month than that of its time.
Status LedgerReader::entries(const EntryFilter& filter,
                             const std::function<bool(ledger::Entry)>& found) {
  const bool of_month = filter.month.is_set();
  model::WallTime since = filter.from;
  if (of_month) since = std::max(since, ledger::month_start(filter.month));
  const Result<std::int64_t> of_time = state_->first_from(since);
  if (!of_time) return tl::unexpected(of_time.error());
  const std::int64_t first = std::max(static_cast<std::int64_t>(filter.after + 1), *of_time);
  std::int64_t last = std::numeric_limits<std::int64_t>::max();
  if (of_month) {
    const Result<std::int64_t> closed = state_->last_of(filter.month);
    if (!closed) return tl::unexpected(closed.error());
    last = *closed;
  }
  Statement& rows = filter.customer == 0 ? state_->by_sequence : state_->by_customer;
  if (filter.customer == 0) {
    rows.start(first, last, std::int64_t{filter.month.value});
  } else {
    rows.start(first, last, std::int64_t{filter.month.value}, filter.customer);
  }
  while (true) {
    const Result<bool> row = rows.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    Result<ledger::Entry> entry = entry_of(rows);
    if (!entry) return tl::unexpected(entry.error());
    const bool over = filter.to != 0 && entry->time >= filter.to;
    if (over || (passes(*entry, filter) && !found(std::move(*entry)))) break;
  }
  rows.reset();
  return {};
}

Result<ledger::Balance> LedgerReader::balance_before(std::uint32_t customer, model::WallTime when) {
  ledger::Balance balance;
  balance.customer = customer;
  if (when <= 0) return balance;
  EntryFilter rest{.customer = customer, .to = when};
  Statement& mark = state_->mark_before;
  mark.start(customer, when);
  const Result<bool> row = mark.step();
  if (!row) return tl::unexpected(row.error());
  if (*row) {
    const Result<ledger::Balance> there = wire::decode<ledger::Balance>(mark.bytes(1));
    if (!there) return context("a mark of the ledger", there.error());
    balance = *there;
    rest.after = static_cast<std::uint64_t>(mark.integer(0));
  }
  mark.reset();
  const Status read = entries(rest, [&](const ledger::Entry& entry) {
    ledger::post(entry, balance);
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return balance;
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

// Marks that stand at the entry which was judged last; `marks` is at the next one.
Result<std::optional<ledger::Finding>> LedgerReader::State::judge_marks(std::uint64_t sequence) {
  std::optional<ledger::Finding> finding;
  while (more_marks && static_cast<std::uint64_t>(marks.integer(0)) <= sequence) {
    const Result<ledger::Balance> mark = wire::decode<ledger::Balance>(marks.bytes(2));
    const auto known = auditor.balances().find(static_cast<std::uint32_t>(marks.integer(1)));
    bool right = mark && known != auditor.balances().end();
    if (right) {
      ledger::Balance same = known->second;
      same.months = mark->months;  // the books also keep months in which nothing was billed
      right = same == *mark;
    }
    if (!right)
      finding = ledger::Finding{
          0, "a mark at entry " + std::to_string(sequence) + " is not what the entries add up to"};
    const Result<bool> next = marks.step();
    if (!next) return tl::unexpected(next.error());
    more_marks = *next;
  }
  return finding;
}

Status LedgerReader::State::verify(Verification& made) {
  auditor = {};
  chain = chain_start();
  marks.start();
  const Result<bool> any = marks.step();
  if (!any) return tl::unexpected(any.error());
  more_marks = *any;
  all.start();
  while (!made.finding) {
    const Result<bool> row = all.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    made.finding = judge_row(made);
    if (made.finding) break;
    Result<std::optional<ledger::Finding>> marked = judge_marks(made.entries);
    if (!marked) return tl::unexpected(marked.error());
    made.finding = std::move(*marked);
  }
  all.reset();
  marks.reset();
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
