// Stream: where a courier gets its events. Source in the program, something played in tests.
#pragma once

#include "base/result.hpp"
#include "wire/event_messages.hpp"

namespace sluice::relay {

class Stream {
 public:
  virtual ~Stream() = default;
  // The next piece of the answer; asks `query` if there is none under way.
  // ErrorCode::unavailable: nobody there, it may be tried again. ErrorCode::interrupted: stopped.
  [[nodiscard]] virtual Result<wire::EventsReply> next(const wire::QueryEvents& query) = 0;
};

}  // namespace sluice::relay
