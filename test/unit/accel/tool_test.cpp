// What vendors' tools print, read by columns; and runs of tools that behave badly.
#include "accel/tool.hpp"

#include <poll.h>

#include <algorithm>

#include <gtest/gtest.h>

#include "accel/judge.hpp"
#include "accel/tool_run.hpp"
#include "test/unit/accel/host_tree.hpp"

namespace sluice::accel {
namespace {

const Tool& tool_of(std::string_view vendor) {
  const auto& rows = shipped_table().vendors;
  return std::ranges::find_if(
             rows, [&](const TableVendor& row) { return row.vendor.name.view() == vendor; })
      ->vendor.tool;
}

model::Device device(const std::string& bus_id, std::uint32_t number = 0) {
  model::Device made;
  made.bus_id = bus_id;
  made.number = number;
  return made;
}

TEST(ToolOutput, NvidiaRows) {
  const auto rows = parse_tool_output(
      tool_of("nvidia"),
      "00000000:3B:00.0, GPU-8f5c, 97, 39001, 40960, 254.71, 61\n"
      "00000000:86:00.0, GPU-11aa, [N/A], [GPU requires reset], 40960, [N/A], 40\n");
  ASSERT_TRUE(rows) << rows.error().text;
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].bus_id, "0000:3b:00.0");
  EXPECT_EQ((*rows)[0].uuid, "GPU-8f5c");
  EXPECT_EQ((*rows)[0].utilization, 97U);
  EXPECT_EQ((*rows)[0].memory_used, 39001U);
  EXPECT_EQ((*rows)[0].power_w, 255U);
  EXPECT_EQ((*rows)[0].temperature, 61U);
  EXPECT_EQ((*rows)[0].fault, "");
  EXPECT_FALSE((*rows)[1].utilization.has_value());
  EXPECT_EQ((*rows)[1].fault, "[GPU requires reset]");
}

TEST(ToolOutput, AscendDrawsATableOfTwoLinesEach) {
  const auto rows = parse_tool_output(
      tool_of("ascend"),
      "+------------------------------------------------------------------------------------+\n"
      "| npu-smi 23.0.3                   Version: 23.0.3                                   |\n"
      "+---------------------------+---------------+----------------------------------------+\n"
      "| NPU   Name                | Health        | Power(W)    Temp(C)    Hugepages-Usage |\n"
      "| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM(MB)  |\n"
      "+===========================+===============+========================================+\n"
      "| 0     910B3               | OK            | 93.4        37         0    / 0        |\n"
      "| 0                         | 0000:C1:00.0  | 12          0    / 0   3314 / 65536    |\n"
      "+===========================+===============+========================================+\n"
      "| 1     910B3               | Alarm         | 90.0        36         0    / 0        |\n"
      "| 0                         | 0000:C2:00.0  | 0           0    / 0   3314 / 65536    |\n"
      "+---------------------------+---------------+----------------------------------------+\n"
      "| NPU     Chip              | Process id    | Process name   | Process memory(MB)    |\n"
      "| 0       0                 | 4711          | python         | 100                   |\n");
  ASSERT_TRUE(rows) << rows.error().text;
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].bus_id, "0000:c1:00.0");
  EXPECT_EQ((*rows)[0].power_w, 93U);
  EXPECT_EQ((*rows)[0].utilization, 12U);
  EXPECT_EQ((*rows)[0].memory_used, 3314U);
  EXPECT_EQ((*rows)[0].memory_total, 65536U);
  EXPECT_EQ((*rows)[0].fault, "");
  EXPECT_EQ((*rows)[1].fault, "Alarm");
}

TEST(ToolOutput, IntelHasAHeadingAndNumbers) {
  const auto rows = parse_tool_output(
      tool_of("intel"),
      "Timestamp, DeviceId, GPU Utilization (%), GPU Power (W), GPU Core Temp (C), Memory (MiB)\n"
      "06:14:46.000,    0, 12.50, 114.61, 42.00, 25.25\n"
      "06:14:46.000,    1, 0.00, 113.02, N/A, 25.25\n");
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[1].number, 1U);
  EXPECT_EQ((*rows)[0].utilization, 13U);
  EXPECT_FALSE((*rows)[1].temperature.has_value());
  EXPECT_EQ(row_of(*rows, device("0000:3b:00.0", 1)), &(*rows)[1]);
  EXPECT_EQ(row_of(*rows, device("0000:3b:00.0", 2)), nullptr);
}

TEST(ToolOutput, OtherWordsAreNoDevices) {
  EXPECT_FALSE(parse_tool_output(tool_of("nvidia"), "No devices were found\n"));
  EXPECT_FALSE(parse_tool_output(tool_of("nvidia"), ""));
  EXPECT_FALSE(parse_tool_output(tool_of("ascend"), std::string(1 << 20, '|')));
}

TEST(ToolOutput, BusAddressesHaveOneForm) {
  EXPECT_EQ(normal_bus_id("00000000:3B:00.0"), "0000:3b:00.0");
  EXPECT_EQ(normal_bus_id("3b:00.1"), "0000:3b:00.1");
  EXPECT_EQ(normal_bus_id("10000:01:1f.7"), "10000:01:1f.7");
  for (const char* text : {"", "3b", "3b:00", "3b:20.0", "3b:00.8", "x:3b:00.0", "1:2:3:4.0"}) {
    EXPECT_EQ(normal_bus_id(text), "") << text;
  }
}

Vendor running(std::vector<Text> command) {
  Vendor vendor;
  vendor.name = "acme";
  vendor.tool = tool_of("nvidia");
  vendor.tool.command = std::move(command);
  return vendor;
}

TEST(ToolRun, FailuresSayWhatHappened) {
  const auto error_of = [](std::vector<Text> command) {
    const auto rows = run_tool(running(std::move(command)));
    return rows ? std::string("none") : rows.error().text;
  };
  EXPECT_EQ(error_of({"/bin/sh", "-c", "exit 9"}), "sh exited with 9");
  EXPECT_EQ(error_of({"/bin/sh", "-c", "kill -SEGV $$"}), "sh was killed by 11");
  EXPECT_EQ(error_of({"/usr/bin/yes"}), "yes prints without end");
  EXPECT_EQ(error_of({"/bin/echo", "hello"}), "echo: its output lists no device");
  EXPECT_NE(error_of({"/nonexistent"}).find("No such file"), std::string::npos);
  EXPECT_EQ(error_of({}), "no tool of acme here");
}

TEST(ToolRun, GetsAnEnvironmentFromNothing) {
  ::setenv("LD_PRELOAD_TEST", "leak", 1);
  Vendor vendor = running({"/bin/sh", "-c", "echo \"3b:00.0,$LD_PRELOAD_TEST-7,1,2,3,4,5\""});
  const auto rows = run_tool(vendor);
  ASSERT_TRUE(rows);
  EXPECT_EQ((*rows)[0].uuid, "-7");
}

TEST(ToolRun, OneThatHangsIsKilled) {
  auto run = ToolRun::start(running({"/usr/bin/tail", "-f", "/dev/null"}));
  ASSERT_TRUE(run);
  EXPECT_FALSE((*run)->advance());
  (*run)->kill_late();
  pollfd end{(*run)->end(), POLLIN, 0};
  ASSERT_EQ(::poll(&end, 1, 10'000), 1);
  EXPECT_TRUE((*run)->advance());
  ASSERT_FALSE((*run)->rows());
  EXPECT_EQ((*run)->rows().error().text, "tail took too long");
}

TEST(VendorJudge, ListsDecide) {
  VendorJudge judge;
  EXPECT_EQ(judge.fault_of(device("0000:3b:00.0")), "");
  ToolRow sound;
  sound.bus_id = "0000:3b:00.0";
  ToolRow sick;
  sick.bus_id = "0000:3c:00.0";
  sick.fault = "ERR!";
  judge.take(std::vector{sound, sick});
  EXPECT_EQ(judge.fault_of(device("0000:3b:00.0")), "");
  EXPECT_EQ(judge.fault_of(device("0000:3c:00.0")), "ERR!");
  EXPECT_EQ(judge.fault_of(device("0000:3d:00.0")), "not listed by the vendor's tool");
}

TEST(VendorJudge, ThreeFailuresInARowAreOneTooMany) {
  VendorJudge judge;
  const Result<std::vector<ToolRow>> failure = fail(ErrorCode::failure, "smi took too long");
  for (int i = 0; i < 5; ++i) judge.take(failure);
  EXPECT_EQ(judge.fault_of(device("0000:3b:00.0")), "") << "it never worked";
  ToolRow sound;
  sound.bus_id = "0000:3b:00.0";
  judge.take(std::vector{sound});
  judge.take(failure);
  EXPECT_EQ(judge.news(), "smi took too long");
  judge.take(failure);
  EXPECT_EQ(judge.news(), "");
  EXPECT_EQ(judge.fault_of(device("0000:3b:00.0")), "");
  judge.take(failure);
  EXPECT_EQ(judge.fault_of(device("0000:3b:00.0")), "smi took too long");
  judge.take(std::vector{sound});
  EXPECT_EQ(judge.fault_of(device("0000:3b:00.0")), "");
}

}  // namespace
}  // namespace sluice::accel
