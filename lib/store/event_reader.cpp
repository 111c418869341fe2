// See event_reader.hpp.
#include "store/event_reader.hpp"

#include <array>
#include <utility>

#include "store/database.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

struct EventReader::State {
  explicit State(Connection opened) : connection(std::move(opened)) {}

  [[nodiscard]] Status prepare();
  [[nodiscard]] Result<event::Event> current(std::uint32_t kinds);
  [[nodiscard]] Status tell(event::Event& event, std::int64_t subject);

  Connection connection;
  Statement ends, rows, one, entry;
};

Status EventReader::State::prepare() {
  struct Wanted {
    Statement* statement;
    Sql sql;
  };
  const std::array<Wanted, 4> list{{
      {&ends, "SELECT (SELECT min(cursor) FROM events), (SELECT max(cursor) FROM events)"},
      {&rows,
       "SELECT cursor, time, origin, kind, what, subject, record FROM events WHERE cursor>?1 "
       "ORDER BY cursor"},
      {&one, "SELECT time FROM events WHERE cursor>=?1 ORDER BY cursor LIMIT 1"},
      {&entry, "SELECT record FROM ledger WHERE sequence=?1"},
  }};
  for (const Wanted& wanted : list) {
    Result<Statement> made = connection.prepare(wanted.sql);
    if (!made) return tl::unexpected(std::move(made.error()));
    *wanted.statement = std::move(*made);
  }
  return {};
}

// What the row that `rows` stands at is about.
Status EventReader::State::tell(event::Event& event, std::int64_t subject) {
  const auto take = [&]<class Record>(std::shared_ptr<const Record>& to, std::string_view bytes) {
    Result<Record> record = wire::decode<Record>(bytes);
    if (!record) return Status(context("a stored event", record.error()));
    to = std::make_shared<const Record>(std::move(*record));
    return Status();
  };
  switch (event.kind) {
    case event::Kind::job: return take(event.job, rows.bytes(6));
    case event::Kind::node: return take(event.node, rows.bytes(6));
    case event::Kind::ledger: {
      entry.start(subject);
      const Result<bool> row = entry.step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) return fail(ErrorCode::storage, "an event tells of an entry that is missing");
      Status taken = take(event.entry, entry.bytes(0));
      entry.reset();
      return taken;
    }
    case event::Kind::none: break;
  }
  return fail(ErrorCode::storage, "a stored event is of an unknown kind");
}

Result<event::Event> EventReader::State::current(std::uint32_t kinds) {
  event::Event event;
  event.cursor = static_cast<std::uint64_t>(rows.integer(0));
  event.time = rows.integer(1);
  event.origin = static_cast<std::uint64_t>(rows.integer(2));
  event.kind = static_cast<event::Kind>(rows.integer(3));
  event.what = static_cast<event::What>(rows.integer(4));
  if ((kinds >> static_cast<unsigned>(event.kind) & 1U) == 0) return event;
  if (Status told = tell(event, rows.integer(5)); !told) return tl::unexpected(told.error());
  return event;
}

Result<EventReader> EventReader::open(const std::string& path) {
  Result<Connection> connection = Connection::open(path, Connection::Mode::reader);
  if (!connection) return tl::unexpected(connection.error());
  // Rows are read once, in their order, and many such readers may wait.
  if (Status set = connection->execute("PRAGMA cache_size=-256"); !set) {
    return tl::unexpected(set.error());
  }
  auto state = std::make_unique<State>(std::move(*connection));
  if (Status prepared = state->prepare(); !prepared) return tl::unexpected(prepared.error());
  return EventReader(std::move(state));
}

EventReader::EventReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
EventReader::EventReader(EventReader&&) noexcept = default;
EventReader& EventReader::operator=(EventReader&&) noexcept = default;
EventReader::~EventReader() = default;

Result<EventRange> EventReader::range() {
  Statement& ends = state_->ends;
  ends.start();
  const Result<bool> row = ends.step();
  if (!row) return tl::unexpected(row.error());
  EventRange range;
  if (*row && !ends.is_null(0)) {
    range.oldest = static_cast<std::uint64_t>(ends.integer(0));
    range.newest = static_cast<std::uint64_t>(ends.integer(1));
  }
  ends.reset();
  return range;
}

// Times never go back, and cursors have no gaps: halving finds the place.
Result<std::uint64_t> EventReader::before(model::WallTime time) {
  const Result<EventRange> kept = range();
  if (!kept) return tl::unexpected(kept.error());
  std::uint64_t low = kept->oldest;
  std::uint64_t high = kept->newest + 1;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    state_->one.start(static_cast<std::int64_t>(middle));
    const Result<bool> row = state_->one.step();
    if (!row) return tl::unexpected(row.error());
    const bool earlier = *row && state_->one.integer(0) < time;
    state_->one.reset();
    (earlier ? low : high) = earlier ? middle + 1 : middle;
  }
  return low - 1;
}

Status EventReader::read(std::uint64_t after, std::uint32_t kinds,
                         const std::function<bool(event::Event)>& found) {
  Statement& rows = state_->rows;
  rows.start(static_cast<std::int64_t>(after));
  Status done;
  while (true) {
    const Result<bool> row = rows.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    Result<event::Event> event = state_->current(kinds);
    if (!event) done = tl::unexpected(event.error());
    if (!event || !found(std::move(*event))) break;
  }
  rows.reset();
  return done;
}

}  // namespace sluice::store
