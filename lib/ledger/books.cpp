// See books.hpp. Here: entries and their postings, prices and customers, what is stored.
#include "ledger/books.hpp"

#include <algorithm>
#include <iterator>

#include "base/assert.hpp"

namespace sluice::ledger {

namespace {

// Which kinds stand on invoices, so that their months need closing.
bool is_invoiced(EntryKind kind) {
  switch (kind) {
    case EntryKind::topup:
    case EntryKind::withdrawal:
    case EntryKind::purchase:
    case EntryKind::expiry:
    case EntryKind::charge:
    case EntryKind::reversal:
    case EntryKind::refund:
    case EntryKind::credit:
    case EntryKind::correction:
    case EntryKind::transfer:
    case EntryKind::rounding: return true;
    default: return false;
  }
}

// Their amounts are what they are billed as: they have no use of their own.
bool is_only_money(const Entry& entry) {
  return entry.kind == EntryKind::credit || entry.kind == EntryKind::transfer ||
         entry.kind == EntryKind::rounding ||
         (entry.kind == EntryKind::correction && entry.refers_to == 0);
}

void add_billed(std::vector<MonthSum>& months, Month month, Money billed) {
  auto at = std::ranges::lower_bound(months, month, {}, &MonthSum::month);
  if (at == months.end() || at->month != month) at = months.insert(at, {month, 0});
  at->billed += billed;
}

bool has_money(const Balance& balance) {
  return balance.balance != 0 || balance.held != 0 || balance.receivable != 0 ||
         balance.packages != 0;
}

}  // namespace

// Rows are put in their order, and attempts that are gone are taken away after that: none comes
// back.
BooksRows joined(BooksRows first, BooksRows then) {
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  append(first.entries, then.entries);
  BooksChanges& sum = first.changed;
  BooksChanges& more = then.changed;
  if (more.head) sum.head = more.head;
  if (more.prices) sum.prices = std::move(more.prices);
  append(sum.customers, more.customers);
  append(sum.balances, more.balances);
  append(sum.packages, more.packages);
  append(sum.attempts, more.attempts);
  append(sum.gone, more.gone);
  append(sum.requests, more.requests);
  return first;
}

Month Books::open_month(WallTime when) const {
  const Month month = month_of(when);
  return head_.closed.is_set() && month <= head_.closed ? next_month(head_.closed) : month;
}

Entry Books::begin(EntryKind kind, const Owner* owner, const Stamp& stamp) {
  Entry entry;
  entry.kind = kind;
  entry.time = std::max(stamp.now, head_.time);
  entry.month = open_month(entry.time);
  entry.uid = stamp.uid;
  entry.request_id = stamp.request_id;
  entry.note = stamp.note;
  if (owner != nullptr) {
    entry.customer = owner->record.id;
    entry.currency = owner->record.currency;
  }
  return entry;
}

void Books::finish(Entry entry, Posted& posted) {
  entry.sequence = ++head_.sequence;
  head_.time = entry.time;
  changed_.head = true;
  std::erase_if(entry.postings, [](const Posting& posting) { return posting.amount == 0; });
  Money sum = 0;
  for (const Posting& posting : entry.postings) sum += posting.amount;
  SLUICE_ASSERT(sum == 0, "entry {} of kind {} adds up to {}", entry.sequence,
                kind_name(entry.kind), sum);
  if (entry.customer != 0) {
    Owner& who = owner(entry.customer);
    entry.billed = billed_by(who.record.kind, entry);
    if (is_only_money(entry)) entry.list = entry.contracted = entry.effective = entry.billed;
    post(entry, who.balance);
    if (is_invoiced(entry.kind)) add_billed(who.balance.months, entry.month, entry.billed);
    changed_.balances.insert(entry.customer);
  }
  if (entry.request_id.is_set() && requests_.emplace(entry.request_id, entry.sequence).second) {
    changed_.requests.push_back({entry.request_id, entry.sequence});
  }
  posted.entries.push_back(std::move(entry));
}

void Books::warn(Posted& posted) {
  std::set<std::uint32_t> concerned;
  for (const Entry& entry : posted.entries) concerned.insert(entry.customer);
  for (const std::uint32_t id : concerned) {
    if (id == 0) continue;
    Owner& who = owner(id);
    const Money now = funds(who.record, who.balance);
    const std::uint32_t below = thresholds_passed(who.record, who.balance);
    for (std::uint32_t index = who.balance.warned; index < below; ++index) {
      Entry entry = begin(EntryKind::notice, &who, {.now = head_.time});
      entry.amount = who.record.warn_at[index];
      entry.note = money_text(now, who.record.currency) + " " + who.record.currency.str() +
                   " are left, less than " + money_text(entry.amount, who.record.currency);
      finish(std::move(entry), posted);
    }
    who.balance.warned = below;
  }
}

void Books::sort_packages(Owner& owner) const {
  const auto key = [this](std::uint32_t id) {
    const WallTime expires = packages_.at(id).expires;
    return std::pair(expires == 0 ? kEver : expires, id);
  };
  std::ranges::sort(owner.packages, {}, key);
}

std::optional<LoadFault> Books::check_customers(const PriceLoad& load,
                                                const PriceSet& prices) const {
  std::set<Text> names;
  std::map<Text, Text> accounts;  // whose they will be
  for (const auto& [account, id] : by_account_) accounts[account] = owners_.at(id).record.name;
  for (const Customer& wanted : load.customers) {
    const Customer* old = customer_named(wanted.name);
    if (old != nullptr && old->account != wanted.account) accounts.erase(old->account);
  }
  for (std::size_t index = 0; index < load.customers.size(); ++index) {
    const Customer& wanted = load.customers[index];
    const auto fault = [index](std::string text) {
      return LoadFault{std::nullopt, index, std::move(text)};
    };
    if (const Status valid = check_customer(wanted); !valid) return fault(valid.error().text);
    if (!names.insert(wanted.name).second) return fault("name: stands twice");
    const auto [place, free] = accounts.emplace(wanted.account, wanted.name);
    if (!free && place->second != wanted.name) {
      return fault("account: belongs to customer " + place->second.str());
    }
    const Text currency = prices.currency(wanted.book);
    if (currency.empty()) return fault("book: there is no price book " + wanted.book.str());
    if (currency != wanted.currency) {
      return fault("currency: price book " + wanted.book.str() + " is in " + currency.str());
    }
    const Customer* old = customer_named(wanted.name);
    if (old == nullptr) continue;
    if (old->currency != wanted.currency) return fault("currency: it can't change");
    const Owner& owner = owners_.at(old->id);
    if (old->kind != wanted.kind && (owner.open > 0 || has_money(owner.balance))) {
      return fault("kind: can change only while no job runs and nothing is owed or left");
    }
  }
  return std::nullopt;
}

std::optional<LoadFault> Books::check_load(const PriceLoad& load, WallTime now) const {
  if (load.keep_books) return check_customers(load, prices_);
  const PriceChangeResult prices = change_prices(prices_, load.books, std::max(now, head_.time));
  if (prices.fault) return LoadFault{prices.fault, std::nullopt, prices.fault->text};
  return check_customers(load, PriceSet(prices.change.all));
}

Result<Posted> Books::load(const PriceLoad& load, const Stamp& stamp) {
  if (const std::optional<LoadFault> fault = check_load(load, stamp.now); fault) {
    return fail(ErrorCode::invalid_argument, fault->text);
  }
  Posted posted;
  if (!load.keep_books) put_prices(load, stamp, posted);
  for (const Customer& record : load.customers) put_customer(record, stamp, posted);
  return posted;
}

void Books::put_prices(const PriceLoad& load, const Stamp& stamp, Posted& posted) {
  const WallTime now = std::max(stamp.now, head_.time);
  PriceChangeResult prices = change_prices(prices_, load.books, now);
  const bool dropped = prices.change.all.size() < prices_.books().size();
  if (!prices.change.changed.empty() || dropped) {
    prices_ = PriceSet(std::move(prices.change.all));
    changed_.prices = true;
    for (auto& [attempt, live] : open_) live.cache = {};
  }
  for (const PriceBookPtr& book : prices.change.changed) {
    Entry entry = begin(EntryKind::prices, nullptr, stamp);
    entry.prices = book;
    entry.currency = book->currency;
    entry.price.book = book->name;
    entry.price.version = book->version;
    finish(std::move(entry), posted);
  }
}

void Books::put_customer(Customer record, const Stamp& stamp, Posted& posted) {
  const auto known = by_name_.find(record.name);
  record.id = known == by_name_.end() ? ++head_.customers : known->second;
  Owner& who = owners_[record.id];
  if (who.record == record) return;
  const auto former = by_account_.find(who.record.account);
  if (former != by_account_.end() && former->second == record.id) by_account_.erase(former);
  by_account_[record.account] = record.id;  // whose former owner comes later in the same load
  by_name_[record.name] = record.id;
  who.record = record;
  who.balance.customer = record.id;
  changed_.customers.insert(record.id);
  Entry entry = begin(EntryKind::customer, &who, stamp);
  entry.record = std::make_shared<const Customer>(record);
  finish(std::move(entry), posted);
  who.balance.warned = thresholds_passed(record, who.balance);
}

const Customer* Books::customer(std::uint32_t id) const {
  const auto found = owners_.find(id);
  return found == owners_.end() ? nullptr : &found->second.record;
}

const Customer* Books::customer_named(std::string_view name) const {
  const auto found = by_name_.find(Text(name));
  return found == by_name_.end() ? nullptr : customer(found->second);
}

const Customer* Books::customer_of(std::span<const Text> accounts) const {
  for (const Text& account : accounts) {
    const auto found = by_account_.find(account);
    if (found != by_account_.end()) return customer(found->second);
  }
  return nullptr;
}

std::vector<const Customer*> Books::customers() const {
  std::vector<const Customer*> all;
  for (const auto& [id, owner] : owners_) all.push_back(&owner.record);
  return all;
}

const Balance& Books::balance(std::uint32_t customer) const { return owners_.at(customer).balance; }

std::vector<const Package*> Books::packages(std::uint32_t customer) const {
  std::vector<const Package*> all;
  for (const std::uint32_t id : owners_.at(customer).packages) all.push_back(&packages_.at(id));
  return all;
}

std::vector<const Package*> Books::all_packages(std::uint32_t customer) const {
  std::vector<const Package*> all;
  for (const auto& [id, package] : packages_) {
    if (package.customer == customer) all.push_back(&package);
  }
  return all;
}

Result<Books::Owner*> Books::owner_named(std::string_view name) {
  const auto found = by_name_.find(Text(name));
  if (found != by_name_.end()) return &owner(found->second);
  return fail(ErrorCode::not_found, "there is no customer " + std::string(name));
}

void Books::restore(const BooksState& state) {
  *this = Books();
  head_ = state.head;
  prices_ = PriceSet(state.prices);
  for (const Customer& record : state.customers) {
    Owner& who = owners_[record.id];
    who.record = record;
    who.balance.customer = record.id;
    by_name_[record.name] = record.id;
    by_account_[record.account] = record.id;
  }
  for (const Balance& balance : state.balances) owners_[balance.customer].balance = balance;
  for (const Package& package : state.packages) {
    packages_[package.id] = package;
    if (package.ended) continue;
    owner(package.customer).packages.push_back(package.id);
    if (package.expires != 0) expiries_.emplace(package.expires, package.id);
  }
  for (auto& [id, owner] : owners_) sort_packages(owner);
  for (const OpenAttempt& record : state.attempts) {
    const Attempt key = attempt_of(record.job);
    open_[key].record = record;
    hold_ends_.emplace(record.held_until, key);
    ++owner(record.customer).open;
  }
  for (const RequestSeen& request : state.requests) requests_.emplace(request.id, request.entry);
}

BooksState Books::state() const {
  BooksState state;
  state.head = head_;
  state.prices = prices_.books();
  for (const auto& [id, owner] : owners_) {
    state.customers.push_back(owner.record);
    state.balances.push_back(owner.balance);
  }
  for (const auto& [id, package] : packages_) state.packages.push_back(package);
  for (const auto& [key, live] : open_) state.attempts.push_back(live.record);
  for (const auto& [id, entry] : requests_) state.requests.push_back({id, entry});
  return state;
}

BooksChanges Books::take_changed() {
  BooksChanges changes;
  if (changed_.head) changes.head = head_;
  if (changed_.prices) changes.prices = prices_.books();
  for (const std::uint32_t id : changed_.customers) changes.customers.push_back(owner(id).record);
  for (const std::uint32_t id : changed_.balances) changes.balances.push_back(owner(id).balance);
  for (const std::uint32_t id : changed_.packages) changes.packages.push_back(packages_.at(id));
  for (const Attempt& key : changed_.attempts) {
    const auto found = open_.find(key);
    if (found != open_.end()) changes.attempts.push_back(found->second.record);
  }
  changes.gone.assign(changed_.gone.begin(), changed_.gone.end());
  changes.requests = std::move(changed_.requests);
  changed_ = {};
  return changes;
}

}  // namespace sluice::ledger
