// See use_rows.hpp.
#include "store/use_rows.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "store/part_reader.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

namespace {

constexpr std::size_t kMaxKeys = 65'536;
// Written when so many rows are gathered, also within a batch.
constexpr std::size_t kMaxGathered = 65'536;

std::string encode_amounts(const model::TresCounts& tres) { return wire::encode(Amounts{tres}); }

Status add_stored(model::TresCounts& sum, std::string_view bytes) {
  const Result<Amounts> stored = wire::decode<Amounts>(bytes);
  if (!stored) return context("a row of use", stored.error());
  rollup::add_use(sum, stored->tres);
  return {};
}

}  // namespace

Result<UseRows::Statements> UseRows::prepare(Connection& connection) {
  struct Wanted {
    Statement* statement;
    Sql sql;
  };
  Statements s;
  const std::array<Wanted, 12> list{{
      {&s.find_key, "SELECT id FROM use_keys WHERE record=?1"},
      {&s.put_key, "INSERT INTO use_keys (record) VALUES (?1)"},
      {&s.get_use,
       "SELECT jobs, begun, tres FROM uses WHERE level=?1 AND start=?2 AND key=?3 AND cpus=?4"},
      {&s.put_use, "INSERT OR REPLACE INTO uses VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
      {&s.get_hour, "SELECT used, waited FROM cluster_hours WHERE start=?1 AND reservation=?2"},
      {&s.put_hour, "INSERT OR REPLACE INTO cluster_hours VALUES (?1, ?2, ?3, ?4, ?5)"},
      {&s.put_span, "INSERT OR REPLACE INTO node_spans VALUES (?1, ?2, ?3, ?4)"},
      {&s.put_reservation, "INSERT OR REPLACE INTO past_reservations VALUES (?1, ?2, ?3, ?4)"},
      {&s.drop_reservation, "DELETE FROM past_reservations WHERE id=?1 AND start>?2"},
      {&s.end_reservation,
       "UPDATE past_reservations SET finish=?2 WHERE id=?1 AND finish>?2 AND start<=?2"},
      {&s.clear_uses, "DELETE FROM uses"},
      {&s.clear_hours, "DELETE FROM cluster_hours"},
  }};
  for (const Wanted& wanted : list) {
    Result<Statement> made = connection.prepare(wanted.sql);
    if (!made) return tl::unexpected(std::move(made.error()));
    *wanted.statement = std::move(*made);
  }
  return s;
}

Result<std::int64_t> UseRows::row_of(const model::UseKey& key) {
  const std::string record = wire::encode(key);
  const auto known = keys_.find(record);
  if (known != keys_.end()) return known->second;
  sql_.find_key.start(Bytes{record});
  const Result<bool> row = sql_.find_key.step();
  if (!row) return tl::unexpected(row.error());
  std::int64_t id = 0;
  if (*row) {
    id = sql_.find_key.integer(0);
    sql_.find_key.reset();
  } else {
    if (Status made = sql_.put_key.run(Bytes{record}); !made) {
      return tl::unexpected(std::move(made.error()));
    }
    id = connection_->last_row();
  }
  if (keys_.size() >= kMaxKeys) keys_.clear();
  keys_.emplace(record, id);
  return id;
}

Status UseRows::add(const model::Job& attempt) {
  const rollup::AttemptUse use = rollup::use_of(attempt, rollup::seconds_of(attempt.end));
  if (use.held.length() > 0) {
    const Result<std::int64_t> key = row_of(use.key);
    if (!key) return tl::unexpected(key.error());
    add_held(use, *key);
  }
  add_hours(use);
  return sums_.size() + hours_.size() < kMaxGathered ? Status{} : flush();
}

void UseRows::add_held(const rollup::AttemptUse& use, std::int64_t key) {
  for (const rollup::Level level : rollup::kLevels) {
    rollup::Seconds at = use.held.from;
    while (at < use.held.to) {
      const rollup::Period span = calendar_.around(level, at);
      Sum& sum = sums_[{static_cast<std::uint32_t>(level), span.from, key, use.cpus}];
      ++sum.jobs;
      if (at == use.held.from) ++sum.begun;
      use.add_to(sum.tres, span);
      at = span.to;
    }
  }
}

void UseRows::add_hours(const rollup::AttemptUse& use) {
  const auto over_hours = [&](const rollup::Period& stretch, const auto& visit) {
    rollup::Seconds at = stretch.from;
    while (at < stretch.to) {
      const rollup::Period hour = calendar_.around(rollup::Level::hour, at);
      const auto sum_of = [&](std::string reservation) -> HourSum& {
        HourSum& sum = hours_[{hour.from, std::move(reservation)}];
        sum.end = hour.to;
        return sum;
      };
      visit(hour, sum_of);
      at = hour.to;
    }
  };
  over_hours(use.held, [&](const rollup::Period& hour, const auto& sum_of) {
    use.add_to(sum_of("").used, hour);
    if (!use.reservation.empty()) use.add_to(sum_of(use.reservation.str()).used, hour);
  });
  over_hours(use.wait.span, [&](const rollup::Period& hour, const auto& sum_of) {
    model::add_tres(sum_of("").waited, model::kTresCpu,
                    use.wait.cpus * rollup::common(hour, use.wait.span).length());
  });
}

Status UseRows::flush() {
  for (auto& [place, sum] : sums_) {
    if (Status written = write(place, std::move(sum)); !written) return written;
  }
  for (auto& [place, sum] : hours_) {
    if (Status written = write(place, std::move(sum)); !written) return written;
  }
  sums_.clear();
  hours_.clear();
  return {};
}

Status UseRows::write(const Place& place, Sum sum) {
  Statement& get = sql_.get_use;
  get.start(place.level, place.start, place.key, place.cpus);
  const Result<bool> row = get.step();
  if (!row) return tl::unexpected(row.error());
  if (*row) {
    sum.jobs += get.integer(0);
    sum.begun += get.integer(1);
    if (Status added = add_stored(sum.tres, get.bytes(2)); !added) return added;
    get.reset();
  }
  const std::string tres = encode_amounts(sum.tres);
  return sql_.put_use.run(place.level, place.start, place.key, place.cpus, sum.jobs, sum.begun,
                          Bytes{tres});
}

Status UseRows::write(const HourPlace& place, HourSum sum) {
  Statement& get = sql_.get_hour;
  get.start(place.start, std::string_view(place.reservation));
  const Result<bool> row = get.step();
  if (!row) return tl::unexpected(row.error());
  if (*row) {
    if (Status added = add_stored(sum.used, get.bytes(0)); !added) return added;
    if (Status added = add_stored(sum.waited, get.bytes(1)); !added) return added;
    get.reset();
  }
  const std::string used = encode_amounts(sum.used);
  const std::string waited = encode_amounts(sum.waited);
  return sql_.put_hour.run(place.start, std::string_view(place.reservation), sum.end, Bytes{used},
                           Bytes{waited});
}

void UseRows::forget() {
  keys_.clear();
  sums_.clear();
  hours_.clear();
}

Status UseRows::write(const model::NodeSpan& span) {
  const std::string record = wire::encode(span);
  std::optional<std::int64_t> finish;
  if (span.to != 0) finish = span.to;
  return sql_.put_span.run(span.node.view(), span.from, finish, Bytes{record});
}

Status UseRows::write(const model::Reservation& reservation, model::WallTime now) {
  const std::string record = wire::encode(reservation);
  // What has not begun yet may still become another.
  if (Status dropped = sql_.drop_reservation.run(reservation.id, now); !dropped) return dropped;
  return sql_.put_reservation.run(reservation.id, reservation.start, reservation.end,
                                  Bytes{record});
}

Status UseRows::remove(const model::Reservation& reservation, model::WallTime now) {
  const model::WallTime end = std::min(now, reservation.end);
  if (Status dropped = sql_.drop_reservation.run(reservation.id, end); !dropped) return dropped;
  return sql_.end_reservation.run(reservation.id, end);
}

Status UseRows::clear() {
  forget();
  if (Status cleared = sql_.clear_uses.run(); !cleared) return cleared;
  return sql_.clear_hours.run();
}

Status UseRows::add_all(Connection& history) {
  Result<Statement> jobs =
      history.prepare("SELECT spec, request, record FROM jobs WHERE finished IS NOT NULL");
  if (!jobs) return tl::unexpected(std::move(jobs.error()));
  Result<Statement> spec_rows = history.prepare("SELECT record FROM specs WHERE id=?1");
  if (!spec_rows) return tl::unexpected(std::move(spec_rows.error()));
  Result<Statement> request_rows = history.prepare("SELECT record FROM requests WHERE id=?1");
  if (!request_rows) return tl::unexpected(std::move(request_rows.error()));
  PartReader<model::JobSpec> specs(std::move(*spec_rows), kMaxKeys);
  PartReader<model::Request> requests(std::move(*request_rows), kMaxKeys);
  jobs->start();
  while (true) {
    const Result<bool> row = jobs->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return flush();
    Result<model::Job> job = wire::decode<model::Job>(jobs->bytes(2));
    if (!job) return context("a finished job", job.error());
    const auto spec = specs.part(jobs->integer(0));
    if (!spec) return tl::unexpected(spec.error());
    const auto request = requests.part(jobs->integer(1));
    if (!request) return tl::unexpected(request.error());
    job->spec = *spec;
    job->request = *request;
    if (Status added = add(*job); !added) return added;
  }
}

}  // namespace sluice::store
