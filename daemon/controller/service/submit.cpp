// Submitting: what a command sent becomes a spec with the caller's identity, a request, and two
// content-addressed blobs; the core decides; the job, its id and the answer are one commit.
#include <algorithm>
#include <utility>

#include "daemon/controller/service/service.hpp"

namespace sluice::controller {

namespace {

// As Slurm bounds them.
constexpr std::size_t kMaxScript = 4 * 1024 * 1024;
constexpr std::size_t kMaxEnvironment = 16 * 1024 * 1024;
constexpr std::size_t kMaxName = 1024;
constexpr std::size_t kMaxPath = 4096;

Status check_sizes(const wire::Submit& request) {
  if (request.script.size() > kMaxScript) return fail(ErrorCode::script_too_large);
  if (request.environment.size() > kMaxEnvironment) return fail(ErrorCode::environment_too_large);
  const model::JobSpec& spec = request.spec;
  for (const Text* path : {&spec.work_dir, &spec.std_in, &spec.std_out, &spec.std_err}) {
    if (path->size() > kMaxPath) return fail(ErrorCode::pathname_too_long);
  }
  for (const Text* text : {&spec.name, &spec.comment, &spec.wckey, &spec.mail_user,
                           &spec.admin_comment, &spec.dependency, &spec.array}) {
    if (text->size() > kMaxScript / 16) {
      return fail(ErrorCode::invalid_argument, "a text of the request is too long");
    }
  }
  if (spec.name.size() > kMaxName) {
    return fail(ErrorCode::invalid_argument, "the job name is too long");
  }
  if (spec.kind != model::JobKind::batch && !spec.array.empty()) {
    return fail(ErrorCode::invalid_array);
  }
  return {};
}

// A node without a task still gives a CPU.
std::uint32_t least_cpus(const model::Request& request) {
  const std::uint32_t nodes = std::max(request.min_nodes, 1U);
  const std::uint32_t tasks =
      std::max({request.tasks, nodes, nodes * std::max(request.tasks_per_node, 1U)});
  return tasks * std::max(request.cpus_per_task, 1U);
}

bool lacks_script(const wire::Submit& request) {
  return request.spec.kind == model::JobKind::batch && request.script.empty();
}

Error no_space() {
  return {ErrorCode::storage, "No space left for the controller's state; try later"};
}

}  // namespace

std::vector<model::JobPtr> Service::past_targets(std::string_view dependency) {
  std::vector<model::JobPtr> past;
  for (const core::PastTarget& target : cluster_.past_targets(dependency)) {
    for (model::JobPtr& job : env_.past_jobs(target.job, target.task)) {
      past.push_back(std::move(job));
    }
  }
  return past;
}

// What a command sent becomes the core's event, with the caller's identity and the hashes of its
// script and environment, which go to the store with `extra`.
Result<core::SubmitJob> Service::submission(const Call& call, wire::Submit& request,
                                            store::Transaction& extra) {
  if (Status sizes = check_sizes(request); !sizes) return tl::unexpected(sizes.error());
  std::uint32_t uid = call.peer.uid;
  if (request.as_uid != model::kNoTask && request.as_uid != uid) {
    if (!is_admin(call.peer)) return fail(ErrorCode::access_denied);
    uid = request.as_uid;
  }
  const UserFacts user = env_.user_facts(uid);
  if (!user.known) return fail(ErrorCode::access_denied, "Invalid user id");
  model::JobSpec& spec = request.spec;
  spec.uid = uid;
  spec.gid = uid == call.peer.uid ? call.peer.gid : user.gid;
  if (request.as_gid != model::kNoTask && is_admin(call.peer)) spec.gid = request.as_gid;
  spec.user = user.user;
  spec.group = user.group;
  if (spec.priority != 0 && !is_admin(call.peer)) spec.priority = 0;
  if (spec.nice < 0 && !is_admin(call.peer)) spec.nice = 0;

  const auto keep_blob = [&](std::string& bytes, Text& hash) {
    hash = Text();
    if (bytes.empty()) return;
    hash = env_.content_hash(bytes);
    if (!blobs_.contains(hash.view())) {
      blob_bytes_ += bytes.size();
      blobs_.emplace(hash.str(), bytes);
    }
    extra.blobs.push_back({hash, std::move(bytes)});
  };
  keep_blob(request.script, spec.script_hash);
  keep_blob(request.environment, spec.environment_hash);

  core::SubmitJob event;
  event.uid = env_.random_uid();
  event.test_only = request.test_only;
  event.past = past_targets(spec.dependency);
  for (const std::string& group : user.groups) event.groups.emplace_back(group);
  event.spec = specs_.intern(std::move(spec));
  event.request = requests_.intern(std::move(request.request));
  return event;
}

void Service::handle(const Call& call, wire::Submit& request) {
  if (answer_again(call, request.request_id)) return;
  if (!env_.accepts_work()) return refuse(call, no_space());
  if (lacks_script(request)) return refuse(call, fail(ErrorCode::script_missing).value());
  store::Transaction extra;
  Result<core::SubmitJob> event = submission(call, request, extra);
  if (!event) return refuse(call, event.error());
  const std::uint32_t cpus = least_cpus(*event->request);
  submitted(call, request.request_id, cluster_.apply(*event, env_.now()), cpus, std::move(extra));
}

// All components have the first one's script in common, which only its own agent starts.
void Service::handle(const Call& call, wire::SubmitHeterogeneous& request) {
  if (answer_again(call, request.request_id)) return;
  if (!env_.accepts_work()) return refuse(call, no_space());
  store::Transaction extra;
  core::SubmitHetJob event;
  std::uint32_t cpus = 0;
  if (request.parts.empty() || lacks_script(request.parts.front())) {
    return refuse(call, fail(ErrorCode::script_missing).value());
  }
  for (wire::Submit& part : request.parts) {
    Result<core::SubmitJob> made = submission(call, part, extra);
    if (!made) return refuse(call, made.error());
    made->test_only = request.parts.front().test_only;
    if (!event.parts.empty()) {
      model::JobSpec spec = *made->spec;
      spec.script_hash = event.parts.front().spec->script_hash;
      made->spec = specs_.intern(std::move(spec));
    }
    cpus += least_cpus(*made->request);
    event.parts.push_back(std::move(*made));
  }
  submitted(call, request.request_id, cluster_.apply(event, env_.now()), cpus, std::move(extra));
}

void Service::submitted(const Call& call, const Uid128& request_id, core::Changes changes,
                        std::uint32_t cpus, store::Transaction extra) {
  if (!changes.outcome) return refuse(call, changes.outcome.error());
  wire::SubmitReply message;
  message.job = changes.job;
  message.cluster = options_.settings->cluster_name;
  if (changes.tested) {
    message.planned_start = changes.tested->planned_start;
    message.planned_nodes = changes.tested->planned_nodes;
    const std::uint32_t partition = changes.tested->partition.value;
    if (partition < options_.settings->partitions.size()) {
      message.partition = options_.settings->partitions[partition].name;
    }
    // As in Slurm, the number that a job submitted now would have.
    message.job = JobId(cluster_.next_job_id());
    message.planned_cpus = changes.tested->planned_cpus != 0 ? changes.tested->planned_cpus : cpus;
    commit(std::move(changes), {});  // what an earlier, refused event left behind
    return reply(env_, call.session, call.id, message);
  }
  statistics_.note_submit(changes, env_.now().wall);
  answer_stored(call, request_id, std::move(changes), wire::SubmitReply::kType,
                wire::encode(message), std::move(extra));
}

}  // namespace sluice::controller
