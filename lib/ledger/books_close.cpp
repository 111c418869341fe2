// The part of Books that time brings: the end of a month, the end of a package.
#include <algorithm>

#include "ledger/books.hpp"
#include "ledger/invoice.hpp"

namespace sluice::ledger {

Result<Posted> Books::close(Month month, const Stamp& stamp) {
  const auto refuse = [](std::string text) {
    return fail(ErrorCode::invalid_argument, std::move(text));
  };
  const WallTime end = month_start(next_month(month));
  if (!month.is_set()) return refuse("expected a month");
  if (head_.closed.is_set() && month <= head_.closed) {
    return fail(ErrorCode::already_done, month_text(month) + " is closed already");
  }
  if (std::max(stamp.now, head_.time) < end) return refuse(month_text(month) + " is not over");
  for (const auto& [id, owner] : owners_) {
    const auto& months = owner.balance.months;
    if (months.empty() || months.front().month >= month) continue;
    return refuse("close " + month_text(months.front().month) + " first");
  }
  for (const auto& [key, live] : open_) {
    if (month_of(live.record.charged_until) >= month) continue;
    return refuse("close " + month_text(month_of(live.record.charged_until)) + " first");
  }
  // The request is answered by the closing itself: no other entry is its.
  Stamp within = stamp;
  within.request_id = {};
  Posted posted = expire(within);
  for (auto& [key, live] : open_) charge_to(live, end, Upto::granule, within, posted);
  for (auto& [id, owner] : owners_) invoice(owner, month, within, posted);
  Entry entry = begin(EntryKind::closing, nullptr, stamp);
  entry.month = month;
  finish(std::move(entry), posted);
  head_.closed = month;
  warn(posted);
  return posted;
}

void Books::invoice(Owner& owner, Month month, const Stamp& stamp, Posted& posted) {
  Balance& balance = owner.balance;
  if (balance.months.empty() || balance.months.front().month != month) return;
  const bool postpaid = owner.record.kind == CustomerKind::postpaid;
  Money billed = balance.months.front().billed;
  if (const Money due = rounded_to_minor(billed, owner.record.currency);
      postpaid && due != billed) {
    Entry rounding = begin(EntryKind::rounding, &owner, stamp);
    rounding.month = month;
    rounding.amount = due - billed;
    rounding.postings = {{LedgerAccount::balance, billed - due},
                         {LedgerAccount::adjustments, due - billed}};
    finish(std::move(rounding), posted);
    billed = due;
  }
  Entry entry = begin(EntryKind::invoice, &owner, stamp);
  entry.month = month;
  entry.amount = billed;
  entry.note = invoice_id(owner.record.id, month);
  if (postpaid) {
    entry.postings = {{LedgerAccount::balance, billed}, {LedgerAccount::receivable, -billed}};
  }
  finish(std::move(entry), posted);
  balance.months.erase(balance.months.begin());
}

Posted Books::expire(const Stamp& stamp) {
  Posted posted;
  const WallTime now = std::max(stamp.now, head_.time);
  while (!expiries_.empty() && expiries_.begin()->first <= now) {
    const std::uint32_t id = expiries_.begin()->second;
    expiries_.erase(expiries_.begin());
    end_package(packages_.at(id), stamp, posted);
  }
  warn(posted);
  return posted;
}

// What running jobs used of it until its end is charged first; what is held beyond that is gone.
void Books::end_package(Package& package, const Stamp& stamp, Posted& posted) {
  for (auto& [key, live] : open_) {
    const auto holds = std::ranges::count(live.record.packages, package.id, &PackageHold::package);
    if (holds == 0) continue;
    charge_to(live, package.expires, Upto::exactly, stamp, posted);
    post_package_hold(live, {package.id, {}}, stamp, posted);
  }
  Owner& who = owner(package.customer);
  const Money left = package.price - package.amortised;
  Entry entry = begin(EntryKind::expiry, &who, stamp);
  entry.month = open_month(package.expires - 1);
  entry.from = package.bought;
  entry.to = package.expires;
  entry.package = package.id;
  entry.package_record = std::make_shared<const Package>(package);
  entry.priced = package.total - package.used;
  entry.amount = entry.effective = left;
  entry.postings = {{LedgerAccount::package, -left}, {LedgerAccount::earnings, left}};
  package.ended = true;
  std::erase(who.packages, package.id);
  changed_.packages.insert(package.id);
  finish(std::move(entry), posted);
}

WallTime Books::next_expiry() const { return expiries_.empty() ? 0 : expiries_.begin()->first; }

}  // namespace sluice::ledger
