// See events.hpp. The cursor after the last event that was printed is all that is remembered: a
// conversation that breaks is begun again from there, so nothing is lost or printed twice.
#include "cli/sluice/events.hpp"

#include <charconv>
#include <limits>
#include <optional>

#include <fmt/core.h>

#include "base/clock.hpp"
#include "base/env.hpp"
#include "base/timetext.hpp"
#include "cli/common/client.hpp"
#include "cli/common/output.hpp"
#include "cli/sluice/events_text.hpp"
#include "wire/event_messages.hpp"

namespace sluice::cli {

namespace {

constexpr std::uint32_t kWaitMs = 20'000;
// Who follows goes on trying however long the controller is away.
constexpr std::int64_t kForEverMs = std::numeric_limits<std::int64_t>::max() / 2;

Status set_start(const std::string& since, wire::QueryEvents& query) {
  if (since.find_first_not_of("0123456789") == std::string::npos) {
    std::int64_t cursor = 0;
    const auto parsed = std::from_chars(since.data(), since.data() + since.size(), cursor);
    if (parsed.ec != std::errc()) {
      return fail(ErrorCode::invalid_argument, "--since: " + since + " is no cursor");
    }
    query.from = wire::EventsFrom::cursor;
    query.after = static_cast<std::uint64_t>(cursor);
    return {};
  }
  const std::int64_t now = base::wall_micros() / model::kSecond;
  const Result<std::int64_t> time = base::parse_time(since, now, base::TimeOfDay::today);
  if (!time) return tl::unexpected(time.error());
  query.from = wire::EventsFrom::time;
  query.time = *time * model::kSecond;
  return {};
}

Result<wire::QueryEvents> query_of(const EventsOptions& options) {
  wire::QueryEvents query;
  const Result<std::uint32_t> kinds = event::parse_kinds(options.kinds);
  if (!kinds) return context("--kind", kinds.error());
  query.filter = {*kinds, JobId(options.job), options.user, options.account, options.partition};
  query.limit = options.limit;
  query.from = options.follow ? wire::EventsFrom::now : wire::EventsFrom::oldest;
  if (!options.since.empty()) {
    if (Status set = set_start(options.since, query); !set) return tl::unexpected(set.error());
  }
  return query;
}

tl::unexpected<Error> missed(std::uint64_t cursor, const wire::EventsReply& reply) {
  if (cursor > reply.newest) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("there is no event {} yet: the newest is {}", cursor, reply.newest));
  }
  return fail(ErrorCode::not_found,
              fmt::format("what came after event {} is not kept any more: the oldest event is {}",
                          cursor, reply.oldest));
}

class Printer {
 public:
  explicit Printer(const EventsOptions& options) : json_(options.json) {
    if (!json_) out_ = events_header();
  }

  // False: nobody reads any more.
  [[nodiscard]] bool print(const wire::EventsReply& reply) {
    for (const event::Event& one : reply.events) out_ += json_ ? event_line(one) : event_row(one);
    const bool written = out_.empty() || write_out(out_);
    out_.clear();
    return written;
  }

 private:
  bool json_;
  std::string out_;
};

// One answer in all its frames; `query` goes on after it.
Status take_answer(Session& session, wire::QueryEvents& query, Printer& printer, bool& over) {
  if (Status sent = session.send(query); !sent) return sent;
  while (true) {
    const auto reply = session.receive_as<wire::EventsReply>(kWaitMs + kAnswerMs);
    if (!reply) return tl::unexpected(reply.error());
    if (reply->missed) return missed(reply->next, *reply);
    if (!printer.print(*reply)) over = true;
    query.from = wire::EventsFrom::cursor;
    query.after = reply->next;
    if (query.limit != 0) {
      query.limit -= static_cast<std::uint32_t>(reply->events.size());
      over = over || query.limit == 0;
    }
    if (reply->last || over) return {};
  }
}

}  // namespace

Status show_events(const EventsOptions& options) {
  Result<wire::QueryEvents> query = query_of(options);
  if (!query) return tl::unexpected(query.error());
  Result<Client> client = Client::create(base::Environment::of_process());
  if (!client) return tl::unexpected(client.error());
  Printer printer(options);
  std::int64_t patience_ms = kRetryMs;
  std::optional<Session> session;
  for (bool over = false; !over;) {
    if (!session) {
      Result<Session> made = client->session(patience_ms);
      if (!made) return tl::unexpected(made.error());
      session.emplace(std::move(*made));
    }
    const Status taken = take_answer(*session, *query, printer, over);
    if (taken) {
      if (!options.follow) return {};
      // Only now that there is a cursor to go on from.
      query->wait_ms = kWaitMs;
      patience_ms = kForEverMs;
    } else if (taken.error().code != ErrorCode::unavailable) {
      return taken;
    } else {
      session.reset();
    }
  }
  return {};
}

}  // namespace sluice::cli
