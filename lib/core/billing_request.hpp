// What can be asked of the books by a Bill event, and what comes back. Who may ask is decided
// before (authorisation table).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "core/events.hpp"
#include "ledger/books_state.hpp"
#include "ledger/quote.hpp"

namespace sluice::core {

// Price books and customers, all of them or none. The answer says what is wrong, and where.
struct LoadPrices {
  ledger::PriceLoad load;
  bool check_only = false;
};

// A top-up, withdrawal, payment, credit or correction, as `kind` says.
struct MoveMoney {
  ledger::EntryKind kind = ledger::EntryKind::none;
  ledger::MoneyRequest request;
};

struct CloseMonth {
  ledger::Month month;
};

// What a job would cost, before it is submitted: each part of a heterogeneous one, in order.
struct QuoteJob {
  std::vector<SubmitJob> parts;
};

struct BillingRequest {
  std::uint32_t uid = model::kNoTask;  // who asks
  Uid128 request_id;
  Text note;
  std::variant<LoadPrices, MoveMoney, ledger::RefundRequest, ledger::TransferRequest,
               ledger::PackageRequest, CloseMonth, QuoteJob>
      what;
  // The entry that a refund or correction is of: what is asked points to it.
  std::shared_ptr<const ledger::Entry> subject;
};

struct JobQuote {
  Text customer;  // empty: nobody is charged
  Text currency;
  Text account;
  Text book;
  std::uint32_t tasks = 1;  // of an array: each costs what the quote says
  std::int64_t limit_s = 0;
  bool unlimited = false;  // no time limit: of limit_s alone
  ledger::Allotment allotment;
  ledger::Quote quote;
  ledger::Money held = 0;       // at the start of one task
  ledger::Money available = 0;  // to the customer now
};

struct BillingAnswer {
  std::vector<ledger::Entry> entries;
  std::uint64_t repeated = 0;  // the entry that this request made before
  std::optional<ledger::LoadFault> fault;
  std::vector<JobQuote> quotes;  // of each part
};

}  // namespace sluice::core
