// See the header. The order in the opener is what security rests on: first all descriptors but its
// own are closed, then it is the user, and only then does it look at anything that a user named.
#include "daemon/stepd/container_child.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fmt/core.h>

#include "base/file.hpp"
#include "base/strings.hpp"
#include "daemon/stepd/container_bundle.hpp"
#include "daemon/stepd/container_enter.hpp"
#include "daemon/stepd/container_image.hpp"
#include "daemon/stepd/container_kept.hpp"
#include "daemon/stepd/container_root.hpp"
#include "daemon/stepd/container_runtime.hpp"
#include "daemon/stepd/task_child.hpp"
#include "daemon/stepd/user_namespace.hpp"
#include "wire/codec.hpp"

namespace sluice::stepd {
namespace {

constexpr int kExitIdentity = 120;

// The child of a fork becomes the user's process, with one descriptor beside 0, 1 and 2.
void become(const ContainerPlan& plan, int keep) {
  reset_child_signals();
  ::setsid();
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int stream : {0, 1, 2}) ::dup2(null, stream);
  if (keep > 3) ::close_range(3, static_cast<unsigned>(keep) - 1, 0);
  ::close_range(keep < 3 ? 3U : static_cast<unsigned>(keep) + 1, ~0U, 0);
  if (plan.change_user) auth::become_user_or_exit(plan.user, kExitIdentity);
  ::umask(022);
  if (::chdir("/") != 0) ::_exit(1);
}

void send_note(int fd, const ContainerNote& note) {
  const std::string body = wire::encode(note);
  const auto length = static_cast<std::uint32_t>(body.size());
  std::string frame(sizeof length, '\0');
  std::memcpy(frame.data(), &length, sizeof length);
  static_cast<void>(base::write_all(fd, frame + body));
}

[[noreturn]] void fail_work(int fd, const std::string& why) {
  ContainerNote note;
  note.kind = ContainerNote::Kind::failed;
  note.text = Text(why);
  send_note(fd, note);
  ::_exit(1);
}

class Opener {
 public:
  explicit Opener(const ContainerWork& work)
      : plan_(work.plan), report_(work.report), runtime_(plan_) {}
  [[nodiscard]] Status open();
  [[noreturn]] void hold();

 private:
  [[nodiscard]] Result<bool> join_running();
  [[nodiscard]] Status find_image();
  void tell_image();
  [[nodiscard]] Status separate();
  [[nodiscard]] Status make_root();
  [[nodiscard]] Status run_runtime();
  [[nodiscard]] Status read_holder();
  [[nodiscard]] Status rename_user();
  void tell_ready();

  ContainerPlan plan_;
  int report_;
  RuntimeRun runtime_;
  std::optional<KeptContainer> kept_;
  image::ImageRecord record_;
  RuntimeConfig config_;
  std::string root_;
  pid_t holder_ = -1;
  bool joined_ = false;
};

// True: it ran already, and we are in it now.
Result<bool> Opener::join_running() {
  auto kept = KeptContainer::open(plan_);
  if (!kept) return tl::unexpected(kept.error());
  kept_.emplace(std::move(*kept));
  auto record = kept_->record();
  if (!record) return tl::unexpected(record.error());
  if (!*record) return false;
  record_ = std::move(**record);
  const auto pid = kept_->running(plan_);
  if (!pid) return tl::unexpected(pid.error());
  if (!*pid) return false;
  const base::UniqueFd other(static_cast<int>(::syscall(SYS_pidfd_open, **pid, 0)));
  // Gone in this moment: then nobody holds it.
  if (!other.is_open()) return false;
  ::prctl(PR_SET_DUMPABLE, 1);
  const ContainerDoor door{other.get(), plan_.spec.unshare, plan_.remap_root};
  // By its number it can still be found from outside; the file is written before the doors close.
  if (auto added = kept_->add_running(plan_, ::getpid()); !added) {
    return tl::unexpected(added.error());
  }
  if (auto joined = join_container(door); !joined) return tl::unexpected(joined.error());
  joined_ = true;
  holder_ = ::getpid();
  root_ = plan_.scratch + "/root";
  return true;
}

Status Opener::find_image() {
  if (!plan_.spec.bundle.empty()) return {};
  if (!record_.layers.empty()) return lock_image(plan_, record_.digest.view());
  if (plan_.spec.image.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no container named '{}' on node {}; --container-image says "
                            "what to make it of",
                            plan_.spec.name.view(), plan_.node));
  }
  auto record =
      prepare_image(plan_, [this](std::string_view phase, std::uint64_t done, std::uint64_t total) {
        ContainerNote note;
        note.text = Text(phase);
        note.done = done;
        note.total = total;
        send_note(report_, note);
      });
  if (!record) return tl::unexpected(record.error());
  record_ = std::move(*record);
  return kept_ ? kept_->write_record(record_) : Status{};
}

Status Opener::separate() {
  const uid_t uid = plan_.by_pattern ? plan_.user.uid : 0;
  const gid_t gid = plan_.by_pattern ? plan_.user.gid : 0;
  if (auto entered = enter_user_namespace(uid, gid); !entered) return entered;
  if (auto covered = cover_scratch(plan_); !covered) return covered;
  return runtime_.begin();
}

Status Opener::make_root() {
  if (!plan_.spec.bundle.empty()) {
    auto bundle = open_bundle(plan_);
    if (!bundle) return tl::unexpected(bundle.error());
    if (auto separated = separate(); !separated) return separated;
    auto used = use_bundle(plan_, *bundle, config_, record_);
    if (!used) return tl::unexpected(used.error());
    root_ = std::move(*used);
    return {};
  }
  if (auto separated = separate(); !separated) return separated;
  const UpperPlace place = upper_place(plan_);
  std::vector<std::string> layers = layer_paths(plan_, record_);
  const std::string skeleton = skeleton_layer(plan_.settings.image_home);
  if (!skeleton.empty() && !plan_.by_pattern) layers.insert(layers.begin(), skeleton);
  auto root = mount_overlay({plan_.scratch, layers, place.upper, place.work});
  if (!root) return tl::unexpected(root.error());
  root_ = std::move(*root);
  return {};
}

// runc wants a root in the container. Where the user is to be somebody else, it is in a namespace
// below the container's, which we hold ourselves.
Status Opener::rename_user() {
  const base::UniqueFd container(static_cast<int>(::syscall(SYS_pidfd_open, holder_, 0)));
  if (!container.is_open()) return fail(ErrorCode::failure, "the container ended at once");
  // From inside its folder can't be seen.
  if (kept_) {
    if (auto added = kept_->add_running(plan_, ::getpid()); !added) return added;
  }
  int kinds = CLONE_NEWNS;
  if ((plan_.spec.unshare & model::kUnshareNet) != 0) kinds |= CLONE_NEWNET;
  if ((plan_.spec.unshare & model::kUnshareIpc) != 0) kinds |= CLONE_NEWIPC;
  if ((plan_.spec.unshare & model::kUnshareUts) != 0) kinds |= CLONE_NEWUTS;
  if (::setns(container.get(), kinds) != 0) {
    return tl::unexpected(base::errno_error("entering the container", errno));
  }
  if (auto entered = enter_user_namespace(plan_.user.uid, plan_.user.gid); !entered) return entered;
  joined_ = true;
  holder_ = ::getpid();
  return {};
}

Status Opener::run_runtime() {
  config_.inner_user = runtime_.is_crun();
  if (auto filled = fill_config(plan_, root_, config_); !filled) return filled;
  if (!config_.inner_user) config_.uid = config_.gid = 0;
  // An image's working directory is made where the image forgot it; the user's own must be there.
  if (!plan_.by_pattern && plan_.spec.workdir.empty() && !record_.workdir.empty()) {
    static_cast<void>(make_folder_inside(root_, record_.workdir.str()));
  }
  if (auto ran = runtime_.finish(runtime_config(config_)); !ran) return ran;
  if (plan_.by_pattern) return {};
  if (auto read = read_holder(); !read) return read;
  return runtime_.is_crun() || plan_.remap_root ? Status{} : rename_user();
}

Status Opener::read_holder() {
  const auto text = base::read_file(plan_.scratch + "/pid", 64);
  if (!text) return tl::unexpected(text.error());
  const std::string_view digits = base::trim(*text);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), holder_);
  if (error != std::errc() || holder_ <= 1) {
    return fail(ErrorCode::protocol, "the container runtime left no process id");
  }
  return {};
}

void Opener::tell_image() {
  ContainerNote note;
  note.kind = ContainerNote::Kind::image;
  note.record.digest = record_.digest;
  send_note(report_, note);
}

void Opener::tell_ready() {
  ContainerNote note;
  note.kind = ContainerNote::Kind::ready;
  note.holder = holder_;
  note.record = record_;
  note.root = Text(root_);
  send_note(report_, note);
}

Status Opener::open() {
  if (!plan_.kept.empty()) {
    const auto ran = join_running();
    if (!ran) return tl::unexpected(ran.error());
    if (*ran) {
      tell_image();
      tell_ready();
      return {};
    }
  }
  if (auto found = find_image(); !found) return found;
  tell_image();
  if (auto made = make_root(); !made) return made;
  if (auto ran = run_runtime(); !ran) return ran;
  if (plan_.by_pattern) holder_ = ::getpid();
  if (kept_ && !joined_) {
    if (auto added = kept_->add_running(plan_, holder_); !added) return added;
  }
  tell_ready();
  return {};
}

// What is left of us is small.
void Opener::hold() {
  const bool inside = joined_ && !plan_.by_pattern;
  std::string program = inside ? kInsidePause : plan_.pause_program;
  std::string name = "sluice-pause";
  char* argv[] = {name.data(), nullptr};
  char* environment[] = {nullptr};
  ::execve(program.c_str(), argv, environment);
  ::_exit(1);
}

// The image's variables, in the files that enroot (and our own importer) reads them from.
Status write_start_files(const ContainerPlan& plan, const image::ImageRecord& record) {
  const std::string folder = plan.scratch + "/start/etc";
  if (auto made = base::make_directories(folder); !made) return made;
  std::string variables;
  for (const Text& entry : record.environment) {
    if (entry.view().find('\n') == std::string_view::npos) variables += entry.str() + '\n';
  }
  if (auto written = base::write_file_atomic(folder + "/environment", variables); !written) {
    return written;
  }
  const std::string workdir = record.workdir.empty() ? "/" : record.workdir.str();
  std::string words;
  for (const Text& word : record.entrypoint) words += base::shell_quote(word.view()) + ' ';
  const std::string script =
      fmt::format("mkdir -p {0} 2> /dev/null\ncd {0} && unset OLDPWD || exit 1\n\nexec {1}\"$@\"\n",
                  base::shell_quote(workdir), words);
  return base::write_file_atomic(folder + "/rc", script, {.mode = 0755});
}

Status save(const ContainerPlan& plan, const image::ImageRecord& record) {
  if (auto entered = enter_user_namespace(0, 0); !entered) return entered;
  if (auto written = write_start_files(plan, record); !written) return written;
  OverlayPlan overlay;
  overlay.folder = plan.scratch + "/save";
  if (::mkdir(overlay.folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return tl::unexpected(base::errno_error(overlay.folder, errno));
  }
  overlay.layers = layer_paths(plan, record);
  overlay.layers.push_back(upper_place(plan).upper);
  overlay.layers.push_back(plan.scratch + "/start");
  auto root = mount_overlay(overlay);
  if (!root) return tl::unexpected(root.error());
  const std::string target = plan.spec.save.str();
  const std::string partial = fmt::format("{}.{}.partial", target, plan.id);
  QuietRun run;
  run.argv = {"/usr/bin/mksquashfs", *root, partial,     "-noappend", "-no-progress", "-quiet",
              "-all-root",           "-e",  "run/sluice"};
  run.environment = {"PATH=/usr/bin:/bin"};
  run.folder = "/";
  auto ran = run_quietly(run);
  if (ran && ::rename(partial.c_str(), target.c_str()) != 0) {
    ran = tl::unexpected(base::errno_error(target, errno));
  }
  if (!ran) ::unlink(partial.c_str());
  return ran;
}

}  // namespace

UpperPlace upper_place(const ContainerPlan& plan) {
  if (!plan.upper.empty()) return {plan.upper, plan.working};
  if (plan.kept.empty()) return {plan.scratch + "/upper", plan.scratch + "/working"};
  const std::string folder =
      fmt::format("{}/{}/{}", plan.settings.image_home, image::kContainerFolder, plan.kept);
  return {folder + "/upper", folder + "/working"};
}

std::vector<std::string> layer_paths(const ContainerPlan& plan, const image::ImageRecord& record) {
  std::vector<std::string> paths;
  for (const Text& layer : record.layers) {
    const std::string name = layer.str().substr(layer.view().find(':') + 1);
    paths.push_back(fmt::format("{}/{}/{}", plan.settings.image_home, image::kLayerFolder, name));
  }
  return paths;
}

void run_container_opener(const ContainerWork& work) {
  if (auto joined = work.tree.attach(work.group, 0); !joined) {
    fail_work(work.report, joined.error().text);
  }
  become(work.plan, work.report);
  ::prctl(PR_SET_NAME, "sluice-open");
  std::string problem;
  {
    Opener opener(work);
    const Status opened = opener.open();
    if (opened) opener.hold();
    problem = opened.error().text;
  }
  fail_work(work.report, problem);
}

void run_container_saver(const ContainerWork& work, const image::ImageRecord& record) {
  if (auto joined = work.tree.attach(work.group, 0); !joined) {
    fail_work(work.report, joined.error().text);
  }
  become(work.plan, work.report);
  if (auto saved = save(work.plan, record); !saved) {
    fail_work(work.report, fmt::format("--container-save {}: {}", work.plan.spec.save.view(),
                                       saved.error().text));
  }
  ::_exit(0);
}

void run_container_cleaner(const ContainerPlan& plan) {
  become(plan, 2);
  ::_exit(empty_own_folder(plan.scratch) ? 0 : 1);
}

}  // namespace sluice::stepd
