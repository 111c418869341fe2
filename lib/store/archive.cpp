// See archive.hpp.
#include "store/archive.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "ledger/calendar.hpp"
#include "store/part_reader.hpp"
#include "store/records.hpp"
#include "store/schema.hpp"
#include "store/writer.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

namespace {

constexpr std::size_t kRowsPerStep = 256;
constexpr std::size_t kMaxParts = 4096;

std::string file_of(const std::string& folder, model::WallTime end) {
  return folder + "/" + ledger::month_text(ledger::month_of(end)) + ".db";
}

// A commit in it is on disk when it is done; there is no log beside it that readers need.
Status set_up(Connection& connection) {
  const Result<std::string> mode = connection.query_text("PRAGMA journal_mode=DELETE");
  if (!mode) return tl::unexpected(mode.error());
  return connection.execute("PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY");
}

// An archive opened for writing.
struct OpenArchive {
  std::string path;
  std::unique_ptr<Connection> connection;  // outlives the writer's statements
  std::unique_ptr<Writer> writer;
};

Result<OpenArchive> open_archive(const std::string& path) {
  const Result<base::UniqueFd> made = base::open_file(path, O_RDWR | O_CREAT, 0600);
  if (!made) return tl::unexpected(made.error());
  Result<Connection> connection = Connection::open(path, Connection::Mode::writer);
  if (!connection) return context(path, connection.error());
  OpenArchive archive{path, std::make_unique<Connection>(std::move(*connection)), nullptr};
  if (Status set = set_up(*archive.connection); !set) return context(path, set.error());
  if (Status ready = prepare_schema(*archive.connection, path); !ready) {
    return tl::unexpected(ready.error());
  }
  Result<Writer> writer = Writer::create(*archive.connection, {});
  if (!writer) return context(path, writer.error());
  archive.writer = std::make_unique<Writer>(std::move(*writer));
  archive.writer->events().mute();  // they were told when they happened
  return archive;
}

}  // namespace

std::string archive_folder(const std::string& database) {
  const std::size_t slash = database.rfind('/');
  return (slash == std::string::npos ? std::string() : database.substr(0, slash + 1)) + "history";
}

std::vector<ArchiveFile> archive_files(const std::string& folder) {
  std::vector<ArchiveFile> files;
  DIR* listing = ::opendir(folder.c_str());
  if (listing == nullptr) return files;
  while (const dirent* entry = ::readdir(listing)) {
    const std::string name = entry->d_name;
    if (!name.ends_with(".db")) continue;
    const auto month = ledger::parse_month(name.substr(0, name.size() - 3));
    if (!month) continue;
    files.push_back({folder + "/" + name, ledger::month_start(ledger::next_month(*month))});
  }
  ::closedir(listing);
  std::ranges::sort(files, {}, &ArchiveFile::end);
  return files;
}

Status recover_archives(const std::string& folder) {
  for (const ArchiveFile& file : archive_files(folder)) {
    if (::access((file.path + "-journal").c_str(), F_OK) != 0) continue;
    Result<Connection> connection = Connection::open(file.path, Connection::Mode::writer);
    if (!connection) return context(file.path, connection.error());
    const auto tables = connection->query_integer("SELECT count(*) FROM sqlite_schema");
    if (!tables) return context(file.path, tables.error());
  }
  return {};
}

struct ArchiveMover::State {
  struct Statements {
    Statement due, attempts, live_task, row, steps;
    Statement drop_job, drop_steps, begin, commit, roll_back;
    Statement spec, request;  // taken by the part readers
  };
  struct Moved {
    std::vector<std::int64_t> keys;
    std::map<std::string, Transaction> months;  // by file
  };

  State(Connection& connection, std::string where, Statements prepared)
      : state(&connection),
        folder(std::move(where)),
        sql(std::move(prepared)),
        specs(std::move(sql.spec), kMaxParts),
        requests(std::move(sql.request), kMaxParts) {}

  [[nodiscard]] static Result<Statements> prepare(Connection& connection);
  [[nodiscard]] Result<std::vector<std::int64_t>> due_rows(model::WallTime before);
  // The keys of the job's attempts, unless something still needs them here.
  [[nodiscard]] Result<std::vector<std::int64_t>> whole_job(std::int64_t key,
                                                            model::WallTime before);
  [[nodiscard]] Status gather(const std::vector<std::int64_t>& keys, Moved& moved);
  [[nodiscard]] Result<model::JobPtr> job_at(std::int64_t key);
  [[nodiscard]] Status gather_steps(std::int64_t key, Transaction& to);
  [[nodiscard]] Status write(Moved& moved);
  [[nodiscard]] Status drop(const Moved& moved);

  Connection* state;
  std::string folder;
  Statements sql;
  PartReader<model::JobSpec> specs;
  PartReader<model::Request> requests;
  std::optional<OpenArchive> open;
  model::WallTime from = 0;  // where the round has come to
};

Result<ArchiveMover::State::Statements> ArchiveMover::State::prepare(Connection& connection) {
  struct Wanted {
    Statement* statement;
    Sql sql;
  };
  Statements s;
  const std::array<Wanted, 12> list{{
      {&s.due,
       "SELECT key, finished FROM jobs WHERE finished>=?1 AND finished<?2 "
       "ORDER BY finished LIMIT ?3"},
      {&s.attempts, "SELECT key, finished, array_job FROM jobs WHERE key BETWEEN ?1 AND ?2"},
      {&s.live_task, "SELECT 1 FROM jobs WHERE array_job=?1 AND finished IS NULL LIMIT 1"},
      {&s.row, "SELECT spec, request, record FROM jobs WHERE key=?1"},
      {&s.steps, "SELECT record FROM steps WHERE job=?1"},
      {&s.drop_job, "DELETE FROM jobs WHERE key=?1"},
      {&s.drop_steps, "DELETE FROM steps WHERE job=?1"},
      {&s.begin, "BEGIN IMMEDIATE"},
      {&s.commit, "COMMIT"},
      {&s.roll_back, "ROLLBACK"},
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

Result<std::vector<std::int64_t>> ArchiveMover::State::due_rows(model::WallTime before) {
  std::vector<std::int64_t> keys;
  sql.due.start(from, before, static_cast<std::int64_t>(kRowsPerStep));
  while (true) {
    const Result<bool> row = sql.due.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return keys;
    keys.push_back(sql.due.integer(0));
    from = sql.due.integer(1) + 1;
  }
}

Result<std::vector<std::int64_t>> ArchiveMover::State::whole_job(std::int64_t key,
                                                                 model::WallTime before) {
  std::vector<std::int64_t> keys;
  std::int64_t array = 0;
  bool over = true;
  sql.attempts.start(job_key(job_of_key(key), 0), job_key(job_of_key(key), 0) | kAttemptMask);
  while (true) {
    const Result<bool> row = sql.attempts.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    keys.push_back(sql.attempts.integer(0));
    over = over && !sql.attempts.is_null(1) && sql.attempts.integer(1) < before;
    array = sql.attempts.integer(2);
  }
  if (array != 0) {
    sql.live_task.start(array);
    const Result<bool> live = sql.live_task.step();
    if (!live) return tl::unexpected(live.error());
    over = over && !*live;
    sql.live_task.reset();
  }
  if (!over) keys.clear();
  return keys;
}

Result<model::JobPtr> ArchiveMover::State::job_at(std::int64_t key) {
  sql.row.start(key);
  const Result<bool> row = sql.row.step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return model::JobPtr();
  Result<model::Job> job = wire::decode<model::Job>(sql.row.bytes(2));
  const std::int64_t spec_row = sql.row.integer(0);
  const std::int64_t request_row = sql.row.integer(1);
  sql.row.reset();
  if (!job) return tl::unexpected(job.error());
  const auto spec = specs.part(spec_row);
  if (!spec) return tl::unexpected(spec.error());
  const auto request = requests.part(request_row);
  if (!request) return tl::unexpected(request.error());
  job->spec = *spec;
  job->request = *request;
  return std::make_shared<const model::Job>(std::move(*job));
}

Status ArchiveMover::State::gather_steps(std::int64_t key, Transaction& to) {
  sql.steps.start(key);
  while (true) {
    const Result<bool> row = sql.steps.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    Result<model::Step> step = wire::decode<model::Step>(sql.steps.bytes(0));
    if (!step) return tl::unexpected(step.error());
    to.steps.push_back(std::make_shared<const model::Step>(std::move(*step)));
  }
}

Status ArchiveMover::State::gather(const std::vector<std::int64_t>& keys, Moved& moved) {
  std::vector<model::JobPtr> attempts;
  for (const std::int64_t key : keys) {
    const Result<model::JobPtr> job = job_at(key);
    if (!job) return tl::unexpected(job.error());
    if (*job) attempts.push_back(*job);
  }
  if (attempts.empty()) return {};
  Transaction& month = moved.months[file_of(folder, attempts.back()->end)];
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    month.jobs.push_back(attempts[i]);
    if (Status gathered = gather_steps(keys[i], month); !gathered) return gathered;
    moved.keys.push_back(keys[i]);
  }
  return {};
}

Status ArchiveMover::State::write(Moved& moved) {
  for (auto& [path, month] : moved.months) {
    if (!open || open->path != path) {
      open.reset();
      Result<OpenArchive> opened = open_archive(path);
      if (!opened) return tl::unexpected(opened.error());
      open.emplace(std::move(*opened));
    }
    Status written = open->writer->begin();
    if (written) written = open->writer->write(month, 0);
    if (written) written = open->writer->commit(0);
    if (written) continue;
    open.reset();
    return context(path, written.error());
  }
  return {};
}

Status ArchiveMover::State::drop(const Moved& moved) {
  Status done = sql.begin.run();
  for (const std::int64_t key : moved.keys) {
    if (done) done = sql.drop_job.run(key);
    if (done) done = sql.drop_steps.run(key);
  }
  if (done) done = sql.commit.run();
  if (!done && state->in_transaction()) {
    [[maybe_unused]] const Status undone = sql.roll_back.run();
  }
  return done;
}

ArchiveMover::ArchiveMover(std::unique_ptr<State> state) : state_(std::move(state)) {}
ArchiveMover::ArchiveMover(ArchiveMover&&) noexcept = default;
ArchiveMover& ArchiveMover::operator=(ArchiveMover&&) noexcept = default;
ArchiveMover::~ArchiveMover() = default;

Result<ArchiveMover> ArchiveMover::create(Connection& state, std::string folder) {
  auto statements = State::prepare(state);
  if (!statements) return tl::unexpected(std::move(statements.error()));
  return ArchiveMover(std::make_unique<State>(state, std::move(folder), std::move(*statements)));
}

Result<bool> ArchiveMover::step(model::WallTime before) {
  const Result<std::vector<std::int64_t>> due = state_->due_rows(before);
  if (!due) return tl::unexpected(due.error());
  // Its id tells where numbers go on.
  const auto newest = state_->state->query_integer("SELECT max(key) FROM jobs");
  if (!newest) return tl::unexpected(newest.error());
  State::Moved moved;
  std::set<JobId> seen{job_of_key(*newest)};
  for (const std::int64_t key : *due) {
    if (!seen.insert(job_of_key(key)).second) continue;
    const auto keys = state_->whole_job(key, before);
    if (!keys) return tl::unexpected(keys.error());
    if (Status gathered = state_->gather(*keys, moved); !gathered) {
      return tl::unexpected(gathered.error());
    }
  }
  if (!moved.keys.empty()) {
    if (Status made = base::make_directories(state_->folder, 0700); !made) {
      return tl::unexpected(made.error());
    }
    if (Status written = state_->write(moved); !written) {
      Error error = written.error();
      error.code = ErrorCode::unavailable;
      return tl::unexpected(std::move(error));
    }
    if (Status dropped = state_->drop(moved); !dropped) return tl::unexpected(dropped.error());
  }
  const bool more = due->size() == kRowsPerStep;
  if (!more) state_->from = 0;
  return more;
}

}  // namespace sluice::store
