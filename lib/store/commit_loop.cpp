// The commit thread. What waits is taken together and becomes one SQLite transaction; then every
// `done` is called in order; then, if the log has grown long, a checkpoint. Commits that arrive
// meanwhile are the next batch: the slower the disk, the larger the batches.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/clock.hpp"
#include "store/state.hpp"

namespace sluice::store {

namespace {

// Bounds the time until the first of many is answered.
constexpr std::size_t kMaxBatch = 1024;
// 16 MiB: read in some 20 ms after a crash, copied in one go without a long pause.
constexpr std::uint32_t kLogPages = 4096;
constexpr std::chrono::seconds kReserveRetry{2};

}  // namespace

void Store::State::loop() {
  std::vector<Queued> taken;
  // A change of what is purged wakes it too: then it looks again at when that is due.
  PurgePolicy known = options.purge;
  const auto has_work = [&] {
    const bool changed = known.jobs_after_s != options.purge.jobs_after_s;
    known = options.purge;
    return stopping || changed || !queue.empty();
  };
  while (true) {
    taken.clear();
    {
      std::unique_lock guard(queue_lock);
      if (!has_reserve && !failed) {
        wake.wait_for(guard, kReserveRetry, has_work);
      } else if (const auto due = next_purge()) {
        wake.wait_until(guard, *due, has_work);
      } else {
        wake.wait(guard, has_work);
      }
      if (queue.empty() && stopping) return;
      std::swap(taken, queue);
    }
    archive_step();
    if (!has_reserve && !failed) renew_reserve();
    std::span<Queued> rest(taken);
    while (!rest.empty()) {
      const std::size_t size = std::min(rest.size(), kMaxBatch);
      process(rest.first(size));
      rest = rest.subspan(size);
    }
  }
}

void Store::State::process(std::span<Queued> batch) {
  if (options.skip_durable_commit) {
    for (Queued& queued : batch) std::exchange(queued.done, nullptr)({});
  }
  Status status;
  {
    const std::scoped_lock guard(database);
    status = failure ? Status(tl::unexpected(*failure)) : commit_batch(batch);
  }
  for (Queued& queued : batch) {
    if (queued.done) queued.done(status);
  }
  const std::scoped_lock guard(database);
  if (!failure) checkpoint_if_long();
}

// Once more after the reserve was given up; any other failure is final, because after a failed
// write or sync nobody knows what the disk holds.
Status Store::State::commit_batch(std::span<Queued> batch) {
  Status status = write_batch(batch);
  if (!status && connection.was_full()) {
    writer->roll_back();
    const bool had_reserve = has_reserve;
    lose_space();
    if (had_reserve) status = write_batch(batch);
  }
  if (status) {
    ++commits;
    transactions += batch.size();
    rows = writer->rows();
    return status;
  }
  const bool full = connection.was_full();
  writer->roll_back();
  if (full) return fail(ErrorCode::storage, "no space left for the controller's state");
  fail_for_good(status.error());
  return tl::unexpected(*failure);
}

Status Store::State::write_batch(std::span<Queued> batch) {
  const model::WallTime now = base::wall_micros();
  {
    const std::scoped_lock guard(queue_lock);
    writer->events().set_limits({options.purge.events_after_s, options.purge.max_events});
  }
  if (Status begun = writer->begin(); !begun) return begun;
  for (const Queued& queued : batch) {
    if (Status written = writer->write(queued.transaction, now); !written) return written;
  }
  return writer->commit(now);
}

// A reader may keep the log from starting anew; then the next try comes after as many pages again.
void Store::State::checkpoint_if_long() {
  const std::uint32_t pages = connection.log_pages();
  if (pages < log_pages) checkpoint_at = kLogPages;  // the log has started anew
  log_pages = pages;
  if (pages < std::max(checkpoint_at, kLogPages)) return;
  checkpoint_at = pages + kLogPages;
  const Result<bool> copied = connection.checkpoint();
  if (copied) return;
  if (connection.was_full()) return lose_space();
  fail_for_good(copied.error());
}

void Store::State::renew_reserve() {
  if (reserve.make()) has_reserve = true;
}

void Store::State::lose_space() {
  has_reserve = false;
  reserve.give_up();
}

void Store::State::fail_for_good(const Error& error) {
  failure = Error{ErrorCode::storage, "storing the state failed: " + error.text};
  failed = true;
  connection.leave_log();
}

}  // namespace sluice::store
