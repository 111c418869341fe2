// What goes into the books and comes out of them: requests, results, and what is stored besides the
// entries so that a restart need not read them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ledger/attempt.hpp"
#include "ledger/entry.hpp"

namespace sluice::ledger {

// Who does something, when, and in answer to what.
struct Stamp {
  WallTime now = 0;
  std::uint32_t uid = model::kNoTask;  // kNoTask: it follows from use
  Uid128 request_id;                   // unset: not repeatable
  Text note;
};

struct Posted {
  std::vector<Entry> entries;
  std::uint64_t repeated = 0;  // the entry that this request made before; 0: it is new
};

struct PriceLoad {
  std::vector<PriceBook> books;  // all that shall hold from now on; see change_prices()
  bool keep_books = false;       // `books` is empty and prices stay as they are
  std::vector<Customer> customers;
};
struct LoadFault {
  std::optional<PriceFault> price;      // else of a customer
  std::optional<std::size_t> customer;  // of those to load
  std::string text;
};

struct HoldPlan {
  std::uint32_t customer = 0;
  Money money = 0;                    // to be held
  std::vector<PackageHold> packages;  // ascending by package
  Money list = 0;                     // what all of it is worth, packages too
  Money contracted = 0;
  Money held = 0;  // of an open attempt: what is held already
};
struct Shortage {
  std::uint32_t customer = 0;
  Money wanted = 0;
  Money available = 0;
};

struct ChargeSlice {
  std::size_t most = 1'000;
  std::optional<Attempt> next;  // nothing, after a call: that was all
};

struct AttemptChange {
  WallTime at = 0;
  std::optional<Allotment> allotment;
  std::optional<bool> suspended;
  std::optional<JobRef> job;  // the same attempt, with another QOS, name, wckey
  std::optional<WallTime> limit_end;
};
struct AttemptEnd {
  WallTime at = 0;
  Fate fate = Fate::completed;
};

struct MoneyRequest {
  Text customer;
  Money amount = 0;
  const Entry* refers_to = nullptr;  // of corrections; null: none
};
struct RefundRequest {
  const Entry* charge = nullptr;  // as stored
  Money refunded = 0;             // so far, by refunds that refer to it
  bool given_back = false;        // its attempt has reversals
  Money amount = 0;
};
struct TransferRequest {
  Text from;
  Text to;
  Money amount = 0;
};
struct PackageRequest {
  Text customer;
  Text name;
  Text meter;
  Text unit;               // empty: the meter's usual one
  Text service;            // empty: the name
  std::int64_t units = 0;  // core-hours, card-hours
  Money price = 0;
  WallTime expires = 0;  // 0: never
};

struct BooksHead {
  std::uint64_t sequence = 0;  // of the last entry
  WallTime time = 0;
  Month closed;
  std::uint32_t customers = 0;  // the highest id
  std::uint32_t packages = 0;

  bool operator==(const BooksHead&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "sequence", self.sequence);
    visit(2, "time", self.time);
    visit(3, "closed", self.closed);
    visit(4, "customers", self.customers);
    visit(5, "packages", self.packages);
  }
};

// A request that has been answered, and the first entry of the answer.
struct RequestSeen {
  Uid128 id;
  std::uint64_t entry = 0;

  bool operator==(const RequestSeen&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "id", self.id);
    visit(2, "entry", self.entry);
  }
};

// Everything, as stored. Each list ascending by its key.
struct BooksState {
  BooksHead head;
  std::vector<PriceBookPtr> prices;
  std::vector<Customer> customers;
  std::vector<Balance> balances;
  std::vector<Package> packages;
  std::vector<OpenAttempt> attempts;
  std::vector<RequestSeen> requests;
};

// The rows to write since the last time.
struct BooksChanges {
  std::optional<BooksHead> head;
  std::optional<std::vector<PriceBookPtr>> prices;  // all that there are now
  std::vector<Customer> customers;
  std::vector<Balance> balances;
  std::vector<Package> packages;
  std::vector<OpenAttempt> attempts;
  std::vector<Attempt> gone;  // attempts that have ended
  std::vector<RequestSeen> requests;
};

// What a step of the books leaves behind, to be stored in the transaction of what caused it.
struct BooksRows {
  std::vector<Entry> entries;
  BooksChanges changed;
};

// Two steps, one after the other, as one.
[[nodiscard]] BooksRows joined(BooksRows first, BooksRows then);

// Which of them.
struct ChangedKeys {
  bool head = false;
  bool prices = false;
  std::set<std::uint32_t> customers;
  std::set<std::uint32_t> balances;
  std::set<std::uint32_t> packages;
  std::set<Attempt> attempts;
  std::set<Attempt> gone;
  std::vector<RequestSeen> requests;
};

}  // namespace sluice::ledger
