// LedgerSight: which entries of the ledger somebody may see. Operators and administrators see all;
// everybody sees what was charged for their own jobs; coordinators what was charged in their
// accounts, and the money of customers whose account is one of theirs. A value, so that query
// threads may use it. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "ledger/entry.hpp"

namespace sluice::controller {

struct LedgerSight {
  bool all = false;
  std::string user;                                // empty: nobody
  std::set<std::string, std::less<>> coordinates;  // accounts
  std::set<std::uint32_t> customers;               // whose money

  [[nodiscard]] bool sees_money(std::uint32_t customer) const {
    return all || customers.contains(customer);
  }
  [[nodiscard]] bool sees(const ledger::Entry& entry) const {
    if (sees_money(entry.customer)) return true;
    if (!entry.job.job.is_set()) return false;
    return (!user.empty() && entry.job.user.view() == user) ||
           coordinates.contains(entry.job.account.view());
  }
};

}  // namespace sluice::controller
