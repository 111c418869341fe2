// See reservation_table.hpp.
#include "core/reservation_table.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace sluice::core {

ReservationEntry* ReservationTable::find(std::string_view name) {
  for (auto& [id, entry] : all_) {
    if (entry.record->name.view() == name) return &entry;
  }
  return nullptr;
}

const ReservationEntry* ReservationTable::find(std::string_view name) const {
  for (const auto& [id, entry] : all_) {
    if (entry.record->name.view() == name) return &entry;
  }
  return nullptr;
}

const ReservationEntry* ReservationTable::find(std::uint32_t id) const {
  const auto found = all_.find(id);
  return found == all_.end() ? nullptr : &found->second;
}

std::vector<std::string_view> reservation_names(const Text& list) {
  if (list.empty()) return {};
  return base::split_nonempty(list, ',');
}

bool names_reservation(const Text& list, std::string_view name) {
  const std::vector<std::string_view> names = reservation_names(list);
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace sluice::core
