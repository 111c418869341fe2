// What `sluice events` prints. Pure but for the time zone.
#pragma once

#include <string>

#include "event/event.hpp"

namespace sluice::cli {

[[nodiscard]] std::string events_header();
[[nodiscard]] std::string event_row(const event::Event& event);   // for people
[[nodiscard]] std::string event_line(const event::Event& event);  // JSON

}  // namespace sluice::cli
