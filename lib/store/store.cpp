// Opening, closing and the queue. The commit thread is in commit_loop.cpp.
#include "store/store.hpp"

#include <fcntl.h>

#include <utility>

#include "base/file.hpp"
#include "base/lock_file.hpp"
#include "store/archive.hpp"
#include "store/reader.hpp"
#include "store/schema.hpp"
#include "store/state.hpp"

namespace sluice::store {

namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// Before the first table is made; the mode is a property of the file then.
Status set_up_log(Connection& connection) {
  const Result<std::string> mode = connection.query_text("PRAGMA journal_mode=WAL");
  if (!mode) return tl::unexpected(mode.error());
  if (*mode != "wal") return fail(ErrorCode::storage, "this file system can't hold the state");
  return {};
}

Status make_file(const std::string& path) {
  const Result<base::UniqueFd> made = base::open_file(path, O_RDWR | O_CREAT, 0600);
  if (!made) return tl::unexpected(made.error());
  return base::sync_directory(folder_of(path));
}

}  // namespace

Store::State::State(const OpenOptions& given, base::UniqueFd held, Connection opened)
    : options(given),
      lock(std::move(held)),
      reserve(given.path + ".reserve"),
      connection(std::move(opened)) {}

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Store>> Store::open(const OpenOptions& options) {
  Result<base::UniqueFd> lock = base::take_lock(options.path + ".lock", "sluicectld");
  if (!lock) return tl::unexpected(std::move(lock.error()));
  const Result<bool> is_new = is_new_database(options.path);
  if (!is_new) return tl::unexpected(is_new.error());
  if (*is_new) {
    if (Status made = make_file(options.path); !made) return tl::unexpected(made.error());
  }
  Result<Connection> connection = Connection::open(options.path, Connection::Mode::writer);
  if (!connection) return context(options.path, connection.error());
  auto state = std::make_unique<State>(options, std::move(*lock), std::move(*connection));
  if (*is_new) {
    if (Status set = set_up_log(state->connection); !set) return context(options.path, set.error());
  }
  if (Status ready = prepare_schema(state->connection, options.path); !ready) {
    return tl::unexpected(ready.error());
  }
  if (Status set = set_up_log(state->connection); !set) return context(options.path, set.error());
  if (Status set = state->connection.execute(
          "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=OFF; "
          "PRAGMA cache_size=-8192; PRAGMA journal_size_limit=67108864");
      !set) {
    return context(options.path, set.error());
  }
  state->connection.settle_log();
  Result<Writer> writer = Writer::create(state->connection, rollup::Calendar(options.clock));
  if (!writer) return context(options.path, writer.error());
  state->writer.emplace(std::move(*writer));
  if (Status ready = state->prepare_uses(); !ready) return context(options.path, ready.error());
  state->renew_reserve();
  if (Status ready = state->prepare_archive(); !ready) return context(options.path, ready.error());
  state->thread = std::thread([raw = state.get()] { raw->loop(); });
  return std::unique_ptr<Store>(new Store(std::move(state)));
}

Store::~Store() {
  {
    const std::scoped_lock guard(state_->queue_lock);
    state_->stopping = true;
  }
  state_->wake.notify_one();
  state_->thread.join();
}

void Store::set_purge(const PurgePolicy& policy) {
  {
    const std::scoped_lock guard(state_->queue_lock);
    state_->options.purge = policy;
    state_->purge_at = {};
  }
  state_->wake.notify_one();
}

std::string Store::archive_error() const {
  const std::scoped_lock guard(state_->queue_lock);
  return state_->archive_error;
}

Result<UseRebuild> Store::rebuild_use() { return state_->rebuild_use(); }

Result<LoadedState> Store::load() { return state_->load(); }

void Store::commit(Transaction transaction, std::function<void(Status)> done) {
  bool was_empty = false;
  {
    const std::scoped_lock guard(state_->queue_lock);
    was_empty = state_->queue.empty();
    state_->queue.push_back({std::move(transaction), std::move(done)});
  }
  if (was_empty) state_->wake.notify_one();
}

bool Store::accepts_work() const { return state_->has_reserve && !state_->failed; }

Result<Reader> Store::reader() const {
  Result<ReadState> opened = ReadState::open(state_->options.path);
  if (!opened) return context(state_->options.path, opened.error());
  return Reader(std::make_unique<Reader::State>(std::move(*opened),
                                                rollup::Calendar(state_->options.clock),
                                                archive_folder(state_->options.path)));
}

StoreStats Store::stats() const { return {state_->commits, state_->transactions, state_->rows}; }

}  // namespace sluice::store
