// See exits.hpp.
#include "cli/srun/exits.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>

namespace sluice::cli {

namespace {

// "0-3,7"
std::string ranges(const std::vector<std::uint32_t>& tasks) {
  std::string text;
  for (std::size_t i = 0; i < tasks.size();) {
    std::size_t last = i;
    while (last + 1 < tasks.size() && tasks[last + 1] == tasks[last] + 1) ++last;
    if (!text.empty()) text += ",";
    text += std::to_string(tasks[i]);
    if (last > i) text += "-" + std::to_string(tasks[last]);
    i = last + 1;
  }
  return text;
}

std::string how(int status, bool out_of_memory) {
  if (out_of_memory) return "Out Of Memory";
  if (WIFEXITED(status)) return "Exited with exit code " + std::to_string(WEXITSTATUS(status));
  std::string text = ::strsignal(WTERMSIG(status));
  if (WCOREDUMP(status)) text += " (core dumped)";
  return text;
}

}  // namespace

void TaskExits::add(const wire::TaskExit& exit) {
  const int status = static_cast<int>(exit.status);
  int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (exit.out_of_memory) code = std::max(code, 1);
  if (code > code_) {
    code_ = code;
    status_ = exit.status;
  }
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM)) {
    forced_ = true;
  }
  for (const std::uint32_t task : exit.tasks) {
    if (task >= ended_.size() || ended_[task]) continue;
    ended_[task] = true;
    if (code != 0) unprinted_[{exit.node, {exit.status, exit.out_of_memory}}].push_back(task);
  }
}

std::vector<std::string> TaskExits::take_lines(const std::vector<wire::StepNode>& nodes) {
  std::vector<std::string> lines;
  for (auto& [key, tasks] : unprinted_) {
    std::ranges::sort(tasks);
    const std::string node = key.first < nodes.size() ? nodes[key.first].name.str() : "?";
    const std::string who = (tasks.size() == 1 ? "task " : "tasks ") + ranges(tasks);
    lines.push_back(node + ": " + who + ": " +
                    how(static_cast<int>(key.second.status), key.second.out_of_memory));
  }
  unprinted_.clear();
  return lines;
}

}  // namespace sluice::cli
