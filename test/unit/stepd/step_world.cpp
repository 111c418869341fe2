// See the header.
#include "test/unit/stepd/step_world.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include <fmt/core.h>

#include "base/assert.hpp"
#include "base/file.hpp"
#include "daemon/stepd/supervisor.hpp"
#include "daemon/worker/host/processes.hpp"

namespace sluice::stepd_test {
namespace {

using Clock = std::chrono::steady_clock;

model::NodeShare a_share(const std::string& name) {
  model::NodeShare share;
  share.name = name;
  share.cpus = base::Bitmap::full(2);
  share.cpu_count = 2;
  share.tasks = 1;
  return share;
}

[[noreturn]] void run_stepd(net::BlockingSession session) {
  ::signal(SIGPIPE, SIG_IGN);
  static_cast<void>(worker::become_subreaper());
  auto frame = session.receive(5000);
  if (!frame || !*frame) ::_exit(90);
  auto launch = wire::decode<wire::LaunchStep>((*frame)->payload);
  if (!launch) ::_exit(91);
  auto settings = worker::step_settings_of(*launch);
  if (!settings) ::_exit(92);
  stepd::Supervisor supervisor(std::move(*launch), std::move(*settings), std::move(session));
  supervisor.run();
  ::_exit(0);
}

}  // namespace

std::string stepd_program() {
  std::string path(4096, '\0');
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  path.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return path.substr(0, path.rfind('/')) + "/../bin/sluice-stepd";
}

wire::LaunchStep a_launch(std::uint32_t tasks) {
  wire::LaunchStep launch;
  launch.job.id = JobId{7};
  launch.job.uid = Uid128{1, 2};
  launch.job.partition = "batch";
  auto spec = std::make_shared<model::JobSpec>();
  spec->uid = ::getuid();
  spec->gid = ::getgid();
  spec->user = "tester";
  spec->name = "job name";
  spec->work_dir = "/tmp";
  launch.job.spec = spec;
  launch.job.request = std::make_shared<model::Request>();
  auto allocation = std::make_shared<model::Allocation>();
  allocation->nodes = "n1";
  allocation->shares = {a_share("n1")};
  launch.job.allocation = allocation;
  launch.gids = {::getgid()};
  launch.spec.work_dir = "/tmp";
  launch.spec.mpi = "none";
  launch.spec.environment = {"PATH=/usr/bin:/bin", "HOME=/tmp"};
  launch.layout.tasks = tasks;
  launch.layout.node_list = "n1";
  wire::StepNode node;
  node.name = "n1";
  node.share = a_share("n1");
  for (std::uint32_t i = 0; i < tasks; ++i) node.tasks.push_back(i);
  launch.layout.nodes.push_back(node);
  return launch;
}

wire::LaunchStep a_batch(const std::string& script) {
  wire::LaunchStep launch = a_launch(1);
  launch.layout.step = base::kBatchStep;
  launch.script = script;
  launch.spec.argv = {"job.sh"};
  launch.spec.std_in = "/dev/null";
  launch.spec.input = model::InputMode::file;
  launch.spec.std_out = "slurm-%j.out";
  launch.spec.cpu_bind = model::CpuBind::none;
  return launch;
}

void change_spec(wire::LaunchStep& launch, const std::function<void(model::JobSpec&)>& change) {
  auto spec = std::make_shared<model::JobSpec>(*launch.job.spec);
  change(*spec);
  launch.job.spec = std::move(spec);
}

StepWorld::StepWorld() {
  std::string path = "/tmp/sluice-stepd-test-XXXXXX";
  SLUICE_ASSERT(::mkdtemp(path.data()) != nullptr);
  ::chmod(path.c_str(), 0711);
  dir_ = path;
  for (const char* name : {"/step", "/home"}) ::mkdir((dir_ + name).c_str(), 0755);
  settings.node_name = "n1";
  settings.cluster = "test";
  settings.job_dir = dir_;
  settings.step_dir = dir_ + "/step";
  settings.script_path = dir_ + "/script";
  settings.single_user = ::geteuid() != 0;
  settings.unkillable_s = 5;
}

StepWorld::~StepWorld() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  static_cast<void>(base::remove_tree(dir_));
}

std::string StepWorld::file(const std::string& name) const {
  return base::read_file(dir_ + '/' + name, 1U << 20U).value_or("");
}

void StepWorld::start(wire::LaunchStep launch) {
  const auto work = dir_ + "/home";
  if (launch.job.spec && launch.job.spec->uid != ::getuid()) {
    SLUICE_ASSERT(::chown(work.c_str(), launch.job.spec->uid, launch.job.spec->gid) == 0);
  }
  auto pair = base::make_socket_pair(SOCK_STREAM);
  SLUICE_ASSERT(pair.has_value());
  worker::put_step_settings(launch, settings);
  if (nursery != nullptr) {
    const Status hatched = nursery->hatch(settings.step_dir, pair->second);
    SLUICE_ASSERT(hatched.has_value(), "{}", hatched.error().text);
  } else {
    pid_ = ::fork();
  }
  if (pid_ == 0) {
    pair->first.reset();
    run_stepd(*net::BlockingSession::adopt(std::move(pair->second)));
  }
  pair->second.reset();
  session_.emplace(*net::BlockingSession::adopt(std::move(pair->first)));
  send(launch);
}

void StepWorld::send_frame(std::uint16_t type, std::string payload) {
  SLUICE_ASSERT(session_.has_value());
  static_cast<void>(session_->send(net::Frame{type, 0, std::move(payload)}, 5000));
}

void StepWorld::signal(int number, std::uint32_t task) {
  wire::SignalStep message;
  message.signal = static_cast<std::uint32_t>(number);
  message.task = task;
  send(message);
}

void StepWorld::input(const std::string& data, bool end) {
  wire::Input message;
  message.offset = input_sent_;
  message.data = data;
  message.end = end;
  input_sent_ += data.size();
  send(message);
}

void StepWorld::acknowledge(std::uint32_t task, std::uint8_t stream, std::uint64_t offset) {
  wire::OutputAck ack;
  ack.task = task;
  ack.stream = stream;
  ack.offset = offset;
  send(ack);
}

bool StepWorld::read_some(int wait_ms) {
  if (!session_) {
    // Nothing to read: the end of stepd, if it is our child, is what can happen.
    const base::UniqueFd process(pid_ > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))
                                          : -1);
    pollfd entry{process.get(), POLLIN, 0};
    ::poll(&entry, 1, std::min(wait_ms, 10));
    return false;
  }
  auto frame = session_->receive(wait_ms);
  if (!frame) {
    session_.reset();
    return false;
  }
  if (!*frame) return false;
  take(**frame);
  return true;
}

void StepWorld::take(const net::Frame& frame) {
  using wire::MessageType;
  const std::string& bytes = frame.payload;
  switch (static_cast<MessageType>(frame.type)) {
    case MessageType::stepd_hello: ++hellos; return;
    case MessageType::step_started: started = *wire::decode<wire::StepStarted>(bytes); return;
    case MessageType::task_exit: exits.push_back(*wire::decode<wire::TaskExit>(bytes)); return;
    case MessageType::step_done: done = *wire::decode<wire::StepDone>(bytes); return;
    case MessageType::step_abort: aborts.push_back(*wire::decode<wire::StepAbort>(bytes)); return;
    case MessageType::step_status: status = *wire::decode<wire::StepStatus>(bytes); return;
    case MessageType::input_ack: input_taken = wire::decode<wire::InputAck>(bytes)->offset; return;
    case MessageType::output: {
      const auto output = *wire::decode<wire::Output>(bytes);
      Stream& stream = streams_[{output.task, output.stream}];
      SLUICE_ASSERT(output.offset <= stream.data.size(), "a gap in the output");
      stream.data.resize(output.offset);
      stream.data += output.data;
      stream.ended = stream.ended || output.end;
      if (acknowledges) acknowledge(output.task, output.stream, stream.data.size());
      return;
    }
    default: return;
  }
}

bool StepWorld::wait(const std::function<bool()>& until, int limit_ms) {
  const auto end = Clock::now() + std::chrono::milliseconds(limit_ms);
  while (!until()) {
    if (Clock::now() >= end) return false;
    read_some(20);
  }
  return true;
}

bool StepWorld::finish(int limit_ms) {
  if (!wait([this] { return done.has_value(); }, limit_ms)) return false;
  send(wire::StepDoneAck{});
  return exited(limit_ms);
}

bool StepWorld::exited(int limit_ms) {
  const auto gone = [this] {
    if (nursery != nullptr) return !session_;
    int code = 0;
    if (pid_ > 0 && ::waitpid(pid_, &code, WNOHANG) == pid_) pid_ = -1;
    return pid_ < 0;
  };
  return wait(gone, limit_ms);
}

void StepWorld::drop() { session_.reset(); }

bool StepWorld::reconnect() {
  const std::string path = settings.step_dir + '/' + worker::kStepdSocket;
  return wait([&] {
    auto session = net::BlockingSession::connect(path, 2000);
    if (session) session_.emplace(std::move(*session));
    return session.has_value();
  });
}

std::string StepWorld::output(std::uint32_t task, std::uint8_t stream) const {
  const auto found = streams_.find({task, stream});
  return found == streams_.end() ? "" : found->second.data;
}

bool StepWorld::ended(std::uint32_t task, std::uint8_t stream) const {
  const auto found = streams_.find({task, stream});
  return found != streams_.end() && found->second.ended;
}

int StepWorld::exit_of(std::uint32_t task) const {
  for (const wire::TaskExit& exit : exits) {
    for (const std::uint32_t each : exit.tasks) {
      if (each == task) return static_cast<int>(exit.status);
    }
  }
  return -1;
}

}  // namespace sluice::stepd_test
