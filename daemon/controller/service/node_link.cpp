// The controller's side of a node's link: orders out, reports in, and the reconciliation of both.
// Orders are sent once when they arise; whatever gets lost is repaired when the node next says what
// it holds. Everything here may happen twice: nodes refuse what their ledger knows, the core
// ignores reports on attempts that it no longer has.
#include <algorithm>
#include <set>
#include <utility>

#include "daemon/controller/service/service.hpp"
#include "model/gres.hpp"
#include "wire/codec.hpp"

namespace sluice::controller {

namespace {

constexpr std::size_t kBlobCacheBytes = 32 * 1024 * 1024;
constexpr std::int64_t kOrderPatienceMs = 10'000;

}  // namespace

std::uint64_t Service::next_order(NodeIndex node, const Attempt& attempt) {
  NodeLink& link = links_[node.value];
  const std::uint64_t order = link.next_order++;
  link.last_order[attempt] = {order, env_.now().mono_ms};
  return order;
}

void Service::send_order(const core::Order& order) {
  std::visit(
      [this](const auto& known) {
        using Kind = std::decay_t<decltype(known)>;
        if (!links_[known.node.value].connected) return;  // told when it comes back
        if constexpr (std::is_same_v<Kind, core::LaunchJob>) {
          // What has ended since the order was made must not begin.
          const model::JobPtr now = cluster_.find_attempt({known.job->uid, known.job->attempt});
          if (now && !model::is_finished(now->state)) send_launch(known.job, known.node);
        } else if constexpr (std::is_same_v<Kind, core::TerminateJob>) {
          send_terminate(known.attempt, known.job, known.node, known.grace_s);
        } else if constexpr (std::is_same_v<Kind, core::SignalJob>) {
          wire::SignalJob message;
          message.epoch = Epoch(epoch_);
          message.order = next_order(known.node, known.attempt);
          message.attempt = known.attempt;
          message.job = known.job;
          message.signal = known.signal;
          message.batch_only = known.batch_only;
          message.full = known.full;
          send_node(env_, known.node, message);
        } else if constexpr (std::is_same_v<Kind, core::LoseNode>) {
          wire::LoseNode message;
          message.epoch = Epoch(epoch_);
          message.order = next_order(known.node, known.attempt);
          message.attempt = known.attempt;
          message.job = known.job;
          message.lost = known.lost;
          send_node(env_, known.node, message);
        } else {
          std::conditional_t<std::is_same_v<Kind, core::SuspendJob>, wire::SuspendJob,
                             wire::ResumeJob>
              message;
          message.epoch = Epoch(epoch_);
          message.order = next_order(known.node, known.attempt);
          message.attempt = known.attempt;
          message.job = known.job;
          send_node(env_, known.node, message);
        }
      },
      order);
}

Result<std::string> Service::blob(const Text& hash) {
  if (hash.empty()) return std::string();
  const auto known = blobs_.find(hash.view());
  if (known != blobs_.end()) return known->second;
  Result<std::string> bytes = env_.blob(hash);
  if (bytes) {
    if (blob_bytes_ + bytes->size() > kBlobCacheBytes) {
      blobs_.clear();
      blob_bytes_ = 0;
    }
    blob_bytes_ += bytes->size();
    blobs_.emplace(hash.str(), *bytes);
  }
  return bytes;
}

void Service::send_launch(const model::JobPtr& job, NodeIndex node) {
  wire::LaunchJob message;
  message.epoch = Epoch(epoch_);
  message.job = *job;
  const bool batch_host = job->allocation->shares.front().node == node;
  const bool starts_script = batch_host && job->het_offset == 0;
  if (starts_script && job->spec->kind == model::JobKind::batch) {
    Result<std::string> script = blob(job->spec->script_hash);
    Result<std::string> environment = blob(job->spec->environment_hash);
    if (!script || !environment) {
      const Error& error = script ? environment.error() : script.error();
      return apply(core::JobPrepared{{job->uid, job->attempt}, node, false, error.text});
    }
    message.script = std::move(*script);
    message.environment = std::move(*environment);
  }
  if (job->time_limit != model::kUnlimited && job->start != 0) {
    const std::int64_t limit_ms = std::int64_t{job->time_limit} * 60'000;
    const std::int64_t used_ms = (env_.now().wall - job->start) / 1000;
    message.remaining_ms =
        static_cast<std::uint64_t>(std::max<std::int64_t>(limit_ms - used_ms, 1));
  }
  for (std::uint32_t i = 0; i < job->het_count; ++i) {
    const model::JobPtr part = cluster_.find_job(JobId(job->het_job.value + i));
    if (part && part->allocation) message.components.push_back(*part);
  }
  for (const model::JobPtr& other : cluster_.jobs_on(node)) {
    if (other->state != model::JobState::suspended) continue;
    message.still.push_back(
        {{other->uid, other->attempt}, other->id, wire::HoldPhase::running, true});
  }
  message.order = next_order(node, {job->uid, job->attempt});
  send_node(env_, node, message);
}

void Service::send_terminate(const Attempt& attempt, JobId job, NodeIndex node,
                             std::uint32_t grace_s) {
  wire::TerminateJob message;
  message.epoch = Epoch(epoch_);
  message.order = next_order(node, attempt);
  message.attempt = attempt;
  message.job = job;
  message.grace_s = grace_s;
  if (const model::JobPtr record = cluster_.find_attempt(attempt)) message.why = record->state;
  send_node(env_, node, message);
}

void Service::on_node_hello(NodeIndex node, const wire::NodeHello& hello) {
  if (dead_) return;
  NodeLink& link = links_[node.value];
  std::erase_if(node_deadlines_, [&](const auto& entry) { return entry.second == node.value; });
  link = NodeLink{};
  link.connected = true;
  wire::NodeWelcome welcome;
  welcome.epoch = Epoch(epoch_);
  welcome.cluster = options_.settings->cluster_name;
  welcome.hosts = hosts_;
  welcome.settings = options_.node_settings;
  welcome.report_interval_s = options_.report_interval_s;
  send_node(env_, node, welcome);

  // Launches that the node never confirmed are sent again below, so they don't count as lost.
  std::set<Attempt> held;
  for (const wire::Hold& hold : hello.holds) held.insert(hold.attempt);
  for (const model::JobPtr& job : cluster_.jobs_on(node)) {
    const bool unconfirmed =
        (job->flags & model::kFlagConfiguring) != 0 && job->spec->kind != model::JobKind::batch;
    if (unconfirmed) held.insert({job->uid, job->attempt});
  }
  core::NodeRegistered event{node, hello.facts, {held.begin(), held.end()}};
  apply(event);
  reconcile(node, hello.holds, UINT64_MAX);
}

void Service::reconcile(NodeIndex node, const std::vector<wire::Hold>& holds,
                        std::uint64_t last_order) {
  const NodeLink& link = links_[node.value];
  // An order that a report doesn't know of is under way, until it must count as lost.
  const std::int64_t lost_ms = env_.now().mono_ms - kOrderPatienceMs;
  const auto report_is_older = [&](const Attempt& attempt) {
    const auto sent = link.last_order.find(attempt);
    return sent != link.last_order.end() && sent->second.order > last_order &&
           sent->second.at_ms > lost_ms;
  };
  // Like all orders they go out when what they follow from is durable.
  core::Changes repairs;
  std::set<Attempt> held;
  std::set<Attempt> alive;
  for (const wire::Hold& hold : holds) {
    held.insert(hold.attempt);
    if (hold.phase != wire::HoldPhase::released) alive.insert(hold.attempt);
    if (report_is_older(hold.attempt) || hold.phase == wire::HoldPhase::released) continue;
    const model::JobPtr job = cluster_.find_attempt(hold.attempt);
    const bool over =
        !job || model::is_finished(job->state) || job->state == model::JobState::pending;
    if (hold.phase == wire::HoldPhase::ending) continue;
    if (over) {
      repairs.orders.emplace_back(core::TerminateJob{hold.attempt, hold.job, node, 0});
    } else if (hold.suspended && job->state == model::JobState::running) {
      repairs.orders.emplace_back(core::ResumeJob{hold.attempt, hold.job, node});
    } else if (!hold.suspended && job->state == model::JobState::suspended) {
      repairs.orders.emplace_back(core::SuspendJob{hold.attempt, hold.job, node});
    }
  }
  for (const model::JobPtr& job : cluster_.jobs_on(node)) {
    const Attempt attempt{job->uid, job->attempt};
    if (held.contains(attempt) || report_is_older(attempt)) continue;
    if ((job->flags & model::kFlagCompleting) == 0) {
      // The launch got lost. If not, the node's ledger knows, and it says again how it ended.
      repairs.orders.emplace_back(core::LaunchJob{job, node});
      if (job->state == model::JobState::suspended) {
        repairs.orders.emplace_back(core::SuspendJob{attempt, job->id, node});
      }
    } else {
      // Not taken as released: a launch may still be under way. The node will answer.
      repairs.orders.emplace_back(core::TerminateJob{attempt, job->id, node, 0});
    }
  }
  for (const Attempt& stranger : cluster_.strangers_on(node)) {
    if (alive.contains(stranger) || report_is_older(stranger)) continue;
    const auto sent = link.last_order.find(stranger);
    if (sent == link.last_order.end() || sent->second.order <= last_order) {
      apply(core::NodeReleased{stranger, node, false});
    } else {
      repairs.orders.emplace_back(core::TerminateJob{stranger, JobId(), node, 0});
    }
  }
  commit(std::move(repairs), {});
}

void Service::report(NodeIndex node, const core::Event& event, std::uint64_t serial) {
  // The node forgets its report when this is acknowledged, so the commit comes first, also when
  // the event was known and changes nothing.
  core::Changes changes = cluster_.apply(event, env_.now());
  // Out of order (the release before the end): unacknowledged, so that it comes again.
  const bool too_early =
      !changes.outcome && changes.outcome.error().code == ErrorCode::transition_not_allowed;
  if (too_early) return commit(std::move(changes), {});
  commit(std::move(changes),
         [this, node, serial] { send_node(env_, node, wire::ReportAck{serial}); });
}

// The node says which of its accelerators are out of service. Most reports say what is known.
void Service::judge_devices(NodeIndex node, const std::vector<wire::DeviceFault>& faults) {
  const model::NodePtr before = cluster_.node_record(node);
  core::DevicesFaulty event{.node = node};
  for (const wire::DeviceFault& fault : faults) {
    event.faults.push_back({fault.name, fault.type, fault.index, fault.fault});
  }
  apply(event);
  const model::NodePtr after = cluster_.node_record(node);
  const std::string now = model::faults_text(after->facts.gres);
  if (now == model::faults_text(before->facts.gres)) return;
  env_.log("devices out of service on " + after->name.str() + ": " + (now.empty() ? "none" : now));
}

void Service::on_node_message(NodeIndex node, wire::MessageType type, std::string_view payload) {
  if (dead_) return;
  const auto decoded = [&]<class Message>(Message* /*tag*/, auto&& use) {
    Result<Message> message = wire::decode<Message>(payload);
    if (message) {
      use(*message);
    } else {
      env_.log("malformed message from node " + options_.settings->nodes[node.value].name.str());
    }
  };
  switch (type) {
    case wire::MessageType::node_report:
      return decoded(static_cast<wire::NodeReport*>(nullptr), [&](const wire::NodeReport& m) {
        apply(core::NodeLoad{node, m.cpu_load, m.free_memory});
        reconcile(node, m.holds, m.last_order);
        if (m.devices_judged) judge_devices(node, m.device_faults);
      });
    case wire::MessageType::job_prepared:
      return decoded(static_cast<wire::JobPrepared*>(nullptr), [&](const wire::JobPrepared& m) {
        report(node, core::JobPrepared{m.attempt, node, m.ok, m.error}, m.serial);
      });
    case wire::MessageType::batch_ended:
      return decoded(static_cast<wire::BatchEnded*>(nullptr), [&](const wire::BatchEnded& m) {
        if (m.released) links_[node.value].last_order.erase(m.attempt);
        // Its job was taken from the node before: the report only says that the node is clean.
        if (m.released && !cluster_.find_attempt(m.attempt)) {
          apply(core::NodeReleased{m.attempt, node, false});
        }
        report(node,
               core::BatchEnded{m.attempt, m.exit_code, m.out_of_memory, m.launch_failed, m.error,
                                m.released},
               m.serial);
      });
    case wire::MessageType::node_released:
      return decoded(static_cast<wire::NodeReleased*>(nullptr), [&](const wire::NodeReleased& m) {
        links_[node.value].last_order.erase(m.attempt);
        report(node, core::NodeReleased{m.attempt, node, m.unkillable}, m.serial);
      });
    case wire::MessageType::step_record:
      return decoded(static_cast<wire::StepRecord*>(nullptr), [&](const wire::StepRecord& m) {
        auto step = std::make_shared<const model::Step>(m.step);
        if (step->state == model::JobState::running) {
          report(node, core::StepStarted{step}, m.serial);
        } else {
          report(node, core::StepEnded{step}, m.serial);
        }
      });
    case wire::MessageType::node_fault:
      return decoded(static_cast<wire::NodeFault*>(nullptr), [&](const wire::NodeFault& m) {
        apply(core::NodeFault{node, m.reason});
      });
    default:
      env_.log("unexpected message from node " + options_.settings->nodes[node.value].name.str());
  }
}

void Service::expect_node(NodeIndex node, std::int64_t now_ms) {
  links_[node.value].lost_since = now_ms;
  node_deadlines_.insert({now_ms + std::int64_t{options_.silent_after_s} * 1000, node.value});
}

void Service::on_node_closed(NodeIndex node) {
  if (dead_ || !links_[node.value].connected) return;
  links_[node.value].connected = false;
  links_[node.value].last_order.clear();
  expect_node(node, env_.now().mono_ms);
  arm_wake();
}

void Service::check_node_deadlines(std::int64_t now_ms) {
  while (!node_deadlines_.empty() && node_deadlines_.begin()->first <= now_ms) {
    const NodeIndex node(node_deadlines_.begin()->second);
    node_deadlines_.erase(node_deadlines_.begin());
    NodeLink& link = links_[node.value];
    if (link.connected) continue;
    if (link.shown_silent) {
      apply(core::NodeLost{node});
      continue;
    }
    link.shown_silent = true;
    apply(core::NodeSilent{node});
    const std::int64_t lost_ms =
        link.lost_since + std::int64_t{options_.settings->node_timeout_s} * 1000;
    node_deadlines_.insert({std::max(lost_ms, now_ms), node.value});
  }
}

}  // namespace sluice::controller
