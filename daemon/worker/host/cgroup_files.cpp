// Control files: see the header. They are opened, written once and closed: a control file keeps no
// position, and a value cut in two would be two commands.
#include "daemon/worker/host/cgroup_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"

namespace sluice::worker::cgroup {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

std::uint64_t to_number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Status write_value(const std::string& file, std::string_view value) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return tl::unexpected(base::errno_error(file, errno));
  const base::UniqueFd owner(fd);
  ssize_t n = 0;
  do {
    n = ::write(fd, value.data(), value.size());
  } while (n < 0 && errno == EINTR);
  if (n >= 0) return {};
  const int reason = errno;
  Error error = base::errno_error(fmt::format("{} = {}", file, base::trim(value)), reason);
  if (reason == EBUSY) error.code = ErrorCode::busy;
  if (reason == ESRCH) error.code = ErrorCode::not_found;
  return tl::unexpected(std::move(error));
}

Result<std::string> read_value(const std::string& file) { return base::read_kernel_file(file); }

std::uint64_t read_number(const std::string& file) {
  const auto text = read_value(file);
  return text ? to_number(*text) : 0;
}

std::uint64_t read_keyed(const std::string& file, std::string_view key) {
  const auto text = read_value(file);
  if (!text) return 0;
  for (const std::string_view line : base::split_nonempty(*text, '\n')) {
    const base::Cut pair = base::cut(line, ' ');
    if (pair.found && pair.before == key) return to_number(pair.after);
  }
  return 0;
}

Status make_group(const std::string& dir) {
  if (::mkdir(dir.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return tl::unexpected(base::errno_error(dir, errno));
}

bool is_group(const std::string& dir) {
  struct stat info {};
  return ::stat(dir.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::vector<std::string> child_groups(const std::string& dir) {
  std::vector<std::string> names;
  // A group without children has two links; saves reading a directory of fifty control files.
  struct stat info {};
  if (::stat(dir.c_str(), &info) != 0 || info.st_nlink == 2) return names;
  const Dir open_dir(::opendir(dir.c_str()));
  if (!open_dir) return names;
  while (const dirent* entry = ::readdir(open_dir.get())) {
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

Status remove_groups(const std::string& dir) {
  if (::rmdir(dir.c_str()) == 0 || errno == ENOENT) return {};
  if (errno != EBUSY && errno != ENOTEMPTY) return tl::unexpected(base::errno_error(dir, errno));
  const auto names = child_groups(dir);
  for (const std::string& name : names) {
    if (auto removed = remove_groups(dir + '/' + name); !removed) return removed;
  }
  if (!names.empty() && (::rmdir(dir.c_str()) == 0 || errno == ENOENT)) return {};
  return fail(ErrorCode::busy, fmt::format("{}: busy", dir));
}

Status inherit_cpuset(const std::string& dir) {
  const std::string above = dir.substr(0, dir.rfind('/'));
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    if (const auto has = read_value(dir + file); has && !base::trim(*has).empty()) continue;
    const auto value = read_value(above + file);
    if (!value) return tl::unexpected(value.error());
    if (auto set = write_value(dir + file, base::trim(*value)); !set) return set;
  }
  return {};
}

void collect_pids(const std::string& dir, std::vector<pid_t>& pids) {
  if (const auto text = read_value(dir + "/cgroup.procs")) {
    for (const std::string_view line : base::split_nonempty(*text, '\n')) {
      // 0 stands for a process outside our pid namespace: nothing that we could signal.
      if (const auto pid = static_cast<pid_t>(to_number(line)); pid > 0) pids.push_back(pid);
    }
  }
  for (const std::string& name : child_groups(dir)) collect_pids(dir + '/' + name, pids);
}

bool has_process(const std::string& dir) {
  const int fd = ::open((dir + "/cgroup.procs").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    const base::UniqueFd owner(fd);
    std::array<char, 32> start{};
    if (::read(fd, start.data(), start.size()) > 0) return true;
  }
  for (const std::string& name : child_groups(dir)) {
    if (has_process(dir + '/' + name)) return true;
  }
  return false;
}

}  // namespace sluice::worker::cgroup
