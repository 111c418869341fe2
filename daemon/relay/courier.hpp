// Courier: takes the events from the controller to one target, in order, at least once each. It
// holds one piece of an answer at a time; while the target is away, events wait in the controller's
// store. The cursor goes forward when the target has acknowledged, never before.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/relay_target.hpp"
#include "daemon/relay/cursor_file.hpp"
#include "daemon/relay/stop.hpp"
#include "daemon/relay/stream.hpp"
#include "daemon/relay/target.hpp"

namespace sluice::relay {

struct Route {
  config::RelayTarget settings;
  std::string cursor_path;
};

class Courier {
 public:
  // Fails if the cursor's file can't be understood.
  [[nodiscard]] static Result<std::unique_ptr<Courier>> create(const Route& route, Stream& stream,
                                                               Target& target, const Stop& stop);
  void run();  // until stopped

 private:
  Courier(const Route& route, Stream& stream, Target& target, const Stop& stop)
      : settings_(route.settings),
        file_(route.cursor_path),
        stream_(stream),
        target_(target),
        stop_(stop) {}

  [[nodiscard]] wire::QueryEvents query() const;
  [[nodiscard]] bool step();  // false: stopped
  void skip_gap(const wire::EventsReply& reply);
  [[nodiscard]] std::vector<event::Event> wanted(const wire::EventsReply& reply) const;
  [[nodiscard]] bool deliver(std::span<const event::Event> events);
  [[nodiscard]] bool keep(std::uint64_t cursor);
  [[nodiscard]] bool pause(const Error& error);  // false: stopped
  void well();

  config::RelayTarget settings_;
  CursorFile file_;
  Stream& stream_;
  Target& target_;
  const Stop& stop_;
  std::optional<std::uint64_t> cursor_;  // on disk; not set: never began
  std::uint32_t failures_ = 0;           // in a row
  std::string told_;                     // the latest failure in the log
};

}  // namespace sluice::relay
