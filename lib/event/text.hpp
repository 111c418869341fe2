// How events are written: names, ids, JSON.
#pragma once

#include <string>
#include <string_view>

#include "event/event.hpp"

namespace sluice::event {

[[nodiscard]] std::string_view kind_name(Kind kind);
[[nodiscard]] std::string_view what_name(What what);
// "job.ended", "node.down", "ledger.charge": also the routing key in a message queue.
[[nodiscard]] std::string event_name(const Event& event);
// Whether there are such events: "job", "job.ended".
[[nodiscard]] bool is_event_name(std::string_view name);
// 32 hexadecimal digits: the same for ever, and no other event's.
[[nodiscard]] std::string event_id(const Event& event);
// "2026-11-22T05:06:17.000123Z".
[[nodiscard]] std::string time_text(model::WallTime when);
// One line of JSON, without an end of line; bytes that aren't UTF-8 are replaced. Money is written
// in decimals, as texts.
[[nodiscard]] std::string event_json(const Event& event);

}  // namespace sluice::event
