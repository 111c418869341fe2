// sluice-histories: plays random histories of small clusters by seed and checks, after every event,
// what the scheduler did and what it says against slow and obvious calculations.
//
//   sluice-histories [--seeds N] [--first K] [--events E] [--keep-going]
//   sluice-histories --seed K [--trace]
//
// A seed that fails is printed with what went wrong; --seed K --trace shows its events up to there.
// Exit code 1 if any failed. With --keep-going all seeds are played (up to a hundred failures). At
// the end it tells how much was looked at and what the histories contained. Each run of seeds is
// played in a process of its own, because a failed assertion of the code under test ends it.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "test/histories/history.hpp"

namespace sluice::histories {

namespace {

constexpr std::uint64_t kMostFailures = 100;  // then something is wrong altogether

struct Options {
  std::uint64_t seeds = 200;
  std::uint64_t first = 1;
  std::uint64_t events = 90;
  bool one = false;
  bool trace = false;
  bool keep_going = false;
};

std::optional<Options> parse(const std::vector<std::string_view>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--trace") {
      options.trace = true;
    } else if (name == "--keep-going") {
      options.keep_going = true;
    } else {
      if (i + 1 >= arguments.size()) return std::nullopt;
      const std::string_view text = arguments[++i];
      std::uint64_t value = 0;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
      if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
      if (name == "--seeds") {
        options.seeds = value;
      } else if (name == "--first" || name == "--seed") {
        options.first = value;
        options.one = options.one || name == "--seed";
      } else if (name == "--events") {
        options.events = value;
      } else {
        return std::nullopt;
      }
    }
  }
  if (options.one) options.seeds = 1;
  return options;
}

// In memory that a process shares with its parent.
struct Slot {
  std::uint64_t seed = 0;  // under way
  bool failed = false;
  Counts counts;
};

void add(Counts& to, const Counts& more) {
  to.events += more.events;
  to.starts += more.starts;
  to.reasons += more.reasons;
  to.refusals += more.refusals;
  to.delays += more.delays;
  to.futures += more.futures;
  to.preemptions += more.preemptions;
  to.restarts += more.restarts;
  to.cuts += more.cuts;
  for (std::size_t s = 0; s < kSeen; ++s) to.seen[s] += more.seen[s];
}

// From slot.seed on until one fails.
void play_all(const Options& options, Slot& slot) {
  for (; slot.seed < options.first + options.seeds; ++slot.seed) {
    History history(slot.seed, options.trace);
    const Problem problem = history.play(static_cast<int>(options.events));
    add(slot.counts, history.counts());
    if (problem.empty()) continue;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(slot.seed), problem.c_str());
    slot.failed = true;
    std::fflush(nullptr);
    _exit(1);
  }
  std::fflush(nullptr);
  _exit(0);
}

int play(const Options& options) {
  void* shared =
      mmap(nullptr, sizeof(Slot), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Slot& slot = *new (shared) Slot;
  slot.seed = options.first;
  std::uint64_t failures = 0;
  while (slot.seed < options.first + options.seeds) {
    slot.failed = false;
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) play_all(options, slot);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
    if (!slot.failed) {
      std::printf("seed %llu: crashes\n", static_cast<unsigned long long>(slot.seed));
    }
    ++failures;
    ++slot.seed;
    if (!options.keep_going || failures == kMostFailures) break;
  }
  const Counts& all = slot.counts;
  std::printf(
      "%llu seeds, %llu failed: %llu events, %llu starts, %llu reasons (%llu limits), %llu "
      "comparisons without lower jobs, %llu futures, %llu displaced, %llu restarts, %llu passes "
      "cut\n",
      static_cast<unsigned long long>(slot.seed - options.first),
      static_cast<unsigned long long>(failures), static_cast<unsigned long long>(all.events),
      static_cast<unsigned long long>(all.starts), static_cast<unsigned long long>(all.reasons),
      static_cast<unsigned long long>(all.refusals), static_cast<unsigned long long>(all.delays),
      static_cast<unsigned long long>(all.futures),
      static_cast<unsigned long long>(all.preemptions),
      static_cast<unsigned long long>(all.restarts), static_cast<unsigned long long>(all.cuts));
  for (std::size_t s = 0; s < kSeen; ++s) {
    std::printf("%s%llu %s", s == 0 ? "of which: " : ", ",
                static_cast<unsigned long long>(all.seen[s]), seen_name(s));
  }
  std::printf("\n");
  return failures == 0 ? 0 : 1;
}

}  // namespace

}  // namespace sluice::histories

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const auto options = sluice::histories::parse({argv + 1, argv + argc});
  if (!options) {
    std::fprintf(stderr,
                 "usage: sluice-histories [--seeds N] [--first K] [--events E] [--keep-going] "
                 "[--seed K --trace]\n");
    return 2;
  }
  return sluice::histories::play(*options);
}
