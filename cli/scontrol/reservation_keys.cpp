// See reservation_keys.hpp.
#include "cli/scontrol/reservation_keys.hpp"

#include <ctime>
#include <optional>

#include "base/duration.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "base/timetext.hpp"

namespace sluice::cli {

namespace {

using model::kSecond;
using model::ReservationPatch;

tl::unexpected<Error> wrong(std::string text) {
  return fail(ErrorCode::invalid_argument, std::move(text));
}

std::int32_t utc_offset(std::int64_t when) {
  const auto time = static_cast<std::time_t>(when);
  std::tm local{};
  if (::localtime_r(&time, &local) == nullptr) return 0;
  return static_cast<std::int32_t>(local.tm_gmtoff);
}

Status set_time(ReservationEdit& edit, const Change& change, bool is_start) {
  const Result<std::int64_t> when = base::parse_time(change.value, edit.now);
  if (!when) {
    return wrong(std::string("Invalid ") + (is_start ? "start" : "end") + " time " + change.word);
  }
  if (is_start) {
    edit.patch.start = *when * kSecond;
    edit.patch.utc_offset_s = utc_offset(*when);
  } else {
    edit.patch.end = *when * kSecond;
  }
  return {};
}

std::uint32_t mode_of(const Change& change) {
  return change.sign == '+' ? 1U : change.sign == '-' ? 2U : 0U;
}

// Minutes; kUnlimited.
std::optional<std::uint32_t> minutes_of(std::string_view text) {
  const Result<std::int64_t> seconds = base::parse_duration(text);
  if (!seconds || text.find_first_of("+") == 0) return std::nullopt;
  if (*seconds == base::kUnlimited) return model::kUnlimited;
  return static_cast<std::uint32_t>(base::to_minutes_up(*seconds));
}

Status set_duration(ReservationEdit& edit, const Change& change) {
  const auto minutes = minutes_of(change.value);
  if (!minutes) return wrong("Invalid duration " + change.word);
  edit.patch.duration_min = *minutes;
  edit.patch.duration_mode = mode_of(change);
  return {};
}

Status set_start_delay(ReservationEdit& edit, const Change& change) {
  const auto minutes =
      change.value.empty() ? std::optional<std::uint32_t>(0) : minutes_of(change.value);
  if (!minutes || *minutes == model::kUnlimited) return wrong("Invalid duration " + change.word);
  edit.patch.start_delay_s = *minutes * 60;
  return {};
}

// "2k" is 2048.
std::optional<std::uint32_t> count_of(std::string_view text) {
  std::uint32_t factor = 1;
  if (text.ends_with('k') || text.ends_with('K')) {
    factor = 1024;
    text.remove_suffix(1);
  }
  const Result<std::uint32_t> count = base::parse_u32(text);
  if (!count || *count > model::kUnlimited / factor) return std::nullopt;
  return *count * factor;
}

Status set_node_count(ReservationEdit& edit, std::string_view text) {
  const auto count = count_of(text);
  if (!count) return wrong("Invalid node count " + std::string(text));
  edit.patch.node_count = *count;
  return {};
}

Status set_cores(ReservationEdit& edit, std::string_view text) {
  edit.patch.core_counts.clear();
  for (const std::string_view piece : base::split(text, ',')) {
    const auto count = count_of(piece);
    if (!count) return wrong("Invalid core count " + std::string(text));
    edit.patch.core_counts.push_back(*count);
  }
  return {};
}

// "cpu=2,4,node=2,license/matlab=3": a piece without a name goes on with the former.
Status set_tres(ReservationEdit& edit, std::string_view text) {
  std::string cores;
  std::string licenses;
  bool of_cores = false;
  for (const std::string_view piece : base::split(text, ',')) {
    const base::Cut cut = base::cut(piece, '=');
    if (!cut.found) {
      if (!of_cores) return wrong("couldn't identify configured TRES '" + std::string(piece) + "'");
      cores += "," + std::string(piece);
      continue;
    }
    of_cores = base::iequals(cut.before, "cpu");
    if (of_cores) {
      cores = std::string(cut.after);
    } else if (base::iequals(cut.before, "node")) {
      if (Status set = set_node_count(edit, cut.after); !set) return set;
    } else if (base::istarts_with(cut.before, "license/")) {
      if (!licenses.empty()) licenses += ',';
      licenses += std::string(cut.before.substr(8)) + ":" + std::string(cut.after);
    } else {
      return wrong("couldn't identify configured TRES '" + std::string(cut.before) + "'");
    }
  }
  if (!licenses.empty()) edit.patch.licenses = Text(licenses);
  return cores.empty() ? Status() : set_cores(edit, cores);
}

Status set_flags(ReservationEdit& edit, const Change& change) {
  const auto bad = [&] { return wrong("Error parsing flags " + change.value); };
  for (const std::string_view piece : base::split_nonempty(change.value, ',')) {
    const base::Cut cut = base::cut(piece, '=');
    const std::uint32_t flag = model::flag_named(cut.before);
    if (flag == 0 || (cut.found && flag != model::kResvPurgeComp)) return bad();
    if (change.sign == '-') {
      edit.patch.clear_flags |= flag;
      continue;
    }
    edit.patch.set_flags |= flag;
    if (!cut.found) continue;
    const Result<std::int64_t> seconds = base::parse_duration(cut.after);
    if (!seconds || *seconds <= 0 || *seconds > model::kUnlimited - 1) return bad();
    edit.patch.purge_s = static_cast<std::uint32_t>(*seconds);
  }
  return {};
}

Status set_nodes(ReservationEdit& edit, const Change& change) {
  edit.patch.nodes = Text(change.value);
  edit.patch.nodes_mode = mode_of(change);
  edit.all_nodes = base::iequals(change.value, "ALL");
  return {};
}

model::ListEdit list_of(const Change& change) { return {mode_of(change), change.value}; }

template <auto member>
Status set_list(ReservationEdit& edit, const Change& change) {
  edit.patch.*member = list_of(change);
  return {};
}

template <auto member>
Status set_text(ReservationEdit& edit, const Change& change) {
  edit.patch.*member = Text(change.value);
  return {};
}

Status set_skip(ReservationEdit& edit, const Change&) {
  edit.patch.skip = true;
  return {};
}

Status no_power(ReservationEdit&, const Change&) { return wrong("power is not managed"); }
Status no_buffers(ReservationEdit&, const Change&) { return wrong("there are no burst buffers"); }

using Set = Status (*)(ReservationEdit&, const Change&);
using P = ReservationPatch;

struct Key {
  std::string_view name;
  std::size_t least;  // letters
  Set set;
};

// The first that a word abbreviates is meant.
constexpr Key kKeys[] = {
    {"Accounts", 1, set_list<&P::accounts>},
    {"AllowedPartitions", 3, set_list<&P::partitions>},
    {"BurstBuffer", 1, no_buffers},
    {"Comment", 3, set_text<&P::comment>},
    {"CoreCnt", 5, [](auto& edit, const auto& change) { return set_cores(edit, change.value); }},
    {"Duration", 1, set_duration},
    {"EndTime", 1, [](auto& edit, const auto& change) { return set_time(edit, change, false); }},
    {"Features", 2, set_text<&P::features>},
    {"Flags", 2, set_flags},
    {"Groups", 1, set_list<&P::groups>},
    {"Licenses", 1, set_text<&P::licenses>},
    {"MaxStartDelay", 3, set_start_delay},
    {"NodeCnt", 5,
     [](auto& edit, const auto& change) { return set_node_count(edit, change.value); }},
    {"NodeCount", 5,
     [](auto& edit, const auto& change) { return set_node_count(edit, change.value); }},
    {"Nodes", 4, set_nodes},
    {"PartitionName", 1, set_text<&P::partition>},
    {"QOS", 1, set_list<&P::qos>},
    {"Skip", 2, set_skip},
    {"StartTime", 1, [](auto& edit, const auto& change) { return set_time(edit, change, true); }},
    {"TRES", 1, [](auto& edit, const auto& change) { return set_tres(edit, change.value); }},
    {"Users", 1, set_list<&P::users>},
    {"Watts", 1, no_power}};

bool takes_sign(Set set) {
  return set == set_duration || set == set_flags || set == set_nodes ||
         set == set_list<&P::accounts> || set == set_list<&P::groups> ||
         set == set_list<&P::users> || set == set_list<&P::qos> || set == set_list<&P::partitions>;
}

}  // namespace

bool names_reservation(const Change& change) {
  return base::abbreviates(change.key, "ReservationName", 3);
}

Status apply_reservation_key(ReservationEdit& edit, const Change& change) {
  for (const Key& key : kKeys) {
    if (!base::abbreviates(change.key, key.name, key.least)) continue;
    if (change.sign != 0 && !takes_sign(key.set)) break;
    const bool lacks_value = change.word.find('=') == std::string::npos && key.set != set_skip;
    if (lacks_value) break;
    return key.set(edit, change);
  }
  return wrong("Unknown parameter " + change.word);
}

}  // namespace sluice::cli
