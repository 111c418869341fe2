// What a Store owns. The connection and the writer belong to whoever holds `database`: the commit
// thread for a batch or a checkpoint, load() once at the start.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "store/archive.hpp"
#include "store/database.hpp"
#include "store/reserve.hpp"
#include "store/store.hpp"
#include "store/writer.hpp"

namespace sluice::store {

struct Store::State {
  struct Queued {
    Transaction transaction;
    std::function<void(Status)> done;
  };

  State(const OpenOptions& given, base::UniqueFd held, Connection opened);

  // commit_loop.cpp
  void loop();
  void process(std::span<Queued> batch);
  [[nodiscard]] Status commit_batch(std::span<Queued> batch);
  [[nodiscard]] Status write_batch(std::span<Queued> batch);
  void checkpoint_if_long();
  void renew_reserve();
  void lose_space();
  void fail_for_good(const Error& error);

  // use_upkeep.cpp
  [[nodiscard]] Status prepare_uses();
  [[nodiscard]] Result<UseRebuild> rebuild_use();
  [[nodiscard]] Status sum_use_anew(model::WallTime now);

  // archive_steps.cpp
  [[nodiscard]] Status prepare_archive();
  // When the next step is due; nothing: never. With queue_lock held.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> next_purge() const;
  void archive_step();

  // load.cpp
  [[nodiscard]] Result<LoadedState> load();

  OpenOptions options;
  base::UniqueFd lock;
  Reserve reserve;

  std::mutex database;
  Connection connection;
  std::optional<Writer> writer;
  std::uint32_t log_pages = 0;      // after the latest commit
  std::uint32_t checkpoint_at = 0;  // pages
  std::optional<Error> failure;     // set: no commit is ever tried again

  std::mutex queue_lock;
  std::condition_variable wake;
  std::vector<Queued> queue;
  bool stopping = false;

  std::atomic<bool> has_reserve = false;
  std::atomic<bool> failed = false;
  std::atomic<std::uint64_t> commits = 0;
  std::atomic<std::uint64_t> transactions = 0;
  std::atomic<std::uint64_t> rows = 0;
  // Jobs on their way to the archive: by the commit thread; `purge_at` under queue_lock.
  std::optional<ArchiveMover> mover;
  std::chrono::steady_clock::time_point purge_at = {};
  std::string archive_error;  // under queue_lock
  std::thread thread;
};

}  // namespace sluice::store
