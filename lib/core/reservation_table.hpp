// ReservationTable: the reservations that there are, with their nodes by index. Records are
// immutable; a change puts a new one in place.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bitmap.hpp"
#include "core/standing.hpp"
#include "model/reservation.hpp"

namespace sluice::core {

struct ReservationEntry {
  model::ReservationPtr record;
  std::vector<StandingReservation::Part> parts;  // by node
  base::Bitmap nodes;
  bool begun = false;  // the present occurrence, and what follows from that is done
};

class ReservationTable {
 public:
  // By id, which is the order of their making.
  [[nodiscard]] const std::map<std::uint32_t, ReservationEntry>& all() const { return all_; }
  [[nodiscard]] std::map<std::uint32_t, ReservationEntry>& all() { return all_; }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] ReservationEntry* find(std::string_view name);  // null: none
  [[nodiscard]] const ReservationEntry* find(std::string_view name) const;
  [[nodiscard]] const ReservationEntry* find(std::uint32_t id) const;

  std::uint32_t next_id = 1;

 private:
  std::map<std::uint32_t, ReservationEntry> all_;
};

// The names in a request's --reservation.
[[nodiscard]] std::vector<std::string_view> reservation_names(const Text& list);
[[nodiscard]] bool names_reservation(const Text& list, std::string_view name);

}  // namespace sluice::core
