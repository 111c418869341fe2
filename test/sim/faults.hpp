// What can go wrong in a simulated world, how often in this one, and how often it did.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "test/sim/random.hpp"

namespace sluice::sim {

enum class Fault : std::uint8_t {
  controller_crash,
  controller_reboot,  // another monotonic clock afterwards
  commits_lost,       // transactions that a crash took
  commit_slow,
  disk_full,
  disk_failure,  // a failed fsync
  daemon_crash,
  daemon_crash_unflushed,  // between a turn and the write of its ledger
  node_reboot,
  ledger_lost,  // by a reboot, whole
  ledger_torn,  // by a reboot, its end
  spool_full,
  stepd_killed,
  stepd_not_started,
  task_not_started,
  unkillable,
  prolog_failed,
  epilog_failed,
  message_lost,
  message_doubled,
  message_reordered,
  message_delayed,
  link_broken,
  half_open,  // one side noticed long after the other
  partition,
  request_doubled,
  answer_lost,
  client_gone,
  count_,
};
inline constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::count_);

inline constexpr std::array<std::string_view, kFaults> kFaultNames{
    "controller crash",  "controller reboot", "commits lost",      "slow commit",
    "disk full",         "failed fsync",      "node daemon crash", "crash before ledger write",
    "node reboot",       "ledger lost",       "ledger torn",       "spool full",
    "stepd killed",      "stepd not started", "task not started",  "unkillable task",
    "prolog failed",     "epilog failed",     "message lost",      "message doubled",
    "message reordered", "message delayed",   "link broken",       "link half open",
    "partition",         "request doubled",   "answer lost",       "client gone"};

// Plain numbers only: it is added up over processes by copying memory.
struct Counts {
  std::array<std::uint64_t, kFaults> faults{};
  std::uint64_t seeds = 0;
  std::uint64_t events = 0;
  std::uint64_t jobs = 0;
  std::uint64_t attempts = 0;
  std::uint64_t steps = 0;
  std::uint64_t requests = 0;
  std::uint64_t commits = 0;
  std::uint64_t checks = 0;
  std::uint64_t reloads = 0;

  void operator+=(const Counts& more) {
    for (std::size_t i = 0; i < kFaults; ++i) faults[i] += more.faults[i];
    seeds += more.seeds;
    events += more.events;
    jobs += more.jobs;
    attempts += more.attempts;
    steps += more.steps;
    requests += more.requests;
    commits += more.commits;
    checks += more.checks;
    reloads += more.reloads;
  }
};

// How rough this world is. Shares are of 1,000.
struct Weather {
  std::uint32_t lost = 0;  // messages between controller and nodes
  std::uint32_t doubled = 0;
  std::uint32_t reordered = 0;
  std::uint32_t delayed = 0;      // any message
  std::uint32_t daemon_dies = 0;  // in a turn of a node's daemon
  std::uint32_t start_fails = 0;  // of what a node has to start
  std::uint32_t stubborn = 0;     // tasks that SIGKILL doesn't end for a while
  std::uint32_t slow_commits = 0;
  std::uint32_t answers_lost = 0;
  std::uint32_t doubled_requests = 0;
  std::int64_t trouble_every_ms = 0;  // crashes, partitions, full disks

  static Weather of(Random& random) {
    const auto sometimes = [&](std::uint32_t odds, std::int64_t most) {
      return random.percent(odds) ? static_cast<std::uint32_t>(random.mostly_low(1, most)) : 0U;
    };
    Weather weather;
    weather.lost = sometimes(40, 150);
    weather.doubled = sometimes(40, 200);
    weather.reordered = sometimes(40, 300);
    weather.delayed = sometimes(60, 100);
    weather.daemon_dies = sometimes(50, 20);
    weather.start_fails = sometimes(40, 150);
    weather.stubborn = sometimes(20, 60);
    weather.slow_commits = sometimes(50, 300);
    weather.answers_lost = sometimes(60, 200);
    weather.doubled_requests = sometimes(60, 200);
    weather.trouble_every_ms = random.percent(85) ? random.mostly_low(5'000, 200'000) : 0;
    return weather;
  }
};

}  // namespace sluice::sim
