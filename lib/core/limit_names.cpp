// See limit_names.hpp. CPUs, memory and nodes are the oldest limits, and have names of their own
// kind.
#include "core/limit_names.hpp"

#include <string_view>

namespace sluice::core {

namespace {

std::string_view word(const model::TresKind& tres) {
  switch (tres.id) {
    case model::kTresCpu: return "Cpu";
    case model::kTresMemory: return "Mem";
    case model::kTresNode: return "Node";
    case model::kTresEnergy: return "Energy";
    case model::kTresBilling: return "Billing";
    default: break;
  }
  if (tres.type.view() == "gres") return "GRES";
  if (tres.type.view() == "license") return "License";
  return "Unknown";
}

bool is(const model::TresKind& tres, model::TresId id) { return tres.id == id; }

}  // namespace

std::string limit_name(const TresLimitName& name, const model::TresKind& tres) {
  const bool cpu = is(tres, model::kTresCpu);
  const bool oldest = cpu || is(tres, model::kTresMemory) || is(tres, model::kTresNode);
  const bool cpu_or_node = cpu || is(tres, model::kTresNode);
  const std::string minutes_word(cpu ? "CPU" : word(tres));
  // A QOS writes memory out, except where the aggregate limit is as old as the associations'.
  const std::string full(name.of_qos && is(tres, model::kTresMemory) ? "Memory" : word(tres));
  const std::string owner = name.of_qos ? "QOS" : "Assoc";
  const auto end = [](bool with, const char* text) { return std::string(with ? text : ""); };
  const std::string of_minutes = cpu ? minutes_word : full;
  switch (name.kind) {
    case TresLimitKind::in_use:
      if (name.scope == LimitScope::user) {
        return "QOSMax" + full + "PerUser" + end(cpu_or_node, "Limit");
      }
      if (name.scope == LimitScope::account) return "Max" + full + "PerAccount";
      return owner + "Grp" + std::string(word(tres)) + end(oldest, "Limit");
    case TresLimitKind::run_minutes:
      if (name.scope == LimitScope::account) return "Max" + of_minutes + "RunMinutesPerAccount";
      if (name.scope == LimitScope::user) {
        return owner + "Max" + of_minutes + "RunMinutesPerUser";
      }
      return owner + "Grp" + of_minutes + "RunMinutes" + end(cpu, "Limit");
    case TresLimitKind::used_minutes:
      return owner + "Grp" + of_minutes + "Minutes" + end(cpu, "Limit");
    case TresLimitKind::per_job: return owner + "Max" + full + "PerJob" + end(cpu_or_node, "Limit");
    case TresLimitKind::per_node: return owner + "Max" + full + "PerNode";
    case TresLimitKind::minutes_per_job:
      return owner + "Max" + full + "MinutesPerJob" + end(cpu, "Limit");
    case TresLimitKind::least_per_job: return "QOSMin" + full + end(cpu, "NotSatisfied");
  }
  return owner + "ResourceLimit";
}

}  // namespace sluice::core
