// `sluice why`: what is printed. Sentences first, then the numbers that they rest on.
#include <algorithm>

#include <fmt/core.h>

#include "base/duration.hpp"
#include "base/timetext.hpp"
#include "cli/sluice/why.hpp"
#include "ledger/money.hpp"
#include "report/job_text.hpp"
#include "report/json_writer.hpp"

namespace sluice::cli {

namespace {

using model::Explanation;

std::string when(model::WallTime time) { return base::format_time(time / model::kSecond); }

// "2026-11-22T12:00:00 (in 01:20:00)"
std::string when_and_how_long(model::WallTime time, model::WallTime now) {
  if (time <= now) return "now";
  const std::int64_t seconds = (time - now + model::kSecond - 1) / model::kSecond;
  return fmt::format("{} (in {})", when(time), base::format_duration(seconds));
}

std::string reason_words(model::Reason reason, const Text& detail) {
  return detail.empty() ? std::string(model::reason_name(reason)) : detail.str();
}

std::string title(const Explanation& why, const model::Job& job) {
  std::string text = fmt::format("Job {} ({}, user {}", report::job_id_text(job),
                                 job.spec->name.view(), job.spec->user.view());
  if (!job.request->account.empty())
    text += fmt::format(", account {}", job.request->account.view());
  if (!job.qos.empty()) text += fmt::format(", QOS {}", job.qos.view());
  text += fmt::format(", partition {})", job.partition.view());
  if (why.state != model::JobState::pending) {
    text += fmt::format(" is {}.\n", model::long_name(why.state, job.flags));
    if (job.preempted_at == 0) return text;
    const bool stopped = job.state == model::JobState::suspended;
    return text + fmt::format("It gave way to a job of higher standing at {}, and {}.\n",
                              when(job.preempted_at),
                              stopped ? "goes on when its CPUs are idle again"
                                      : "ends when its grace time is over");
  }
  return text + fmt::format(" waits: {}.\n", reason_words(why.reason, why.detail));
}

const char* plural(std::uint64_t count) { return count == 1 ? "" : "s"; }

void add_lane(std::string& text, const model::ExplainedLane& lane, model::WallTime now) {
  text += fmt::format("\nPartition {}", lane.partition.view());
  if (!lane.account.empty()) text += fmt::format(", account {}", lane.account.view());
  if (!lane.qos.empty()) text += fmt::format(", QOS {}", lane.qos.view());
  if (!lane.reservation.empty()) text += fmt::format(", reservation {}", lane.reservation.view());
  text += fmt::format(": {}. It needs {} node{}.\n", reason_words(lane.reason, lane.detail),
                      lane.wanted, plural(lane.wanted));
  text += fmt::format("  {:>8} nodes in the cluster\n", lane.nodes);
  for (const model::ExplainedFilter& filter : lane.filters) {
    text += fmt::format("  {:>8} removed by: {}\n", fmt::format("-{}", filter.removed),
                        filter.name.view());
  }
  text += fmt::format("  {:>8} could serve it, {} of them {} room at this moment\n", lane.usable,
                      lane.free, lane.free == 1 ? "has" : "have");
  if (lane.planned_start != 0) {
    text += fmt::format("  planned start: {} on {}\n", when_and_how_long(lane.planned_start, now),
                        lane.planned_nodes.view());
  }
}

// What a customer has in all, what is held for others, what this job would cost.
void add_funds(std::string& text, const model::ExplainedLimit& limit, std::string_view currency) {
  const auto amount = [&](std::int64_t money) {
    return ledger::money_text(money, currency) + ' ' + std::string(currency);
  };
  text += fmt::format(
      "\nLimit {} of {}: {} are to be held for it, and {} are available ({} are held).\n",
      limit.name.view(), limit.holder.view(), amount(limit.wanted),
      amount(limit.limit - limit.used), amount(limit.used));
}

void add_limit(std::string& text, const model::ExplainedLimit& limit) {
  constexpr std::string_view kMoney = "money/";
  if (limit.resource.view().starts_with(kMoney)) {
    return add_funds(text, limit, limit.resource.view().substr(kMoney.size()));
  }
  text += fmt::format("\nLimit {} of {}: {} {} in use of {} allowed, and it asks for {}.\n",
                      limit.name.view(), limit.holder.view(), limit.used, limit.resource.view(),
                      limit.limit, limit.wanted);
  for (const model::ExplainedJob& job : limit.by) {
    text += fmt::format("  job {} of {}: {}{}\n", job.job.value, job.user.view(), job.what.view(),
                        job.end == 0 ? "" : fmt::format(", until {} at the latest", when(job.end)));
  }
}

void add_order(std::string& text, const Explanation& why) {
  text += fmt::format("Its priority is {}; {} queued job{} come{} before it.\n", why.priority,
                      why.ahead, plural(why.ahead), why.ahead == 1 ? "s" : "");
  if (!why.behind.is_set()) return;
  text += fmt::format("It waits behind job {}", why.behind.value);
  if (why.behind_start != 0) {
    text += fmt::format(", planned for {} on {}, which it must not delay",
                        when_and_how_long(why.behind_start, why.at), why.behind_nodes.view());
  }
  text += ".\n";
}

void add_until(std::string& text, const Explanation& why) {
  if (why.until.empty()) return;
  text += "\nThe planned start counts on the end of:\n";
  for (const model::ExplainedJob& job : why.until) {
    text += fmt::format("  job {} of {}, {}, until {} at the latest\n", job.job.value,
                        job.user.view(), job.what.view(), when(job.end));
  }
}

void add_sooner(std::string& text, const Explanation& why) {
  if (why.sooner.empty()) return;
  text += "\nIf nothing else changes, it would start sooner with:\n";
  for (const model::Alternative& other : why.sooner) {
    text += fmt::format("  {:<28} {} on {}\n", other.change.view(),
                        when_and_how_long(other.start, why.at), other.nodes.view());
  }
}

void json_filters(report::JsonWriter& json, const std::vector<model::ExplainedFilter>& filters) {
  json.key("filters");
  json.open_array();
  for (const model::ExplainedFilter& filter : filters) {
    json.open_object();
    json.member("name", filter.name);
    json.member("removed", filter.removed);
    json.close();
  }
  json.close();
}

void json_jobs(report::JsonWriter& json, std::string_view name,
               const std::vector<model::ExplainedJob>& jobs) {
  json.key(name);
  json.open_array();
  for (const model::ExplainedJob& job : jobs) {
    json.open_object();
    json.member("job_id", job.job.value);
    json.member("user", job.user);
    json.member("what", job.what);
    json.member("end", job.end / model::kSecond);
    json.close();
  }
  json.close();
}

void json_lanes(report::JsonWriter& json, const Explanation& why) {
  json.key("partitions");
  json.open_array();
  for (const model::ExplainedLane& lane : why.lanes) {
    json.open_object();
    json.member("partition", lane.partition);
    json.member("account", lane.account);
    json.member("qos", lane.qos);
    json.member("reservation", lane.reservation);
    json.member("reason", reason_words(lane.reason, lane.detail));
    json.member("nodes", lane.nodes);
    json_filters(json, lane.filters);
    json.member("wanted", lane.wanted);
    json.member("usable", lane.usable);
    json.member("free", lane.free);
    json.member("planned_start", lane.planned_start / model::kSecond);
    json.member("planned_nodes", lane.planned_nodes);
    json.close();
  }
  json.close();
}

void json_limits(report::JsonWriter& json, const Explanation& why) {
  json.key("limits");
  json.open_array();
  for (const model::ExplainedLimit& limit : why.limits) {
    json.open_object();
    json.member("name", limit.name);
    json.member("holder", limit.holder);
    json.member("resource", limit.resource);
    json.member("used", limit.used);
    json.member("wanted", limit.wanted);
    json.member("limit", limit.limit);
    json_jobs(json, "by", limit.by);
    json.close();
  }
  json.close();
}

void json_placed(report::JsonWriter& json, const Explanation& why) {
  for (const model::Placement& placed : why.placed) {
    json.key("placed");
    json.open_object();
    json.member("partition", placed.partition);
    json_filters(json, placed.filters);
    json.member("wanted", placed.wanted);
    json.member("usable", placed.usable);
    json.member("serving", placed.serving);
    json.member("planned_before", placed.planned_before / model::kSecond);
    json.member("ahead_of", placed.ahead_of.value);
    json.key("rules");
    json.open_array();
    for (const Text& rule : placed.rules) json.value(rule);
    json.close();
    json.close();
  }
}

}  // namespace

std::string why_text(const Explanation& why, const model::Job& job) {
  std::string text = title(why, job);
  if (why.state != model::JobState::pending) {
    if (!why.placed.empty()) text += "`sluice why-placed` tells why it runs where it does.\n";
    return text;
  }
  if (why.begin != 0) text += fmt::format("It may not begin before {}.\n", when(why.begin));
  if (!why.dependency.empty()) {
    text += fmt::format("It depends on other jobs: {}.\n", why.dependency.view());
  }
  if (!why.lanes.empty()) add_order(text, why);
  for (const model::ExplainedLimit& limit : why.limits) add_limit(text, limit);
  for (const model::ExplainedLane& lane : why.lanes) add_lane(text, lane, why.at);
  if (why.earliest != 0) {
    text += fmt::format(
        "\nNo start is planned for it. Beside those that are planned it could start {}, unless\n"
        "another job before it takes its place.\n",
        when_and_how_long(why.earliest, why.at));
  }
  add_until(text, why);
  add_sooner(text, why);
  return text;
}

std::string why_placed_text(const Explanation& why, const model::Job& job) {
  const model::Placement& placed = why.placed.front();
  std::string text = title(why, job);
  text += fmt::format("It runs on {} since {}.\n\n", job.allocation->nodes.view(), when(job.start));
  text += fmt::format("When it started in partition {}, it needed {} node{}:\n",
                      placed.partition.view(), placed.wanted, plural(placed.wanted));
  for (const model::ExplainedFilter& filter : placed.filters) {
    text += fmt::format("  {:>8} nodes removed by: {}\n", filter.removed, filter.name.view());
  }
  text += fmt::format("  {:>8} could serve it, {} of them had room at that moment\n", placed.usable,
                      placed.serving);
  if (!placed.rules.empty()) text += "\nOf these the choice fell by these rules, in this order:\n";
  for (const Text& rule : placed.rules) text += fmt::format("  - {}\n", rule.view());
  if (placed.planned_before != 0) {
    text += fmt::format("\nIts start had been planned for {}.\n", when(placed.planned_before));
  }
  if (placed.ahead_of.is_set()) {
    text += fmt::format(
        "\nIt started before job {}, which has higher priority, without delaying "
        "its planned start (backfill).\n",
        placed.ahead_of.value);
  }
  return text;
}

std::string why_json(const Explanation& why, const model::Job& job) {
  report::JsonWriter json(report::DocumentStyle::json);
  json.open_object();
  json.member("job_id", report::job_id_text(job));
  json.member("state", model::long_name(why.state, job.flags));
  json.member("reason", reason_words(why.reason, why.detail));
  json.member("priority", why.priority);
  json.member("ahead", why.ahead);
  json.member("begin", why.begin / model::kSecond);
  json.member("dependency", why.dependency);
  json.member("behind", why.behind.value);
  json.member("behind_start", why.behind_start / model::kSecond);
  json.member("earliest", why.earliest / model::kSecond);
  json_lanes(json, why);
  json_limits(json, why);
  json_jobs(json, "until", why.until);
  json.key("sooner");
  json.open_array();
  for (const model::Alternative& other : why.sooner) {
    json.open_object();
    json.member("change", other.change);
    json.member("start", other.start / model::kSecond);
    json.member("nodes", other.nodes);
    json.member("partition", other.partition);
    json.close();
  }
  json.close();
  json_placed(json, why);
  json.close();
  return json.take();
}

}  // namespace sluice::cli
