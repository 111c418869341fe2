// Reservations and licences as `scontrol show` and `sinfo -T` print them.
#pragma once

#include <span>
#include <string>

#include "model/reservation.hpp"
#include "report/json_writer.hpp"
#include "report/scontrol_text.hpp"

namespace sluice::report {

// With the times that a floating reservation has at that moment.
[[nodiscard]] model::Reservation as_of(const model::Reservation& reservation, model::WallTime now);

void show_reservation(const model::Reservation& reservation, model::WallTime now,
                      const ShowStyle& style, std::string& out);

struct LicenseText {
  Text name;
  std::uint32_t total = 0;
  std::uint32_t used = 0;
  std::uint32_t reserved = 0;
};
void show_license(const LicenseText& license, const ShowStyle& style, std::string& out);

// The table of `sinfo -T`.
[[nodiscard]] std::string reservation_table(std::span<const model::Reservation> reservations,
                                            model::WallTime now, const TimeStyle& style);

void write_reservation(JsonWriter& writer, const model::Reservation& reservation,
                       model::WallTime now);
void write_license(JsonWriter& writer, const LicenseText& license);

}  // namespace sluice::report
