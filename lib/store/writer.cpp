// See writer.hpp.
#include "store/writer.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "store/records.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

namespace {

constexpr std::size_t kMaxKnownBlobs = 16'384;
constexpr std::size_t kMaxKnownNodes = 131'072;
constexpr model::WallTime kReplyAge = 24 * 3600 * model::kSecond;
// Looked at per reply made: the sweep goes round the table before it can have grown by half.
constexpr std::uint32_t kSweepPerReply = 2;
constexpr std::uint32_t kSweepAtLeast = 16;
constexpr std::uint32_t kSweepAtMost = 512;

struct Wanted {
  Statement* statement;
  Sql sql;
};

template <std::size_t N>
Status prepare_all(Connection& connection, const std::array<Wanted, N>& list) {
  for (const Wanted& wanted : list) {
    Result<Statement> made = connection.prepare(wanted.sql);
    if (!made) return tl::unexpected(std::move(made.error()));
    *wanted.statement = std::move(*made);
  }
  return {};
}

}  // namespace

Result<Writer> Writer::create(Connection& connection, rollup::Calendar calendar) {
  Result<Statements> statements = prepare(connection);
  if (!statements) return tl::unexpected(std::move(statements.error()));
  Writer writer(connection, std::move(*statements), std::move(calendar));
  const Result<std::int64_t> newest = connection.query_integer("SELECT max(key) FROM jobs");
  if (!newest) return tl::unexpected(newest.error());
  writer.newest_key_ = writer.committed_key_ = *newest;
  return writer;
}

Writer::Writer(Connection& connection, Statements statements, rollup::Calendar calendar)
    : connection_(&connection),
      sql_(std::move(statements)),
      specs_(std::move(sql_.put_spec)),
      requests_(std::move(sql_.put_request)),
      accounts_(std::move(sql_.accounts)),
      ledger_(std::move(sql_.ledger)),
      uses_(connection, std::move(sql_.uses), std::move(calendar)),
      events_(std::move(sql_.events)) {}

Result<Writer::Statements> Writer::prepare(Connection& connection) {
  Statements s;
  const std::array<Wanted, 23> list{{
      {&s.begin, "BEGIN IMMEDIATE"},
      {&s.commit, "COMMIT"},
      {&s.roll_back, "ROLLBACK"},
      {&s.put_job,
       "INSERT INTO jobs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (key) "
       "DO UPDATE SET array_job=?2, array_task=?3, uid=?4, state=?5, submit=?6, finished=?7, "
       "spec=?8, request=?9, record=?10"},
      {&s.update_job,
       "UPDATE jobs SET state=?2, spec=?3, request=?4, record=?5 "
       "WHERE key=?1 AND finished IS NULL"},
      {&s.finish_job,
       "UPDATE jobs SET state=?2, spec=?3, request=?4, record=?5, finished=?6 WHERE key=?1"},
      {&s.put_spec, "INSERT INTO specs (record) VALUES (?1)"},
      {&s.put_request, "INSERT INTO requests (record) VALUES (?1)"},
      {&s.put_step, "INSERT OR REPLACE INTO steps VALUES (?1, ?2, ?3, ?4)"},
      {&s.put_release, "INSERT OR IGNORE INTO releases VALUES (?1, ?2)"},
      {&s.drop_releases, "DELETE FROM releases WHERE job=?1"},
      {&s.put_node, "INSERT OR REPLACE INTO nodes VALUES (?1, ?2)"},
      {&s.put_partition, "INSERT OR REPLACE INTO partitions VALUES (?1, ?2)"},
      {&s.put_reservation, "INSERT OR REPLACE INTO reservations VALUES (?1, ?2)"},
      {&s.drop_reservation, "DELETE FROM reservations WHERE id=?1"},
      {&s.put_blob, "INSERT OR IGNORE INTO blobs VALUES (?1, ?2)"},
      {&s.put_reply, "INSERT OR IGNORE INTO replies VALUES (?1, ?2, ?3, ?4, ?5)"},
      {&s.put_host, "INSERT OR REPLACE INTO hosts VALUES (?1, ?2, ?3, ?4, ?5)"},
      {&s.put_token, "INSERT OR REPLACE INTO tokens VALUES (?1, ?2, ?3, ?4)"},
      {&s.drop_token, "DELETE FROM tokens WHERE secret_hash=?1"},
      {&s.next_job_id, "UPDATE meta SET value=?1 WHERE name='next_job_id' AND value<?1"},
      {&s.scan_replies,
       "SELECT request_id, made FROM replies WHERE request_id>?1 ORDER BY request_id LIMIT ?2"},
      {&s.drop_reply, "DELETE FROM replies WHERE request_id=?1"},
  }};
  if (Status made = prepare_all(connection, list); !made) {
    return tl::unexpected(std::move(made.error()));
  }
  Result<AccountRows::Statements> accounts = AccountRows::prepare(connection);
  if (!accounts) return tl::unexpected(std::move(accounts.error()));
  s.accounts = std::move(*accounts);
  Result<LedgerRows::Statements> ledger = LedgerRows::prepare(connection);
  if (!ledger) return tl::unexpected(std::move(ledger.error()));
  s.ledger = std::move(*ledger);
  Result<UseRows::Statements> uses = UseRows::prepare(connection);
  if (!uses) return tl::unexpected(std::move(uses.error()));
  s.uses = std::move(*uses);
  Result<EventRows::Statements> events = EventRows::prepare(connection);
  if (!events) return tl::unexpected(std::move(events.error()));
  s.events = std::move(*events);
  return s;
}

Status Writer::begin() { return sql_.begin.run(); }

void Writer::roll_back() {
  // If this fails too, SQLite has rolled back by itself; the caller has the first error.
  if (connection_->in_transaction()) [[maybe_unused]]
    const Status undone = sql_.roll_back.run();
  specs_.forget();
  requests_.forget();
  uses_.forget();
  ledger_.forget();
  events_.forget();
  blobs_.clear();
  nodes_.clear();
  newest_key_ = committed_key_;
  next_job_id_ = 0;
  replies_made_ = 0;
}

Status Writer::write(const Transaction& transaction, model::WallTime now) {
  events_.begin(now);
  if (Status written = write_releases(transaction); !written) return written;
  if (Status written = write_jobs(transaction); !written) return written;
  if (Status written = write_steps(transaction); !written) return written;
  if (Status written = write_nodes(transaction); !written) return written;
  if (Status written = write_blobs(transaction); !written) return written;
  if (Status written = write_hosts(transaction); !written) return written;
  if (Status written = write_reservations(transaction, now); !written) return written;
  if (Status written = write_uses(transaction); !written) return written;
  for (const model::UsageRecord& usage : transaction.usage) {
    if (Status written = accounts_.write(usage); !written) return written;
    ++rows_;
  }
  // After the usage: what is removed takes its own along.
  if (transaction.accounts) {
    if (Status written = accounts_.write(*transaction.accounts); !written) return written;
    ++rows_;
  }
  if (transaction.books) {
    if (Status written = write_books(*transaction.books); !written) return written;
  }
  next_job_id_ = std::max(next_job_id_, transaction.next_job_id);
  return transaction.reply ? write_reply(*transaction.reply, now) : Status{};
}

Status Writer::write_books(const ledger::BooksRows& books) {
  for (const ledger::Entry& entry : books.entries) {
    if (Status noted = events_.note_entry(entry); !noted) return noted;
  }
  rows_ += books.entries.size() + 1;
  return ledger_.write(books);
}

Status Writer::commit(model::WallTime now) {
  events_.begin(now);
  if (Status purged = events_.purge(); !purged) return purged;
  if (Status flushed = uses_.flush(); !flushed) return flushed;
  // Most often that is the id after the newest job's, which a restart sees without it.
  if (next_job_id_ > job_of_key(newest_key_).value + 1) {
    if (Status written = sql_.next_job_id.run(next_job_id_); !written) return written;
  }
  if (replies_made_ != 0) {
    if (Status swept = sweep_replies(now); !swept) return swept;
  }
  if (Status committed = sql_.commit.run(); !committed) return committed;
  committed_key_ = newest_key_;
  next_job_id_ = 0;
  return {};
}

// An attempt's final record is often the job's latest too: written once.
Status Writer::write_jobs(const Transaction& transaction) {
  std::vector<const model::Job*> latest;
  if (!transaction.ended.empty()) {
    latest.reserve(transaction.jobs.size());
    for (const model::JobPtr& job : transaction.jobs) latest.push_back(job.get());
    std::ranges::sort(latest);
  }
  for (const model::JobPtr& job : transaction.ended) {
    if (std::ranges::binary_search(latest, job.get())) continue;
    if (Status written = write_job(*job, EventRows::Cause::course); !written) return written;
  }
  for (const model::JobPtr& job : transaction.jobs) {
    const bool touched = std::ranges::binary_search(transaction.touched, job->id);
    const auto cause = touched ? EventRows::Cause::request : EventRows::Cause::course;
    if (Status written = write_job(*job, cause); !written) return written;
  }
  return {};
}

Status Writer::write_job(const model::Job& job, EventRows::Cause cause) {
  const Result<std::int64_t> spec = specs_.row_of(*connection_, job.spec);
  if (!spec) return tl::unexpected(spec.error());
  const Result<std::int64_t> request = requests_.row_of(*connection_, job.request);
  if (!request) return tl::unexpected(request.error());
  ++rows_;
  const std::int64_t key = job_key(job.id, job.attempt);
  const auto standing =
      key > newest_key_ ? EventRows::Standing::is_new : EventRows::Standing::unknown;
  if (Status noted = events_.note(job, standing, cause); !noted) return noted;
  const std::optional<std::int64_t> finished = finished_at(job);
  if (finished && job.allocation) {
    if (Status dropped = sql_.drop_releases.run(key); !dropped) return dropped;
  }
  // The record with an array's id, once the rest, has become a task: all columns change.
  const bool was_rest = job.id == job.array_job && !job.array_rest;
  if (key > newest_key_ || was_rest) return put_job(job, *spec, *request);
  const auto state = static_cast<std::int64_t>(job.state);
  const std::string record = encode_job(job);
  const Status written =
      finished ? sql_.finish_job.run(key, state, *spec, *request, Bytes{record}, finished)
               : sql_.update_job.run(key, state, *spec, *request, Bytes{record});
  if (!written) return written;
  return connection_->changed_rows() == 0 ? put_job(job, *spec, *request) : Status{};
}

Status Writer::put_job(const model::Job& job, std::int64_t spec, std::int64_t request) {
  const std::int64_t key = job_key(job.id, job.attempt);
  std::optional<std::int64_t> array;
  std::optional<std::int64_t> task;
  if (job.array_job.is_set()) {
    array = job.array_job.value;
    task = job.array_task;
  }
  const std::string record = encode_job(job);
  newest_key_ = std::max(newest_key_, key);
  return sql_.put_job.run(key, array, task, job.spec->uid, static_cast<std::int64_t>(job.state),
                          job.submit, finished_at(job), spec, request, Bytes{record});
}

// Before the jobs: the final record of an attempt takes them along.
Status Writer::write_releases(const Transaction& transaction) {
  for (const model::NodeRelease& gone : transaction.released) {
    ++rows_;
    const Status written = sql_.put_release.run(job_key(gone.job, gone.attempt), gone.node.view());
    if (!written) return written;
  }
  return {};
}

Status Writer::write_steps(const Transaction& transaction) {
  for (const model::StepPtr& step : transaction.steps) {
    const std::int64_t running = model::is_finished(step->state) ? 0 : 1;
    const std::string record = wire::encode(*step);
    ++rows_;
    if (Status written = sql_.put_step.run(job_key(step->job, step->attempt.number), step->number,
                                           running, Bytes{record});
        !written) {
      return written;
    }
  }
  return {};
}

// Nodes change with every job; what is kept of them hardly ever.
Status Writer::write_nodes(const Transaction& transaction) {
  for (const model::NodePtr& node : transaction.nodes) {
    model::Node kept = kept_of(*node);
    const std::uint64_t hash = base::hash_bytes(wire::encode(kept));
    const auto known = nodes_.find(node->name.view());
    if (known != nodes_.end() && known->second == hash) continue;
    if (nodes_.size() >= kMaxKnownNodes) nodes_.clear();
    nodes_.insert_or_assign(node->name.str(), hash);
    if (Status noted = events_.note(kept); !noted) return noted;
    kept.last_busy = node->last_busy;
    const std::string record = wire::encode(kept);
    ++rows_;
    if (Status written = sql_.put_node.run(node->name.view(), Bytes{record}); !written) {
      return written;
    }
  }
  for (const model::PartitionPtr& partition : transaction.partitions) {
    const std::string record = wire::encode(*partition);
    ++rows_;
    if (Status written = sql_.put_partition.run(partition->name.view(), Bytes{record}); !written) {
      return written;
    }
  }
  return {};
}

Status Writer::write_uses(const Transaction& transaction) {
  for (const model::JobPtr& job : transaction.ended) {
    if (Status added = uses_.add(*job); !added) return added;
  }
  for (const model::NodeSpan& span : transaction.node_spans) {
    ++rows_;
    if (Status written = uses_.write(span); !written) return written;
  }
  return {};
}

Status Writer::write_reservations(const Transaction& transaction, model::WallTime now) {
  for (const model::ReservationPtr& reservation : transaction.reservations) {
    const std::string record = wire::encode(*reservation);
    ++rows_;
    if (Status written = sql_.put_reservation.run(reservation->id, Bytes{record}); !written) {
      return written;
    }
    if (Status written = uses_.write(*reservation, now); !written) return written;
  }
  for (const model::ReservationPtr& gone : transaction.reservations_gone) {
    ++rows_;
    if (Status written = sql_.drop_reservation.run(gone->id); !written) return written;
    if (Status ended = uses_.remove(*gone, now); !ended) return ended;
  }
  return {};
}

Status Writer::write_blobs(const Transaction& transaction) {
  for (const Blob& blob : transaction.blobs) {
    if (blobs_.contains(blob.hash.str())) continue;
    if (blobs_.size() >= kMaxKnownBlobs) blobs_.clear();
    blobs_.insert(blob.hash.str());
    ++rows_;
    if (Status written = sql_.put_blob.run(blob.hash.view(), Bytes{blob.bytes}); !written) {
      return written;
    }
  }
  return {};
}

Status Writer::write_hosts(const Transaction& transaction) {
  for (const HostRecord& host : transaction.hosts) {
    ++rows_;
    if (Status written = sql_.put_host.run(host.name.view(), host.public_key.view(),
                                           host.roles.view(), host.address.view(), host.port);
        !written) {
      return written;
    }
  }
  for (const TokenRecord& token : transaction.tokens) {
    ++rows_;
    const Status written = token.uses_left == 0
                               ? sql_.drop_token.run(token.secret_hash.view())
                               : sql_.put_token.run(token.secret_hash.view(), token.role.view(),
                                                    token.expires, token.uses_left);
    if (!written) return written;
  }
  return {};
}

Status Writer::write_reply(const StoredReply& reply, model::WallTime now) {
  const RequestKey key = request_key(reply.request_id);
  ++rows_;
  ++replies_made_;
  return sql_.put_reply.run(Bytes{{key.data(), key.size()}}, now, reply.uid,
                            std::uint32_t{reply.type}, Bytes{reply.payload});
}

// A part of the table in key order, so that what is dropped lies together.
Status Writer::sweep_replies(model::WallTime now) {
  const std::uint32_t wanted =
      std::clamp(replies_made_ * kSweepPerReply, kSweepAtLeast, kSweepAtMost);
  replies_made_ = 0;
  std::vector<std::string> old;
  std::uint32_t seen = 0;
  const std::string from = std::move(sweep_from_);
  sweep_from_.clear();
  sql_.scan_replies.start(Bytes{from}, wanted);
  while (true) {
    const Result<bool> row = sql_.scan_replies.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    const std::string_view id = sql_.scan_replies.bytes(0);
    if (++seen == wanted) sweep_from_ = id;
    if (sql_.scan_replies.integer(1) < now - kReplyAge) old.emplace_back(id);
  }
  for (const std::string& id : old) {
    if (Status dropped = sql_.drop_reply.run(Bytes{id}); !dropped) return dropped;
  }
  return {};
}

}  // namespace sluice::store
