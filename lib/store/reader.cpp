// The reader's connection, and the look-ups of single things. History is in history.cpp.
#include "store/reader.hpp"

#include <array>
#include <utility>

#include "store/records.hpp"

namespace sluice::store {

namespace {
constexpr std::size_t kMaxParts = 4096;
}

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;

ReadState::ReadState(Connection opened, Statements prepared)
    : connection(std::move(opened)),
      sql(std::move(prepared)),
      specs(std::move(sql.spec), kMaxParts),
      requests(std::move(sql.request), kMaxParts) {}

Result<ReadState> ReadState::open(const std::string& path) {
  Result<Connection> connection = Connection::open(path, Connection::Mode::reader);
  if (!connection) return tl::unexpected(std::move(connection.error()));
  Result<Statements> statements = prepare(*connection);
  if (!statements) return tl::unexpected(std::move(statements.error()));
  return ReadState(std::move(*connection), std::move(*statements));
}

Result<ReadState::Statements> ReadState::prepare(Connection& connection) {
  struct Wanted {
    Statement* statement;
    Sql sql;
  };
  Statements s;
  const std::array<Wanted, 23> list{{
      {&s.blob, "SELECT bytes FROM blobs WHERE hash=?1"},
      {&s.reply, "SELECT uid, type, payload FROM replies WHERE request_id=?1"},
      {&s.begin, "BEGIN"},
      {&s.end, "COMMIT"},
      {&s.one_job, "SELECT key FROM jobs WHERE key BETWEEN ?1 AND ?2"},
      {&s.array, "SELECT key FROM jobs WHERE array_job=?1"},
      {&s.array_tasks, "SELECT key FROM jobs WHERE array_job=?1 AND array_task BETWEEN ?2 AND ?3"},
      {&s.live, "SELECT key FROM jobs WHERE finished IS NULL"},
      {&s.live_of, "SELECT key FROM jobs WHERE uid=?1 AND finished IS NULL"},
      {&s.finished, "SELECT key FROM jobs WHERE finished>=?1 AND submit<=?2"},
      {&s.finished_of, "SELECT key FROM jobs WHERE uid=?1 AND finished>=?2 AND submit<=?3"},
      {&s.get, "SELECT key, spec, request, record, submit, state FROM jobs WHERE key=?1"},
      {&s.scan, "SELECT key, spec, request, record, submit, state FROM jobs ORDER BY key"},
      {&s.steps, "SELECT record FROM steps WHERE job=?1 ORDER BY number"},
      {&s.uses,
       "SELECT start, key, cpus, jobs, begun, tres FROM uses "
       "WHERE level=?1 AND start>=?2 AND start<?3"},
      {&s.use_key, "SELECT record FROM use_keys WHERE id=?1"},
      {&s.hours,
       "SELECT start, reservation, finish, used, waited FROM cluster_hours "
       "WHERE start>=?1 AND start<?2"},
      {&s.finished_at, "SELECT finished FROM jobs WHERE key=?1"},
      {&s.open_spans, "SELECT record FROM node_spans WHERE finish IS NULL AND start<?1"},
      {&s.closed_spans, "SELECT record FROM node_spans WHERE finish>?1 AND start<?2"},
      {&s.reservations,
       "SELECT finish, record FROM past_reservations WHERE finish>?1 AND start<?2 "
       "ORDER BY start, id"},
      {&s.spec, "SELECT record FROM specs WHERE id=?1"},
      {&s.request, "SELECT record FROM requests WHERE id=?1"},
  }};
  for (const Wanted& wanted : list) {
    Result<Statement> made = connection.prepare(wanted.sql);
    if (!made) return tl::unexpected(std::move(made.error()));
    *wanted.statement = std::move(*made);
  }
  return s;
}

Result<ReadState*> Reader::State::archive(const std::string& path) {
  std::unique_ptr<ReadState>& known = archives[path];
  if (!known) {
    Result<ReadState> opened = ReadState::open(path);
    if (!opened) return tl::unexpected(std::move(opened.error()));
    known = std::make_unique<ReadState>(std::move(*opened));
  }
  return known.get();
}

Result<std::string> Reader::blob(std::string_view hash) {
  Statement& get = state_->read.sql.blob;
  get.start(hash);
  const Result<bool> row = get.step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return fail(ErrorCode::not_found, "no such script or environment is stored");
  std::string bytes(get.bytes(0));
  get.reset();
  return bytes;
}

Result<std::optional<StoredReply>> Reader::find_reply(const Uid128& request_id) {
  const RequestKey key = request_key(request_id);
  Statement& get = state_->read.sql.reply;
  get.start(Bytes{{key.data(), key.size()}});
  const Result<bool> row = get.step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<StoredReply>();
  StoredReply reply;
  reply.request_id = request_id;
  reply.uid = static_cast<std::uint32_t>(get.integer(0));
  reply.type = static_cast<std::uint16_t>(get.integer(1));
  reply.payload = get.bytes(2);
  get.reset();
  return std::optional<StoredReply>(std::move(reply));
}

}  // namespace sluice::store
