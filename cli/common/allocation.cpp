// See allocation.hpp.
#include "cli/common/allocation.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "base/entropy.hpp"

namespace sluice::cli {

namespace {

constexpr std::int64_t kLookMs = 100;

}  // namespace

Result<Allocation> Allocation::request(const Sockets& sockets, const wire::Submit& request) {
  Client client(sockets);
  Result<wire::SubmitReply> reply = client.call<wire::SubmitReply>(request);
  if (!reply) return tl::unexpected(as_seen_by_user(reply.error()));
  return Allocation(sockets, *reply);
}

Result<Allocation> Allocation::request(const Sockets& sockets,
                                       const wire::SubmitHeterogeneous& request) {
  Client client(sockets);
  Result<wire::SubmitReply> reply = client.call<wire::SubmitReply>(request);
  if (!reply) return tl::unexpected(as_seen_by_user(reply.error()));
  return Allocation(sockets, *reply);
}

Status Allocation::own(bool started) {
  Client client(sockets_);
  Result<Session> session = client.session(started ? kRetryMs : 0);
  if (!session) return tl::unexpected(session.error());
  wire::WaitJob wait;
  wait.job = job_;
  wait.started = started;
  wait.ended = !started;
  wait.owned = true;
  if (Status sent = session->send(wait); !sent) return sent;
  session_.emplace(std::move(*session));
  return {};
}

Result<model::Job> Allocation::wait_ready(std::int64_t timeout_ms,
                                          const std::function<bool()>& interrupted) {
  const auto start = static_cast<std::int64_t>(base::monotonic_ms());
  while (true) {
    if (!session_) {
      if (Status owned = own(true); !owned) return tl::unexpected(as_seen_by_user(owned.error()));
    }
    const auto waited = static_cast<std::int64_t>(base::monotonic_ms()) - start;
    if (timeout_ms >= 0 && waited >= timeout_ms) return fail(ErrorCode::busy);
    const std::int64_t slice = timeout_ms < 0 ? kLookMs : std::min(kLookMs, timeout_ms - waited);
    Result<std::optional<net::Frame>> frame = session_->link().receive(slice);
    if (interrupted()) return fail(ErrorCode::interrupted);
    if (!frame) {
      session_.reset();  // the controller restarts: ask again
      continue;
    }
    if (!*frame || take_notice(**frame)) continue;
    if ((*frame)->type == static_cast<std::uint16_t>(wire::ErrorReply::kType)) {
      const auto error = wire::decode<wire::ErrorReply>((*frame)->payload);
      if (!error) return tl::unexpected(error.error());
      return fail(error->code, error->text.str());
    }
    Result<wire::WaitJobReply> reply = wire::decode<wire::WaitJobReply>((*frame)->payload);
    if (!reply) return tl::unexpected(reply.error());
    ended_ = model::is_finished(reply->job.state);
    if (!ended_) {
      wire::WaitJob wait;
      wait.job = job_;
      wait.ended = true;
      wait.owned = true;
      if (Status sent = session_->send(wait); !sent) session_.reset();
    }
    return std::move(reply->job);
  }
}

// `scontrol notify`: words for whoever sits at the terminal.
bool Allocation::take_notice(const net::Frame& frame) {
  if (frame.type != static_cast<std::uint16_t>(wire::JobNotice::kType)) return false;
  const auto notice = wire::decode<wire::JobNotice>(frame.payload);
  if (notice && on_notice_) on_notice_(notice->text);
  return true;
}

bool Allocation::attend() {
  if (ended_) return true;
  if (!session_) {
    if (!own(false)) return false;  // the controller is away: later
  }
  while (session_) {
    Result<std::optional<net::Frame>> frame = session_->link().try_receive();
    if (!frame) {
      session_.reset();
    } else if (!*frame) {
      break;
    } else if (!take_notice(**frame)) {
      ended_ = true;  // the answer to "ended", or the job is unknown by now
      return true;
    }
  }
  return false;
}

Status Allocation::disown() {
  if (!session_) {
    if (Status owned = own(false); !owned) return owned;
  }
  wire::WaitJob wait;
  wait.job = job_;
  wait.ended = true;
  return session_->send(wait);
}

Status Allocation::complete(std::uint32_t status) {
  session_.reset();
  Client client(sockets_);
  wire::JobAction action;
  action.request_id = base::random_uid();
  action.verb = model::JobVerb::complete;
  action.filter.jobs.push_back({job_, {}, model::kNoTask});
  action.exit_code = status;
  const auto reply = client.call<wire::JobActionReply>(action);
  if (!reply) return tl::unexpected(as_seen_by_user(reply.error()));
  return {};
}

Status Allocation::cancel() {
  session_.reset();
  Client client(sockets_);
  wire::JobAction action;
  action.request_id = base::random_uid();
  action.verb = model::JobVerb::cancel;
  action.filter.jobs.push_back({job_, {}, model::kNoTask});
  const auto reply = client.call<wire::JobActionReply>(action);
  if (!reply) return tl::unexpected(as_seen_by_user(reply.error()));
  return {};
}

}  // namespace sluice::cli
