// Readings of the event stream. A reading that finds nothing may wait: the shell leads it on when
// something was committed.
#pragma once

#include <cstdint>
#include <memory>

#include "daemon/controller/queries.hpp"
#include "daemon/controller/service/event_sight.hpp"
#include "store/event_reader.hpp"
#include "wire/event_messages.hpp"

namespace sluice::controller {

struct EventsAsked {
  wire::QueryEvents request;
  EventSight sight;
  std::uint64_t until_ms = 0;  // monotonic; how long it may wait
};
[[nodiscard]] std::unique_ptr<Query> query_events(store::EventReader reader, EventsAsked asked);

}  // namespace sluice::controller
