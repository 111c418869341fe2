// See customer.hpp.
#include "ledger/customer.hpp"

#include <algorithm>
#include <functional>

#include "ledger/price_book.hpp"

namespace sluice::ledger {

namespace {

constexpr std::uint32_t kMaxHoldHours = 366 * 24;

bool is_limit(Money amount) { return amount >= 0 && amount <= kMaxMoney; }

}  // namespace

std::string_view kind_name(CustomerKind kind) {
  return kind == CustomerKind::prepaid ? "prepaid" : "postpaid";
}

Status check_customer(const Customer& customer) {
  const auto wrong = [](std::string text) {
    return fail(ErrorCode::invalid_argument, std::move(text));
  };
  if (!is_name(customer.name)) return wrong("name: expected a name");
  if (customer.account.empty()) return wrong("account: expected an account of the cluster");
  if (customer.currency.empty()) return wrong("currency: a customer needs a currency");
  if (find_currency(customer.currency) == nullptr) {
    return wrong("currency: \"" + customer.currency.str() + "\" is no currency of ISO 4217");
  }
  if (!is_name(customer.book)) return wrong("book: expected the name of a price book");
  if (customer.discount > 1000) return wrong("discount: expected 0 to 100 percent");
  if (!is_limit(customer.credit_limit)) return wrong("credit_limit: expected an amount");
  if (customer.kind == CustomerKind::prepaid && customer.credit_limit != 0) {
    return wrong("credit_limit: only postpaid customers have credit");
  }
  if (!is_limit(customer.overdraft) && customer.overdraft != kUnlimitedMoney) {
    return wrong("overdraft: expected an amount, or unlimited");
  }
  if (customer.hold_hours > kMaxHoldHours) return wrong("hold_hours: expected at most a year");
  const auto& warn = customer.warn_at;
  if (std::ranges::adjacent_find(warn, std::less_equal{}) != warn.end()) {
    return wrong("warn_at: expected different amounts, the highest first");
  }
  return {};
}

Money available(const Customer& customer, const Balance& balance) {
  return balance.balance + balance.receivable + customer.credit_limit;
}

Money funds(const Customer& customer, const Balance& balance) {
  return available(customer, balance) + balance.held;
}

std::uint32_t thresholds_passed(const Customer& customer, const Balance& balance) {
  const Money now = funds(customer, balance);
  return static_cast<std::uint32_t>(
      std::ranges::count_if(customer.warn_at, [now](Money at) { return now < at; }));
}

}  // namespace sluice::ledger
