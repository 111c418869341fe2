// The only file that knows libuv. Each handle is a heap block that libuv owns until its close
// callback; our RAII objects point at it and start the closing. That makes it safe to destroy them
// in their own callback: the function inside the block lives on until the turn's end.

#include "net/loop.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <csignal>
#include <mutex>
#include <utility>

#include <uv.h>

#include "base/assert.hpp"
#include "net/slot.hpp"

namespace sluice::net {

namespace detail {

namespace {

template <class Block>
void close_block(Block* block) {
  block->function.clear();
  uv_close(reinterpret_cast<uv_handle_t*>(&block->uv),
           [](uv_handle_t* handle) { delete static_cast<Block*>(handle->data); });
}

Error uv_failure(std::string_view doing, int code) {
  return Error{ErrorCode::io, std::string(doing) + ": " + uv_strerror(code)};
}

}  // namespace

struct TimerHandle {
  uv_timer_t uv{};
  Slot<void()> function;
  std::uint64_t period_ms = 0;
};

struct WatchHandle {
  uv_poll_t uv{};
  Slot<void(Readiness)> function;
  Interest interest;
};

struct SignalHandle {
  uv_signal_t uv{};
  Slot<void(int)> function;
};

struct ResolveRequest {
  uv_getaddrinfo_t uv{};
  Slot<void(Result<std::vector<RawAddress>>)> done;
  LoopCore* core = nullptr;
  std::shared_ptr<ResolveRequest> self;  // while libuv has it
};

class LoopCore {
 public:
  Status open();
  ~LoopCore();

  void post(std::function<void()> function);
  void run_posted();
  void end_turn();

  uv_loop_t uv{};
  Slot<void()> turn_end;
  std::vector<std::function<void()>> flushes;
  int resolving = 0;
  bool opened = false;

 private:
  uv_async_t wake_{};
  uv_prepare_t before_wait_{};
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // under mutex_
};

Status LoopCore::open() {
  if (const int code = uv_loop_init(&uv); code != 0) {
    return tl::unexpected<Error>(uv_failure("event loop", code));
  }
  opened = true;
  uv.data = this;
  wake_.data = this;
  before_wait_.data = this;
  const int code = uv_async_init(
      &uv, &wake_, [](uv_async_t* handle) { static_cast<LoopCore*>(handle->data)->run_posted(); });
  SLUICE_ASSERT(code == 0, "uv_async_init: {}", uv_strerror(code));
  uv_prepare_init(&uv, &before_wait_);
  uv_prepare_start(&before_wait_,
                   [](uv_prepare_t* handle) { static_cast<LoopCore*>(handle->data)->end_turn(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&before_wait_));
  return {};
}

LoopCore::~LoopCore() {
  if (!opened) return;
  // What waits may own streams and timers, and their ends may queue more.
  turn_end.clear();
  for (bool more = true; more;) {
    std::vector<std::function<void()>> dropped;
    {
      const std::lock_guard lock(mutex_);
      dropped.swap(posted_);
    }
    std::vector<std::function<void()>> unflushed;
    unflushed.swap(flushes);
    more = !dropped.empty() || !unflushed.empty();
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&before_wait_), nullptr);
  while (resolving > 0) uv_run(&uv, UV_RUN_ONCE);
  uv_run(&uv, UV_RUN_NOWAIT);
  const int code = uv_loop_close(&uv);
  SLUICE_ASSERT(code == 0, "a timer, watch or stream outlives its loop");
}

void LoopCore::post(std::function<void()> function) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(function));
    if (posted_.size() > 1) return;  // woken already
  }
  uv_async_send(&wake_);
}

void LoopCore::run_posted() {
  std::vector<std::function<void()>> now;
  {
    const std::lock_guard lock(mutex_);
    now.swap(posted_);
  }
  for (auto& function : now) {
    function();
    function = nullptr;  // its captures end with it, not with the batch
  }
}

void LoopCore::end_turn() {
  turn_end();
  // Flushes call no handlers, but an outer stream's flush may queue its inner one's.
  for (std::size_t i = 0; i < flushes.size(); ++i) {
    const auto flush = std::move(flushes[i]);
    flush();
  }
  flushes.clear();
}

}  // namespace detail

// --- Timer ------------------------------------------------------------------------------------

Timer::Timer(Timer&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Timer& Timer::operator=(Timer&& other) noexcept {
  std::swap(handle_, other.handle_);
  Timer old;
  std::swap(old.handle_, other.handle_);
  return *this;
}

Timer::~Timer() {
  if (handle_ != nullptr) detail::close_block(handle_);
}

namespace {

void timer_fired(uv_timer_t* handle) {
  static_cast<detail::TimerHandle*>(handle->data)->function();
}

}  // namespace

void Timer::restart(std::int64_t delay_ms) {
  SLUICE_ASSERT(handle_ != nullptr);
  const auto delay = static_cast<std::uint64_t>(delay_ms < 0 ? 0 : delay_ms);
  uv_timer_start(&handle_->uv, timer_fired, delay, handle_->period_ms);
}

void Timer::cancel() {
  if (handle_ != nullptr) uv_timer_stop(&handle_->uv);
}

bool Timer::active() const {
  return handle_ != nullptr &&
         uv_is_active(reinterpret_cast<const uv_handle_t*>(&handle_->uv)) != 0;
}

// --- Watch ------------------------------------------------------------------------------------

Watch::Watch(Watch&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Watch& Watch::operator=(Watch&& other) noexcept {
  std::swap(handle_, other.handle_);
  Watch old;
  std::swap(old.handle_, other.handle_);
  return *this;
}

Watch::~Watch() {
  if (handle_ != nullptr) detail::close_block(handle_);
}

namespace {

void watch_ready(uv_poll_t* handle, int status, int events) {
  auto* block = static_cast<detail::WatchHandle*>(handle->data);
  if (status < 0) {
    // libuv has stopped watching: the descriptor has an error, which the owner's read or write
    // sees.
    const Readiness ready = std::exchange(block->interest, Interest{});
    block->function(ready);
    return;
  }
  block->function(Readiness{.read = (events & (UV_READABLE | UV_DISCONNECT)) != 0,
                            .write = (events & UV_WRITABLE) != 0});
}

}  // namespace

void Watch::set(Interest interest) {
  SLUICE_ASSERT(handle_ != nullptr);
  if (handle_->interest.read == interest.read && handle_->interest.write == interest.write) return;
  handle_->interest = interest;
  const int events = (interest.read ? UV_READABLE : 0) | (interest.write ? UV_WRITABLE : 0);
  if (events == 0) {
    uv_poll_stop(&handle_->uv);
  } else {
    uv_poll_start(&handle_->uv, events, watch_ready);
  }
}

// --- SignalWatch ------------------------------------------------------------------------------

SignalWatch::SignalWatch(SignalWatch&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)) {}

SignalWatch& SignalWatch::operator=(SignalWatch&& other) noexcept {
  std::swap(handle_, other.handle_);
  SignalWatch old;
  std::swap(old.handle_, other.handle_);
  return *this;
}

SignalWatch::~SignalWatch() {
  if (handle_ != nullptr) detail::close_block(handle_);
}

// --- Resolving --------------------------------------------------------------------------------

Resolving& Resolving::operator=(Resolving&& other) noexcept {
  std::swap(request_, other.request_);
  const Resolving old(std::exchange(other.request_, nullptr));
  return *this;
}

Resolving::~Resolving() {
  // The lookup itself can't be stopped once a thread has it; its answer then goes nowhere.
  if (request_) request_->done.clear();
}

// --- Loop -------------------------------------------------------------------------------------

Loop::Loop(std::unique_ptr<detail::LoopCore> core) : core_(std::move(core)) {}
Loop::~Loop() = default;

Result<std::unique_ptr<Loop>> Loop::create() {
  std::signal(SIGPIPE, SIG_IGN);
  auto core = std::make_unique<detail::LoopCore>();
  if (Status opened = core->open(); !opened) return tl::unexpected<Error>(opened.error());
  return std::unique_ptr<Loop>(new Loop(std::move(core)));
}

void Loop::run() { uv_run(&core_->uv, UV_RUN_DEFAULT); }

void Loop::run_once(std::int64_t wait_ms) {
  if (wait_ms <= 0) {
    uv_run(&core_->uv, UV_RUN_NOWAIT);
    return;
  }
  const Timer limit = after(wait_ms, [] {});
  uv_run(&core_->uv, UV_RUN_ONCE);
}

void Loop::stop() {
  post([core = core_.get()] { uv_stop(&core->uv); });
}

void Loop::post(std::function<void()> function) { core_->post(std::move(function)); }

Timer Loop::after(std::int64_t delay_ms, std::function<void()> function) {
  auto* block = new detail::TimerHandle;
  block->uv.data = block;
  block->function.set(std::move(function));
  uv_timer_init(&core_->uv, &block->uv);
  Timer timer(block);
  timer.restart(delay_ms);
  return timer;
}

Timer Loop::every(std::int64_t period_ms, std::function<void()> function) {
  SLUICE_ASSERT(period_ms > 0);
  Timer timer = after(period_ms, std::move(function));
  timer.handle_->period_ms = static_cast<std::uint64_t>(period_ms);
  timer.restart(period_ms);
  return timer;
}

Result<SignalWatch> Loop::on_signal(int signal, std::function<void(int)> function) {
  auto* block = new detail::SignalHandle;
  block->uv.data = block;
  block->function.set(std::move(function));
  uv_signal_init(&core_->uv, &block->uv);
  SignalWatch watch(block);
  const int code = uv_signal_start(
      &block->uv,
      [](uv_signal_t* handle, int number) {
        static_cast<detail::SignalHandle*>(handle->data)->function(number);
      },
      signal);
  if (code != 0) return tl::unexpected<Error>(detail::uv_failure("watching a signal", code));
  return watch;
}

Result<Watch> Loop::watch(int fd, Interest interest, std::function<void(Readiness)> function) {
  auto* block = new detail::WatchHandle;
  block->uv.data = block;
  block->function.set(std::move(function));
  if (const int code = uv_poll_init(&core_->uv, &block->uv, fd); code != 0) {
    delete block;  // libuv never took it
    return tl::unexpected<Error>(detail::uv_failure("watching a descriptor", code));
  }
  Watch watch(block);
  watch.set(interest);
  return watch;
}

void Loop::on_turn_end(std::function<void()> function) { core_->turn_end.set(std::move(function)); }

std::int64_t Loop::now_ms() const { return static_cast<std::int64_t>(uv_now(&core_->uv)); }

void Loop::at_turn_end_once(std::function<void()> flush) {
  core_->flushes.push_back(std::move(flush));
}

namespace {

std::vector<RawAddress> raw_addresses(const addrinfo* list) {
  std::vector<RawAddress> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    addresses.emplace_back(reinterpret_cast<const char*>(entry->ai_addr), entry->ai_addrlen);
  }
  return addresses;
}

void resolved(uv_getaddrinfo_t* uv, int status, addrinfo* list) {
  auto* block = static_cast<detail::ResolveRequest*>(uv->data);
  const auto request = std::move(block->self);
  --request->core->resolving;
  if (status == 0 && list != nullptr) {
    request->done(raw_addresses(list));
  } else {
    request->done(fail(ErrorCode::unavailable, std::string("host name: ") + uv_strerror(status)));
  }
  uv_freeaddrinfo(list);
}

}  // namespace

Resolving Loop::resolve(const std::string& host, std::uint16_t port,
                        std::function<void(Result<std::vector<RawAddress>>)> done) {
  auto request = std::make_shared<detail::ResolveRequest>();
  request->uv.data = request.get();
  request->core = core_.get();
  request->done.set(std::move(done));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const int code = uv_getaddrinfo(&core_->uv, &request->uv, resolved, host.c_str(),
                                  std::to_string(port).c_str(), &hints);
  if (code == 0) {
    request->self = request;
    ++core_->resolving;
  } else {
    post([request, code] {
      request->done(fail(ErrorCode::unavailable, std::string("host name: ") + uv_strerror(code)));
    });
  }
  return Resolving(std::move(request));
}

}  // namespace sluice::net
