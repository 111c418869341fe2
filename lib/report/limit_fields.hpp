// The limits of associations and of QOS by name: how sacctmgr reads, shows and stores them in
// files. One table for each, so that a limit is written down once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/accounts.hpp"

namespace sluice::report {

enum class LimitKind : std::uint8_t { tres, count, minutes };

template <class Limits>
struct LimitField {
  std::string_view name;       // as an option; longest form
  std::uint8_t least = 1;      // letters that abbreviate it
  std::string_view label;      // in the list of settings; empty: another spelling of an entry above
  std::string_view file_name;  // in sacctmgr's files; empty: not written
  LimitKind kind = LimitKind::count;
  model::TresCounts Limits::*tres = nullptr;  // kind tres
  std::uint32_t Limits::*number = nullptr;    // the others
  model::TresId single = 0;  // an old name of one TRES's limit (MaxNodes): its value is the count
};

using AssociationLimit = LimitField<model::AssociationLimits>;
using QosLimit = LimitField<model::QosLimits>;

[[nodiscard]] std::span<const AssociationLimit> association_limits();
[[nodiscard]] std::span<const QosLimit> qos_limits();

// "", "NONE" or the value: what stands in a column (empty where there is no limit).
[[nodiscard]] std::string limit_number(std::uint32_t value);
[[nodiscard]] std::string limit_minutes(std::uint32_t minutes);  // "1-00:00:00"

}  // namespace sluice::report
