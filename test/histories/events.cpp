// What happens in a history: users, nodes and administrators, drawn by chance.
#include <fmt/core.h>

#include "test/histories/history.hpp"

namespace sluice::histories {

using core::JobVerb;
using test::a_job;
using test::JobBuilder;

namespace {

std::uint32_t size_of(const auto& list) { return static_cast<std::uint32_t>(std::size(list)); }

}  // namespace

void History::step() {
  const std::uint32_t what = random_.below(100);
  if (what < 30) return submit();
  if (what < 47) return end_some();
  if (what < 64) return pass(static_cast<std::int64_t>(random_.below(1800)));
  if (what < 71) return act();
  if (what < 77) return disturb();
  if (what < 82) return update();
  if (what < 88) return node_event();
  if (what < 91) return edit_accounts();
  if (what < 93) return edit_partition();
  if (what < 96) return edit_reservation();
  if (what < 98) return restart();
  release_all();
}

JobBuilder History::draw_job() {
  JobBuilder job = a_job();
  const bool wide = random_.percent(30);
  job.tasks(random_.below(10) < 6 ? 1 : 1 + random_.below(6));
  job.cpus(1 + random_.below(random_.percent(50) ? 2 : 6));
  if (wide) job.nodes(1 + random_.below(3));
  job.memory(100 * (1 + random_.below(random_.percent(70) ? 10 : 30)));
  job.minutes(random_.percent(70) ? 1 + random_.below(60) : 1 + random_.below(240));
  if (random_.percent(20)) {
    const std::uint32_t gpus = 1 + random_.below(2);
    job.request([&](auto& r) { r.gres = {{"gpu", "", gpus}}; });
  }
  if (random_.percent(15)) {
    const char* const features[] = {"a", "b", "a&b"};
    const char* feature = features[random_.below(3)];
    job.request([&](auto& r) { r.features = feature; });
  }
  if (random_.percent(6)) {
    job.request([](auto& r) { r.sharing = model::Sharing::exclusive; });
  }
  if (!site_.settings.licenses.empty() && random_.percent(25)) {
    const char* const licenses[] = {"lic", "lic:2", "lic:2,pen", "pen"};
    const char* license = licenses[random_.below(4)];
    job.request([&](auto& r) { r.licenses = license; });
  }
  return job;
}

// Who submits, where, with which rights.
void History::draw_standing(JobBuilder& job) {
  const std::uint32_t user = random_.below(size_of(site_.users));
  job.by(1000 + user).spec([&](auto& s) { s.user = site_.users[user]; });
  if (random_.percent(20)) {
    const std::string account = site_.accounts[random_.below(size_of(site_.accounts))];
    job.request([&](auto& r) { r.account = account; });
  }
  if (random_.percent(40)) {
    const std::string qos = site_.qos[random_.below(size_of(site_.qos))];
    job.request([&](auto& r) { r.qos = qos; });
  }
  const std::uint32_t partitions = size_of(site_.settings.partitions);
  if (random_.percent(60)) {
    std::string list = fmt::format("p{}", random_.below(partitions));
    const std::string other = fmt::format("p{}", random_.below(partitions));
    if (other != list && random_.percent(30)) list += ',' + other;
    job.on(list.c_str());
  }
  if (random_.percent(15)) {
    job.spec([&](auto& s) { s.nice = static_cast<std::int32_t>(random_.below(500)); });
  }
  if (site_.reservations && random_.percent(15)) {
    const auto known = world_.cluster->all_reservations();
    if (!known.empty()) {
      const Text name = known[random_.below(size_of(known))]->name;
      job.request([&](auto& r) { r.reservation = name; });
    }
  }
}

void History::draw_conditions(JobBuilder& job) {
  job.named(random_.percent(50) ? "a" : "b");
  if (random_.percent(15)) job.spec([](auto& s) { s.no_kill = true; });
  if (random_.percent(6)) job.held();
  if (random_.percent(8)) {
    job.begin(world_.now.wall + std::int64_t{random_.below(3600)} * model::kSecond);
  }
  if (random_.percent(10)) {
    const model::JobPtr other = some_job(false);
    const std::string on = other ? std::to_string(other->id.value) : "1";
    const char* const kinds[] = {"afterok:", "afterany:", "afternotok:"};
    const std::string text = random_.percent(20) ? "singleton" : kinds[random_.below(3)] + on;
    job.after(text.c_str());
  }
  if (random_.percent(10)) job.array("0-5", random_.percent(30) ? 1 + random_.below(3) : 0);
}

void History::submit() {
  JobBuilder job = draw_job();
  draw_standing(job);
  const bool whole = random_.percent(5);
  if (!whole) draw_conditions(job);
  core::SubmitJob event = job.event();
  if (whole) return submit_whole(std::move(event));
  apply(event,
        fmt::format("submit by {}: {} x {} CPUs, {} min, {} MiB, on '{}', QOS '{}'{}{}",
                    event.spec->user.view(), event.request->tasks, event.request->cpus_per_task,
                    event.request->time_limit, event.request->memory_per_node,
                    event.request->partitions.view(), event.request->qos.view(),
                    event.spec->held ? ", held" : "", event.spec->array.empty() ? "" : ", array"));
}

void History::submit_whole(core::SubmitJob first) {
  core::SubmitHetJob whole;
  JobBuilder second = draw_job();
  second.spec([&](auto& s) {
    s.uid = first.spec->uid;
    s.user = first.spec->user;
  });
  second.request([&](auto& r) {
    r.partitions = first.request->partitions;
    r.account = first.request->account;
    r.qos = first.request->qos;
    r.reservation = Text();
  });
  whole.parts.push_back(std::move(first));
  whole.parts.push_back(second.event());
  apply(whole, "submit of two components");
}

void History::end_some() {
  const model::JobPtr job = some_job(true);
  if (!job) return release_all();
  apply(core::BatchEnded{.attempt = {job->uid, job->attempt},
                         .exit_code = random_.percent(20) ? 256U : 0U,
                         .error = {},
                         .released = true},
        fmt::format("job {} ends", job->id.value));
  if (random_.percent(80)) release_all();
}

void History::act() {
  const model::JobPtr job = some_job(random_.percent(40));
  if (!job) return;
  const JobVerb verbs[] = {JobVerb::cancel,  JobVerb::cancel,      JobVerb::hold,
                           JobVerb::release, JobVerb::hold_user,   JobVerb::release,
                           JobVerb::requeue, JobVerb::suspend,     JobVerb::resume,
                           JobVerb::top,     JobVerb::requeue_hold};
  const JobVerb verb = verbs[random_.below(size_of(verbs))];
  apply(core::ActOnJob{.verb = verb,
                       .selector = {job->id, {}},
                       .by_uid = job->spec->uid,
                       .by_admin = random_.percent(70)},
        fmt::format("verb {} on job {}", static_cast<int>(verb), job->id.value));
  if (random_.percent(60)) release_all();
}

// An administrator suspends a job that runs, lets it go on, or has it begin anew.
void History::disturb() {
  const model::JobPtr job = some_job(true);
  if (!job) return node_event();
  JobVerb verb = random_.percent(50) ? JobVerb::suspend : JobVerb::requeue;
  if (job->state == model::JobState::suspended && random_.percent(80)) verb = JobVerb::resume;
  apply(core::ActOnJob{.verb = verb, .selector = {job->id, {}}, .by_uid = 0, .by_admin = true},
        fmt::format("verb {} on job {}", static_cast<int>(verb), job->id.value));
  if (random_.percent(60)) release_all();
}

void History::update() {
  const model::JobPtr job = some_job(false);
  if (!job) return;
  core::JobPatch patch;
  std::string what;
  switch (random_.below(8)) {
    case 0: patch.time_limit = 1 + random_.below(120), what = "time limit"; break;
    case 1: patch.nice = static_cast<std::int32_t>(random_.below(300)), what = "nice"; break;
    case 2: patch.priority = random_.below(2000), what = "priority"; break;
    case 3: patch.qos = Text(site_.qos[random_.below(size_of(site_.qos))]), what = "QOS"; break;
    case 4: patch.tasks = 1 + random_.below(4), what = "tasks"; break;
    case 5: patch.memory_per_node = 100 * (1 + random_.below(20)), what = "memory"; break;
    case 6:
      patch.begin = world_.now.wall + std::int64_t{random_.below(900)} * model::kSecond;
      what = "begin";
      break;
    default:
      patch.partitions =
          Text(fmt::format("p{}", random_.below(size_of(site_.settings.partitions))));
      what = "partition";
  }
  apply(core::UpdateJob{{job->id, {}}, patch, 0, true, {}},
        fmt::format("update of job {}: {}", job->id.value, what));
}

void History::node_event() {
  const std::uint32_t n = random_.below(size_of(site_.settings.nodes));
  const std::string name = site_.settings.nodes[n].name.str();
  const NodeIndex node(n);
  switch (random_.below(8)) {
    case 0:
      saw(Seen::node_failures);
      apply(core::NodeSilent{node}, name + " is silent");
      break;
    case 1:
      saw(Seen::node_failures);
      apply(core::NodeLost{node}, name + " is lost");
      break;
    case 2:
      apply(core::UpdateNode{.nodes = {node}, .verb = core::NodeVerb::drain, .reason = Text("x")},
            name + " is drained");
      break;
    case 3:
    case 4:
    case 5: {
      note(name + " registers");
      world_.register_node(n);
      plan_and_check();
      break;
    }
    default:
      apply(core::UpdateNode{.nodes = {node}, .verb = core::NodeVerb::resume},
            name + " is resumed");
  }
}

void History::edit_accounts() {
  saw(Seen::changes_of_limits);
  apply(core::EditAccounts{draw_change(random_, site_, world_.cluster->accounts().accounts())},
        "change of limits or shares");
}

void History::edit_partition() {
  const auto known = world_.cluster->all_partitions();
  model::Partition partition = *known[random_.below(size_of(known))];
  const model::PartitionState states[] = {
      model::PartitionState::up,    model::PartitionState::up,   model::PartitionState::up,
      model::PartitionState::drain, model::PartitionState::down, model::PartitionState::inactive};
  partition.state = states[random_.below(size_of(states))];
  if (random_.percent(40)) partition.max_time = 20 + random_.below(100);
  apply(core::UpdatePartition{partition},
        fmt::format("partition {}: state {}, {} min", partition.name.view(),
                    static_cast<int>(partition.state), partition.max_time));
}

void History::edit_reservation() {
  if (!site_.reservations) return;
  core::EditReservation event;
  event.by_operator = true;
  const auto known = world_.cluster->all_reservations();
  if (!known.empty() && random_.percent(40)) {
    event.verb = model::ReservationVerb::remove;
    event.name = known[random_.below(size_of(known))]->name;
    return apply(event, fmt::format("reservation {} is removed", event.name.view()));
  }
  event.name = fmt::format("r{}", ++reservations_made_);
  event.patch.start = world_.now.wall + std::int64_t{random_.below(5400)} * model::kSecond;
  event.patch.duration_min = 5 + random_.below(90);
  event.patch.users = model::ListEdit{0, Text(site_.users[random_.below(size_of(site_.users))])};
  event.patch.node_count = 1 + random_.below(size_of(site_.settings.nodes));
  if (random_.percent(30)) event.patch.set_flags = model::kResvIgnoreJobs;
  if (random_.percent(20)) event.patch.set_flags |= model::kResvFlex;
  apply(event, fmt::format("reservation {} in {} s for {} min, {} nodes", event.name.view(),
                           (*event.patch.start - world_.now.wall) / model::kSecond,
                           *event.patch.duration_min, *event.patch.node_count));
}

}  // namespace sluice::histories
