// The start of a step: see the header.
#include "daemon/stepd/supervisor.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "daemon/stepd/device_edits.hpp"
#include "daemon/stepd/user_work.hpp"

namespace sluice::stepd {
namespace {

// srun keeps to the window; what is beyond it comes from somebody who doesn't.
constexpr std::size_t kInputLimit = 4 * wire::kOutputWindow;

}  // namespace

Supervisor::Supervisor(wire::LaunchStep launch, worker::StepSettings settings,
                       net::BlockingSession session)
    : launch_(std::move(launch)),
      settings_(std::move(settings)),
      view_{launch_, settings_},
      link_(poller_, {.frame = [this](const net::Frame& frame) { on_frame(frame); },
                      .connected = [this] { on_connected(); },
                      .closed = [this] { on_closed(); },
                      .drained = [this] { send_output(); }}),
      group_(view_),
      mpi_(poller_, link_,
           {.ready =
                [this] {
                  mpi_ready_ = true;
                  launch_when_ready();
                },
            .failed = [this](const std::string& why) { fail_launch(why); },
            .abort = [this](std::uint32_t code, const std::string& why) { abort_step(code, why); },
            .problem =
                [this](const std::string& text) {
                  if (!tasks_.empty()) say(tasks_.front(), text);
                }}),
      container_(poller_, link_,
                 {.ready = [this] { launch_when_ready(); },
                  .failed = [this](const std::string& why) { fail_launch(why); },
                  .saved = [this](const std::string& problem) { container_saved(problem); }}) {
  link_.adopt(std::move(session));
  poller_.on_child([this] { reap(); });
}

Supervisor::~Supervisor() = default;

void Supervisor::log(const std::string& text) const {
  const std::string line = fmt::format("sluice-stepd: {}: {}\n", step_label(view_), text);
  static_cast<void>(base::write_all(STDERR_FILENO, line));
}

void Supervisor::run() {
  begin();
  link_.take_received();
  while (!leaving_) {
    send_output();
    if (input_dirty_) send_input_ack();
    link_.flush();
    if (!leaving_) poller_.turn(-1);
  }
  // Nobody waits for this any more.
  container_.clean_up();
  link_.close();
}

void Supervisor::begin() {
  wire::StepdHello hello;
  hello.attempt = Attempt{launch_.job.uid, launch_.job.attempt};
  hello.job = launch_.job.id;
  hello.step = launch_.layout.step;
  hello.pid = static_cast<std::uint32_t>(::getpid());
  link_.send(hello);
  link_.flush();
  if (auto ready = prepare(); !ready) return fail_launch(ready.error().text);
  const std::string mpi = mpi_of_step(view_);
  mpi_wanted_ = !mpi.empty();
  // Both at once: neither waits for the other.
  if (mpi_wanted_) {
    if (auto started = mpi_.start(view_, plan_, mpi); !started) {
      return fail_launch(started.error().text);
    }
    mpi_pid_ = mpi_.helper_pid();
    children_left_ = true;
    group_.spare(mpi_pid_);
  }
  if (ContainerBridge::wanted(view_)) {
    std::vector<std::string> shared;
    if (!mpi_.folder().empty()) shared.push_back(mpi_.folder());
    if (auto started = container_.start(view_, plan_, group_, shared); !started) {
      return fail_launch(started.error().text);
    }
    children_left_ = true;
  }
  launch_when_ready();
}

void Supervisor::launch_when_ready() {
  if (mpi_wanted_ && !mpi_ready_) return;
  if (ContainerBridge::wanted(view_) && !container_.ready()) return;
  launch_tasks();
}

Status Supervisor::prepare() {
  auto plan = make_plan(view_);
  if (!plan) return tl::unexpected(plan.error());
  plan_ = std::move(*plan);
  if (!ContainerBridge::wanted(view_)) {
    if (auto edited = apply_device_edits(view_, plan_); !edited) return edited;
  }
  std::size_t readers = 0;
  for (TaskPlan& task_plan : plan_.tasks) {
    Task task;
    const bool reads =
        task_plan.in.kind == StreamKind::agent || task_plan.in.kind == StreamKind::pty;
    if (reads) task.reader = readers++;
    task.plan = std::move(task_plan);
    tasks_.push_back(std::move(task));
  }
  plan_.tasks.clear();
  if (readers > 0) input_.emplace(readers, kInputLimit);
  meter_.emplace(settings_.node_name, view_.node().tasks, launch_.layout.tasks);
  // Before any task: the socket also tells that tasks may have run.
  if (auto heard = link_.listen(settings_.step_dir + '/' + worker::kStepdSocket); !heard) {
    return heard;
  }
  if (auto made = group_.create(); !made) return made;
  if (!view_.is_batch()) return {};
  return write_script(plan_, settings_.script_path, launch_.script);
}

void Supervisor::launch_tasks() {
  if (phase_ != Phase::preparing) return;
  phase_ = Phase::running;
  if (!settings_.energy_folder.empty()) energy_.emplace(settings_.energy_folder);
  if (auto forked = fork_tasks(); !forked) return fail_launch(forked.error().text);
  mpi_.tasks_started();
  for (Task& task : tasks_) feed(task);  // what came while MPI was being prepared
  devices_.emplace(poller_, view_).start();
  if (settings_.sample_interval_s > 0) {
    sample_timer_ =
        poller_.after(std::int64_t{settings_.sample_interval_s} * 1000, [this] { sample(); });
  }
}

Status Supervisor::fork_tasks() {
  std::vector<base::UniqueFd> shared;
  for (const StreamPlan& stream : plan_.shared_files) {
    auto file = open_shared_file(plan_, stream);
    if (!file) return tl::unexpected(file.error());
    shared.push_back(std::move(*file));
  }
  auto report = base::make_pipe();
  if (!report) return tl::unexpected(report.error());
  report_ = std::move(report->first);
  if (auto set = base::set_nonblocking(report_.get()); !set) return set;
  for (Task& task : tasks_) {
    task.io = std::make_unique<TaskIo>(
        poller_, TaskIo::Handlers{.output = [] {}, .input = [this, &task] { feed(task); }});
    if (auto opened = task.io->open(plan_, task.plan); !opened) return opened;
    TaskFds fds = task.io->child_ends();
    fds.mpi = mpi_.task_fd(task.plan.local);
    fds.report = report->second.get();
    const std::vector<std::string> variables = mpi_.environment(task.plan.local);
    container_.complete(task.plan);
    const pid_t pid = group_.tree().fork_into(group_.name());
    if (pid == 0) {
      const ChildContext context{plan_,  group_.tree(), group_.name(),
                                 shared, variables,     container_.task_container()};
      run_task(context, task.plan, fds);
    }
    if (pid < 0) return tl::unexpected(base::errno_error("fork", errno));
    task.pid = pid;
    task.forked = true;
    children_left_ = true;
    task.io->start();
  }
  report->second.reset();
  poller_.watch(report_.get(), POLLIN, [this](short) { read_report(); });
  return {};
}

void Supervisor::read_report() {
  std::array<char, 16 * 1024> buffer;
  while (report_.is_open()) {
    const ssize_t count = ::read(report_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;
    if (count > 0) {
      report_bytes_.append(buffer.data(), static_cast<std::size_t>(count));
      continue;
    }
    poller_.forget(report_.get());
    report_.reset();
    tasks_launched();
  }
}

void Supervisor::tasks_launched() {
  std::string_view rest = report_bytes_;
  std::string first;
  LaunchProblem head;
  while (rest.size() >= sizeof head) {
    std::memcpy(&head, rest.data(), sizeof head);
    rest.remove_prefix(sizeof head);
    const std::string text(rest.substr(0, head.length));
    rest.remove_prefix(text.size());
    if (Task* task = find_task(head.task)) task->problem = text;
    if (first.empty()) first = text;
  }
  report_bytes_.clear();
  if (!first.empty()) {
    launch_failed_ = true;
    error_ = first;
    started_.error = first;
    log(first);
  }
  started_.node = launch_.first;
  for (const Task& task : tasks_) {
    started_.tasks.push_back({task.plan.task, static_cast<std::uint32_t>(task.pid)});
  }
  started_known_ = true;
  link_.send(started_);
  send_exits();  // of tasks that ended while others had still to begin
  if (launch_failed_) return kill_step();
  for (const wire::SignalStep& signal : std::exchange(early_signals_, {})) on_signal(signal);
}

std::uint32_t Supervisor::launch_failed_status() const {
  return view_.is_batch() ? std::uint32_t{kLaunchFailedStatus} : 1U << 8U;
}

// Before any task could run, or half of them: the step is over here.
void Supervisor::fail_launch(const std::string& why) {
  if (launch_failed_ || phase_ > Phase::running) return;
  launch_failed_ = true;
  error_ = why;
  log(why);
  if (report_.is_open()) poller_.forget(report_.get());
  report_.reset();
  started_.node = launch_.first;
  started_.error = why;
  started_known_ = true;
  link_.send(started_);
  phase_ = Phase::running;
  // Without a plan there are no tasks yet to tell about.
  const bool planless = tasks_.empty() && launch_.first < launch_.layout.nodes.size();
  for (const std::uint32_t number : planless ? view_.node().tasks : std::vector<std::uint32_t>()) {
    tasks_.emplace_back().plan.task = number;
  }
  for (Task& task : tasks_) {
    if (!task.forked) {
      task.status = static_cast<int>(launch_failed_status());
      task.ended = true;
      task.settled = true;
    }
  }
  if (view_.is_batch() && ContainerBridge::wanted(view_)) leave_word(why);
  send_exits();
  kill_step();
  check_end();
}

}  // namespace sluice::stepd
