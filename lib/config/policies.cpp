// See policies.hpp.
#include "config/policies.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

#include "base/duration.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "config/accounting.hpp"
#include "model/site_order.hpp"

namespace sluice::config {

namespace {

struct FlagName {
  std::string_view name;
  std::uint32_t flag;
};
constexpr auto kFlags = std::to_array<FlagName>({
    {"ACCRUE_ALWAYS", model::kPriorityAccrueAlways},
    {"CALCULATE_RUNNING", model::kPriorityCalculateRunning},
    {"MAX_TRES", model::kPriorityMaxTres},
    {"MAX_TRES_GRES", model::kPriorityMaxTresGres},
    {"NO_NORMAL_ALL", model::kPriorityNoNormalAll},
    {"NO_NORMAL_ASSOC", model::kPriorityNoNormalAssoc},
    {"NO_NORMAL_PART", model::kPriorityNoNormalPart},
    {"NO_NORMAL_QOS", model::kPriorityNoNormalQos},
    {"NO_NORMAL_TRES", model::kPriorityNoNormalTres},
    {"SMALL_RELATIVE_TO_TIME", model::kPrioritySmallRelativeToTime},
});

struct ResetName {
  std::string_view name;
  model::UsageReset reset;
};
constexpr auto kResets = std::to_array<ResetName>({
    {"NONE", model::UsageReset::none},
    {"NOW", model::UsageReset::now},
    {"DAILY", model::UsageReset::daily},
    {"WEEKLY", model::UsageReset::weekly},
    {"MONTHLY", model::UsageReset::monthly},
    {"QUARTERLY", model::UsageReset::quarterly},
    {"YEARLY", model::UsageReset::yearly},
});

struct ModeName {
  std::string_view name;
  model::PreemptMode mode;
};
constexpr auto kModes = std::to_array<ModeName>({
    {"OFF", model::PreemptMode::off},
    {"CANCEL", model::PreemptMode::cancel},
    {"REQUEUE", model::PreemptMode::requeue},
    {"SUSPEND", model::PreemptMode::suspend},
});

Status expected(std::string form) { return fail(ErrorCode::invalid_argument, std::move(form)); }

template <class Names>
std::string list_of(const Names& names) {
  std::string text;
  for (const auto& one : names) text += (text.empty() ? "" : ", ") + std::string(one.name);
  return text;
}

// What comes after "priority/" or "preempt/", which may be left out.
std::string plugin(const std::string& value, std::string_view kind) {
  const std::string prefix = std::string(kind) + "/";
  return base::to_lower(base::istarts_with(value, prefix) ? value.substr(prefix.size()) : value);
}

Setter priority_type(model::PriorityType& out) {
  return [&out](const std::string& value) -> Status {
    const std::string name = plugin(value, "priority");
    if (name != "basic" && name != "multifactor") {
      return expected("priority/basic or priority/multifactor");
    }
    out = name == "basic" ? model::PriorityType::basic : model::PriorityType::multifactor;
    return {};
  };
}

Setter priority_flags(std::uint32_t& out) {
  return [&out](const std::string& value) -> Status {
    std::uint32_t flags = 0;
    for (const std::string_view part : base::split_nonempty(value, ',')) {
      const std::string_view name = base::trim(part);
      const auto flag = std::ranges::find_if(
          kFlags, [&](const FlagName& one) { return base::iequals(one.name, name); });
      if (flag == kFlags.end()) return expected("a list of " + list_of(kFlags));
      flags |= flag->flag;
    }
    out = flags;
    return {};
  };
}

Setter usage_reset(model::UsageReset& out) {
  return [&out](const std::string& value) -> Status {
    for (const ResetName& one : kResets) {
      if (!base::iequals(one.name, value)) continue;
      out = one.reset;
      return {};
    }
    return expected("one of " + list_of(kResets));
  };
}

// A time as Slurm writes it, in seconds.
Setter span_of_time(std::uint32_t& out, std::uint32_t least) {
  return [&out, least](const std::string& value) -> Status {
    const Result<std::int64_t> parsed = base::parse_duration(value);
    constexpr std::int64_t kMost = 100LL * 366 * 86'400;
    if (!parsed || *parsed < least || *parsed > kMost) {
      return expected(least == 0 ? "a time (minutes, h:m:s, d-h:m:s)"
                                 : "a time above 0 (minutes, h:m:s, d-h:m:s)");
    }
    out = static_cast<std::uint32_t>(*parsed);
    return {};
  };
}

Setter exempt_time(std::uint32_t& out) {
  return [&out](const std::string& value) -> Status {
    if (value == "-1") {
      out = 0;
      return {};
    }
    return span_of_time(out, 0)(value);
  };
}

Setter preempt_type(model::PreemptType& out) {
  return [&out](const std::string& value) -> Status {
    const std::string name = plugin(value, "preempt");
    if (name == "none") {
      out = model::PreemptType::none;
    } else if (name == "partition_prio") {
      out = model::PreemptType::partition_prio;
    } else if (name == "qos") {
      out = model::PreemptType::qos;
    } else {
      return expected("preempt/none, preempt/partition_prio or preempt/qos");
    }
    return {};
  };
}

bool read_mode(std::string_view name, model::PreemptMode& out) {
  const auto mode = std::ranges::find_if(
      kModes, [&](const ModeName& one) { return base::iequals(one.name, name); });
  if (mode == kModes.end()) return false;
  out = mode->mode;
  return true;
}

Setter preempt_mode(model::PreemptSettings& out) {
  return [&out](const std::string& value) -> Status {
    model::PreemptSettings read = out;
    read.mode = model::PreemptMode::off;
    read.gang = false;
    bool some = false;
    for (const std::string_view part : base::split_nonempty(value, ',')) {
      const std::string_view name = base::trim(part);
      if (base::iequals(name, "GANG")) {
        read.gang = true;
      } else if (some || !read_mode(name, read.mode)) {
        return expected("one of " + list_of(kModes) + ", perhaps with GANG");
      } else {
        some = true;
      }
    }
    out = read;
    return {};
  };
}

Setter preempt_parameters(model::PreemptSettings& out) {
  return [&out](const std::string& value) -> Status {
    model::PreemptSettings read = out;
    for (const std::string_view part : base::split_nonempty(value, ',')) {
      const base::Cut cut = base::cut(base::trim(part), '=');
      const auto is = [&](std::string_view name) { return base::iequals(cut.before, name); };
      const Result<std::uint32_t> number = base::parse_u32(cut.after);
      if (is("youngest_first") && !cut.found) {
        read.reorder_by_youngest = true;
      } else if (is("send_user_signal") && !cut.found) {
        read.send_user_signal = true;
      } else if (is("strict_order") && !cut.found) {
        read.strict_order = true;
      } else if (is("reorder_count") && number) {
        read.reorder_count = *number;
      } else if (is("min_exempt_priority") && number) {
        read.min_exempt_priority = *number;
      } else {
        return expected(
            "a list of youngest_first, strict_order, send_user_signal, reorder_count=number, "
            "min_exempt_priority=number");
      }
    }
    out = read;
    return {};
  };
}

int line_of(const YamlValue& root, std::string_view key) {
  for (const auto& [name, value] : root.entries) {
    if (name == key) return value.line;
  }
  return 0;
}

// Of local time: what the midnights of usage resets are in.
std::int32_t utc_offset() {
  const std::time_t now = std::time(nullptr);
  std::tm local = {};
  if (localtime_r(&now, &local) == nullptr) return 0;
  return static_cast<std::int32_t>(local.tm_gmtoff);
}

// From a month ago on, for as long as a controller may run with one configuration. Zones change
// their offsets on whole minutes, and not twice in a day.
model::LocalClock local_clock() {
  constexpr std::time_t kDay = 86'400;
  constexpr std::time_t kDays = 10 * 366;
  const auto offset = [](std::time_t when) {
    std::tm local = {};
    return localtime_r(&when, &local) == nullptr ? 0 : static_cast<std::int32_t>(local.tm_gmtoff);
  };
  model::LocalClock clock;
  std::time_t day = (std::time(nullptr) / kDay - 31) * kDay;
  clock.changes.push_back({day * model::kSecond, offset(day)});
  for (const std::time_t end = day + kDays * kDay; day < end; day += kDay) {
    const std::int32_t after = offset(day + kDay);
    if (after == clock.changes.back().offset_s) continue;
    std::time_t low = day;
    std::time_t high = day + kDay;
    while (low + 1 < high) {
      const std::time_t middle = low + (high - low) / 2;
      (offset(middle) == after ? high : low) = middle;
    }
    clock.changes.push_back({high * model::kSecond, after});
  }
  return clock;
}

std::string flags_text(std::uint32_t flags) {
  std::string text;
  for (const FlagName& one : kFlags) {
    if ((flags & one.flag) == 0) continue;
    text += (text.empty() ? "" : ",") + std::string(one.name);
  }
  return text;
}

std::string mode_text(const model::PreemptSettings& preempt) {
  std::string text = preempt.gang ? "GANG" : "";
  for (const ModeName& one : kModes) {
    if (one.mode != preempt.mode) continue;
    if (preempt.gang && one.mode == model::PreemptMode::off) continue;
    text += (text.empty() ? "" : ",") + std::string(one.name);
  }
  return text;
}

std::string parameters_text(const model::PreemptSettings& preempt) {
  std::string text;
  const auto add = [&](bool is_set, const std::string& word) {
    if (is_set) text += (text.empty() ? "" : ",") + word;
  };
  const model::PreemptSettings usual;
  add(preempt.min_exempt_priority != usual.min_exempt_priority,
      "min_exempt_priority=" + std::to_string(preempt.min_exempt_priority));
  add(preempt.reorder_count != usual.reorder_count,
      "reorder_count=" + std::to_string(preempt.reorder_count));
  add(preempt.send_user_signal, "send_user_signal");
  add(preempt.strict_order, "strict_order");
  add(preempt.reorder_by_youngest, "youngest_first");
  return text.empty() ? "(null)" : text;
}

}  // namespace

std::vector<Key> policy_keys(model::Settings& settings) {
  model::PrioritySettings& p = settings.priority;
  p.utc_offset_s = utc_offset();
  settings.clock = local_clock();
  const Setter calc_minutes = [&p](const std::string& value) -> Status {
    return span_of_time(p.calc_period_s, 1)(value);
  };
  return {
      {"priority_type", priority_type(p.type)},
      {"priority_flags", priority_flags(p.flags)},
      {"priority_decay_half_life", span_of_time(p.decay_half_life_s, 0)},
      {"priority_calc_period", calc_minutes},
      {"priority_max_age", span_of_time(p.max_age_s, 1)},
      {"priority_favor_small", yes_no(p.favor_small)},
      {"priority_usage_reset_period", usage_reset(p.usage_reset)},
      {"priority_weight_age", number(p.weight_age)},
      {"priority_weight_assoc", number(p.weight_association)},
      {"priority_weight_fairshare", number(p.weight_fairshare)},
      {"priority_weight_job_size", number(p.weight_job_size)},
      {"priority_weight_partition", number(p.weight_partition)},
      {"priority_weight_qos", number(p.weight_qos)},
      {"priority_weight_slowdown", number(p.weight_slowdown)},
      {"priority_weight_tres", text(p.weight_tres)},
      {"preempt_type", preempt_type(settings.preempt.type)},
      {"preempt_mode", preempt_mode(settings.preempt)},
      {"preempt_exempt_time", exempt_time(settings.preempt.exempt_time_s)},
      {"preempt_parameters", preempt_parameters(settings.preempt)},
  };
}

Setter partition_preempt_mode(model::PreemptMode& out) {
  return [&out](const std::string& value) -> Status {
    if (read_mode(value, out)) return {};
    return expected("one of " + list_of(kModes));
  };
}

void choose_order(const YamlValue& root, model::Settings& settings) {
  if (line_of(root, "priority_type") == 0) model::follow_site_order(settings);
}

void settle_partition_modes(model::Settings& settings) {
  for (model::Partition& partition : settings.partitions) {
    if (partition.preempt_mode != model::PreemptMode::cluster_default) continue;
    partition.preempt_mode = settings.preempt.mode;
  }
}

Status check_policies(const YamlValue& root, const std::string& file,
                      const model::Settings& settings) {
  const model::PreemptSettings& preempt = settings.preempt;
  const Place mode{file, line_of(root, "preempt_mode"), "preempt_mode"};
  if (preempt.type != model::PreemptType::none && preempt.mode == model::PreemptMode::off) {
    return wrong(mode, "CANCEL, REQUEUE or SUSPEND with this preempt_type", "OFF");
  }
  if (preempt.gang && preempt.type == model::PreemptType::none) {  // no time slicing
    return wrong(mode, "GANG only together with a preempt_type: jobs never take turns", "GANG");
  }
  if (preempt.mode == model::PreemptMode::suspend && !preempt.gang) {
    return wrong(mode, "SUSPEND,GANG", "SUSPEND");
  }
  // Weights of priorities may be negative; otherwise they have the form of billing weights.
  std::string weights;
  for (const std::string_view entry : base::split_nonempty(settings.priority.weight_tres, ',')) {
    const base::Cut cut = base::cut(entry, '=');
    std::string_view weight = cut.after;
    if (weight.starts_with('-')) weight.remove_prefix(1);
    weights += (weights.empty() ? "" : ",") + std::string(cut.before);
    if (cut.found) weights += "=" + std::string(weight);
  }
  Text checked;
  if (Status formed = billing_weights(settings, checked)(weights); !formed) {
    return wrong({file, line_of(root, "priority_weight_tres"), "priority_weight_tres"},
                 formed.error().text, settings.priority.weight_tres.view());
  }
  return {};
}

void show_policies(const model::Settings& settings,
                   std::vector<std::pair<std::string, std::string>>& shown) {
  const model::PrioritySettings& p = settings.priority;
  const bool multifactor = p.type == model::PriorityType::multifactor;
  constexpr std::string_view kTypes[] = {"none", "partition_prio", "qos"};
  std::vector<std::pair<std::string, std::string>> lines = {
      {"PreemptMode", mode_text(settings.preempt)},
      {"PreemptType",
       "preempt/" + std::string(kTypes[static_cast<std::size_t>(settings.preempt.type)])},
      {"PreemptExemptTime", base::format_duration(settings.preempt.exempt_time_s)},
      {"PreemptParameters", parameters_text(settings.preempt)},
  };
  if (multifactor) {
    const auto reset =
        std::ranges::find_if(kResets, [&](const auto& one) { return one.reset == p.usage_reset; });
    const std::vector<std::pair<std::string, std::string>> of_priority = {
        {"PriorityDecayHalfLife", base::format_duration(p.decay_half_life_s)},
        {"PriorityCalcPeriod", base::format_duration(p.calc_period_s)},
        {"PriorityFavorSmall", p.favor_small ? "Yes" : "No"},
        {"PriorityFlags", flags_text(p.flags)},
        {"PriorityMaxAge", base::format_duration(p.max_age_s)},
        {"PriorityUsageResetPeriod", std::string(reset->name)},
        {"PriorityType", "priority/multifactor"},
        {"PriorityWeightAge", std::to_string(p.weight_age)},
        {"PriorityWeightAssoc", std::to_string(p.weight_association)},
        {"PriorityWeightFairShare", std::to_string(p.weight_fairshare)},
        {"PriorityWeightJobSize", std::to_string(p.weight_job_size)},
        {"PriorityWeightPartition", std::to_string(p.weight_partition)},
        {"PriorityWeightQOS", std::to_string(p.weight_qos)},
        {"PriorityWeightSlowdown", std::to_string(p.weight_slowdown)},
        {"PriorityWeightTRES", p.weight_tres.empty() ? "(null)" : p.weight_tres.str()},
    };
    lines.insert(lines.end(), of_priority.begin(), of_priority.end());
  } else {
    lines.emplace_back("PriorityType", "priority/basic");
  }
  const auto place =
      std::ranges::find_if(shown, [](const auto& line) { return line.first > "PreemptMode"; });
  shown.insert(place, lines.begin(), lines.end());
}

}  // namespace sluice::config
