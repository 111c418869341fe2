// See change.hpp.
#include "cli/sacctmgr/change.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "report/account_fields.hpp"

namespace sluice::cli::accounting {

namespace {

using model::kNoLimit;

tl::unexpected<Error> complaint(std::string text) {
  return fail(ErrorCode::invalid_argument, std::move(text));
}
tl::unexpected<Error> invalid(std::string_view name, std::string_view value) {
  return complaint(fmt::format("sacctmgr: error: Invalid value for {} ({})\n", name, value));
}

// Any negative number takes a limit away, as in Slurm.
Result<std::uint32_t> read_number(std::string_view name, std::string_view value) {
  const Result<std::int64_t> number = base::parse_signed(value, {.max = 0x7fffffff});
  if (!number) return invalid(name, value);
  return *number < 0 ? kNoLimit : static_cast<std::uint32_t>(*number);
}

Result<std::uint32_t> read_minutes(const Spec& spec, std::string_view label) {
  const Result<std::int64_t> seconds = base::parse_duration(spec.value);
  if (!seconds) {
    return complaint(fmt::format(" Bad {} time format: {}\n", label, spec.text));
  }
  if (*seconds == base::kUnlimited) return kNoLimit;
  const std::int64_t minutes = base::to_minutes_up(*seconds);
  if (minutes > 0x7fffffff) return invalid(label, spec.value);
  return static_cast<std::uint32_t>(minutes);
}

// A decimal number with up to six digits after the point, as millionths; -1 and other negative
// numbers as `none`.
Result<std::int64_t> read_factor(std::string_view name, std::string_view value, std::int64_t none) {
  if (value.starts_with('-')) {
    const Result<std::int64_t> whole = base::parse_signed(value);
    if (whole) return none;
    return invalid(name, value);
  }
  const base::Cut cut = base::cut(value, '.');
  const Result<std::uint64_t> whole = cut.before.empty() && !cut.after.empty()
                                          ? Result<std::uint64_t>(0)
                                          : base::parse_unsigned(cut.before, 1'000'000'000);
  if (!whole) return invalid(name, value);
  std::int64_t fraction = 0;
  std::int64_t unit = 1'000'000;
  for (const char c : cut.after) {
    if (c < '0' || c > '9') return invalid(name, value);
    unit /= 10;
    fraction += unit * (c - '0');
  }
  return static_cast<std::int64_t>(*whole) * 1'000'000 + fraction;
}

Result<model::TresCounts> read_tres(const Spec& spec, const model::TresTable& table,
                                    model::TresId single) {
  std::string text = spec.value;
  if (single != 0) {
    const auto kind = std::ranges::find(table, single, &model::TresKind::id);
    if (kind != table.end()) text = model::tres_name(*kind) + "=" + spec.value;
  }
  Result<model::TresCounts> counts = model::parse_tres(table, text);
  if (!counts) return complaint("sacctmgr: error: " + counts.error().text + "\n");
  if (counts->empty()) return complaint("");
  return counts;
}

template <class Limits>
std::optional<Status> read_limit(const Spec& spec, const model::TresTable& table,
                                 std::span<const report::LimitField<Limits>> fields,
                                 std::vector<LimitChange<Limits>>& changes) {
  for (const report::LimitField<Limits>& field : fields) {
    if (!spec.is(field.name, field.least)) continue;
    LimitChange<Limits> change{&field};
    if (field.kind == report::LimitKind::tres) {
      Result<model::TresCounts> counts = read_tres(spec, table, field.single);
      if (!counts) return tl::unexpected(counts.error());
      change.tres = std::move(*counts);
    } else {
      const std::string_view label = field.label.empty() ? field.name : field.label;
      const Result<std::uint32_t> number = field.kind == report::LimitKind::minutes
                                               ? read_minutes(spec, label)
                                               : read_number(label, spec.value);
      if (!number) return tl::unexpected(number.error());
      change.number = *number;
    }
    changes.push_back(std::move(change));
    return Status();
  }
  return std::nullopt;
}

template <class Limits>
void apply_limits(const std::vector<LimitChange<Limits>>& changes, Limits& limits) {
  for (const LimitChange<Limits>& change : changes) {
    if (change.field->kind != report::LimitKind::tres) {
      limits.*(change.field->number) = change.number;
      continue;
    }
    model::TresCounts& counts = limits.*(change.field->tres);
    for (const model::TresCount& entry : change.tres) {
      if (entry.count >= 0) {
        model::set_tres(counts, entry.id, entry.count);
      } else {
        std::erase_if(counts, [&](const model::TresCount& c) { return c.id == entry.id; });
      }
    }
  }
}

template <class Limits>
std::string limit_lines(const std::vector<LimitChange<Limits>>& changes,
                        std::span<const report::LimitField<Limits>> fields,
                        const model::TresTable& table, std::size_t width) {
  Limits set;
  apply_limits(changes, set);
  std::string out;
  for (const report::LimitField<Limits>& field : fields) {
    if (field.label.empty()) continue;
    const auto given = [&](const LimitChange<Limits>& change) {
      return change.field->tres == field.tres && change.field->number == field.number;
    };
    if (std::ranges::none_of(changes, given)) continue;
    std::string value;
    switch (field.kind) {
      case report::LimitKind::tres: value = model::tres_text(table, set.*(field.tres)); break;
      case report::LimitKind::count: value = report::limit_number(set.*(field.number)); break;
      case report::LimitKind::minutes: value = report::limit_minutes(set.*(field.number)); break;
    }
    out += fmt::format("  {:<{}}= {}\n", field.label, width + 1, value.empty() ? "NONE" : value);
  }
  return out;
}

Status read_list(const Spec& spec, const model::Accounts& accounts, ListChange& list) {
  bool plain = false;
  bool relative = spec.op != Operator::set || (list.given && !list.replace);
  for (const std::string& word : lower_name_list(spec.value)) {
    const bool sign = word.front() == '+' || word.front() == '-';
    const std::string name = sign ? word.substr(1) : word;
    if (std::ranges::none_of(accounts.qos,
                             [&](const model::Qos& q) { return q.name.view() == name; })) {
      return complaint(fmt::format("sacctmgr: error: You gave a bad qos '{}'. Valid QOS's are {}\n",
                                   name, qos_names(accounts)));
    }
    const bool adds = sign ? word.front() == '+' : spec.op == Operator::add;
    if (!sign && spec.op == Operator::set) {
      plain = true;
      list.names.emplace_back(name);
    } else {
      relative = true;
      (adds ? list.added : list.removed).emplace_back(name);
    }
  }
  if (plain && relative) {
    return complaint(
        "sacctmgr: error: You can't set qos equal to something and then add or subtract from it "
        "in the same line\n");
  }
  list.given = true;
  list.replace = !relative;
  return {};
}

Result<std::uint32_t> read_shares(std::string_view value) {
  if (base::iequals(value, "parent")) return model::kShareOfParent;
  const Result<std::uint32_t> number = read_number("FairShare", value);
  if (!number) return number;
  return *number == kNoLimit ? 1U : *number;
}

Result<Text> read_default_qos(const Spec& spec, const model::Accounts& accounts) {
  if (spec.value.empty() || spec.value == "-1") return Text();
  const std::string name = base::to_lower(spec.value);
  for (const model::Qos& qos : accounts.qos) {
    if (qos.name.view() == name) return qos.name;
  }
  return complaint(fmt::format(
      "You gave a bad default qos '{}'.  Use 'list qos' to get complete list.\n", spec.value));
}

template <class T, class U>
Status keep(Result<T> value, std::optional<U>& where) {
  if (!value) return tl::unexpected(value.error());
  where = *value;
  return {};
}

Status read_flags(const Spec& spec, QosChange& change) {
  if (spec.value == "-1" || (spec.value.empty() && spec.op == Operator::set)) {
    change.clears_flags = true;
    return {};
  }
  std::uint32_t flags = 0;
  for (const std::string& name : name_list(spec.value)) {
    const std::uint32_t flag = report::find_qos_flag(name);
    if (flag == 0) {
      return complaint(
          fmt::format(" Unknown QOS flag used in:\n  '{}'\n Valid QOS flags are\n"
                      "  '{}'\n",
                      spec.value, report::all_qos_flags()));
    }
    flags |= flag;
  }
  if (spec.op == Operator::remove) {
    change.flags_cleared |= flags;
  } else {
    change.clears_flags |= spec.op == Operator::set;
    change.flags_set |= flags;
  }
  return {};
}

Status read_preempt_mode(const Spec& spec, QosChange& change) {
  using model::PreemptMode;
  const std::string value = base::to_lower(spec.value);
  if (value.empty() || value == "off" || value == "cluster") {
    change.preempt_mode = PreemptMode::cluster_default;
  } else if (value == "cancel") {
    change.preempt_mode = PreemptMode::cancel;
  } else if (value == "requeue") {
    change.preempt_mode = PreemptMode::requeue;
  } else if (value == "suspend") {
    change.preempt_mode = PreemptMode::suspend;
  } else if (value == "within") {
    change.preempt_mode = PreemptMode::within;
  } else {
    return complaint(fmt::format(" Bad Preempt Mode given: {}\n", spec.text));
  }
  return {};
}

// Minutes as in MaxWall; kept in seconds.
Status read_exempt_time(const Spec& spec, QosChange& change) {
  const Result<std::uint32_t> minutes = read_minutes(spec, "PreemptExemptTime");
  if (!minutes) return tl::unexpected(minutes.error());
  if (*minutes != kNoLimit && *minutes > 0x7fffffff / 60) {
    return invalid("PreemptExemptTime", spec.value);
  }
  const Result<std::int64_t> seconds = base::parse_duration(spec.value);
  change.exempt_time = *minutes == kNoLimit ? kNoLimit : static_cast<std::uint32_t>(*seconds);
  return {};
}

// Seconds, or h:m:s as it is shown.
Result<std::uint32_t> read_grace_time(const Spec& spec) {
  if (spec.value.find(':') == std::string::npos && spec.value.find("-1") == std::string::npos) {
    return read_number("GraceTime", spec.value);
  }
  const Result<std::int64_t> seconds = base::parse_duration(spec.value);
  if (!seconds) return invalid("GraceTime", spec.value);
  if (*seconds == base::kUnlimited) return 0U;
  return static_cast<std::uint32_t>(std::min<std::int64_t>(*seconds, 0x7fffffff));
}

Status read_priority_of_qos(const Spec& spec, QosChange& change) {
  const Result<std::uint32_t> number = read_number("Priority", spec.value);
  if (!number) return tl::unexpected(number.error());
  change.priority = *number == kNoLimit ? 0 : *number;
  return {};
}

std::string line(std::string_view label, std::size_t width, std::string_view value) {
  return fmt::format("  {:<{}}= {}\n", label, width + 1, value);
}

}  // namespace

std::string qos_names(const model::Accounts& accounts) {
  std::vector<Text> names;
  for (const model::Qos& qos : accounts.qos) names.push_back(qos.name);
  return report::join_texts(names);
}

std::vector<Text> ListChange::applied_to(std::vector<Text> list) const {
  if (!given) return list;
  if (replace) list = names;
  for (const Text& name : added) {
    if (std::ranges::find(list, name) == list.end()) list.push_back(name);
  }
  for (const Text& name : removed) std::erase(list, name);
  std::ranges::sort(list);
  return list;
}

std::string ListChange::text() const {
  std::vector<Text> all = names;
  std::ranges::sort(all);
  for (const Text& name : added) all.emplace_back("+" + name.str());
  for (const Text& name : removed) all.emplace_back("-" + name.str());
  return report::join_texts(all);
}

bool AssociationChange::empty() const {
  return limits.empty() && !shares && !priority && !default_qos && !comment && !qos.given;
}

std::string AssociationChange::settings(const model::TresTable& tres,
                                        std::string_view parent) const {
  constexpr std::size_t kWidth = 13;
  std::string out;
  if (shares) {
    out += line("Fairshare", kWidth,
                *shares == model::kShareOfParent ? "parent" : std::to_string(*shares));
  }
  out += limit_lines(limits, report::association_limits(), tres, kWidth);
  if (!parent.empty()) out += line("Parent", kWidth, parent);
  if (priority) {
    out += line("Priority", kWidth, *priority == kNoLimit ? "NONE" : std::to_string(*priority));
  }
  if (qos.given) out += line("QOS", kWidth, qos.text());
  if (default_qos)
    out += line("DefQOS", kWidth, default_qos->empty() ? "NONE" : default_qos->view());
  if (comment) out += line("Comment", kWidth, *comment);
  return out;
}

bool QosChange::empty() const {
  return limits.empty() && !description && !priority && !grace_time && !preempt_mode &&
         !exempt_time && !usage_factor && !usage_threshold && !limit_factor && !preempt.given &&
         !clears_flags && flags_set == 0 && flags_cleared == 0;
}

std::string QosChange::settings(const model::TresTable& tres) const {
  constexpr std::size_t kWidth = 24;
  constexpr std::uint32_t kDigits = 4;
  std::string out;
  if (flags_set != 0) out += line("Flags", kWidth, report::qos_flags_text(flags_set));
  if (grace_time) out += line("GraceTime", kWidth, std::to_string(*grace_time));
  out += limit_lines(limits, report::qos_limits(), tres, kWidth);
  if (preempt.given) out += line("Preempt", kWidth, preempt.text());
  if (preempt_mode) {
    out += line("PreemptMode", kWidth, base::to_upper(report::preempt_mode_name(*preempt_mode)));
  }
  if (exempt_time) {
    out += line("PreemptExemptTime", kWidth,
                *exempt_time == kNoLimit ? "NONE" : base::format_duration(*exempt_time));
  }
  if (priority) out += line("Priority", kWidth, std::to_string(*priority));
  const auto factor = [&](std::string_view label, const std::optional<std::int64_t>& value) {
    if (!value) return;
    out += line(label, kWidth, *value < 0 ? "NONE" : report::millionths_text(*value, kDigits));
  };
  factor("UsageFactor", usage_factor);
  factor("UsageThreshold", usage_threshold);
  factor("LimitFactor", limit_factor);
  return out;
}

std::optional<Status> read_setting(const Spec& spec, const model::Accounts& accounts,
                                   AssociationChange& change) {
  if (spec.is_word()) return std::nullopt;
  if (spec.is("FairShare", 1) || spec.is("Share", 1)) {
    return keep(read_shares(spec.value), change.shares);
  }
  if (spec.is("Priority", 3)) return keep(read_number("Priority", spec.value), change.priority);
  if (spec.is("DefaultQOS", 8)) {
    return keep(read_default_qos(spec, accounts), change.default_qos);
  }
  if (spec.is("Comment", 3)) {
    change.comment = Text(spec.value);
    return Status();
  }
  if (spec.is("QosLevel", 1)) return read_list(spec, accounts, change.qos);
  return read_limit(spec, accounts.tres, report::association_limits(), change.limits);
}

std::optional<Status> read_setting(const Spec& spec, const model::Accounts& accounts,
                                   QosChange& change) {
  if (spec.is_word()) return std::nullopt;
  if (spec.is("Description", 1)) {
    change.description = Text(base::to_lower(spec.value));
    return Status();
  }
  if (spec.is("Flags", 2)) return read_flags(spec, change);
  if (spec.is("GraceTime", 3)) return keep(read_grace_time(spec), change.grace_time);
  if (spec.is("Preempt", 7)) return read_list(spec, accounts, change.preempt);
  if (spec.is("PreemptMode", 8)) return read_preempt_mode(spec, change);
  if (spec.is("PreemptExemptTime", 8)) return read_exempt_time(spec, change);
  if (spec.is("Priority", 3)) return read_priority_of_qos(spec, change);
  if (spec.is("UsageFactor", 6)) {
    return keep(read_factor("UsageFactor", spec.value, 1'000'000), change.usage_factor);
  }
  if (spec.is("UsageThreshold", 6)) {
    return keep(read_factor("UsageThreshold", spec.value, -1), change.usage_threshold);
  }
  if (spec.is("LimitFactor", 6)) {
    return keep(read_factor("LimitFactor", spec.value, -1), change.limit_factor);
  }
  return read_limit(spec, accounts.tres, report::qos_limits(), change.limits);
}

void apply(const AssociationChange& change, std::vector<Text> qos_in_force,
           model::Association& record) {
  apply_limits(change.limits, record.limits);
  if (change.shares) record.shares = *change.shares;
  if (change.priority) record.priority = *change.priority;
  if (change.default_qos) record.default_qos = *change.default_qos;
  if (change.comment) record.comment = *change.comment;
  if (!change.qos.given) return;
  // Set to nothing: as further up. Only the top has nowhere to look.
  const bool cleared = change.qos.replace && change.qos.names.empty();
  record.qos_own = !cleared || record.parent == 0;
  record.qos = cleared ? std::vector<Text>() : change.qos.applied_to(std::move(qos_in_force));
}

void apply(const QosChange& change, model::Qos& record) {
  apply_limits(change.limits, record.limits);
  if (change.description) record.description = *change.description;
  if (change.priority) record.priority = *change.priority;
  if (change.grace_time) record.grace_time = *change.grace_time;
  if (change.preempt_mode) record.preempt_mode = *change.preempt_mode;
  if (change.exempt_time) record.exempt_time = *change.exempt_time;
  if (change.usage_factor) record.usage_factor = *change.usage_factor;
  if (change.usage_threshold) record.usage_threshold = *change.usage_threshold;
  if (change.limit_factor) record.limit_factor = *change.limit_factor;
  record.preempt = change.preempt.applied_to(std::move(record.preempt));
  if (change.clears_flags) record.flags = 0;
  record.flags = (record.flags | change.flags_set) & ~change.flags_cleared;
}

}  // namespace sluice::cli::accounting
