// See site.hpp.
#include "test/histories/site.hpp"

#include <fmt/core.h>

#include "test/support/account_builders.hpp"

namespace sluice::histories {

namespace {

using model::PreemptMode;

std::uint32_t up_to(Random& random, std::uint32_t low, std::uint32_t high) {
  return static_cast<std::uint32_t>(random.between(low, high));
}

void draw_nodes(Random& random, model::Settings& settings) {
  const std::uint32_t kinds = up_to(random, 1, 3);
  const std::uint32_t count = up_to(random, 1, 6);
  std::vector<model::NodeSetting> drawn(kinds);
  const char* const features[] = {"", "a", "b", "a,b"};
  for (model::NodeSetting& kind : drawn) {
    kind.facts.cores_per_socket = up_to(random, 1, 8);
    kind.facts.memory = 1000ULL * up_to(random, 1, 4);
    kind.facts_fixed = true;
    kind.features = features[random.below(4)];
    kind.weight = up_to(random, 1, 2);
    const std::uint32_t gpus = random.percent(50) ? up_to(random, 1, 3) : 0;
    if (gpus == 0) continue;
    model::NodeGres gres{.name = "gpu", .type = "x", .count = gpus};
    for (std::uint32_t g = 0; g < gpus; ++g) {
      gres.files.emplace_back(fmt::format("/dev/x{}", g));
      gres.devices.emplace_back().file = gres.files.back();
    }
    kind.facts.gres = {gres};
  }
  for (std::uint32_t n = 0; n < count; ++n) {
    model::NodeSetting node = drawn[random.below(kinds)];
    node.name = fmt::format("n{}", n + 1);
    settings.nodes.push_back(node);
  }
}

void draw_partitions(Random& random, model::Settings& settings) {
  const PreemptMode modes[] = {PreemptMode::off, PreemptMode::cancel, PreemptMode::requeue,
                               PreemptMode::suspend};
  const auto nodes = static_cast<std::uint32_t>(settings.nodes.size());
  const std::uint32_t count = up_to(random, 1, 3);
  for (std::uint32_t p = 0; p < count; ++p) {
    model::Partition made;
    made.index = PartitionIndex(p);
    made.name = fmt::format("p{}", p);
    made.nodes = "ALL";
    made.is_default = p == 0;
    if (p > 0 && random.percent(60)) {
      const std::uint32_t first = up_to(random, 1, nodes);
      made.nodes = fmt::format("n[{}-{}]", first, up_to(random, first, nodes));
    }
    made.priority_tier = up_to(random, 1, 3);
    made.priority_job_factor = up_to(random, 1, 10);
    if (random.percent(25)) made.max_time = up_to(random, 20, 90);
    if (random.percent(25)) made.qos = "partition";
    if (random.percent(20)) made.preempt_mode = modes[random.below(4)];
    if (random.percent(20)) made.grace_time = up_to(random, 1, 90);
    settings.partitions.push_back(made);
  }
}

void draw_priority(Random& random, Site& site) {
  model::PrioritySettings& priority = site.settings.priority;
  if (random.percent(30)) return;
  priority.type = model::PriorityType::multifactor;
  const auto weight = [&] { return random.percent(50) ? up_to(random, 1, 2000) : 0; };
  priority.weight_job_size = weight();
  priority.weight_partition = weight();
  priority.weight_qos = weight();
  priority.weight_association = weight();
  priority.favor_small = random.percent(50);
  if (site.steady) return;
  priority.weight_age = weight();
  priority.weight_fairshare = weight();
  priority.max_age_s = up_to(random, 600, 86'400);
  priority.calc_period_s = up_to(random, 30, 600);
  priority.decay_half_life_s = random.percent(50) ? up_to(random, 600, 86'400) : 0;
  if (random.percent(30)) priority.weight_tres = "CPU=500,Mem=300,GRES/gpu=700";
}

void draw_preemption(Random& random, model::Settings& settings) {
  if (!random.percent(40)) return;
  const PreemptMode modes[] = {PreemptMode::cancel, PreemptMode::requeue, PreemptMode::suspend};
  settings.preempt.type =
      random.percent(50) ? model::PreemptType::partition_prio : model::PreemptType::qos;
  settings.preempt.mode = modes[random.below(3)];
  if (random.percent(30)) settings.preempt.exempt_time_s = up_to(random, 1, 600);
  settings.preempt.reorder_by_youngest = random.percent(30);
}

model::TresCounts some_tres(Random& random, std::uint32_t scale) {
  model::TresCounts counts;
  const model::TresId ids[] = {model::kTresCpu, model::kTresMemory, model::kTresNode,
                               model::kFirstConfiguredTres};
  for (const model::TresId id : ids) {
    if (!random.percent(18)) continue;
    const std::uint32_t unit = id == model::kTresMemory ? 400 : 1;
    counts.push_back({id, std::int64_t{unit} * up_to(random, 1, scale)});
  }
  return counts;
}

template <class LimitsOfEither>
void draw_group_limits(Random& random, LimitsOfEither& limits) {
  const auto number = [&](std::uint32_t& limit, std::uint32_t percent, std::uint32_t most) {
    limit = random.percent(percent) ? up_to(random, 1, most) : model::kNoLimit;
  };
  limits.grp_tres = some_tres(random, 12);
  limits.grp_tres_run_mins = random.percent(30) ? some_tres(random, 400) : model::TresCounts{};
  limits.grp_tres_mins = random.percent(20) ? some_tres(random, 900) : model::TresCounts{};
  number(limits.grp_jobs, 15, 6);
  number(limits.grp_jobs_accrue, 10, 3);
  number(limits.grp_submit_jobs, 8, 25);
  number(limits.grp_wall, 8, 300);
  limits.max_tres_per_job = random.percent(40) ? some_tres(random, 8) : model::TresCounts{};
  limits.max_tres_per_node = random.percent(20) ? some_tres(random, 6) : model::TresCounts{};
  limits.max_tres_mins_per_job = random.percent(20) ? some_tres(random, 200) : model::TresCounts{};
  number(limits.max_wall_per_job, 8, 60);
}

void draw_limits(Random& random, model::AssociationLimits& limits) {
  draw_group_limits(random, limits);
  if (random.percent(15)) limits.max_jobs = up_to(random, 1, 4);
  if (random.percent(10)) limits.max_submit_jobs = up_to(random, 1, 15);
  if (random.percent(10)) limits.max_jobs_accrue = up_to(random, 1, 3);
  if (random.percent(15)) limits.max_tres_run_mins = some_tres(random, 300);
}

void draw_limits(Random& random, model::QosLimits& limits) {
  draw_group_limits(random, limits);
  if (random.percent(15)) limits.max_jobs_per_user = up_to(random, 1, 4);
  if (random.percent(15)) limits.max_jobs_per_account = up_to(random, 1, 5);
  if (random.percent(8)) limits.max_submit_jobs_per_user = up_to(random, 1, 15);
  if (random.percent(20)) limits.max_tres_per_user = some_tres(random, 10);
  if (random.percent(20)) limits.max_tres_per_account = some_tres(random, 10);
  if (random.percent(15)) limits.max_tres_run_mins_per_user = some_tres(random, 300);
  if (random.percent(15)) limits.max_tres_run_mins_per_account = some_tres(random, 300);
  if (random.percent(10)) limits.min_tres_per_job = some_tres(random, 2);
}

void draw_qos(Random& random, const Site& site, model::AccountsEdit& edit) {
  for (auto& one : edit.qos) {
    model::Qos& qos = one.record;
    qos.priority = random.below(100);
    if (site.limits && random.percent(60)) draw_limits(random, qos.limits);
    if (random.percent(30)) qos.flags |= model::kQosOverPartQos;
    if (random.percent(10)) qos.flags |= model::kQosDenyOnLimit;
    if (random.percent(10)) qos.flags |= model::kQosNoDecay;
    if (random.percent(15)) qos.grace_time = up_to(random, 1, 60);
  }
}

}  // namespace

Site draw_site(Random& random) {
  Site site;
  site.steady = random.percent(35);
  if (random.percent(12)) site.slice = up_to(random, 1, 4);
  if (random.percent(15)) site.cuts = 40;
  site.limits = !site.steady && random.percent(70);
  site.reservations = random.percent(40);
  model::Settings& settings = site.settings;
  settings.reason_interval_ms = 0;
  settings.min_job_age_s = 120;
  settings.kill_wait_s = 30;
  settings.default_memory_per_node = 100;
  draw_nodes(random, settings);
  draw_partitions(random, settings);
  draw_priority(random, site);
  if (!site.steady) draw_preemption(random, settings);
  settings.enforce = {.associations = true, .limits = site.limits, .qos = true};
  settings.enforce.safe = site.limits && random.percent(40);
  if (!site.steady && random.percent(50)) settings.licenses = {{"lic", 3}, {"pen", 1}};
  settings.accounting_tres = {"gres/gpu"};
  if (random.percent(20)) settings.backfill_window_min = up_to(random, 60, 300);
  if (random.percent(20)) settings.backfill_reserve = up_to(random, 1, 3);
  if (!site.steady && random.percent(20)) settings.plan_anew_steps = up_to(random, 0, 60);
  site.users = {"u0", "u1", "u2", "u3"};
  for (std::uint32_t a = up_to(random, 1, 5); a > 0; --a) {
    site.accounts.push_back(fmt::format("a{}", a));
  }
  site.qos = {"normal", "high", "low"};
  return site;
}

model::AccountsEdit draw_accounts(Random& random, const Site& site,
                                  const model::Accounts& accounts) {
  test::AccountsEditor editor(accounts);
  const auto draw = [&](model::Association& one) {
    one.shares = random.percent(5) ? model::kShareOfParent : up_to(random, 1, 20);
    if (random.percent(20)) one.priority = random.below(50);
    if (site.limits && random.percent(50)) draw_limits(random, one.limits);
  };
  for (const char* name : {"high", "low", "partition"}) editor.qos(name);
  draw_qos(random, site, editor.edit());
  if (random.percent(60)) {
    editor.edit().qos[0].record.preempt = {Text("low"), Text("normal")};
  }
  editor.change("root", "", [&](model::Association& root) {
    root.qos = {Text("high"), Text("low"), Text("normal"), Text("partition")};
    root.qos_own = true;
    root.default_qos = "normal";
    if (site.limits && random.percent(20)) draw_limits(random, root.limits);
  });
  std::vector<std::string> parents = {"root"};
  for (const std::string& account : site.accounts) {
    editor.account(account, parents[random.below(static_cast<std::uint32_t>(parents.size()))]);
    editor.with(draw);
    parents.push_back(account);
  }
  for (const std::string& user : site.users) {
    const std::uint32_t first = random.below(static_cast<std::uint32_t>(site.accounts.size()));
    editor.user(user, site.accounts[first]).with([&](auto& one) { one.is_default = true; });
    editor.with(draw);
    if (site.accounts.size() > 1 && random.percent(40)) {
      editor.user(user, site.accounts[(first + 1) % site.accounts.size()]).with(draw);
    }
  }
  return editor.edit();
}

model::AccountsEdit draw_change(Random& random, const Site& site, const model::Accounts& accounts) {
  model::AccountsEdit edit;
  edit.generation = accounts.generation;
  if (site.limits && random.percent(40)) {
    const auto& list = accounts.qos;
    model::Qos qos = list[random.below(static_cast<std::uint32_t>(list.size()))];
    qos.limits = {};
    if (random.percent(70)) draw_limits(random, qos.limits);
    edit.qos.push_back({qos, false});
    return edit;
  }
  const auto& list = accounts.associations;
  model::Association one = list[random.below(static_cast<std::uint32_t>(list.size()))];
  if (one.parent != 0 && random.percent(40)) one.shares = up_to(random, 1, 20);
  if (site.limits) {
    one.limits = {};
    if (random.percent(60)) draw_limits(random, one.limits);
  }
  edit.associations.push_back({one, {}, false});
  return edit;
}

}  // namespace sluice::histories
