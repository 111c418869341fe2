// See text.hpp. Keys of the JSON are a promise to programs: they are added to, never changed.
#include "event/text.hpp"

#include <array>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/uid_text.hpp"
#include "ledger/calendar.hpp"
#include "ledger/money.hpp"
#include "ledger/quantity.hpp"

namespace sluice::event {

namespace {

using Json = nlohmann::ordered_json;

struct Named {
  What what;
  Kind kind;
  std::string_view name;
};
constexpr std::array<Named, 13> kNames{{
    {What::submitted, Kind::job, "submitted"},
    {What::started, Kind::job, "started"},
    {What::suspended, Kind::job, "suspended"},
    {What::resumed, Kind::job, "resumed"},
    {What::ended, Kind::job, "ended"},
    {What::preempted, Kind::job, "preempted"},
    {What::requeued, Kind::job, "requeued"},
    {What::changed, Kind::job, "changed"},
    {What::down, Kind::node, "down"},
    {What::up, Kind::node, "up"},
    {What::drained, Kind::node, "drained"},
    {What::undrained, Kind::node, "undrained"},
    {What::marked, Kind::node, "marked"},
}};

void put(Json& json, const char* key, const Text& text) {
  if (!text.empty()) json[key] = text.str();
}
void put_time(Json& json, const char* key, model::WallTime when) {
  if (when != 0) json[key] = time_text(when);
}

// How wait() tells it.
void put_exit(Json& json, std::uint32_t status) {
  json["exit_code"] = status >> 8U & 0xffU;
  if (const std::uint32_t signal = status & 0x7fU; signal != 0) json["signal"] = signal;
}

Json job_json(const JobChange& job) {
  Json json;
  json["id"] = job.job.value;
  if (job.array_job.is_set()) json["array_job"] = job.array_job.value;
  if (job.array_task != model::kNoTask) json["array_task"] = job.array_task;
  if (job.array_tasks != 0) json["array_tasks"] = job.array_tasks;
  if (job.het_job.is_set()) json["het_job"] = job.het_job.value;
  if (job.het_job.is_set()) json["het_offset"] = job.het_offset;
  json["uid"] = base::uid_text(job.uid);
  json["attempt"] = job.attempt;
  json["name"] = job.name.str();
  json["user"] = job.user.str();
  json["user_id"] = job.user_id;
  put(json, "account", job.account);
  json["partition"] = job.partition.str();
  put(json, "qos", job.qos);
  put(json, "wckey", job.wckey);
  put(json, "reservation", job.reservation);
  json["state"] = std::string(model::long_name(job.state, 0));
  if (job.reason != model::Reason::none) json["reason"] = std::string(reason_name(job.reason));
  if (job.state == model::JobState::pending) json["priority"] = job.priority;
  put_time(json, "submit", job.submit);
  put_time(json, "start", job.start);
  put_time(json, "end", job.end);
  if (job.time_limit == model::kUnlimited) {
    json["time_limit_minutes"] = nullptr;
  } else {
    json["time_limit_minutes"] = job.time_limit;
  }
  if (model::is_finished(job.state)) put_exit(json, job.exit_code);
  put(json, "nodes", job.nodes);
  json["node_count"] = job.node_count;
  if (job.cpus != 0) json["cpus"] = job.cpus;
  if (job.memory != 0) json["memory_mib"] = job.memory;
  return json;
}

Json node_json(const NodeChange& node) {
  Json json;
  json["name"] = node.name.str();
  json["state"] = node.state.str();
  json["before"] = node.before.str();
  put(json, "reason", node.reason);
  return json;
}

Json subject_json(const ledger::JobRef& job) {
  Json json;
  json["id"] = job.job.value;
  if (job.array_job.is_set()) json["array_job"] = job.array_job.value;
  if (job.array_task != model::kNoTask) json["array_task"] = job.array_task;
  if (job.het_job.is_set()) json["het_job"] = job.het_job.value;
  json["uid"] = base::uid_text(job.uid);
  json["attempt"] = job.attempt;
  put(json, "name", job.name);
  put(json, "user", job.user);
  put(json, "account", job.account);
  put(json, "partition", job.partition);
  put(json, "qos", job.qos);
  put(json, "wckey", job.wckey);
  return json;
}

void put_price(Json& json, const ledger::Entry& entry) {
  const ledger::PricedBy& price = entry.price;
  if (price.sku.empty()) return;
  json["book"] = price.book.str();
  json["version"] = price.version;
  json["sku"] = price.sku.str();
  json["meter"] = price.meter.str();
  json["unit"] = price.unit.str();
  json["unit_price"] = ledger::decimal(price.unit_price);
  json["consumed_seconds"] = ledger::seconds_text(entry.consumed);
  json["priced_seconds"] = ledger::seconds_text(entry.priced);
}

Json entry_json(const ledger::Entry& entry) {
  Json json;
  json["sequence"] = entry.sequence;
  json["kind"] = std::string(ledger::kind_name(entry.kind));
  json["month"] = ledger::month_text(entry.month);
  json["customer"] = entry.customer;
  put(json, "currency", entry.currency);
  if (entry.job.job.is_set()) json["job"] = subject_json(entry.job);
  put_time(json, "from", entry.from);
  put_time(json, "to", entry.to);
  put_price(json, entry);
  json["amount"] = ledger::decimal(entry.amount);
  json["list"] = ledger::decimal(entry.list);
  json["contracted"] = ledger::decimal(entry.contracted);
  json["effective"] = ledger::decimal(entry.effective);
  json["billed"] = ledger::decimal(entry.billed);
  if (entry.package != 0) json["package"] = entry.package;
  for (const ledger::Posting& posting : entry.postings) {
    json["postings"].push_back({{"account", std::string(ledger::account_name(posting.account))},
                                {"amount", ledger::decimal(posting.amount)}});
  }
  if (entry.refers_to != 0) json["refers_to"] = entry.refers_to;
  if (entry.correction) json["correction"] = true;
  if (entry.uid != model::kNoTask) json["by_uid"] = entry.uid;
  put(json, "note", entry.note);
  return json;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::job: return "job";
    case Kind::node: return "node";
    case Kind::ledger: return "ledger";
    case Kind::none: break;
  }
  return "none";
}

std::string_view what_name(What what) {
  for (const Named& named : kNames) {
    if (named.what == what) return named.name;
  }
  return "none";
}

std::string event_name(const Event& event) {
  const std::string_view what =
      event.entry ? ledger::kind_name(event.entry->kind) : what_name(event.what);
  return fmt::format("{}.{}", kind_name(event.kind), what);
}

bool is_event_name(std::string_view name) {
  const std::size_t dot = name.find('.');
  const std::string_view kind = name.substr(0, dot);
  const bool whole = dot == std::string_view::npos;
  if (kind == kind_name(Kind::ledger)) {
    bool known = whole;
    for (std::uint32_t i = 1; i < ledger::kEntryKinds && !known; ++i) {
      known = name.substr(dot + 1) == ledger::kind_name(static_cast<ledger::EntryKind>(i));
    }
    return known;
  }
  for (const Named& named : kNames) {
    if (kind != kind_name(named.kind)) continue;
    if (whole || name.substr(dot + 1) == named.name) return true;
  }
  return false;
}

std::string event_id(const Event& event) {
  return fmt::format("{:016x}{:016x}", event.origin, event.cursor);
}

std::string time_text(model::WallTime when) {
  std::string text = ledger::utc_text(when);
  const std::int64_t micros = (when % model::kSecond + model::kSecond) % model::kSecond;
  text.pop_back();
  return text + fmt::format(".{:06}Z", micros);
}

std::string event_json(const Event& event) {
  Json json;
  json["cursor"] = event.cursor;
  json["id"] = event_id(event);
  json["time"] = time_text(event.time);
  json["event"] = event_name(event);
  if (event.job) json["job"] = job_json(*event.job);
  if (event.node) json["node"] = node_json(*event.node);
  if (event.entry) json["entry"] = entry_json(*event.entry);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sluice::event
