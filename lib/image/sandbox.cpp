// See the header.
#include "image/sandbox.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/core.h>

#include "base/fd.hpp"
#include "base/file.hpp"

namespace sluice::image {
namespace {

constexpr std::size_t kMaxAnswer = 1U << 20U;
constexpr int kLookMs = 1000;

tl::unexpected<Error> failed(std::string_view doing) {
  return tl::unexpected(base::errno_error(doing, errno));
}

Status write_kernel_file(const char* path, const std::string& text) {
  auto fd = base::open_file(path, O_WRONLY);
  if (!fd) return tl::unexpected(fd.error());
  return base::write_all(fd->get(), text);
}

// Only the user's own id exists inside, as `inner`.
Status enter_namespaces(int flags, bool as_root) {
  const unsigned uid = ::geteuid();
  const unsigned gid = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | flags) != 0) {
    return failed("images are unpacked in a user namespace, and this host allows the user none");
  }
  if (auto done = write_kernel_file("/proc/self/setgroups", "deny"); !done) return done;
  // Who isn't to be root inside needs a number that is not 0 there.
  const unsigned inner_uid = as_root ? 0 : (uid == 0 ? 65534 : uid);
  const unsigned inner_gid = as_root ? 0 : (gid == 0 ? 65534 : gid);
  auto done = write_kernel_file("/proc/self/uid_map", fmt::format("{} {} 1", inner_uid, uid));
  if (!done) return done;
  done = write_kernel_file("/proc/self/gid_map", fmt::format("{} {} 1", inner_gid, gid));
  if (!done) return done;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed("mount /");
  return {};
}

Status enter_root(const std::string& folder) {
  if (::mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return failed(folder);
  }
  if (::chdir(folder.c_str()) != 0) return failed(folder);
  // The old root is stacked on the new one, and then taken away with all that is mounted there.
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return failed("pivot_root");
  if (::umount2(".", MNT_DETACH) != 0) return failed("umount");
  if (::chdir("/") != 0) return failed("chdir /");
  return {};
}

Status set_read_only(int tree, const char* path, unsigned flags) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
  if (::syscall(SYS_mount_setattr, tree, path, flags, &attributes, sizeof attributes) != 0) {
    return failed("mount_setattr");
  }
  return {};
}

Status close_all_but(const std::string& writable) {
  base::UniqueFd tree;
  if (!writable.empty()) {
    tree.reset(static_cast<int>(
        ::syscall(SYS_open_tree, AT_FDCWD, writable.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
    if (!tree.is_open()) return failed(writable);
  }
  if (auto done = set_read_only(AT_FDCWD, "/", AT_RECURSIVE); !done) return done;
  if (writable.empty()) return {};
  if (::syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, writable.c_str(),
                MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return failed("move_mount");
  }
  return {};
}

struct Setting {
  std::function<Status()> enter;
  const Work& work;
};

[[noreturn]] void be_child(const Setting& setting, base::UniqueFd answer, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  Result<std::string> result = std::string();
  if (auto entered = setting.enter(); !entered) {
    result = tl::unexpected(entered.error());
  } else {
    result = setting.work();
  }
  const std::string text =
      result
          ? "+" + *result
          : fmt::format("-{} {}", static_cast<unsigned>(result.error().code), result.error().text);
  const bool told = base::write_all(answer.get(), text).has_value();
  ::_exit(told ? 0 : 1);
}

void reap(pid_t child) {
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<std::string> understand(const std::string& answer) {
  if (answer.empty()) {
    return fail(ErrorCode::failure, "the process that worked on the image was killed");
  }
  if (answer.front() == '+') return answer.substr(1);
  const std::size_t blank = answer.find(' ');
  unsigned code = 0;
  for (const char c : answer.substr(1, blank - 1))
    code = code * 10 + static_cast<unsigned>(c - '0');
  return fail(static_cast<ErrorCode>(code), answer.substr(blank + 1));
}

Result<std::string> read_answer(int fd, Deadline deadline) {
  std::string answer;
  while (true) {
    pollfd waiting{fd, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, deadline.wait_ms(kLookMs));
    if (ready < 0 && errno != EINTR) return failed("poll");
    if (ready <= 0) {
      if (deadline.passed()) return fail(ErrorCode::busy, "the time for it is over");
      continue;
    }
    char buffer[4096];
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read");
    if (got == 0) return understand(answer);
    answer.append(buffer, static_cast<std::size_t>(got));
    if (answer.size() > kMaxAnswer) return fail(ErrorCode::protocol, "too long an answer");
  }
}

Result<std::string> run_child(Deadline deadline, const Setting& setting) {
  auto pipe = base::make_pipe();
  if (!pipe) return tl::unexpected(pipe.error());
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    pipe->first.reset();
    be_child(setting, std::move(pipe->second), parent);
  }
  pipe->second.reset();
  auto answer = read_answer(pipe->first.get(), deadline);
  if (!answer) ::kill(child, SIGKILL);
  reap(child);
  return answer;
}

}  // namespace

Result<std::string> run_inside(const std::string& folder, Deadline deadline, const Work& work) {
  const auto enter = [&folder]() -> Status {
    if (auto done = enter_namespaces(CLONE_NEWNET, true); !done) return done;
    return enter_root(folder);
  };
  return run_child(deadline, {enter, work});
}

Result<std::string> run_beside(const std::string& writable, Deadline deadline, const Work& work) {
  const auto enter = [&writable]() -> Status {
    if (auto done = enter_namespaces(CLONE_NEWNET, false); !done) return done;
    return close_all_but(writable);
  };
  return run_child(deadline, {enter, work});
}

Result<std::string> run_in_user_namespace(const Work& work, Deadline deadline) {
  const auto enter = []() -> Status { return enter_namespaces(0, true); };
  return run_child(deadline, {enter, work});
}

}  // namespace sluice::image
