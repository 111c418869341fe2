// The agent's stepds: starting them (by the nursery) with one end of a socket pair, and finding
// those of a former daemon.
#include <sys/socket.h>

#include "base/file.hpp"
#include "base/log/log.hpp"
#include "daemon/worker/agent.hpp"

namespace sluice::worker {

namespace {

constexpr std::int64_t kAdoptMs = 3'000;
constexpr std::int64_t kGroupsMs = 60'000;

}  // namespace

Result<base::UniqueFd> Agent::hatch_stepd(const std::string& step_dir) {
  Result<base::FdPair> pair = base::make_socket_pair(SOCK_STREAM);
  if (!pair) return tl::unexpected(pair.error());
  if (!nursery_) nursery_ = std::make_unique<stepd::Nursery>(config_.stepd, config_.dir);
  if (Status asked = nursery_->hatch(step_dir, pair->second); !asked) {
    return tl::unexpected(asked.error());
  }
  return std::move(pair->first);
}

StepdId Agent::start_stepd(const JobOnHost& job, wire::LaunchStep launch) {
  const StepdId id = next_stepd_++;
  Stepd& stepd = stepds_[id];
  turn_end();
  const StepNumber step = launch.layout.step;
  // A start that can't be remembered could happen twice.
  Status made = ledger_failed_ ? fail(ErrorCode::storage, "the node's spool can't be written")
                               : host_->make_step_dir(job, step);
  Result<base::UniqueFd> fd = fail(ErrorCode::failure);
  if (made) fd = hatch_stepd(host_->step_dir(job, step));
  if (!made || !fd) {
    log::error("job {}: {}", job.job->id.value, made ? fd.error().text : made.error().text);
    loop_.post([this, id] { stepd_closed(id); });
    return id;
  }
  launch.gids = job.gids.empty() ? groups_of(job.uid(), job.job->spec->gid) : job.gids;
  host_->complete(job, launch, containers_->settings_for(job, launch));
  auto stream = net::make_stream(loop_, std::move(*fd));
  if (!stream) {
    loop_.post([this, id] { stepd_closed(id); });
    return id;
  }
  connect_stepd(id, std::move(*stream));
  stepd.channel->send(
      {static_cast<std::uint16_t>(wire::LaunchStep::kType), 0, wire::encode(launch)});
  return id;
}

bool Agent::step_began(const JobOnHost& job, StepNumber step) const {
  return base::file_exists(host_->step_dir(job, step) + "/" + kStepdSocket);
}

StepdId Agent::adopt_stepd(const JobOnHost& job, StepNumber step) {
  const StepdId id = next_stepd_++;
  Stepd& stepd = stepds_[id];
  const std::string path = host_->step_dir(job, step) + "/" + kStepdSocket;
  stepd.connecting = net::connect_unix(loop_, path, kAdoptMs, [this, id](auto stream) {
    if (!stream) return stepd_closed(id);
    connect_stepd(id, std::move(*stream));
    Stepd& found = stepds_.at(id);
    for (const net::Frame& frame : found.waiting) found.channel->send(frame);
    found.waiting.clear();
  });
  return id;
}

void Agent::connect_stepd(StepdId id, std::unique_ptr<net::Stream> stream) {
  Stepd& stepd = stepds_.at(id);
  stepd.connecting.reset();
  stepd.channel = net::make_channel(loop_, std::move(stream), net::kMaxPayload);
  stepd.channel->on_frame([this, id](const net::Frame& frame) {
    service_->on_stepd_frame(id, static_cast<wire::MessageType>(frame.type), frame.payload);
  });
  stepd.channel->on_close([this, id](const Error&) { stepd_closed(id); });
  stepd.channel->resume();
}

void Agent::stepd_closed(StepdId id) {
  const auto found = stepds_.find(id);
  if (found == stepds_.end()) return;
  stepds_.erase(found);
  service_->on_stepd_closed(id);
}

void Agent::send_stepd(StepdId id, wire::MessageType type, std::string payload) {
  const auto found = stepds_.find(id);
  if (found == stepds_.end()) return;
  net::Frame frame{static_cast<std::uint16_t>(type), 0, std::move(payload)};
  if (found->second.channel) {
    found->second.channel->send(frame);
  } else {
    found->second.waiting.push_back(std::move(frame));
  }
}

void Agent::close_stepd(StepdId id) {
  const auto found = stepds_.find(id);
  if (found == stepds_.end()) return;
  if (!found->second.channel) {
    stepds_.erase(found);
  } else {
    found->second.channel->finish();  // stepd_closed() follows
  }
}

const std::vector<std::uint32_t>& Agent::groups_of(std::uint32_t uid, std::uint32_t gid) {
  Groups& groups = groups_[(std::uint64_t{uid} << 32U) | gid];
  const std::int64_t now_ms = loop_.now_ms();
  if (now_ms >= groups.until_ms) {
    const auth::UserIdentity user = auth::resolve_user_or_bare(uid, gid);
    groups.gids.assign(user.groups.begin(), user.groups.end());
    groups.until_ms = now_ms + kGroupsMs;
  }
  return groups.gids;
}

}  // namespace sluice::worker
