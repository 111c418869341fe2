// Keeps the rows of use fitting to the place's calendar: another clock than the one that its days
// and months went by, and they are summed up anew, at the start.
#include <utility>

#include "base/clock.hpp"
#include "base/hash.hpp"
#include "store/state.hpp"

namespace sluice::store {

namespace {

// What the clock was until then; never 0. Changes to come may still become others.
std::int64_t zone_hash(const model::LocalClock& clock, model::WallTime until) {
  std::string text = "local";
  std::int32_t offset = 0;
  for (const model::ClockChange& change : clock.changes) {
    if (change.at > until && &change != &clock.changes.front()) break;
    if (std::exchange(offset, change.offset_s) == change.offset_s) continue;
    text += " " + std::to_string(change.at) + " " + std::to_string(change.offset_s);
  }
  return static_cast<std::int64_t>(base::hash_bytes(text) >> 1U) | 1;
}

Status set_meta(Connection& connection, std::string_view name, std::int64_t value) {
  Result<Statement> put = connection.prepare("UPDATE meta SET value=?2 WHERE name=?1");
  return put ? put->run(name, value) : Status(tl::unexpected(std::move(put.error())));
}

// All sums as one number, and how many rows they are.
struct Digest {
  std::uint64_t hash = 0;
  std::uint64_t rows = 0;
};

Status add_rows(Connection& connection, Sql sql, Digest& digest) {
  Result<Statement> rows = connection.prepare(sql);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  while (true) {
    const Result<bool> row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    digest.hash = base::hash_bytes(rows->bytes(0), digest.hash);
    digest.hash = base::hash_bytes(rows->bytes(1), digest.hash);
    digest.hash = base::hash_bytes(rows->bytes(2), digest.hash);
    ++digest.rows;
  }
}

Result<Digest> digest_of(Connection& connection) {
  Digest digest;
  Status done = add_rows(connection,
                         "SELECT tres, level||' '||start||' '||key||' '||cpus, jobs||' '||begun "
                         "FROM uses ORDER BY level, start, key, cpus",
                         digest);
  if (done) {
    done = add_rows(connection,
                    "SELECT used, start||' '||finish||' '||reservation, waited "
                    "FROM cluster_hours ORDER BY start, reservation",
                    digest);
  }
  if (!done) return tl::unexpected(done.error());
  return digest;
}

}  // namespace

Status Store::State::prepare_uses() {
  const auto zone = connection.query_integer("SELECT value FROM meta WHERE name='use_zone'");
  const auto until = connection.query_integer("SELECT value FROM meta WHERE name='use_zone_until'");
  if (!zone) return tl::unexpected(zone.error());
  if (!until) return tl::unexpected(until.error());
  if (*zone == zone_hash(options.clock, *until)) return {};
  const Result<UseRebuild> made = rebuild_use();
  return made ? Status{} : Status(tl::unexpected(made.error()));
}

Result<UseRebuild> Store::State::rebuild_use() {
  const std::scoped_lock guard(database);
  const Result<Digest> before = digest_of(connection);
  if (!before) return tl::unexpected(before.error());
  const model::WallTime now = options.now != 0 ? options.now : base::wall_micros();
  if (const Status done = sum_use_anew(now); !done) {
    writer->roll_back();
    return tl::unexpected(done.error());
  }
  const Result<Digest> after = digest_of(connection);
  if (!after) return tl::unexpected(after.error());
  return UseRebuild{after->rows, before->hash == after->hash && before->rows == after->rows};
}

Status Store::State::sum_use_anew(model::WallTime now) {
  Status done = writer->begin();
  if (done) done = writer->uses().clear();
  if (done) done = writer->uses().add_all(connection);
  for (const ArchiveFile& file : archive_files(archive_folder(options.path))) {
    if (!done) break;
    Result<Connection> archive = Connection::open(file.path, Connection::Mode::reader);
    done = archive ? writer->uses().add_all(*archive) : context(file.path, archive.error());
  }
  if (done) done = set_meta(connection, "use_zone", zone_hash(options.clock, now));
  if (done) done = set_meta(connection, "use_zone_until", now);
  if (done) done = writer->commit(now);
  return done;
}

}  // namespace sluice::store
