// See users.hpp.
#include "test/sim/users.hpp"

#include <algorithm>
#include <csignal>

#include "test/sim/salloc.hpp"
#include "test/sim/srun.hpp"
#include "test/sim/world.hpp"

namespace sluice::sim {

namespace {

constexpr std::uint32_t kMaxTries = 100;
constexpr std::uint32_t kRoot = 0;

}  // namespace

Users::Users(World& world) : world_(world) {}

Users::~Users() {
  for (auto& [id, open] : calls_) hang_up(open);
}

auth::Peer Users::user(std::uint32_t uid) {
  auth::Peer peer;
  peer.uid = uid;
  peer.gid = 100;
  peer.host = "login";
  peer.roles = auth::Role::login;
  return peer;
}

auth::Peer Users::some_user() { return user(1000 + world_.random.below(3)); }

Uid128 Users::new_request() { return {world_.random.next(), world_.random.next()}; }

void Users::begin(Micros end) {
  end_ = end;
  submits_left_ = static_cast<std::uint32_t>(world_.random.between(5, 50));
  pause_ = std::max<Micros>((end - world_.timeline.now()) / (2 * submits_left_), kMilli);
  next_action();
}

void Users::next_action() {
  world_.timeline.after(world_.random.mostly_low(kMilli, 5 * pause_), [this] {
    if (world_.timeline.now() >= end_) return;
    act();
    next_action();
  });
}

void Users::act() {
  const std::uint32_t kind = world_.random.below(100);
  if (kind < 45) return submit();
  if (kind < 51) return start_salloc();
  if (kind < 60) return act_on_job(model::JobVerb::cancel);
  if (kind < 64) return act_on_job(model::JobVerb::hold_user);
  if (kind < 69) return act_on_job(model::JobVerb::release);
  if (kind < 77) return act_on_job(model::JobVerb::requeue);
  if (kind < 79) return act_on_job(model::JobVerb::requeue_hold);
  if (kind < 83) return act_on_job(model::JobVerb::suspend);
  if (kind < 87) return act_on_job(model::JobVerb::resume);
  if (kind < 89) return act_on_job(model::JobVerb::signal);
  if (kind < 94) return update_job();
  update_node();
}

// --- One request ---------------------------------------------------------------------------------

void Users::ask(const auth::Peer& peer, const Uid128& request, net::Frame frame, Answer answer) {
  const std::uint64_t id = world_.next_number();
  ++world_.counts.requests;
  calls_[id] = {peer, request, std::move(frame), std::move(answer), {}, 0};
  call(id);
}

// Tries, and tries again until it is answered.
void Users::call(std::uint64_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  Call& open = found->second;
  if (++open.tries > kMaxTries) {
    hang_up(open);
    calls_.erase(found);
    return;
  }
  Random& random = world_.random;
  // Sometimes the former conversation is still there: both may be answered.
  if (!random.permille(world_.weather.doubled_requests)) {
    hang_up(open);
  } else if (!open.pipes.empty()) {
    world_.count(Fault::request_doubled);
  }
  PipeEnd end;
  end.frame = [this, id](const net::Frame& frame) { answered(id, frame); };
  end.closed = [] {};
  const PipeId pipe = world_.controller.accept_session(std::move(end), open.peer);
  if (pipe != 0) {
    open.pipes.push_back(pipe);
    world_.pipes.send(pipe, Side::near, open.frame);
    if (random.permille(world_.weather.doubled_requests)) {
      world_.count(Fault::request_doubled);
      world_.pipes.send(pipe, Side::near, open.frame);
    }
  }
  world_.timeline.after(random.between(kSec, 8 * kSec), [this, id] { call(id); });
}

void Users::hang_up(Call& open) {
  for (const PipeId pipe : open.pipes) world_.pipes.drop(pipe, Side::near);
  open.pipes.clear();
}

void Users::answered(std::uint64_t id, const net::Frame& frame) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  const auto type = static_cast<wire::MessageType>(frame.type);
  Call& open = found->second;
  if (type == wire::MessageType::error_reply) {
    const auto error = wire::decode<wire::ErrorReply>(frame.payload);
    world_.trace.note("a request is refused: {}", error ? error->text.view() : "unreadable");
    // A full disk is worth another try; everything else is final.
    if (error && error->code == ErrorCode::storage) return;
  } else {
    world_.judge.told(open.request);
  }
  if (type == wire::MessageType::submit_reply) {
    const auto reply = wire::decode<wire::SubmitReply>(frame.payload);
    if (!reply) return world_.judge.violation("a SubmitReply can't be read");
    world_.trace.note("a user is told job {}", reply->job.value);
    world_.judge.told_job(open.request, reply->job);
    if (std::ranges::find(jobs_, reply->job) == jobs_.end()) jobs_.push_back(reply->job);
  }
  // Other answers to the same request may still come: they must agree, so a few calls stay open.
  const Answer answer = std::exchange(open.answer, {});
  if (!world_.random.permille(world_.weather.doubled_requests)) {
    hang_up(open);
    calls_.erase(found);
  } else {
    open.tries = std::max(open.tries, kMaxTries - 2);
  }
  if (answer) answer(frame);
}

bool Users::is_idle() const {
  return calls_.empty() &&
         std::ranges::all_of(sallocs_, [](const auto& salloc) { return salloc->is_over(); });
}

// --- What they want ------------------------------------------------------------------------------

std::string Users::some_dependency() {
  Random& random = world_.random;
  if (random.percent(15)) return "singleton";
  if (jobs_.empty()) return "";
  const std::string id = std::to_string(random.pick(jobs_).value);
  static constexpr const char* kKinds[] = {"afterany", "afterok", "afternotok", "after",
                                           "aftercorr"};
  std::string text = std::string(random.pick(kKinds)) + ":" + id;
  if (random.percent(20)) {
    text += random.percent(50) ? "," : "?";
    text += "afterany:" + std::to_string(random.pick(jobs_).value);
  }
  return text;
}

// What the job is like: size, time, array, dependency.
void Users::shape(wire::Submit& message) {
  Random& random = world_.random;
  const model::NodeFacts& facts = world_.settings->nodes.front().facts;
  const auto count = static_cast<std::uint32_t>(world_.settings->nodes.size());
  model::Request& request = message.request;
  request.cpus_per_task = 1 + (random.percent(30) ? random.below(facts.cpus()) : 0);
  request.tasks = 1;
  if (count > 1 && random.percent(30)) {
    request.min_nodes = 1 + random.below(count);
    request.max_nodes = request.min_nodes;
    request.tasks = request.min_nodes;
  } else if (random.percent(30)) {
    request.tasks = 1 + random.below(facts.cpus());
  }
  request.memory_per_node = static_cast<std::uint64_t>(random.between(10, 2000));
  request.time_limit = static_cast<std::uint32_t>(random.between(1, 4));
  if (random.percent(20)) request.partitions = "fast";
  if (random.percent(5)) request.sharing = model::Sharing::exclusive;
  model::JobSpec& spec = message.spec;
  spec.nice = random.percent(10) ? 100 : 0;
  if (random.percent(5)) spec.begin = world_.timeline.wall() + random.between(1, 90) * kSec;
  if (random.percent(5)) spec.deadline = world_.timeline.wall() + random.between(60, 600) * kSec;
  if (random.percent(10)) spec.no_kill = true;
  if (random.percent(10)) {
    spec.signal = SIGUSR1;
    spec.signal_before = 30;
  }
}

wire::Submit Users::new_submit(model::JobKind kind) {
  Random& random = world_.random;
  wire::Submit message;
  message.request_id = new_request();
  shape(message);
  model::JobSpec& spec = message.spec;
  spec.kind = kind;
  spec.name = fmt::format("job-{}", world_.next_number());
  world_.judge.asked(message.request_id, spec.name.str());
  spec.command = "program";
  spec.work_dir = "/";
  if (kind != model::JobKind::batch) return message;
  message.script = "#!/bin/sh\nwork " + std::to_string(random.below(3)) + "\n";
  message.environment = std::string("A=1\0B=2\0", 8);
  spec.held = random.percent(5);
  spec.no_requeue = random.percent(20);
  if (random.percent(20)) spec.dependency = some_dependency();
  spec.kill_on_invalid_dependency = random.percent(50);
  if (random.percent(20)) {
    static constexpr const char* kArrays[] = {"0-3", "1-5", "0-9", "2,4,7", "0-8:4", "3"};
    spec.array = random.pick(kArrays);
    spec.array_limit = random.percent(50) ? 1 + random.below(3) : 0;
  }
  return message;
}

void Users::submit() {
  if (submits_left_ == 0) return;
  --submits_left_;
  ask(some_user(), new_submit(model::JobKind::batch), {});
}

void Users::start_salloc() {
  if (submits_left_ == 0) return;
  --submits_left_;
  sallocs_.push_back(std::make_unique<Salloc>(world_, *this, some_user()));
}

void Users::act_on_job(model::JobVerb verb) {
  if (jobs_.empty()) return;
  wire::JobAction message;
  message.request_id = new_request();
  message.verb = verb;
  message.signal = verb == model::JobVerb::signal ? SIGTERM : 0;
  wire::JobRef ref;
  ref.job = world_.random.pick(jobs_);
  if (world_.random.percent(15)) {
    const std::uint32_t task = world_.random.below(6);
    ref.tasks = {{task, task + world_.random.below(3), 1}};
  }
  message.filter.jobs.push_back(ref);
  ask(user(kRoot), message, {});
}

void Users::update_job() {
  if (jobs_.empty()) return;
  Random& random = world_.random;
  wire::UpdateJob message;
  message.request_id = new_request();
  message.jobs.push_back({random.pick(jobs_), {}, model::kNoTask});
  switch (random.below(6)) {
    case 0: message.patch.time_limit = static_cast<std::uint32_t>(random.between(1, 6)); break;
    case 1: message.patch.comment = "changed"; break;
    case 2: message.patch.nice = static_cast<std::int32_t>(random.between(0, 50)); break;
    case 3: message.patch.array_limit = random.below(4); break;
    case 4: message.patch.priority = static_cast<std::uint32_t>(random.between(1, 100)); break;
    default: message.patch.dependency = some_dependency(); break;
  }
  ask(user(kRoot), message, {});
}

void Users::update_node() {
  Random& random = world_.random;
  static constexpr model::NodeVerb kVerbs[] = {model::NodeVerb::drain, model::NodeVerb::resume,
                                               model::NodeVerb::resume, model::NodeVerb::down,
                                               model::NodeVerb::undrain};
  wire::UpdateNode message;
  message.request_id = new_request();
  message.names = random.pick(world_.nodes)->name();
  message.verb = random.pick(kVerbs);
  message.reason = "because";
  ask(user(kRoot), message, {});
}

void Users::tend() {
  const controller::Service* service = world_.controller.service();
  if (service == nullptr) return;
  for (const model::NodePtr& node : service->cluster().all_nodes()) {
    constexpr std::uint32_t kMarks = model::kNodeDrain | model::kNodeFail;
    if (node->state != model::NodeState::down && (node->flags & kMarks) == 0) continue;
    if ((node->flags & model::kNodeNoRespond) != 0) continue;
    wire::UpdateNode message;
    message.request_id = new_request();
    message.names = node->name;
    message.verb = model::NodeVerb::resume;
    ask(user(kRoot), message, {});
  }
  for (const model::JobPtr& job : service->cluster().all_jobs()) {
    if (model::is_finished(job->state)) continue;
    std::optional<model::JobVerb> verb;
    if (job->state == model::JobState::suspended) verb = model::JobVerb::resume;
    if (job->state == model::JobState::pending && job->priority == 0) {
      verb = model::JobVerb::release;
    }
    if (job->reason == model::Reason::dependency_never_satisfied) verb = model::JobVerb::cancel;
    if (!verb) continue;
    wire::JobAction message;
    message.request_id = new_request();
    message.verb = *verb;
    wire::JobRef ref;
    ref.job = job->array_job.is_set() ? job->array_job : job->id;
    message.filter.jobs.push_back(ref);
    ask(user(kRoot), message, {});
  }
}

}  // namespace sluice::sim
