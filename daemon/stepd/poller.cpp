// See the header.
#include "daemon/stepd/poller.hpp"

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <limits>

namespace sluice::stepd {
namespace {

volatile sig_atomic_t child_ended = 0;

void note_child(int) { child_ended = 1; }

}  // namespace

Poller::Poller() {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
  struct sigaction action {};
  action.sa_handler = note_child;
  action.sa_flags = SA_NOCLDSTOP;
  ::sigaction(SIGCHLD, &action, nullptr);
  child_ended = 0;
}

std::int64_t Poller::now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

void Poller::watch(int fd, short events, Handler handler) {
  entries_[fd] = Entry{events, std::make_shared<Handler>(std::move(handler))};
  stale_ = true;
}

void Poller::change(int fd, short events) {
  const auto entry = entries_.find(fd);
  if (entry == entries_.end() || entry->second.events == events) return;
  entry->second.events = events;
  stale_ = true;
}

void Poller::forget(int fd) {
  if (entries_.erase(fd) != 0) stale_ = true;
}

Poller::TimerId Poller::after(std::int64_t delay_ms, std::function<void()> handler) {
  const TimerId id = next_timer_++;
  timers_[id] = Timer{now_ms() + std::max<std::int64_t>(delay_ms, 0), std::move(handler)};
  return id;
}

void Poller::cancel(TimerId& timer) {
  timers_.erase(timer);
  timer = 0;
}

void Poller::rebuild() {
  list_.clear();
  for (const auto& [fd, entry] : entries_) {
    if (entry.events != 0) list_.push_back({fd, entry.events, 0});
  }
  stale_ = false;
}

std::int64_t Poller::timer_wait(std::int64_t most) const {
  std::int64_t due = std::numeric_limits<std::int64_t>::max();
  for (const auto& [id, timer] : timers_) due = std::min(due, timer.due);
  if (due == std::numeric_limits<std::int64_t>::max()) return most;
  const std::int64_t left = std::max<std::int64_t>(due - now_ms(), 0);
  return most < 0 ? left : std::min(left, most);
}

void Poller::run_timers() {
  if (timers_.empty()) return;
  const std::int64_t now = now_ms();
  std::vector<TimerId> due;
  for (const auto& [id, timer] : timers_) {
    if (timer.due <= now) due.push_back(id);
  }
  for (const TimerId id : due) {
    auto node = timers_.extract(id);
    if (!node.empty()) node.mapped().handler();
  }
}

void Poller::turn(std::int64_t wait_ms) {
  if (stale_) rebuild();
  const std::int64_t wait = timer_wait(wait_ms);
  timespec limit{};
  limit.tv_sec = wait / 1000;
  limit.tv_nsec = wait % 1000 * 1'000'000;
  sigset_t open;
  ::sigprocmask(SIG_SETMASK, nullptr, &open);
  sigdelset(&open, SIGCHLD);
  const int count = ::ppoll(list_.data(), list_.size(), wait < 0 ? nullptr : &limit, &open);
  if (child_ended != 0) {
    child_ended = 0;
    if (on_child_) on_child_();
  }
  if (count > 0) {
    const std::vector<pollfd> seen = list_;
    for (const pollfd& item : seen) {
      if (item.revents == 0) continue;
      const auto entry = entries_.find(item.fd);
      if (entry == entries_.end() || entry->second.events == 0) continue;
      const std::shared_ptr<Handler> handler = entry->second.handler;
      (*handler)(item.revents);
    }
  }
  run_timers();
}

void Poller::run() {
  running_ = true;
  while (running_) turn(-1);
}

}  // namespace sluice::stepd
