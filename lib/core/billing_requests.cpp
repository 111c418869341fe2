// What is asked of the books: prices and customers, money, months. Each request is taken as a whole
// or refused without having changed anything; a repeated one says which entry it made before.
#include <algorithm>
#include <set>

#include "base/strings.hpp"
#include "core/billing.hpp"
#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

// Accounts of the cluster are in lower case.
void lower(Text& text) { text = base::to_lower(text); }

ledger::PriceLoad as_known_here(ledger::PriceLoad load) {
  for (ledger::PriceBook& book : load.books) {
    for (ledger::Price& price : book.prices) {
      for (Text& account : price.accounts) lower(account);
      for (Text& qos : price.qos) lower(qos);
    }
  }
  for (ledger::Customer& customer : load.customers) lower(customer.account);
  return load;
}

Result<ledger::Posted> move_money(ledger::Books& books, const MoveMoney& asked,
                                  const ledger::Stamp& stamp) {
  switch (asked.kind) {
    case ledger::EntryKind::topup: return books.top_up(asked.request, stamp);
    case ledger::EntryKind::withdrawal: return books.withdraw(asked.request, stamp);
    case ledger::EntryKind::payment: return books.pay(asked.request, stamp);
    case ledger::EntryKind::credit: return books.credit(asked.request, stamp);
    case ledger::EntryKind::correction: return books.correct(asked.request, stamp);
    default: return fail(ErrorCode::invalid_argument, "no such movement of money");
  }
}

class Asked {
 public:
  Asked(ledger::Books& books, ledger::Stamp stamp, BillingAnswer& answer)
      : books_(books), stamp_(std::move(stamp)), answer_(answer) {}

  Result<ledger::Posted> operator()(const LoadPrices& asked) const {
    const ledger::PriceLoad load = as_known_here(asked.load);
    answer_.fault = books_.check_load(load, stamp_.now);
    if (answer_.fault || asked.check_only) return ledger::Posted{};
    return books_.load(load, stamp_);
  }
  Result<ledger::Posted> operator()(const MoveMoney& asked) const {
    return move_money(books_, asked, stamp_);
  }
  Result<ledger::Posted> operator()(const ledger::RefundRequest& asked) const {
    return books_.refund(asked, stamp_);
  }
  Result<ledger::Posted> operator()(const ledger::TransferRequest& asked) const {
    return books_.transfer(asked, stamp_);
  }
  Result<ledger::Posted> operator()(const ledger::PackageRequest& asked) const {
    return books_.purchase(asked, stamp_);
  }
  Result<ledger::Posted> operator()(const CloseMonth& asked) const {
    return books_.close(asked.month, stamp_);
  }
  Result<ledger::Posted> operator()(const QuoteJob&) const { return ledger::Posted{}; }

 private:
  ledger::Books& books_;
  ledger::Stamp stamp_;
  BillingAnswer& answer_;
};

}  // namespace

void Cluster::State::on(const Bill& event) {
  const BillingRequest& request = *event.request;
  if (money == nullptr) {
    money.reset(new Billing);
    money->set_time(turn.now.wall);
    refresh_billing();
    planner.add_gate(money.get());
    money->next_charge = turn.now.wall;
  }
  auto answer = std::make_shared<BillingAnswer>();
  if (std::holds_alternative<QuoteJob>(request.what)) {
    quote(request, *answer);
  } else {
    const ledger::Stamp stamp{.now = turn.now.wall,
                              .uid = request.uid,
                              .request_id = request.request_id,
                              .note = request.note};
    Result<ledger::Posted> posted = std::visit(Asked(money->books(), stamp, *answer), request.what);
    if (!posted) {
      turn.changes.outcome = tl::unexpected(posted.error());
      return;
    }
    answer->entries = posted->entries;
    answer->repeated = posted->repeated;
    money->look_again(posted->entries);
    money->add(std::move(*posted));
    // What has come in goes to those that are about to end, before others may start by it.
    std::set<std::uint32_t> customers;
    for (const ledger::Entry& entry : answer->entries) customers.insert(entry.customer);
    const std::set<JobId> waiting = money->in_grace;
    for (const JobId id : waiting) {
      const ledger::OpenAttempt* open = money->books().attempt(money->find(id)->attempt);
      if (customers.contains(open->customer) && find(id) != nullptr) hold_anew(id);
    }
  }
  turn.changes.billed = std::move(answer);
}

}  // namespace sluice::core
