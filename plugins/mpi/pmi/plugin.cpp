// The PMI plugin: binds the PMI server to the sockets of the local tasks. One side of each socket
// is inherited by its task, which finds the number in PMI_FD.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "plugins/mpi/mpi_plugin.h"
#include "plugins/mpi/pmi/server.hpp"

namespace sluice::mpi_pmi {
namespace {

class Plugin {
 public:
  Plugin(const SluiceMpiStep& step, const SluiceMpiCallbacks& callbacks)
      : step_(step),
        callbacks_(callbacks),
        server_(describe(step), outside()),
        sockets_(step.task_sockets, step.task_sockets + step.local_count) {}

  bool environment(std::uint32_t rank, SluiceMpiSetEnv set, void* sink) const;
  std::size_t poll_fds(struct pollfd* fds, std::size_t room);
  void ready(int fd, short events);
  void fence_done(std::uint64_t id, std::string_view changes) {
    server_.fence_done(id, changes);
    flush_all();
  }
  const SluiceMpiStep& step() const { return step_; }

 private:
  static Step describe(const SluiceMpiStep& step);
  Outside outside();
  void read(std::size_t task);
  void flush(std::size_t task);
  void flush_all() {
    for (std::size_t task = 0; task < sockets_.size(); ++task) flush(task);
  }
  void drop(std::size_t task) {
    ::close(sockets_[task]);
    sockets_[task] = -1;
  }

  const SluiceMpiStep& step_;
  const SluiceMpiCallbacks& callbacks_;
  Server server_;
  std::vector<int> sockets_;  // -1: the task is gone
};

Step Plugin::describe(const SluiceMpiStep& step) {
  Step result;
  result.name = fmt::format("kvs_{}_{}", step.cluster_job, step.step_id);
  result.node = step.node;
  result.node_count = step.node_count;
  result.task_node.assign(step.task_node, step.task_node + step.task_count);
  result.local_ranks.assign(step.local_ranks, step.local_ranks + step.local_count);
  result.universe = step.universe;
  return result;
}

Outside Plugin::outside() {
  const SluiceMpiCallbacks& to = callbacks_;
  Outside result;
  result.fence = [&to](std::uint64_t id, const std::string& changes) {
    to.fence(to.context, id, changes.data(), changes.size());
  };
  result.abort = [&to](std::uint32_t rank, int code, const std::string& message) {
    to.abort(to.context, rank, code, message.c_str());
  };
  result.initialized = [&to](std::uint32_t rank) { to.initialized(to.context, rank); };
  result.finalized = [&to](std::uint32_t rank) { to.finalized(to.context, rank); };
  return result;
}

bool Plugin::environment(std::uint32_t rank, SluiceMpiSetEnv set, void* sink) const {
  for (std::uint32_t i = 0; i < step_.local_count; ++i) {
    if (step_.local_ranks[i] != rank) continue;
    set(sink, "PMI_FD", std::to_string(step_.task_socket_numbers[i]).c_str());
    set(sink, "PMI_RANK", std::to_string(rank).c_str());
    set(sink, "PMI_SIZE", std::to_string(step_.task_count).c_str());
    set(sink, "PMI_JOBID", fmt::format("{}.{}", step_.job_id, step_.step_id).c_str());
    set(sink, "PMI_SPAWNED", "0");
    set(sink, "MPI_LOCALRANKID", std::to_string(i).c_str());
    set(sink, "MPI_LOCALNRANKS", std::to_string(step_.local_count).c_str());
    return true;
  }
  return false;
}

std::size_t Plugin::poll_fds(struct pollfd* fds, std::size_t room) {
  std::size_t count = 0;
  for (std::size_t task = 0; task < sockets_.size() && count < room; ++task) {
    if (sockets_[task] < 0) continue;
    const short wants = server_.output(task).empty() ? POLLIN : POLLIN | POLLOUT;
    fds[count++] = {sockets_[task], wants, 0};
  }
  return count;
}

void Plugin::ready(int fd, short events) {
  for (std::size_t task = 0; task < sockets_.size(); ++task) {
    if (sockets_[task] != fd) continue;
    if ((events & POLLOUT) != 0) flush(task);
    if (sockets_[task] == fd && (events & (POLLIN | POLLHUP | POLLERR)) != 0) read(task);
    return;
  }
}

void Plugin::read(std::size_t task) {
  std::array<char, 16384> buffer;
  const ssize_t n = ::recv(sockets_[task], buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return drop(task);
  const auto received = server_.receive(task, {buffer.data(), static_cast<std::size_t>(n)});
  // One command may answer many: a fence ends for all tasks.
  flush_all();
  if (received) return;
  callbacks_.problem(
      callbacks_.context,
      fmt::format("task {}: {}", step_.local_ranks[task], received.error().text).c_str());
  if (sockets_[task] >= 0) drop(task);
}

void Plugin::flush(std::size_t task) {
  std::string& out = server_.output(task);
  while (sockets_[task] >= 0 && !out.empty()) {
    const ssize_t n = ::send(sockets_[task], out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n < 0) return drop(task);
    out.erase(0, static_cast<std::size_t>(n));
  }
}

Plugin& plugin(void* state) { return *static_cast<Plugin*>(state); }

void plugin_fence_done(void* state, uint64_t id, const void* data, const std::size_t* parts) {
  std::size_t size = 0;
  for (std::uint32_t node = 0; node < plugin(state).step().node_count; ++node) size += parts[node];
  plugin(state).fence_done(id, {static_cast<const char*>(data), size});
}

}  // namespace
}  // namespace sluice::mpi_pmi

extern "C" __attribute__((visibility("default"))) const SluiceMpiPlugin* sluice_mpi_plugin_v1() {
  using namespace sluice::mpi_pmi;  // NOLINT(google-build-using-namespace)
  static const SluiceMpiPlugin table = {
      .abi = SLUICE_MPI_ABI,
      .name = "pmi",
      .version = "PMI-1.1 PMI-2.0",
      .flags = SLUICE_MPI_TASK_SOCKETS,
      .start = [](const SluiceMpiStep* step, const SluiceMpiCallbacks* callbacks) -> void* {
        return std::make_unique<Plugin>(*step, *callbacks).release();
      },
      .environment = [](void* state, uint32_t rank, SluiceMpiSetEnv set,
                        void* sink) { return plugin(state).environment(rank, set, sink) ? 0 : -1; },
      .poll_fds = [](void* state, struct pollfd* fds,
                     std::size_t room) { return plugin(state).poll_fds(fds, room); },
      .ready = [](void* state, int fd, short events) { plugin(state).ready(fd, events); },
      .fence_done = plugin_fence_done,
      .direct_received = [](void*, uint32_t, const void*, std::size_t) {},
      .task_ended = [](void*, uint32_t) {},
      .stop = [](void* state) { delete static_cast<Plugin*>(state); },
  };
  return &table;
}
