// Which part of its job a step gets, and when it must wait.
#include "daemon/worker/service/placement.hpp"

#include <gtest/gtest.h>

#include "test/support/fake_worker_env.hpp"

namespace sluice::worker {
namespace {

using test::WorkerJob;

struct Case {
  model::Job job;
  std::vector<NodeUse> used;

  explicit Case(std::uint32_t nodes) {
    WorkerJob make;
    make.nodes = nodes;
    job = make.make();
    used = no_use(job);
  }
  Result<wire::StepLayout> place(const model::StepSpec& spec) const {
    return place_step({job, spec, used});
  }
  Result<wire::StepLayout> run(const model::StepSpec& spec) {
    auto layout = place(spec);
    if (layout) add_use(used, job, spec, *layout);
    return layout;
  }
};

model::StepSpec spec(std::uint32_t tasks, std::uint32_t nodes) {
  model::StepSpec value;
  value.tasks = tasks;
  value.min_nodes = nodes;
  return value;
}

TEST(Placement, a_plain_step_gets_all_cpus_of_its_nodes) {
  const Case job(2);
  const auto layout = job.place(spec(2, 2));
  ASSERT_TRUE(layout);
  ASSERT_EQ(layout->nodes.size(), 2U);
  EXPECT_EQ(layout->nodes[0].share.cpus.count(), 4U);
  EXPECT_EQ(layout->nodes[0].tasks, (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(layout->node_list.view(), "n[1-2]");
}

TEST(Placement, few_tasks_take_few_nodes) {
  const Case job(3);
  const auto layout = job.place(spec(1, 3));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->nodes.size(), 1U);
  const auto more = job.place(spec(6, 0));
  ASSERT_TRUE(more);
  EXPECT_EQ(more->nodes.size(), 2U);
}

TEST(Placement, exact_steps_run_side_by_side_on_different_cpus) {
  Case job(1);
  model::StepSpec one = spec(1, 1);
  one.exact = true;
  base::Bitmap seen(4);
  for (int i = 0; i < 4; ++i) {
    const auto layout = job.run(one);
    ASSERT_TRUE(layout);
    const base::Bitmap& cpus = layout->nodes[0].share.cpus;
    EXPECT_EQ(cpus.count(), 1U);
    EXPECT_FALSE(seen.intersects(cpus));
    seen |= cpus;
  }
  const auto fifth = job.place(one);
  ASSERT_FALSE(fifth);
  EXPECT_EQ(fifth.error().code, ErrorCode::nodes_busy);
}

TEST(Placement, plain_steps_wait_for_each_other_and_overlapping_ones_do_not) {
  Case job(1);
  ASSERT_TRUE(job.run(spec(1, 1)));
  const auto second = job.place(spec(1, 1));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::nodes_busy);
  model::StepSpec overlap = spec(1, 1);
  overlap.overlap = true;
  EXPECT_TRUE(job.place(overlap));
}

TEST(Placement, what_can_never_be_is_refused_in_slurms_words) {
  const Case job(2);
  const auto many = job.place(spec(9, 0));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().text, "More processors requested than permitted");
  model::StepSpec over = spec(9, 0);
  over.overcommit = true;
  EXPECT_TRUE(job.place(over));
  over.memory_per_cpu = 100;  // of CPUs, however many tasks share them
  EXPECT_TRUE(job.place(over));
  EXPECT_FALSE(job.place(spec(3, 3)));
  model::StepSpec elsewhere = spec(1, 0);
  elsewhere.node_list = "n9";
  const auto unknown = job.place(elsewhere);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::node_config_unavailable);
}

TEST(Placement, nodes_can_be_named_left_out_and_counted_from) {
  const Case job(4);
  model::StepSpec named = spec(2, 0);
  named.node_list = "n3,n2";
  EXPECT_EQ(job.place(named)->node_list.view(), "n[2-3]");
  model::StepSpec without = spec(2, 2);
  without.exclude = "n1";
  EXPECT_EQ(job.place(without)->node_list.view(), "n[2-3]");
  model::StepSpec relative = spec(2, 2);
  relative.relative_node = 2;
  EXPECT_EQ(job.place(relative)->node_list.view(), "n[3-4]");
}

TEST(Placement, asked_memory_counts_and_unasked_does_not) {
  Case job(1);
  model::StepSpec half = spec(1, 1);
  half.exact = true;
  half.memory_per_node = 600;
  const auto first = job.run(half);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->nodes[0].share.memory, 600U);
  const auto second = job.place(half);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::nodes_busy);
  half.memory_per_node = 0;
  EXPECT_TRUE(job.place(half));
  half.memory_per_node = 5000;
  EXPECT_NE(job.place(half).error().code, ErrorCode::nodes_busy);
}

TEST(Placement, devices_are_handed_out_once) {
  Case job(1);
  auto allocation = std::make_shared<model::Allocation>(*job.job.allocation);
  model::GresShare gpus{"gpu", "", base::Bitmap::full(2), 2};
  allocation->shares[0].gres = {gpus};
  job.job.allocation = allocation;
  model::StepSpec one = spec(1, 1);
  one.exact = true;
  one.gres = {{"gpu", "", 1, model::GresScope::node}};
  const auto first = job.run(one);
  const auto second = job.run(one);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(
      first->nodes[0].share.gres[0].indices.intersects(second->nodes[0].share.gres[0].indices));
  EXPECT_EQ(job.place(one).error().code, ErrorCode::nodes_busy);
  model::StepSpec all = spec(1, 1);
  all.exact = true;
  EXPECT_EQ(job.place(all)->nodes[0].share.gres[0].count, 2U);
}

// A job on `nodes` nodes with so many GPUs on each.
struct GpuCase : Case {
  explicit GpuCase(std::uint32_t nodes, std::size_t gpus = 4, const char* name = "gpu")
      : Case(nodes) {
    auto allocation = std::make_shared<model::Allocation>(*job.allocation);
    for (model::NodeShare& share : allocation->shares) {
      share.gres = {{name, "", base::Bitmap::full(gpus), gpus}};
    }
    job.allocation = allocation;
    used = no_use(job);
  }
};

model::StepSpec with_gres(std::uint32_t tasks, std::uint32_t nodes, model::GresRequest gres) {
  model::StepSpec value = spec(tasks, nodes);
  value.exact = true;
  value.gres = {std::move(gres)};
  return value;
}

std::string gpus_of(const wire::StepLayout& layout, std::size_t node) {
  return layout.nodes.at(node).share.gres.at(0).indices.to_ranges();
}

TEST(StepGres, linked_devices_go_together) {
  const GpuCase with(1);
  model::NodeGres known{.name = "gpu", .type = "", .count = 4};
  for (std::uint32_t d = 0; d < 4; ++d) {
    known.files.emplace_back("/dev/gpu" + std::to_string(d));
    known.devices.emplace_back().links.assign(4, 0);
  }
  known.devices[1].links[3] = 100;
  const model::StepSpec two = with_gres(1, 1, {"gpu", "", 2, model::GresScope::node});
  const auto layout = place_step({with.job, two, with.used, 1, 1, {known}});
  ASSERT_TRUE(layout);
  EXPECT_EQ(gpus_of(*layout, 0), "1,3");
}

TEST(StepGres, a_count_for_the_step_is_dealt_to_its_nodes) {
  const GpuCase with(2);
  const auto layout = with.place(with_gres(2, 2, {"gpu", "", 5, model::GresScope::job}));
  ASSERT_TRUE(layout);
  EXPECT_EQ(gpus_of(*layout, 0), "0-3");
  EXPECT_EQ(gpus_of(*layout, 1), "0");
  const auto two = with.place(with_gres(2, 2, {"gpu", "", 2, model::GresScope::job}));
  ASSERT_TRUE(two);
  EXPECT_EQ(gpus_of(*two, 0), "0");
  EXPECT_EQ(gpus_of(*two, 1), "0");
}

TEST(StepGres, each_task_has_its_own) {
  GpuCase with(2);
  const model::StepSpec each = with_gres(2, 0, {"gpu", "", 2, model::GresScope::task});
  const auto first = with.run(each);
  const auto second = with.run(each);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(gpus_of(*first, 0), "0-3");
  EXPECT_EQ(second->node_list, Text("n2"));
  EXPECT_EQ(with.place(each).error().code, ErrorCode::nodes_busy);
}

TEST(StepGres, steps_count_the_shards_of_one_gpu) {
  GpuCase with(1, 4, "shard");
  auto allocation = std::make_shared<model::Allocation>(*with.job.allocation);
  allocation->shares[0].gres[0].indices = base::Bitmap(4, {2});
  with.job.allocation = allocation;
  const auto some = [](std::uint64_t count) {
    return with_gres(1, 1, {"shard", "", count, model::GresScope::node});
  };
  const auto three = with.place(some(3));
  ASSERT_TRUE(three) << three.error().text;
  EXPECT_EQ(three->nodes[0].share.gres[0].count, 3U);
  EXPECT_EQ(gpus_of(*three, 0), "2");
  EXPECT_FALSE(with.place(some(5)));
  with.used[0].gres = three->nodes[0].share.gres;
  EXPECT_FALSE(with.place(some(2)));
  const auto last = with.place(some(1));
  ASSERT_TRUE(last) << last.error().text;
  EXPECT_EQ(gpus_of(*last, 0), "2");
}

TEST(StepGres, more_than_the_job_has_is_refused) {
  const GpuCase with(2, 2);
  const auto code = [&](model::GresRequest gres) {
    return with.place(with_gres(1, 1, std::move(gres))).error().code;
  };
  EXPECT_EQ(code({"gpu", "", 3, model::GresScope::node}), ErrorCode::invalid_gres);
  const auto refused = with.place(with_gres(1, 1, {"gpu", "", 3, model::GresScope::node}));
  EXPECT_EQ(refused.error().text,
            "Invalid generic resource (gres) specification: Step requested gres_per_node=gpu:3 is "
            "more than the job's gres_per_node=gpu:2");
  EXPECT_EQ(code({"gpu", "", 5, model::GresScope::job}), ErrorCode::invalid_gres);
  EXPECT_EQ(code({"gpu", "h100", 1, model::GresScope::node}), ErrorCode::invalid_gres);
  EXPECT_EQ(code({"npu", "", 1, model::GresScope::node}), ErrorCode::invalid_gres);
}

TEST(StepGres, overlapping_steps_share_and_none_means_none) {
  GpuCase with(1, 2);
  model::StepSpec all = with_gres(1, 1, {"gpu", "", 2, model::GresScope::node});
  ASSERT_TRUE(with.run(all));
  all.overlap = true;
  const auto shared = with.place(all);
  ASSERT_TRUE(shared);
  EXPECT_EQ(gpus_of(*shared, 0), "0-1");
  model::StepSpec none = spec(1, 1);
  none.exact = none.gres_none = true;
  const auto without = with.place(none);
  ASSERT_TRUE(without);
  EXPECT_TRUE(without->nodes[0].share.gres.empty());
}

TEST(StepGres, of_a_whole_node_a_step_gets_what_the_job_asked_for) {
  GpuCase with(1, 4);
  auto request = std::make_shared<model::Request>(*with.job.request);
  request->sharing = model::Sharing::exclusive;
  request->gres = {{"gpu", "", 1, model::GresScope::node}};
  with.job.request = request;
  const auto layout = with.place(spec(1, 1));
  ASSERT_TRUE(layout);
  EXPECT_EQ(gpus_of(*layout, 0), "0");
  const auto more = with.place(with_gres(1, 1, {"gpu", "", 3, model::GresScope::node}));
  ASSERT_TRUE(more);
  EXPECT_EQ(gpus_of(*more, 0), "0-2");
}

TEST(StepGres, any_accelerator_is_what_the_job_got_for_it) {
  GpuCase with(1, 2, "npu");
  auto request = std::make_shared<model::Request>(*with.job.request);
  request->gres = {{"accel", "", 2, model::GresScope::node}};
  with.job.request = request;
  const auto layout = with.place(with_gres(1, 1, {"accel", "", 1, model::GresScope::node}));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->nodes[0].share.gres[0].name, Text("npu"));
  EXPECT_EQ(gpus_of(*layout, 0), "0");
}

}  // namespace
}  // namespace sluice::worker
