// See the header.
#include "daemon/stepd/mpi_bridge.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "base/uid_text.hpp"
#include "daemon/stepd/container_plan.hpp"
#include "net/client/frame.hpp"

namespace sluice::stepd {
namespace {

// Unix sockets are made in the folder, and their names must be short.
constexpr std::size_t kLongestParent = 60;
// A frame must hold it; other nodes' parts come back in one frame too.
constexpr std::size_t kMaxPart = net::kMaxPayload / 2;

// Several nodes of the step at one address are on one host.
bool shares_host(const wire::StepLayout& layout, std::uint32_t node) {
  const Text& own = layout.nodes[node].address;
  return std::count_if(layout.nodes.begin(), layout.nodes.end(),
                       [&](const wire::StepNode& other) { return other.address == own; }) > 1;
}

MpiHelperSpec helper_spec(const StepView& step, const StepPlan& plan) {
  const wire::StepLayout& layout = step.launch.layout;
  MpiHelperSpec spec;
  // One world over all components: named by what all of them know.
  const auto& portions = step.launch.portions;
  const model::Job& job = portions.empty() ? step.job() : portions.front().job;
  spec.job_id = job.het_job.is_set() ? job.het_job.value : job.id.value;
  spec.step_id = layout.step;
  spec.unique_job = fmt::format("{}.{}", base::uid_text(job.uid), job.attempt);
  spec.uid = plan.user.uid;
  spec.gid = plan.user.gid;
  if (!plan.change_user) {
    spec.uid = ::geteuid();
    spec.gid = ::getegid();
  }
  spec.groups = plan.user.groups;
  spec.ranks_are_root = is_root_inside(step);
  spec.node = step.launch.first;
  spec.task_node.assign(layout.tasks, 0);
  for (std::uint32_t i = 0; i < layout.nodes.size(); ++i) {
    spec.node_names.push_back(layout.nodes[i].name.str());
    for (const std::uint32_t task : layout.nodes[i].tasks) {
      if (task < layout.tasks) spec.task_node[task] = i;
    }
  }
  spec.local_ranks = step.node().tasks;
  std::sort(spec.local_ranks.begin(), spec.local_ranks.end());
  if (step.job().allocation) spec.universe = step.job().allocation->cpus;
  std::uint32_t cpus = 0;  // of all components of the step
  for (const wire::StepPortion& portion : step.launch.portions) {
    if (portion.count != 0 && portion.job.allocation) cpus += portion.job.allocation->cpus;
  }
  spec.universe = std::max(spec.universe, cpus);
  spec.shared_host = shares_host(layout, step.launch.first);
  return spec;
}

}  // namespace

std::string mpi_of_step(const StepView& step) {
  const model::StepSpec& spec = step.launch.spec;
  if (step.is_batch() || spec.external_launcher) return {};
  const std::string mpi = spec.mpi.empty() ? step.settings.mpi_default : spec.mpi.str();
  return mpi == "none" ? std::string() : mpi;
}

MpiBridge::~MpiBridge() { close(); }

Status MpiBridge::make_folder(const StepView& step, const StepPlan& plan) {
  owns_parent_ = step.settings.job_dir.size() <= kLongestParent;
  const std::string parent = owns_parent_ ? step.settings.job_dir : step.settings.tmp_dir;
  std::string path = parent + "/mpi.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return tl::unexpected(base::errno_error(parent, errno));
  folder_ = path;
  // Until now it is ours alone, so the path leads to it.
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.is_open()) return tl::unexpected(base::errno_error(path, errno));
  if (plan.change_user && ::fchown(fd.get(), plan.user.uid, plan.user.gid) != 0) {
    return tl::unexpected(base::errno_error(path, errno));
  }
  return {};
}

Status MpiBridge::start(const StepView& step, const StepPlan& plan, const std::string& mpi) {
  auto plugin = mpi_plugin_file(step.settings.plugin_dir, mpi);
  if (!plugin) return tl::unexpected(plugin.error());
  if (auto made = make_folder(step, plan); !made) return made;
  MpiHelperSpec spec = helper_spec(step, plan);
  spec.plugin = std::move(*plugin);
  spec.directory = folder_;
  node_ = spec.node;
  nodes_ = static_cast<std::uint32_t>(spec.node_names.size());
  auto helper = start_mpi_helper(spec);
  if (!helper) return tl::unexpected(helper.error());
  helper_.emplace(std::move(*helper));
  open_ = true;
  poller_.watch(helper_->fd(), POLLIN, [this](short events) { on_helper(events); });
  return {};
}

std::vector<std::string> MpiBridge::environment(std::size_t local) const {
  return helper_ ? helper_->environment(local) : std::vector<std::string>();
}

int MpiBridge::task_fd(std::size_t local) const { return helper_ ? helper_->task_fd(local) : -1; }

void MpiBridge::tasks_started() {
  if (helper_) helper_->close_task_fds();
}

void MpiBridge::on_helper(short events) {
  if ((events & POLLOUT) != 0) static_cast<void>(helper_->on_writable());
  if ((events & ~POLLOUT) != 0) {
    auto got = helper_->on_readable();
    if (!got) {
      const std::string why = got.error().text;
      close();
      if (!ready_) return handlers_.failed(why);
      return handlers_.abort(1, why);
    }
    for (const MpiEvent& event : *got) {
      handle(event);
      if (!open_) return;
    }
  }
  update();
}

void MpiBridge::update() {
  if (!open_) return;
  if (helper_->wants_write()) static_cast<void>(helper_->on_writable());
  const int events = helper_->wants_write() ? POLLIN | POLLOUT : POLLIN;
  poller_.change(helper_->fd(), static_cast<short>(events));
}

void MpiBridge::handle(const MpiEvent& event) {
  switch (event.kind) {
    case MpiEvent::Kind::ready: ready_ = true; return handlers_.ready();
    case MpiEvent::Kind::failed: close(); return handlers_.failed(event.text);
    case MpiEvent::Kind::fence: return send_fence(event.id, event.blob);
    case MpiEvent::Kind::direct: return send_direct(event);
    case MpiEvent::Kind::abort: {
      // Code 0 is no reason to end a step; an exit code has eight bits.
      const auto code = static_cast<std::uint32_t>(event.code) & 0xffU;
      return handlers_.abort(code == 0 ? 1 : code, event.text);
    }
    case MpiEvent::Kind::initialized: in_mpi_.insert(event.rank); return;
    case MpiEvent::Kind::finalized: in_mpi_.erase(event.rank); return;
    case MpiEvent::Kind::problem: return handlers_.problem(event.text);
  }
}

void MpiBridge::send_fence(std::uint64_t id, const std::string& blob) {
  if (nodes_ == 1) {
    helper_->fence_done(id, std::span(&blob, 1));
    return;
  }
  if (blob.size() > kMaxPart) return handlers_.abort(1, "the data of an MPI fence is too large");
  fences_[id] = blob;
  wire::Fence fence;
  fence.number = id;
  fence.expected = nodes_;
  fence.parts.push_back({node_, blob});
  link_.send(fence);
}

void MpiBridge::send_direct(const MpiEvent& event) {
  if (event.node >= nodes_) return;
  if (event.node == node_) {
    helper_->direct(node_, event.blob);
    return;
  }
  if (event.blob.size() > kMaxPart) return handlers_.abort(1, "an MPI message is too large");
  wire::Direct message;
  message.from = node_;
  message.to = event.node;
  message.data = event.blob;
  link_.send(message);
}

void MpiBridge::fence_done(const wire::FenceDone& done) {
  if (fences_.erase(done.number) == 0 || !open_) return;
  std::vector<std::string> parts(nodes_);
  for (const wire::FencePart& part : done.parts) {
    if (part.node < nodes_) parts[part.node] = part.data;
  }
  helper_->fence_done(done.number, parts);
  update();
}

void MpiBridge::direct(const wire::Direct& message) {
  if (!open_ || message.to != node_) return;
  helper_->direct(message.from, message.data);
  update();
}

void MpiBridge::send_again() {
  const std::map<std::uint64_t, std::string> open = fences_;
  for (const auto& [id, blob] : open) send_fence(id, blob);
}

void MpiBridge::task_ended(std::uint32_t rank) {
  if (!open_) return;
  helper_->task_ended(rank);
  update();
}

// The helper says that a task leaves before the task can end, but the end may be seen first.
bool MpiBridge::left_early(std::uint32_t rank) {
  if (open_ && in_mpi_.contains(rank)) on_helper(POLLIN);
  return in_mpi_.contains(rank);
}

void MpiBridge::close() {
  if (!open_) return;
  open_ = false;
  poller_.forget(helper_->fd());
  helper_->close();
}

}  // namespace sluice::stepd
