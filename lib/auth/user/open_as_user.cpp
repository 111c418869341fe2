// See the header. The child lives for a few system calls. It never returns into the parent's code:
// it opens, sends the descriptor or an errno over a socket pair, and exits.

#include "auth/user/open_as_user.hpp"

#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace sluice::auth {

namespace {

constexpr std::int64_t kDyingMs = 1000;

// The aligned room for one descriptor in a control message.
union Control {
  cmsghdr header;
  char room[CMSG_SPACE(sizeof(int))];
};

// In the child: the errno travels as data, the descriptor, if any, beside it.
void send_answer(int socket, int code, int fd) noexcept {
  iovec data{.iov_base = &code, .iov_len = sizeof code};
  Control control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
  }
  while (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

int open_in_child(const UserIdentity& user, const UserOpen& request, int& fd) noexcept {
  if (const int code = become_user(user); code != 0) return code;
  const char* const folder = request.directory.empty() ? "/" : request.directory.c_str();
  if (::chdir(folder) != 0) return errno;
  ::umask(request.umask);
  fd = ::open(request.path.c_str(), request.flags | O_CLOEXEC | O_NOCTTY, request.mode);
  return fd < 0 ? errno : 0;
}

[[noreturn]] void run_child(const UserIdentity& user, const UserOpen& request,
                            int socket) noexcept {
  // The parent's signal handlers are not for this child: it finishes, or dies of SIGKILL.
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  int fd = -1;
  const int code = open_in_child(user, request, fd);
  send_answer(socket, code, fd);
  ::_exit(0);
}

struct Answer {
  int code = EPROTO;
  base::UniqueFd fd;
};

Answer receive_answer(int socket) {
  Answer answer;
  int code = 0;
  iovec data{.iov_base = &code, .iov_len = sizeof code};
  Control control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  ssize_t count = 0;
  do {
    count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count != static_cast<ssize_t>(sizeof code)) return answer;
  answer.code = code;
  const cmsghdr* const part = CMSG_FIRSTHDR(&message);
  if (part != nullptr && part->cmsg_type == SCM_RIGHTS && part->cmsg_len == CMSG_LEN(sizeof(int))) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
    answer.fd.reset(fd);
  }
  if (answer.code == 0 && !answer.fd.is_open()) answer.code = EPROTO;
  return answer;
}

std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

bool wait_readable(int fd, std::int64_t timeout_ms) {
  const std::int64_t end = now_ms() + timeout_ms;
  for (;;) {
    const std::int64_t left = end - now_ms();
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    const int count = ::poll(&entry, 1, left > 0 ? static_cast<int>(left) : 0);
    if (count > 0) return true;
    if (count == 0 || errno != EINTR) return false;
  }
}

// A child that the kernel can't kill (it hangs in a dead file system) is left to whoever reaps the
// process's children; its end of the socket tells.
void reap(pid_t child, int socket, bool answered) {
  if (!answered) {
    ::kill(child, SIGKILL);
    if (!wait_readable(socket, kDyingMs)) return;
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

Result<base::UniqueFd> open_as_user(const UserIdentity& user, const UserOpen& request) {
  auto pair = base::make_socket_pair(SOCK_SEQPACKET);
  if (!pair) return tl::unexpected<Error>(std::move(pair).error());
  const pid_t child = ::fork();
  if (child < 0) return tl::unexpected<Error>(base::errno_error("fork", errno));
  if (child == 0) run_child(user, request, pair->second.get());
  pair->second.reset();
  const bool answered = wait_readable(pair->first.get(), request.timeout_ms);
  Answer answer;
  if (answered) answer = receive_answer(pair->first.get());
  reap(child, pair->first.get(), answered);
  if (!answered) return fail(ErrorCode::unavailable, request.path + ": opening timed out");
  if (answer.code != 0) return tl::unexpected<Error>(base::errno_error(request.path, answer.code));
  return std::move(answer.fd);
}

Result<base::UniqueFd> open_beneath(int directory_fd, const std::string& path, int flags,
                                    mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  const bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  how.mode = creates ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, directory_fd, path.c_str(), &how, sizeof how);
    if (fd >= 0) return base::UniqueFd(static_cast<int>(fd));
    if (errno != EINTR && errno != EAGAIN) break;  // EAGAIN: a rename raced with the walk
  }
  return tl::unexpected<Error>(base::errno_error(path, errno));
}

}  // namespace sluice::auth
