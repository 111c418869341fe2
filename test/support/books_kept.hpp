// BooksKept: what a store keeps of the books, applied row by row as the real one does, with an
// auditor that reads every entry as it comes.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ledger/audit.hpp"
#include "ledger/books_state.hpp"

namespace sluice::test {

class BooksKept {
 public:
  std::vector<ledger::Entry> entries;

  void take(const ledger::BooksRows& rows) {
    for (const ledger::Entry& entry : rows.entries) {
      const auto finding = auditor_.add(entry);
      EXPECT_FALSE(finding) << "entry " << entry.sequence << " (" << kind_name(entry.kind)
                            << "): " << finding->text;
      entries.push_back(entry);
    }
    const ledger::BooksChanges& changed = rows.changed;
    if (changed.head) head_ = *changed.head;
    if (changed.prices) prices_ = *changed.prices;
    for (const auto& one : changed.customers) customers_[one.id] = one;
    for (const auto& one : changed.balances) balances_[one.customer] = one;
    for (const auto& one : changed.packages) packages_[one.id] = one;
    for (const auto& one : changed.attempts) attempts_[ledger::attempt_of(one.job)] = one;
    for (const Attempt& gone : changed.gone) attempts_.erase(gone);
    for (const auto& one : changed.requests) requests_[one.id] = one;
    any_ = true;
  }
  // Null: nothing was ever billed.
  [[nodiscard]] std::shared_ptr<const ledger::BooksState> state() const {
    if (!any_) return nullptr;
    auto state = std::make_shared<ledger::BooksState>();
    state->head = head_;
    state->prices = prices_;
    const auto fill = [](const auto& from, auto& to) {
      for (const auto& [key, one] : from) to.push_back(one);
    };
    fill(customers_, state->customers);
    fill(balances_, state->balances);
    fill(packages_, state->packages);
    fill(attempts_, state->attempts);
    fill(requests_, state->requests);
    return state;
  }
  // Whether what is kept is what the entries say.
  void check() const {
    if (!any_) return;
    const auto finding = auditor_.compare(*state());
    EXPECT_FALSE(finding) << finding->text;
  }
  [[nodiscard]] std::size_t count(ledger::EntryKind kind) const {
    return static_cast<std::size_t>(std::ranges::count(entries, kind, &ledger::Entry::kind));
  }
  [[nodiscard]] ledger::Money lowest(std::uint32_t customer) const {
    return auditor_.lowest(customer);
  }

 private:
  ledger::Auditor auditor_;
  ledger::BooksHead head_;
  std::vector<ledger::PriceBookPtr> prices_;
  std::map<std::uint32_t, ledger::Customer> customers_;
  std::map<std::uint32_t, ledger::Balance> balances_;
  std::map<std::uint32_t, ledger::Package> packages_;
  std::map<Attempt, ledger::OpenAttempt> attempts_;
  std::map<Uid128, ledger::RequestSeen> requests_;
  bool any_ = false;
};

}  // namespace sluice::test
