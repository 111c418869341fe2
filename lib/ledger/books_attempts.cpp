// The part of Books that concerns attempts: holds, charges, ends.
#include <algorithm>

#include "base/assert.hpp"
#include "ledger/books.hpp"

namespace sluice::ledger {

namespace {

Money clamped(Wide amount) { return static_cast<Money>(std::min(amount, Wide{kMaxMoney})); }

PackageHold& hold_of(std::vector<PackageHold>& holds, std::uint32_t package) {
  auto at = std::ranges::lower_bound(holds, package, {}, &PackageHold::package);
  if (at == holds.end() || at->package != package) at = holds.insert(at, {package, {}});
  return *at;
}

Quantity held_of(const std::vector<PackageHold>& holds, std::uint32_t package) {
  const auto at = std::ranges::lower_bound(holds, package, {}, &PackageHold::package);
  return at == holds.end() || at->package != package ? Quantity{} : at->quantity;
}

PricedBy priced_by(const OpenAttempt& attempt, const RatedLine& line, const Price& price) {
  return {attempt.book, line.version,  line.sku,         price.meter,
          price.unit,   price.service, price.unit_price, attempt.discount};
}

void add_charge(OpenAttempt& attempt, const Draw& draw, const Entry& entry) {
  auto at = std::ranges::find_if(attempt.charged, [&](const ChargedSum& sum) {
    return sum.line == draw.piece.line && sum.package == draw.package && sum.month == entry.month;
  });
  if (at == attempt.charged.end()) {
    attempt.charged.push_back({draw.piece.line, draw.package, entry.month, {}, {}, 0, 0, 0, 0});
    at = attempt.charged.end() - 1;
  }
  at->consumed = at->consumed + entry.consumed;
  at->priced = at->priced + entry.priced;
  at->list += entry.list;
  at->contracted += entry.contracted;
  at->effective += entry.effective;
}

}  // namespace

Purse Books::purse(const Owner& owner, const OpenAttempt& attempt, bool with_free) const {
  Purse purse;
  for (const std::uint32_t id : owner.packages) {
    const Package& package = packages_.at(id);
    Wide left = in_micros(held_of(attempt.packages, id));
    if (with_free) left += in_micros(package.total - package.used - package.held);
    if (left > 0) purse.push_back({id, package.meter, package.expires, left});
  }
  return purse;
}

HoldPlan Books::plan_of(const Owner& owner, const OpenAttempt& attempt,
                        PlanQuestion question) const {
  OpenAttempt future = attempt;
  if (future.suspended) question.cache = {};
  future.suspended = false;
  Purse purse = this->purse(owner, attempt, true);
  for (PurseShare& share : purse) {
    for (const PackageHold& taken : question.promised) {
      if (taken.package == share.package) share.left -= in_micros(taken.quantity);
    }
  }
  std::erase_if(purse, [](const PurseShare& share) { return share.left <= 0; });
  const std::vector<WallTime> cuts = cuts_of(purse);
  const WallTime until = std::max(question.until, attempt.charged_until);
  const std::vector<Piece> pieces =
      advance(prices_, future, question.cache, {until, Upto::end, cuts});
  Wide money = 0;
  Wide list = 0;
  Wide contracted = 0;
  HoldPlan plan;
  plan.customer = owner.record.id;
  plan.held = attempt.held;
  for (const Draw& draw : fund(pieces, future, purse)) {
    list += draw.list;
    contracted += draw.contracted;
    if (draw.package == 0) {
      money += draw.contracted;
      continue;
    }
    PackageHold& hold = hold_of(plan.packages, draw.package);
    hold.quantity = hold.quantity + quantity_of(draw.piece.priced);
  }
  plan.money = clamped(money);
  plan.list = clamped(list);
  plan.contracted = clamped(contracted);
  return plan;
}

HoldPlan Books::plan(const Customer& customer, const AttemptStart& start, WallTime until,
                     std::span<const PackageHold> promised) const {
  const OpenAttempt attempt = begin_attempt(customer, prices_, start);
  return plan_of(owners_.at(customer.id), attempt, {{}, until, promised});
}

HoldPlan Books::plan_on(const Live& live, WallTime until) const {
  return plan_of(owners_.at(live.record.customer), live.record, {live.cache, until, {}});
}

bool Books::may_hold(const HoldPlan& plan) const {
  const std::optional<Shortage> lack = shortage(plan);
  if (!lack) return true;
  const Money below = owners_.at(plan.customer).record.overdraft;
  return below == kUnlimitedMoney || lack->wanted <= lack->available + below;
}

std::optional<Shortage> Books::shortage(const HoldPlan& plan) const {
  const Owner& who = owners_.at(plan.customer);
  const Money wanted = plan.money - plan.held;
  const Money left = available(who.record, who.balance);
  if (wanted <= 0 || wanted <= left) return std::nullopt;
  return Shortage{plan.customer, wanted, left};
}

Result<Posted> Books::open(const AttemptStart& start, WallTime hold_until, const Stamp& stamp) {
  const Attempt key = attempt_of(start.job);
  const Customer* customer = customer_of(start.accounts);
  if (customer == nullptr) {
    return fail(ErrorCode::invalid_account,
                "account " + start.job.account.str() + " belongs to no customer");
  }
  if (customer->closed) {
    return fail(ErrorCode::access_denied, "customer " + customer->name.str() + " is closed");
  }
  if (open_.contains(key)) return fail(ErrorCode::already_exists, "the attempt is charged already");
  OpenAttempt record = begin_attempt(*customer, prices_, start);
  Owner& who = owner(customer->id);
  const HoldPlan plan = plan_of(who, record, {{}, hold_until, {}});
  if (const std::optional<Shortage> lack = shortage(plan); lack) {
    return fail(ErrorCode::access_denied,
                "customer " + customer->name.str() + " has " +
                    money_text(lack->available, customer->currency) + " of " +
                    money_text(lack->wanted, customer->currency) + " " + customer->currency.str());
  }
  Posted posted;
  Live& live = open_[key];
  live.record = std::move(record);
  ++who.open;
  post_hold(live, plan.money, stamp, posted);
  set_holds(live, plan, stamp, posted);
  set_hold_end(live, hold_until);
  warn(posted);
  return posted;
}

void Books::set_hold_end(Live& live, WallTime until) {
  const Attempt key = attempt_of(live.record.job);
  hold_ends_.erase({live.record.held_until, key});
  live.record.held_until = until;
  hold_ends_.emplace(until, key);
  changed_.attempts.insert(key);
}

Result<Posted> Books::hold(const Attempt& attempt, WallTime until, const Stamp& stamp) {
  const auto found = open_.find(attempt);
  if (found == open_.end()) return fail(ErrorCode::not_found, "the attempt isn't charged");
  Live& live = found->second;
  const HoldPlan plan = plan_on(live, until);
  if (!may_hold(plan)) return fail(ErrorCode::access_denied, "not enough is left to go on");
  Posted posted;
  set_holds(live, plan, stamp, posted);
  set_hold_end(live, until);
  warn(posted);
  return posted;
}

Result<Posted> Books::hold_most(const Attempt& attempt, WallTime until, const Stamp& stamp) {
  const auto found = open_.find(attempt);
  if (found == open_.end()) return fail(ErrorCode::not_found, "the attempt isn't charged");
  Posted posted;
  hold_until(found->second, until, stamp, posted);
  warn(posted);
  return posted;
}

// What a longer time costs is never less, so the last second that can be held is found by halving.
void Books::hold_until(Live& live, WallTime until, const Stamp& stamp, Posted& posted) {
  const WallTime from = live.record.charged_until;
  if (until > from && !may_hold(plan_on(live, until))) {
    std::int64_t enough = 0;
    std::int64_t too_long = (until - from + kSecond - 1) / kSecond;
    while (enough + 1 < too_long) {
      const std::int64_t middle = enough + (too_long - enough) / 2;
      (may_hold(plan_on(live, from + middle * kSecond)) ? enough : too_long) = middle;
    }
    until = from + enough * kSecond;
  }
  if (const HoldPlan plan = plan_on(live, until); may_hold(plan)) {
    set_holds(live, plan, stamp, posted);
  }
  set_hold_end(live, until);
}

// What has run already without a hold, because nobody looked in time, is held for as far as the
// money goes.
void Books::hold_for(Live& live, WallTime until, const Stamp& stamp, Posted& posted) {
  const OpenAttempt& record = live.record;
  if (record.limit_end != 0) until = std::min(until, record.limit_end);
  if (record.suspended || until <= charge_end(record)) return;
  hold_until(live, until, stamp, posted);
}

Posted Books::begin_grace(const Attempt& attempt, const Stamp& stamp) {
  Posted posted;
  const auto found = open_.find(attempt);
  if (found == open_.end()) return posted;
  OpenAttempt& record = found->second.record;
  const Owner& who = owner(record.customer);
  record.grace_until = record.held_until + who.record.grace_s * kSecond;
  changed_.attempts.insert(attempt);
  Entry entry = begin(EntryKind::notice, &who, stamp);
  entry.job = record.job;
  entry.from = record.held_until;
  entry.to = record.grace_until;
  entry.note = "job " + std::to_string(record.job.job.value) +
               " is no longer paid for and ends at " + utc_text(record.grace_until);
  finish(std::move(entry), posted);
  return posted;
}

void Books::end_grace(const Attempt& attempt) {
  const auto found = open_.find(attempt);
  if (found == open_.end() || found->second.record.grace_until == 0) return;
  found->second.record.grace_until = 0;
  changed_.attempts.insert(attempt);
}

WallTime Books::charge_end(const OpenAttempt& attempt) const {
  if (attempt.suspended) return kEver;
  const WallTime paid =
      attempt.grace_until != 0
          ? attempt.grace_until
          : attempt.held_until + owners_.at(attempt.customer).record.grace_s * kSecond;
  return attempt.limit_end == 0 ? paid : std::min(paid, attempt.limit_end);
}

// What is no longer wanted goes back first.
void Books::set_holds(Live& live, const HoldPlan& plan, const Stamp& stamp, Posted& posted) {
  const std::vector<PackageHold> before = live.record.packages;
  for (const PackageHold& old : before) {
    post_package_hold(live, {old.package, held_of(plan.packages, old.package)}, stamp, posted);
  }
  for (const PackageHold& wanted : plan.packages) post_package_hold(live, wanted, stamp, posted);
  if (plan.money != live.record.held) {
    post_hold(live, plan.money - live.record.held, stamp, posted);
  }
}

void Books::post_hold(Live& live, Money more, const Stamp& stamp, Posted& posted) {
  const EntryKind kind = more < 0 ? EntryKind::release : EntryKind::hold;
  Entry entry = begin(kind, &owner(live.record.customer), stamp);
  entry.job = live.record.job;
  entry.from = live.record.start;
  entry.price.book = live.record.book;
  entry.amount = more < 0 ? -more : more;
  entry.postings = {{LedgerAccount::balance, -more}, {LedgerAccount::held, more}};
  live.record.held += more;
  changed_.attempts.insert(attempt_of(live.record.job));
  finish(std::move(entry), posted);
}

void Books::post_package_hold(Live& live, const PackageHold& wanted, const Stamp& stamp,
                              Posted& posted) {
  const Wide more =
      in_micros(wanted.quantity) - in_micros(held_of(live.record.packages, wanted.package));
  if (more == 0) return;
  const EntryKind kind = more < 0 ? EntryKind::release : EntryKind::hold;
  Entry entry = begin(kind, &owner(live.record.customer), stamp);
  entry.job = live.record.job;
  entry.package = wanted.package;
  entry.priced = quantity_of(more < 0 ? -more : more);
  Package& package = packages_.at(wanted.package);
  package.held = package.held + quantity_of(more);
  hold_of(live.record.packages, wanted.package).quantity = wanted.quantity;
  std::erase_if(live.record.packages,
                [](const PackageHold& hold) { return hold.quantity == Quantity{}; });
  changed_.packages.insert(wanted.package);
  changed_.attempts.insert(attempt_of(live.record.job));
  finish(std::move(entry), posted);
}

std::vector<Attempt> Books::holds_until(WallTime when) const {
  std::vector<Attempt> due;
  for (const auto& [until, attempt] : hold_ends_) {
    if (until > when) break;
    due.push_back(attempt);
  }
  return due;
}

void Books::charge_to(Live& live, WallTime to, Upto upto, const Stamp& stamp, Posted& posted) {
  Purse purse = this->purse(owner(live.record.customer), live.record, false);
  const std::vector<WallTime> cuts = cuts_of(purse);
  const WallTime before = live.record.charged_until;
  to = std::max(std::min(to, charge_end(live.record)), before);
  const std::vector<Piece> pieces = advance(prices_, live.record, live.cache, {to, upto, cuts});
  for (const Draw& draw : fund(pieces, live.record, purse)) {
    post_charge(live, draw, stamp, posted);
  }
  if (live.record.charged_until != before) {
    changed_.attempts.insert(attempt_of(live.record.job));
  }
}

void Books::post_charge(Live& live, const Draw& draw, const Stamp& stamp, Posted& posted) {
  OpenAttempt& record = live.record;
  Entry entry = begin(EntryKind::charge, &owner(record.customer), stamp);
  entry.month = open_month(draw.piece.from);
  entry.correction = entry.month != month_of(draw.piece.from);
  entry.job = record.job;
  entry.from = draw.piece.from;
  entry.to = draw.piece.to;
  entry.price = priced_by(record, record.lines[draw.piece.line], *draw.piece.price);
  entry.count = draw.piece.count;
  entry.consumed = quantity_of(draw.piece.consumed);
  entry.priced = quantity_of(draw.piece.priced);
  entry.list = draw.list;
  entry.contracted = entry.amount = draw.contracted;
  entry.package = draw.package;
  if (draw.package == 0) {
    const Money from_held = std::min(record.held, draw.contracted);
    entry.effective = draw.contracted;
    entry.postings = {{LedgerAccount::held, -from_held},
                      {LedgerAccount::balance, from_held - draw.contracted},
                      {LedgerAccount::earnings, draw.contracted}};
    record.held -= from_held;
  } else {
    Package& package = packages_.at(draw.package);
    PackageHold& hold = hold_of(record.packages, draw.package);
    package.used = package.used + entry.priced;
    package.held = package.held - entry.priced;
    hold.quantity = hold.quantity - entry.priced;
    std::erase_if(record.packages,
                  [](const PackageHold& one) { return one.quantity == Quantity{}; });
    const Money worth = share_of(package.price, in_micros(package.used), in_micros(package.total));
    entry.effective = std::max(Money{0}, worth - package.amortised);
    package.amortised += entry.effective;
    entry.postings = {{LedgerAccount::package, -entry.effective},
                      {LedgerAccount::earnings, entry.effective}};
    changed_.packages.insert(draw.package);
  }
  add_charge(record, draw, entry);
  finish(std::move(entry), posted);
  for (ChargedSum& sum : record.charged) {
    const bool this_one = sum.line == draw.piece.line && sum.package == draw.package &&
                          sum.month == posted.entries.back().month;
    if (this_one) sum.last_entry = posted.entries.back().sequence;
  }
}

Posted Books::charge(const Attempt& attempt, WallTime until, const Stamp& stamp) {
  Posted posted;
  const auto found = open_.find(attempt);
  if (found == open_.end()) return posted;
  charge_to(found->second, until, Upto::granule, stamp, posted);
  warn(posted);
  return posted;
}

Posted Books::charge_all(WallTime until, const Stamp& stamp) {
  Posted posted;
  for (auto& [key, live] : open_) charge_to(live, until, Upto::granule, stamp, posted);
  warn(posted);
  return posted;
}

Posted Books::charge_some(WallTime until, ChargeSlice& slice, const Stamp& stamp) {
  Posted posted;
  auto at = slice.next ? open_.lower_bound(*slice.next) : open_.begin();
  slice.next.reset();
  for (std::size_t done = 0; at != open_.end(); ++at, ++done) {
    if (done == slice.most) {
      slice.next = at->first;
      break;
    }
    charge_to(at->second, until, Upto::granule, stamp, posted);
  }
  warn(posted);
  return posted;
}

Posted Books::change(const Attempt& attempt, const AttemptChange& change, const Stamp& stamp) {
  Posted posted;
  const auto found = open_.find(attempt);
  if (found == open_.end()) return posted;
  Live& live = found->second;
  hold_for(live, change.at, stamp, posted);
  charge_to(live, change.at, Upto::exactly, stamp, posted);
  if (change.limit_end) live.record.limit_end = *change.limit_end;
  if (change.allotment) live.record.allotment = *change.allotment;
  if (change.suspended) live.record.suspended = *change.suspended;
  if (change.job) {
    SLUICE_ASSERT(attempt_of(*change.job) == attempt, "a change of another attempt");
    live.record.job = *change.job;
  }
  live.cache = {};
  changed_.attempts.insert(attempt);
  warn(posted);
  return posted;
}

Posted Books::end(const Attempt& attempt, const AttemptEnd& end, const Stamp& stamp) {
  SLUICE_ASSERT(end.fate != Fate::none, "an attempt ends somehow");
  Posted posted;
  const auto found = open_.find(attempt);
  if (found == open_.end()) return posted;
  Live& live = found->second;
  hold_for(live, end.at, stamp, posted);
  charge_to(live, std::max(end.at, live.record.charged_until), Upto::end, stamp, posted);
  if ((live.record.free_fates & fate_bit(end.fate)) != 0) reverse(live, stamp, posted);
  const std::vector<PackageHold> held = live.record.packages;
  for (const PackageHold& hold : held) post_package_hold(live, {hold.package, {}}, stamp, posted);
  Owner& who = owner(live.record.customer);
  Entry entry = begin(EntryKind::release, &who, stamp);
  entry.job = live.record.job;
  entry.fate = end.fate;
  entry.from = live.record.start;
  entry.to = live.record.charged_until;
  entry.amount = live.record.held;
  entry.postings = {{LedgerAccount::held, -live.record.held},
                    {LedgerAccount::balance, live.record.held}};
  finish(std::move(entry), posted);
  --who.open;
  hold_ends_.erase({live.record.held_until, attempt});
  open_.erase(found);
  changed_.attempts.erase(attempt);
  changed_.gone.insert(attempt);
  warn(posted);
  return posted;
}

// Of each line, source and month one entry.
void Books::reverse(Live& live, const Stamp& stamp, Posted& posted) {
  OpenAttempt& record = live.record;
  for (const ChargedSum& sum : record.charged) {
    const RatedLine& line = record.lines[sum.line];
    Entry entry = begin(EntryKind::reversal, &owner(record.customer), stamp);
    entry.month =
        head_.closed.is_set() && sum.month <= head_.closed ? next_month(head_.closed) : sum.month;
    entry.correction = entry.month != sum.month;
    entry.job = record.job;
    entry.from = std::max(record.start, month_start(sum.month));
    entry.to = std::min(record.charged_until, month_start(next_month(sum.month)));
    const PriceBook* book = prices_.version(record.book, line.version);
    SLUICE_ASSERT(book != nullptr, "version {} of book {} is gone", line.version,
                  record.book.view());
    const auto price = std::ranges::find(book->prices, line.sku, &Price::sku);
    entry.price = priced_by(record, line, *price);
    entry.consumed = Quantity{} - sum.consumed;
    entry.priced = Quantity{} - sum.priced;
    entry.list = -sum.list;
    entry.contracted = entry.amount = -sum.contracted;
    entry.effective = -sum.effective;
    entry.package = sum.package;
    entry.refers_to = sum.last_entry;
    LedgerAccount to = LedgerAccount::balance;
    if (sum.package != 0) {
      Package& package = packages_.at(sum.package);
      // What came from a package that has ended meanwhile is given back as money.
      if (!package.ended) {
        to = LedgerAccount::package;
        package.used = package.used - sum.priced;
        package.amortised -= sum.effective;
        changed_.packages.insert(sum.package);
      }
    }
    entry.postings = {{LedgerAccount::earnings, -sum.effective}, {to, sum.effective}};
    finish(std::move(entry), posted);
  }
  for (RatedLine& line : record.lines) line.priced = {};
  record.charged.clear();
}

const OpenAttempt* Books::attempt(const Attempt& attempt) const {
  const auto found = open_.find(attempt);
  return found == open_.end() ? nullptr : &found->second.record;
}

}  // namespace sluice::ledger
