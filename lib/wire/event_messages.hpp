// The event stream between commands and the controller. A reader asks for what comes after its
// cursor and gets it in one or more frames; if there is nothing yet and it is willing to wait, the
// answer comes as soon as there is something. Then it asks again: so a reader takes as much as it
// can, and its rights are judged anew each time.
#pragma once

#include <cstdint>
#include <vector>

#include "event/event.hpp"
#include "event/filter.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

enum class EventsFrom : std::uint8_t {
  cursor = 0,  // what comes after `after`
  oldest = 1,  // all that is kept
  now = 2,     // what is still to come
  time = 3,    // what happened at `time` or later
};
inline constexpr std::uint32_t kMaxEventsWaitMs = 60'000;

struct QueryEvents {
  static constexpr MessageType kType = MessageType::query_events;
  EventsFrom from = EventsFrom::cursor;
  std::uint64_t after = 0;
  model::WallTime time = 0;
  event::EventFilter filter;
  std::uint32_t limit = 0;    // of events in the answer; 0: none
  std::uint32_t wait_ms = 0;  // for the first one; at most kMaxEventsWaitMs

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "from", self.from);
    visit(2, "after", self.after);
    visit(3, "time", self.time);
    visit(4, "filter", self.filter);
    visit(5, "limit", self.limit);
    visit(6, "wait_ms", self.wait_ms);
  }
};

// In several frames where there are many. `missed`: what comes after the cursor is not kept any
// more (or was never there: `after` is beyond `newest`); nothing is told then.
struct EventsReply {
  static constexpr MessageType kType = MessageType::events_reply;
  std::vector<event::Event> events;
  std::uint64_t next = 0;    // the cursor to go on after
  std::uint64_t oldest = 0;  // that is kept; above `newest` if nothing is
  std::uint64_t newest = 0;
  bool missed = false;
  bool last = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "events", self.events);
    visit(2, "next", self.next);
    visit(3, "oldest", self.oldest);
    visit(4, "newest", self.newest);
    visit(5, "missed", self.missed);
    visit(6, "last", self.last);
  }
};

}  // namespace sluice::wire
