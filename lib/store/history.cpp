// History: the indexes give the attempts that may be meant, in job order; each is read, matched
// and handed on. Everything happens in one read transaction, so the answer is of one moment. What
// the archives of the months that it touches have comes before, each in job order.
#include <algorithm>
#include <limits>
#include <utility>

#include "store/archive.hpp"
#include "store/history_match.hpp"
#include "store/reader.hpp"
#include "store/records.hpp"
#include "wire/codec.hpp"

namespace sluice::store {

namespace {

// One walk. Of a job's attempts that match, only the latest is shown, unless all are wanted: a row
// is held back until the next job begins.
class Walk {
 public:
  using Row = std::function<bool(const HistoryRow&)>;
  Walk(ReadState& state, const HistoryFilter& filter, const Row& row)
      : state_(state), filter_(filter), row_(row) {}

  // False: the caller of the walk wants no more.
  [[nodiscard]] Result<bool> consider(const Statement& found);
  [[nodiscard]] Result<bool> finish();

 private:
  [[nodiscard]] Result<bool> give(const model::JobPtr& job);

  ReadState& state_;
  const HistoryFilter& filter_;
  const Row& row_;
  model::JobPtr held_;
};

Result<bool> Walk::consider(const Statement& found) {
  const auto state = static_cast<model::JobState>(found.integer(5));
  if (!may_match(found.integer(4), state, filter_)) return true;
  const Result<model::JobSpecPtr> spec = state_.specs.part(found.integer(1));
  if (!spec) return tl::unexpected(spec.error());
  if (!spec_matches(**spec, filter_)) return true;
  const Result<model::RequestPtr> request = state_.requests.part(found.integer(2));
  if (!request) return tl::unexpected(request.error());
  if (!request_matches(**request, filter_)) return true;
  Result<model::Job> job = wire::decode<model::Job>(found.bytes(3));
  if (!job) {
    return context("job " + std::to_string(job_of_key(found.integer(0)).value), job.error());
  }
  if (!job_matches(*job, filter_) || !is_meant(*job, filter_)) return true;
  job->spec = *spec;
  job->request = *request;
  auto match = std::make_shared<const model::Job>(std::move(*job));
  if (filter_.duplicates) return give(match);
  const model::JobPtr before = std::exchange(held_, std::move(match));
  if (!before || before->id == held_->id) return true;
  return give(before);
}

Result<bool> Walk::finish() {
  if (!held_) return true;
  return give(std::exchange(held_, nullptr));
}

Result<bool> Walk::give(const model::JobPtr& job) {
  HistoryRow found{job, {}};
  if (filter_.with_steps) {
    Statement& steps = state_.sql.steps;
    steps.start(job_key(job->id, job->attempt));
    while (true) {
      const Result<bool> row = steps.step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) break;
      Result<model::Step> step = wire::decode<model::Step>(steps.bytes(0));
      if (!step) return context("a step of job " + std::to_string(job->id.value), step.error());
      found.steps.push_back(std::make_shared<const model::Step>(std::move(*step)));
    }
  }
  return row_(found);
}

Status add_keys(Statement& rows, std::vector<std::int64_t>& keys) {
  while (true) {
    const Result<bool> row = rows.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    keys.push_back(rows.integer(0));
  }
}

bool needs_all(const HistoryFilter& filter) {
  return filter.jobs.empty() && filter.uids.empty() && filter.from <= 0;
}

// Every row in turn, until the caller has enough.
Status walk_table(Statement& rows, Walk& walk) {
  rows.start();
  while (true) {
    const Result<bool> row = rows.step();
    if (!row) return tl::unexpected(row.error());
    const Result<bool> more = *row ? walk.consider(rows) : walk.finish();
    if (!more) return tl::unexpected(more.error());
    if (!*row || !*more) return {};
  }
}

Status walk_keys(Statement& get, const ReadState::Keys& keys, Walk& walk) {
  for (const std::int64_t key : keys) {
    get.start(key);
    const Result<bool> row = get.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) continue;
    const Result<bool> more = walk.consider(get);
    get.reset();
    if (!more) return tl::unexpected(more.error());
    if (!*more) return {};
  }
  const Result<bool> finished = walk.finish();
  return finished ? Status{} : Status(tl::unexpected(finished.error()));
}

Status walk_all(ReadState& state, const HistoryFilter& filter, Walk& walk) {
  if (needs_all(filter)) return walk_table(state.sql.scan, walk);
  const Result<ReadState::Keys> keys = state.candidates(filter);
  if (!keys) return tl::unexpected(keys.error());
  return walk_keys(state.sql.get, *keys, walk);
}

using GiveRow = std::function<bool(const HistoryRow&)>;

// Within a transaction.
Status walk_database(ReadState& state, const HistoryFilter& filter, const GiveRow& row) {
  Walk walk(state, filter, row);
  Status walked = walk_all(state, filter, walk);
  state.sql.scan.reset();
  state.sql.steps.reset();
  return walked;
}

// Fixes the moment that the transaction is of; whether the attempt's record is there.
Result<bool> has_attempt(ReadState& state, std::int64_t key) {
  Statement& get = state.sql.finished_at;
  get.start(key);
  const Result<bool> row = get.step();
  get.reset();
  return row;
}

}  // namespace

Result<ReadState::Keys> ReadState::candidates(const HistoryFilter& filter) {
  Keys keys;
  for (const HistoryFilter::JobRange& range : filter.jobs) {
    if (Status added = add_range(range, keys); !added) return tl::unexpected(added.error());
  }
  if (filter.jobs.empty()) {
    if (Status added = add_window(filter, keys); !added) return tl::unexpected(added.error());
  }
  std::ranges::sort(keys);
  const auto twice = std::ranges::unique(keys);
  keys.erase(twice.begin(), twice.end());
  return keys;
}

Status ReadState::add_range(const HistoryFilter::JobRange& range, Keys& keys) {
  if (range.tasks.empty()) {
    sql.one_job.start(job_key(range.job, 0), job_key(range.job, 0) | kAttemptMask);
    if (Status added = add_keys(sql.one_job, keys); !added) return added;
    sql.array.start(range.job.value);
    return add_keys(sql.array, keys);
  }
  for (const model::TaskRun& run : range.tasks) {
    sql.array_tasks.start(range.job.value, run.first, run.last);
    if (Status added = add_keys(sql.array_tasks, keys); !added) return added;
  }
  // The record of the tasks that have none of their own.
  sql.array_tasks.start(range.job.value, model::kNoTask, model::kNoTask);
  return add_keys(sql.array_tasks, keys);
}

Status ReadState::add_window(const HistoryFilter& filter, Keys& keys) {
  const model::WallTime to =
      filter.to != 0 ? filter.to : std::numeric_limits<model::WallTime>::max();
  if (filter.uids.empty()) {
    sql.live.start();
    if (Status added = add_keys(sql.live, keys); !added) return added;
    sql.finished.start(filter.from, to);
    return add_keys(sql.finished, keys);
  }
  for (const std::uint32_t uid : filter.uids) {
    sql.live_of.start(uid);
    if (Status added = add_keys(sql.live_of, keys); !added) return added;
    sql.finished_of.start(uid, filter.from, to);
    if (Status added = add_keys(sql.finished_of, keys); !added) return added;
  }
  return {};
}

// What is being moved stands in both for a moment: then the state's record is the one that counts.
Status Reader::history(const HistoryFilter& filter,
                       const std::function<bool(const HistoryRow&)>& row) {
  ReadState& state = state_->read;
  if (Status begun = state.sql.begin.run(); !begun) return begun;
  Status walked = state_->walk_archives(filter, row);
  if (walked && !state_->enough) walked = walk_database(state, filter, row);
  const Status ended = state.sql.end.run();
  return walked ? ended : walked;
}

Status Reader::State::walk_archives(const HistoryFilter& filter, const GiveRow& row) {
  enough = false;
  if (const Result<bool> fixed = has_attempt(read, 0); !fixed) return tl::unexpected(fixed.error());
  Status status;
  const GiveRow only_moved = [&](const HistoryRow& found) {
    const Result<bool> here = has_attempt(read, job_key(found.job->id, found.job->attempt));
    if (!here) status = tl::unexpected(here.error());
    if (here && !*here) enough = !row(found);
    return status && !enough;
  };
  for (const ArchiveFile& file : archive_files(folder)) {
    if (filter.from != 0 && file.end <= filter.from) continue;
    const Result<ReadState*> opened = archive(file.path);
    if (!opened) return context(file.path, opened.error());
    if (Status begun = (*opened)->sql.begin.run(); !begun) return begun;
    const Status walked = walk_database(**opened, filter, only_moved);
    const Status ended = (*opened)->sql.end.run();
    if (!walked) return context(file.path, walked.error());
    if (!ended || !status || enough) return ended ? status : ended;
  }
  return {};
}

}  // namespace sluice::store
