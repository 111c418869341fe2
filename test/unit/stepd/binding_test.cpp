// CPU binding: tables for the distributions and kinds, what Slurm prints of a binding (recorded
// from it), and properties on random shares.
#include "daemon/stepd/binding.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::stepd {
namespace {

using base::Bitmap;
using model::CpuBind;

NodeShare whole(std::uint32_t sockets, std::uint32_t cores, std::uint32_t threads) {
  NodeShare share;
  share.sockets = sockets;
  share.cores = cores;
  share.threads = threads;
  share.cpus = Bitmap::full(std::size_t{sockets} * cores * threads);
  share.os_cpus = share.cpus;
  return share;
}

BindingRequest request_of(std::uint32_t tasks, std::uint32_t each, CpuBind kind,
                          const char* distribution = "") {
  BindingRequest request;
  request.tasks = tasks;
  request.cpus_per_task = each;
  request.kind = kind;
  request.distribution = worker::parse_distribution(distribution).value();
  return request;
}

std::string masks_text(const Result<Binding>& binding) {
  if (!binding) return "error: " + binding.error().text;
  std::string text;
  for (const Bitmap& mask : binding->masks) {
    if (!text.empty()) text += ' ';
    text += mask.to_list();
  }
  return text;
}

struct Row {
  std::uint32_t tasks;
  std::uint32_t each;
  CpuBind kind;
  const char* distribution;
  const char* masks;
};

// Two sockets of two cores of two threads: cores are 0,1 2,3 | 4,5 6,7.
TEST(Binding, OnTwoSocketsOfTwoCoresOfTwoThreads) {
  const Row rows[] = {
      {8, 1, CpuBind::threads, "block:block", "0 1 2 3 4 5 6 7"},
      {8, 1, CpuBind::threads, "block:cyclic", "0 4 2 6 1 5 3 7"},
      {8, 1, CpuBind::threads, "block:cyclic:block", "0 4 1 5 2 6 3 7"},
      {4, 2, CpuBind::threads, "block:block", "0,1 2,3 4,5 6,7"},
      {4, 2, CpuBind::threads, "block:cyclic", "0,1 4,5 2,3 6,7"},
      {4, 2, CpuBind::threads, "block:fcyclic", "0,4 2,6 1,5 3,7"},
      {4, 1, CpuBind::cores, "block:block", "0,1 2,3 4,5 6,7"},
      {4, 1, CpuBind::cores, "", "0,1 4,5 2,3 6,7"},
      {2, 2, CpuBind::cores, "block:block", "0,1,2,3 4,5,6,7"},
      {2, 2, CpuBind::cores, "block:fcyclic", "0,1,4,5 2,3,6,7"},
      {8, 1, CpuBind::cores, "block:block", "0,1 0,1 2,3 2,3 4,5 4,5 6,7 6,7"},
      {2, 1, CpuBind::sockets, "", "0,1,2,3 4,5,6,7"},
      {2, 1, CpuBind::sockets, "block:block", "0,1,2,3 0,1,2,3"},
      {3, 1, CpuBind::ldoms, "", "0,1,2,3 4,5,6,7 0,1,2,3"},
      {3, 1, CpuBind::rank, "", "0 1 2"},
      {2, 1, CpuBind::none, "", "0,1,2,3,4,5,6,7 0,1,2,3,4,5,6,7"},
      // automatic: as many as sockets, cores, threads; else not bound
      {2, 1, CpuBind::automatic, "", "0,1,2,3 4,5,6,7"},
      {4, 1, CpuBind::automatic, "", "0,1 4,5 2,3 6,7"},
      {2, 4, CpuBind::automatic, "", "0,1,2,3 4,5,6,7"},
      {2, 3, CpuBind::threads, "block:cyclic", "0,1,2 4,5,6"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(masks_text(bind_tasks(whole(2, 2, 2),
                                    request_of(row.tasks, row.each, row.kind, row.distribution))),
              row.masks)
        << row.tasks << 'x' << row.each << ' ' << row.distribution;
  }
}

TEST(Binding, AutomaticWithoutAMatchLeavesTasksFree) {
  const auto binding = bind_tasks(whole(2, 2, 2), request_of(3, 1, CpuBind::automatic));
  ASSERT_TRUE(binding.has_value());
  EXPECT_EQ(binding->kind, CpuBind::none);
  EXPECT_TRUE(binding->one_for_all);
}

TEST(Binding, APartOfTheNodeIsAlwaysAMask) {
  NodeShare share = whole(1, 4, 1);
  share.cpus = Bitmap(4, {1, 2});
  share.os_cpus = share.cpus;
  const auto binding = bind_tasks(share, request_of(3, 1, CpuBind::none));
  ASSERT_TRUE(binding.has_value());
  EXPECT_EQ(binding->kind, CpuBind::mask);
  EXPECT_EQ(masks_text(binding), "1,2 1,2 1,2");
  EXPECT_EQ(binding_environment(*binding, false, binding->masks)[0].second, "quiet,mask_cpu:0x6");
}

TEST(Binding, OneThreadOfEachCore) {
  BindingRequest request = request_of(4, 1, CpuBind::automatic);
  request.no_multithread = true;
  EXPECT_EQ(masks_text(bind_tasks(whole(2, 2, 2), request)), "0 4 2 6");
  request = request_of(2, 2, CpuBind::threads);
  request.threads_per_core = 1;
  EXPECT_EQ(masks_text(bind_tasks(whole(2, 2, 2), request)), "0,2 4,6");
  request.tasks = 5;
  EXPECT_FALSE(bind_tasks(whole(2, 2, 2), request).has_value());
}

TEST(Binding, TooManyTasks) {
  BindingRequest request = request_of(5, 1, CpuBind::cores);
  const auto refused = bind_tasks(whole(1, 4, 1), request);
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().text.starts_with("Unable to satisfy cpu bind request"));
  request.overcommit = true;
  EXPECT_TRUE(bind_tasks(whole(1, 4, 1), request)->one_for_all);
}

TEST(Binding, RankNeedsTheWholeNode) {
  NodeShare share = whole(1, 4, 1);
  share.cpus.reset(0);
  EXPECT_EQ(bind_tasks(share, request_of(1, 1, CpuBind::rank)).error().text,
            "Entire node must be allocated for rank");
}

TEST(Binding, ListsGoRoundAndStayInTheShare) {
  BindingRequest request = request_of(3, 1, CpuBind::map);
  request.list = "3,0";
  EXPECT_EQ(masks_text(bind_tasks(whole(1, 4, 1), request)), "3 0 3");
  request.kind = CpuBind::mask;
  request.list = "0x3*2,c";
  EXPECT_EQ(masks_text(bind_tasks(whole(1, 4, 1), request)), "0,1 0,1 2,3");
  request.list = "0x10";
  const auto outside = bind_tasks(whole(1, 4, 1), request);
  ASSERT_FALSE(outside.has_value());
  EXPECT_EQ(outside.error().text,
            "CPU binding outside of job step allocation, allocated CPUs are: 0xF.");
  NodeShare pretended = whole(1, 4, 1);
  pretended.os_cpus = Bitmap();
  EXPECT_TRUE(bind_tasks(pretended, request).has_value());
  for (const char* list : {"", "zz", "0x", "1*0", "1*x", "99999999"}) {
    request.list = list;
    EXPECT_FALSE(bind_tasks(whole(1, 4, 1), request).has_value()) << list;
  }
}

TEST(CpuBindOption, AsSlurmReadsIt) {
  EXPECT_EQ(*parse_cpu_bind("verbose,cores"), (CpuBindOption{CpuBind::cores, "", true}));
  EXPECT_EQ(*parse_cpu_bind("CORES,v"), (CpuBindOption{CpuBind::cores, "", true}));
  EXPECT_EQ(*parse_cpu_bind("v,q"), (CpuBindOption{CpuBind::automatic, "", false}));
  EXPECT_EQ(*parse_cpu_bind("no"), (CpuBindOption{CpuBind::none, "", false}));
  EXPECT_EQ(*parse_cpu_bind(""), CpuBindOption{});
  EXPECT_EQ(*parse_cpu_bind("map_cpu:0*2,3"), (CpuBindOption{CpuBind::map, "0,0,3", false}));
  EXPECT_EQ(*parse_cpu_bind("v,mask_cpu:0x2,3"), (CpuBindOption{CpuBind::mask, "2,3", true}));
}

TEST(CpuBindOption, RefusesTheRest) {
  EXPECT_EQ(parse_cpu_bind("foo").error().text, "unrecognized --cpu-bind argument \"foo\"");
  EXPECT_EQ(parse_cpu_bind("v,c").error().text, "unrecognized --cpu-bind argument \"v,c\"");
  EXPECT_EQ(parse_cpu_bind("map_cpu:").error().text,
            "missing list for \"--cpu-bind=map_cpu:<list>\"");
  EXPECT_EQ(parse_cpu_bind("map_ldom:0").error().code, ErrorCode::unsupported);
  EXPECT_EQ(parse_cpu_bind("rank_ldom").error().code, ErrorCode::unsupported);
  for (const char* text : {"map_cpu:x", "mask_cpu:zz", "mask_cpu:0", "map_cpux:1"}) {
    EXPECT_FALSE(parse_cpu_bind(text).has_value()) << text;
  }
}

TEST(BindingEnvironment, AsSlurmPrintsIt) {
  const NodeShare share = whole(1, 2, 1);
  const auto environment = [&](const BindingRequest& request) {
    const auto binding = bind_tasks(share, request);
    std::string text;
    for (const auto& [name, value] :
         binding_environment(*binding, request.verbose, binding->masks)) {
      text += name.substr(std::string_view("SLURM_").size()) + '=' + value + ' ';
    }
    return text;
  };
  BindingRequest request = request_of(2, 1, CpuBind::automatic);
  EXPECT_EQ(environment(request),
            "CPU_BIND=quiet,mask_cpu:0x1,0x2 CPU_BIND_LIST=0x1,0x2 "
            "CPU_BIND_TYPE=mask_cpu: CPU_BIND_VERBOSE=quiet ");
  request.verbose = true;
  request.kind = CpuBind::none;
  EXPECT_EQ(environment(request),
            "CPU_BIND=verbose,none CPU_BIND_LIST= CPU_BIND_TYPE=none "
            "CPU_BIND_VERBOSE=verbose ");
  request.kind = CpuBind::map;
  request.list = "1,0";
  EXPECT_EQ(environment(request),
            "CPU_BIND=verbose,map_cpu:1,0 CPU_BIND_LIST=1,0 "
            "CPU_BIND_TYPE=map_cpu: CPU_BIND_VERBOSE=verbose ");
  request.kind = CpuBind::rank;
  EXPECT_EQ(environment(request),
            "CPU_BIND=verbose,rank CPU_BIND_LIST= CPU_BIND_TYPE=rank "
            "CPU_BIND_VERBOSE=verbose ");
}

TEST(BindingEnvironment, MasksAreAsWideAsTheNode) {
  const auto binding =
      bind_tasks(whole(2, 4, 2), request_of(16, 1, CpuBind::threads, "block:block"));
  const auto environment = binding_environment(*binding, false, binding->masks);
  EXPECT_TRUE(environment[1].second.starts_with("0x0001,0x0002,"));
}

TEST(BindingReport, AsSlurmPrintsIt) {
  Binding binding;
  binding.kind = CpuBind::mask;
  const Bitmap mask(4, {1});
  EXPECT_EQ(binding_report(binding, mask, {"n1", 1, 1, 15546}),
            "cpu-bind=MASK - n1, task  1  1 [15546]: mask 0x2 set\n");
  binding.kind = CpuBind::none;
  EXPECT_EQ(binding_report(binding, mask, {"n1", 0, 0, 16717}),
            "cpu-bind=NONE - n1, task  0  0 [16717]: mask 0x0\n");
  binding.kind = CpuBind::map;
  EXPECT_EQ(binding_report(binding, mask, {"n1", 12, 0, 5}),
            "cpu-bind=MAP  - n1, task 12  0 [5]: mask 0x2 set\n");
}

RC_GTEST_PROP(BindingProperty, MasksLieInTheShareAndThreadsAreNotShared, ()) {
  const auto sockets = *rc::gen::inRange(1U, 4U);
  const auto cores = *rc::gen::inRange(1U, 5U);
  const auto threads = *rc::gen::inRange(1U, 3U);
  NodeShare share = whole(sockets, cores, threads);
  for (std::size_t cpu = 1; cpu < share.cpus.size(); ++cpu) {
    if (*rc::gen::inRange(0, 3) == 0) share.cpus.reset(cpu);
  }
  const auto have = static_cast<std::uint32_t>(share.cpus.count());
  const auto each = *rc::gen::inRange(1U, have + 1);
  const auto tasks = *rc::gen::inRange(1U, have / each + 1);
  const char* const forms[] = {"",
                               "*:block",
                               "*:cyclic",
                               "*:fcyclic",
                               "*:block:cyclic",
                               "*:cyclic:block",
                               "*:fcyclic:block",
                               "*:block:fcyclic"};
  const CpuBind kinds[] = {CpuBind::threads, CpuBind::cores,     CpuBind::sockets,
                           CpuBind::ldoms,   CpuBind::automatic, CpuBind::none};
  const CpuBind kind = kinds[*rc::gen::inRange(0, 6)];
  const auto binding =
      bind_tasks(share, request_of(tasks, each, kind, forms[*rc::gen::inRange(0, 8)]));
  RC_ASSERT(binding.has_value());
  RC_ASSERT(binding->masks.size() == tasks);
  Bitmap seen(share.cpus.size());
  for (const Bitmap& mask : binding->masks) {
    RC_ASSERT(mask.any());
    RC_ASSERT(mask.is_subset_of(share.cpus));
    if (kind != CpuBind::threads) continue;
    RC_ASSERT(mask.count() == each);
    RC_ASSERT(!mask.intersects(seen));
    seen |= mask;
  }
}

}  // namespace
}  // namespace sluice::stepd
