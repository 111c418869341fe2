// See the header. One poll loop over the helpers' sockets and the tasks' pipes.
#include "test/unit/stepd/mini_launcher.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/core.h>

#include "base/file.hpp"

namespace sluice::stepd_test {
namespace {

using stepd::MpiEvent;
using stepd::MpiHelper;

struct Node {
  std::uint32_t number = 0;
  std::optional<MpiHelper> helper;
  std::string directory;
  bool started = false;
  bool ended = false;
};

struct Task {
  std::uint32_t rank = 0;
  std::uint32_t node = 0;
  pid_t pid = -1;
  base::UniqueFd output;
};

void take_hostname(const std::string& name) {
  if (::unshare(CLONE_NEWUTS) != 0 || ::sethostname(name.data(), name.size()) != 0) ::_exit(98);
}

class Run {
 public:
  explicit Run(const Launch& what) : what_(what) {}
  Outcome go();

 private:
  bool start_helpers();
  void start_tasks(Node& node);
  void start_task(Node& node, std::size_t local);
  void turn(int wait_ms);
  void read_helper(Node& node);
  void handle(Node& node, const MpiEvent& event);
  void read_task(Task& task);
  void kill_tasks();
  [[nodiscard]] bool done() const;
  void finish();

  const Launch& what_;
  Outcome outcome_;
  std::vector<Node> nodes_;
  std::vector<Task> tasks_;
  std::map<std::uint64_t, std::map<std::uint32_t, std::string>> fences_;
  std::size_t task_count_ = 0;
};

bool Run::start_helpers() {
  stepd::MpiHelperSpec spec;
  spec.job_id = 7;
  spec.unique_job = fmt::format("test{}", ::getpid());
  spec.uid = what_.uid != 0 ? what_.uid : ::getuid();
  spec.gid = what_.uid != 0 ? what_.uid : ::getgid();
  for (const auto& ranks : what_.tasks_of) task_count_ += ranks.size();
  spec.task_node.resize(task_count_);
  for (std::uint32_t node = 0; node < what_.tasks_of.size(); ++node) {
    spec.node_names.push_back(fmt::format("n{}", node + 1));
    for (const std::uint32_t rank : what_.tasks_of[node]) spec.task_node[rank] = node;
  }
  const auto plugin = stepd::mpi_plugin_file(plugin_directory(), what_.mpi);
  if (!plugin) {
    outcome_.problems.push_back(plugin.error().text);
    return false;
  }
  spec.plugin = *plugin;
  spec.shared_host = !what_.own_hostname;
  nodes_.resize(what_.tasks_of.size());
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    node.number = i;
    std::string directory = "/tmp/sluice-mpi-test-XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr) return false;
    if (::chown(directory.c_str(), spec.uid, spec.gid) != 0) return false;
    node.directory = directory;
    spec.node = i;
    spec.local_ranks = what_.tasks_of[i];
    spec.directory = directory;
    auto helper = stepd::start_mpi_helper(spec);
    if (!helper) {
      outcome_.problems.push_back(helper.error().text);
      return false;
    }
    node.helper.emplace(std::move(*helper));
  }
  return true;
}

void Run::start_tasks(Node& node) {
  for (std::size_t i = 0; i < what_.tasks_of[node.number].size(); ++i) start_task(node, i);
  node.helper->close_task_fds();
  node.started = true;
}

void Run::start_task(Node& node, std::size_t local) {
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "HOME=/tmp"};
  for (const auto& entry : what_.environment) environment.push_back(entry);
  for (const auto& entry : node.helper->environment(local)) environment.push_back(entry);
  std::vector<char*> env;
  for (std::string& entry : environment) env.push_back(entry.data());
  env.push_back(nullptr);
  std::vector<std::string> words = what_.argv;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  auto pipe = base::make_pipe();
  if (!pipe) return;
  const int fd = node.helper->task_fd(local);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(pipe->second.get(), 1);
    ::dup2(pipe->second.get(), 2);
    if (fd >= 0) ::fcntl(fd, F_SETFD, 0);
    if (what_.own_hostname) take_hostname(fmt::format("n{}", node.number + 1));
    if (what_.uid != 0 &&
        (::setgroups(0, nullptr) != 0 || ::setgid(what_.uid) != 0 || ::setuid(what_.uid) != 0)) {
      ::_exit(99);
    }
    ::execvpe(argv[0], argv.data(), env.data());
    ::_exit(127);
  }
  tasks_.push_back({what_.tasks_of[node.number][local], node.number, pid, std::move(pipe->first)});
}

void Run::handle(Node& node, const MpiEvent& event) {
  switch (event.kind) {
    case MpiEvent::Kind::ready: return start_tasks(node);
    case MpiEvent::Kind::failed:
      outcome_.problems.push_back(event.text);
      node.ended = true;
      return;
    case MpiEvent::Kind::fence: {
      auto& parts = fences_[event.id];
      parts[node.number] = event.blob;
      if (parts.size() < nodes_.size()) return;
      std::vector<std::string> ordered;
      for (auto& [number, part] : parts) ordered.push_back(std::move(part));
      for (Node& each : nodes_) each.helper->fence_done(event.id, ordered);
      fences_.erase(event.id);
      ++outcome_.fences;
      return;
    }
    case MpiEvent::Kind::direct:
      ++outcome_.directs;
      if (event.node < nodes_.size()) nodes_[event.node].helper->direct(node.number, event.blob);
      return;
    case MpiEvent::Kind::abort:
      ++outcome_.aborts;
      outcome_.abort_code = event.code;
      return kill_tasks();
    case MpiEvent::Kind::initialized: outcome_.initialized.push_back(event.rank); return;
    case MpiEvent::Kind::finalized: outcome_.finalized.push_back(event.rank); return;
    case MpiEvent::Kind::problem: outcome_.problems.push_back(event.text); return;
  }
}

void Run::read_helper(Node& node) {
  const auto events = node.helper->on_readable();
  if (!events) {
    if (!node.started) outcome_.problems.push_back(events.error().text);
    node.ended = true;
    return;
  }
  for (const MpiEvent& event : *events) handle(node, event);
}

void Run::read_task(Task& task) {
  std::array<char, 4096> buffer;
  const ssize_t n = ::read(task.output.get(), buffer.data(), buffer.size());
  if (n > 0) {
    outcome_.output[task.rank].append(buffer.data(), static_cast<std::size_t>(n));
    return;
  }
  task.output.reset();
  int status = 0;
  ::waitpid(task.pid, &status, 0);
  outcome_.statuses[task.rank] = status;
  nodes_[task.node].helper->task_ended(task.rank);
}

void Run::turn(int wait_ms) {
  std::vector<pollfd> fds;
  std::vector<Node*> nodes;
  std::vector<Task*> tasks;
  for (Node& node : nodes_) {
    if (node.ended) continue;
    const short wants = node.helper->wants_write() ? POLLIN | POLLOUT : POLLIN;
    fds.push_back({node.helper->fd(), wants, 0});
    nodes.push_back(&node);
  }
  for (Task& task : tasks_) {
    if (!task.output.is_open()) continue;
    fds.push_back({task.output.get(), POLLIN, 0});
    tasks.push_back(&task);
  }
  // tasks_ grows while helpers are read; only the numbers of the descriptors count from here.
  std::vector<pid_t> readable;
  if (::poll(fds.data(), fds.size(), wait_ms) < 0) return;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (fds[nodes.size() + i].revents != 0) readable.push_back(tasks[i]->pid);
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if ((fds[i].revents & POLLOUT) != 0 && !nodes[i]->helper->on_writable()) nodes[i]->ended = true;
    if ((fds[i].revents & ~POLLOUT) != 0) read_helper(*nodes[i]);
  }
  for (Task& task : tasks_) {
    if (std::find(readable.begin(), readable.end(), task.pid) != readable.end()) read_task(task);
  }
}

void Run::kill_tasks() {
  for (const Task& task : tasks_) {
    if (task.output.is_open()) ::kill(task.pid, SIGKILL);
  }
}

bool Run::done() const {
  bool failed = false;
  for (const Node& node : nodes_) failed = failed || (node.ended && !node.started);
  return failed || outcome_.statuses.size() == task_count_;
}

void Run::finish() {
  kill_tasks();
  for (Task& task : tasks_) {
    while (task.output.is_open()) read_task(task);
  }
  for (Node& node : nodes_) {
    if (!node.helper) continue;
    const pid_t pid = node.helper->pid();
    node.helper->close();
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (status == 0) ++outcome_.helper_exits;
    static_cast<void>(base::remove_tree(node.directory));
  }
}

Outcome Run::go() {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(what_.timeout_ms);
  if (start_helpers()) {
    while (!done() && !outcome_.timed_out) {
      turn(1000);
      outcome_.timed_out = Clock::now() > end;
    }
  }
  finish();
  return std::move(outcome_);
}

// Copies, because the helper loads them as the job's user, who may not be able to reach the build.
class PluginView {
 public:
  PluginView() {
    namespace fs = std::filesystem;
    std::string pattern = fs::temp_directory_path() / "sluice-plugins.XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    fs::permissions(folder_, fs::perms(0755));
    const fs::path tests = fs::read_symlink("/proc/self/exe").parent_path();
    for (const auto& file : fs::directory_iterator(tests / "../plugins")) {
      fs::copy_file(file.path(), folder_ / file.path().filename());
    }
  }
  ~PluginView() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  PluginView(const PluginView&) = delete;
  PluginView& operator=(const PluginView&) = delete;
  [[nodiscard]] const std::string& folder() const { return folder_.native(); }

 private:
  std::filesystem::path folder_;
};

}  // namespace

const std::string& plugin_directory() {
  static const PluginView view;
  return view.folder();
}

Outcome launch(const Launch& what) { return Run(what).go(); }

}  // namespace sluice::stepd_test
