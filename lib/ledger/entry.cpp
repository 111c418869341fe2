// See entry.hpp.
#include "ledger/entry.hpp"

#include <array>

#include "base/assert.hpp"

namespace sluice::ledger {

namespace {

constexpr std::array<std::string_view, kEntryKinds> kKinds = {
    "none",    "topup",    "withdrawal", "purchase", "expiry",     "hold",     "release",
    "charge",  "reversal", "refund",     "credit",   "correction", "transfer", "invoice",
    "payment", "rounding", "closing",    "prices",   "customer",   "notice"};
constexpr std::array<std::string_view, 9> kAccounts = {"none",       "balance",     "held",
                                                       "receivable", "package",     "cash",
                                                       "earnings",   "adjustments", "transfers"};

template <class T>
bool same(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

auto plain(const Entry& e) {
  return std::tie(e.sequence, e.time, e.kind, e.month, e.customer, e.currency, e.job, e.from, e.to,
                  e.price, e.count, e.consumed, e.priced, e.amount, e.list, e.contracted,
                  e.effective, e.billed, e.package, e.postings, e.refers_to, e.correction,
                  e.request_id, e.uid, e.note, e.fate);
}

Money* place_of(Balance& balance, LedgerAccount account) {
  switch (account) {
    case LedgerAccount::none: return nullptr;
    case LedgerAccount::balance: return &balance.balance;
    case LedgerAccount::held: return &balance.held;
    case LedgerAccount::receivable: return &balance.receivable;
    case LedgerAccount::package: return &balance.packages;
    case LedgerAccount::cash: return &balance.cash;
    case LedgerAccount::earnings: return &balance.earnings;
    case LedgerAccount::adjustments: return &balance.adjustments;
    case LedgerAccount::transfers: return &balance.transfers;
  }
  return nullptr;
}

}  // namespace

std::string_view kind_name(EntryKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::string_view account_name(LedgerAccount account) {
  return kAccounts[static_cast<std::size_t>(account)];
}

bool Entry::operator==(const Entry& other) const {
  return plain(*this) == plain(other) && same(prices, other.prices) && same(record, other.record) &&
         same(package_record, other.package_record);
}

Money posted(const Entry& entry, LedgerAccount account) {
  Money sum = 0;
  for (const Posting& posting : entry.postings) {
    if (posting.account == account) sum += posting.amount;
  }
  return sum;
}

void post(const Entry& entry, Balance& balance) {
  for (const Posting& posting : entry.postings) {
    Money* place = place_of(balance, posting.account);
    SLUICE_ASSERT(place != nullptr, "entry {}: a posting without an account", entry.sequence);
    *place += posting.amount;
  }
}

Money billed_by(CustomerKind kind, const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::topup:
    case EntryKind::withdrawal:
      return kind == CustomerKind::prepaid ? -posted(entry, LedgerAccount::cash) : 0;
    case EntryKind::purchase:
    case EntryKind::charge:
    case EntryKind::reversal:
    case EntryKind::refund:
    case EntryKind::credit:
    case EntryKind::correction:
    case EntryKind::transfer:
    case EntryKind::rounding:
      return kind == CustomerKind::postpaid
                 ? -posted(entry, LedgerAccount::balance) - posted(entry, LedgerAccount::held)
                 : 0;
    default: return 0;
  }
}

}  // namespace sluice::ledger
