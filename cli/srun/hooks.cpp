// See hooks.hpp.
#include "cli/srun/hooks.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "base/strings.hpp"

namespace sluice::cli {

bool run_hook(const std::string& program, const model::StepSpec& step,
              const base::Environment& environment) {
  if (program.empty() || program == "none") return true;
  base::Environment copy = environment;
  std::vector<std::string> words{program};
  for (const Text& word : step.argv) words.push_back(word.str());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int failed =
      ::posix_spawn(&child, program.c_str(), nullptr, nullptr, argv.data(), copy.pointers().data());
  int status = 0;
  if (failed != 0 || ::waitpid(child, &status, 0) != child) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool program_exists(const model::StepSpec& step, const base::Environment& environment) {
  if (step.argv.empty()) return false;
  const std::string name = step.argv.front().str();
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0;
  for (const auto& folder : base::split(environment.get("PATH").value_or(""), ':')) {
    if (::access((std::string(folder) + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace sluice::cli
