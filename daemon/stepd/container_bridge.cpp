// See the header.
#include "daemon/stepd/container_bridge.hpp"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "base/file.hpp"
#include "base/strings.hpp"
#include "daemon/stepd/container_child.hpp"
#include "daemon/stepd/container_environment.hpp"
#include "wire/codec.hpp"

namespace sluice::stepd {
namespace {

constexpr std::string_view kImageThere = "ready";  // StepProgress::phase
constexpr std::size_t kMaxKnown = 64U << 10U;

}  // namespace

ContainerBridge::~ContainerBridge() { close(); }

// In the job's folder, which its agent removes whatever becomes of us.
Status ContainerBridge::make_scratch(const StepView& step) {
  std::string path = step.settings.job_dir + "/ctr.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return tl::unexpected(base::errno_error(step.settings.job_dir, errno));
  }
  plan_.scratch = path;
  // Until now it is ours alone, so the path leads to it.
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.is_open()) return tl::unexpected(base::errno_error(path, errno));
  if (plan_.change_user && ::fchown(fd.get(), plan_.user.uid, plan_.user.gid) != 0) {
    return tl::unexpected(base::errno_error(path, errno));
  }
  return {};
}

Status ContainerBridge::start(const StepView& step, const StepPlan& plan, const StepGroup& group,
                              const std::vector<std::string>& shared) {
  since_ms_ = Poller::now_ms();
  node_ = step.launch.first;
  auto made = make_container_plan(step, plan, shared);
  if (!made) return tl::unexpected(made.error());
  plan_ = std::move(*made);
  exported_ = step.launch.spec.environment;
  known_file_ = step.settings.job_dir + "/images";
  read_known();
  if (auto scratch = make_scratch(step); !scratch) return scratch;
  auto pipe = base::make_pipe();
  if (!pipe) return tl::unexpected(pipe.error());
  if (auto set = base::set_nonblocking(pipe->first.get()); !set) return set;
  opener_ = group.tree().fork_into(group.name());
  if (opener_ < 0) return tl::unexpected(base::errno_error("fork", errno));
  if (opener_ == 0) {
    run_container_opener({plan_, group.tree(), group.name(), pipe->second.get()});
  }
  report_ = std::move(pipe->first);
  poller_.watch(report_.get(), POLLIN, [this](short) { on_report(); });
  return {};
}

void ContainerBridge::close() {
  if (report_.is_open()) poller_.forget(report_.get());
  report_.reset();
}

void ContainerBridge::fail(const std::string& why) {
  if (ready_ || failed_) return;
  failed_ = true;
  close();
  handlers_.failed(why);
}

void ContainerBridge::on_report() {
  std::array<char, 64U << 10U> buffer;
  while (report_.is_open()) {
    const ssize_t count = ::read(report_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;
    if (count == 0) {
      close();
      if (saver_ < 0) fail("the container's helper ended without a word");
      return;
    }
    bytes_.append(buffer.data(), static_cast<std::size_t>(count));
    take_notes();
  }
}

void ContainerBridge::take_notes() {
  std::uint32_t length = 0;
  while (bytes_.size() >= sizeof length) {
    std::memcpy(&length, bytes_.data(), sizeof length);
    if (length > kMaxContainerNote) return fail("the container's helper talks nonsense");
    if (bytes_.size() - sizeof length < length) return;
    const auto note =
        wire::decode<ContainerNote>(std::string_view(bytes_).substr(sizeof length, length));
    bytes_.erase(0, sizeof length + length);
    if (!note) return fail("the container's helper talks nonsense");
    take(*note);
  }
}

void ContainerBridge::take(const ContainerNote& note) {
  if (saver_ > 0) {
    if (note.kind == ContainerNote::Kind::failed) save_problem_ = note.text.str();
    return;
  }
  switch (note.kind) {
    case ContainerNote::Kind::failed: return fail(note.text.str());
    case ContainerNote::Kind::ready: return now_ready(note);
    case ContainerNote::Kind::image: return image_there(note.record.digest);
    case ContainerNote::Kind::progress: break;
  }
  if (note.text.view() == kImageThere) return;  // it says so itself
  wire::StepProgress progress;
  progress.node = node_;
  progress.phase = note.text;
  progress.done = note.done;
  progress.total = note.total;
  link_.send(progress);
}

// Other nodes may have it from here now. A bundle has no image to tell of.
void ContainerBridge::image_there(const Text& digest) {
  wire::StepProgress progress;
  progress.node = node_;
  progress.phase = Text(kImageThere);
  progress.image_digest = digest;
  progress.spent_us = static_cast<std::uint64_t>(Poller::now_ms() - since_ms_) * 1000;
  last_ = progress;
  link_.send(progress);
  write_known(digest);
}

void ContainerBridge::send_again() {
  if (last_) link_.send(*last_);
}

// All steps of a job mean the same image by a name, whatever happens in the registry meanwhile.
void ContainerBridge::read_known() {
  const auto text = base::read_file(known_file_, kMaxKnown);
  if (!text) return;
  for (const std::string_view line : base::split_nonempty(*text, '\n')) {
    const base::Cut parts = base::cut(line, ' ');
    if (parts.after == plan_.spec.image.view()) plan_.known_digest = parts.before;
  }
}

void ContainerBridge::write_known(const Text& digest) const {
  const std::string_view name = plan_.spec.image.view();
  const bool plain = name.find('\n') == std::string_view::npos && !name.starts_with('/');
  if (digest.empty() || name.empty() || !plain || plan_.known_digest == digest.view()) return;
  const std::string line = fmt::format("{} {}\n", digest.view(), name);
  static_cast<void>(base::append_file(known_file_, line, 0600));
}

// What is mounted from a kept container's folder, or is about to be saved, goes with the processes:
// somebody mounts it anew.
void ContainerBridge::keep_mounts(pid_t holder) {
  if (!plan_.kept.empty() || !plan_.spec.save.empty()) return;
  for (const pid_t pid : {opener_, holder}) {
    const std::string path = fmt::format("/proc/{}/ns/mnt", pid);
    base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.is_open()) mounts_.push_back(std::move(fd));
  }
}

void ContainerBridge::now_ready(const ContainerNote& note) {
  if (ready_ || failed_) return;
  // Whatever process this is: tasks join it as the user, if the kernel lets them.
  holder_.reset(static_cast<int>(::syscall(SYS_pidfd_open, note.holder, 0)));
  if (note.holder <= 1 || !holder_.is_open()) return fail("the container ended at once");
  record_ = note.record;
  ready_ = true;
  keep_mounts(note.holder);
  task_.door = {holder_.get(), plan_.by_pattern ? 0 : plan_.spec.unshare,
                plan_.remap_root && !plan_.by_pattern};
  const Text& image_dir = record_.workdir;
  task_.workdir = !plan_.spec.workdir.empty() ? plan_.spec.workdir.str()
                  : image_dir.empty()         ? std::string("/")
                                              : image_dir.str();
  task_.scratch = plan_.scratch;
  task_.job = plan_.job.value;
  task_.step = worker::step_name(plan_.step);
  task_.root = note.root.str();
  if (plan_.by_pattern) task_.pattern = plan_.settings.run_pattern;
  if (plan_.entrypoint && !record_.entrypoint.empty()) {
    task_.entrypoint_log = plan_.spec.entrypoint_log.str();
    task_.log_runner = kInsidePause;
  }
  close();
  handlers_.ready();
}

void ContainerBridge::complete(TaskPlan& task) const {
  if (!ready_) return;
  merge_container_environment(
      task.environment, {record_.environment, plan_.edits.env, plan_.spec.host_first, exported_});
  if (!plan_.spec.id.empty()) task.environment.set("SLURM_CONTAINER_ID", plan_.spec.id.view());
  task.environment.set("PWD", task_.workdir);
  if (!plan_.entrypoint || task.argv.empty()) return;
  std::vector<std::string> words;
  for (const Text& word : record_.entrypoint) words.push_back(word.str());
  task.entrypoint_words = words.size();
  task.argv.insert(task.argv.begin(), words.begin(), words.end());
}

bool ContainerBridge::start_saver(const StepGroup& group) {
  if (!ready_ || plan_.spec.save.empty() || node_ != 0 || saver_ > 0) return false;
  auto pipe = base::make_pipe();
  if (!pipe || !base::set_nonblocking(pipe->first.get())) return false;
  bytes_.clear();
  saver_ = group.tree().fork_into(group.name());
  if (saver_ < 0) return false;
  if (saver_ == 0) {
    run_container_saver({plan_, group.tree(), group.name(), pipe->second.get()}, record_);
  }
  report_ = std::move(pipe->first);
  poller_.watch(report_.get(), POLLIN, [this](short) { on_report(); });
  return true;
}

void ContainerBridge::stop_saver() {
  if (saver_ > 0) ::kill(saver_, SIGKILL);
}

bool ContainerBridge::ended(pid_t pid, int status) {
  if (pid == opener_) {
    opener_ = -1;
    if (report_.is_open()) on_report();
    return true;
  }
  if (pid != saver_ || pid < 0) return false;
  if (report_.is_open()) on_report();
  close();
  if (status != 0 && save_problem_.empty()) {
    save_problem_ = fmt::format("--container-save {}: interrupted", plan_.spec.save.view());
  }
  saver_ = -1;
  handlers_.saved(save_problem_);
  return true;
}

void ContainerBridge::clean_up() {
  close();
  mounts_.clear();
  if (plan_.scratch.empty()) return;
  const pid_t pid = ::fork();
  if (pid == 0) run_container_cleaner(plan_);
  while (pid > 0 && ::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  ::rmdir(plan_.scratch.c_str());
  plan_.scratch.clear();
}

}  // namespace sluice::stepd
