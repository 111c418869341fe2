// Auditor: reads the entries from the first to the last and says which is the first that can't be
// right. It recomputes balances, packages, holds and amounts from the entries alone (price books
// and customers stand in entries of their own), so it needs no other state, and memory only for
// customers, packages and attempts that are open. What it knows at the end is compared with what
// the books say. Whether an entry is the one that was written is the hash chain's matter, not this
// one's.
//
// Checked: no gap in the sequence, time never goes back, postings add up to zero and are those of
// their kind; closed months stay untouched; nothing is held or spent that isn't there; each line of
// an attempt costs floor(quantity * price) at every moment; at an attempt's end its holds are its
// charges and releases; packages give no more than they had; invoices are the sums of what was
// billed; no request twice; notices are true, and each crossing has one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "ledger/books_state.hpp"

namespace sluice::ledger {

struct Finding {
  std::uint64_t entry = 0;  // 0: not one entry's fault
  std::string text;
};

class Auditor {
 public:
  // The first finding; after one the auditor's knowledge is worth nothing.
  [[nodiscard]] std::optional<Finding> add(const Entry& entry);
  // Is that all, and is it what the books have?
  [[nodiscard]] std::optional<Finding> compare(const BooksState& books) const;

  [[nodiscard]] std::uint64_t entries() const { return head_.sequence; }
  [[nodiscard]] const std::map<std::uint32_t, Balance>& balances() const { return balances_; }
  // The least that was ever available to the customer: how far it was overdrawn.
  [[nodiscard]] Money lowest(std::uint32_t customer) const;

 private:
  struct Line {
    PricedBy price;
    Wide priced = 0;
    Money list = 0;
    Money contracted = 0;
    Money effective = 0;
  };
  // The charges of a meter for one time, which may be split over packages and money.
  struct Span {
    WallTime from = 0;
    WallTime to = 0;
    std::int64_t count = 0;
    Wide consumed = 0;
    Wide priced = 0;
  };
  struct Audited {
    std::uint32_t customer = 0;
    WallTime start = 0;
    Text book;
    Money held = 0;
    std::uint32_t holds = 0;                 // how often money was held; the first is the start
    std::map<std::uint32_t, Wide> packages;  // held
    std::map<std::pair<std::uint32_t, Text>, Line> lines;
    std::map<Text, Span> last;  // of each meter
    bool reversed = false;
  };
  using Fault = std::optional<std::string>;

  [[nodiscard]] Fault judge(const Entry& entry);
  [[nodiscard]] Fault check_values(const Entry& entry) const;
  [[nodiscard]] Fault check_frame(const Entry& entry) const;
  [[nodiscard]] Fault check_postings(const Entry& entry) const;
  [[nodiscard]] Fault by_kind(const Entry& entry);
  void book(const Entry& entry);

  // audit_attempts.cpp
  [[nodiscard]] Fault hold(const Entry& entry);
  [[nodiscard]] Fault release(const Entry& entry);
  [[nodiscard]] Fault end(const Attempt& key, const Audited& attempt);
  [[nodiscard]] Fault charge(const Entry& entry);
  [[nodiscard]] Fault check_price(const Entry& entry) const;
  [[nodiscard]] Fault check_month(const Entry& entry) const;
  [[nodiscard]] Fault check_time(const Entry& entry, Audited& attempt) const;
  [[nodiscard]] bool is_whole(const Span& span, const Audited& attempt) const;
  [[nodiscard]] Fault draw(const Entry& entry, Audited& attempt);
  [[nodiscard]] Fault reverse(const Entry& entry);
  [[nodiscard]] Fault compare_attempts(const BooksState& books) const;

  [[nodiscard]] Fault purchase(const Entry& entry);
  [[nodiscard]] Fault expire(const Entry& entry);
  [[nodiscard]] Fault invoice(const Entry& entry);
  [[nodiscard]] Fault close(const Entry& entry);
  [[nodiscard]] Fault load(const Entry& entry);
  [[nodiscard]] Fault spend(const Entry& entry) const;
  [[nodiscard]] Fault notice(const Entry& entry);
  [[nodiscard]] Money billed_in(std::uint32_t customer, Month month) const;

  BooksHead head_;
  std::map<std::pair<Text, std::uint32_t>, PriceBookPtr> prices_;
  std::map<std::uint32_t, Customer> customers_;
  std::map<std::uint32_t, Balance> balances_;
  std::map<std::uint32_t, Money> lowest_;
  std::map<std::uint32_t, Package> packages_;
  std::map<Attempt, Audited> attempts_;
  std::set<Uid128> requests_;
};

}  // namespace sluice::ledger
