// Parsing of /proc/<pid>/stat and io. Numbers are cut by hand: a sample of a large step reads
// thousands of these files.
#include "daemon/worker/host/sample.hpp"

#include <fcntl.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"

namespace sluice::worker {
namespace {

constexpr std::size_t kStatBytes = 1024;
using Buffer = std::array<char, kStatBytes>;

// Positions in /proc/<pid>/stat behind the name, counted from the state as 0 (see proc(5)).
enum Field : std::size_t {
  kMajorFaults = 9,
  kChildMajorFaults = 10,
  kUser = 11,
  kSystem = 12,
  kChildUser = 13,
  kChildSystem = 14,
  kVirtualBytes = 20,
  kResidentPages = 21,
  kFieldCount = 22,
};

Result<std::string_view> read_small(const char* path, Buffer& buffer) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return tl::unexpected(base::errno_error(path, errno));
  const base::UniqueFd owner(fd);
  const ssize_t n = ::read(fd, buffer.data(), buffer.size());
  if (n < 0) return tl::unexpected(base::errno_error(path, errno == ESRCH ? ENOENT : errno));
  return std::string_view(buffer.data(), static_cast<std::size_t>(n));
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::uint64_t keyed(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + key.size());
  const std::size_t digit = text.find_first_of("0123456789");
  return digit == std::string_view::npos ? 0 : number(text.substr(digit));
}

}  // namespace

Result<ProcessSample> sample_process(pid_t pid) {
  static const auto tick_us =
      std::uint64_t{1'000'000} / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  static const auto page_kib = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024;
  Buffer buffer;
  std::array<char, 48> path{};
  fmt::format_to_n(path.data(), path.size() - 1, "/proc/{}/stat", pid);
  const auto stat = read_small(path.data(), buffer);
  if (!stat) return tl::unexpected(stat.error());
  const std::size_t name_end = stat->rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 > stat->size()) {
    return fail(ErrorCode::io, fmt::format("/proc/{}/stat: no name", pid));
  }
  std::array<std::string_view, kFieldCount> fields;
  std::string_view rest = stat->substr(name_end + 2);
  for (std::string_view& field : fields) {
    const base::Cut piece = base::cut(rest, ' ');
    field = piece.before;
    rest = piece.after;
  }
  if (fields[0] == "Z" || fields[0] == "X") {
    return fail(ErrorCode::not_found, fmt::format("/proc/{}: dead", pid));
  }
  ProcessSample sample;
  sample.user_us = (number(fields[kUser]) + number(fields[kChildUser])) * tick_us;
  sample.system_us = (number(fields[kSystem]) + number(fields[kChildSystem])) * tick_us;
  sample.major_faults = number(fields[kMajorFaults]) + number(fields[kChildMajorFaults]);
  sample.vm_kib = number(fields[kVirtualBytes]) / 1024;
  sample.rss_kib = number(fields[kResidentPages]) * page_kib;
  fmt::format_to_n(path.data(), path.size() - 1, "/proc/{}/io", pid).out[0] = '\0';
  if (const auto io = read_small(path.data(), buffer)) {
    sample.read_bytes = keyed(*io, "rchar:");
    sample.written_bytes = keyed(*io, "wchar:");
  }
  return sample;
}

ProcessSample sample_processes(std::span<const pid_t> pids) {
  ProcessSample sum;
  for (const pid_t pid : pids) {
    const auto sample = sample_process(pid);
    if (!sample) continue;
    sum.rss_kib += sample->rss_kib;
    sum.vm_kib += sample->vm_kib;
    sum.user_us += sample->user_us;
    sum.system_us += sample->system_us;
    sum.major_faults += sample->major_faults;
    sum.read_bytes += sample->read_bytes;
    sum.written_bytes += sample->written_bytes;
  }
  return sum;
}

Result<HostLoad> sample_host() {
  struct sysinfo info {};
  if (::sysinfo(&info) != 0) return tl::unexpected(base::errno_error("sysinfo", errno));
  HostLoad load;
  load.load_hundredths =
      static_cast<std::uint32_t>((std::uint64_t{info.loads[0]} * 100) >> SI_LOAD_SHIFT);
  load.free_memory_mib = std::uint64_t{info.freeram} * info.mem_unit / (1024 * 1024);
  return load;
}

}  // namespace sluice::worker
