// See the header.
#include "daemon/stepd/container_runtime.hpp"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <fmt/core.h>

#include "base/file.hpp"
#include "daemon/stepd/container_child.hpp"

namespace sluice::stepd {
namespace {

constexpr int kPipeBytes = 1 << 20;

// By its descriptor it can be named however it is covered.
Result<std::string> hold_folder(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.is_open()) return tl::unexpected(base::errno_error(path, errno));
  return fmt::format("/proc/self/fd/{}", fd.release());  // until the process becomes the pause
}

}  // namespace

Status cover_scratch(ContainerPlan& plan) {
  const UpperPlace place = upper_place(plan);
  for (const std::string& folder : {place.upper, place.work}) {
    // Of a kept container they are there.
    if (plan.kept.empty() && ::mkdir(folder.c_str(), 0755) != 0) {
      return tl::unexpected(base::errno_error(folder, errno));
    }
  }
  auto upper = hold_folder(place.upper);
  if (!upper) return tl::unexpected(upper.error());
  auto working = hold_folder(place.work);
  if (!working) return tl::unexpected(working.error());
  if (::mount("tmpfs", plan.scratch.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64m") !=
      0) {
    return tl::unexpected(base::errno_error(plan.scratch, errno));
  }
  plan.upper = std::move(*upper);
  plan.working = std::move(*working);
  return {};
}

std::string skeleton_layer(const std::string& image_home) {
  std::string place = image_home + "/skeleton";
  if (base::file_exists(place)) return place;
  std::string made = image_home + "/tmp/skeleton.XXXXXX";
  if (::mkdtemp(made.data()) == nullptr) return {};
  bool fine = ::chmod(made.c_str(), 0755) == 0;
  for (const char* folder : {"/dev", "/etc", "/proc", "/sys"}) {
    fine = fine && ::mkdir((made + folder).c_str(), 0755) == 0;
  }
  for (const char* file : {"/group", "/hostname", "/hosts", "/passwd", "/resolv.conf"}) {
    const std::string path = made + "/etc" + file;
    fine = fine && base::write_file_atomic(path, "", {.mode = 0644}).has_value();
  }
  if (fine && ::rename(made.c_str(), place.c_str()) == 0) return place;
  static_cast<void>(base::remove_tree(made));
  return base::file_exists(place) ? place : std::string();
}

RuntimeRun::RuntimeRun(const ContainerPlan& plan)
    : plan_(plan), file_(plan.scratch + "/config.json") {
  const std::string& runtime = plan.settings.runtime;
  is_crun_ = runtime.substr(runtime.rfind('/') + 1).find("crun") != std::string::npos;
}

RuntimeRun::~RuntimeRun() {
  if (child_.pid <= 0) return;
  ::kill(child_.pid, SIGKILL);
  static_cast<void>(end_quietly(child_));
}

Status RuntimeRun::start() {
  QuietRun run;
  run.argv = {plan_.settings.runtime, "--root", plan_.scratch + "/runtime"};
  if (is_crun_) run.argv.emplace_back("--cgroup-manager=disabled");
  for (const std::string& word :
       {std::string("run"), std::string("--detach"), std::string("--no-new-keyring"),
        std::string("--bundle"), plan_.scratch, std::string("--pid-file"), plan_.scratch + "/pid",
        plan_.id}) {
    run.argv.push_back(word);
  }
  run.environment = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=" + plan_.home};
  run.folder = "/";
  auto child = start_quietly(run);
  if (!child) return context("container runtime", std::move(child.error()));
  child_ = std::move(*child);
  return {};
}

Status RuntimeRun::begin() {
  if (!is_crun_ || plan_.by_pattern) return {};
  // It refuses hosts with controllers in both kinds of hierarchy; it needs none of them.
  static_cast<void>(::mount("tmpfs", "/sys/fs/cgroup", "tmpfs", MS_NOSUID, "size=4k"));
  if (::mkfifo(file_.c_str(), 0600) != 0) return tl::unexpected(base::errno_error(file_, errno));
  // Open for both: nobody waits for the other to open it.
  pipe_.reset(::open(file_.c_str(), O_RDWR | O_CLOEXEC));
  if (!pipe_.is_open()) return tl::unexpected(base::errno_error(file_, errno));
  static_cast<void>(::fcntl(pipe_.get(), F_SETPIPE_SZ, kPipeBytes));
  return start();
}

// crun reads the file once more, to copy it. Whatever it has opened already, and whenever it opens
// it, it finds all of it: in the pipe, or in the file that takes the pipe's place.
Status RuntimeRun::finish(const std::string& config) {
  if (auto written = base::write_file_atomic(file_, config, {.mode = 0600}); !written) {
    return written;
  }
  if (plan_.by_pattern) return {};
  if (pipe_.is_open()) {
    if (config.size() > static_cast<std::size_t>(::fcntl(pipe_.get(), F_GETPIPE_SZ))) {
      return fail(ErrorCode::invalid_argument, "the container's configuration is too large");
    }
    if (auto told = base::write_all(pipe_.get(), config); !told) return told;
    pipe_.reset();
  } else if (auto started = start(); !started) {
    return started;
  }
  if (auto ran = end_quietly(child_); !ran) return context("container runtime", ran.error());
  return {};
}

}  // namespace sluice::stepd
