// What the queries say beside what the snapshot holds.
#include "daemon/controller/queries.hpp"

#include <gtest/gtest.h>

#include "wire/client_messages.hpp"
#include "wire/codec.hpp"

namespace sluice::controller {
namespace {

std::shared_ptr<model::Job> running_script(std::uint32_t id) {
  auto job = std::make_shared<model::Job>();
  job->id = JobId(id);
  job->state = model::JobState::running;
  job->start = 5 * model::kSecond;
  auto spec = std::make_shared<model::JobSpec>();
  spec->kind = model::JobKind::batch;
  spec->uid = 1000;
  job->spec = spec;
  job->request = std::make_shared<const model::Request>();
  auto allocation = std::make_shared<model::Allocation>();
  model::NodeShare share;
  share.name = "n1";
  share.cpu_count = 2;
  allocation->shares.push_back(share);
  job->allocation = allocation;
  return job;
}

std::vector<model::Step> steps_shown(SnapshotBuilder& builder) {
  wire::QueryJobs request;
  request.steps = true;
  const auto query = query_jobs(builder.current(), {.request = request});
  const auto reply = wire::decode<wire::JobsReply>(query->next().payload);
  EXPECT_TRUE(reply);
  return reply ? reply->steps : std::vector<model::Step>();
}

TEST(JobsQuery, ShowsTheStepOfAScriptThatHasJustBegun) {
  SnapshotBuilder builder;
  const auto young = running_script(1);
  const auto known = running_script(2);
  const auto preparing = running_script(3);
  preparing->flags = model::kFlagConfiguring;
  auto step = std::make_shared<model::Step>();
  step->job = known->id;
  step->number = base::kBatchStep;
  step->name = "told";
  builder.apply({{young, known, preparing}, {}, {}, {}, {step}});
  const auto steps = steps_shown(builder);
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].name, Text("told"));
  EXPECT_EQ(steps[1].job, young->id);
  EXPECT_EQ(steps[1].number, base::kBatchStep);
  EXPECT_EQ(steps[1].name, Text("batch"));
  EXPECT_EQ(steps[1].nodes, Text("n1"));
  EXPECT_EQ(steps[1].cpus, 2U);
  EXPECT_EQ(steps[1].start, 5 * model::kSecond);
}

}  // namespace
}  // namespace sluice::controller
