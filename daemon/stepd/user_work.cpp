// See the header.
#include "daemon/stepd/user_work.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "auth/user/open_as_user.hpp"
#include "base/file.hpp"
#include "daemon/stepd/task_child.hpp"

namespace sluice::stepd {
namespace {

// The child of a fork: the user, with nothing but its own streams.
void become_or_exit(const StepPlan& plan) {
  reset_child_signals();
  ::setsid();
  if (plan.change_user) auth::become_user_or_exit(plan.user, 1);
}

void detach_streams() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int stream : {0, 1, 2}) ::dup2(null, stream);
}

}  // namespace

pid_t append_as_user(const StepPlan& plan, const std::string& path, std::string_view text,
                     int more) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  become_or_exit(plan);
  ::umask(plan.umask);
  // Not waited for if it is a fifo without a reader.
  const int fd =
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | more, 0666);
  if (fd < 0) ::_exit(1);
  ::_exit(base::write_all(fd, text) ? 0 : 1);
}

pid_t remove_folder_as_user(const StepPlan& plan, const std::string& path) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  become_or_exit(plan);
  ::_exit(base::remove_tree(path) ? 0 : 1);
}

pid_t run_epilog(const StepPlan& plan, const EpilogPlace& place, const std::string& path,
                 base::Environment environment) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  if (!place.tree.attach(place.group, 0)) ::_exit(1);
  become_or_exit(plan);
  detach_streams();
  ::umask(plan.umask);
  if (::chdir(plan.work_dir.c_str()) != 0 && ::chdir("/tmp") != 0) ::_exit(1);
  std::string name = path;
  char* argv[] = {name.data(), nullptr};
  ::execve(path.c_str(), argv, environment.pointers().data());
  ::_exit(127);
}

Result<base::UniqueFd> open_shared_file(const StepPlan& plan, const StreamPlan& stream) {
  const int flags = O_WRONLY | O_CREAT | O_APPEND | (stream.append ? 0 : O_TRUNC);
  if (!plan.change_user) return base::open_file(stream.path, flags, 0666U & ~plan.umask);
  auth::UserOpen request;
  request.path = stream.path;
  request.flags = flags;
  request.umask = plan.umask;
  return auth::open_as_user(plan.user, request);
}

Status write_script(const StepPlan& plan, const std::string& path, std::string_view script) {
  // Left by an stepd that was killed; the folder is nobody's but ours.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return tl::unexpected(base::errno_error(path, errno));
  }
  const base::UniqueFd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0500));
  if (!fd.is_open()) return tl::unexpected(base::errno_error(path, errno));
  if (auto written = base::write_all(fd.get(), script); !written) return written;
  if (plan.change_user && ::fchown(fd.get(), plan.user.uid, plan.user.gid) != 0) {
    return tl::unexpected(base::errno_error(path, errno));
  }
  return {};
}

}  // namespace sluice::stepd
