// What can be said of reservations from their records alone: when they occur, whether two of them
// meet in time, who may use them. Pure; times are wall clock.
//
// Repeating reservations recur in steps of whole hours, days or weeks. With a clock, days and weeks
// are those that it shows: a reservation that begins at eight begins at eight also after the hour
// has changed. Without one (an empty clock) they are 86,400 and 604,800 seconds, and days of the
// week are told by the offset in the reservation.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "model/local_clock.hpp"
#include "model/reservation_patch.hpp"

namespace sluice::core {

using model::LocalClock;
using model::Reservation;

struct TimeSpan {
  model::WallTime from = 0;
  model::WallTime until = 0;

  bool operator==(const TimeSpan&) const = default;
};

// The occurrence after this one; an empty span if it does not repeat.
[[nodiscard]] TimeSpan next_occurrence(const Reservation& reservation, TimeSpan now,
                                       const LocalClock& clock);
// The first occurrence that ends after `time`; an empty span if there is none.
[[nodiscard]] TimeSpan occurrence_after(const Reservation& reservation, model::WallTime time,
                                        const LocalClock& clock);
// The occurrence that a moment lies in (also a past one), or the present one.
[[nodiscard]] TimeSpan occurrence_at(const Reservation& reservation, model::WallTime time,
                                     const LocalClock& clock);
// All occurrences that end after the span's beginning and begin before its end, at most `most`.
[[nodiscard]] std::vector<TimeSpan> occurrences(const Reservation& reservation, TimeSpan within,
                                                const LocalClock& clock, std::size_t most);
// Makes one of its occurrences the present one.
void set_occurrence(Reservation& reservation, TimeSpan occurrence, const LocalClock& clock);
// Whether some occurrences of both meet.
[[nodiscard]] bool meet_in_time(const Reservation& a, const Reservation& b,
                                const LocalClock& clock);

// A job, as the access rules see it. Groups are known at submit, and of users who have submitted
// since the controller started; otherwise the group list is taken to be kept.
struct ReservationUser {
  std::string_view user;
  std::string_view group;
  std::string_view account;
  std::vector<std::string_view> ancestors;  // accounts above it
  std::string_view qos;
  std::uint32_t uid = 0;
  const std::vector<Text>* groups = nullptr;  // null: not known
};
[[nodiscard]] bool may_use_reservation(const Reservation& reservation, const ReservationUser& who);
[[nodiscard]] bool allows_partition(const Reservation& reservation, std::string_view partition,
                                    std::uint32_t uid);

// The list after an edit. Fails if it would both allow and deny.
[[nodiscard]] Result<Text> edited_list(const Text& list, const model::ListEdit& edit);

}  // namespace sluice::core
