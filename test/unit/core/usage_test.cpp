// Usage: charges add up exactly whatever happens in between, decay keeps its bound, restarts lose
// and double nothing, periods begin where the calendar says; what TRES a job counts for and what is
// billed for it.
#include "core/usage.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "core/tres_use.hpp"

namespace sluice::test {
namespace {

using core::Meter;
using core::Usage;
using core::Wide;
using model::UsageReset;

std::uint64_t low(Wide value) { return static_cast<std::uint64_t>(value); }

Meter some_meter(std::int64_t factor = 1'000'000) {
  return {.associations = {3, 2, 1},
          .qos = {1},
          .tres = {{model::kTresCpu, 7}, {model::kTresMemory, 3000}, {model::kTresBilling, 11}},
          .factor = factor};
}

TEST(Usage, ChargesAddUpToTresTimesElapsed) {
  std::mt19937_64 random(1);
  for (const std::int64_t factor : {1'000'000, 333'333, 2'500'000, 0}) {
    Usage usage;
    usage.open(JobId(1), some_meter(factor));
    std::int64_t run = 0;
    for (int i = 0; i < 100; ++i) {
      run += static_cast<std::int64_t>(random() % 1'000'003);
      usage.charge(JobId(1), run);
    }
    usage.charge(JobId(1), run -= 12'345);  // the clock was set back
    usage.close(JobId(1));
    for (const std::uint32_t id : {1U, 2U, 3U}) {
      const core::UsageSums& sums = usage.association(id);
      EXPECT_EQ(low(sums.raw), low(Wide(11) * Wide(run) * Wide(factor) / 1'000'000));
      EXPECT_EQ(low(sums.wall), static_cast<std::uint64_t>(run));
      ASSERT_EQ(sums.tres.size(), 3U);
      EXPECT_EQ(low(sums.tres[0].second), low(Wide(7) * Wide(run) * Wide(factor) / 1'000'000));
    }
    EXPECT_EQ(low(usage.qos(1).wall), static_cast<std::uint64_t>(run));
    EXPECT_TRUE(usage.association(4).nothing());
  }
}

TEST(Usage, ChargingAllIsChargingEach) {
  std::mt19937_64 random(2);
  Usage each;
  Usage all;
  std::vector<std::pair<JobId, std::int64_t>> runs;
  for (std::uint32_t j = 1; j <= 40; ++j) {
    Meter meter = some_meter(j % 3 == 0 ? 700'001 : 1'000'000);
    meter.associations = {3 + j % 2, 2, 1};
    meter.qos = {1 + j % 3};
    meter.tres[0].count = static_cast<std::int64_t>(random() % 50);
    each.open(JobId(j), meter);
    all.open(JobId(j), meter);
    if (j % 4 != 0) runs.emplace_back(JobId(j), static_cast<std::int64_t>(random() % 100'000'007));
  }
  for (int round = 0; round < 3; ++round) {
    for (auto& [job, run] : runs) run += round == 1 ? -5000 : 77'777;
    for (const auto& [job, run] : runs) each.charge(job, run);
    all.charge_all(runs);
    EXPECT_EQ(each.all(), all.all());
  }
  all.reset_association(3, {2, 1});
  EXPECT_TRUE(all.association(3).nothing());
  EXPECT_EQ(low(all.association(1).raw), low(all.association(4).raw));
}

TEST(Usage, RecordsKeepEveryMillionth) {
  Usage usage;
  usage.open(JobId(1), some_meter());
  usage.charge(JobId(1), 1'234'567);
  usage.set_clock(1'700'000'000'123'456);
  Usage again;
  again.restore(usage.take_changed());
  EXPECT_EQ(again.all(), usage.all());
  EXPECT_EQ(again.clock(), usage.clock());
  EXPECT_EQ(low(again.association(2).raw), 11U * 1'234'567U);
  EXPECT_TRUE(usage.take_changed().empty());
  again.open(JobId(1), [] {
    Meter meter = some_meter();
    meter.charged_us = 1'234'567;
    return meter;
  }());
  again.charge(JobId(1), 2'000'000);
  EXPECT_EQ(low(again.association(2).raw), 22'000'000U);
}

TEST(Usage, DecayKeepsItsBound) {
  constexpr std::uint32_t kHalfLife = 7 * 86'400;
  constexpr std::int64_t kPeriod = 300;
  Usage usage;
  usage.open(JobId(1), some_meter());
  constexpr std::int64_t kRun = 1'000'000'000'000;  // 11 days
  usage.charge(JobId(1), kRun);
  usage.close(JobId(1));
  long double real = 11.0L * kRun;
  const long double d = std::pow(1.0L - 0.693L / kHalfLife, static_cast<long double>(kPeriod));
  for (int step = 0; step < 3 * 2016; ++step) {
    usage.decay(kPeriod, kHalfLife);
    real *= d;
    const auto have = static_cast<long double>(low(usage.association(1).raw));
    ASSERT_LE(have, real * (1 + 1e-12L));
    ASSERT_LE(real - have, 2910.0L + real * 1e-12L) << step;
  }
  EXPECT_NEAR(static_cast<double>(real) / (11.0 * kRun), 0.125, 0.001);
  Usage sharp;
  sharp.open(JobId(1), some_meter());
  sharp.charge(JobId(1), kRun);
  sharp.decay(10, 0);
  EXPECT_EQ(low(sharp.association(1).wall), static_cast<std::uint64_t>(kRun));
}

TEST(Usage, BigSumsDecayToo) {
  const Wide big = Wide(1) << 100U;
  const std::uint64_t half = std::uint64_t{1} << 62U;
  EXPECT_TRUE(core::decayed(big, half) == big / 2);
  EXPECT_TRUE(core::decayed(big + 3, half) == big / 2 + 1);
}

TEST(Usage, ResetLeavesWhatDoesNotDecay) {
  Usage usage;
  Meter meter = some_meter();
  meter.qos = {1, 2};
  usage.open(JobId(1), meter);
  usage.charge(JobId(1), 5'000'000);
  usage.set_no_decay({2});
  usage.decay(86'400, 3600);
  EXPECT_LT(low(usage.qos(1).wall), 5'000'000U);
  EXPECT_EQ(low(usage.qos(2).wall), 5'000'000U);
  (void)usage.take_changed();
  usage.reset_all();
  EXPECT_TRUE(usage.association(3).nothing());
  EXPECT_TRUE(usage.qos(1).nothing());
  EXPECT_EQ(low(usage.qos(2).wall), 5'000'000U);
  EXPECT_EQ(usage.take_changed().size(), 4U);
  usage.reset_qos(2);
  EXPECT_TRUE(usage.qos(2).nothing());
}

TEST(Usage, PeriodsBeginWhereTheCalendarSays) {
  const auto start = [](std::int64_t seconds, UsageReset period, std::int32_t offset = 0) {
    return core::period_start(seconds * model::kSecond, period, offset) / model::kSecond;
  };
  constexpr std::int64_t kWhen = 1'795'312'860;  // 22 November 2026, a Sunday, 02:01 UTC
  EXPECT_EQ(start(kWhen, UsageReset::daily), 1'795'305'600);
  EXPECT_EQ(start(kWhen, UsageReset::daily, -3 * 3600), 1'795'305'600 - 86'400 + 3 * 3600);
  EXPECT_EQ(start(kWhen, UsageReset::weekly), 1'795'305'600);
  EXPECT_EQ(start(kWhen - 86'400, UsageReset::weekly), 1'795'305'600 - 7 * 86'400);
  EXPECT_EQ(start(kWhen, UsageReset::monthly), 1'793'491'200);          // 1 November
  EXPECT_EQ(start(kWhen, UsageReset::quarterly), 1'790'812'800);        // 1 October
  EXPECT_EQ(start(kWhen, UsageReset::yearly), 1'767'225'600);           // 1 January
  EXPECT_EQ(start(1'709'208'000, UsageReset::monthly), 1'706'745'600);  // 29 February 2024
  EXPECT_EQ(start(kWhen, UsageReset::none), 0);
}

model::TresTable some_table() {
  return *model::with_tres(model::first_tres(), "gres/gpu,gres/gpu:a100,license/matlab");
}

TEST(TresUse, WeightsBillAsSlurmsExamples) {
  const model::TresTable table = some_table();
  const model::TresCounts job{{model::kTresCpu, 1}, {model::kTresMemory, 8192}};
  const auto bill = [&](const char* text, std::uint32_t flags = 0) {
    return core::billed(job, *core::parse_tres_weights(table, text), table, flags);
  };
  EXPECT_EQ(bill(""), 1);
  EXPECT_EQ(bill("CPU=1.0,Mem=0.25G,GRES/gpu=2.0"), 3);
  EXPECT_EQ(bill("CPU=1.0,Mem=0.25G,GRES/gpu=2.0", model::kPriorityMaxTres), 2);
  EXPECT_EQ(bill("mem=.25"), 2048);
  EXPECT_EQ(bill("mem=.25K"), 2048 * 1024);
  EXPECT_EQ(bill("CPU=-4"), 0);
  for (const char* wrong : {"CPU", "CPU=", "CPU=x", "gres/tpu=1", "CPU=1.x", "=1", "CPU=1..2"}) {
    EXPECT_FALSE(core::parse_tres_weights(table, wrong)) << wrong;
  }
}

TEST(TresUse, MaxTresGresBillsDevicesBeside) {
  const model::TresTable table = some_table();
  const model::TresKind& gpu = *model::find_tres_kind(table, "gres/gpu");
  const model::TresKind& matlab = *model::find_tres_kind(table, "license/matlab");
  model::TresCounts job{{model::kTresCpu, 4}, {model::kTresMemory, 16384}};
  model::set_tres(job, gpu.id, 2);
  model::set_tres(job, matlab.id, 1);
  const auto weights =
      *core::parse_tres_weights(table, "CPU=1,Mem=1G,GRES/gpu=10,license/matlab=3");
  EXPECT_EQ(core::billed(job, weights, table, 0), 4 + 16 + 20 + 3);
  EXPECT_EQ(core::billed(job, weights, table, model::kPriorityMaxTres), 20 + 3);
  EXPECT_EQ(core::billed(job, weights, table, model::kPriorityMaxTresGres), 16 + 20 + 3);
}

TEST(TresUse, CountsWhatIsHeldAndAskedFor) {
  const model::TresTable table = some_table();
  const model::TresId gpu = model::find_tres_kind(table, "gres/gpu")->id;
  const model::TresId a100 = model::find_tres_kind(table, "gres/gpu:a100")->id;
  const model::TresId matlab = model::find_tres_kind(table, "license/matlab")->id;
  model::Allocation held;
  held.cpus = 6;
  held.licenses = "matlab:2";
  held.shares.resize(2);
  held.shares[0].memory = 100;
  held.shares[1].memory = 200;
  held.shares[0].gres = {{.name = "gpu", .type = "a100", .indices = {}, .count = 3}};
  held.shares[1].gres = {{.name = "gpu", .type = "k80", .indices = {}, .count = 1}};
  EXPECT_EQ(core::allocated_tres(held, table), (model::TresCounts{{model::kTresCpu, 6},
                                                                  {model::kTresMemory, 300},
                                                                  {model::kTresNode, 2},
                                                                  {gpu, 4},
                                                                  {a100, 3},
                                                                  {matlab, 2}}));
  model::Request asked;
  asked.min_nodes = 2;
  asked.tasks = 6;
  asked.cpus_per_task = 2;
  asked.memory_per_cpu = 10;
  asked.gres = {{"gpu", "", 2, model::GresScope::node}};
  asked.licenses = "matlab";
  EXPECT_EQ(core::requested_tres(asked, table), (model::TresCounts{{model::kTresCpu, 12},
                                                                   {model::kTresMemory, 120},
                                                                   {model::kTresNode, 2},
                                                                   {gpu, 4},
                                                                   {matlab, 1}}));
}

}  // namespace
}  // namespace sluice::test
