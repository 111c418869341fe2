// The settings that a replay runs under.
#include <algorithm>
#include <memory>
#include <string>

#include "model/site_order.hpp"
#include "replay/replay.hpp"

namespace sluice::replay {

namespace {

constexpr std::uint32_t kSecondsPerMinute = 60;
constexpr std::uint32_t kForgetAfter_s = 1;  // what is over need not be shown to anybody

std::uint32_t in_seconds(std::uint32_t minutes) {
  const bool unlimited = minutes >= model::kUnlimited / kSecondsPerMinute;
  return unlimited ? model::kUnlimited : minutes * kSecondsPerMinute;
}

void suit_replay(model::Settings& settings) {
  settings.limit_unit_ms = 1000;
  settings.min_job_age_s = kForgetAfter_s;
  settings.max_job_count = model::kUnlimited;
  settings.max_job_id = model::kUnlimited - 1;
  settings.first_job_id = 1;
  settings.reason_interval_ms = model::kUnlimited;  // nobody reads reasons
}

}  // namespace

void set_policy(model::Settings& settings, Policy policy) {
  settings.backfill = policy != Policy::fcfs;
  settings.backfill_policy = policy == Policy::conservative ? model::BackfillPolicy::conservative
                                                            : model::BackfillPolicy::easy;
  settings.priority = {};
  if (policy != Policy::site) {
    settings.priority.calc_period_s = model::kUnlimited;  // nobody asks who has used how much
    return;
  }
  settings.backfill_policy = model::BackfillPolicy::window;
  model::follow_site_order(settings);
}

core::SettingsPtr trace_settings(const Machine& machine, Policy policy) {
  auto made = std::make_shared<model::Settings>();
  suit_replay(*made);
  set_policy(*made, policy);
  made->track_memory = false;
  const std::int64_t each = machine.per_node == 0 ? machine.processors : machine.per_node;
  for (std::int64_t left = machine.processors; left > 0; left -= each) {
    model::NodeSetting node;
    node.name = "p" + std::to_string(made->nodes.size() + 1);
    node.facts.sockets = 1;
    node.facts.cores_per_socket = static_cast<std::uint32_t>(std::min(each, left));
    node.facts.threads_per_core = 1;
    node.facts_fixed = true;
    made->nodes.push_back(std::move(node));
  }
  model::Partition all;
  all.name = "trace";
  all.nodes = "ALL";
  all.is_default = true;
  made->partitions.push_back(std::move(all));
  return made;
}

core::SettingsPtr trace_settings(const model::Settings& configured) {
  auto made = std::make_shared<model::Settings>(configured);
  suit_replay(*made);
  for (model::Partition& partition : made->partitions) {
    partition.max_time = in_seconds(partition.max_time);
    partition.default_time = in_seconds(partition.default_time);
  }
  return made;
}

}  // namespace sluice::replay
