// See the header. A request is one datagram: the folder's path, with the link beside it.
#include "daemon/worker/host/nursery.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "daemon/worker/host/step_settings.hpp"

extern char** environ;

namespace sluice::stepd {
namespace {

union Control {
  cmsghdr header;
  char room[CMSG_SPACE(sizeof(int))];
};

struct Request {
  std::string dir;
  base::UniqueFd link;
};

// Nothing: the other end has closed.
bool receive(int control, Request& request) {
  std::array<char, kMaxNurseryPath> path;
  iovec data{path.data(), path.size()};
  Control ancillary{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &ancillary;
  message.msg_controllen = sizeof ancillary;
  ssize_t count = 0;
  do {
    count = ::recvmsg(control, &message, MSG_CMSG_CLOEXEC);
  } while (count < 0 && errno == EINTR);
  if (count <= 0) return false;
  request.dir.assign(path.data(), static_cast<std::size_t>(count));
  const cmsghdr* const part = CMSG_FIRSTHDR(&message);
  if (part == nullptr || part->cmsg_type != SCM_RIGHTS) return true;
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
  request.link.reset(fd);
  return true;
}

}  // namespace

Nursery::~Nursery() { end(); }

void Nursery::end() {
  control_.reset();
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Status Nursery::start() {
  auto pair = base::make_socket_pair(SOCK_SEQPACKET);
  if (!pair) return tl::unexpected(pair.error());
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&files, pair->second.get(), worker::kStepdLinkFd);
  posix_spawn_file_actions_addclosefrom_np(&files, worker::kStepdLinkFd + 1);
  sigset_t none;
  sigset_t usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string words[] = {program_, "--nursery", "--dir", dir_};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  const int failed = ::posix_spawn(&pid_, program_.c_str(), &files, &attributes, argv, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return tl::unexpected(base::errno_error("starting " + program_, failed));
  control_ = std::move(pair->first);
  return {};
}

Status Nursery::send(const std::string& step_dir, int link) const {
  iovec data{const_cast<char*>(step_dir.data()), step_dir.size()};
  Control ancillary{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &ancillary;
  message.msg_controllen = sizeof ancillary;
  cmsghdr* const part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof link);
  std::memcpy(CMSG_DATA(part), &link, sizeof link);
  while (::sendmsg(control_.get(), &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return tl::unexpected(base::errno_error("asking for a stepd", errno));
  }
  return {};
}

Status Nursery::hatch(const std::string& step_dir, const base::UniqueFd& link) {
  if (step_dir.empty() || step_dir.size() > kMaxNurseryPath) {
    return fail(ErrorCode::invalid_argument, "the step's folder has no name, or one too long");
  }
  if (control_.is_open() && send(step_dir, link.get())) return {};
  end();
  if (auto started = start(); !started) return started;
  return send(step_dir, link.get());
}

int run_nursery(base::UniqueFd control, const StepdLife& live) {
  // Nobody asks how a stepd ended.
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGCHLD, &action, nullptr);
  for (;;) {
    Request request;
    if (!receive(control.get(), request)) return 0;
    if (!request.link.is_open()) continue;
    if (::fork() != 0) continue;  // without a child the link closes, and sluiced knows
    control.reset();
    action.sa_handler = SIG_DFL;
    ::sigaction(SIGCHLD, &action, nullptr);
    ::_exit(live(request.dir, std::move(request.link)));
  }
}

}  // namespace sluice::stepd
