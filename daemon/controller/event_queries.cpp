// See event_queries.hpp. A piece ends after so many rows, whether wanted or not, so that a rare
// event's finder keeps no thread from others; it goes on by its cursor, so no transaction is open
// in between.
#include "daemon/controller/event_queries.hpp"

#include <utility>

#include "base/clock.hpp"
#include "wire/codec.hpp"

namespace sluice::controller {

namespace {

constexpr std::size_t kEventsPerPiece = 1024;
constexpr std::size_t kRowsPerPiece = 16'384;

class EventsQuery : public Query {
 public:
  EventsQuery(store::EventReader reader, EventsAsked asked)
      : reader_(std::move(reader)), asked_(std::move(asked)) {
    left_ = asked_.request.limit == 0 ? UINT32_MAX : asked_.request.limit;
  }

  Piece next() override {
    const Result<store::EventRange> range = reader_.range();
    if (!range) return failure(range.error());
    if (!begun_) {
      if (Status begun = begin(*range); !begun) return failure(begun.error());
    }
    wire::EventsReply message;
    message.oldest = range->oldest;
    message.newest = range->newest;
    if (after_ + 1 < range->oldest || after_ > range->newest) return missed(message);
    rows_ = 0;
    message.last = true;
    const Status read = reader_.read(after_, asked_.request.filter.kinds, [&](event::Event event) {
      return take(std::move(event), message);
    });
    if (!read) return failure(read.error());
    if (gap_) return missed(message);
    if (left_ == 0) message.last = true;
    const bool nothing = message.last && !told_ && message.events.empty() && left_ != 0;
    if (nothing && base::monotonic_ms() < asked_.until_ms) {
      Piece piece;
      piece.wait = true;
      return piece;
    }
    told_ = told_ || !message.events.empty();
    message.next = after_;
    const bool last = message.last;
    return {wire::EventsReply::kType, wire::encode(message), last};
  }

 private:
  static Piece failure(const Error& error) {
    wire::ErrorReply message;
    message.code = error.code;
    message.text = error.text;
    return {wire::ErrorReply::kType, wire::encode(message), true};
  }

  Piece missed(wire::EventsReply& message) const {
    message.events.clear();
    message.next = after_;
    message.missed = true;
    message.last = true;
    return {wire::EventsReply::kType, wire::encode(message), true};
  }

  Status begin(const store::EventRange& range) {
    begun_ = true;
    switch (asked_.request.from) {
      case wire::EventsFrom::cursor: after_ = asked_.request.after; return {};
      case wire::EventsFrom::oldest: after_ = range.oldest - 1; return {};
      case wire::EventsFrom::now: after_ = range.newest; return {};
      case wire::EventsFrom::time: break;
    }
    const Result<std::uint64_t> before = reader_.before(asked_.request.time);
    if (!before) return tl::unexpected(before.error());
    after_ = *before;
    return {};
  }

  // The next row; false: the piece is full, or rows have gone meanwhile.
  bool take(event::Event event, wire::EventsReply& message) {
    gap_ = event.cursor != after_ + 1;
    if (gap_) return false;
    if (left_ == 0 || message.events.size() == kEventsPerPiece || rows_ == kRowsPerPiece) {
      message.last = false;
      return false;
    }
    ++rows_;
    after_ = event.cursor;
    if (event::passes(event, asked_.request.filter) && asked_.sight.sees(event)) {
      message.events.push_back(std::move(event));
      --left_;
    }
    return true;
  }

  store::EventReader reader_;
  EventsAsked asked_;
  std::uint64_t after_ = 0;
  std::uint32_t left_ = 0;  // events that may still be told
  std::size_t rows_ = 0;    // looked at for this piece
  bool begun_ = false;
  bool told_ = false;
  bool gap_ = false;
};

}  // namespace

std::unique_ptr<Query> query_events(store::EventReader reader, EventsAsked asked) {
  return std::make_unique<EventsQuery>(std::move(reader), std::move(asked));
}

}  // namespace sluice::controller
