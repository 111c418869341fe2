// Readings of the event stream: each is a query on the query threads; one that has found nothing
// waits here until something was committed, or until its time is over. A waiting reading costs its
// connection to the database and nothing else, and many commits wake it once.
#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "daemon/controller/event_queries.hpp"
#include "daemon/controller/service/policies.hpp"
#include "daemon/controller/shell.hpp"

namespace sluice::controller {

namespace {

constexpr std::int64_t kSoonMs = 25;    // from a commit until readers are led on
constexpr std::int64_t kLookMs = 1000;  // whose time is over is told so late
constexpr std::size_t kMaxWaiting = 256;

}  // namespace

bool may_hold_events(const store::Transaction& transaction) {
  return !transaction.jobs.empty() || !transaction.ended.empty() || !transaction.nodes.empty() ||
         transaction.books;
}

void Shell::start_events(const Call& call, const net::Frame& frame, wire::QueryEvents request) {
  Result<store::EventReader> reader = store::EventReader::open(store_path());
  if (!reader) return refuse(call, reader.error());
  const std::uint32_t wait_ms = std::min(request.wait_ms, wire::kMaxEventsWaitMs);
  if (wait_ms != 0 && followers_.size() >= kMaxWaiting) {
    return refuse(call, {ErrorCode::busy, "too many readers wait for events"});
  }
  const std::uint64_t until_ms = base::monotonic_ms() + wait_ms;
  start(call, frame,
        query_events(std::move(*reader),
                     {std::move(request), service_->event_sight(call.peer), until_ms}));
}

// `news`: something was committed since the query has looked.
void Shell::follow(std::shared_ptr<QueryRun> run) {
  const bool news = run->seen != commits_;
  followers_.push_back(std::move(run));
  if (news) return follow_soon();
  if (followers_.size() == 1) {
    follow_timer_ = loop_.after(kLookMs, [this] { lead_followers_on(); });
  }
}

void Shell::note_commit() {
  ++commits_;
  follow_soon();
}

void Shell::follow_soon() {
  if (followers_.empty() || std::exchange(follow_soon_, true)) return;
  follow_timer_ = loop_.after(kSoonMs, [this] { lead_followers_on(); });
}

void Shell::lead_followers_on() {
  follow_soon_ = false;
  for (const auto& run : std::exchange(followers_, {})) advance(run);
}

}  // namespace sluice::controller
