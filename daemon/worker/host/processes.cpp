// Scans of /proc. A process may end or change between two reads: whatever can't be read is taken as
// gone, and the caller repeats until nothing is left.
#include "daemon/worker/host/processes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <unordered_map>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"

namespace sluice::worker {
namespace {

// The environment of one process may be up to the kernel's limit of its whole argument area.
constexpr std::size_t kMaxEnvironment = 6U << 20U;
// A chain of parents longer than this is a race of a changing /proc, not a family.
constexpr int kMaxGenerations = 4096;

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  std::uint32_t uid = 0;
  std::uint64_t start = 0;  // ticks since boot: with the number, names a process for ever
};

bool contains(const std::vector<pid_t>& list, pid_t pid) {
  return std::find(list.begin(), list.end(), pid) != list.end();
}

// The fields behind the name, which stands in parentheses and may hold anything.
Result<Process> read_process(pid_t pid) {
  const std::string dir = fmt::format("/proc/{}", pid);
  struct stat info {};
  if (::stat(dir.c_str(), &info) != 0) return tl::unexpected(base::errno_error(dir, errno));
  const auto text = base::read_kernel_file(dir + "/stat", 4096);
  if (!text) return tl::unexpected(text.error());
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return fail(ErrorCode::io, dir + "/stat: no name");
  const auto words = base::split_nonempty(std::string_view(*text).substr(name_end + 1), ' ');
  if (words.size() < 20) return fail(ErrorCode::io, dir + "/stat: too short");
  if (words[0] == "Z" || words[0] == "X") return fail(ErrorCode::not_found, dir + ": dead");
  Process process{pid, 0, 0, info.st_uid, 0};
  std::from_chars(words[1].data(), words[1].data() + words[1].size(), process.parent);
  std::from_chars(words[3].data(), words[3].data() + words[3].size(), process.session);
  std::from_chars(words[19].data(), words[19].data() + words[19].size(), process.start);
  return process;
}

std::unordered_map<pid_t, Process> read_all() {
  std::unordered_map<pid_t, Process> all;
  struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  const std::unique_ptr<DIR, CloseDir> proc(::opendir("/proc"));
  if (!proc) return all;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::string_view name = static_cast<const char*>(entry->d_name);
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    if (auto process = read_process(pid)) all.emplace(pid, *process);
  }
  return all;
}

bool descends(const std::unordered_map<pid_t, Process>& all, const Process& process,
              const std::vector<pid_t>& ancestors) {
  if (ancestors.empty()) return false;
  pid_t parent = process.parent;
  for (int generation = 0; generation < kMaxGenerations && parent > 0; ++generation) {
    if (contains(ancestors, parent)) return true;
    const auto next = all.find(parent);
    if (next == all.end()) return false;
    parent = next->second.parent;
  }
  return false;
}

bool has_markers(pid_t pid, const std::vector<std::string>& markers) {
  if (markers.empty()) return false;
  return std::all_of(markers.begin(), markers.end(),
                     [&](const std::string& marker) { return has_environment(pid, marker); });
}

bool belongs(const std::unordered_map<pid_t, Process>& all, const Process& process,
             const ProcessQuery& query) {
  if (contains(query.except, process.pid)) return false;
  if (query.uid != kAnyUid && process.uid != query.uid) return false;
  return contains(query.sessions, process.session) || descends(all, process, query.ancestors) ||
         has_markers(process.pid, query.markers);
}

std::vector<Process> matching(const ProcessQuery& query) {
  const auto all = read_all();
  std::vector<Process> found;
  for (const auto& [pid, process] : all) {
    if (belongs(all, process, query)) found.push_back(process);
  }
  // Parents first: a shell that is signalled after its command would call the command's end its
  // own.
  std::ranges::sort(found, [](const Process& a, const Process& b) {
    return a.start != b.start ? a.start < b.start : a.pid < b.pid;
  });
  return found;
}

}  // namespace

Status become_subreaper() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0) return {};
  return tl::unexpected(base::errno_error("becoming a subreaper", errno));
}

bool has_environment(pid_t pid, std::string_view entry) {
  const auto text = base::read_kernel_file(fmt::format("/proc/{}/environ", pid), kMaxEnvironment);
  if (!text) return false;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const base::Cut piece = base::cut(rest, '\0');
    if (piece.before == entry) return true;
    rest = piece.after;
  }
  return false;
}

std::vector<pid_t> find_processes(const ProcessQuery& query) {
  std::vector<pid_t> found;
  for (const Process& process : matching(query)) found.push_back(process.pid);
  std::sort(found.begin(), found.end());
  return found;
}

std::size_t signal_processes(const ProcessQuery& query, int signal) {
  std::size_t count = 0;
  for (const Process& process : matching(query)) {
    const long fd = ::syscall(SYS_pidfd_open, process.pid, 0);
    if (fd < 0) continue;
    const base::UniqueFd handle(static_cast<int>(fd));
    // The handle is of what has the number now; only if that is what the scan saw, it is meant.
    const auto now = read_process(process.pid);
    if (!now || now->start != process.start) continue;
    if (::syscall(SYS_pidfd_send_signal, handle.get(), signal, nullptr, 0) == 0) ++count;
  }
  return count;
}

}  // namespace sluice::worker
