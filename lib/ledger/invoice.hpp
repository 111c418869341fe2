// Statements and invoices as values, built from a customer's entries in their order.
//
// A statement is of a time: what was there before, what happened, what was there after. An invoice
// is of a month: what its entries bill, to the last micro-unit. Who may see only a part (a user, a
// coordinator) gets a statement of the entries that concern it, without balances.
#pragma once

#include <cstdint>
#include <string>

#include "ledger/lines.hpp"

namespace sluice::ledger {

// "202611-0001": one for each customer and month.
[[nodiscard]] std::string invoice_id(std::uint32_t customer, Month month);

struct Statement {
  std::uint32_t customer = 0;
  WallTime from = 0;
  WallTime to = 0;
  Balance before;
  Balance after;
  std::vector<UsageLine> usage;
  std::vector<MoneyLine> money;
  LineTotals totals;
};

class StatementBuilder {
 public:
  // By the time of entries, [from, to); to 0: open.
  StatementBuilder(std::uint32_t customer, WallTime from, WallTime to);
  void by_job() { lines_ = Lines(LineDetail::by_job); }  // before the first entry
  // Starts from this balance rather than from nothing; entries that are in it are not added.
  void opening(const Balance& balance) { statement_.before = statement_.after = balance; }
  void add(const Entry& entry);  // those of other customers and times are passed over
  [[nodiscard]] Statement take() const;

 private:
  Statement statement_;
  Lines lines_;
};

struct Invoice {
  std::string id;
  std::uint32_t customer = 0;
  CustomerKind kind = CustomerKind::prepaid;
  Text name;  // as invoices have it
  Text address;
  Text currency;
  Month month;
  bool issued = false;  // the month is closed; else this is what it would be now
  WallTime issued_at = 0;
  std::uint64_t entry = 0;  // that issued it
  std::vector<UsageLine> usage;
  std::vector<MoneyLine> money;
  LineTotals totals;
  Money amount = 0;  // totals.billed; if issued also what the entry says
  Money due = 0;     // what is to be paid for it; of prepaid customers nothing
};

class InvoiceBuilder {
 public:
  InvoiceBuilder(const Customer& customer, Month month);
  void add(const Entry& entry);  // those of other customers and months are passed over
  // Fails if the entry that issued it says another amount.
  [[nodiscard]] Result<Invoice> take() const;

 private:
  Invoice invoice_;
  Lines lines_;
  Money said_ = 0;
};

}  // namespace sluice::ledger
