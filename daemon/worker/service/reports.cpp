// Reports: the queue of what the controller has not acknowledged, mirrored in the ledger.
#include "daemon/worker/service/reports.hpp"

#include <algorithm>

namespace sluice::worker {

namespace {
constexpr std::int64_t kHeld = INT64_MIN / 2;
}

std::string Reports::ledger_key(std::uint64_t serial) { return "R" + std::to_string(serial); }

std::uint64_t Reports::next_serial() {
  const auto clock = static_cast<std::uint64_t>(std::max<std::int64_t>(env_.now().wall, 1));
  last_serial_ = std::max(last_serial_ + 1, clock);
  return last_serial_;
}

Report& Reports::keep(std::uint64_t serial, Report report) {
  env_.ledger_put(ledger_key(serial), wire::encode(report));
  report.sent_ms = kHeld;
  return pending_.emplace(serial, std::move(report)).first->second;
}

void Reports::add(std::uint64_t serial, Report report) { send(keep(serial, std::move(report))); }

void Reports::restore(std::uint64_t serial, Report report) {
  last_serial_ = std::max(last_serial_, serial);
  pending_.emplace(serial, std::move(report));
}

void Reports::send(Report& report) {
  report.sent_ms = env_.now().mono_ms;
  env_.send_controller(report.type, report.payload);
}

std::optional<Report> Reports::acknowledge(std::uint64_t serial) {
  auto node = pending_.extract(serial);
  if (node.empty()) return std::nullopt;
  env_.ledger_forget(ledger_key(serial));
  return std::move(node.mapped());
}

void Reports::resend(std::int64_t quiet_ms) {
  const std::int64_t now = env_.now().mono_ms;
  for (auto& [serial, report] : pending_) {
    if (now - report.sent_ms >= quiet_ms) send(report);
  }
}

void Reports::resend(const Attempt& attempt) {
  for (auto& [serial, report] : pending_) {
    if (report.attempt == attempt) send(report);
  }
}

void Reports::flush(const Attempt& attempt) {
  for (auto& [serial, report] : pending_) {
    if (report.attempt == attempt && report.sent_ms == kHeld) send(report);
  }
}

std::map<std::uint64_t, Report>::iterator Reports::find_held(const Attempt& attempt,
                                                             wire::MessageType type) {
  return std::ranges::find_if(pending_, [&](const auto& entry) {
    const Report& report = entry.second;
    return report.attempt == attempt && report.type == type && report.sent_ms == kHeld;
  });
}

bool Reports::has(const Attempt& attempt, wire::MessageType type) const {
  return std::ranges::any_of(pending_, [&](const auto& entry) {
    return entry.second.attempt == attempt && entry.second.type == type;
  });
}

}  // namespace sluice::worker
