// Prints every name that the program gives to users for a reason, a limit, a flag or a mode, a line
// each: its kind, a tab, the name. What it can say is read from the program's own tables, so that
// coverage.py finds out when one of them is neither explained in a manual page nor tested.
#include <cstdio>
#include <string>
#include <string_view>

#include "core/limit_names.hpp"
#include "model/qos.hpp"
#include "model/reservation.hpp"
#include "model/tres.hpp"
#include "model/types.hpp"
#include "report/account_fields.hpp"

namespace {

using namespace sluice;
using core::LimitScope;
using core::TresLimitKind;

void put(const char* kind, std::string_view name) {
  std::printf("%s\t%.*s\n", kind, static_cast<int>(name.size()), name.data());
}

void put_reasons() {
  for (std::uint16_t r = 0; r <= static_cast<std::uint16_t>(model::Reason::controller_image); ++r) {
    put("reason", model::reason_name(static_cast<model::Reason>(r)));
  }
}

struct Limit {
  TresLimitKind kind;
  LimitScope scope;
  bool of_association;
};
constexpr Limit kLimits[] = {
    {TresLimitKind::in_use, LimitScope::all, true},
    {TresLimitKind::in_use, LimitScope::user, false},
    {TresLimitKind::in_use, LimitScope::account, false},
    {TresLimitKind::run_minutes, LimitScope::all, true},
    {TresLimitKind::run_minutes, LimitScope::user, true},
    {TresLimitKind::run_minutes, LimitScope::account, false},
    {TresLimitKind::used_minutes, LimitScope::all, true},
    {TresLimitKind::per_job, LimitScope::all, true},
    {TresLimitKind::per_node, LimitScope::all, true},
    {TresLimitKind::minutes_per_job, LimitScope::all, true},
    {TresLimitKind::least_per_job, LimitScope::all, false},
};

void put_limits() {
  const model::TresKind kinds[] = {
      {model::kTresCpu, "cpu", ""},   {model::kTresMemory, "mem", ""},
      {model::kTresNode, "node", ""}, {model::kTresBilling, "billing", ""},
      {1001, "gres", "gpu"},          {1002, "license", "lic"}};
  for (const Limit& limit : kLimits) {
    for (const model::TresKind& kind : kinds) {
      put("limit", core::limit_name({limit.kind, limit.scope, true}, kind));
      if (limit.of_association)
        put("limit", core::limit_name({limit.kind, limit.scope, false}, kind));
    }
  }
}

void put_qos_flags() {
  for (std::uint32_t bit = 0; bit < 32; ++bit) {
    const std::string name = report::qos_flags_text(1U << bit);
    if (!name.empty()) put("qos-flag", name);
  }
}

void put_modes() {
  for (const model::PreemptMode mode :
       {model::PreemptMode::off, model::PreemptMode::cancel, model::PreemptMode::requeue,
        model::PreemptMode::suspend, model::PreemptMode::within}) {
    put("preempt-mode", report::preempt_mode_name(mode));
  }
}

}  // namespace

int main() {
  put_reasons();
  put_modes();
  put_limits();
  put_qos_flags();
  for (const std::string_view word : model::flag_words()) put("reservation-flag", word);
  return 0;
}
