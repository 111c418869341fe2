// See courier.hpp.
#include "daemon/relay/courier.hpp"

#include <algorithm>
#include <utility>

#include "base/log/log.hpp"
#include "event/text.hpp"

namespace sluice::relay {

namespace {

constexpr std::uint32_t kWaitMs = 20'000;
constexpr std::uint64_t kFirstPauseMs = 250;

bool is_wanted(const std::vector<std::string>& names, const event::Event& event) {
  if (names.empty()) return true;
  const std::string name = event::event_name(event);
  return std::ranges::any_of(names, [&](const std::string& wanted) {
    return wanted == name || wanted == event::kind_name(event.kind);
  });
}

// Bits of the kinds that a target can want.
std::uint32_t kinds_of(const std::vector<std::string>& names) {
  if (names.empty()) return event::kAllKinds;
  std::uint32_t kinds = 0;
  for (std::uint32_t kind = 1; kind < event::kKinds; ++kind) {
    const std::string_view word = event::kind_name(static_cast<event::Kind>(kind));
    for (const std::string& name : names) {
      if (std::string_view(name).substr(0, name.find('.')) == word) kinds |= 1U << kind;
    }
  }
  return kinds;
}

}  // namespace

Result<std::unique_ptr<Courier>> Courier::create(const Route& route, Stream& stream, Target& target,
                                                 const Stop& stop) {
  std::unique_ptr<Courier> courier(new Courier(route, stream, target, stop));
  const Result<std::optional<std::uint64_t>> cursor = courier->file_.load();
  if (!cursor) return tl::unexpected(cursor.error());
  courier->cursor_ = *cursor;
  return courier;
}

void Courier::run() {
  while (!stop_.is_set() && step()) {
  }
}

wire::QueryEvents Courier::query() const {
  wire::QueryEvents query;
  query.filter.kinds = kinds_of(settings_.events);
  query.limit = settings_.batch;
  if (cursor_) {
    query.after = *cursor_;
    query.wait_ms = kWaitMs;
  } else {
    query.from = settings_.from_oldest ? wire::EventsFrom::oldest : wire::EventsFrom::now;
  }
  return query;
}

bool Courier::step() {
  const Result<wire::EventsReply> reply = stream_.next(query());
  if (!reply) {
    return reply.error().code != ErrorCode::interrupted &&
           pause({reply.error().code, "the controller: " + reply.error().text});
  }
  if (reply->missed) {
    skip_gap(*reply);
    return true;
  }
  if (!deliver(wanted(*reply))) return false;
  return keep(reply->next);
}

// The one way in which events are lost: they were not kept long enough. It is never silent.
void Courier::skip_gap(const wire::EventsReply& reply) {
  const std::uint64_t first = cursor_.value_or(0) + 1;
  if (first > reply.newest + 1) {
    log::error("{}: the controller has no event {}: its state was set back. Going on with {}",
               settings_.name, first - 1, reply.oldest);
  } else {
    log::error(
        "{}: events {} to {} ARE LOST for this target: they were not kept until they could be "
        "sent. Going on with {}",
        settings_.name, first, reply.oldest - 1, reply.oldest);
  }
  cursor_ = reply.oldest - 1;
}

std::vector<event::Event> Courier::wanted(const wire::EventsReply& reply) const {
  std::vector<event::Event> events;
  for (const event::Event& event : reply.events) {
    if (is_wanted(settings_.events, event)) events.push_back(event);
  }
  return events;
}

bool Courier::deliver(std::span<const event::Event> events) {
  while (!events.empty()) {
    const std::size_t size = std::min<std::size_t>(events.size(), settings_.batch);
    const Status sent = target_.deliver(events.first(size));
    if (sent) {
      well();
      events = events.subspan(size);
    } else if (sent.error().code == ErrorCode::interrupted || !pause(sent.error())) {
      return false;
    }
  }
  return !stop_.is_set();
}

// What can't be kept would be sent again by the next start: allowed, but said.
bool Courier::keep(std::uint64_t cursor) {
  if (cursor_ == cursor) return true;
  cursor_ = cursor;
  const Status saved = file_.save(cursor);
  return saved || pause(saved.error());
}

bool Courier::pause(const Error& error) {
  if (std::exchange(told_, error.text) != error.text) {
    log::warn("{}: {}; trying again", settings_.name, error.text);
  }
  const std::uint64_t longest = std::uint64_t{settings_.retry_max_s} * 1000;
  const std::uint64_t wanted = kFirstPauseMs << std::min(failures_, 12U);
  ++failures_;
  return !stop_.pause(std::chrono::milliseconds(std::min(wanted, longest)));
}

void Courier::well() {
  failures_ = 0;
  if (std::exchange(told_, "").empty()) return;
  log::info("{}: events arrive again", settings_.name);
}

}  // namespace sluice::relay
