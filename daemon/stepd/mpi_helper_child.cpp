// The MPI helper's process: a poll loop between the control socket and the plugin's descriptors.
// It runs as the job's user with an empty environment. stepd is trusted here (it is root, and our
// parent), so a frame that can't be read ends the helper at once.
#include "daemon/stepd/mpi_helper_child.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>

#include <fmt/core.h>

#include "auth/user/become_user.hpp"
#include "daemon/stepd/mpi_frame.hpp"
#include "plugins/mpi/mpi_plugin.h"

namespace sluice::stepd {
namespace {

constexpr int kExitIdentity = 120;  // couldn't become the user
constexpr std::size_t kPluginFds = 4096;
constexpr std::size_t kReadBytes = 256U << 10U;

// Everything but 0, 1, 2 and the given ones, which need not be in order.
void close_others(std::vector<int> keep) {
  std::sort(keep.begin(), keep.end());
  unsigned first = 3;
  for (const int fd : keep) {
    const auto number = static_cast<unsigned>(fd);
    if (number > first) ::close_range(first, number - 1, 0);
    first = std::max(first, number + 1);
  }
  ::close_range(first, ~0U, 0);
}

// PMI libraries print to the standard streams, which are the supervisor's here.
void detach_streams() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int stream : {0, 1, 2}) ::dup2(null, stream);
  if (null > 2) ::close(null);
}

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  // A terminal's or a cancel's signals are for the tasks; the helper goes when stepd lets it.
  for (const int signal : {SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGTERM}) {
    ::sigaction(signal, &action, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

class Helper {
 public:
  explicit Helper(MpiHelperChild& child) : child_(child), spec_(child.spec) {}
  int run();

 private:
  bool load();
  bool start();
  void send_environments();
  void loop();
  bool read_control();
  void handle(std::string_view body);
  bool flush();
  void send(std::string frame) { out_ += frame; }
  void fail_with(std::string_view why) {
    send(FrameWriter(MpiFrame::failed).text(why).finish());
    flush_blocking();
  }
  void flush_blocking();
  static Helper& self(void* context) { return *static_cast<Helper*>(context); }
  SluiceMpiCallbacks callbacks();

  MpiHelperChild& child_;
  const MpiHelperSpec& spec_;
  const SluiceMpiPlugin* plugin_ = nullptr;
  void* state_ = nullptr;
  SluiceMpiStep step_{};
  SluiceMpiCallbacks callbacks_{};
  std::vector<const char*> names_;
  std::vector<int> sockets_;
  std::string in_;
  std::string out_;
  std::string problem_;  // the last one, for the message of a failed start
};

SluiceMpiCallbacks Helper::callbacks() {
  SluiceMpiCallbacks result{};
  result.context = this;
  result.fence = [](void* context, uint64_t id, const void* data, size_t size) {
    const std::string_view blob(static_cast<const char*>(data), size);
    self(context).send(FrameWriter(MpiFrame::fence).u64(id).text(blob).finish());
  };
  result.direct = [](void* context, uint32_t node, const void* data, size_t size) {
    const std::string_view blob(static_cast<const char*>(data), size);
    self(context).send(FrameWriter(MpiFrame::direct).u32(node).text(blob).finish());
  };
  result.abort = [](void* context, uint32_t rank, int code, const char* message) {
    FrameWriter frame(MpiFrame::abort);
    frame.u32(rank).u32(static_cast<std::uint32_t>(code)).text(message);
    self(context).send(frame.finish());
  };
  result.initialized = [](void* context, uint32_t rank) {
    self(context).send(FrameWriter(MpiFrame::initialized).u32(rank).finish());
  };
  // Said before the task hears that it may leave: stepd takes an end without it for a failure.
  result.finalized = [](void* context, uint32_t rank) {
    self(context).send(FrameWriter(MpiFrame::finalized).u32(rank).finish());
    self(context).flush_blocking();
  };
  result.problem = [](void* context, const char* message) {
    self(context).problem_ = message;
    self(context).send(FrameWriter(MpiFrame::problem).text(message).finish());
  };
  return result;
}

bool Helper::load() {
  void* object = ::dlopen(spec_.plugin.path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) {
    const char* why = ::dlerror();
    fail_with(fmt::format("loading {}: {}", spec_.plugin.path, why != nullptr ? why : "?"));
    return false;
  }
  void* symbol = ::dlsym(object, SLUICE_MPI_ENTRY);
  if (symbol == nullptr) {
    fail_with(fmt::format("{}: not an MPI plugin", spec_.plugin.path));
    return false;
  }
  plugin_ = reinterpret_cast<SluiceMpiEntry>(symbol)();
  const bool wants_sockets = (plugin_->flags & SLUICE_MPI_TASK_SOCKETS) != 0;
  if (plugin_->abi != SLUICE_MPI_ABI || wants_sockets != spec_.plugin.task_sockets) {
    fail_with(fmt::format("{}: of another release", spec_.plugin.path));
    return false;
  }
  return true;
}

bool Helper::start() {
  for (const std::string& name : spec_.node_names) names_.push_back(name.c_str());
  for (const base::UniqueFd& socket : child_.task_sockets) sockets_.push_back(socket.get());
  step_.job_id = spec_.job_id;
  step_.step_id = spec_.step_id;
  step_.cluster_job = spec_.unique_job.c_str();
  step_.uid = spec_.ranks_are_root ? 0 : spec_.uid;
  step_.gid = spec_.ranks_are_root ? 0 : spec_.gid;
  step_.node = spec_.node;
  step_.node_count = static_cast<std::uint32_t>(names_.size());
  step_.node_names = names_.data();
  step_.task_count = static_cast<std::uint32_t>(spec_.task_node.size());
  step_.task_node = spec_.task_node.data();
  step_.local_count = static_cast<std::uint32_t>(spec_.local_ranks.size());
  step_.local_ranks = spec_.local_ranks.data();
  step_.task_sockets = sockets_.empty() ? nullptr : sockets_.data();
  step_.task_socket_numbers = sockets_.empty() ? nullptr : child_.task_numbers.data();
  step_.universe = std::max(spec_.universe, step_.task_count);
  step_.shared_host = spec_.shared_host ? 1 : 0;
  step_.directory = spec_.directory.c_str();
  callbacks_ = callbacks();
  state_ = plugin_->start(&step_, &callbacks_);
  if (state_ != nullptr) return true;
  fail_with(problem_.empty() ? "the MPI plugin doesn't start" : problem_);
  return false;
}

void Helper::send_environments() {
  struct Sink {
    Helper* helper;
    std::uint32_t local;
  };
  for (std::uint32_t local = 0; local < step_.local_count; ++local) {
    Sink sink{this, local};
    const auto set = [](void* where, const char* name, const char* value) {
      const auto& to = *static_cast<Sink*>(where);
      FrameWriter frame(MpiFrame::environment);
      frame.u32(to.local).text(fmt::format("{}={}", name, value));
      to.helper->send(frame.finish());
    };
    if (plugin_->environment(state_, step_.local_ranks[local], set, &sink) != 0) {
      return fail_with(problem_.empty() ? "the MPI plugin has no environment" : problem_);
    }
  }
  send(FrameWriter(MpiFrame::ready).finish());
}

// False: stepd is gone.
bool Helper::flush() {
  std::size_t written = 0;
  while (written < out_.size()) {
    const ssize_t n = ::send(child_.control.get(), out_.data() + written, out_.size() - written,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (n < 0) return false;
    written += static_cast<std::size_t>(n);
  }
  out_.erase(0, written);
  return true;
}

void Helper::flush_blocking() {
  std::string_view rest = out_;
  while (!rest.empty()) {
    const ssize_t n = ::send(child_.control.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      pollfd room{.fd = child_.control.get(), .events = POLLOUT, .revents = 0};
      static_cast<void>(::poll(&room, 1, -1));
      continue;
    }
    if (n <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  out_.clear();
}

void Helper::handle(std::string_view body) {
  FrameReader in(body);
  switch (in.type()) {
    case MpiFrame::fence_done: {
      const std::uint64_t id = in.u64();
      const std::uint32_t count = in.u32();
      std::string data;
      std::vector<std::size_t> parts;
      for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        const std::string_view part = in.text();
        parts.push_back(part.size());
        data += part;
      }
      if (in.complete() && count == step_.node_count) {
        plugin_->fence_done(state_, id, data.data(), parts.data());
      }
      return;
    }
    case MpiFrame::direct: {
      const std::uint32_t from = in.u32();
      const std::string_view blob = in.text();
      if (in.complete()) plugin_->direct_received(state_, from, blob.data(), blob.size());
      return;
    }
    case MpiFrame::task_ended: plugin_->task_ended(state_, in.u32()); return;
    default: return;
  }
}

// False: stepd is gone.
bool Helper::read_control() {
  const std::size_t before = in_.size();
  in_.resize(before + kReadBytes);
  ssize_t n = 0;
  do {
    n = ::recv(child_.control.get(), in_.data() + before, kReadBytes, MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  const bool nothing_yet = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  in_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  if (n <= 0) return nothing_yet;
  std::size_t at = 0;
  for (;;) {
    const FrameCut cut = cut_frame(in_, at, kMaxMpiMessage);
    if (cut.too_long) return false;
    if (!cut.found) break;
    handle(cut.body);
    at = cut.end;
  }
  in_.erase(0, at);
  return true;
}

void Helper::loop() {
  std::vector<pollfd> fds(kPluginFds + 1);
  while (flush()) {
    const short wants = out_.empty() ? POLLIN : POLLIN | POLLOUT;
    fds[0] = {child_.control.get(), wants, 0};
    const std::size_t count = plugin_->poll_fds(state_, fds.data() + 1, kPluginFds);
    if (::poll(fds.data(), count + 1, -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !read_control()) return;
    for (std::size_t i = 1; i <= count; ++i) {
      if (fds[i].revents != 0) plugin_->ready(state_, fds[i].fd, fds[i].revents);
    }
  }
}

int Helper::run() {
  if (!load() || !start()) return 1;
  send_environments();
  loop();
  plugin_->stop(state_);
  return 0;
}

}  // namespace

void run_mpi_helper_child(MpiHelperChild& child) {
  std::vector<int> keep = {child.control.get()};
  for (const base::UniqueFd& socket : child.task_sockets) keep.push_back(socket.get());
  reset_signals();
  ::setsid();
  detach_streams();
  close_others(std::move(keep));
  auth::UserIdentity user;
  user.uid = child.spec.uid;
  user.gid = child.spec.gid;
  user.groups.assign(child.spec.groups.begin(), child.spec.groups.end());
  auth::become_user_or_exit(user, kExitIdentity);
  // If stepd dies without closing anything, nobody needs us. After the change of user, which
  // resets it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "sluice-mpi");
  ::umask(077);
  ::clearenv();
  if (::chdir("/") != 0) ::_exit(1);
  Helper helper(child);
  ::_exit(helper.run());
}

}  // namespace sluice::stepd
