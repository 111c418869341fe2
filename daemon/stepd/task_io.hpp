// TaskIo: stepd's ends of one task's pipes or pseudo terminal. Output is read into windows, as long
// as they have room, and srun gets it from there; a full window leaves the bytes in the pipe, and
// so stops the task. Files, and streams that go nowhere, have no part here.
//
// A window ends when its pipe has, but not before the task's end was dealt with (release()): our
// own lines about that end still go into it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "daemon/stepd/output_window.hpp"
#include "daemon/stepd/poller.hpp"
#include "daemon/stepd/task_child.hpp"
#include "daemon/stepd/task_plan.hpp"

namespace sluice::stepd {

class TaskIo {
 public:
  struct Handlers {
    std::function<void()> output;  // a window has more to send
    std::function<void()> input;   // give() may go on
  };
  TaskIo(Poller& poller, Handlers handlers) : poller_(poller), handlers_(std::move(handlers)) {}
  ~TaskIo();
  TaskIo(const TaskIo&) = delete;
  TaskIo& operator=(const TaskIo&) = delete;

  // Makes pipes and pty. Before the fork.
  [[nodiscard]] Status open(const StepPlan& step, const TaskPlan& task);
  [[nodiscard]] TaskFds child_ends() const;
  // After the fork: drops the child's ends and begins to read.
  void start();

  // kStdout or kStderr; null: that stream doesn't go to srun.
  [[nodiscard]] OutputWindow* window(std::uint8_t stream);
  // Where our own lines about the task belong; null: into a file, or nowhere.
  [[nodiscard]] OutputWindow* message_window();
  [[nodiscard]] bool has_terminal() const { return master_.is_open(); }
  // Windows may have room again.
  void resume();
  void release();
  // Reads no more, whoever still holds the other ends.
  void cut();
  [[nodiscard]] bool reading() const { return out_.is_open() || err_.is_open() || pty_open_; }

  [[nodiscard]] bool takes_input() const { return in_.is_open() || (pty_open_ && !input_ended_); }
  // What was taken; fewer than given: handlers.input tells when to go on. After it failed,
  // takes_input() is false.
  [[nodiscard]] std::size_t give(std::string_view bytes);
  void end_input();
  void resize(std::uint16_t rows, std::uint16_t columns);

 private:
  [[nodiscard]] Status open_terminal(const StepPlan& step);
  void on_output(base::UniqueFd& fd, OutputWindow& window);
  void on_terminal(short events);
  void update_terminal();
  void end_windows();

  Poller& poller_;
  Handlers handlers_;
  base::UniqueFd in_;   // we write
  base::UniqueFd out_;  // we read
  base::UniqueFd err_;
  base::UniqueFd master_;  // of the pty; open until the end, for its size
  base::UniqueFd child_in_;
  base::UniqueFd child_out_;
  base::UniqueFd child_err_;
  base::UniqueFd child_pty_;
  std::optional<OutputWindow> out_window_;
  std::optional<OutputWindow> err_window_;
  bool pty_open_ = false;
  bool input_ended_ = false;
  bool input_waits_ = false;
  bool released_ = false;
};

}  // namespace sluice::stepd
