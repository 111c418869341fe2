// See audit.hpp. Here: the frame of every entry, money, packages, months; charges are in
// audit_attempts.cpp.
#include "ledger/audit.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "ledger/invoice.hpp"

namespace sluice::ledger {

namespace {

using Fault = std::optional<std::string>;

constexpr std::size_t kMaxPostings = 16;
constexpr LedgerAccount kLastAccount = LedgerAccount::transfers;
constexpr std::int64_t kMaxCount = std::int64_t{1} << 44;

bool concerns_nobody(EntryKind kind) {
  return kind == EntryKind::prices || kind == EntryKind::closing;
}

struct Expected {
  LedgerAccount account = LedgerAccount::none;
  Money amount = 0;
};

// The two sides of an entry of this kind; those of charges and reversals depend on more.
std::vector<Expected> sides_of(const Entry& entry, CustomerKind kind) {
  const Money x = entry.amount;
  switch (entry.kind) {
    case EntryKind::topup: return {{LedgerAccount::cash, -x}, {LedgerAccount::balance, x}};
    case EntryKind::withdrawal: return {{LedgerAccount::cash, x}, {LedgerAccount::balance, -x}};
    case EntryKind::purchase: return {{LedgerAccount::balance, -x}, {LedgerAccount::package, x}};
    case EntryKind::expiry: return {{LedgerAccount::package, -x}, {LedgerAccount::earnings, x}};
    case EntryKind::hold: return {{LedgerAccount::balance, -x}, {LedgerAccount::held, x}};
    case EntryKind::release: return {{LedgerAccount::balance, x}, {LedgerAccount::held, -x}};
    case EntryKind::refund: return {{LedgerAccount::earnings, -x}, {LedgerAccount::balance, x}};
    case EntryKind::credit:
    case EntryKind::correction:
      return {{LedgerAccount::adjustments, -x}, {LedgerAccount::balance, x}};
    case EntryKind::transfer: return {{LedgerAccount::balance, x}, {LedgerAccount::transfers, -x}};
    case EntryKind::invoice:
      if (kind == CustomerKind::prepaid) return {};
      return {{LedgerAccount::balance, x}, {LedgerAccount::receivable, -x}};
    case EntryKind::payment: return {{LedgerAccount::cash, -x}, {LedgerAccount::receivable, x}};
    case EntryKind::rounding:
      return {{LedgerAccount::balance, -x}, {LedgerAccount::adjustments, x}};
    default: return {};
  }
}

bool is_money_only(const Entry& entry) {
  return entry.kind == EntryKind::credit || entry.kind == EntryKind::transfer ||
         entry.kind == EntryKind::rounding ||
         (entry.kind == EntryKind::correction && entry.refers_to == 0);
}

// What the amounts of this kind have to be; nothing: they follow from use.
std::optional<std::array<Money, 3>> amounts_of(const Entry& entry) {
  if (is_money_only(entry)) return {{entry.billed, entry.billed, entry.billed}};
  switch (entry.kind) {
    case EntryKind::charge:
    case EntryKind::reversal: return std::nullopt;
    case EntryKind::topup:
    case EntryKind::purchase: return {{entry.amount, entry.amount, 0}};
    case EntryKind::withdrawal: return {{-entry.amount, -entry.amount, 0}};
    case EntryKind::expiry: return {{0, 0, entry.amount}};
    case EntryKind::refund:
    case EntryKind::correction: return {{-entry.amount, -entry.amount, -entry.amount}};
    default: return {{0, 0, 0}};
  }
}

}  // namespace

std::optional<Finding> Auditor::add(const Entry& entry) {
  if (const Fault fault = judge(entry); fault) return Finding{entry.sequence, *fault};
  return std::nullopt;
}

Auditor::Fault Auditor::judge(const Entry& entry) {
  if (Fault fault = check_values(entry); fault) return fault;
  if (Fault fault = check_frame(entry); fault) return fault;
  if (entry.kind == EntryKind::prices || entry.kind == EntryKind::customer) {
    if (Fault fault = load(entry); fault) return fault;
  }
  if (Fault fault = check_postings(entry); fault) return fault;
  if (Fault fault = by_kind(entry); fault) return fault;
  book(entry);
  return spend(entry);
}

// Nothing here may trip over what somebody wrote into a row.
Auditor::Fault Auditor::check_values(const Entry& entry) const {
  if (entry.kind == EntryKind::none || static_cast<std::uint32_t>(entry.kind) >= kEntryKinds) {
    return "its kind is unknown";
  }
  if (static_cast<std::uint32_t>(entry.fate) >= kFates) return "its fate is unknown";
  const auto is_sane = [](Money amount) { return amount >= -kMaxMoney && amount <= kMaxMoney; };
  for (const Money amount :
       {entry.amount, entry.list, entry.contracted, entry.effective, entry.billed}) {
    if (!is_sane(amount)) return "its amount is out of range";
  }
  if (entry.postings.size() > kMaxPostings) return "it has too many postings";
  for (const Posting& posting : entry.postings) {
    const bool known = posting.account != LedgerAccount::none && posting.account <= kLastAccount;
    if (!known || !is_sane(posting.amount)) return "a posting of it is broken";
  }
  constexpr WallTime kLatest = std::int64_t{10'000} * 366 * kDay;
  for (const WallTime when : {entry.time, entry.from, entry.to}) {
    if (when < 0 || when > kLatest) return "its time can't be";
  }
  if (entry.count < 0 || entry.count > kMaxCount || entry.price.discount > 1000 ||
      entry.price.unit_price < 0 || entry.price.unit_price > kMaxUnitPrice) {
    return "its count or price is out of range";
  }
  constexpr std::int64_t kMostSeconds = std::int64_t{1} << 61;
  for (const Quantity& quantity : {entry.consumed, entry.priced}) {
    const bool sane = quantity.seconds > -kMostSeconds && quantity.seconds < kMostSeconds;
    if (!sane || quantity.micros >= kMicro) return "its quantity is out of range";
  }
  return std::nullopt;
}

Auditor::Fault Auditor::check_frame(const Entry& entry) const {
  if (entry.sequence != head_.sequence + 1) {
    return fmt::format("it follows entry {}: entries are missing or doubled", head_.sequence);
  }
  if (entry.time < head_.time) return "it is older than the entry before";
  if (head_.closed.is_set() && entry.month <= head_.closed) {
    return month_text(entry.month) + " was closed before";
  }
  if (entry.request_id.is_set() && requests_.contains(entry.request_id)) {
    return "its request was answered before";
  }
  if (concerns_nobody(entry.kind)) {
    return entry.customer == 0 ? Fault() : "it can't be a customer's";
  }
  if (entry.kind == EntryKind::customer) return std::nullopt;
  const auto customer = customers_.find(entry.customer);
  if (customer == customers_.end()) return "its customer is unknown";
  if (entry.currency != customer->second.currency) return "it is in another currency";
  return std::nullopt;
}

Auditor::Fault Auditor::check_postings(const Entry& entry) const {
  Money sum = 0;
  for (const Posting& posting : entry.postings) sum += posting.amount;
  if (sum != 0) return fmt::format("its postings add up to {}, not to 0", decimal(sum));
  if (entry.customer == 0) {
    const bool nothing = entry.postings.empty() && entry.amount == 0 && entry.list == 0 &&
                         entry.contracted == 0 && entry.effective == 0 && entry.billed == 0;
    return nothing ? Fault() : "it has amounts";
  }
  const CustomerKind kind = customers_.at(entry.customer).kind;
  const bool of_package = entry.package != 0 && entry.priced != Quantity{} &&
                          (entry.kind == EntryKind::hold || entry.kind == EntryKind::release);
  if (entry.kind != EntryKind::charge && entry.kind != EntryKind::reversal) {
    std::vector<Expected> sides = sides_of(entry, kind);
    if (of_package) sides.clear();
    Money both = 0;
    for (const Expected& side : sides) {
      if (posted(entry, side.account) != side.amount)
        return "its postings aren't those of its kind";
      both += side.amount < 0 ? -side.amount : side.amount;
    }
    Money all = 0;
    for (const Posting& posting : entry.postings) {
      all += posting.amount < 0 ? -posting.amount : posting.amount;
    }
    if (all != both) return "its postings aren't those of its kind";
  }
  if (entry.billed != billed_by(kind, entry)) return "what it bills is not what it posts";
  const auto amounts = amounts_of(entry);
  if (amounts && *amounts != std::array{entry.list, entry.contracted, entry.effective}) {
    return "its amounts contradict each other";
  }
  return std::nullopt;
}

Auditor::Fault Auditor::by_kind(const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::hold: return hold(entry);
    case EntryKind::release: return release(entry);
    case EntryKind::charge: return charge(entry);
    case EntryKind::reversal: return reverse(entry);
    case EntryKind::purchase: return purchase(entry);
    case EntryKind::expiry: return expire(entry);
    case EntryKind::invoice: return invoice(entry);
    case EntryKind::closing: return close(entry);
    case EntryKind::notice: return notice(entry);
    case EntryKind::topup:
    case EntryKind::withdrawal:
    case EntryKind::refund:
    case EntryKind::credit:
    case EntryKind::payment: return entry.amount > 0 ? Fault() : "its amount is not above zero";
    default: return std::nullopt;
  }
}

void Auditor::book(const Entry& entry) {
  head_.sequence = entry.sequence;
  head_.time = entry.time;
  if (entry.request_id.is_set()) requests_.insert(entry.request_id);
  if (entry.customer == 0) return;
  Balance& balance = balances_[entry.customer];
  balance.customer = entry.customer;
  post(entry, balance);
  if (entry.billed != 0) {
    auto at = std::ranges::lower_bound(balance.months, entry.month, {}, &MonthSum::month);
    if (at == balance.months.end() || at->month != entry.month) {
      at = balance.months.insert(at, {entry.month, 0});
    }
    at->billed += entry.billed;
  }
  const Customer& customer = customers_.at(entry.customer);
  balance.warned = entry.kind == EntryKind::customer
                       ? thresholds_passed(customer, balance)
                       : std::min(balance.warned, thresholds_passed(customer, balance));
  const Money now = available(customer, balance);
  Money& lowest = lowest_.try_emplace(entry.customer, now).first->second;
  lowest = std::min(lowest, now);
}

// Use may overdraw, and what is held for an attempt that runs, as far as its customer may.
Auditor::Fault Auditor::spend(const Entry& entry) const {
  switch (entry.kind) {
    case EntryKind::withdrawal:
    case EntryKind::purchase:
    case EntryKind::hold:
    case EntryKind::transfer: break;
    default: return std::nullopt;
  }
  if (posted(entry, LedgerAccount::balance) >= 0) return std::nullopt;
  const Customer& customer = customers_.at(entry.customer);
  const Money left = available(customer, balances_.at(entry.customer));
  if (left >= 0) return std::nullopt;
  if (entry.kind == EntryKind::hold && attempts_.at(attempt_of(entry.job)).holds > 1) {
    if (customer.overdraft == kUnlimitedMoney || left >= -customer.overdraft) return std::nullopt;
  }
  return "the customer had " + decimal(-left) + " less than it takes";
}

Auditor::Fault Auditor::load(const Entry& entry) {
  if (entry.kind == EntryKind::prices) {
    if (entry.prices == nullptr) return "the price book is missing";
    const PriceBook& book = *entry.prices;
    if (const auto fault = find_fault({&book, 1}); fault) return fault->text;
    PriceBookPtr& known = prices_[{book.name, book.version}];
    if (known != nullptr && known->from <= entry.time) {
      PriceBook same = book;
      same.until = known->until;
      if (same != *known) return "it changes prices that are in force";
    }
    known = entry.prices;
    return std::nullopt;
  }
  if (entry.record == nullptr || entry.record->id != entry.customer) return "no such customer";
  const Customer& record = *entry.record;
  if (const Status valid = check_customer(record); !valid) return valid.error().text;
  const auto known = customers_.find(record.id);
  if (known == customers_.end() && record.id != head_.customers + 1)
    return "its number is not next";
  if (known != customers_.end() && known->second.currency != record.currency) {
    return "a customer's currency can't change";
  }
  head_.customers = std::max(head_.customers, record.id);
  customers_[record.id] = record;
  balances_[record.id].customer = record.id;
  return std::nullopt;
}

Auditor::Fault Auditor::purchase(const Entry& entry) {
  if (entry.package_record == nullptr || entry.package != head_.packages + 1) {
    return "the package is missing or not next";
  }
  const Package& package = *entry.package_record;
  const bool fits = package.id == entry.package && package.customer == entry.customer &&
                    package.price == entry.amount && package.total == entry.priced &&
                    package.used == Quantity{} && package.held == Quantity{} &&
                    package.price <= kMaxPackagePrice && in_micros(package.total) > 0;
  if (!fits) return "the package is not what was bought";
  head_.packages = package.id;
  packages_[package.id] = package;
  return std::nullopt;
}

Auditor::Fault Auditor::expire(const Entry& entry) {
  const auto found = packages_.find(entry.package);
  if (found == packages_.end() || found->second.ended) return "the package isn't there";
  Package& package = found->second;
  if (package.customer != entry.customer) return "the package is another customer's";
  if (package.expires == 0 || package.expires > entry.time) return "the package isn't over";
  if (package.held != Quantity{}) return "the package is still held";
  if (entry.amount != package.price - package.amortised) return "something else was left of it";
  if (entry.priced != package.total - package.used) return "something else was left of it";
  package.ended = true;
  return std::nullopt;
}

Auditor::Fault Auditor::notice(const Entry& entry) {
  if (entry.job.job.is_set()) {
    const auto attempt = attempts_.find(attempt_of(entry.job));
    const bool fits = attempt != attempts_.end() && attempt->second.customer == entry.customer &&
                      entry.amount == 0 && entry.from <= entry.to;
    return fits ? Fault() : "it is not of an attempt that runs";
  }
  const Customer& customer = customers_.at(entry.customer);
  Balance& balance = balances_.at(entry.customer);
  const bool next =
      balance.warned < customer.warn_at.size() && customer.warn_at[balance.warned] == entry.amount;
  if (!next) return "it tells of another threshold than the one that comes next";
  if (funds(customer, balance) >= entry.amount) return "the funds are not below that";
  ++balance.warned;
  return std::nullopt;
}

Money Auditor::billed_in(std::uint32_t customer, Month month) const {
  for (const MonthSum& sum : balances_.at(customer).months) {
    if (sum.month == month) return sum.billed;
  }
  return 0;
}

Auditor::Fault Auditor::invoice(const Entry& entry) {
  const Money billed = billed_in(entry.customer, entry.month);
  if (entry.amount != billed) {
    return fmt::format("it says {}, but {} was billed", decimal(entry.amount), decimal(billed));
  }
  if (entry.note.view() != invoice_id(entry.customer, entry.month)) return "its number is wrong";
  std::erase_if(balances_.at(entry.customer).months,
                [&](const MonthSum& sum) { return sum.month == entry.month; });
  return std::nullopt;
}

Auditor::Fault Auditor::close(const Entry& entry) {
  if (entry.time < month_start(next_month(entry.month))) return "the month wasn't over";
  for (const auto& [id, balance] : balances_) {
    for (const MonthSum& sum : balance.months) {
      if (sum.month <= entry.month && sum.billed != 0) {
        return fmt::format("customer {} has no invoice for {}", id, month_text(sum.month));
      }
    }
  }
  head_.closed = entry.month;
  return std::nullopt;
}

Money Auditor::lowest(std::uint32_t customer) const {
  const auto found = lowest_.find(customer);
  return found == lowest_.end() ? 0 : found->second;
}

std::optional<Finding> Auditor::compare(const BooksState& books) const {
  const auto differs = [](std::string text) { return Finding{0, std::move(text)}; };
  if (books.head.sequence != head_.sequence) {
    return differs(fmt::format("the books know {} entries, there are {}", books.head.sequence,
                               head_.sequence));
  }
  if (books.head.closed != head_.closed) return differs("the books have closed another month");
  Money transfers = 0;
  for (const auto& [id, balance] : balances_) transfers += balance.transfers;
  if (transfers != 0) return differs("transfers went out and didn't come in");
  if (books.balances.size() != balances_.size()) return differs("customers are missing");
  for (const Balance& theirs : books.balances) {
    const auto ours = balances_.find(theirs.customer);
    const Money billed = ours == balances_.end() ? 0 : ours->second.packages;
    Balance same = theirs;
    if (ours != balances_.end()) {
      same.months = ours->second.months;  // the books also keep months in which nothing was billed
    }
    bool months = ours != balances_.end();
    for (const MonthSum& sum : theirs.months) {
      months = months && billed_in(theirs.customer, sum.month) == sum.billed;
    }
    if (!months || same != ours->second || theirs.packages != billed) {
      return differs(fmt::format("customer {} has another balance", theirs.customer));
    }
  }
  for (const Package& theirs : books.packages) {
    const auto ours = packages_.find(theirs.id);
    if (ours == packages_.end() || ours->second != theirs) {
      return differs(fmt::format("package {} has another content", theirs.id));
    }
  }
  if (const Fault fault = compare_attempts(books); fault) return differs(*fault);
  return std::nullopt;
}

}  // namespace sluice::ledger
