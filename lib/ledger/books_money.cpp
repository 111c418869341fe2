// The part of Books that concerns money by itself: what comes in, goes out, is given back.
#include <algorithm>

#include "ledger/books.hpp"

namespace sluice::ledger {

namespace {

constexpr Money kMaxPayment = 10'000'000'000'000'000;  // 10^10 units; a hundred of them fit

tl::unexpected<Error> refuse(std::string text) {
  return fail(ErrorCode::invalid_argument, std::move(text));
}

Status check_amount(Money amount, std::string_view currency) {
  if (amount <= 0) return refuse("the amount must be above zero");
  if (amount > kMaxPayment) return refuse("the amount is too large");
  const Money unit = minor_unit(currency);
  if (amount % unit != 0) {
    return refuse(decimal(amount) + " " + std::string(currency) +
                  " can't be paid: the smallest amount is " + decimal(unit));
  }
  return {};
}

Status check_room(const Balance& balance, Money amount) {
  const bool fits = balance.balance + balance.held + amount <= kMaxMoney &&
                    balance.receivable + amount <= kMaxMoney;
  return fits ? Status{} : refuse("the balance would become too large");
}

std::string too_little(const Customer& customer, Money left) {
  return "customer " + customer.name.str() + " has only " + money_text(left, customer.currency) +
         " " + customer.currency.str();
}

Status check_kind(EntryKind kind, const Customer& customer) {
  const bool prepaid = customer.kind == CustomerKind::prepaid;
  if ((kind == EntryKind::topup || kind == EntryKind::withdrawal) && !prepaid) {
    return refuse("customer " + customer.name.str() +
                  " is postpaid: it pays invoices and has no balance of its own");
  }
  if (kind == EntryKind::payment && prepaid) {
    return refuse("customer " + customer.name.str() + " is prepaid: it has no invoices to pay");
  }
  return {};
}

std::vector<Posting> postings_of(EntryKind kind, Money amount) {
  switch (kind) {
    case EntryKind::topup:
      return {{LedgerAccount::cash, -amount}, {LedgerAccount::balance, amount}};
    case EntryKind::withdrawal:
      return {{LedgerAccount::cash, amount}, {LedgerAccount::balance, -amount}};
    case EntryKind::payment:
      return {{LedgerAccount::cash, -amount}, {LedgerAccount::receivable, amount}};
    default:  // credit, correction
      return {{LedgerAccount::adjustments, -amount}, {LedgerAccount::balance, amount}};
  }
}

// What the entry is about, from the one that it refers to.
void refer(Entry& entry, const Entry& original, Month closed) {
  entry.refers_to = original.sequence;
  entry.job = original.job;
  entry.price = original.price;
  entry.from = original.from;
  entry.to = original.to;
  entry.correction = closed.is_set() && original.month <= closed;
}

}  // namespace

std::optional<Posted> Books::seen(const Stamp& stamp) const {
  const auto found = requests_.find(stamp.request_id);
  if (!stamp.request_id.is_set() || found == requests_.end()) return std::nullopt;
  Posted posted;
  posted.repeated = found->second;
  return posted;
}

Result<Posted> Books::simple(EntryKind kind, const MoneyRequest& request, const Stamp& stamp) {
  if (std::optional<Posted> before = seen(stamp); before) return std::move(*before);
  const Result<Owner*> who = owner_named(request.customer);
  if (!who) return tl::unexpected(who.error());
  Owner& owner = **who;
  const Customer& customer = owner.record;
  const bool correction = kind == EntryKind::correction;
  const Money size = correction && request.amount < 0 ? -request.amount : request.amount;
  if (const Status right = check_kind(kind, customer); !right) return refuse(right.error().text);
  if (correction && (size == 0 || size > kMaxPayment)) return refuse("expected an amount");
  if (kind != EntryKind::correction && kind != EntryKind::credit) {
    const Status valid = check_amount(size, customer.currency);
    if (!valid) return refuse(valid.error().text);
  } else if (size <= 0 || size > kMaxPayment) {
    return refuse("the amount must be above zero");
  }
  if (const Status fits = check_room(owner.balance, size); !fits) return refuse(fits.error().text);
  if (kind == EntryKind::withdrawal && available(customer, owner.balance) < size) {
    return refuse(too_little(customer, available(customer, owner.balance)));
  }
  if (request.refers_to != nullptr && request.refers_to->customer != customer.id) {
    return refuse("the entry is of another customer");
  }
  Posted posted;
  Entry entry = begin(kind, &owner, stamp);
  entry.amount = request.amount;
  entry.postings = postings_of(kind, request.amount);
  if (kind == EntryKind::topup) entry.list = entry.contracted = request.amount;
  if (kind == EntryKind::withdrawal) entry.list = entry.contracted = -request.amount;
  if (request.refers_to != nullptr) {
    refer(entry, *request.refers_to, head_.closed);
    entry.list = entry.contracted = entry.effective = -request.amount;
  }
  finish(std::move(entry), posted);
  warn(posted);
  return posted;
}

Result<Posted> Books::top_up(const MoneyRequest& request, const Stamp& stamp) {
  return simple(EntryKind::topup, request, stamp);
}
Result<Posted> Books::withdraw(const MoneyRequest& request, const Stamp& stamp) {
  return simple(EntryKind::withdrawal, request, stamp);
}
Result<Posted> Books::pay(const MoneyRequest& request, const Stamp& stamp) {
  return simple(EntryKind::payment, request, stamp);
}
Result<Posted> Books::credit(const MoneyRequest& request, const Stamp& stamp) {
  return simple(EntryKind::credit, request, stamp);
}
Result<Posted> Books::correct(const MoneyRequest& request, const Stamp& stamp) {
  return simple(EntryKind::correction, request, stamp);
}

Result<Posted> Books::refund(const RefundRequest& request, const Stamp& stamp) {
  if (std::optional<Posted> before = seen(stamp); before) return std::move(*before);
  const Entry& charge = *request.charge;
  const auto found = owners_.find(charge.customer);
  if (found == owners_.end() || charge.kind != EntryKind::charge) {
    return refuse("only charges can be refunded");
  }
  if (open_.contains(attempt_of(charge.job))) {
    return refuse("the job is still running; refund it when it has ended");
  }
  if (request.given_back) return refuse("the attempt was free, so all of it was given back");
  const Money left = charge.effective - request.refunded;
  if (request.amount <= 0 || request.amount > left) {
    return refuse("expected an amount up to " + decimal(left) + ", which is left of the charge");
  }
  Posted posted;
  Entry entry = begin(EntryKind::refund, &found->second, stamp);
  entry.amount = request.amount;
  entry.postings = {{LedgerAccount::earnings, -request.amount},
                    {LedgerAccount::balance, request.amount}};
  refer(entry, charge, head_.closed);
  entry.list = entry.contracted = entry.effective = -request.amount;
  finish(std::move(entry), posted);
  warn(posted);
  return posted;
}

Result<Posted> Books::transfer(const TransferRequest& request, const Stamp& stamp) {
  if (std::optional<Posted> before = seen(stamp); before) return std::move(*before);
  const Result<Owner*> from = owner_named(request.from);
  if (!from) return tl::unexpected(from.error());
  const Result<Owner*> to = owner_named(request.to);
  if (!to) return tl::unexpected(to.error());
  if (*from == *to) return refuse("from and to are the same customer");
  const Customer& giver = (*from)->record;
  if (giver.currency != (*to)->record.currency) {
    return refuse("the customers have different currencies");
  }
  if (const Status valid = check_amount(request.amount, giver.currency); !valid) {
    return refuse(valid.error().text);
  }
  if (const Status fits = check_room((*to)->balance, request.amount); !fits) {
    return refuse(fits.error().text);
  }
  const Money left = available(giver, (*from)->balance);
  if (left < request.amount) return refuse(too_little(giver, left));
  Posted posted;
  Entry out = begin(EntryKind::transfer, *from, stamp);
  out.amount = -request.amount;
  out.postings = {{LedgerAccount::balance, -request.amount},
                  {LedgerAccount::transfers, request.amount}};
  finish(std::move(out), posted);
  Entry in = begin(EntryKind::transfer, *to, stamp);
  in.request_id = {};
  in.amount = request.amount;
  in.postings = {{LedgerAccount::transfers, -request.amount},
                 {LedgerAccount::balance, request.amount}};
  in.refers_to = posted.entries.front().sequence;
  finish(std::move(in), posted);
  warn(posted);
  return posted;
}

Result<Posted> Books::purchase(const PackageRequest& request, const Stamp& stamp) {
  if (std::optional<Posted> before = seen(stamp); before) return std::move(*before);
  const Result<Owner*> who = owner_named(request.customer);
  if (!who) return tl::unexpected(who.error());
  Owner& owner = **who;
  const MeterUnit* unit = find_unit(request.meter, request.unit);
  if (!is_name(request.name)) return refuse("expected a name of the package");
  if (unit == nullptr) return refuse("expected a meter and its unit, as in price books");
  if (request.units <= 0 || request.units > kMaxPackageUnits) {
    return refuse("expected a quantity of 1 to " + std::to_string(kMaxPackageUnits));
  }
  if (request.price < 0 || request.price > kMaxPackagePrice) return refuse("expected a price");
  const WallTime now = std::max(stamp.now, head_.time);
  if (request.expires != 0 && request.expires <= now) return refuse("it would be over already");
  const Money left = available(owner.record, owner.balance);
  if (left < request.price) return refuse(too_little(owner.record, left));

  Package package;
  package.id = ++head_.packages;
  package.customer = owner.record.id;
  package.name = request.name;
  package.meter = request.meter;
  package.unit = unit->label;
  package.service = request.service.empty() ? request.name : request.service;
  package.total = {request.units * unit->per_hour, 0};
  package.price = request.price;
  package.bought = now;
  package.expires = request.expires;
  Posted posted;
  Entry entry = begin(EntryKind::purchase, &owner, stamp);
  entry.amount = entry.list = entry.contracted = request.price;
  entry.priced = package.total;
  entry.package = package.id;
  entry.package_record = std::make_shared<const Package>(package);
  entry.postings = {{LedgerAccount::balance, -request.price},
                    {LedgerAccount::package, request.price}};
  packages_[package.id] = package;
  owner.packages.push_back(package.id);
  sort_packages(owner);
  if (package.expires != 0) expiries_.emplace(package.expires, package.id);
  changed_.packages.insert(package.id);
  finish(std::move(entry), posted);
  warn(posted);
  return posted;
}

}  // namespace sluice::ledger
