// A run of a vendor's tool: a child in a process group of its own, with an environment made from
// nothing and bounded output, killed when its time is over. Two ways to use it: run_tool() waits
// (never in a process with other duties), ToolRun is driven by an event loop.
// Not for core: starts processes.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "accel/tool.hpp"
#include "base/fd.hpp"

namespace sluice::accel {

class ToolRun {
 public:
  // Fails if the program can't be started.
  [[nodiscard]] static Result<std::unique_ptr<ToolRun>> start(const Vendor& vendor);
  // Kills what still runs. A process that doesn't even die then (stuck in the driver) stays behind
  // as a zombie of the caller's.
  ~ToolRun();
  ToolRun(const ToolRun&) = delete;
  ToolRun& operator=(const ToolRun&) = delete;

  // Both become readable; the caller watches them and calls advance() then. Level-triggered.
  [[nodiscard]] int output() const { return closed_ ? -1 : output_.get(); }  // -1: no more
  [[nodiscard]] int end() const { return pidfd_.get(); }
  // Reads what is there and sees whether the tool has ended; true when the run is over.
  bool advance();
  // The time is over (Tool::timeout_s after the start, by the caller's clock).
  void kill_late();
  [[nodiscard]] bool over() const { return over_; }
  // After the run: the rows, or what went wrong ("nvidia-smi exited with 9", "took too long").
  [[nodiscard]] Result<std::vector<ToolRow>> rows() const;

 private:
  ToolRun() = default;
  void read_output();

  Tool tool_;
  std::string name_;  // of the program, for messages
  pid_t pid_ = -1;
  base::UniqueFd output_;
  base::UniqueFd pidfd_;
  std::string text_;
  int status_ = 0;
  bool closed_ = false;  // the output; its descriptor stays open as long as someone may watch it
  bool over_ = false;
  bool late_ = false;
  bool too_long_ = false;
};

// Starts the tool and waits for its rows, at most Tool::timeout_s.
[[nodiscard]] Result<std::vector<ToolRow>> run_tool(const Vendor& vendor);

}  // namespace sluice::accel
