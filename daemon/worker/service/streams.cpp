// Conversations: users' sessions (the kernel or a trusted host said who) and other agents' streams.
// A session's first frame says what it wants; from then on it belongs to a step.
//
// Who may what: a step of a job is for the job's user, root and the daemon's own user. A LaunchStep
// is taken only from an agent of a node that the controller made part of the same job; and what the
// controller said of the job counts, not what the message says.
#include <algorithm>

#include "daemon/worker/service/service.hpp"

namespace sluice::worker {

namespace {

Error plain(ErrorCode code) { return {code, std::string(error_text(code))}; }

}  // namespace

void Service::stream_opened(StreamId stream, const auth::Peer& peer, bool from_agent) {
  StreamState state;
  state.peer = peer;
  state.from_agent = from_agent;
  context_.streams[stream] = state;
}

void Service::on_stream_frame(StreamId stream, const StreamMessage& frame) {
  StreamState* state = context_.stream(stream);
  if (state == nullptr) return;
  const wire::MessageType type = frame.type;
  const StepKey key = state->step;
  switch (state->role) {
    case StreamRole::fresh: return on_request(stream, *state, frame);
    case StreamRole::waiting:
      if (type == wire::MessageType::step_request) on_request(stream, *state, frame);
      return;
    case StreamRole::owner: return manager_.owner_frame(key, type, frame.payload);
    case StreamRole::reader: return;
    case StreamRole::parked: return jobs_.parked_frame(stream, type, frame.payload);
    case StreamRole::image: return images_.frame(stream, type, frame.payload);
    case StreamRole::child: return tree_.on_child_frame(key, type, frame.payload);
    case StreamRole::parent: return on_parent_frame(key, frame);
  }
}

void Service::on_stream_closed(StreamId stream) {
  const auto found = context_.streams.find(stream);
  if (found == context_.streams.end()) return;
  const StreamState state = found->second;
  context_.streams.erase(found);
  switch (state.role) {
    case StreamRole::fresh: return;
    case StreamRole::waiting: return manager_.waiter_closed(state.step.attempt, stream);
    case StreamRole::owner: return manager_.owner_closed(state.step, stream);
    case StreamRole::reader: return manager_.reader_closed(state.step, stream);
    case StreamRole::parked: return jobs_.stream_closed(stream);
    case StreamRole::image: return images_.closed(stream);
    case StreamRole::child: return tree_.on_child_closed(state.step, stream);
    case StreamRole::parent: return tree_.on_parent_closed(state.step, stream);
  }
}

Result<JobRun*> Service::job_for(const StreamState& state, JobId id) {
  JobRun* job = context_.find(id);
  if (job == nullptr) return tl::unexpected(plain(ErrorCode::invalid_job_id));
  const std::uint32_t owner = job->host.uid();
  const bool believed = state.peer.trusted_host() || state.peer.host == context_.options.name;
  const bool privileged =
      believed && (state.peer.uid == 0 || state.peer.uid == context_.options.service_uid);
  // Another compute node speaks only for users of jobs that both nodes have.
  const bool shared = believed || spans(*job, state.peer.host);
  if (state.peer.is_host() || !shared || (state.peer.uid != owner && !privileged)) {
    return tl::unexpected(plain(ErrorCode::access_denied));
  }
  if (!job->is_root()) {
    return fail(ErrorCode::not_on_this_host, "steps are made on the job's first node");
  }
  if (job->is_ending()) return tl::unexpected(plain(ErrorCode::already_done));
  return job;
}

void Service::on_request(StreamId stream, StreamState& state, const StreamMessage& frame) {
  const auto bad = [&] {
    context_.refuse(stream, frame.id, Error{ErrorCode::protocol, "malformed message"});
  };
  const auto with_job = [&](JobId id, const auto& use) {
    Result<JobRun*> job = job_for(state, id);
    if (!job) return context_.refuse(stream, frame.id, job.error());
    use(**job);
  };
  switch (frame.type) {
    case wire::MessageType::hello: {
      const auto hello = wire::decode<wire::Hello>(frame.payload);
      if (!hello) return bad();
      if (hello->version < wire::kOldestProtocol) {
        context_.refuse(stream, frame.id,
                        Error{ErrorCode::protocol, "this command is too old for the node's agent"});
      }
      return;
    }
    case wire::MessageType::step_request: {
      auto request = wire::decode<wire::StepRequest>(frame.payload);
      if (!request) return bad();
      return with_job(request->job, [&](JobRun& job) {
        manager_.request(job, stream, frame.id, std::move(*request));
      });
    }
    case wire::MessageType::attach_step: {
      const auto attach = wire::decode<wire::AttachStep>(frame.payload);
      if (!attach) return bad();
      return with_job(attach->job,
                      [&](JobRun& job) { manager_.attach(job, stream, frame.id, *attach); });
    }
    case wire::MessageType::query_step: {
      const auto query = wire::decode<wire::QueryStep>(frame.payload);
      if (!query) return bad();
      return with_job(query->job,
                      [&](JobRun& job) { manager_.query(job, stream, frame.id, query->step); });
    }
    case wire::MessageType::image_fetch: {
      const auto wanted = wire::decode<wire::ImageFetch>(frame.payload);
      if (!wanted) return bad();
      return images_.fetch(stream, *wanted);
    }
    case wire::MessageType::launch_step: return on_launch(stream, state, frame);
    default: return context_.refuse(stream, frame.id, plain(ErrorCode::protocol));
  }
}

void Service::on_launch(StreamId stream, const StreamState& state, const StreamMessage& frame) {
  auto launch = wire::decode<wire::LaunchStep>(frame.payload);
  if (!launch || !state.from_agent || launch->first >= launch->layout.nodes.size() ||
      launch->layout.nodes[launch->first].name.view() != context_.options.name) {
    return context_.refuse(stream, frame.id, plain(ErrorCode::access_denied));
  }
  const Attempt attempt{launch->job.uid, launch->job.attempt};
  jobs_.park(stream, attempt, std::move(*launch));
}

void Service::on_parent_frame(const StepKey& key, const StreamMessage& frame) {
  JobRun* job = context_.find(key.attempt);
  StepRun* step = context_.find(key);
  if (job == nullptr || step == nullptr) return;
  const wire::MessageType type = frame.type;
  if (type == wire::MessageType::step_done_ack) {
    if (const auto ack = wire::decode<wire::StepDoneAck>(frame.payload)) {
      tree_.acknowledge(*job, *step, ack->node);
    }
    return;
  }
  if (type == wire::MessageType::lose_part) {
    if (const auto part = wire::decode<wire::LosePart>(frame.payload)) {
      tree_.lose(*job, *step, part->node);
    }
    return;
  }
  tree_.down(*step, type, frame.payload);
}

}  // namespace sluice::worker
