// The loop of stepd: descriptors, timers and ended children, over ppoll(2). stepd is started for
// each step and mostly waits, so there is nothing to set up and nothing is loaded for it.
// One thread; handlers may watch, forget and cancel anything, also themselves.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace sluice::stepd {

class Poller {
 public:
  using Handler = std::function<void(short events)>;
  using TimerId = std::uint64_t;

  // Blocks SIGCHLD outside of the wait. One Poller in a process.
  Poller();

  // The descriptor must stay open while it is watched. A handler may be called for nothing once in
  // a while, so descriptors are non-blocking. No events: not watched now (not even for its end).
  void watch(int fd, short events, Handler handler);
  void change(int fd, short events);
  void forget(int fd);

  TimerId after(std::int64_t delay_ms, std::function<void()> handler);
  // 0 and timers that have run are fine.
  void cancel(TimerId& timer);

  // Called when children may have ended.
  void on_child(std::function<void()> handler) { on_child_ = std::move(handler); }

  void run();
  void stop() { running_ = false; }
  // One round: waits at most `wait_ms` for the first event. For run(), and for tests.
  void turn(std::int64_t wait_ms);

  [[nodiscard]] static std::int64_t now_ms();

 private:
  struct Entry {
    short events = 0;
    std::shared_ptr<Handler> handler;  // shared: lives through its own call
  };
  struct Timer {
    std::int64_t due = 0;
    std::function<void()> handler;
  };
  void rebuild();
  void run_timers();
  [[nodiscard]] std::int64_t timer_wait(std::int64_t most) const;

  std::map<int, Entry> entries_;
  std::vector<pollfd> list_;
  bool stale_ = true;
  std::map<TimerId, Timer> timers_;
  TimerId next_timer_ = 1;
  std::function<void()> on_child_;
  bool running_ = false;
};

}  // namespace sluice::stepd
