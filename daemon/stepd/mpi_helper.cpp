// stepd's side of the MPI helper: see the header. The helper's own loop is in mpi_helper_child.cpp.
#include "daemon/stepd/mpi_helper.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "daemon/stepd/mpi_frame.hpp"
#include "daemon/stepd/mpi_helper_child.hpp"

namespace sluice::stepd {
namespace {

// A helper can't make stepd hold more than this of variables.
constexpr std::size_t kMaxEnvironmentEntries = 256;
constexpr std::size_t kReadBytes = 256U << 10U;
constexpr int kReadsInOneTurn = 16;

tl::unexpected<Error> nonsense(std::string_view what) {
  return fail(ErrorCode::protocol, fmt::format("MPI helper: {}", what));
}

Status check(const MpiHelperSpec& spec) {
  const auto bad = [](std::string_view what) {
    return fail(ErrorCode::invalid_argument, fmt::format("MPI step: {}", what));
  };
  if (spec.local_ranks.empty() || spec.task_node.empty()) return bad("no tasks");
  if (spec.node >= spec.node_names.size()) return bad("the node isn't in the step");
  for (const std::uint32_t node : spec.task_node) {
    if (node >= spec.node_names.size()) return bad("a task on a node that isn't in the step");
  }
  for (const std::uint32_t rank : spec.local_ranks) {
    if (rank >= spec.task_node.size() || spec.task_node[rank] != spec.node) {
      return bad("a local task that isn't this node's");
    }
  }
  return {};
}

}  // namespace

Result<MpiPluginFile> mpi_plugin_file(const std::string& plugin_dir, std::string_view mpi) {
  if (mpi.starts_with("pmix")) return MpiPluginFile{plugin_dir + "/mpi_pmix.so", false};
  if (mpi == "pmi2" || mpi == "pmi1" || mpi == "pmi") {
    return MpiPluginFile{plugin_dir + "/mpi_pmi.so", true};
  }
  return fail(ErrorCode::invalid_argument, fmt::format("Invalid MPI type '{}'", mpi));
}

Result<MpiHelper> start_mpi_helper(const MpiHelperSpec& spec) {
  if (auto checked = check(spec); !checked) return tl::unexpected(checked.error());
  auto control = base::make_socket_pair(SOCK_STREAM);
  if (!control) return tl::unexpected(control.error());
  MpiHelper helper;
  helper.ranks_ = spec.local_ranks;
  helper.environment_.resize(spec.local_ranks.size());
  MpiHelperChild child{spec, std::move(control->second), {}, {}};
  for (std::size_t i = 0; spec.plugin.task_sockets && i < spec.local_ranks.size(); ++i) {
    auto pair = base::make_socket_pair(SOCK_STREAM);
    if (!pair) return tl::unexpected(pair.error());
    child.task_numbers.push_back(pair->first.get());
    child.task_sockets.push_back(std::move(pair->second));
    helper.task_fds_.push_back(std::move(pair->first));
  }
  if (auto set = base::set_nonblocking(control->first.get()); !set) {
    return tl::unexpected(set.error());
  }
  const pid_t pid = ::fork();
  if (pid < 0) return tl::unexpected(base::errno_error("forking the MPI helper", errno));
  if (pid == 0) run_mpi_helper_child(child);
  helper.pid_ = pid;
  helper.control_ = std::move(control->first);
  return helper;
}

Result<std::vector<MpiEvent>> MpiHelper::on_readable() {
  if (!control_.is_open()) return fail(ErrorCode::unavailable, "the MPI helper is closed");
  bool ended = false;
  for (int turn = 0; turn < kReadsInOneTurn; ++turn) {
    const std::size_t before = in_.size();
    in_.resize(before + kReadBytes);
    const ssize_t n = ::read(control_.get(), in_.data() + before, kReadBytes);
    const int reason = errno;
    in_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0 && reason == EINTR) continue;
    if (n < 0 && (reason == EAGAIN || reason == EWOULDBLOCK)) break;
    ended = n <= 0;
    if (ended || static_cast<std::size_t>(n) < kReadBytes) break;
  }
  auto events = take_frames();
  // What came before the end is still told; the next call tells of the end.
  if (!events || !events->empty() || !ended) return events;
  return fail(ErrorCode::unavailable, "the MPI helper has ended");
}

Result<std::vector<MpiEvent>> MpiHelper::take_frames() {
  std::vector<MpiEvent> events;
  std::size_t at = 0;
  for (;;) {
    const FrameCut cut = cut_frame(in_, at, kMaxMpiMessage);
    if (cut.too_long) return nonsense("a frame of an impossible length");
    if (!cut.found) break;
    auto event = take(cut.body);
    if (!event) return tl::unexpected(event.error());
    if (event->has_value()) events.push_back(std::move(**event));
    at = cut.end;
  }
  in_.erase(0, at);
  return events;
}

Result<std::optional<MpiEvent>> MpiHelper::take(std::string_view frame) {
  FrameReader in(frame);
  MpiEvent event;
  switch (in.type()) {
    case MpiFrame::environment: {
      const std::uint32_t local = in.u32();
      const std::string_view entry = in.text();
      if (!in.complete() || local >= environment_.size() ||
          entry.find('\0') != std::string_view::npos ||
          environment_[local].size() >= kMaxEnvironmentEntries) {
        return nonsense("a variable that can't be");
      }
      environment_[local].emplace_back(entry);
      return std::optional<MpiEvent>();
    }
    case MpiFrame::ready: event.kind = MpiEvent::Kind::ready; break;
    case MpiFrame::failed:
      event.kind = MpiEvent::Kind::failed;
      event.text = in.text();
      break;
    case MpiFrame::fence:
      event.kind = MpiEvent::Kind::fence;
      event.id = in.u64();
      event.blob = in.text();
      break;
    case MpiFrame::direct:
      event.kind = MpiEvent::Kind::direct;
      event.node = in.u32();
      event.blob = in.text();
      break;
    case MpiFrame::abort:
      event.kind = MpiEvent::Kind::abort;
      event.rank = in.u32();
      event.code = static_cast<std::int32_t>(in.u32());
      event.text = in.text();
      break;
    case MpiFrame::initialized:
    case MpiFrame::finalized:
      event.kind = in.type() == MpiFrame::finalized ? MpiEvent::Kind::finalized
                                                    : MpiEvent::Kind::initialized;
      event.rank = in.u32();
      if (std::find(ranks_.begin(), ranks_.end(), event.rank) == ranks_.end()) {
        return nonsense("a rank of another node");
      }
      break;
    case MpiFrame::problem:
      event.kind = MpiEvent::Kind::problem;
      event.text = in.text();
      break;
    case MpiFrame::fence_done:
    case MpiFrame::task_ended:
    default: return nonsense("a frame of an unknown type");
  }
  if (!in.complete()) return nonsense("a frame that is too short or too long");
  return event;
}

Status MpiHelper::on_writable() {
  while (written_ < out_.size()) {
    const ssize_t n =
        ::send(control_.get(), out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    if (n < 0) return fail(ErrorCode::unavailable, "the MPI helper has ended");
    written_ += static_cast<std::size_t>(n);
  }
  out_.clear();
  written_ = 0;
  return {};
}

void MpiHelper::fence_done(std::uint64_t id, std::span<const std::string> parts) {
  FrameWriter frame(MpiFrame::fence_done);
  frame.u64(id).u32(static_cast<std::uint32_t>(parts.size()));
  for (const std::string& part : parts) frame.text(part);
  out_ += frame.finish();
}

void MpiHelper::direct(std::uint32_t from, std::string_view blob) {
  out_ += FrameWriter(MpiFrame::direct).u32(from).text(blob).finish();
}

void MpiHelper::task_ended(std::uint32_t rank) {
  out_ += FrameWriter(MpiFrame::task_ended).u32(rank).finish();
}

}  // namespace sluice::stepd
