// See nodes.hpp. A node that was lost says nothing more of what it had: its boot counts.
#include "test/books/nodes.hpp"

#include <fmt/core.h>

#include "wire/codec.hpp"

namespace sluice::books {

namespace {

constexpr Micros kPrepare = 130'007;  // no time of importance falls on a whole second
constexpr Micros kClean = 270'011;
constexpr Micros kTaskStep = 7 * sim::kSec;

}  // namespace

Nodes::Nodes(sim::Timeline& timeline, model::SettingsPtr settings,
             std::function<void(const Said&)> say)
    : timeline_(timeline),
      settings_(std::move(settings)),
      say_(std::move(say)),
      boots_(settings_->nodes.size(), 1) {}

wire::NodeHello Nodes::hello(NodeIndex node) const {
  const model::NodeSetting& setting = settings_->nodes[node.value];
  wire::NodeHello hello;
  hello.name = setting.name;
  hello.facts = setting.facts;
  hello.facts.hostname = setting.name;
  hello.facts.boot_id = fmt::format("boot-{}", boots_[node.value]);
  return hello;
}

template <class Message>
void Nodes::say(NodeIndex node, const Message& message, Micros delay) {
  timeline_.after(delay, [this, said = Said{node, Message::kType, wire::encode(message)},
                          boot = boots_[node.value]] {
    if (boots_[said.node.value] == boot) say_(said);
  });
}

void Nodes::take(NodeIndex node, wire::MessageType type, std::string_view payload) {
  switch (type) {
    case wire::MessageType::launch_job:
      return launch(node, *wire::decode<wire::LaunchJob>(payload));
    case wire::MessageType::terminate_job:
      return terminate(node, *wire::decode<wire::TerminateJob>(payload));
    case wire::MessageType::suspend_job:
      return freeze({node, wire::decode<wire::SuspendJob>(payload)->attempt});
    case wire::MessageType::resume_job:
      return thaw({node, wire::decode<wire::ResumeJob>(payload)->attempt});
    default: return;  // welcomes, acknowledgements, signals that nobody heeds
  }
}

void Nodes::lose(NodeIndex node) {
  ++boots_[node.value];
  std::erase_if(runs_, [node](const auto& run) { return run.first.first == node; });
}

void Nodes::launch(NodeIndex node, const wire::LaunchJob& order) {
  const model::Job& job = order.job;
  const Key key{node, Attempt{job.uid, job.attempt}};
  if (runs_.contains(key)) return;
  Run& run = runs_[key];
  run.job = job.id;
  run.how = behaviours_[job.spec->name.str()];
  if (job.array_job.is_set()) run.how.run += job.array_task * kTaskStep;
  run.has_script = job.allocation->shares.front().node == node && job.het_offset == 0;
  run.alone = job.allocation->shares.size() == 1 && job.het_count == 0;
  wire::JobPrepared prepared;
  prepared.serial = ++serial_;
  prepared.attempt = key.second;
  prepared.job = job.id;
  say(node, prepared, kPrepare);
  const Micros runs = run.how.launch_fails ? kPrepare : run.how.run;
  if (run.has_script) set_end(key, run, timeline_.now() + std::max(runs, 2 * kPrepare));
}

void Nodes::set_end(const Key& key, Run& run, Micros when) {
  run.ends = when;
  run.number = ++timers_;
  timeline_.at(when, [this, key, number = run.number] {
    const auto found = runs_.find(key);
    if (found != runs_.end() && found->second.number == number) end(key);
  });
}

void Nodes::end(const Key& key) {
  const auto found = runs_.find(key);
  const Run run = found->second;
  wire::BatchEnded ended;
  ended.serial = ++serial_;
  ended.attempt = key.second;
  ended.job = run.job;
  ended.exit_code = run.how.exit_code << 8U;
  ended.out_of_memory = run.how.out_of_memory;
  ended.launch_failed = run.how.launch_fails;
  if (run.how.launch_fails) ended.error = "the scenario says so";
  ended.ended = timeline_.wall();
  ended.released = run.alone;
  if (run.alone) {
    runs_.erase(found);
  } else {
    found->second.number = 0;  // it waits to be told to clean up
  }
  say(key.first, ended, 0);
}

void Nodes::terminate(NodeIndex node, const wire::TerminateJob& order) {
  runs_.erase({node, order.attempt});
  wire::NodeReleased released;
  released.serial = ++serial_;
  released.attempt = order.attempt;
  released.job = order.job;
  say(node, released, kClean);
}

void Nodes::freeze(const Key& key) {
  const auto found = runs_.find(key);
  if (found == runs_.end() || found->second.frozen) return;
  Run& run = found->second;
  run.frozen = true;
  if (run.number == 0) return;
  run.left = std::max<Micros>(run.ends - timeline_.now(), 0);
  run.number = ++timers_;  // the timer under way counts no more
}

void Nodes::thaw(const Key& key) {
  const auto found = runs_.find(key);
  if (found == runs_.end() || !found->second.frozen) return;
  Run& run = found->second;
  run.frozen = false;
  if (run.number != 0) set_end(key, run, timeline_.now() + run.left);
}

}  // namespace sluice::books
