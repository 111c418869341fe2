// Counting licences.
#include "core/licenses.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/core.h>

namespace sluice::core {

namespace {

std::uint32_t count_of(const std::vector<model::LicenseNeed>& needs, std::string_view name) {
  for (const model::LicenseNeed& need : needs) {
    if (need.name.view() == name) return need.count;
  }
  return 0;
}

}  // namespace

std::string licenses_text(const std::vector<model::LicenseNeed>& needs) {
  std::string text;
  for (const model::LicenseNeed& need : needs) {
    if (!text.empty()) text += ',';
    text += fmt::format("{}:{}", need.name.view(), need.count);
  }
  return text;
}

void LicenseBook::configure(const Settings& settings) {
  std::map<Text, Total> fresh;
  for (const model::LicenseSetting& license : settings.licenses) {
    Total& total = fresh[license.name];
    total.count = license.count;
    const auto old = totals_.find(license.name);
    if (old == totals_.end()) continue;
    total.used = old->second.used;
    total.by_reservation = old->second.by_reservation;
  }
  totals_ = std::move(fresh);
  unit_ms_ = settings.limit_unit_ms;
  ++loosened_;
}

Status LicenseBook::check(std::string_view licenses) const {
  const Result<model::LicenseRequest> request = model::parse_licenses(licenses);
  if (!request) return tl::unexpected(request.error());
  bool possible = request->needs.empty() || !request->any;
  for (const model::LicenseNeed& need : request->needs) {
    const auto total = totals_.find(need.name);
    if (total == totals_.end()) return fail(ErrorCode::invalid_licenses);
    const bool enough = need.count <= total->second.count;
    if (!request->any && !enough) return fail(ErrorCode::invalid_licenses);
    possible = possible || enough;
  }
  return possible ? Status() : fail(ErrorCode::invalid_licenses);
}

void LicenseBook::set_kept(std::vector<Kept> kept) {
  kept_ = std::move(kept);
  ++loosened_;
}

void LicenseBook::set_time(std::int64_t now_ms) { now_ms_ = now_ms; }

std::int64_t LicenseBook::free_for(std::string_view name, std::uint32_t reservation,
                                   std::int64_t until_ms) const {
  const auto found = totals_.find(Text(name));
  if (found == totals_.end()) return 0;
  const Total& total = found->second;
  std::int64_t free = std::int64_t{total.count} - total.used;
  std::map<std::uint32_t, std::uint32_t> kept;  // the most of each reservation in that time
  for (const Kept& by : kept_) {
    if (by.reservation == reservation) continue;
    if (by.from_ms >= until_ms || by.until_ms <= now_ms_) continue;
    std::uint32_t& most = kept[by.reservation];
    most = std::max(most, count_of(by.needs, name));
  }
  for (const auto& [id, count] : kept) {
    const auto in_use = total.by_reservation.find(id);
    const std::uint32_t used = in_use == total.by_reservation.end() ? 0 : in_use->second;
    if (count > used) free -= count - used;
  }
  return free;
}

std::optional<LicenseBook::Needs> LicenseBook::choose(const GateQuestion& question,
                                                      GateBlock* block) const {
  const Result<model::LicenseRequest> request =
      model::parse_licenses(question.job.request->licenses);
  if (!request) return Needs{};
  const std::int64_t length = question.time_limit == model::kUnlimited
                                  ? std::numeric_limits<std::int64_t>::max() - now_ms_
                                  : question.time_limit * unit_ms_;
  bool noted = false;
  const auto has = [&](const model::LicenseNeed& need) {
    const std::int64_t free = free_for(need.name, question.job.reservation, now_ms_ + length);
    if (free >= need.count) return true;
    if (block == nullptr || noted) return false;
    noted = true;
    const auto total = totals_.find(need.name);
    block->reason = model::Reason::licenses;
    block->resource = "license/" + need.name.str();
    block->wanted = need.count;
    block->limit = total == totals_.end() ? 0 : total->second.count;
    block->used = block->limit - free;
    return false;
  };
  if (!request->any) {
    if (!std::all_of(request->needs.begin(), request->needs.end(), has)) return std::nullopt;
    return request->needs;
  }
  for (const model::LicenseNeed& need : request->needs) {
    if (has(need)) return Needs{need};
  }
  return std::nullopt;
}

std::optional<GateBlock> LicenseBook::refuses(const GateQuestion& question) const {
  if (question.job.request->licenses.empty()) return std::nullopt;
  GateBlock block;
  if (choose(question, &block)) return std::nullopt;
  return block;
}

void LicenseBook::take(const Held& held) {
  for (const model::LicenseNeed& need : held.needs) {
    const auto total = totals_.find(need.name);
    if (total == totals_.end()) continue;
    total->second.used += need.count;
    if (held.reservation != 0) total->second.by_reservation[held.reservation] += need.count;
  }
}

void LicenseBook::give_back(const Held& held) {
  for (const model::LicenseNeed& need : held.needs) {
    const auto total = totals_.find(need.name);
    if (total == totals_.end()) continue;
    total->second.used -= std::min(total->second.used, need.count);
    if (held.reservation == 0) continue;
    std::uint32_t& inside = total->second.by_reservation[held.reservation];
    inside -= std::min(inside, need.count);
    if (inside == 0) total->second.by_reservation.erase(held.reservation);
  }
  ++loosened_;
}

void LicenseBook::started(JobId, const GateQuestion& question) {
  if (question.job.request->licenses.empty()) return;
  Held held;
  held.needs = choose(question, nullptr).value_or(Needs{});
  held.reservation = question.job.reservation;
  take(held);
  fresh_.push_back(std::move(held));
}

// What is free now was free when the pass began: nobody need be asked again.
void LicenseBook::taken_back(const GateQuestion& question) {
  if (question.job.request->licenses.empty() || fresh_.empty()) return;
  const std::uint64_t mark = loosened_;
  give_back(fresh_.back());
  loosened_ = mark;
  fresh_.pop_back();
}

Text LicenseBook::settle(JobId id) {
  if (fresh_.empty()) return {};
  Held held = std::move(fresh_.front());
  fresh_.pop_front();
  Text text(licenses_text(held.needs));
  held_.insert_or_assign(id, std::move(held));
  return text;
}

void LicenseBook::restore(JobId id, const Text& text, std::uint32_t reservation) {
  const Result<model::LicenseRequest> request = model::parse_licenses(text);
  if (!request || request->needs.empty() || held_.contains(id)) return;
  Held held{request->needs, reservation};
  take(held);
  held_.emplace(id, std::move(held));
}

void LicenseBook::release(JobId id) {
  const auto held = held_.find(id);
  if (held == held_.end()) return;
  give_back(held->second);
  held_.erase(held);
}

std::vector<LicenseUse> LicenseBook::use() const {
  std::vector<LicenseUse> all;
  for (const auto& [name, total] : totals_) {
    LicenseUse use{name, total.count, total.used, 0};
    for (const Kept& by : kept_) {
      if (by.from_ms <= now_ms_ && now_ms_ < by.until_ms) use.reserved += count_of(by.needs, name);
    }
    all.push_back(std::move(use));
  }
  return all;
}

std::optional<std::string> LicenseBook::check_totals() const {
  for (const auto& [name, total] : totals_) {
    std::uint64_t sum = 0;
    for (const auto& [id, held] : held_) sum += count_of(held.needs, name);
    for (const Held& held : fresh_) sum += count_of(held.needs, name);
    if (sum != total.used) return fmt::format("license {}: holders and use disagree", name.view());
  }
  return std::nullopt;
}

}  // namespace sluice::core
