// Moving old jobs to the archive between commits: little by little, so that nobody waits for it.
#include "base/clock.hpp"
#include "store/state.hpp"

namespace sluice::store {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kBetweenSteps = std::chrono::milliseconds(50);
constexpr auto kBetweenRounds = std::chrono::minutes(1);
constexpr auto kAfterFailure = std::chrono::minutes(10);

}  // namespace

Status Store::State::prepare_archive() {
  const std::string folder = archive_folder(options.path);
  if (Status whole = recover_archives(folder); !whole) return whole;
  Result<ArchiveMover> made = ArchiveMover::create(connection, folder);
  if (!made) return tl::unexpected(std::move(made.error()));
  mover.emplace(std::move(*made));
  return {};
}

std::optional<Clock::time_point> Store::State::next_purge() const {
  if (options.purge.jobs_after_s == 0 || failed) return std::nullopt;
  return purge_at;
}

void Store::State::archive_step() {
  std::int64_t after_s = 0;
  {
    const std::scoped_lock guard(queue_lock);
    const auto due = next_purge();
    if (!due || *due > Clock::now()) return;
    after_s = options.purge.jobs_after_s;
  }
  Result<bool> more = false;
  {
    const std::scoped_lock guard(database);
    more = mover->step(base::wall_micros() - after_s * model::kSecond);
    // Another's disk may be full; ours is judged as after any commit.
    const bool ours = !more && more.error().code == ErrorCode::storage;
    if (ours && !connection.was_full()) fail_for_good(more.error());
  }
  const std::scoped_lock guard(queue_lock);
  archive_error = more ? std::string() : more.error().text;
  if (!more) {
    purge_at = Clock::now() + kAfterFailure;
  } else if (*more) {
    purge_at = Clock::now() + kBetweenSteps;
  } else {
    purge_at = Clock::now() + kBetweenRounds;
  }
}

}  // namespace sluice::store
