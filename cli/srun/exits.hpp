// How the tasks ended: srun's exit code and the lines it prints about failures. Tasks of one node
// that ended alike share a line.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "wire/step_messages.hpp"

namespace sluice::cli {

class TaskExits {
 public:
  explicit TaskExits(std::uint32_t tasks) : ended_(tasks, false) {}

  void add(const wire::TaskExit& exit);
  // The highest code; 128 + signal for a task that a signal ended.
  [[nodiscard]] int exit_code() const { return code_; }
  [[nodiscard]] std::uint32_t wait_status() const { return status_; }
  [[nodiscard]] bool has_ended(std::uint32_t task) const { return ended_[task]; }
  [[nodiscard]] bool forced() const { return forced_; }
  // Lines not yet printed, without the "srun: error: " in front.
  [[nodiscard]] bool has_lines() const { return !unprinted_.empty(); }
  [[nodiscard]] std::vector<std::string> take_lines(const std::vector<wire::StepNode>& nodes);

 private:
  struct Way {
    std::uint32_t status = 0;
    bool out_of_memory = false;
    auto operator<=>(const Way&) const = default;
  };
  std::vector<bool> ended_;
  std::map<std::pair<std::uint32_t, Way>, std::vector<std::uint32_t>> unprinted_;  // by node
  int code_ = 0;
  std::uint32_t status_ = 0;
  bool forced_ = false;  // somebody was killed or terminated
};

}  // namespace sluice::cli
