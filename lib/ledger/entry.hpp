// Entry: what happened to money, once and for ever. Entries are never changed; a mistake is made
// good by further entries. Each one says all that an invoice, an export or an auditor needs: what
// was used, at which price of which book, what that costs, and the postings, whose sum is zero.
//
// Meaning of the amounts, in the customer's currency: `list` by the price book, `contracted` less
// the customer's discount, `effective` what the use costs when prepaid packages are spread over it,
// `billed` what the month's invoice asks for it. Of prepaid customers top-ups are billed, use
// isn't.
//
// The kinds and their postings (amounts are what is added to the ledger account):
//   topup      cash -x, balance +x           withdrawal cash +x, balance -x
//   purchase   balance -x, package +x        expiry     package -x, earnings +x
//   hold       balance -x, held +x; of a package: none, `priced` is the quantity
//   release    the opposite; with a fate: the attempt's end
//   charge     held -a, balance -b, earnings +(a+b); of a package: package -x, earnings +x
//   reversal   of charges, when the attempt turns out to be free: their opposite
//   refund     earnings -x, balance +x       credit     adjustments -x, balance +x
//   correction adjustments -x, balance +x (x may be below zero)
//   transfer   balance -x, transfers +x; the other customer's entry has the opposite
//   invoice    balance +x, receivable -x     payment    cash -x, receivable +x
//   rounding   balance -x, adjustments +x: to an amount that can be paid
//   closing, prices, customer: none
//   notice     none. Of a customer: the funds have fallen below `amount`, one of its thresholds. Of
//   a
//              job: it is no longer paid for, and ends at `to` if that stays so
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "ledger/customer.hpp"
#include "ledger/job_ref.hpp"
#include "ledger/price_book.hpp"
#include "ledger/quantity.hpp"
#include "model/types.hpp"

namespace sluice::ledger {

// Stored: numbers never change.
enum class EntryKind : std::uint8_t {
  none = 0,
  topup = 1,
  withdrawal = 2,
  purchase = 3,
  expiry = 4,
  hold = 5,
  release = 6,
  charge = 7,
  reversal = 8,
  refund = 9,
  credit = 10,
  correction = 11,
  transfer = 12,
  invoice = 13,
  payment = 14,
  rounding = 15,
  closing = 16,   // of a month, of all customers
  prices = 17,    // a price book is new or has another end
  customer = 18,  // is new or changed
  notice = 19,    // that money runs out
};
inline constexpr std::uint32_t kEntryKinds = 20;
[[nodiscard]] std::string_view kind_name(EntryKind kind);

enum class LedgerAccount : std::uint8_t {
  none = 0,
  balance = 1,
  held = 2,
  receivable = 3,
  package = 4,  // the entry says which
  cash = 5,
  earnings = 6,
  adjustments = 7,
  transfers = 8,
};
[[nodiscard]] std::string_view account_name(LedgerAccount account);

struct Posting {
  LedgerAccount account = LedgerAccount::none;
  Money amount = 0;

  bool operator==(const Posting&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "account", self.account);
    visit(2, "amount", self.amount);
  }
};

struct Entry {
  std::uint64_t sequence = 0;  // from 1, without gaps
  WallTime time = 0;           // never before that of the entry before
  EntryKind kind = EntryKind::none;
  Month month;                 // whose invoice it belongs to
  std::uint32_t customer = 0;  // 0: of none (prices, closing)
  Text currency;
  JobRef job;         // of holds, charges, releases, reversals and what refers to them
  WallTime from = 0;  // of charges: [from, to); of holds: the attempt's start
  WallTime to = 0;
  PricedBy price;
  std::int64_t count = 0;  // of the meter, while it was charged
  Quantity consumed;       // count * time; below zero: taken back
  Quantity priced;         // with what rounding and minimum add
  Money amount = 0;        // what is topped up, held, invoiced, ...; of charges `contracted`
  Money list = 0;
  Money contracted = 0;
  Money effective = 0;
  Money billed = 0;
  std::uint32_t package = 0;  // drawn from, bought, expired; 0: none
  std::vector<Posting> postings;
  std::uint64_t refers_to = 0;  // an earlier entry
  bool correction = false;      // of a month that was closed before
  Uid128 request_id;
  std::uint32_t uid = model::kNoTask;  // who asked for it; kNoTask: nobody, it follows from use
  Text note;
  Fate fate = Fate::none;  // of the release that ends an attempt
  std::shared_ptr<const PriceBook> prices;
  std::shared_ptr<const Customer> record;         // of the kind customer
  std::shared_ptr<const Package> package_record;  // of purchases: as bought

  // Compares what the pointers point to.
  bool operator==(const Entry& other) const;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "sequence", self.sequence);
    visit(2, "time", self.time);
    visit(3, "kind", self.kind);
    visit(4, "month", self.month);
    visit(5, "customer", self.customer);
    visit(6, "currency", self.currency);
    visit(7, "job", self.job);
    visit(8, "from", self.from);
    visit(9, "to", self.to);
    visit(10, "price", self.price);
    visit(11, "count", self.count);
    visit(12, "consumed", self.consumed);
    visit(13, "priced", self.priced);
    visit(14, "list", self.list);
    visit(15, "contracted", self.contracted);
    visit(16, "effective", self.effective);
    visit(17, "billed", self.billed);
    visit(18, "package", self.package);
    visit(19, "postings", self.postings);
    visit(20, "refers_to", self.refers_to);
    visit(21, "correction", self.correction);
    visit(22, "request_id", self.request_id);
    visit(23, "uid", self.uid);
    visit(24, "note", self.note);
    visit(25, "fate", self.fate);
    visit(26, "prices", self.prices);
    visit(27, "record", self.record);
    visit(28, "package_record", self.package_record);
    visit(29, "amount", self.amount);
  }
};

// What the entry adds to a ledger account.
[[nodiscard]] Money posted(const Entry& entry, LedgerAccount account);
// The sums of its postings go where they belong.
void post(const Entry& entry, Balance& balance);
// What the customer's kind makes of the postings: see above.
[[nodiscard]] Money billed_by(CustomerKind kind, const Entry& entry);

}  // namespace sluice::ledger
