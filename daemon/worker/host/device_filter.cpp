// The BPF program has a fixed shape: load type, access, major and minor into registers, then a
// block for each rule that jumps on to the next rule where it doesn't match, then the default.
#include "daemon/worker/host/device_filter.hpp"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include "base/fd.hpp"

namespace sluice::worker::cgroup {
namespace {

// One instruction as the kernel's header lays it out; kept as a number because its bit fields
// would otherwise need conversions everywhere.
constexpr std::uint64_t insn(std::uint32_t code, std::uint32_t dst, std::int32_t offset,
                             std::int32_t immediate) {
  return std::uint64_t{code} | (std::uint64_t{dst} << 8U) |
         (std::uint64_t{static_cast<std::uint16_t>(offset)} << 16U) |
         (std::uint64_t{static_cast<std::uint32_t>(immediate)} << 32U);
}
constexpr std::uint64_t from(std::uint64_t instruction, std::uint32_t source) {
  return instruction | (std::uint64_t{source} << 12U);
}

// Registers: r1 the context, r2 type, r3 access, r4 major, r5 minor, r6 scratch.
constexpr std::uint32_t kType = 2;
constexpr std::uint32_t kAccess = 3;
constexpr std::uint32_t kMajor = 4;
constexpr std::uint32_t kMinor = 5;
constexpr std::uint32_t kScratch = 6;

std::uint64_t load(std::uint32_t dst, std::int32_t offset) {
  return from(insn(BPF_LDX | BPF_W | BPF_MEM, dst, offset, 0), 1);
}
std::uint64_t copy(std::uint32_t dst, std::uint32_t source) {
  return from(insn(BPF_ALU64 | BPF_MOV | BPF_X, dst, 0, 0), source);
}
std::uint64_t bit_and(std::uint32_t dst, std::int32_t mask) {
  return insn(BPF_ALU | BPF_AND | BPF_K, dst, 0, mask);
}
std::uint64_t shift_right(std::uint32_t dst, std::int32_t bits) {
  return insn(BPF_ALU | BPF_RSH | BPF_K, dst, 0, bits);
}
std::uint64_t set_result(bool allowed) {
  return insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, allowed ? 1 : 0);
}
std::uint64_t leave() { return insn(BPF_JMP | BPF_EXIT, 0, 0, 0); }

std::int32_t access_bits(const std::string& access) {
  std::int32_t bits = 0;
  for (const char letter : access) {
    if (letter == 'm') bits |= BPF_DEVCG_ACC_MKNOD;
    if (letter == 'r') bits |= BPF_DEVCG_ACC_READ;
    if (letter == 'w') bits |= BPF_DEVCG_ACC_WRITE;
  }
  return bits;
}

// A jump over the rest of the rule; its length is filled in when the rule is complete.
struct Rule {
  std::vector<std::uint64_t> code;
  std::vector<std::size_t> misses;

  void miss_unless_equal(std::uint32_t reg, std::int64_t value) {
    misses.push_back(code.size());
    code.push_back(insn(BPF_JMP | BPF_JNE | BPF_K, reg, 0, static_cast<std::int32_t>(value)));
  }
  void miss_if(std::uint32_t comparison, std::uint32_t reg, std::int32_t value) {
    misses.push_back(code.size());
    code.push_back(insn(BPF_JMP | comparison | BPF_K, reg, 0, value));
  }
  void close() {
    for (const std::size_t at : misses) {
      const auto distance = static_cast<std::int32_t>(code.size() - at - 1);
      code[at] |= std::uint64_t{static_cast<std::uint16_t>(distance)} << 16U;
    }
  }
};

Rule rule_code(const DeviceRule& rule, bool allows) {
  Rule result;
  result.miss_unless_equal(kType, rule.block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  const std::int32_t bits = access_bits(rule.access);
  result.code.push_back(copy(kScratch, kAccess));
  if (allows) {  // all that is wanted must be allowed
    result.code.push_back(bit_and(kScratch, ~bits & 7));
    result.miss_if(BPF_JNE, kScratch, 0);
  } else {  // one part denied is enough
    result.code.push_back(bit_and(kScratch, bits));
    result.miss_if(BPF_JEQ, kScratch, 0);
  }
  if (rule.major >= 0) result.miss_unless_equal(kMajor, rule.major);
  if (rule.minor >= 0) result.miss_unless_equal(kMinor, rule.minor);
  result.code.push_back(set_result(allows));
  result.code.push_back(leave());
  result.close();
  return result;
}

Result<base::UniqueFd> load_program(const std::vector<std::uint64_t>& code) {
  union bpf_attr attr;
  std::memset(&attr, 0, sizeof(attr));
  static constexpr char kLicense[] = "GPL";
  attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attr.insns = std::bit_cast<std::uint64_t>(code.data());
  attr.insn_cnt = static_cast<std::uint32_t>(code.size());
  attr.license = std::bit_cast<std::uint64_t>(&kLicense[0]);
  const long fd = ::syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
  if (fd < 0) return tl::unexpected(base::errno_error("loading the device filter", errno));
  return base::UniqueFd(static_cast<int>(fd));
}

// The programs that are attached to the group itself.
std::vector<std::uint32_t> attached_programs(int group) {
  std::array<std::uint32_t, 16> ids{};
  union bpf_attr attr;
  std::memset(&attr, 0, sizeof(attr));
  attr.query.target_fd = static_cast<std::uint32_t>(group);
  attr.query.attach_type = BPF_CGROUP_DEVICE;
  attr.query.prog_ids = std::bit_cast<std::uint64_t>(ids.data());
  attr.query.prog_cnt = static_cast<std::uint32_t>(ids.size());
  if (::syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) < 0) return {};
  return {ids.begin(), ids.begin() + attr.query.prog_cnt};
}

void detach_program(int group, std::uint32_t id) {
  union bpf_attr attr;
  std::memset(&attr, 0, sizeof(attr));
  attr.prog_id = id;
  const long fd = ::syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
  if (fd < 0) return;
  const base::UniqueFd program(static_cast<int>(fd));
  std::memset(&attr, 0, sizeof(attr));
  attr.target_fd = static_cast<std::uint32_t>(group);
  attr.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
  attr.attach_type = BPF_CGROUP_DEVICE;
  ::syscall(SYS_bpf, BPF_PROG_DETACH, &attr, sizeof(attr));
}

}  // namespace

const std::vector<DeviceRule>& common_devices() {
  static const std::vector<DeviceRule> rules = {
      {false, -1, -1, "m"}, {true, -1, -1, "m"},  {false, 1, 3, "rwm"},   {false, 1, 5, "rwm"},
      {false, 1, 7, "rwm"}, {false, 1, 8, "rwm"}, {false, 1, 9, "rwm"},   {false, 5, 0, "rwm"},
      {false, 5, 1, "rwm"}, {false, 5, 2, "rwm"}, {false, 136, -1, "rwm"}};
  return rules;
}

std::vector<std::uint64_t> device_program(const DevicePolicy& policy) {
  const bool allows = policy.otherwise == DeviceDefault::deny;
  std::vector<std::uint64_t> code = {load(kType, 0),   bit_and(kType, 0xffff),
                                     load(kAccess, 0), shift_right(kAccess, 16),
                                     load(kMajor, 4),  load(kMinor, 8)};
  for (const DeviceRule& rule : policy.rules) {
    const Rule block = rule_code(rule, allows);
    code.insert(code.end(), block.code.begin(), block.code.end());
  }
  code.push_back(set_result(!allows));
  code.push_back(leave());
  return code;
}

Status attach_device_filter(const std::string& group_dir, const DevicePolicy& policy) {
  auto group = base::open_file(group_dir, O_RDONLY | O_DIRECTORY);
  if (!group) return tl::unexpected(group.error());
  auto program = load_program(device_program(policy));
  if (!program) return tl::unexpected(program.error());
  const auto before = attached_programs(group->get());
  union bpf_attr attr;
  std::memset(&attr, 0, sizeof(attr));
  attr.target_fd = static_cast<std::uint32_t>(group->get());
  attr.attach_bpf_fd = static_cast<std::uint32_t>(program->get());
  attr.attach_type = BPF_CGROUP_DEVICE;
  attr.attach_flags = BPF_F_ALLOW_MULTI;
  if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0) {
    return tl::unexpected(base::errno_error(group_dir + ": attaching the device filter", errno));
  }
  for (const std::uint32_t id : before) detach_program(group->get(), id);
  return {};
}

bool can_filter_devices() { return load_program(device_program(DevicePolicy{})).has_value(); }

}  // namespace sluice::worker::cgroup
