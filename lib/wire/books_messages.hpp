// Reading the books: balances, entries, and whether all of it is right.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "ledger/entry.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

struct QueryBooks {
  static constexpr MessageType kType = MessageType::query_books;
  Text customer;  // empty: all

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "customer", self.customer);
  }
};

// Balances and packages of those customers of which the asker may see them.
struct BooksReply {
  static constexpr MessageType kType = MessageType::books_reply;
  Text cluster;
  model::WallTime now = 0;
  ledger::Month closed;
  std::uint64_t sequence = 0;  // of the last entry
  std::vector<ledger::PriceBook> prices;
  std::vector<ledger::Customer> customers;
  std::vector<ledger::Balance> balances;
  std::vector<ledger::Package> packages;
  std::uint32_t attempts = 0;  // that run and are charged

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "cluster", self.cluster);
    visit(2, "now", self.now);
    visit(3, "closed", self.closed);
    visit(4, "sequence", self.sequence);
    visit(5, "prices", self.prices);
    visit(6, "customers", self.customers);
    visit(7, "balances", self.balances);
    visit(8, "packages", self.packages);
    visit(9, "attempts", self.attempts);
  }
};

// Entries in their order, as far as the asker may see them.
struct QueryEntries {
  static constexpr MessageType kType = MessageType::query_entries;
  std::uint32_t customer = 0;  // 0: any
  ledger::Month month;         // unset: any
  model::WallTime from = 0;    // by the time of entries, [from, to)
  model::WallTime to = 0;      // 0: open
  JobId job;                   // 0: any
  Text account;                // of jobs; empty: any
  bool with_opening = false;   // what the customer had before `from`

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "customer", self.customer);
    visit(2, "month", self.month);
    visit(3, "from", self.from);
    visit(4, "to", self.to);
    visit(5, "job", self.job);
    visit(6, "account", self.account);
    visit(7, "with_opening", self.with_opening);
  }
};

struct EntriesReply {
  static constexpr MessageType kType = MessageType::entries_reply;
  std::vector<ledger::Entry> entries;
  bool partial = false;  // some that would belong here may not be seen by the asker
  bool last = false;
  bool opened = false;  // of the first piece: who asks may see the customer's money
  ledger::Balance opening;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "entries", self.entries);
    visit(2, "partial", self.partial);
    visit(3, "last", self.last);
    visit(4, "opened", self.opened);
    visit(5, "opening", self.opening);
  }
};

// Reads all entries and recomputes everything from them. Operators.
struct VerifyBooks {
  static constexpr MessageType kType = MessageType::verify_books;
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

struct VerifyBooksReply {
  static constexpr MessageType kType = MessageType::verify_books_reply;
  std::uint64_t entries = 0;
  Text head;                // of the chain, in hex
  bool sound = false;       // else what is wrong first:
  std::uint64_t entry = 0;  // 0: not one entry
  Text finding;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "entries", self.entries);
    visit(2, "head", self.head);
    visit(3, "sound", self.sound);
    visit(4, "entry", self.entry);
    visit(5, "finding", self.finding);
  }
};

}  // namespace sluice::wire
