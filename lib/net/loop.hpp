// The event loop: timers, signals, descriptors and functions posted by other threads. One thread
// runs it and owns everything that was made with it; only post() and stop() may be called from
// other threads. Handles (Timer, Watch, SignalWatch) act as long as they live, may be moved, and
// may be destroyed inside their own callback. They must be destroyed before the Loop.
//
// No callback is ever called from inside the call that set it up.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace sluice::net {

namespace detail {
class LoopCore;
struct TimerHandle;
struct WatchHandle;
struct SignalHandle;
struct ResolveRequest;
}  // namespace detail

class Timer {
 public:
  Timer() = default;
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) noexcept;
  ~Timer();

  // Arms again from now, with the same function and period.
  void restart(std::int64_t delay_ms);
  void cancel();
  [[nodiscard]] bool active() const;

 private:
  friend class Loop;
  explicit Timer(detail::TimerHandle* handle) : handle_(handle) {}
  detail::TimerHandle* handle_ = nullptr;
};

struct Interest {
  bool read = false;
  bool write = false;
};

// What a descriptor is ready for. An error or a hang-up shows as ready for what was asked: the next
// read or write tells.
using Readiness = Interest;

// Watches a descriptor that it doesn't own: pidfd, pipe, socket. The descriptor must stay open
// while the watch lives; only one watch per descriptor.
class Watch {
 public:
  Watch() = default;
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&& other) noexcept;
  ~Watch();

  void set(Interest interest);
  [[nodiscard]] bool active() const { return handle_ != nullptr; }

 private:
  friend class Loop;
  explicit Watch(detail::WatchHandle* handle) : handle_(handle) {}
  detail::WatchHandle* handle_ = nullptr;
};

class SignalWatch {
 public:
  SignalWatch() = default;
  SignalWatch(SignalWatch&& other) noexcept;
  SignalWatch& operator=(SignalWatch&& other) noexcept;
  ~SignalWatch();

 private:
  friend class Loop;
  explicit SignalWatch(detail::SignalHandle* handle) : handle_(handle) {}
  detail::SignalHandle* handle_ = nullptr;
};

// A name lookup under way; destroying it forgets the answer.
class Resolving {
 public:
  Resolving() = default;
  Resolving(Resolving&& other) noexcept = default;
  Resolving& operator=(Resolving&& other) noexcept;
  ~Resolving();

 private:
  friend class Loop;
  explicit Resolving(std::shared_ptr<detail::ResolveRequest> request)
      : request_(std::move(request)) {}
  std::shared_ptr<detail::ResolveRequest> request_;
};

// A socket address as the kernel takes it (a sockaddr in bytes).
using RawAddress = std::string;

class Loop {
 public:
  // Also makes the process ignore SIGPIPE, which every daemon with sockets wants.
  static Result<std::unique_ptr<Loop>> create();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(). May be called again afterwards.
  void run();
  // Runs what is ready, waiting at most `wait_ms` for the first event (tests, embedding).
  void run_once(std::int64_t wait_ms);
  void stop();                                // any thread
  void post(std::function<void()> function);  // any thread; in order

  Timer after(std::int64_t delay_ms, std::function<void()> function);
  Timer every(std::int64_t period_ms, std::function<void()> function);
  Result<SignalWatch> on_signal(int signal, std::function<void(int)> function);
  Result<Watch> watch(int fd, Interest interest, std::function<void(Readiness)> function);

  // Called once in each turn, after all callbacks and before the loop waits again: the place to
  // publish snapshots and to hand a batch to the store. Output queued by it is still sent.
  void on_turn_end(std::function<void()> function);

  // Monotonic milliseconds, as of the start of this turn.
  [[nodiscard]] std::int64_t now_ms() const;

  // Addresses of a host (a name or a number) with `port`; the answer is never empty.
  Resolving resolve(const std::string& host, std::uint16_t port,
                    std::function<void(Result<std::vector<RawAddress>>)> done);

  // For net itself: runs `flush` once, at the end of this turn.
  void at_turn_end_once(std::function<void()> flush);

 private:
  explicit Loop(std::unique_ptr<detail::LoopCore> core);
  std::unique_ptr<detail::LoopCore> core_;
};

}  // namespace sluice::net
