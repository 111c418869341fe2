// Random histories with reservations, by seed.
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/reservation_rules.hpp"
#include "test/support/core_builders.hpp"

namespace sluice::core {
namespace {

using model::kSecond;
using test::a_job;
using test::World;

constexpr model::WallTime kMinute = 60 * kSecond;

// No job starts on nodes that a reservation has while it would run, unless it
// runs in that one, or in one above it; by looking at every start with the records alone.
class RandomReservations : public ::testing::Test {
 protected:
  static bool may_run(const model::Job& job, const model::Reservation& r, const World& world) {
    if (job.reservation == r.name) return true;
    for (const model::ReservationPtr& own : world.cluster->all_reservations()) {
      if (own->name != job.reservation) continue;
      if (stands_above(*own) || !stands_above(r)) return true;
    }
    return false;
  }
  static void check_start(const model::Job& job, const World& world) {
    const model::WallTime until = job.start + job.time_limit * kMinute;
    for (const model::ReservationPtr& r : world.cluster->all_reservations()) {
      if (may_run(job, *r, world)) continue;
      const TimeSpan span = occurrence_after(*r, job.start, {});
      if (span.until == 0 || span.from >= until) continue;
      for (const model::NodeShare& share : job.allocation->shares) {
        for (const model::ReservedNode& part : r->parts) {
          EXPECT_FALSE(part.name == share.name && part.cores == 0)
              << "job " << job.id.value << " on " << share.name.view() << " of " << r->name.view();
        }
      }
    }
  }
};

TEST_F(RandomReservations, NothingElseStartsThere) {
  for (std::uint32_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t most) {
      return static_cast<std::uint32_t>(random() % most);
    };
    World world({.nodes = 6, .cpus = 4, .memory = 4000});
    world.register_all();
    std::set<JobId> seen;
    std::vector<JobId> jobs;
    std::vector<std::string> names;
    for (int step = 0; step < 50; ++step) {
      const std::uint32_t what = below(10);
      if (what == 0) {
        EditReservation event;
        names.push_back("r" + std::to_string(step));
        event.name = Text(names.back());
        event.by_operator = true;
        event.patch.start = world.now.wall + below(60) * kMinute;
        event.patch.duration_min = 1 + below(60);
        event.patch.users = model::ListEdit{0, "alice"};
        event.patch.node_count = 1 + below(3);
        constexpr std::uint32_t kKinds[] = {0,
                                            model::kResvMaint,
                                            model::kResvDaily,
                                            model::kResvHourly,
                                            model::kResvOverlap,
                                            model::kResvIgnoreJobs,
                                            model::kResvReplace,
                                            model::kResvMagnetic};
        event.patch.set_flags = kKinds[below(8)];
        world.apply(event);
      } else if (what < 7) {
        auto job = a_job().minutes(1 + below(90)).tasks(1 + below(8));
        if (below(3) == 0 && !names.empty()) {
          const std::string& name = names[below(static_cast<std::uint32_t>(names.size()))];
          job.request([&](auto& r) { r.reservation = Text(name); });
        }
        if (below(2) == 0) job.spec([](auto& s) { s.user = "bob"; });
        SubmitJob event = job.event();
        event.uid.low = seed * 1000 + static_cast<std::uint32_t>(step) + (std::uint64_t{1} << 40);
        const Changes changes = world.apply(event);
        if (changes.outcome) jobs.push_back(changes.job);
      } else {
        world.pass(60 * (1 + below(20)));
      }
      for (const JobId id : jobs) {
        const model::JobPtr job = world.cluster->find_job(id);
        if (job == nullptr || job->state != model::JobState::running || !seen.insert(id).second) {
          continue;
        }
        if (job->start == world.now.wall) check_start(*job, world);
      }
    }
  }
}

}  // namespace
}  // namespace sluice::core
