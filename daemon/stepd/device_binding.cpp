// See the header.
#include "daemon/stepd/device_binding.hpp"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::stepd {
namespace {

using base::Bitmap;

constexpr std::size_t kMostDevices = 1024;  // of a mask

// "0*2,1" -> 0 0 1; no task needs more entries than there are tasks.
std::vector<std::string> written_out(std::string_view list) {
  constexpr std::uint32_t kMost = 65536;
  std::vector<std::string> entries;
  for (const std::string_view entry : base::split_nonempty(list, ',')) {
    const base::Cut repeat = base::cut(entry, '*');
    const std::uint32_t times = base::parse_u32(repeat.after).value_or(1);
    const std::size_t room = kMost - std::min<std::size_t>(kMost, entries.size());
    entries.insert(entries.end(), std::min<std::size_t>(times, room), std::string(repeat.before));
  }
  return entries;
}

// "verbose,single:2" of one GRES name.
std::optional<DeviceRuleOfTasks> parse_rule(std::string_view name, std::string_view text) {
  DeviceRuleOfTasks rule;
  rule.name = name;
  rule.text = text;
  const std::string lower = base::to_lower(text);
  std::string_view rest = lower;
  for (const std::string_view word : {"verbose,", "v,", "quiet,", "q,"}) {
    if (!rest.starts_with(word)) continue;
    rule.verbose = word.front() == 'v';
    rest.remove_prefix(word.size());
    break;
  }
  const base::Cut parts = base::cut(rest, ':');
  const std::string_view word = parts.before;
  if (word == "none") {
    rule.kind = DeviceBind::none;
  } else if (word == "closest") {
    rule.kind = DeviceBind::closest;
  } else if (word == "single" || word == "per_task") {
    rule.kind = word == "single" ? DeviceBind::single : DeviceBind::per_task;
    rule.count = std::max(base::parse_u32(parts.after).value_or(1), 1U);
  } else if (word == "map_gpu" || word == "map" || word == "mask_gpu" || word == "mask") {
    rule.kind = word.starts_with("mask") ? DeviceBind::mask : DeviceBind::map;
    rule.list = written_out(parts.after);
    if (rule.list.empty()) return std::nullopt;
  } else {
    return std::nullopt;
  }
  return rule;
}

// "gres/gpu:closest+gres/npu:single:1"
void add_tres_rules(std::vector<DeviceRuleOfTasks>& rules, std::string_view text) {
  for (std::string_view part : base::split_nonempty(text, '+')) {
    if (part.starts_with("gres/")) part.remove_prefix(5);
    const base::Cut named = base::cut(part, ':');
    if (auto rule = parse_rule(named.before, named.after)) rules.push_back(std::move(*rule));
  }
}

bool has_rule(const std::vector<DeviceRuleOfTasks>& rules, std::string_view name) {
  return std::ranges::any_of(rules, [&](const auto& rule) { return rule.name == name; });
}

void add_implied(std::vector<DeviceRuleOfTasks>& rules, std::string_view name, DeviceBind kind,
                 std::uint64_t count) {
  if (count == 0 || has_rule(rules, name)) return;
  DeviceRuleOfTasks rule;
  rule.name = name;
  rule.kind = kind;
  rule.count = static_cast<std::uint32_t>(count);
  rule.text = fmt::format("{}:{}", kind == DeviceBind::single ? "single" : "per_task", count);
  rules.push_back(std::move(rule));
}

// The devices beside the task's CPUs; all where none is, or nobody knows.
std::vector<std::size_t> close_devices(const StepDevices& devices,
                                       const std::vector<std::size_t>& own, const Bitmap& cpus) {
  std::vector<std::size_t> close;
  for (const std::size_t position : own) {
    const model::Device* const device = devices.all()[position].device;
    if (device == nullptr || device->cpus.none() || cpus.none()) {
      close.push_back(position);
      continue;
    }
    Bitmap beside = device->cpus;
    Bitmap task = cpus;
    const std::size_t size = std::max(beside.size(), task.size());
    beside.resize(size);
    task.resize(size);
    if (beside.intersects(task)) close.push_back(position);
  }
  return close.empty() ? own : close;
}

// Numbers of a map or mask count the step's devices from 0 behind a device cgroup; else they are
// the host's.
std::vector<std::size_t> numbered(const StepDevices& devices, const std::vector<std::size_t>& own,
                                  const Bitmap& numbers) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const std::size_t number = devices.renumbered() ? i : devices.all()[own[i]].number;
    if (number < numbers.size() && numbers.test(number)) chosen.push_back(own[i]);
  }
  return chosen;
}

std::vector<std::size_t> listed(const DeviceRuleOfTasks& rule, const StepDevices& devices,
                                const std::vector<std::size_t>& own, std::uint32_t local) {
  const std::string& entry = rule.list[local % rule.list.size()];
  if (rule.kind == DeviceBind::mask) {
    const auto mask = Bitmap::from_hex(entry, kMostDevices);
    return mask ? numbered(devices, own, *mask) : std::vector<std::size_t>();
  }
  const auto number = base::parse_u32(entry);
  if (!number || *number >= kMostDevices) return {};
  Bitmap one(kMostDevices);
  one.set(*number);
  return numbered(devices, own, one);
}

// The CPUs of a task in the node's own numbers.
Bitmap cpus_of(const StepView& step, const TaskPlan& task) {
  const std::vector<std::uint32_t>& os = step.launch.os_cpus;
  if (task.cpus.size() == 0 || os.empty()) return step.node().share.cpus;
  Bitmap cpus(os.size());
  for (std::size_t i = 0; i < os.size(); ++i) {
    if (os[i] < task.cpus.size() && task.cpus.test(os[i])) cpus.set(i);
  }
  return cpus;
}

// What --gpu-bind=verbose tells, in Slurm's words.
std::string report(const DeviceRuleOfTasks& rule, const StepDevices& devices,
                   const DeviceChoice& choice) {
  const std::vector<std::size_t> own = devices.of(rule.name);
  Bitmap usable(own.size());
  Bitmap allocated(kMostDevices);
  for (std::size_t i = 0; i < own.size(); ++i) {
    const std::uint32_t number = devices.all()[own[i]].number;
    if (number < kMostDevices) allocated.set(number);
    if (std::ranges::find(choice.positions, own[i]) != choice.positions.end()) usable.set(i);
  }
  std::string global;
  std::string local;
  for (const std::size_t position : choice.positions) {
    const char* const comma = global.empty() ? "" : ",";
    global += fmt::format("{}{}", comma, devices.all()[position].number);
    local += fmt::format("{}{}", comma, devices.visible_number(position));
  }
  return fmt::format(
      "{}-bind: usable_gres={}; bit_alloc={}; local_inx={}; global_list={}; local_list={}\n",
      rule.name, usable.to_hex(), allocated.to_hex(), own.size(), global, local);
}

struct Bound {
  const StepView& step;
  const StepDevices& devices;
  const std::vector<DeviceRuleOfTasks>& rules;
};

void bind_task(const Bound& bound, TaskPlan& task) {
  const StepDevices& devices = bound.devices;
  Sight sight = devices.everything();
  std::string asked;
  std::string reports;
  bool silent = false;
  for (const DeviceRuleOfTasks& rule : bound.rules) {
    const std::vector<std::size_t> own = devices.of(rule.name);
    if (own.empty()) continue;
    asked += fmt::format("{}{}:{}", asked.empty() ? "" : "+", rule.name, rule.text);
    if (rule.kind == DeviceBind::none) {
      silent = silent || devices.renumbered();
      continue;
    }
    const TaskPlace place{task.task, task.local, cpus_of(bound.step, task)};
    const DeviceChoice choice = choose_devices(rule, devices, place);
    for (const std::size_t position : own) sight[position] = false;
    for (const std::size_t position : choice.positions) sight[position] = true;
    for (const std::string& text : choice.complaints) {
      task.notes += fmt::format("slurmstepd-{}: error: {}\n", bound.step.settings.node_name, text);
    }
    if (rule.verbose) reports += report(rule, devices, choice);
  }
  if (asked.empty()) return;
  task.notes += reports;
  devices.set_variables(task.environment, sight);
  const std::string gpus = devices.gpu_numbers(sight);
  if (!gpus.empty()) task.environment.set("SLURM_STEP_GPUS", gpus);
  if (silent) devices.clear_variables(task.environment);
  task.environment.set("SLURMD_TRES_BIND", asked);
}

}  // namespace

std::vector<DeviceRuleOfTasks> device_rules_of(const StepView& step) {
  const model::StepSpec& spec = step.launch.spec;
  std::vector<DeviceRuleOfTasks> rules;
  if (!spec.gpu_bind.empty()) {
    if (auto rule = parse_rule("gpu", spec.gpu_bind.view())) rules.push_back(std::move(*rule));
  }
  add_tres_rules(rules, spec.tres_bind.view());
  add_implied(rules, "gpu", DeviceBind::per_task, spec.gpus_per_task);
  for (const model::GresRequest& gres : spec.gres) {
    if (gres.scope != model::GresScope::task) continue;
    add_implied(rules, gres.name.view(), DeviceBind::per_task, gres.count);
  }
  if (step.job().request) {
    add_implied(rules, "gpu", DeviceBind::single, step.job().request->tasks_per_gpu);
  }
  return rules;
}

DeviceChoice choose_devices(const DeviceRuleOfTasks& rule, const StepDevices& devices,
                            const TaskPlace& place) {
  const std::vector<std::size_t> own = devices.of(rule.name);
  DeviceChoice choice;
  if (own.empty()) return choice;
  const std::size_t local = place.local;
  switch (rule.kind) {
    case DeviceBind::none: choice.positions = own; break;
    case DeviceBind::closest: choice.positions = close_devices(devices, own, place.cpus); break;
    case DeviceBind::single: {
      const auto close = close_devices(devices, own, place.cpus);
      choice.positions = {close[local / rule.count % close.size()]};
      break;
    }
    case DeviceBind::per_task:
      for (std::size_t i = local * rule.count; i < (local + 1) * rule.count; ++i) {
        if (i < own.size()) choice.positions.push_back(own[i]);
      }
      if (choice.positions.size() < rule.count) {
        choice.complaints.push_back(
            fmt::format("Not enough {}s to bind for {}s per task", rule.name, rule.name));
      }
      break;
    case DeviceBind::map:
    case DeviceBind::mask: choice.positions = listed(rule, devices, own, place.local); break;
  }
  if (choice.positions.empty()) {
    choice.complaints.push_back(
        fmt::format("Bind request {}:{} does not specify any devices within the allocation for "
                    "task {}. Binding to the first device in the allocation instead.",
                    rule.name, rule.text, place.task));
    choice.positions = {own.front()};
  }
  return choice;
}

void bind_devices(const StepView& step, StepPlan& plan) {
  // One task sees all that its step has.
  if (step.is_batch() || step.launch.layout.tasks < 2) return;
  const std::vector<DeviceRuleOfTasks> rules = device_rules_of(step);
  if (rules.empty()) return;
  const StepDevices devices(step.settings, step.node().share);
  const Bound bound{step, devices, rules};
  for (TaskPlan& task : plan.tasks) bind_task(bound, task);
}

}  // namespace sluice::stepd
