// Reads the event stream, on a connection of its own and any thread, one at a time. No transaction
// stays open between two calls.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "event/event.hpp"

namespace sluice::store {

// Cursors of what is kept; `oldest` above `newest`: nothing was ever written.
struct EventRange {
  std::uint64_t oldest = 1;
  std::uint64_t newest = 0;
};

class EventReader {
 public:
  [[nodiscard]] static Result<EventReader> open(const std::string& path);
  EventReader(EventReader&&) noexcept;
  EventReader& operator=(EventReader&&) noexcept;
  ~EventReader();

  [[nodiscard]] Result<EventRange> range();
  // The cursor after which everything happened at that time or later.
  [[nodiscard]] Result<std::uint64_t> before(model::WallTime time);
  // What comes after the cursor, in order, until `found` says false. Events of other kinds (bits)
  // than those wanted come without what they tell.
  [[nodiscard]] Status read(std::uint64_t after, std::uint32_t kinds,
                            const std::function<bool(event::Event)>& found);

 private:
  struct State;
  explicit EventReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::store
