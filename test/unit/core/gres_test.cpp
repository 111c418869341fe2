// GRES of jobs: exact devices, CPUs beside them, any accelerator, and devices out of service.
#include "model/gres.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "test/unit/core/planner_world.hpp"

namespace sluice::core::test {
namespace {

using model::GresScope;
using Request = model::Request;
using Ids = std::vector<std::uint32_t>;

base::Bitmap cpus(std::size_t first, std::size_t end, std::size_t size = 8) {
  base::Bitmap made(size);
  made.set_range(first, end);
  return made;
}

void link(model::NodeGres& gres, std::size_t a, std::size_t b, std::uint32_t weight) {
  gres.devices[a].links[b] = gres.devices[b].links[a] = weight;
}

// Two sockets of four cores; the first half of the devices beside the first.
Hw two_sockets(model::NodeGres gres) {
  for (std::size_t d = 0; d < gres.devices.size(); ++d) {
    const bool first = d < gres.devices.size() / 2;
    gres.devices[d].cpus = first ? cpus(0, 4) : cpus(4, 8);
  }
  return {.sockets = 2, .cores = 4, .gres = {std::move(gres)}};
}

Request asking(std::vector<model::GresRequest> gres, std::uint32_t tasks = 1) {
  Request made;
  made.tasks = tasks;
  made.gres = std::move(gres);
  return made;
}

std::string indices(const World& w, JobId job, std::size_t node = 0, std::size_t kind = 0) {
  return w.allocation(job.value).shares.at(node).gres.at(kind).indices.to_ranges();
}
std::string cpu_ids(const World& w, JobId job, std::size_t node = 0) {
  return w.allocation(job.value).shares.at(node).cpus.to_ranges();
}

model::NodeGres named(const char* name, std::uint64_t count, const char* vendor = "") {
  model::NodeGres gres = gpus(count);
  gres.name = name;
  gres.vendor = vendor;
  return gres;
}

std::string kinds(const World& w, JobId job) {
  std::string text;
  for (const model::NodeShare& share : w.allocation(job.value).shares) {
    for (const model::GresShare& gres : share.gres) {
      text += (text.empty() ? "" : " ") + gres.name.str() + ":" + std::to_string(gres.count);
    }
  }
  return text;
}

// A node's facts again, with these devices out of service.
void set_faults(World& w, std::uint32_t node, const std::vector<std::uint32_t>& faulty) {
  model::NodeFacts facts = w.settings().nodes[node].facts;
  for (const std::uint32_t d : faulty) facts.gres[0].devices[d].fault = "gone";
  w.pool().set_facts(NodeIndex(node), facts);
}

TEST(Gres, LinkedDevicesGoTogether) {
  model::NodeGres gres = devices(4);
  link(gres, 0, 2, 100);
  link(gres, 1, 3, 100);
  World w;
  w.nodes(1, {.cores = 8, .gres = {gres}}).up();
  const JobId pair = w.submit(asking({{"gpu", "", 2}}));
  const JobId other = w.submit(asking({{"gpu", "", 2}}));
  w.pass();
  EXPECT_EQ(indices(w, pair), "0,2");
  EXPECT_EQ(indices(w, other), "1,3");
  EXPECT_EQ(w.problem(), "");
}

TEST(Gres, CpusBesideTheDevices) {
  World w;
  w.nodes(1, two_sockets(devices(4))).up();
  const JobId first = w.submit(asking({{"gpu", "", 2}}, 3));
  const JobId second = w.submit(asking({{"gpu", "", 1}}, 3));
  w.pass();
  EXPECT_EQ(indices(w, first), "0-1");
  EXPECT_EQ(cpu_ids(w, first), "0-2");
  EXPECT_EQ(indices(w, second), "2");  // three cores are idle beside it, one beside the others
  EXPECT_EQ(cpu_ids(w, second), "4-6");
}

TEST(Gres, CpusElsewhereWhenThereAreTooFewBesideThem) {
  World w;
  w.nodes(1, two_sockets(devices(2))).up();
  const JobId job = w.submit(asking({{"gpu", "", 1}}, 6));
  w.pass();
  EXPECT_EQ(cpu_ids(w, job), "0-5");
}

TEST(Gres, EnforceBindingWaitsForCpusBesideTheDevices) {
  World w;
  w.nodes(1, two_sockets(devices(2))).up();
  Request bound = asking({{"gpu", "", 1}}, 3);
  bound.gres_enforce_binding = true;
  const JobId plain = w.submit(asking({}, 4));  // two cores of each socket
  const JobId job = w.submit(bound);
  EXPECT_EQ(w.pass(), (Ids{plain.value}));
  w.end(plain.value);
  EXPECT_EQ(w.pass(), (Ids{job.value}));
  EXPECT_EQ(cpu_ids(w, job), "0-2");
  Request too_many = asking({{"gpu", "", 1}}, 5);
  too_many.gres_enforce_binding = true;
  EXPECT_FALSE(w.planner().can_ever_run(w.pool(), w.candidate(too_many)));
  too_many.gres[0].count = 2;
  EXPECT_TRUE(w.planner().can_ever_run(w.pool(), w.candidate(too_many)));
}

TEST(Gres, DisableBindingIgnoresWhereDevicesSit) {
  World w;
  w.nodes(1, two_sockets(devices(2))).up();
  Request anywhere = asking({{"gpu", "", 1}}, 2);
  anywhere.gres_disable_binding = true;
  const JobId job = w.submit(anywhere);
  w.pass();
  EXPECT_EQ(cpu_ids(w, job), "0,4");  // socket by socket, as without devices
}

TEST(Gres, DevicesOfEachSocket) {
  World w;
  w.nodes(1, two_sockets(devices(4))).up();
  Request request = asking({{"gpu", "", 1, GresScope::socket}}, 2);
  request.sockets_per_node = 2;
  const JobId job = w.submit(request);
  w.pass();
  EXPECT_EQ(indices(w, job), "0,2");
  EXPECT_EQ(cpu_ids(w, job), "0,4");
}

TEST(Gres, AWholeNodeComesWithItsDevices) {
  World w;
  w.nodes(1, {.cores = 8, .gres = {devices(3), named("npu", 2)}}).up();
  set_faults(w, 0, {1});
  Request request = asking({{"npu", "", 1}});
  request.sharing = model::Sharing::exclusive;
  const JobId job = w.submit(request);
  w.pass();
  EXPECT_EQ(kinds(w, job), "gpu:2 npu:2");
  EXPECT_EQ(indices(w, job), "0,2");
  EXPECT_EQ(w.problem(), "");
}

TEST(Gres, AnyTypeIsOneKindWhereOneHasEnough) {
  World w;
  w.nodes(1, {.cores = 8, .gres = {gpus(1, "a"), gpus(2, "b")}}).up();
  const JobId job = w.submit(asking({{"gpu", "", 2}}));
  w.pass();
  ASSERT_EQ(w.allocation(job.value).shares[0].gres.size(), 1U);
  EXPECT_EQ(w.allocation(job.value).shares[0].gres[0].type, Text("b"));
  EXPECT_EQ(indices(w, job), "1-2");
}

TEST(Gres, APartedDeviceIsNeverGivenOutWhole) {
  model::NodeGres whole = devices(2, "a100");
  whole.devices[0].uuid = "GPU-0";
  whole.devices[1].uuid = "GPU-1";
  model::NodeGres parts = devices(2, "1g.5gb");
  for (model::Device& part : parts.devices) part.parent = "GPU-0";
  World w;
  w.nodes(1, {.cores = 8, .gres = {whole, parts}}).up();
  const JobId one = w.submit(asking({{"gpu", "a100", 1}}));
  const JobId part = w.submit(asking({{"gpu", "1g.5gb", 2}}));
  w.pass();
  EXPECT_EQ(indices(w, one), "1");
  EXPECT_EQ(indices(w, part), "2-3");
  EXPECT_FALSE(w.planner().can_ever_run(w.pool(), w.candidate(asking({{"gpu", "a100", 2}}))));
  EXPECT_EQ(w.problem(), "");
}

// --- any accelerator ----------------------------------------------------------------------------

TEST(Accel, OneKindOnANode) {
  World w;
  w.nodes(1, {.cores = 8, .gres = {named("gpu", 2), named("npu", 3), named("nic", 8)}}).up();
  const JobId three = w.submit(asking({{"accel", "", 3}}));
  const JobId two = w.submit(asking({{"accel", "", 2}}));
  w.pass();
  EXPECT_EQ(kinds(w, three), "npu:3");
  EXPECT_EQ(kinds(w, two), "gpu:2");
  // Five are there, but not of one kind.
  EXPECT_FALSE(w.planner().can_ever_run(w.pool(), w.candidate(asking({{"accel", "", 5}}))));
}

TEST(Accel, TheTightestKindOfANode) {
  World w;
  w.nodes(1, {.cores = 8, .gres = {named("gpu", 4), named("npu", 2)}}).up();
  const JobId job = w.submit(asking({{"accel", "", 1}}));
  w.pass();
  EXPECT_EQ(kinds(w, job), "npu:1");
}

TEST(Accel, TheSameOnAllNodesIfPossible) {
  World w;
  w.nodes(1, {.cores = 4, .gres = {named("gpu", 2)}});
  w.nodes(2, {.cores = 4, .gres = {named("npu", 2)}}).up();
  Request two = asking({{"accel", "", 2}}, 2);
  two.min_nodes = two.max_nodes = 2;
  const JobId job = w.submit(two);
  w.pass();
  EXPECT_EQ(w.nodes_of(job.value), "n[2-3]");
  EXPECT_EQ(kinds(w, job), "npu:2 npu:2");
  w.end(job.value);
  Request three = two;
  three.tasks = three.min_nodes = three.max_nodes = 3;
  const JobId mixed = w.submit(three);
  w.pass();
  EXPECT_EQ(kinds(w, mixed), "gpu:2 npu:2 npu:2");
}

TEST(Accel, AVendorMakesAnAccelerator) {
  World w;
  w.nodes(1, {.cores = 4, .gres = {named("thing", 2, "acme")}});
  w.nodes(1, {.cores = 4, .gres = {named("license", 5)}}).up();
  const JobId job = w.submit(asking({{"accel", "", 2}}));
  w.pass();
  EXPECT_EQ(kinds(w, job), "thing:2");
  EXPECT_FALSE(w.planner().can_ever_run(w.pool(), w.candidate(asking({{"accel", "", 3}}))));
}

TEST(Accel, CpusPerGpuCountThem) {
  World w;
  w.nodes(1, {.cores = 8, .gres = {named("npu", 2)}}).up();
  Request request = asking({{"accel", "", 2}});
  request.cpus_per_gpu = 3;
  const JobId job = w.submit(request);
  w.pass();
  EXPECT_EQ(w.allocation(job.value).cpus, 6U);
}

// --- out of service -----------------------------------------------------------------------------

TEST(Gres, AFaultyDeviceIsNotGivenOut) {
  World w;
  w.nodes(1, {.cores = 8, .gres = {devices(3)}}).up();
  set_faults(w, 0, {0});
  const JobId job = w.submit(asking({{"gpu", "", 2}}));
  const JobId more = w.submit(asking({{"gpu", "", 1}}));
  EXPECT_EQ(w.pass(), (Ids{job.value}));
  EXPECT_EQ(indices(w, job), "1-2");
  set_faults(w, 0, {});
  EXPECT_EQ(w.pass(), (Ids{more.value}));
  EXPECT_EQ(indices(w, more), "0");
  EXPECT_EQ(w.problem(), "");
}

TEST(Gres, AHeldDeviceThatFailsDoesNotComeBack) {
  World w;
  w.nodes(1, {.cores = 8, .gres = {devices(2)}}).up();
  const JobId holder = w.submit(asking({{"gpu", "", 1}}));
  w.pass();
  set_faults(w, 0, {0});
  EXPECT_EQ(w.problem(), "");
  const JobId both = w.submit(asking({{"gpu", "", 2}}));
  const JobId one = w.submit(asking({{"gpu", "", 1}}, 1));
  w.pass();
  EXPECT_EQ(indices(w, one), "1");
  w.end(holder.value);
  w.end(one.value);
  EXPECT_EQ(w.pass(), Ids{});
  set_faults(w, 0, {});
  EXPECT_EQ(w.pass(), (Ids{both.value}));
}

TEST(Gres, AJobThatAFaultKeepsWaitingIsNotRefused) {
  World w;
  w.nodes(1, {.cores = 8, .gres = {devices(2)}}).up();
  set_faults(w, 0, {1});
  EXPECT_TRUE(w.planner().can_ever_run(w.pool(), w.candidate(asking({{"gpu", "", 2}}))));
}

TEST(Gres, WhatCanNeverBeIsRefusedWithItsCause) {
  World w;
  w.nodes(4, {.cores = 8, .gres = {gpus(2, "a"), gpus(2, "b")}}).up();
  const auto cause = [&](model::GresRequest gres, std::uint32_t tasks = 0) {
    const Status possible =
        w.planner().can_ever_run(w.pool(), w.candidate(asking({std::move(gres)}, tasks)));
    return possible ? std::string() : possible.error().text;
  };
  const std::string config = "Requested node configuration is not available: ";
  EXPECT_EQ(cause({"gpu", "", 5}),
            config + "asks for 5 gpu on one node; the largest in partition batch has 4");
  EXPECT_EQ(cause({"gpu", "a", 3}),
            config + "asks for 3 gpu:a on one node; the largest in partition batch has 2");
  EXPECT_EQ(cause({"accel", "", 3}),
            config + "asks for 3 accel on one node; the largest in partition batch has 2");
  EXPECT_EQ(cause({"gpu", "", 17, GresScope::job}),
            config + "asks for 17 gpu; partition batch has 16");
  EXPECT_EQ(cause({"gpu", "", 6, GresScope::job}, 1),
            config + "asks for 6 gpu on at most 1 nodes; the largest in partition batch has 4");
  EXPECT_EQ(cause({"gpu", "", 16, GresScope::job}), "");
  EXPECT_EQ(cause({"gpu", "h100", 1}), config + "no node has gpu:h100");
  EXPECT_EQ(cause({"fpga", "", 1}),
            "Invalid generic resource (gres) specification: no node has fpga");
}

// --- counts that contradict each other or follow from each other
// ----------------------------------

Request settled(std::vector<model::GresRequest> gres, std::uint32_t tasks = 0,
                std::uint32_t nodes = 0) {
  Request made = asking(std::move(gres), tasks);
  made.min_nodes = made.max_nodes = nodes;
  EXPECT_TRUE(model::settle_gres(made));
  return made;
}

TEST(GresCounts, FollowFromEachOther) {
  EXPECT_EQ(settled({{"gpu", "", 4, GresScope::job}, {"gpu", "", 2, GresScope::node}}).min_nodes,
            2U);
  EXPECT_EQ(settled({{"gpu", "", 4, GresScope::job}, {"gpu", "", 2, GresScope::task}}).tasks, 2U);
  EXPECT_EQ(
      settled({{"gpu", "", 1, GresScope::node}, {"gpu", "", 1, GresScope::task}}, 2).tasks_per_node,
      1U);
  Request by_gpu = asking({{"gpu", "", 2, GresScope::job}}, 0);
  by_gpu.tasks_per_gpu = 2;
  EXPECT_TRUE(model::settle_gres(by_gpu));
  EXPECT_EQ(by_gpu.tasks, 4U);
}

TEST(GresCounts, ContradictionsAreNamed) {
  const auto cause = [](std::vector<model::GresRequest> gres, std::uint32_t tasks = 0,
                        std::uint32_t nodes = 0) {
    Request made = asking(std::move(gres), tasks);
    made.min_nodes = made.max_nodes = nodes;
    const Status done = model::settle_gres(made);
    return done ? std::string() : done.error().text;
  };
  EXPECT_EQ(cause({{"gpu", "", 3, GresScope::job}, {"gpu", "", 2, GresScope::node}}),
            "Failed to validate job spec, --gpus is not multiple of --gres=gpu/--gpus-per-node");
  EXPECT_EQ(cause({{"gpu", "", 4, GresScope::job}, {"gpu", "", 1, GresScope::task}}, 2),
            "Failed to validate job spec. Based on --gpus and --gpus-per-task number of requested "
            "tasks differ from -n/--ntasks.");
  EXPECT_EQ(cause({{"gpu", "", 1, GresScope::job}}, 0, 2),
            "Failed to validate job spec, --gpus < -N");
  EXPECT_EQ(cause({{"gpu", "a", 3, GresScope::job}, {"gpu", "b", 2, GresScope::node}}), "");
}

TEST(GresCounts, IndicesGoThroughAllTypesOfAName) {
  const std::vector<model::NodeGres> all = {gpus(2, "a"), named("npu", 3), gpus(2, "b")};
  EXPECT_EQ(model::first_index(all, 0), 0U);
  EXPECT_EQ(model::first_index(all, 1), 0U);
  EXPECT_EQ(model::first_index(all, 2), 2U);
}

// --- random histories ---------------------------------------------------------------------------

// Jobs of all kinds come and go while devices fail and heal: no device has two holders (the pool's
// own check), and none is given out that is out of service.
class RandomGres : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomGres, NoDeviceHasTwoHolders) {
  std::mt19937 random(GetParam());
  const auto pick = [&](std::uint32_t below) {
    return static_cast<std::uint32_t>(random() % below);
  };
  World w;
  for (int n = 0; n < 3; ++n) {
    model::NodeGres gres = devices(2 + 2 * pick(3), "a");
    for (std::size_t a = 0; a < gres.devices.size(); ++a) {
      for (std::size_t b = 0; b < a; ++b) link(gres, a, b, 10 * pick(3));
    }
    Hw hw = two_sockets(std::move(gres));
    if (pick(2) == 0) hw.gres.push_back(gpus(2, "b"));
    if (pick(2) == 0) hw.gres.push_back(named("npu", 2));
    w.nodes(1, hw);
  }
  w.up();
  std::vector<std::set<std::uint32_t>> faulty(3);
  for (std::uint32_t turn = 1; turn <= 60; ++turn) {
    Request request = asking({}, 1 + pick(4));
    const GresScope scope = static_cast<GresScope>(pick(3));
    const char* const type = pick(3) == 0 ? "b" : pick(2) == 0 ? "a" : "";
    if (pick(4) == 0) {
      request.gres = {{"accel", "", 1 + pick(2)}};
    } else {
      request.gres = {{"gpu", type, 1 + pick(3), scope}};
    }
    request.gres_enforce_binding = pick(4) == 0;
    request.gres_disable_binding = pick(4) == 0;
    if (pick(5) == 0) request.cpus_per_gpu = 1 + pick(2);
    w.submit(request, 1 + pick(30));
    const std::uint32_t node = pick(3);
    if (pick(3) == 0) {
      const std::uint32_t d =
          pick(static_cast<std::uint32_t>(w.settings().nodes[node].facts.gres[0].devices.size()));
      if (!faulty[node].erase(d)) faulty[node].insert(d);
      set_faults(w, node, {faulty[node].begin(), faulty[node].end()});
    }
    w.at(turn * 20);
    for (const std::uint32_t id : w.pass()) {
      for (const model::NodeShare& share : w.allocation(id).shares) {
        for (const model::GresShare& gres : share.gres) {
          if (gres.type != Text("a")) continue;
          for (const std::uint32_t d : faulty[share.node.value]) {
            ASSERT_FALSE(gres.indices.test(d)) << "job " << id << " got a faulty device";
          }
        }
      }
    }
    ASSERT_EQ(w.problem(), "") << "turn " << turn;
    for (const std::uint32_t id : w.running()) {
      if (pick(4) == 0) w.end(id);
    }
    ASSERT_EQ(w.problem(), "") << "turn " << turn;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGres, ::testing::Range(1U, 31U));

}  // namespace
}  // namespace sluice::core::test
