// See images.hpp.
#include "daemon/worker/service/images.hpp"

#include <algorithm>

namespace sluice::worker {

namespace {

constexpr std::size_t kMaxSending = 1024;

Error plain(ErrorCode code) { return {code, std::string(error_text(code))}; }

}  // namespace

bool is_image_digest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + 64) return false;
  return std::ranges::all_of(text.substr(kPrefix.size()), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

Result<JobRun*> Images::job_for(const StreamState& state, JobId id) {
  JobRun* job = context_.find(id);
  if (job == nullptr || job->is_ending()) return tl::unexpected(plain(ErrorCode::invalid_job_id));
  const bool here = !state.from_agent && state.peer.host == context_.options.name;
  const bool from_node = state.from_agent && spans(*job, state.peer.host);
  const bool privileged =
      here && (state.peer.uid == 0 || state.peer.uid == context_.options.service_uid);
  const bool owner = state.peer.uid == job->host.uid() && !state.peer.is_host();
  if ((!here && !from_node) || (!owner && !privileged)) {
    return tl::unexpected(plain(ErrorCode::access_denied));
  }
  return job;
}

void Images::fetch(StreamId stream, const wire::ImageFetch& wanted) {
  StreamState* state = context_.stream(stream);
  if (state == nullptr) return;
  state->role = StreamRole::image;
  const Result<JobRun*> job = job_for(*state, wanted.job);
  if (!job) return end(stream, job.error().text);
  if (!wanted.digest.empty() && !is_image_digest(wanted.digest.view())) {
    return end(stream, "malformed digest");
  }
  if (state->from_agent) return send(stream, **job, wanted);
  relay(stream, **job, wanted);
}

// --- on the node that wants it ------------------------------------------------------------------

void Images::relay(StreamId local, const JobRun& job, const wire::ImageFetch& wanted) {
  const std::string from = wanted.from.str();
  if (from == context_.options.name || !spans(job, from)) {
    return end(local, "no other node of the job is called " + from);
  }
  const StreamId peer = context_.env.open_peer(from, *job.host.job->spec);
  StreamState state;
  state.from_agent = true;
  state.peer.host = from;
  state.role = StreamRole::image;
  context_.streams[peer] = state;
  peer_of_[local] = peer;
  helper_of_[peer] = local;
  send_stream(context_.env, peer, wanted);
}

// --- on the node that has it --------------------------------------------------------------------

void Images::send(StreamId stream, const JobRun& job, const wire::ImageFetch& wanted) {
  if (sending_.size() >= kMaxSending) return end(stream, "too many images are under way here");
  const StepKey key{job.host.attempt, wanted.step};
  Sending& sending = sending_[stream];
  sending.step = key;
  if (wanted.digest.empty()) return look(key);
  open(stream, sending, wanted.digest.str());
}

void Images::tell(StreamId stream, Sending& sending, const Text& digest) {
  sending.told = digest.str();
  wire::ImageData message;
  message.digest = digest;
  send_stream(context_.env, stream, message);
}

void Images::open(StreamId stream, Sending& sending, const std::string& digest) {
  const JobRun* job = context_.find(sending.step.attempt);
  if (job == nullptr) return end(stream, "the job has ended here");
  sending.source = context_.env.open_image(job->host, digest);
  read_on(sending);
}

void Images::look(const StepKey& key) {
  const StepRun* step = context_.find(key);
  const JobRun* job = context_.find(key.attempt);
  std::vector<StreamId> waiting;
  for (const auto& [stream, sending] : sending_) {
    const bool waits = sending.source == 0 && sending.told.empty();
    if (sending.step == key && waits) waiting.push_back(stream);
  }
  for (const StreamId stream : waiting) {
    const auto found = sending_.find(stream);
    if (found == sending_.end()) continue;
    if (step == nullptr || job == nullptr || !step->member) {
      end(stream, "the step has no part on " + context_.options.name);
    } else if (!step->image_digest.empty()) {
      tell(stream, found->second, step->image_digest);
    } else if (step->own_done) {
      end(stream, "there was no image on " + context_.options.name);
    }
  }
}

void Images::read_on(Sending& sending) {
  if (sending.reading || sending.source == 0) return;
  if (sending.sent - sending.taken + wire::kImageChunk > wire::kImageWindow) return;
  sending.reading = true;
  context_.env.read_image(sending.source);
}

std::map<StreamId, Images::Sending>::iterator Images::sending_of(ImageSourceId source) {
  return std::ranges::find_if(sending_,
                              [&](const auto& entry) { return entry.second.source == source; });
}

void Images::data(ImageSourceId source, std::string_view bytes) {
  const auto found = sending_of(source);
  if (found == sending_.end()) return;
  if (bytes.empty()) return end(found->first, {});
  Sending& sending = found->second;
  sending.reading = false;
  wire::ImageData message;
  message.offset = sending.sent;
  message.bytes = bytes;
  sending.sent += bytes.size();
  send_stream(context_.env, found->first, message);
  read_on(sending);
}

void Images::failed(ImageSourceId source, const Text& why) {
  const auto found = sending_of(source);
  if (found != sending_.end()) end(found->first, why);
}

// --- both ---------------------------------------------------------------------------------------

void Images::frame(StreamId stream, wire::MessageType type, std::string_view payload) {
  using wire::MessageType;
  const auto pass_on = [&](StreamId to) {
    context_.env.send_stream(to, type, 0, std::string(payload));
  };
  if (const auto peer = peer_of_.find(stream); peer != peer_of_.end()) {
    if (type == MessageType::image_ack) pass_on(peer->second);
    return;
  }
  if (const auto helper = helper_of_.find(stream); helper != helper_of_.end()) {
    if (type == MessageType::image_data) return pass_on(helper->second);
    if (type == MessageType::image_end) {
      const auto last = wire::decode<wire::ImageEnd>(payload);
      return end(helper->second, last ? last->error : Text("malformed message"));
    }
    if (type == MessageType::error_reply) {
      const auto error = wire::decode<wire::ErrorReply>(payload);
      return end(helper->second, error ? error->text : Text("malformed message"));
    }
    return;
  }
  const auto found = sending_.find(stream);
  if (found == sending_.end() || type != MessageType::image_ack) return;
  const auto ack = wire::decode<wire::ImageAck>(payload);
  if (!ack) return;
  Sending& sending = found->second;
  if (sending.source == 0 && !sending.told.empty()) return open(stream, sending, sending.told);
  sending.taken = std::clamp(ack->offset, sending.taken, sending.sent);
  read_on(sending);
}

void Images::end(StreamId stream, const Text& error) {
  wire::ImageEnd last;
  last.error = error;
  send_stream(context_.env, stream, last);
  closed(stream);
  context_.streams.erase(stream);
  context_.env.close_stream(stream);
}

void Images::closed(StreamId stream) {
  if (const auto found = sending_.find(stream); found != sending_.end()) {
    if (found->second.source != 0) context_.env.close_image(found->second.source);
    sending_.erase(found);
  }
  if (auto peer = peer_of_.extract(stream); !peer.empty()) {
    helper_of_.erase(peer.mapped());
    context_.streams.erase(peer.mapped());
    context_.env.close_stream(peer.mapped());
  }
  if (auto helper = helper_of_.extract(stream); !helper.empty()) {
    end(helper.mapped(), "the other node's agent went away");
  }
}

}  // namespace sluice::worker
