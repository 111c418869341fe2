// MpiBridge: the MPI helper of this node on one side, the step stream on the other. Carries fences
// and direct messages, remembers fences that aren't complete (they are sent again to an agent that
// comes back), and owns the helper's folder.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/result.hpp"
#include "daemon/stepd/agent_link.hpp"
#include "daemon/stepd/mpi_helper.hpp"
#include "daemon/stepd/poller.hpp"
#include "daemon/stepd/task_plan.hpp"

namespace sluice::stepd {

// The plugin that the step asks for: "" for none. external launchers (mpirun) bring their own.
[[nodiscard]] std::string mpi_of_step(const StepView& step);

class MpiBridge {
 public:
  struct Handlers {
    std::function<void()> ready;                     // the tasks may start
    std::function<void(const std::string&)> failed;  // before ready: they can't
    std::function<void(std::uint32_t code, const std::string& why)> abort;
    std::function<void(const std::string&)> problem;  // a line for the job's standard error
  };
  MpiBridge(Poller& poller, AgentLink& link, Handlers handlers)
      : poller_(poller), link_(link), handlers_(std::move(handlers)) {}
  ~MpiBridge();
  MpiBridge(const MpiBridge&) = delete;
  MpiBridge& operator=(const MpiBridge&) = delete;

  [[nodiscard]] Status start(const StepView& step, const StepPlan& plan, const std::string& mpi);
  [[nodiscard]] pid_t helper_pid() const { return helper_ ? helper_->pid() : -1; }
  [[nodiscard]] std::vector<std::string> environment(std::size_t local) const;
  [[nodiscard]] int task_fd(std::size_t local) const;
  void tasks_started();

  void fence_done(const wire::FenceDone& done);
  void direct(const wire::Direct& message);
  // A new connection: what nobody has answered yet.
  void send_again();
  void task_ended(std::uint32_t rank);
  // Was in MPI and didn't leave it as it should.
  [[nodiscard]] bool left_early(std::uint32_t rank);
  // Lets the helper go.
  void close();
  [[nodiscard]] const std::string& folder() const { return folder_; }
  // The folder's parent is root's: what is left of the folder is ours to remove.
  [[nodiscard]] bool owns_parent() const { return owns_parent_; }

 private:
  [[nodiscard]] Status make_folder(const StepView& step, const StepPlan& plan);
  void on_helper(short events);
  void handle(const MpiEvent& event);
  void send_fence(std::uint64_t id, const std::string& blob);
  void send_direct(const MpiEvent& event);
  void update();

  Poller& poller_;
  AgentLink& link_;
  Handlers handlers_;
  std::optional<MpiHelper> helper_;
  bool ready_ = false;
  bool open_ = false;
  std::uint32_t node_ = 0;
  std::uint32_t nodes_ = 1;
  std::string folder_;
  bool owns_parent_ = false;
  std::map<std::uint64_t, std::string> fences_;  // ours, not complete
  std::set<std::uint32_t> in_mpi_;
};

}  // namespace sluice::stepd
