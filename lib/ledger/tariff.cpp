// See tariff.hpp.
#include "ledger/tariff.hpp"

#include <algorithm>

#include "ledger/quantity.hpp"

namespace sluice::ledger {

namespace {

bool listed(const std::vector<Text>& list, std::string_view name) {
  return list.empty() || std::ranges::find(list, Text(name)) != list.end();
}

bool concerns(const Price& price, const Subject& subject) {
  if (!listed(price.partitions, subject.partition) || !listed(price.qos, subject.qos)) return false;
  return price.accounts.empty() || std::ranges::any_of(subject.accounts, [&](const Text& account) {
           return listed(price.accounts, account);
         });
}

// "gres/gpu" of "gres/gpu:a100"; empty for others.
std::string_view generic_of(std::string_view meter) {
  const std::size_t colon = meter.find(':');
  return colon == std::string_view::npos ? std::string_view() : meter.substr(0, colon);
}

// The next moment at which some window of the book may open or close.
WallTime next_edge(const PriceBook& book, WallTime when) {
  constexpr std::int64_t kMinute = 60 * kSecond;
  const WallTime offset = book.utc_offset_s * kSecond;
  const DayTime now = day_time(when + offset);
  WallTime next = kEver;
  const auto consider = [&](std::uint32_t minute) {
    WallTime edge = now.day * kDay + minute % 1440 * kMinute;
    if (edge <= when + offset) edge += kDay;
    next = std::min(next, edge - offset);
  };
  for (const Price& price : book.prices) {
    if (is_always(price.window)) continue;
    consider(price.window.from_min);
    consider(price.window.to_min);
  }
  return next;
}

class Selection {
 public:
  Selection(const PriceBook& book, const TariffQuestion& question, WallTime when)
      : book_(book), question_(question), local_(when + book.utc_offset_s * kSecond) {}

  std::vector<TariffItem> items() {
    std::vector<TariffItem> items;
    const Allotment& all = question_.allotment;
    for (const MeterCount& have : all) {
      const std::int64_t count = have.count - charged_by_type(have.meter);
      if (count > 0) add(items, have.meter, count);
    }
    add_untyped(items);
    if (book_.combine == Combine::max) keep_dearest(items);
    std::erase_if(items, [&](const TariffItem& item) {
      return question_.subject.suspended && !item.price->while_suspended;
    });
    return items;
  }

 private:
  [[nodiscard]] const Price* price_of(std::string_view meter) const {
    for (const Price& price : book_.prices) {
      if (price.meter.view() == meter && contains(price.window, local_) &&
          concerns(price, question_.subject)) {
        return &price;
      }
    }
    return nullptr;
  }

  void add(std::vector<TariffItem>& items, std::string_view meter, std::int64_t count) const {
    const Price* price = price_of(meter);
    if (price == nullptr) return;
    const auto known = std::ranges::find(items, price, &TariffItem::price);
    if (known == items.end()) {
      items.push_back({price, count});
    } else {
      known->count += count;
    }
  }

  // Devices of this generic name that prices of their types charge.
  [[nodiscard]] std::int64_t charged_by_type(std::string_view meter) const {
    std::int64_t count = 0;
    for (const MeterCount& have : question_.allotment) {
      if (generic_of(have.meter) == meter && price_of(have.meter) != nullptr) count += have.count;
    }
    return count;
  }

  // Devices that are counted by their types alone, where only a generic price is.
  void add_untyped(std::vector<TariffItem>& items) const {
    for (const MeterCount& have : question_.allotment) {
      const std::string_view generic = generic_of(have.meter);
      const bool counted = std::ranges::any_of(question_.allotment, [&](const MeterCount& other) {
        return other.meter.view() == generic;
      });
      if (generic.empty() || counted || have.count <= 0 || price_of(have.meter) != nullptr)
        continue;
      add(items, generic, have.count);
    }
  }

  // 0: cpu, 1: memory, 2: devices; 3 is added to the dearest of them.
  static std::size_t group_of(std::string_view meter) {
    if (meter == "cpu") return 0;
    if (meter == "mem") return 1;
    return meter.starts_with("gres/") ? 2 : 3;
  }

  void keep_dearest(std::vector<TariffItem>& items) const {
    std::array<Wide, 3> sums{};
    for (const TariffItem& item : items) {
      const std::size_t group = group_of(item.price->meter);
      if (group > 2 || (question_.subject.suspended && !item.price->while_suspended)) continue;
      // By the same measure: memory is priced per 1,024 of its counts.
      const std::int64_t per_hour = find_unit(item.price->meter, item.price->unit)->per_hour;
      sums[group] += Wide{item.count} * item.price->unit_price * (3'600 * 1'024 / per_hour);
    }
    const auto dearest = static_cast<std::size_t>(std::ranges::max_element(sums) - sums.begin());
    std::erase_if(items, [&](const TariffItem& item) {
      const std::size_t group = group_of(item.price->meter);
      return group <= 2 && group != dearest;
    });
  }

  const PriceBook& book_;
  const TariffQuestion& question_;
  WallTime local_;
};

}  // namespace

Tariff tariff_at(const PriceSet& prices, const TariffQuestion& question, WallTime when) {
  Tariff tariff;
  tariff.book = prices.at(question.book, when);
  const WallTime change = prices.next_change(question.book, when);
  tariff.until = change == 0 ? kEver : change;
  if (tariff.book == nullptr) return tariff;
  tariff.until = std::min(tariff.until, next_edge(*tariff.book, when));
  tariff.items = Selection(*tariff.book, question, when).items();
  return tariff;
}

}  // namespace sluice::ledger
