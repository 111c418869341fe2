// ContainerBridge: stepd's side of a step's container. Starts the opener, hears of its progress,
// keeps a descriptor of the container for the tasks, and at the end has it saved and cleaned up.
// Nothing here blocks. What comes from the opener is the user's and bounded.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "daemon/stepd/agent_link.hpp"
#include "daemon/stepd/container_enter.hpp"
#include "daemon/stepd/container_plan.hpp"
#include "daemon/stepd/poller.hpp"
#include "daemon/stepd/step_group.hpp"
#include "wire/image_messages.hpp"

namespace sluice::stepd {

// What a task does to get into the container; see task_child.hpp.
struct TaskContainer {
  ContainerDoor door;
  std::string workdir;         // inside
  std::string entrypoint_log;  // on the host; empty: none
  std::string log_runner;      // inside: sluice-pause, which gives the command its own streams
  std::string pattern;         // not empty: the command to execute instead
  std::string root;            // for the pattern
  std::string scratch;
  std::uint32_t job = 0;
  std::string step;
};

class ContainerBridge {
 public:
  struct Handlers {
    std::function<void()> ready;                     // the tasks may start
    std::function<void(const std::string&)> failed;  // before ready: they can't
    std::function<void(const std::string&)> saved;   // the saver has ended; not empty: why not
  };
  ContainerBridge(Poller& poller, AgentLink& link, Handlers handlers)
      : poller_(poller), link_(link), handlers_(std::move(handlers)) {}
  ~ContainerBridge();
  ContainerBridge(const ContainerBridge&) = delete;
  ContainerBridge& operator=(const ContainerBridge&) = delete;

  [[nodiscard]] static bool wanted(const StepView& step) {
    return !step.launch.spec.container.empty();
  }
  [[nodiscard]] Status start(const StepView& step, const StepPlan& plan, const StepGroup& group,
                             const std::vector<std::string>& shared);
  [[nodiscard]] pid_t opener() const { return opener_; }
  [[nodiscard]] bool ready() const { return ready_; }

  // The task's command, environment and way in; once ready. Null: no container.
  void complete(TaskPlan& task) const;
  [[nodiscard]] const TaskContainer* task_container() const { return ready_ ? &task_ : nullptr; }

  // True if the saver was started: saved() follows.
  [[nodiscard]] bool start_saver(const StepGroup& group);
  void stop_saver();
  [[nodiscard]] bool saving() const { return saver_ > 0; }
  // Takes note of an ended child; true if it was one of ours.
  bool ended(pid_t pid, int status);
  // Removes what the container wrote, and waits for it: when the step's end has been told of.
  // Should that never come, the agent removes it with the job's folder.
  void clean_up();
  // A new connection: what it may have missed.
  void send_again();
  // Hears no more of the opener.
  void close();

 private:
  [[nodiscard]] Status make_scratch(const StepView& step);
  void on_report();
  void take_notes();
  void take(const ContainerNote& note);
  void image_there(const Text& digest);
  void now_ready(const ContainerNote& note);
  void read_known();
  void write_known(const Text& digest) const;
  void fail(const std::string& why);
  void keep_mounts(pid_t holder);

  Poller& poller_;
  AgentLink& link_;
  Handlers handlers_;
  ContainerPlan plan_;
  TaskContainer task_;
  image::ImageRecord record_;
  std::vector<Text> exported_;
  base::UniqueFd report_;
  base::UniqueFd holder_;
  // Mount namespaces that are to outlive their processes: unmounting takes milliseconds, and the
  // step's end need not wait for it.
  std::vector<base::UniqueFd> mounts_;
  std::string bytes_;
  pid_t opener_ = -1;
  pid_t saver_ = -1;
  bool ready_ = false;
  bool failed_ = false;
  std::optional<wire::StepProgress> last_;
  std::string known_file_;  // root's: what names meant to the job's steps on this node
  std::int64_t since_ms_ = 0;
  std::uint32_t node_ = 0;
  std::string save_problem_;
};

}  // namespace sluice::stepd
