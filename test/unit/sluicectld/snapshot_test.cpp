// Snapshots: what readers hold never changes, whatever is published afterwards.
#include "daemon/controller/snapshot.hpp"

#include <random>

#include <gtest/gtest.h>

namespace sluice::controller {
namespace {

model::JobPtr job(std::uint32_t id, std::uint32_t priority) {
  auto made = std::make_shared<model::Job>();
  made->id = JobId(id);
  made->priority = priority;
  return made;
}

TEST(Snapshot, KeepsWhatItShowed) {
  SnapshotBuilder builder;
  builder.apply({{job(1, 10), job(300, 20)}, {}, {}, {}, {}});
  const SnapshotPtr before = builder.current();
  builder.apply({{job(1, 11)}, {JobId(300)}, {}, {}, {}});
  const SnapshotPtr after = builder.current();
  EXPECT_EQ(before->find(JobId(1))->priority, 10U);
  EXPECT_EQ(before->find(JobId(300))->priority, 20U);
  EXPECT_EQ(after->find(JobId(1))->priority, 11U);
  EXPECT_EQ(after->find(JobId(300)), nullptr);
  EXPECT_EQ(after->job_count(), 1U);
}

TEST(Snapshot, IsSharedWhileNothingChanges) {
  SnapshotBuilder builder;
  builder.apply({{job(1, 1)}, {}, {}, {}, {}});
  EXPECT_EQ(builder.current(), builder.current());
}

TEST(Snapshot, AgreesWithAMapOverRandomHistories) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  SnapshotBuilder builder;
  std::map<std::uint32_t, std::uint32_t> model;
  for (std::uint32_t round = 0; round < 3000; ++round) {
    const std::uint32_t id = 1 + static_cast<std::uint32_t>(random() % 2000);
    if (random() % 3 == 0) {
      model.erase(id);
      builder.apply({{}, {JobId(id)}, {}, {}, {}});
    } else {
      model[id] = round;
      builder.apply({{job(id, round)}, {}, {}, {}, {}});
    }
  }
  const SnapshotPtr snapshot = builder.current();
  ASSERT_EQ(snapshot->job_count(), model.size());
  std::uint32_t last = 0;
  snapshot->for_each_job([&](const model::JobPtr& record) {
    EXPECT_GT(record->id.value, last);
    last = record->id.value;
    EXPECT_EQ(model.at(last), record->priority);
  });
}

}  // namespace
}  // namespace sluice::controller
