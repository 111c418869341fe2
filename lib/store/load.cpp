// What a restart needs, read in one go. Equal specs and requests become one object, and the writer
// learns which rows they are in.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/clock.hpp"
#include "base/hash.hpp"
#include "store/account_rows.hpp"
#include "store/ledger_rows.hpp"
#include "store/part_reader.hpp"
#include "store/records.hpp"
#include "store/state.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

namespace {

// One object per content, whatever rows it is in.
template <class Part>
class LoadedParts {
 public:
  LoadedParts(Statement get, SharedParts<Part>& known)
      : rows_(std::move(get), static_cast<std::size_t>(-1)), known_(&known) {}

  [[nodiscard]] Result<std::shared_ptr<const Part>> part(std::int64_t row) {
    return rows_.part(row, [&](std::string_view record, std::shared_ptr<const Part> made) {
      const std::string hash = content_hash(record).str();
      const auto part = by_content_.emplace(hash, std::move(made)).first->second;
      known_->remember(part, hash, row);
      return part;
    });
  }

 private:
  PartReader<Part> rows_;
  SharedParts<Part>* known_;
  std::unordered_map<std::string, std::shared_ptr<const Part>, base::TextHash, std::equal_to<>>
      by_content_;
};

template <class Record, class Add>
Status load_records(Connection& connection, Sql sql, const Add& add) {
  Result<Statement> rows = connection.prepare(sql);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  while (true) {
    const Result<bool> row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    Result<Record> record = wire::decode<Record>(rows->bytes(0));
    if (!record) return context("a stored record", record.error());
    add(std::make_shared<const Record>(std::move(*record)));
  }
}

class Loader {
 public:
  Loader(Connection& connection, Writer& writer) : connection_(connection), writer_(writer) {}

  [[nodiscard]] Status load_jobs(LoadedState& state, model::WallTime finished_after);
  [[nodiscard]] Status load_steps(LoadedState& state);
  [[nodiscard]] Status load_releases(LoadedState& state);
  [[nodiscard]] Status load_hosts(LoadedState& state);
  [[nodiscard]] Status load_tokens(LoadedState& state);

 private:
  [[nodiscard]] Status add_rows(LoadedState& state, Statement& rows);
  [[nodiscard]] Status add_needed(LoadedState& state, const StillNeeded& needed,
                                  model::WallTime finished_before);
  [[nodiscard]] Status prepare_parts();

  Connection& connection_;
  Writer& writer_;
  std::optional<LoadedParts<model::JobSpec>> specs_;
  std::optional<LoadedParts<model::Request>> requests_;
};

Status Loader::prepare_parts() {
  Result<Statement> specs = connection_.prepare("SELECT record FROM specs WHERE id=?1");
  if (!specs) return tl::unexpected(std::move(specs.error()));
  Result<Statement> requests = connection_.prepare("SELECT record FROM requests WHERE id=?1");
  if (!requests) return tl::unexpected(std::move(requests.error()));
  specs_.emplace(std::move(*specs), writer_.specs());
  requests_.emplace(std::move(*requests), writer_.requests());
  return {};
}

// Of a job that was requeued only the latest attempt.
Status Loader::load_jobs(LoadedState& state, model::WallTime finished_after) {
  if (Status prepared = prepare_parts(); !prepared) return prepared;
  Result<Statement> live =
      connection_.prepare("SELECT key, spec, request, record FROM jobs WHERE finished IS NULL");
  if (!live) return tl::unexpected(std::move(live.error()));
  if (Status added = add_rows(state, *live); !added) return added;
  Result<Statement> recent =
      connection_.prepare("SELECT key, spec, request, record FROM jobs WHERE finished>=?1");
  if (!recent) return tl::unexpected(std::move(recent.error()));
  const StillNeeded needed = still_needed(state.jobs);
  recent->start(finished_after);
  if (Status added = add_rows(state, *recent); !added) return added;
  if (Status added = add_needed(state, needed, finished_after); !added) return added;
  auto& jobs = state.jobs;
  std::ranges::sort(jobs, [](const model::JobPtr& a, const model::JobPtr& b) {
    return a->id != b->id ? a->id < b->id : a->attempt > b->attempt;
  });
  const auto same = [](const model::JobPtr& a, const model::JobPtr& b) { return a->id == b->id; };
  jobs.erase(std::unique(jobs.begin(), jobs.end(), same), jobs.end());
  return {};
}

Status Loader::add_needed(LoadedState& state, const StillNeeded& needed,
                          model::WallTime finished_before) {
  // 2147483647: kAttemptMask. How a former attempt ended is nobody's concern.
  Result<Statement> tasks = connection_.prepare(
      "SELECT key, spec, request, record FROM jobs "
      "WHERE array_job=?1 AND finished<?2 AND (?3 OR state<>?4) AND NOT EXISTS "
      "(SELECT 1 FROM jobs later WHERE later.key>jobs.key AND later.key<=(jobs.key|2147483647))");
  if (!tasks) return tl::unexpected(std::move(tasks.error()));
  Result<Statement> single = connection_.prepare(
      "SELECT key, spec, request, record FROM jobs WHERE key BETWEEN ?1 AND ?2 AND finished<?3 "
      "ORDER BY key DESC LIMIT 1");
  if (!single) return tl::unexpected(std::move(single.error()));
  constexpr auto kCompleted = static_cast<std::int64_t>(model::JobState::completed);
  for (const JobId array : needed.arrays) {
    tasks->start(array.value, finished_before, 0U, kCompleted);
    if (Status added = add_rows(state, *tasks); !added) return added;
  }
  for (const JobId target : needed.targets) {
    tasks->start(target.value, finished_before, 1U, kCompleted);
    if (Status added = add_rows(state, *tasks); !added) return added;
    single->start(job_key(target, 0), job_key(target, 0) | kAttemptMask, finished_before);
    if (Status added = add_rows(state, *single); !added) return added;
  }
  return {};
}

Status Loader::add_rows(LoadedState& state, Statement& rows) {
  while (true) {
    const Result<bool> row = rows.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    Result<model::Job> job = wire::decode<model::Job>(rows.bytes(3));
    const auto name = [&] { return "job " + std::to_string(job_of_key(rows.integer(0)).value); };
    if (!job) return context(name(), job.error());
    Result<model::JobSpecPtr> spec = specs_->part(rows.integer(1));
    if (!spec) return context(name(), spec.error());
    Result<model::RequestPtr> request = requests_->part(rows.integer(2));
    if (!request) return context(name(), request.error());
    job->spec = std::move(*spec);
    job->request = std::move(*request);
    state.jobs.push_back(std::make_shared<const model::Job>(std::move(*job)));
  }
}

// Only jobs that hold nodes can have running steps.
Status Loader::load_steps(LoadedState& state) {
  Result<Statement> rows =
      connection_.prepare("SELECT record FROM steps WHERE job=?1 AND running=1");
  if (!rows) return tl::unexpected(std::move(rows.error()));
  for (const model::JobPtr& job : state.jobs) {
    if (!is_live(*job) || job->state == model::JobState::pending) continue;
    rows->start(job_key(job->id, job->attempt));
    while (true) {
      const Result<bool> row = rows->step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) break;
      Result<model::Step> step = wire::decode<model::Step>(rows->bytes(0));
      if (!step) return context("a step of job " + std::to_string(job->id.value), step.error());
      state.steps.push_back(std::make_shared<const model::Step>(std::move(*step)));
    }
  }
  return {};
}

Status Loader::load_releases(LoadedState& state) {
  Result<Statement> rows = connection_.prepare("SELECT job, node FROM releases ORDER BY job, node");
  if (!rows) return tl::unexpected(std::move(rows.error()));
  while (true) {
    const Result<bool> row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    const std::int64_t key = rows->integer(0);
    state.released.push_back(
        {job_of_key(key), static_cast<std::uint32_t>(key & kAttemptMask), rows->bytes(1)});
  }
}

Status Loader::load_hosts(LoadedState& state) {
  Result<Statement> rows =
      connection_.prepare("SELECT name, public_key, roles, address, port FROM hosts ORDER BY name");
  if (!rows) return tl::unexpected(std::move(rows.error()));
  while (true) {
    const Result<bool> row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    state.hosts.push_back({rows->bytes(0), rows->bytes(1), rows->bytes(2), rows->bytes(3),
                           static_cast<std::uint32_t>(rows->integer(4))});
  }
}

Status Loader::load_tokens(LoadedState& state) {
  Result<Statement> rows =
      connection_.prepare("SELECT secret_hash, role, expires, uses_left FROM tokens");
  if (!rows) return tl::unexpected(std::move(rows.error()));
  while (true) {
    const Result<bool> row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    state.tokens.push_back({rows->bytes(0), rows->bytes(1), rows->integer(2),
                            static_cast<std::uint32_t>(rows->integer(3))});
  }
}

Status load_spans(Connection& connection, LoadedState& state) {
  return load_records<model::NodeSpan>(
      connection, "SELECT record FROM node_spans WHERE finish IS NULL ORDER BY node",
      [&](const auto& span) { state.node_spans.push_back(*span); });
}

// The id after the newest job's is not always written down: rows of the newest job are never
// deleted, so it is never handed out again.
Status read_meta(Connection& connection, LoadedState& state) {
  const Result<std::int64_t> epoch =
      connection.query_integer("SELECT value FROM meta WHERE name='epoch'");
  if (!epoch) return tl::unexpected(epoch.error());
  const Result<std::int64_t> next =
      connection.query_integer("SELECT value FROM meta WHERE name='next_job_id'");
  if (!next) return tl::unexpected(next.error());
  const Result<std::int64_t> newest = connection.query_integer("SELECT max(key) FROM jobs");
  if (!newest) return tl::unexpected(newest.error());
  state.epoch = static_cast<std::uint64_t>(*epoch);
  state.next_job_id = static_cast<std::uint32_t>(*next);
  if (*newest != 0) {
    state.next_job_id = std::max(state.next_job_id, job_of_key(*newest).value + 1);
  }
  return {};
}

}  // namespace

Result<LoadedState> Store::State::load() {
  const std::scoped_lock guard(database);
  const auto failed_to = [this](const Status& status) {
    return context("loading " + options.path, status.error());
  };
  // A commit of its own, synced as any: an epoch that was told to a node is never used again.
  const Sql raise = "UPDATE meta SET value=value+1 WHERE name='epoch'";
  Status raised = connection.execute(raise);
  if (!raised && connection.was_full()) {
    lose_space();
    raised = connection.execute(raise);
  }
  if (!raised) return failed_to(raised);
  const model::WallTime now = options.now != 0 ? options.now : base::wall_micros();
  // 0: none is ever forgotten.
  const model::WallTime after =
      options.min_job_age_s == 0 ? 0 : now - options.min_job_age_s * model::kSecond;
  LoadedState state;
  Loader loader(connection, *writer);
  if (Status done = read_meta(connection, state); !done) return failed_to(done);
  if (Status done = loader.load_jobs(state, after); !done) return failed_to(done);
  if (Status done = loader.load_steps(state); !done) return failed_to(done);
  if (Status done = loader.load_releases(state); !done) return failed_to(done);
  if (Status done = loader.load_hosts(state); !done) return failed_to(done);
  if (Status done = loader.load_tokens(state); !done) return failed_to(done);
  Status done = load_records<model::Node>(
      connection, "SELECT record FROM nodes ORDER BY name",
      [&](model::NodePtr node) { state.nodes.push_back(std::move(node)); });
  if (!done) return failed_to(done);
  done = load_records<model::Partition>(
      connection, "SELECT record FROM partitions ORDER BY name",
      [&](model::PartitionPtr partition) { state.partitions.push_back(std::move(partition)); });
  if (!done) return failed_to(done);
  done = load_records<model::Reservation>(
      connection, "SELECT record FROM reservations ORDER BY id",
      [&](model::ReservationPtr kept) { state.reservations.push_back(std::move(kept)); });
  if (!done) return failed_to(done);
  if (Status read = load_accounts(connection, state); !read) return failed_to(read);
  if (Status read = load_books(connection, state); !read) return failed_to(read);
  if (Status read = load_spans(connection, state); !read) return failed_to(read);
  return state;
}

}  // namespace sluice::store
