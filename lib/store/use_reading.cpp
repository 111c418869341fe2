// Reading the rows of use: few rows for any period, however many jobs there were.
#include <algorithm>
#include <map>
#include <utility>

#include "rollup/attempt.hpp"
#include "store/reader.hpp"
#include "store/records.hpp"
#include "store/use_rows.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

namespace {

struct Sum {
  std::int64_t jobs = 0;
  model::TresCounts seconds;
};
// By key, then by size.
using Sums = std::map<std::pair<std::int64_t, std::uint32_t>, Sum>;

struct Wanted {
  Reader::Sizes sizes = Reader::Sizes::together;
  rollup::Seconds first = 0;  // begin of the period's first part
};

// Of what is there in a later part only those that began in it are new.
Status add_row(const Statement& row, const Wanted& wanted, Sums& sums) {
  const std::uint32_t cpus =
      wanted.sizes == Reader::Sizes::apart ? static_cast<std::uint32_t>(row.integer(2)) : 0;
  Sum& sum = sums[{row.integer(1), cpus}];
  sum.jobs += row.integer(0) == wanted.first ? row.integer(3) : row.integer(4);
  const Result<Amounts> amounts = wire::decode<Amounts>(row.bytes(5));
  if (!amounts) return context("a row of use", amounts.error());
  rollup::add_use(sum.seconds, amounts->tres);
  return {};
}

template <class Visit>
Status each_row(Statement& rows, const Visit& visit) {
  while (true) {
    const Result<bool> row = rows.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    if (Status seen = visit(); !seen) {
      rows.reset();
      return seen;
    }
  }
}

Result<model::UseKey> key_of(Statement& get, std::int64_t id) {
  get.start(id);
  const Result<bool> row = get.step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return fail(ErrorCode::storage, "whom a row of use is about is missing");
  Result<model::UseKey> key = wire::decode<model::UseKey>(get.bytes(0));
  get.reset();
  return key;
}

}  // namespace

Status Reader::begin_use() { return state_->read.sql.begin.run(); }
Status Reader::end_use() { return state_->read.sql.end.run(); }
const rollup::Calendar& Reader::calendar() const { return state_->calendar; }

Result<std::vector<model::UseRow>> Reader::use(const rollup::Period& period, Sizes sizes) {
  ReadState& state = state_->read;
  Sums sums;
  const std::vector<rollup::Calendar::Run> runs = calendar().cover(period);
  for (const rollup::Calendar::Run& run : runs) {
    const Wanted wanted{sizes, runs.front().span.from};
    state.sql.uses.start(static_cast<std::uint32_t>(run.level), run.span.from, run.span.to);
    const Status read =
        each_row(state.sql.uses, [&] { return add_row(state.sql.uses, wanted, sums); });
    if (!read) return tl::unexpected(read.error());
  }
  std::vector<model::UseRow> rows;
  std::int64_t last = 0;
  model::UseKey key;
  for (auto& [whom, sum] : sums) {
    if (std::exchange(last, whom.first) != whom.first) {
      Result<model::UseKey> read = key_of(state.sql.use_key, whom.first);
      if (!read) return tl::unexpected(read.error());
      key = std::move(*read);
    }
    rows.push_back({key, whom.second, sum.jobs, std::move(sum.seconds)});
  }
  return rows;
}

Result<std::vector<rollup::HourUse>> Reader::hours(const rollup::Period& period) {
  Statement& rows = state_->read.sql.hours;
  std::vector<rollup::HourUse> hours;
  rows.start(period.from, period.to);
  const Status read = each_row(rows, [&]() -> Status {
    const Result<Amounts> used = wire::decode<Amounts>(rows.bytes(3));
    const Result<Amounts> waited = wire::decode<Amounts>(rows.bytes(4));
    if (!used) return context("an hour of use", used.error());
    if (!waited) return context("an hour of use", waited.error());
    hours.push_back(
        {{rows.integer(0), rows.integer(2)}, Text(rows.bytes(1)), used->tres, waited->tres});
    return {};
  });
  if (!read) return tl::unexpected(read.error());
  return hours;
}

Result<bool> Reader::is_counted(JobId job, std::uint32_t attempt) {
  Statement& get = state_->read.sql.finished_at;
  get.start(job_key(job, attempt));
  const Result<bool> row = get.step();
  if (!row) return tl::unexpected(row.error());
  const bool counted = *row && !get.is_null(0);
  get.reset();
  return counted;
}

Result<std::vector<model::NodeSpan>> Reader::node_spans(const rollup::Period& period) {
  std::vector<model::NodeSpan> spans;
  const auto add_all = [&](Statement& rows) {
    return each_row(rows, [&]() -> Status {
      Result<model::NodeSpan> span = wire::decode<model::NodeSpan>(rows.bytes(0));
      if (!span) return context("a stretch of a node", span.error());
      spans.push_back(std::move(*span));
      return {};
    });
  };
  auto& sql = state_->read.sql;
  const model::WallTime to = period.to * model::kSecond;
  sql.open_spans.start(to);
  if (Status read = add_all(sql.open_spans); !read) return tl::unexpected(read.error());
  sql.closed_spans.start(period.from * model::kSecond, to);
  if (Status read = add_all(sql.closed_spans); !read) return tl::unexpected(read.error());
  std::ranges::sort(spans, [](const model::NodeSpan& a, const model::NodeSpan& b) {
    return a.from != b.from ? a.from < b.from : a.node < b.node;
  });
  return spans;
}

Result<std::vector<model::Reservation>> Reader::reservations(const rollup::Period& period) {
  Statement& rows = state_->read.sql.reservations;
  std::vector<model::Reservation> found;
  rows.start(period.from * model::kSecond, period.to * model::kSecond);
  const Status read = each_row(rows, [&]() -> Status {
    Result<model::Reservation> reservation = wire::decode<model::Reservation>(rows.bytes(1));
    if (!reservation) return context("a past reservation", reservation.error());
    reservation->end = rows.integer(0);
    found.push_back(std::move(*reservation));
    return {};
  });
  if (!read) return tl::unexpected(read.error());
  return found;
}

}  // namespace sluice::store
