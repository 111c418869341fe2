// See use_queries.hpp. What is over is in the rows; an attempt of the snapshot is counted by itself
// unless the rows, read later, have it already.
#include "daemon/controller/use_queries.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "rollup/attempt.hpp"
#include "wire/codec.hpp"

namespace sluice::controller {

namespace {

using rollup::Period;
using rollup::Seconds;

constexpr std::size_t kRowsPerPiece = 8192;

Period whole_hours(const rollup::Calendar& calendar, const wire::QueryUse& request) {
  const Seconds from = rollup::seconds_of(request.from);
  const Seconds to = std::max(rollup::seconds_of(request.to), from + 1);
  return {calendar.around(rollup::Level::hour, from).from,
          calendar.around(rollup::Level::hour, to - 1).to};
}

class UseQuery : public Query {
 public:
  UseQuery(store::Reader reader, SnapshotPtr snapshot, UseAsked asked)
      : reader_(std::move(reader)), snapshot_(std::move(snapshot)), asked_(std::move(asked)) {}

  Piece next() override {
    if (!std::exchange(read_, true)) {
      if (const Status done = read(); !done) return failure(done.error());
    }
    wire::UseReply piece;
    if (at_ == 0) {
      piece = std::move(answer_);
      piece.rows.clear();
    }
    const std::size_t end = std::min(rows_.size(), at_ + kRowsPerPiece);
    for (; at_ < end; ++at_) piece.rows.push_back(std::move(rows_[at_]));
    piece.last = at_ == rows_.size();
    return {wire::UseReply::kType, wire::encode(piece), piece.last};
  }

 private:
  [[nodiscard]] bool wants(wire::UsePart part) const { return (asked_.request.parts & part) != 0; }
  static Piece failure(const Error& error) {
    wire::ErrorReply message;
    message.code = error.code;
    message.text = error.text;
    return {wire::ErrorReply::kType, wire::encode(message), true};
  }

  [[nodiscard]] Status read();
  [[nodiscard]] Status read_parts();
  [[nodiscard]] Status read_rows();
  [[nodiscard]] Status read_cluster();
  [[nodiscard]] Status read_reservations();
  [[nodiscard]] Status find_live();
  void add_wait(const model::Job& job, Seconds now);
  void add_live_rows();
  void add_live_hours(std::vector<rollup::HourUse>& hours, const Period& period) const;
  [[nodiscard]] bool sees(const model::UseKey& key) const;

  store::Reader reader_;
  SnapshotPtr snapshot_;
  UseAsked asked_;
  Period period_;
  std::vector<rollup::AttemptUse> live_;
  std::map<std::pair<Seconds, Seconds>, std::int64_t> waits_;  // CPUs, by stretch
  wire::UseReply answer_;
  std::vector<model::UseRow> rows_;
  std::size_t at_ = 0;
  bool read_ = false;
};

Status UseQuery::read() {
  period_ = whole_hours(reader_.calendar(), asked_.request);
  answer_.cluster = asked_.cluster;
  if (snapshot_->accounts) answer_.tres = snapshot_->accounts->tres;
  if (Status begun = reader_.begin_use(); !begun) return begun;
  Status done = read_parts();
  const Status ended = reader_.end_use();
  return done ? ended : done;
}

Status UseQuery::read_parts() {
  if (Status found = find_live(); !found) return found;
  if (wants(wire::kUseRows) || wants(wire::kUseSizes)) {
    if (Status read = read_rows(); !read) return read;
  }
  if (wants(wire::kUseCluster)) {
    if (Status read = read_cluster(); !read) return read;
  }
  if (wants(wire::kUseSpans)) {
    auto spans = reader_.node_spans(period_);
    if (!spans) return tl::unexpected(spans.error());
    answer_.spans = std::move(*spans);
  }
  return wants(wire::kUseReservations) ? read_reservations() : Status{};
}

Status UseQuery::find_live() {
  Status status;
  const Seconds now = rollup::seconds_of(asked_.now);
  snapshot_->for_each_job([&](const model::JobPtr& job) {
    const bool final = model::is_finished(job->state) && (job->flags & model::kFlagCompleting) == 0;
    if (final || !status) return;
    if (job->start == 0) return add_wait(*job, now);
    const Result<bool> counted = reader_.is_counted(job->id, job->attempt);
    if (!counted) status = tl::unexpected(counted.error());
    if (counted && !*counted) live_.push_back(rollup::use_of(*job, now));
  });
  return status;
}

// There may be a million that wait, but not since a million different seconds.
void UseQuery::add_wait(const model::Job& job, Seconds now) {
  if (job.eligible == 0 || !wants(wire::kUseCluster)) return;
  const rollup::Wait wait = rollup::wait_of(job, now);
  waits_[{wait.span.from, wait.span.to}] += wait.cpus;
}

// Use of an account that nobody is told of is nobody's business either.
bool UseQuery::sees(const model::UseKey& key) const {
  model::Association association;
  association.account = key.account;
  association.user = key.user;
  return asked_.sight.sees(association, model::kSecretUsage | model::kSecretUsers);
}

Status UseQuery::read_rows() {
  const auto sizes =
      wants(wire::kUseSizes) ? store::Reader::Sizes::apart : store::Reader::Sizes::together;
  auto rows = reader_.use(period_, sizes);
  if (!rows) return tl::unexpected(rows.error());
  rows_ = std::move(*rows);
  add_live_rows();
  std::erase_if(rows_, [this](const model::UseRow& row) { return !sees(row.key); });
  return {};
}

void UseQuery::add_live_rows() {
  const auto order = [](const model::UseKey& key, std::uint32_t cpus) {
    return std::tuple(key.association, key.account.str(), key.user.str(), key.qos.str(),
                      key.wckey.str(), key.gid, cpus);
  };
  std::map<decltype(order({}, 0)), std::size_t> places;
  for (std::size_t i = 0; i < rows_.size(); ++i) places[order(rows_[i].key, rows_[i].cpus)] = i;
  for (const rollup::AttemptUse& use : live_) {
    if (rollup::common(use.held, period_).length() == 0) continue;
    const std::uint32_t cpus = wants(wire::kUseSizes) ? use.cpus : 0;
    const auto [place, fresh] = places.try_emplace(order(use.key, cpus), rows_.size());
    if (fresh) rows_.push_back({use.key, cpus, 0, {}});
    model::UseRow& row = rows_[place->second];
    ++row.jobs;
    use.add_to(row.seconds, period_);
  }
}

// On the period's own grid of hours.
void UseQuery::add_live_hours(std::vector<rollup::HourUse>& hours, const Period& period) const {
  constexpr Seconds kHour = 3600;
  const Seconds now = rollup::seconds_of(asked_.now);
  std::map<std::pair<Seconds, Text>, rollup::HourUse> sums;
  const auto sum_of = [&](Seconds at, const Text& reservation) -> rollup::HourUse& {
    rollup::HourUse& sum = sums[{at, reservation}];
    sum.hour = {at, at + kHour};
    sum.reservation = reservation;
    return sum;
  };
  const auto over_hours = [&](const Period& stretch, const auto& visit) {
    const Period part = rollup::common(stretch, {period.from, std::min(period.to, now)});
    if (part.length() == 0) return;
    for (Seconds at = part.from - (part.from - period.from) % kHour; at < part.to; at += kHour) {
      visit(at, rollup::common(part, {at, at + kHour}));
    }
  };
  const auto add_waited = [&](const Period& span, std::int64_t cpus) {
    over_hours(span, [&](Seconds at, const Period& part) {
      model::add_tres(sum_of(at, Text()).waited, model::kTresCpu, cpus * part.length());
    });
  };
  for (const rollup::AttemptUse& use : live_) {
    over_hours(use.held, [&](Seconds at, const Period& part) {
      use.add_to(sum_of(at, Text()).used, part);
      if (!use.reservation.empty()) use.add_to(sum_of(at, use.reservation).used, part);
    });
    add_waited(use.wait.span, use.wait.cpus);
  }
  for (const auto& [span, cpus] : waits_) add_waited({span.first, span.second}, cpus);
  for (auto& [place, sum] : sums) hours.push_back(std::move(sum));
}

Status UseQuery::read_cluster() {
  rollup::ClusterHistory history;
  auto hours = reader_.hours(period_);
  if (!hours) return tl::unexpected(hours.error());
  history.hours = std::move(*hours);
  add_live_hours(history.hours, period_);
  auto spans = reader_.node_spans(period_);
  if (!spans) return tl::unexpected(spans.error());
  history.spans = std::move(*spans);
  auto reservations = reader_.reservations(period_);
  if (!reservations) return tl::unexpected(reservations.error());
  history.reservations = std::move(*reservations);
  const Seconds now = rollup::seconds_of(asked_.now);
  model::ClusterUse whole = rollup::cluster_use(history, period_, now);
  if (!whole.reported.empty()) answer_.whole.push_back(std::move(whole));
  return {};
}

Status UseQuery::read_reservations() {
  const auto reservations = reader_.reservations(period_);
  if (!reservations) return tl::unexpected(reservations.error());
  const Seconds now = rollup::seconds_of(asked_.now);
  for (const model::Reservation& one : *reservations) {
    if (rollup::seconds_of(one.start) > now) continue;
    const Period stretch = whole_hours(reader_.calendar(), {one.start, one.end, 0});
    auto hours = reader_.hours(stretch);
    if (!hours) return tl::unexpected(hours.error());
    add_live_hours(*hours, stretch);
    answer_.reservations.push_back(rollup::reservation_use(one, *hours));
  }
  return {};
}

class RebuildQuery : public Query {
 public:
  explicit RebuildQuery(std::shared_ptr<store::Store> store) : store_(std::move(store)) {}

  Piece next() override {
    const Result<store::UseRebuild> made = store_->rebuild_use();
    if (!made) {
      wire::ErrorReply message;
      message.code = made.error().code;
      message.text = made.error().text;
      return {wire::ErrorReply::kType, wire::encode(message), true};
    }
    wire::EditHistoryReply message;
    message.rows = made->rows;
    message.same = made->same;
    return {wire::EditHistoryReply::kType, wire::encode(message), true};
  }

 private:
  std::shared_ptr<store::Store> store_;
};

}  // namespace

std::unique_ptr<Query> rebuild_use(std::shared_ptr<store::Store> store) {
  return std::make_unique<RebuildQuery>(std::move(store));
}

std::unique_ptr<Query> query_use(store::Reader reader, SnapshotPtr snapshot, UseAsked asked) {
  return std::make_unique<UseQuery>(std::move(reader), std::move(snapshot), std::move(asked));
}

}  // namespace sluice::controller
