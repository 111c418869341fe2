// See job_keys.hpp. A row a key; texts of errors are Slurm's.
#include "cli/scontrol/job_keys.hpp"

#include <algorithm>

#include "base/duration.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "base/timetext.hpp"
#include "opt/values.hpp"

namespace sluice::cli {

namespace {

using model::JobPatch;

constexpr std::uint32_t kDefaultNice = 100;

struct Key {
  std::string_view name;
  Status (*apply)(JobEdit& edit, const Change& change);
};

tl::unexpected<Error> bad(std::string text) {
  return fail(ErrorCode::invalid_argument, "scontrol: error: " + std::move(text));
}

template <auto Member>
Status text(JobEdit& edit, const Change& change) {
  edit.patch.*Member = Text(change.value);
  edit.changed = true;
  return {};
}

template <auto Member>
Status number(JobEdit& edit, const Change& change) {
  const Result<std::uint32_t> value = base::parse_u32(change.value);
  if (!value) return bad("Invalid " + change.key + " value: " + change.value);
  edit.patch.*Member = *value;
  edit.changed = true;
  return {};
}

template <auto Member>
Status mebibytes(JobEdit& edit, const Change& change) {
  const Result<std::uint64_t> value = base::parse_memory_mib(change.value);
  if (!value) return bad("Invalid " + change.key + " value: " + change.value);
  edit.patch.*Member = *value;
  edit.changed = true;
  return {};
}

template <auto Member>
Status moment(JobEdit& edit, const Change& change) {
  const Result<std::int64_t> when = base::parse_time(change.value, edit.now);
  if (!when) {
    return fail(ErrorCode::invalid_time, when.error().text + "\nNo changes specified");
  }
  edit.patch.*Member = *when * model::kSecond;
  edit.changed = true;
  return {};
}

Result<bool> yes_or_no(const Change& change) {
  const std::string_view value = change.value;
  if (base::iequals(value, "yes") || value == "1") return true;
  if (base::iequals(value, "no") || value == "0") return false;
  return bad("Invalid " + change.key + " value: " + change.value);
}

Status contiguous(JobEdit& edit, const Change& change) {
  const Result<bool> value = yes_or_no(change);
  if (!value) return tl::unexpected(value.error());
  edit.patch.contiguous = *value;
  edit.changed = true;
  return {};
}

Status sharing(JobEdit& edit, const Change& change) {
  const Result<bool> value = yes_or_no(change);
  if (!value) return tl::unexpected(value.error());
  edit.patch.sharing = *value ? model::Sharing::oversubscribe : model::Sharing::exclusive;
  edit.changed = true;
  return {};
}

Status requeue(JobEdit& edit, const Change& change) {
  const Result<std::uint32_t> value = base::parse_u32(change.value);
  if (!value) return bad("Invalid Requeue value: " + change.value);
  edit.patch.requeue = *value != 0;
  edit.changed = true;
  return {};
}

Status nice(JobEdit& edit, const Change& change) {
  constexpr std::int64_t kMost = 2'147'483'645;
  if (change.word.find('=') == std::string::npos) {
    edit.patch.nice = kDefaultNice;
  } else {
    const Result<std::int64_t> value = base::parse_signed(change.value, {-kMost, kMost});
    if (!value)
      return bad("Invalid nice value, must be between -" + std::to_string(kMost) + " and " +
                 std::to_string(kMost));
    edit.patch.nice = static_cast<std::int32_t>(*value);
  }
  edit.changed = true;
  return {};
}

Status site_factor(JobEdit& edit, const Change& change) {
  constexpr std::int64_t kMost = 2'147'483'645;
  const Result<std::int64_t> value = base::parse_signed(change.value, {-kMost, kMost});
  if (!value) {
    return bad("Invalid SiteFactor value, must be between -" + std::to_string(kMost) + " and " +
               std::to_string(kMost));
  }
  edit.patch.site_factor = static_cast<std::int32_t>(*value);
  edit.changed = true;
  return {};
}

Status nodes(JobEdit& edit, const Change& change) {
  const base::Cut range = base::cut(change.value, '-');
  const Result<std::uint32_t> least = base::parse_u32(range.before);
  const Result<std::uint32_t> most = range.found ? base::parse_u32(range.after) : least;
  if (!least || !most) {
    return bad("Invalid numeric value \"" + change.value + "\" for requested node count.");
  }
  edit.patch.min_nodes = *least;
  edit.patch.max_nodes = *most;
  edit.changed = true;
  return {};
}

// The number of tasks follows from it. A range would leave that open.
Status cpus(JobEdit& edit, const Change& change) {
  const base::Cut range = base::cut(change.value, '-');
  const Result<std::uint32_t> count = base::parse_u32(range.before);
  if (!count || (range.found && !base::parse_u32(range.after))) {
    return bad("Invalid numeric value \"" + change.value +
               "\" for NumCPUs.\nscontrol: error: Invalid NumCPUs value: " + change.value);
  }
  if (range.found) return bad("NumCPUs takes a number, not a range: " + change.value);
  edit.patch.cpus = *count;
  edit.changed = true;
  return {};
}

Status time_min(JobEdit& edit, const Change& change) {
  const Result<std::int64_t> seconds = base::parse_duration(change.value);
  if (!seconds || *seconds == base::kUnlimited) return bad("Invalid TimeMin value");
  edit.patch.time_min = static_cast<std::uint32_t>(base::to_minutes_up(*seconds));
  edit.changed = true;
  return {};
}

Status switches(JobEdit& edit, const Change& change) {
  const base::Cut parts = base::cut(change.value, '@');
  const Result<std::uint32_t> count = base::parse_u32(parts.before, model::kUnlimited - 2);
  Result<std::int64_t> wait = base::kUnlimited;
  if (parts.found) wait = base::parse_duration(parts.after);
  if (!count || !wait) return bad("Invalid Switches value: " + change.value);
  edit.patch.switches = *count;
  edit.patch.switch_wait_s =
      *wait == base::kUnlimited
          ? model::kUnlimited
          : static_cast<std::uint32_t>(std::min<std::int64_t>(*wait, model::kUnlimited - 2));
  if (*count == 0) edit.patch.switch_wait_s = 0;
  edit.changed = true;
  return {};
}

Status reset_accrue(JobEdit& edit, const Change& change) {
  if (change.word.find('=') != std::string::npos) {
    return fail(ErrorCode::unsupported,
                "Update of this parameter is not supported: " + change.word + "\nRequest aborted");
  }
  edit.patch.reset_accrue = true;
  edit.changed = true;
  return {};
}

Status time_limit(JobEdit& edit, const Change& change) {
  const Result<std::int64_t> seconds = base::parse_duration(change.value);
  if (!seconds) return bad("Invalid TimeLimit value");
  const bool unlimited = *seconds == base::kUnlimited;
  const std::int64_t asked = unlimited ? 0 : base::to_minutes_up(*seconds);
  std::int64_t minutes = unlimited ? std::int64_t{model::kUnlimited} : asked;
  if (change.sign != 0) {
    const std::int64_t now = edit.time_limit;
    if (unlimited || now == model::kUnlimited) return bad("Invalid TimeLimit value");
    if (change.sign == '-' && asked > now) {
      return bad("TimeLimit decrement larger than current time limit (" + std::to_string(asked) +
                 " > " + std::to_string(now) + ")");
    }
    minutes = change.sign == '+' ? now + asked : now - asked;
  }
  edit.patch.time_limit = static_cast<std::uint32_t>(minutes);
  edit.changed = true;
  return {};
}

// For each node: "gpu:2", or in the words of TresPerNode "gres:gpu:2", "gres/gpu:2".
Status gres(JobEdit& edit, const Change& change) {
  std::string list;
  for (std::string_view item : base::split_nonempty(change.value, ',')) {
    if (base::istarts_with(item, "gres:") || base::istarts_with(item, "gres/")) {
      item.remove_prefix(5);
    }
    list += (list.empty() ? "" : ",") + std::string(item);
  }
  Result<opt::GresList> parsed = opt::parse_gres(list.empty() ? "none" : list);
  if (!parsed) return bad("Invalid " + change.key + " value: " + change.value);
  edit.patch.gres = std::move(parsed->items);
  edit.changed = true;
  return {};
}

constexpr Key kKeys[] = {
    {"Account", text<&JobPatch::account>},
    {"AdminComment", text<&JobPatch::admin_comment>},
    {"ArrayTaskThrottle", number<&JobPatch::array_limit>},
    {"Comment", text<&JobPatch::comment>},
    {"Contiguous", contiguous},
    {"CPUsPerTask", number<&JobPatch::cpus_per_task>},
    {"Deadline", moment<&JobPatch::deadline>},
    {"Dependency", text<&JobPatch::dependency>},
    {"EligibleTime", moment<&JobPatch::begin>},
    {"EndTime", moment<&JobPatch::end>},
    {"ExcNodeList", text<&JobPatch::exclude>},
    {"Extra", text<&JobPatch::extra>},
    {"Features", text<&JobPatch::features>},
    {"Gres", gres},
    {"JobName", text<&JobPatch::name>},
    {"MailType", text<&JobPatch::mail_type>},
    {"MailUser", text<&JobPatch::mail_user>},
    {"MinCPUsNode", number<&JobPatch::min_cpus_per_node>},
    {"MinMemoryCPU", mebibytes<&JobPatch::memory_per_cpu>},
    {"MinMemoryNode", mebibytes<&JobPatch::memory_per_node>},
    {"Name", text<&JobPatch::name>},
    {"Nice", nice},
    {"NumCPUs", cpus},
    {"NumNodes", nodes},
    {"NumTasks", number<&JobPatch::tasks>},
    {"OverSubscribe", sharing},
    {"Partition", text<&JobPatch::partitions>},
    {"Priority", number<&JobPatch::priority>},
    {"Licenses", text<&JobPatch::licenses>},
    {"Prefer", text<&JobPatch::prefer>},
    {"QOS", text<&JobPatch::qos>},
    {"ReservationName", text<&JobPatch::reservation>},
    {"ReqNodeList", text<&JobPatch::node_list>},
    {"ReqNodes", nodes},
    {"Requeue", requeue},
    {"ReqProcs", number<&JobPatch::tasks>},
    {"ResetAccrueTime", reset_accrue},
    {"Shared", sharing},
    {"SiteFactor", site_factor},
    {"StartTime", moment<&JobPatch::begin>},
    {"StdErr", text<&JobPatch::std_err>},
    {"StdIn", text<&JobPatch::std_in>},
    {"StdOut", text<&JobPatch::std_out>},
    {"Switches", switches},
    {"TasksPerNode", number<&JobPatch::tasks_per_node>},
    {"TimeLimit", time_limit},
    {"TimeMin", time_min},
    {"TresPerNode", gres},
    {"WCKey", text<&JobPatch::wckey>},
    {"WorkDir", text<&JobPatch::work_dir>},
};

// The whole name, or at least three letters of one of them, the first in the table.
const Key* find_key(std::string_view word) {
  for (const Key& key : kKeys) {
    if (base::iequals(word, key.name)) return &key;
  }
  for (const Key& key : kKeys) {
    if (base::abbreviates(word, key.name, 3)) return &key;
  }
  return nullptr;
}

}  // namespace

Status apply_job_key(JobEdit& edit, const Change& change) {
  const Key* key = find_key(change.key);
  const bool signed_limit = key != nullptr && key->apply == time_limit;
  if (key == nullptr || (change.sign != 0 && !signed_limit)) {
    return fail(ErrorCode::unsupported,
                "Update of this parameter is not supported: " + change.word + "\nRequest aborted");
  }
  Change named = change;
  named.key = key->name;
  return key->apply(edit, named);
}

}  // namespace sluice::cli
