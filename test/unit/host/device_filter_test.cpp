// The device filter's program, run by a small interpreter of the instructions it uses: the kernel
// has the last word, but here every rule can be asked without one.
#include "daemon/worker/host/device_filter.hpp"

#include <linux/bpf.h>
#include <unistd.h>

#include <array>
#include <optional>

#include <gtest/gtest.h>

namespace sluice::worker::cgroup {
namespace {

struct Access {
  bool block = false;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t bits = BPF_DEVCG_ACC_READ;
};

// nullopt: an instruction that isn't expected, or a jump out of the program.
std::optional<bool> run(const std::vector<std::uint64_t>& code, const Access& access) {
  const std::uint32_t type =
      (access.bits << 16U) | (access.block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  std::array<std::uint64_t, 11> reg{};
  for (std::size_t at = 0; at < code.size(); ++at) {
    const std::uint64_t word = code[at];
    const auto op = static_cast<std::uint8_t>(word);
    const auto dst = static_cast<std::size_t>((word >> 8U) & 15U);
    const auto src = static_cast<std::size_t>((word >> 12U) & 15U);
    const auto offset = static_cast<std::int16_t>(word >> 16U);
    const auto value = static_cast<std::uint32_t>(word >> 32U);
    switch (op) {
      case BPF_LDX | BPF_W | BPF_MEM:
        reg[dst] = offset == 0 ? type : offset == 4 ? access.major : access.minor;
        break;
      case BPF_ALU64 | BPF_MOV | BPF_X: reg[dst] = reg[src]; break;
      case BPF_ALU64 | BPF_MOV | BPF_K: reg[dst] = value; break;
      case BPF_ALU | BPF_AND | BPF_K:
        reg[dst] = static_cast<std::uint32_t>(reg[dst]) & value;
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        reg[dst] = static_cast<std::uint32_t>(reg[dst]) >> value;
        break;
      case BPF_JMP | BPF_JNE | BPF_K:
        if (reg[dst] != value) at += static_cast<std::size_t>(offset);
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        if (reg[dst] == value) at += static_cast<std::size_t>(offset);
        break;
      case BPF_JMP | BPF_EXIT: return reg[0] != 0;
      default: return std::nullopt;
    }
  }
  return std::nullopt;
}

TEST(DeviceFilter, AnAllowListAllowsJustThat) {
  DevicePolicy policy;
  policy.rules = {{false, 1, 3, "rwm"}, {false, 136, -1, "rw"}, {true, -1, -1, "m"}};
  const auto code = device_program(policy);
  EXPECT_EQ(run(code, {false, 1, 3, BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE}), true);
  EXPECT_EQ(run(code, {false, 1, 11, BPF_DEVCG_ACC_READ}), false);
  EXPECT_EQ(run(code, {true, 1, 3, BPF_DEVCG_ACC_READ}), false);
  EXPECT_EQ(run(code, {false, 136, 77, BPF_DEVCG_ACC_WRITE}), true);
  EXPECT_EQ(run(code, {false, 136, 77, BPF_DEVCG_ACC_MKNOD}), false);
  EXPECT_EQ(run(code, {true, 8, 0, BPF_DEVCG_ACC_MKNOD}), true);
  EXPECT_EQ(run(code, {true, 8, 0, BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ}), false);
}

TEST(DeviceFilter, ADenyListDeniesJustThat) {
  DevicePolicy policy;
  policy.otherwise = DeviceDefault::allow;
  policy.rules = {{false, 195, 1, "rwm"}, {false, 10, 200, "w"}};
  const auto code = device_program(policy);
  EXPECT_EQ(run(code, {false, 195, 1, BPF_DEVCG_ACC_READ}), false);
  EXPECT_EQ(run(code, {false, 195, 0, BPF_DEVCG_ACC_READ}), true);
  EXPECT_EQ(run(code, {false, 10, 200, BPF_DEVCG_ACC_READ}), true);
  EXPECT_EQ(run(code, {false, 10, 200, BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE}), false);
}

TEST(DeviceFilter, CommonDevicesHoldWhatProgramsNeed) {
  DevicePolicy policy;
  policy.rules = common_devices();
  const auto code = device_program(policy);
  for (const auto& [device_major, device_minor] :
       {std::pair{1U, 3U}, {1U, 9U}, {5U, 0U}, {5U, 2U}, {136U, 4U}}) {
    EXPECT_EQ(run(code, {false, device_major, device_minor, BPF_DEVCG_ACC_READ}), true);
  }
  EXPECT_EQ(run(code, {false, 1, 1, BPF_DEVCG_ACC_READ}), false);  // /dev/mem
  EXPECT_EQ(run(code, {true, 8, 0, BPF_DEVCG_ACC_READ}), false);   // a disk
}

TEST(DeviceFilter, TheKernelTakesTheProgram) { EXPECT_EQ(can_filter_devices(), ::geteuid() == 0); }

}  // namespace
}  // namespace sluice::worker::cgroup
