// `scontrol update node` and `update partition`.
#include <array>

#include "base/duration.hpp"
#include "base/entropy.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "cli/scontrol/update.hpp"

namespace sluice::cli {

namespace {

using model::NodeVerb;

struct State {
  std::string_view name;
  NodeVerb verb;
};

constexpr State kStates[] = {{"DRAIN", NodeVerb::drain}, {"RESUME", NodeVerb::resume},
                             {"DOWN", NodeVerb::down},   {"UNDRAIN", NodeVerb::undrain},
                             {"FAIL", NodeVerb::fail},   {"IDLE", NodeVerb::idle}};

// States of Slurm's that no node of ours can be put into.
constexpr std::string_view kForeign[] = {"NoResp",   "FUTURE",          "POWER_DOWN",
                                         "POWER_UP", "POWER_DOWN_ASAP", "POWER_DOWN_FORCE"};

constexpr std::string_view kNoReason =
    "You must specify a reason when DOWNING or DRAINING a node. Request denied";

int unsupported(Console& console, const Change& change) {
  console.complain("Update of this parameter is not supported: " + change.word);
  return console.complain("Request aborted");
}

int set_state(Console& console, wire::UpdateNode& message, const Change& change) {
  for (const State& state : kStates) {
    if (!base::abbreviates(change.value, state.name, 2)) continue;
    message.verb = state.verb;
    return 0;
  }
  for (const std::string_view name : kForeign) {
    if (base::iequals(change.value, name)) {
      return console.complain("slurm_update error: Invalid node state specified");
    }
  }
  console.complain("Invalid input: " + change.word);
  console.complain("Request aborted");
  console.complain("Valid states are: NoResp DRAIN FAIL FUTURE RESUME POWER_DOWN POWER_UP UNDRAIN");
  return console.complain("Not all states are valid given a node's prior state");
}

int set_weight(Console& console, wire::UpdateNode& message, const Change& change) {
  const Result<std::uint32_t> weight = base::parse_u32(change.value);
  if (!weight) {
    console.error("Weight value (" + change.value + ") is not a valid number");
    return console.complain("No changes specified");
  }
  message.weight = *weight;
  return 0;
}

int apply_node_key(Console& console, wire::UpdateNode& message, const Change& change) {
  const auto is = [&](std::string_view key, std::size_t least = 3) {
    return base::abbreviates(change.key, key, least);
  };
  if (change.sign != 0) return unsupported(console, change);
  if (is("State")) return set_state(console, message, change);
  if (is("Weight")) return set_weight(console, message, change);
  if (is("Reason")) {
    message.reason = Text(change.value);
  } else if (is("Features") || is("AvailableFeatures", 9) || is("ActiveFeatures")) {
    message.features = Text(change.value);
  } else if (is("Comment")) {
    message.comment = Text(change.value);
  } else if (is("Extra")) {
    message.extra = Text(change.value);
  } else {
    return unsupported(console, change);
  }
  return 0;
}

bool needs_reason(const wire::UpdateNode& message) {
  const bool stops = message.verb == NodeVerb::drain || message.verb == NodeVerb::down ||
                     message.verb == NodeVerb::fail;
  return stops && (!message.reason || message.reason->empty());
}

int refused(Console& console, const Error& error) {
  if (error.text == kNoReason) return console.complain(error.text);
  const bool denied = error.code == ErrorCode::access_denied;
  return console.complain("slurm_update error: " + (denied ? "Invalid user id" : error.text));
}

enum class Kind { text, flag, minutes, count, state };

struct PartitionKey {
  std::string_view name;
  Kind kind;
};

constexpr PartitionKey kPartitionKeys[] = {
    {"AllowAccounts", Kind::text},   {"AllowGroups", Kind::text},
    {"AllowQos", Kind::text},        {"Default", Kind::flag},
    {"DefaultTime", Kind::minutes},  {"DenyAccounts", Kind::text},
    {"DenyQos", Kind::text},         {"DisableRootJobs", Kind::flag},
    {"GraceTime", Kind::count},      {"Hidden", Kind::flag},
    {"MaxCPUsPerNode", Kind::count}, {"MaxNodes", Kind::count},
    {"MaxTime", Kind::minutes},      {"MinNodes", Kind::count},
    {"Nodes", Kind::text},           {"PriorityJobFactor", Kind::count},
    {"PriorityTier", Kind::count},   {"QoS", Kind::text},
    {"RootOnly", Kind::flag},        {"State", Kind::state}};

const PartitionKey* find_partition_key(std::string_view word) {
  for (const PartitionKey& key : kPartitionKeys) {
    if (base::iequals(word, key.name)) return &key;
  }
  for (const PartitionKey& key : kPartitionKeys) {
    if (base::abbreviates(word, key.name, 3)) return &key;
  }
  return nullptr;
}

bool is_one_of(std::string_view value, std::span<const std::string_view> words) {
  for (const std::string_view word : words) {
    if (base::iequals(value, word)) return true;
  }
  return false;
}

// Slurm closes its complaints about partitions so, and scripts compare.
int complain_of_partition(Console& console, const std::string& text) {
  console.error(text);
  return console.complain("slurm_update error: No error");
}

// Exit code 0 if the value can be what the key wants; else it is told what can.
int check_value(Console& console, const PartitionKey& key, const Change& change) {
  constexpr std::array<std::string_view, 2> kFlags{"YES", "NO"};
  constexpr std::array<std::string_view, 4> kUp{"UP", "DOWN", "DRAIN", "INACTIVE"};
  constexpr std::array<std::string_view, 2> kEndless{"UNLIMITED", "INFINITE"};
  switch (key.kind) {
    case Kind::text: return 0;
    case Kind::flag:
      if (is_one_of(change.value, kFlags)) return 0;
      return complain_of_partition(console, "Invalid input: " + change.word + "\nAcceptable " +
                                                std::string(key.name) + " values are YES and NO");
    case Kind::state:
      if (is_one_of(change.value, kUp)) return 0;
      return complain_of_partition(
          console, "Invalid input: " + change.word +
                       "\nAcceptable State values are UP, DOWN, DRAIN and INACTIVE");
    case Kind::minutes:
      if (base::parse_duration(change.value)) return 0;
      break;
    case Kind::count:
      if (base::parse_u32(change.value) || is_one_of(change.value, kEndless)) return 0;
      break;
  }
  return complain_of_partition(console, "Invalid input " + change.word);
}

}  // namespace

int update_nodes(Console& console, const std::vector<Change>& changes) {
  wire::UpdateNode message;
  message.request_id = base::random_uid();
  for (const Change& change : changes) {
    if (base::abbreviates(change.key, "NodeName", 3)) {
      message.names = change.value;
    } else if (const int code = apply_node_key(console, message, change); code != 0) {
      return code;
    }
  }
  const bool changed = message.verb != NodeVerb::none || message.reason || message.features ||
                       message.comment || message.extra || message.weight;
  if (!changed) return console.complain("No changes specified");
  if (needs_reason(message)) return console.complain(std::string(kNoReason));
  const auto done = console.call<wire::DoneReply>(message);
  return done ? 0 : refused(console, done.error());
}

int update_partition(Console& console, const std::vector<Change>& changes) {
  wire::UpdatePartition message;
  message.request_id = base::random_uid();
  for (const Change& change : changes) {
    if (base::abbreviates(change.key, "PartitionName", 3)) {
      message.name = change.value;
      continue;
    }
    const PartitionKey* key = find_partition_key(change.key);
    if (key == nullptr || change.sign != 0) {
      console.error("Update of this parameter is not supported: " + change.word);
      console.complain("");
      return complain_of_partition(console, "Request aborted");
    }
    if (const int code = check_value(console, *key, change); code != 0) return code;
    message.changes.push_back({Text(key->name), change.value});
  }
  if (message.changes.empty()) return console.error("No changes specified");
  const auto done = console.call<wire::DoneReply>(message);
  return done ? 0 : refused(console, done.error());
}

}  // namespace sluice::cli
