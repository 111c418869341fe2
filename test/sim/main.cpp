// sluice-sim-test: runs simulated worlds by seed and looks for violations of the invariants.
//
//   sluice-sim-test [--seeds N] [--first K] [--processes P] [--verbose] [--skip-durable-commit]
//
// Each seed replays exactly. On a violation the seed is run again (which must come to the same),
// its last events are printed, and the exit code is 1. --verbose prints every event of every seed.
// --skip-durable-commit makes the simulated store acknowledge before anything is durable: the
// simulator must then find that acknowledged jobs get lost (I1).
//
// The seeds are shared out to processes, because a failed assertion of the code under test ends
// one.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "test/sim/world.hpp"

namespace sluice::sim {

namespace {

struct Options {
  std::uint64_t seeds = 200;
  std::uint64_t first = 1;
  std::uint32_t processes = 0;  // 0: one per CPU
  bool verbose = false;
  bool skip_durable_commit = false;
};

// What one process has to tell, in memory that it shares with its parent.
struct Slot {
  std::uint64_t seed = 0;    // under way
  std::uint64_t failed = 0;  // the first that failed
  std::uint64_t digest = 0;  // of all its seeds
  Counts counts;
};

constexpr std::uint32_t kMaxProcesses = 64;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Options> parse(const std::vector<std::string_view>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--verbose") {
      options.verbose = true;
    } else if (name == "--skip-durable-commit") {
      options.skip_durable_commit = true;
    } else {
      if (i + 1 >= arguments.size()) return std::nullopt;
      const auto value = number(arguments[++i]);
      if (!value) return std::nullopt;
      if (name == "--seeds")
        options.seeds = *value;
      else if (name == "--first")
        options.first = *value;
      else if (name == "--processes")
        options.processes = static_cast<std::uint32_t>(*value);
      else
        return std::nullopt;
    }
  }
  return options;
}

Outcome run_seed(const Options& options, std::uint64_t seed, Lines lines) {
  World world({seed, options.skip_durable_commit, lines});
  return world.run();
}

// The lines of the world that runs now, for a crash of the code under test.
const Trace* traced = nullptr;

void print_lines(const Trace& trace) {
  for (const std::string& line : trace.lines()) std::fprintf(stderr, "%s\n", line.c_str());
}

void on_abort(int) {
  if (traced != nullptr) print_lines(*traced);
}

// A process of its own: the seed may abort.
void show_failure(const Options& options, std::uint64_t seed) {
  std::fprintf(stderr, "seed %llu fails; its last events:\n",
               static_cast<unsigned long long>(seed));
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    World world({seed, options.skip_durable_commit, Lines::last});
    traced = &world.trace;
    std::signal(SIGABRT, on_abort);
    std::signal(SIGSEGV, on_abort);
    const Outcome outcome = world.run();
    print_lines(world.trace);
    const bool same = run_seed(options, seed, Lines::none).digest == outcome.digest;
    std::fprintf(stderr, "seed %llu: %s%s\n", static_cast<unsigned long long>(seed),
                 outcome.violation ? outcome.violation->c_str() : "no violation when run again",
                 same ? "" : " (and its two runs differ)");
    std::fflush(nullptr);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status))
    std::fprintf(stderr, "seed %llu crashes\n", static_cast<unsigned long long>(seed));
}

void work(const Options& options, std::uint32_t process, Slot* slots) {
  Slot& slot = slots[process];
  for (std::uint64_t i = process; i < options.seeds; i += options.processes) {
    const std::uint64_t seed = options.first + i;
    const bool others = std::any_of(slots, slots + options.processes,
                                    [](const Slot& other) { return other.failed != 0; });
    if (others) return;
    slot.seed = seed;
    const Outcome outcome = run_seed(options, seed, options.verbose ? Lines::all : Lines::none);
    slot.counts += outcome.counts;
    slot.digest ^= outcome.digest * (2 * seed + 1);
    slot.seed = 0;
    if (!outcome.violation) continue;
    slot.failed = seed;
    return;
  }
}

void print_counts(const Counts& counts, std::uint64_t digest, double seconds) {
  const auto number_of = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("faults injected:\n");
  for (std::size_t i = 0; i < kFaults; ++i) {
    std::printf("  %-26s %12llu\n", std::string(kFaultNames[i]).c_str(),
                number_of(counts.faults[i]));
  }
  std::printf(
      "%llu seeds: %llu events, %llu requests, %llu jobs, %llu attempts, %llu steps, %llu commits; "
      "%llu states checked, %llu compared with a reload\n",
      number_of(counts.seeds), number_of(counts.events), number_of(counts.requests),
      number_of(counts.jobs), number_of(counts.attempts), number_of(counts.steps),
      number_of(counts.commits), number_of(counts.checks), number_of(counts.reloads));
  std::printf("digest %016llx, %.1f s\n", number_of(digest), seconds);
}

// The first failed seed, or 0.
std::uint64_t run_all(const Options& options, Slot* slots) {
  std::vector<pid_t> children;
  for (std::uint32_t process = 0; process < options.processes; ++process) {
    const pid_t child = fork();
    if (child == 0) {
      work(options, process, slots);
      _exit(0);
    }
    children.push_back(child);
  }
  std::uint64_t failed = 0;
  for (std::uint32_t process = 0; process < options.processes; ++process) {
    int status = 0;
    waitpid(children[process], &status, 0);
    if (!WIFEXITED(status)) slots[process].failed = slots[process].seed;
    const std::uint64_t seed = slots[process].failed;
    if (seed != 0 && (failed == 0 || seed < failed)) failed = seed;
  }
  return failed;
}

int run(Options options) {
  if (options.processes == 0) options.processes = std::max(std::thread::hardware_concurrency(), 1U);
  options.processes = std::min(options.processes, kMaxProcesses);
  if (options.verbose) options.processes = 1;
  void* memory = mmap(nullptr, sizeof(Slot) * kMaxProcesses, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 2;
  Slot* slots = new (memory) Slot[kMaxProcesses];
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t failed = run_all(options, slots);
  Counts sum;
  std::uint64_t digest = 0;
  for (std::uint32_t i = 0; i < options.processes; ++i) {
    sum += slots[i].counts;
    digest ^= slots[i].digest;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (failed != 0) show_failure(options, failed);
  print_counts(sum, digest, took.count());
  if (failed != 0) return 1;
  std::printf("no violation\n");
  return 0;
}

}  // namespace

}  // namespace sluice::sim

int main(int count, char** arguments) {
  const auto options = sluice::sim::parse({arguments + 1, arguments + count});
  if (!options) {
    std::fprintf(stderr,
                 "usage: sluice-sim-test [--seeds N] [--first K] [--processes P] [--verbose] "
                 "[--skip-durable-commit]\n");
    return 2;
  }
  return sluice::sim::run(*options);
}
