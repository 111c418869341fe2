// Books: all customers' money and packages, and the attempts that run on them. Every change is an
// operation that returns entries (ledger/entry.hpp) to be stored for ever, in the order returned,
// in the transaction of what caused them; what the books themselves need after a restart is in
// take_changed(). Operations either do all or refuse without having changed anything.
//
// Time: an operation takes place at its stamp's `now`, or at the last entry's time if that is
// later; charges never go back. Costs: O(log n) per operation and what it returns; a charge of an
// attempt asks for prices only where they change.
//
// The books decide whether money suffices (shortage()); who waits, is warned or ends is the
// cluster's matter.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "ledger/books_state.hpp"
#include "ledger/entry.hpp"
#include "ledger/metering.hpp"

namespace sluice::ledger {

class Books {
 public:
  void restore(const BooksState& state);
  [[nodiscard]] BooksState state() const;
  [[nodiscard]] BooksChanges take_changed();

  // --- Prices and customers --------------------------------------------------------------------
  // All of it or nothing. Customers are known by their name; those that aren't named stay.
  [[nodiscard]] std::optional<LoadFault> check_load(const PriceLoad& load, WallTime now) const;
  Result<Posted> load(const PriceLoad& load, const Stamp& stamp);
  [[nodiscard]] const PriceSet& prices() const { return prices_; }

  [[nodiscard]] const Customer* customer(std::uint32_t id) const;  // null: none
  [[nodiscard]] const Customer* customer_named(std::string_view name) const;
  // Whose are these accounts (a job's, and those above it)? Null: nobody's; it isn't charged.
  [[nodiscard]] const Customer* customer_of(std::span<const Text> accounts) const;
  [[nodiscard]] std::vector<const Customer*> customers() const;  // by id
  [[nodiscard]] bool has_customers() const { return !owners_.empty(); }
  [[nodiscard]] const Balance& balance(std::uint32_t customer) const;
  // Those that haven't ended, in the order of drawing.
  [[nodiscard]] std::vector<const Package*> packages(std::uint32_t customer) const;
  [[nodiscard]] std::vector<const Package*> all_packages(std::uint32_t customer) const;  // by id

  // --- Attempts --------------------------------------------------------------------------------
  // What has to be held so that the attempt can run until then. `promised`: what others that start
  // with it will hold of packages.
  [[nodiscard]] HoldPlan plan(const Customer& customer, const AttemptStart& start, WallTime until,
                              std::span<const PackageHold> promised = {}) const;
  // Why a plan can't be held; nothing: it can.
  [[nodiscard]] std::optional<Shortage> shortage(const HoldPlan& plan) const;
  // Refused: a shortage, a closed customer, an attempt that is open already.
  Result<Posted> open(const AttemptStart& start, WallTime hold_until, const Stamp& stamp);
  // Holds anew: more, or less. What runs may be held for as far below zero as the customer's
  // overdraft allows. Refused: a shortage.
  Result<Posted> hold(const Attempt& attempt, WallTime until, const Stamp& stamp);
  // The same until then, or as long as the money lasts, in whole seconds.
  Result<Posted> hold_most(const Attempt& attempt, WallTime until, const Stamp& stamp);
  // What is held is used up and no more can be held: the grace time begins. It is over when more is
  // held, or at the attempt's end.
  Posted begin_grace(const Attempt& attempt, const Stamp& stamp);
  void end_grace(const Attempt& attempt);
  // Those whose holds end by then, the first one first.
  [[nodiscard]] std::vector<Attempt> holds_until(WallTime when) const;
  // Charges whole granules, but nothing beyond charge_end(). An attempt that isn't open costs
  // nothing.
  Posted charge(const Attempt& attempt, WallTime until, const Stamp& stamp);
  Posted charge_all(WallTime until, const Stamp& stamp);
  // The same in parts: at most so many attempts, from this one on (none: from the first); in `next`
  // where to go on.
  Posted charge_some(WallTime until, ChargeSlice& slice, const Stamp& stamp);
  // Charges up to the change and goes on with what is allocated then.
  Posted change(const Attempt& attempt, const AttemptChange& change, const Stamp& stamp);
  // Charges the rest, or gives all back if its end makes it free, and releases what is held.
  Posted end(const Attempt& attempt, const AttemptEnd& end, const Stamp& stamp);
  [[nodiscard]] const OpenAttempt* attempt(const Attempt& attempt) const;  // null: not open
  // An attempt that should have ended before, but for somebody's being late, costs nothing more:
  // its time limit is over, or what is held and the grace time are. kEver: nothing ends it.
  [[nodiscard]] WallTime charge_end(const OpenAttempt& attempt) const;
  [[nodiscard]] std::size_t attempts() const { return open_.size(); }
  [[nodiscard]] std::uint64_t last_entry() const { return head_.sequence; }

  // --- Money -----------------------------------------------------------------------------------
  // A request id that was seen before gives no entries, and the first answer's in `repeated`.
  Result<Posted> top_up(const MoneyRequest& request, const Stamp& stamp);
  Result<Posted> withdraw(const MoneyRequest& request, const Stamp& stamp);
  Result<Posted> pay(const MoneyRequest& request, const Stamp& stamp);  // postpaid: an invoice
  Result<Posted> credit(const MoneyRequest& request, const Stamp& stamp);
  // May be below zero: then the customer pays more.
  Result<Posted> correct(const MoneyRequest& request, const Stamp& stamp);
  // Of a charge, at most what is left of its cost after `refunded`.
  Result<Posted> refund(const RefundRequest& request, const Stamp& stamp);
  Result<Posted> transfer(const TransferRequest& request, const Stamp& stamp);
  Result<Posted> purchase(const PackageRequest& request, const Stamp& stamp);

  // --- Time ------------------------------------------------------------------------------------
  // Charges to the month's end, rounds, invoices, freezes. Refused: not over, closed before, an
  // earlier month is open.
  Result<Posted> close(Month month, const Stamp& stamp);
  [[nodiscard]] Month closed() const { return head_.closed; }  // the last one; unset: none
  // Ends packages whose time is over.
  Posted expire(const Stamp& stamp);
  [[nodiscard]] WallTime next_expiry() const;  // 0: none

 private:
  struct Owner {
    Customer record;
    Balance balance;
    std::vector<std::uint32_t> packages;  // that haven't ended, in the order of drawing
    std::uint32_t open = 0;               // attempts
  };
  struct Live {
    OpenAttempt record;
    TariffCache cache;
  };
  using OpenMap = std::map<Attempt, Live>;

  // books.cpp
  [[nodiscard]] std::optional<LoadFault> check_customers(const PriceLoad& load,
                                                         const PriceSet& prices) const;
  void put_prices(const PriceLoad& load, const Stamp& stamp, Posted& posted);
  void put_customer(Customer record, const Stamp& stamp, Posted& posted);
  [[nodiscard]] Result<Owner*> owner_named(std::string_view name);
  [[nodiscard]] Owner& owner(std::uint32_t id) { return owners_.at(id); }
  // Begins an entry, and finishes it: postings, what is billed, the month's sum.
  Entry begin(EntryKind kind, const Owner* owner, const Stamp& stamp);
  [[nodiscard]] Month open_month(WallTime when) const;  // its month, or the first that isn't closed
  void finish(Entry entry, Posted& posted);
  void warn(Posted& posted);
  void sort_packages(Owner& owner) const;

  // books_attempts.cpp
  [[nodiscard]] Purse purse(const Owner& owner, const OpenAttempt& attempt, bool with_free) const;
  struct PlanQuestion {
    TariffCache cache;
    WallTime until = 0;
    std::span<const PackageHold> promised;
  };
  [[nodiscard]] HoldPlan plan_of(const Owner& owner, const OpenAttempt& attempt,
                                 PlanQuestion question) const;
  [[nodiscard]] HoldPlan plan_on(const Live& live, WallTime until) const;
  [[nodiscard]] bool may_hold(const HoldPlan& plan) const;  // for what runs
  void set_holds(Live& live, const HoldPlan& plan, const Stamp& stamp, Posted& posted);
  void hold_until(Live& live, WallTime until, const Stamp& stamp, Posted& posted);
  void hold_for(Live& live, WallTime until, const Stamp& stamp, Posted& posted);
  void set_hold_end(Live& live, WallTime until);
  void post_hold(Live& live, Money more, const Stamp& stamp, Posted& posted);
  void post_package_hold(Live& live, const PackageHold& wanted, const Stamp& stamp, Posted& posted);
  void charge_to(Live& live, WallTime to, Upto upto, const Stamp& stamp, Posted& posted);
  void post_charge(Live& live, const Draw& draw, const Stamp& stamp, Posted& posted);
  void reverse(Live& live, const Stamp& stamp, Posted& posted);

  // books_money.cpp
  [[nodiscard]] std::optional<Posted> seen(const Stamp& stamp) const;
  Result<Posted> simple(EntryKind kind, const MoneyRequest& request, const Stamp& stamp);
  // books_close.cpp
  void invoice(Owner& owner, Month month, const Stamp& stamp, Posted& posted);
  void end_package(Package& package, const Stamp& stamp, Posted& posted);

  BooksHead head_;
  PriceSet prices_;
  std::map<std::uint32_t, Owner> owners_;
  std::map<Text, std::uint32_t> by_name_;
  std::map<Text, std::uint32_t> by_account_;
  std::map<std::uint32_t, Package> packages_;
  std::set<std::pair<WallTime, std::uint32_t>> expiries_;
  OpenMap open_;
  std::set<std::pair<WallTime, Attempt>> hold_ends_;
  std::map<Uid128, std::uint64_t> requests_;
  ChangedKeys changed_;
};

}  // namespace sluice::ledger
