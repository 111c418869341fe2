// The part of the auditor that follows attempts from their first hold to their end.
#include <algorithm>

#include <fmt/core.h>

#include "ledger/audit.hpp"
#include "ledger/metering.hpp"

namespace sluice::ledger {

namespace {

// What is charged by this price for a quantity.
std::pair<Money, Money> costs(const PricedBy& price, Wide priced) {
  const MeterUnit* unit = find_unit(price.meter, price.unit);
  if (unit == nullptr) return {-1, -1};
  return {cost(priced, {price.unit_price, unit->per_hour, 1000}),
          cost(priced, {price.unit_price, unit->per_hour, 1000 - price.discount})};
}

}  // namespace

Auditor::Fault Auditor::hold(const Entry& entry) {
  Audited& attempt = attempts_[attempt_of(entry.job)];
  if (attempt.customer != 0 && attempt.customer != entry.customer) return "another customer's job";
  attempt.customer = entry.customer;
  if (entry.package == 0) {
    attempt.start = entry.from;
    attempt.book = entry.price.book;
    if (entry.amount < 0) return "it holds less than nothing";
    attempt.held += entry.amount;
    ++attempt.holds;
    return std::nullopt;
  }
  const auto package = packages_.find(entry.package);
  if (package == packages_.end() || package->second.ended) return "the package isn't there";
  if (package->second.customer != entry.customer) return "the package is another customer's";
  Package& held = package->second;
  held.held = held.held + entry.priced;
  attempt.packages[entry.package] += in_micros(entry.priced);
  const Wide left = in_micros(held.total) - in_micros(held.used) - in_micros(held.held);
  if (left < 0 || in_micros(entry.priced) <= 0) return "the package has no more of it";
  return std::nullopt;
}

Auditor::Fault Auditor::release(const Entry& entry) {
  const auto found = attempts_.find(attempt_of(entry.job));
  if (found == attempts_.end()) return "nothing was held for the attempt";
  Audited& attempt = found->second;
  if (attempt.customer != entry.customer) return "another customer's job";
  if (entry.package != 0 && entry.fate == Fate::none) {
    Wide& held = attempt.packages[entry.package];
    held -= in_micros(entry.priced);
    if (held < 0 || !packages_.contains(entry.package)) return "it releases more than was held";
    if (held == 0) attempt.packages.erase(entry.package);
    Package& package = packages_.at(entry.package);
    package.held = package.held - entry.priced;
    return std::nullopt;
  }
  attempt.held -= entry.amount;
  if (attempt.held < 0 || entry.amount < 0) return "it releases more than was held";
  return entry.fate == Fate::none ? Fault() : end(found->first, attempt);
}

Auditor::Fault Auditor::end(const Attempt& key, const Audited& attempt) {
  if (attempt.held != 0) {
    return fmt::format("{} of the holds was neither charged nor released", decimal(attempt.held));
  }
  if (!attempt.packages.empty()) return "packages are still held for it";
  for (const auto& [meter, span] : attempt.last) {
    if (!is_whole(span, attempt))
      return "its last charge of " + meter.str() + " isn't count * time";
  }
  for (const auto& [sku, line] : attempt.lines) {
    const auto [list, contracted] = costs(line.price, line.priced);
    if (line.list != list || line.contracted != contracted) {
      return "its charges of " + sku.second.str() + " aren't quantity times price";
    }
    if (attempt.reversed && line.priced != 0) return "it is given back only in part";
  }
  attempts_.erase(key);
  return std::nullopt;
}

Auditor::Fault Auditor::check_price(const Entry& entry) const {
  const auto book = prices_.find({entry.price.book, entry.price.version});
  if (book == prices_.end()) return "its price book is unknown";
  const auto price = std::ranges::find(book->second->prices, entry.price.sku, &Price::sku);
  if (price == book->second->prices.end()) return "its price book has no such price";
  const bool same = price->meter == entry.price.meter && price->unit == entry.price.unit &&
                    price->service == entry.price.service &&
                    price->unit_price == entry.price.unit_price &&
                    book->second->currency == entry.currency;
  if (!same) return "its price is not that of the price book";
  return std::nullopt;
}

Auditor::Fault Auditor::check_month(const Entry& entry) const {
  const Month month = month_of(entry.from);
  const bool late = head_.closed.is_set() && month <= head_.closed;
  if (entry.month == (late ? next_month(head_.closed) : month) && entry.correction == late) {
    return std::nullopt;
  }
  return "it is booked to the wrong month";
}

Auditor::Fault Auditor::check_time(const Entry& entry, Audited& attempt) const {
  if (entry.from > entry.to || entry.from < attempt.start) return "its time can't be";
  Span& last = attempt.last[entry.price.meter];
  if (last.from != entry.from || last.to != entry.to || last.count != entry.count) {
    const Wide gone = Wide{last.count} * (last.to - last.from);
    if (last.consumed != gone || last.priced != gone) return "the charge before isn't count * time";
    if (entry.from < last.to) return "this time is charged already";
    last = {entry.from, entry.to, entry.count, 0, 0};
  }
  last.consumed += in_micros(entry.consumed);
  last.priced += in_micros(entry.priced);
  if (in_micros(entry.consumed) < 0 || last.priced < last.consumed ||
      last.consumed > Wide{last.count} * (last.to - last.from)) {
    return "its quantity isn't count * time";
  }
  return std::nullopt;
}

// A meter's last charge: perhaps with the rest of its granule.
bool Auditor::is_whole(const Span& span, const Audited& attempt) const {
  const Wide gone = Wide{span.count} * (span.to - span.from);
  if (span.consumed != gone) return false;
  if (span.priced == gone) return true;
  for (const auto& [key, book] : prices_) {
    const bool held = book->name == attempt.book && book->from <= attempt.start &&
                      (book->until == 0 || attempt.start < book->until);
    if (!held) continue;
    const Granules granules(attempt.start, book->granularity_s, book->minimum_s);
    return span.priced == gone + Wide{span.count} * (granules.end(span.to) - span.to);
  }
  return false;
}

Auditor::Fault Auditor::charge(const Entry& entry) {
  const auto found = attempts_.find(attempt_of(entry.job));
  if (found == attempts_.end()) return "nothing was held for the attempt";
  Audited& attempt = found->second;
  if (attempt.customer != entry.customer) return "another customer's job";
  if (attempt.reversed) return "the attempt was given back";
  if (Fault fault = check_price(entry); fault) return fault;
  if (Fault fault = check_month(entry); fault) return fault;
  if (Fault fault = check_time(entry, attempt); fault) return fault;
  Line& line = attempt.lines[{entry.price.version, entry.price.sku}];
  if (line.price.sku.empty()) line.price = entry.price;
  if (line.price != entry.price) return "the price of the job has changed";
  line.priced += in_micros(entry.priced);
  line.list += entry.list;
  line.contracted += entry.contracted;
  line.effective += entry.effective;
  const auto [list, contracted] = costs(entry.price, line.priced);
  if (line.list != list || line.contracted != contracted || entry.amount != entry.contracted) {
    return "it isn't quantity times price";
  }
  if (entry.package != 0) return draw(entry, attempt);
  const Money from_held = std::min(attempt.held, entry.contracted);
  const bool right = entry.effective == entry.contracted &&
                     posted(entry, LedgerAccount::held) == -from_held &&
                     posted(entry, LedgerAccount::balance) == from_held - entry.contracted &&
                     posted(entry, LedgerAccount::earnings) == entry.contracted;
  attempt.held -= from_held;
  return right ? Fault() : "it isn't taken from what is held first";
}

Auditor::Fault Auditor::draw(const Entry& entry, Audited& attempt) {
  const auto found = packages_.find(entry.package);
  if (found == packages_.end() || found->second.ended) return "the package isn't there";
  Package& package = found->second;
  Wide& held = attempt.packages[entry.package];
  held -= in_micros(entry.priced);
  if (held < 0) return "more is drawn from the package than was held";
  if (held == 0) attempt.packages.erase(entry.package);
  if (package.meter != entry.price.meter) return "the package is of something else";
  if (package.expires != 0 && entry.to > package.expires && entry.from >= package.expires) {
    return "the package was over then";
  }
  package.used = package.used + entry.priced;
  package.held = package.held - entry.priced;
  const Money worth = share_of(package.price, in_micros(package.used), in_micros(package.total));
  const Money effective = std::max(Money{0}, worth - package.amortised);
  package.amortised += effective;
  const bool right = entry.effective == effective &&
                     posted(entry, LedgerAccount::package) == -effective &&
                     posted(entry, LedgerAccount::earnings) == effective;
  return right ? Fault() : "it isn't the package's price in proportion";
}

Auditor::Fault Auditor::reverse(const Entry& entry) {
  const auto found = attempts_.find(attempt_of(entry.job));
  if (found == attempts_.end()) return "the attempt isn't open";
  Audited& attempt = found->second;
  attempt.reversed = true;
  const auto at = attempt.lines.find({entry.price.version, entry.price.sku});
  if (at == attempt.lines.end() || at->second.price != entry.price) return "it was never charged";
  Line& line = at->second;
  line.priced += in_micros(entry.priced);
  line.list += entry.list;
  line.contracted += entry.contracted;
  line.effective += entry.effective;
  if (line.priced < 0 || line.list < 0 || line.contracted < 0 || line.effective < 0) {
    return "more is given back than was charged";
  }
  LedgerAccount to = LedgerAccount::balance;
  if (entry.package != 0) {
    const auto package = packages_.find(entry.package);
    if (package == packages_.end()) return "the package isn't there";
    if (!package->second.ended) {
      to = LedgerAccount::package;
      package->second.used = package->second.used + entry.priced;
      package->second.amortised += entry.effective;
      if (package->second.used.seconds < 0) return "more is given back than was drawn";
    }
  }
  const bool right = posted(entry, LedgerAccount::earnings) == entry.effective &&
                     posted(entry, to) == -entry.effective;
  return right ? Fault() : "it isn't given back to where it came from";
}

Auditor::Fault Auditor::compare_attempts(const BooksState& books) const {
  if (books.attempts.size() != attempts_.size()) return "the books know other running attempts";
  for (const OpenAttempt& theirs : books.attempts) {
    const std::string name = fmt::format("job {}", theirs.job.job.value);
    const auto found = attempts_.find(attempt_of(theirs.job));
    if (found == attempts_.end()) return name + " is charged without a hold";
    const Audited& ours = found->second;
    if (ours.held != theirs.held || ours.customer != theirs.customer) {
      return name + ": the books hold another amount";
    }
    std::map<std::uint32_t, Wide> packages;
    for (const PackageHold& hold : theirs.packages) {
      packages[hold.package] = in_micros(hold.quantity);
    }
    if (packages != ours.packages) return name + ": the books hold other packages";
    for (const RatedLine& line : theirs.lines) {
      const auto at = ours.lines.find({line.version, line.sku});
      const Wide priced = at == ours.lines.end() ? 0 : at->second.priced;
      if (priced != in_micros(line.priced)) return name + ": the books charged another quantity";
    }
  }
  return std::nullopt;
}

}  // namespace sluice::ledger
