// See event_rows.hpp.
#include "store/event_rows.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/entropy.hpp"
#include "event/derive.hpp"
#include "store/records.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

namespace {

// Rows that one commit drops at least, if so many are too old: some milliseconds. And for each that
// was written: the table shrinks, however much is written.
constexpr std::uint64_t kDroppedAtOnce = 512;
constexpr std::uint64_t kDroppedPerRow = 2;

}  // namespace

Result<EventRows::Statements> EventRows::prepare(Connection& connection) {
  struct Wanted {
    Statement* statement;
    Sql sql;
  };
  Statements s;
  const std::array<Wanted, 7> list{{
      {&s.first, "SELECT cursor, time FROM events ORDER BY cursor LIMIT 1"},
      {&s.last, "SELECT cursor, time FROM events ORDER BY cursor DESC LIMIT 1"},
      {&s.put, "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
      {&s.state_of, "SELECT state FROM jobs WHERE key=?1"},
      {&s.node_of, "SELECT record FROM nodes WHERE name=?1"},
      {&s.scan, "SELECT cursor, time FROM events ORDER BY cursor LIMIT ?1"},
      {&s.drop, "DELETE FROM events WHERE cursor<=?1"},
  }};
  for (const Wanted& wanted : list) {
    Result<Statement> made = connection.prepare(wanted.sql);
    if (!made) return tl::unexpected(std::move(made.error()));
    *wanted.statement = std::move(*made);
  }
  return s;
}

EventRows::EventRows(Statements statements)
    : sql_(std::move(statements)), origin_(static_cast<std::int64_t>(base::random_uid().low)) {}

Status EventRows::read_ends() {
  if (last_) return {};
  Known ends[2];
  Statement* const rows[2] = {&sql_.first, &sql_.last};
  for (int i = 0; i < 2; ++i) {
    rows[i]->start();
    const Result<bool> row = rows[i]->step();
    if (!row) return tl::unexpected(row.error());
    if (*row) ends[i] = {rows[i]->integer(0), rows[i]->integer(1)};
    rows[i]->reset();
  }
  first_ = ends[0];
  last_ = ends[1];
  return {};
}

Status EventRows::put(const event::Event& event, std::int64_t subject, const std::string& record) {
  if (Status read = read_ends(); !read) return read;
  const Known next{last_->cursor + 1, std::max(last_->time, now_)};
  const Status written =
      sql_.put.run(next.cursor, next.time, origin_, static_cast<std::int64_t>(event.kind),
                   static_cast<std::int64_t>(event.what), subject, Bytes{record});
  if (!written) return written;
  ++unpurged_;
  last_ = next;
  if (first_.cursor == 0) first_ = next;
  return {};
}

Status EventRows::note(const model::Job& job, Standing standing, Cause cause) {
  if (muted_) return {};
  std::optional<model::JobState> before;
  if (standing == Standing::unknown) {
    sql_.state_of.start(job_key(job.id, job.attempt));
    const Result<bool> row = sql_.state_of.step();
    if (!row) return tl::unexpected(row.error());
    if (*row) before = static_cast<model::JobState>(sql_.state_of.integer(0));
    sql_.state_of.reset();
  }
  event::Event event;
  event.kind = event::Kind::job;
  event.what = event::job_step(before, job);
  if (event.what == event::What::none) {
    if (cause != Cause::request) return {};
    event.what = event::What::changed;
  }
  return put(event, job.id.value, wire::encode(event::facts_of(job)));
}

Status EventRows::note(const model::Node& kept) {
  if (muted_) return {};
  sql_.node_of.start(kept.name.view());
  const Result<bool> row = sql_.node_of.step();
  if (!row) return tl::unexpected(row.error());
  std::optional<model::Node> before;
  if (*row) {
    Result<model::Node> stored = wire::decode<model::Node>(sql_.node_of.bytes(0));
    if (!stored) return context("a stored node", stored.error());
    before = std::move(*stored);
  }
  sql_.node_of.reset();
  const event::NodeStep step = event::node_step(before ? &*before : nullptr, kept);
  if (step.what == event::What::none) return {};
  event::Event event;
  event.kind = event::Kind::node;
  event.what = step.what;
  return put(event, 0, wire::encode(step.facts));
}

Status EventRows::note_entry(const ledger::Entry& entry) {
  if (muted_) return {};
  event::Event event;
  event.kind = event::Kind::ledger;
  return put(event, static_cast<std::int64_t>(entry.sequence), std::string());
}

bool EventRows::is_due(const Known& row) const {
  if (row.cursor == 0 || row.cursor >= last_->cursor) return false;
  const auto kept = static_cast<std::uint64_t>(last_->cursor - row.cursor) + 1;
  return (limits_.rows != 0 && kept > limits_.rows) ||
         (limits_.after_s != 0 && row.time < now_ - limits_.after_s * model::kSecond);
}

Status EventRows::purge() {
  if (muted_) return {};
  if (Status read = read_ends(); !read) return read;
  const std::uint64_t most = std::max(kDroppedAtOnce, kDroppedPerRow * std::exchange(unpurged_, 0));
  if (!is_due(first_)) return {};
  Known old;
  sql_.scan.start(static_cast<std::int64_t>(most + 1));
  while (true) {
    const Result<bool> row = sql_.scan.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    first_ = {sql_.scan.integer(0), sql_.scan.integer(1)};
    if (!is_due(first_)) break;
    old = std::exchange(first_, {});
  }
  sql_.scan.reset();
  if (old.cursor == 0) return {};
  // The last that was looked at may be due too: then it is the first of the next time.
  if (first_.cursor == 0) first_ = {old.cursor + 1, old.time};
  return sql_.drop.run(old.cursor);
}

}  // namespace sluice::store
