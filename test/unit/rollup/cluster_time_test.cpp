// How the cluster's time was spent: what Slurm's slurmdbd reported of the same two days.
#include "rollup/cluster_time.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rollup/attempt.hpp"

namespace sluice::rollup {
namespace {

constexpr Seconds kHour = 3600;
constexpr Seconds kBegin = 1795132800;  // 2026-11-20T00:00:00Z
constexpr Period kTwoDays{kBegin, kBegin + 48 * kHour};

std::int64_t cpus(const model::TresCounts& counts) {
  return model::tres_count(counts, model::kTresCpu);
}

struct Job {
  double eligible, start, end;  // hours
  std::int64_t cpus;
  const char* reservation = "";
};

class ClusterTimeTest : public ::testing::Test {
 protected:
  ClusterTimeTest() { span("", 0, 0, 32); }

  static model::WallTime wall(double hours) {
    return (kBegin + static_cast<Seconds>(hours * kHour)) * model::kSecond;
  }
  void span(const char* node, double from, double to, std::int64_t count,
            model::NodeState state = model::NodeState::down) {
    model::NodeSpan one;
    one.node = node;
    one.from = wall(from);
    one.to = to == 0 ? 0 : wall(to);
    one.state = static_cast<std::uint32_t>(state);
    model::add_tres(one.tres, model::kTresCpu, count);
    history.spans.push_back(one);
  }
  void reserve(const char* name, double from, double to, std::uint32_t flags) {
    model::Reservation one;
    one.name = name;
    one.start = wall(from);
    one.end = wall(to);
    one.cpu_count = 8;
    one.flags = flags;
    history.reservations.push_back(one);
  }
  void job(const Job& job) {
    for (int hour = 0; hour < 48; ++hour) {
      const Period span{kBegin + hour * kHour, kBegin + (hour + 1) * kHour};
      const auto part = [&](double from, double to) {
        const Period stretch{wall(from) / model::kSecond, wall(to) / model::kSecond};
        return job.cpus * common(stretch, span).length();
      };
      HourUse use{span, Text(), {}, {}};
      if (job.start != 0) model::add_tres(use.used, model::kTresCpu, part(job.start, job.end));
      model::add_tres(use.waited, model::kTresCpu,
                      part(job.eligible, job.start != 0 ? job.start : job.end));
      history.hours.push_back(use);
      if (*job.reservation == 0) continue;
      use.reservation = job.reservation;
      use.waited.clear();
      history.hours.push_back(use);
    }
  }
  void the_jobs() {
    job({0.5, 0.5, 2.25, 4});
    job({3, 5, 6, 8});
    job({10, 10, 11, 32});
    job({9, 11, 12, 16});
    job({13, 0, 15, 32});
    job({20, 20, 28, 2});
    job({30.0 + 10.0 / 3600, 30.0 + 10.0 / 3600, 30.0 + 50.0 / 3600, 1});
    span("n1", 7, 8.5, 8);
    span("n2", 16, 17, 8, model::NodeState::idle);
  }
  model::ClusterUse use(const Period& period = kTwoDays, Seconds now = kTwoDays.to) {
    return cluster_use(history, period, now);
  }

  ClusterHistory history;
};

TEST_F(ClusterTimeTest, AsSlurmHasIt) {
  the_jobs();
  const model::ClusterUse whole = use();
  EXPECT_EQ(cpus(whole.reported), 5529600);
  EXPECT_EQ(cpus(whole.allocated), 284440);
  EXPECT_EQ(cpus(whole.down), 72000);
  EXPECT_EQ(cpus(whole.planned), 345600);
  EXPECT_EQ(cpus(whole.over_committed), 57600);
  EXPECT_EQ(cpus(whole.idle), 4827560);
  EXPECT_EQ(cpus(whole.counts), 32);
}

TEST_F(ClusterTimeTest, OneFullHourWithOthersWaiting) {
  the_jobs();
  const model::ClusterUse hour = use({kBegin + 10 * kHour, kBegin + 11 * kHour});
  EXPECT_EQ(cpus(hour.allocated), 115200);
  EXPECT_EQ(cpus(hour.planned), 0);
  EXPECT_EQ(cpus(hour.over_committed), 57600);
}

TEST_F(ClusterTimeTest, ReservationsAreAllocatedAndMaintenanceIsPlannedDown) {
  job({14, 14, 15, 4, "r1"});
  reserve("r1", 12, 18, 0);
  reserve("mnt", 17, 19, model::kResvMaint);
  reserve("unseen", 20, 22, model::kResvIgnoreJobs);
  const model::ClusterUse whole = use();
  EXPECT_EQ(cpus(whole.allocated), 8 * 6 * kHour);
  EXPECT_EQ(cpus(whole.planned_down), 8 * 2 * kHour);
  const model::ReservationUse r1 = reservation_use(history.reservations.front(), history.hours);
  EXPECT_EQ(cpus(r1.seconds), 4 * kHour);
  EXPECT_EQ(cpus(r1.counts), 8);
}

TEST_F(ClusterTimeTest, NothingIsKnownOfTheFuture) {
  const model::ClusterUse whole = use(kTwoDays, kBegin + kHour / 2);
  EXPECT_EQ(cpus(whole.reported), 32 * kHour / 2);
  EXPECT_EQ(cpus(whole.counts), 32);
}

TEST_F(ClusterTimeTest, NorOfTheTimeBeforeTheCluster) {
  EXPECT_TRUE(use({kBegin - 48 * kHour, kBegin}).reported.empty());
}

TEST_F(ClusterTimeTest, NoMoreThanThereIs) {
  span("n1", 1, 2, 32);
  job({1, 1, 2, 32});
  const model::ClusterUse hour = use({kBegin + kHour, kBegin + 2 * kHour});
  EXPECT_EQ(cpus(hour.down), 32 * kHour);
  EXPECT_EQ(cpus(hour.allocated), 0);
  EXPECT_EQ(cpus(hour.idle), 0);
}

}  // namespace
}  // namespace sluice::rollup
