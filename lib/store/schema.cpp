// See schema.hpp. The tables are made for few, small, mostly appending writes per job:
//
// - jobs: a row per attempt. The columns beside `record` are what history selects by; they are not
//   touched by an update of a live job, so that no index is written between submit and end.
// - specs and requests: what jobs have in common, by content, each stored once as far as the
//   writer remembers (no index: a random page per job would cost more than a rare double).
// - replies: one tree by request id; what is too old is swept in key order, a little per commit.
#include "store/schema.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "base/fd.hpp"

namespace sluice::store {

namespace {

constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr std::int64_t kApplicationId = 0x534c4345;  // "SLCE"
// Up to here the whole database is checked at each start, in about 30 ms. Larger ones are not: a
// restart must stay fast. The log protects them from crashes, and damage done by others is found
// when the damaged page is read: at the start if it belongs to a live job.
constexpr std::int64_t kCheckedPages = 2048;

// Never changed once released; new ones are added at the end.
// jobs.key: job id << 31 | attempt. jobs.finished: the end, null while the job is live.
// steps.job: the key of the job's attempt.
constexpr std::array<Sql, 8> kMigrations{
    R"(
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('epoch', 0), ('next_job_id', 0);
CREATE TABLE specs (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE requests (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE jobs (
  key INTEGER PRIMARY KEY,
  array_job INTEGER,
  array_task INTEGER,
  uid INTEGER NOT NULL,
  state INTEGER NOT NULL,
  submit INTEGER NOT NULL,
  finished INTEGER,
  spec INTEGER NOT NULL REFERENCES specs,
  request INTEGER NOT NULL REFERENCES requests,
  record BLOB NOT NULL);
CREATE INDEX jobs_live ON jobs (uid) WHERE finished IS NULL;
CREATE INDEX jobs_finished ON jobs (finished, submit) WHERE finished IS NOT NULL;
CREATE INDEX jobs_by_user ON jobs (uid, finished, submit) WHERE finished IS NOT NULL;
CREATE INDEX jobs_by_array ON jobs (array_job, array_task) WHERE array_job IS NOT NULL;
CREATE TABLE steps (
  job INTEGER NOT NULL,
  number INTEGER NOT NULL,
  running INTEGER NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY (job, number)) WITHOUT ROWID;
CREATE TABLE nodes (name TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE partitions (name TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE blobs (hash TEXT NOT NULL UNIQUE, bytes BLOB NOT NULL);
CREATE TABLE replies (
  request_id BLOB PRIMARY KEY,
  made INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  type INTEGER NOT NULL,
  payload BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE hosts (
  name TEXT PRIMARY KEY,
  public_key TEXT NOT NULL,
  roles TEXT NOT NULL,
  address TEXT NOT NULL,
  port INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE tokens (
  secret_hash TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  expires INTEGER NOT NULL,
  uses_left INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA application_id = 0x534c4345;
PRAGMA user_version = 1;
)",
    // Accounts, by record; usage by what it is of (0: not of that).
    R"(
INSERT INTO meta VALUES ('accounts_generation', 0), ('next_association', 0), ('next_qos', 0);
CREATE TABLE tres (id INTEGER PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE accounts (name TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE users (name TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE associations (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE qos (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE usage (
  association INTEGER NOT NULL,
  qos INTEGER NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY (association, qos)) WITHOUT ROWID;
PRAGMA user_version = 2;
)",
    R"(
CREATE TABLE reservations (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
PRAGMA user_version = 3;
)",
    // Use (use_rows.hpp). Seconds, but for spans and reservations, which have microseconds.
    // use_zone: a hash of the local clock that days and months went by until use_zone_until.
    R"(
INSERT INTO meta VALUES ('use_zone', 0), ('use_zone_until', 0);
CREATE TABLE use_keys (id INTEGER PRIMARY KEY, record BLOB NOT NULL UNIQUE);
CREATE TABLE uses (
  level INTEGER NOT NULL,
  start INTEGER NOT NULL,
  key INTEGER NOT NULL,
  cpus INTEGER NOT NULL,
  jobs INTEGER NOT NULL,
  begun INTEGER NOT NULL,
  tres BLOB NOT NULL,
  PRIMARY KEY (level, start, key, cpus)) WITHOUT ROWID;
CREATE TABLE cluster_hours (
  start INTEGER NOT NULL,
  reservation TEXT NOT NULL,
  finish INTEGER NOT NULL,
  used BLOB NOT NULL,
  waited BLOB NOT NULL,
  PRIMARY KEY (start, reservation)) WITHOUT ROWID;
CREATE TABLE node_spans (
  node TEXT NOT NULL,
  start INTEGER NOT NULL,
  finish INTEGER,
  record BLOB NOT NULL,
  PRIMARY KEY (node, start)) WITHOUT ROWID;
CREATE INDEX node_spans_open ON node_spans (node) WHERE finish IS NULL;
CREATE INDEX node_spans_closed ON node_spans (finish, start) WHERE finish IS NOT NULL;
CREATE TABLE past_reservations (
  id INTEGER NOT NULL,
  start INTEGER NOT NULL,
  finish INTEGER NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY (id, start)) WITHOUT ROWID;
PRAGMA user_version = 4;
)",
    // Money (ledger_rows.hpp). Entries are found by what they refer to; their columns repeat what
    // the record says. Of jobs only reversals (kind 8) are looked for.
    R"(
CREATE TABLE ledger (
  sequence INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  month INTEGER NOT NULL,
  customer INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  job INTEGER,
  refers_to INTEGER,
  record BLOB NOT NULL,
  hash BLOB NOT NULL);
CREATE INDEX ledger_by_month ON ledger (month, customer);
CREATE INDEX ledger_by_subject ON ledger (refers_to) WHERE refers_to IS NOT NULL;
CREATE INDEX ledger_reversals ON ledger (job) WHERE kind=8;
CREATE TABLE books (
  kind INTEGER NOT NULL,
  id BLOB NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY (kind, id)) WITHOUT ROWID;
PRAGMA user_version = 5;
)",
    // The event stream (event_rows.hpp). subject: the job, or the entry that the event tells of.
    R"(
CREATE TABLE events (
  cursor INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  what INTEGER NOT NULL,
  subject INTEGER NOT NULL,
  record BLOB NOT NULL);
PRAGMA user_version = 6;
)",
    // Statements (ledger_reader.hpp): a customer's entries in their order, its balances after some
    // of them, and which entry closed a month (kind 16): no later one belongs to that month.
    R"(
DROP INDEX ledger_by_month;
CREATE INDEX ledger_by_customer ON ledger (customer);
CREATE INDEX ledger_closings ON ledger (month) WHERE kind=16;
CREATE TABLE ledger_marks (
  customer INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  time INTEGER NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY (customer, sequence)) WITHOUT ROWID;
PRAGMA user_version = 7;
)",
    // Nodes that have come clean of an attempt that is over, until the last of them has. job: the
    // key of the attempt.
    R"(
CREATE TABLE releases (
  job INTEGER NOT NULL,
  node TEXT NOT NULL,
  PRIMARY KEY (job, node)) WITHOUT ROWID;
PRAGMA user_version = 8;
)"};

tl::unexpected<Error> refused(const std::string& path, std::string_view why) {
  return fail(ErrorCode::storage, path + ": " + std::string(why) + "; nothing was changed");
}

tl::unexpected<Error> damaged(const std::string& path, std::string_view what) {
  std::string line(what);
  std::ranges::replace(line, '\n', ' ');
  return refused(path, "the database is damaged (" + line + ")");
}

Status check_whole(Connection& connection, const std::string& path) {
  const Result<std::int64_t> pages = connection.query_integer("PRAGMA page_count");
  if (!pages) return damaged(path, pages.error().text);
  if (*pages > kCheckedPages) return {};
  const Result<std::string> found = connection.query_text("PRAGMA quick_check(1)");
  if (!found) return damaged(path, found.error().text);
  if (*found != "ok") return damaged(path, *found);
  return {};
}

// The number of migrations already done.
Result<std::size_t> version_of(Connection& connection, const std::string& path) {
  const Result<std::int64_t> application = connection.query_integer("PRAGMA application_id");
  if (!application) return damaged(path, application.error().text);
  const Result<std::int64_t> version = connection.query_integer("PRAGMA user_version");
  const Result<std::int64_t> tables =
      connection.query_integer("SELECT count(*) FROM sqlite_schema");
  if (!version || !tables) return damaged(path, (version ? tables : version).error().text);
  const bool is_empty = *application == 0 && *version == 0 && *tables == 0;
  if (!is_empty && *application != kApplicationId) {
    return refused(path, "this is the database of another program");
  }
  const auto known = static_cast<std::int64_t>(kMigrations.size());
  if (*version < 0 || *version > known) {
    return refused(path, "the state was written by a newer release (schema " +
                             std::to_string(*version) + ", this release knows " +
                             std::to_string(known) + ")");
  }
  return static_cast<std::size_t>(*version);
}

}  // namespace

Result<bool> is_new_database(const std::string& path) {
  Result<base::UniqueFd> file = base::open_file(path, O_RDONLY);
  if (!file && file.error().code == ErrorCode::not_found) return true;
  if (!file) return tl::unexpected(std::move(file.error()));
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) {
    return tl::unexpected(base::errno_error(path, errno));
  }
  if (!S_ISREG(status.st_mode)) return refused(path, "not a regular file");
  if (status.st_size == 0) return true;
  std::array<char, 100> header{};
  const ssize_t got = ::pread(file->get(), header.data(), header.size(), 0);
  if (got < 0) return tl::unexpected(base::errno_error(path, errno));
  const std::string_view start(header.data(), static_cast<std::size_t>(got));
  if (start.size() < header.size() || !start.starts_with(kMagic)) {
    return damaged(path, "it does not begin as a database does");
  }
  return false;
}

Status prepare_schema(Connection& connection, const std::string& path) {
  const Result<std::size_t> done = version_of(connection, path);
  if (!done) return tl::unexpected(done.error());
  if (Status checked = check_whole(connection, path); !checked) return checked;
  for (std::size_t next = *done; next < kMigrations.size(); ++next) {
    Status migrated = connection.execute("BEGIN IMMEDIATE");
    if (migrated) migrated = connection.execute(kMigrations[next]);
    if (migrated) migrated = connection.execute("COMMIT");
    if (migrated) continue;
    if (connection.in_transaction()) {
      const Status undone = connection.execute("ROLLBACK");
      if (!undone) return context(path, undone.error());
    }
    return context(path, migrated.error());
  }
  return {};
}

}  // namespace sluice::store
