// Money between commands and the controller: prices and customers, movements, the books, entries,
// quotes. Whoever changes something makes a request id: a retry gets the first answer.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "ledger/entry.hpp"
#include "ledger/tariff.hpp"
#include "wire/message_types.hpp"
#include "wire/submit_messages.hpp"

namespace sluice::wire {

// Price books and customers, all of them or nothing (ledger::PriceLoad). Administrators.
struct LoadPrices {
  static constexpr MessageType kType = MessageType::load_prices;
  Uid128 request_id;
  std::vector<ledger::PriceBook> books;  // all that shall hold from now on
  bool keep_books = false;               // prices stay as they are
  std::vector<ledger::Customer> customers;
  bool check_only = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "books", self.books);
    visit(3, "keep_books", self.keep_books);
    visit(4, "customers", self.customers);
    visit(5, "check_only", self.check_only);
  }
};

// What is wrong stands at this place of the request; 0: not there.
struct LoadPricesReply {
  static constexpr MessageType kType = MessageType::load_prices_reply;
  std::vector<ledger::Entry> entries;
  bool refused = false;
  std::uint32_t book = 0;  // counted from 1
  std::uint32_t price = 0;
  std::uint32_t customer = 0;
  Text key;
  Text text;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "entries", self.entries);
    visit(2, "refused", self.refused);
    visit(3, "book", self.book);
    visit(4, "price", self.price);
    visit(5, "customer", self.customer);
    visit(6, "key", self.key);
    visit(7, "text", self.text);
  }
};

struct PackageOrder {
  Text name;
  Text meter;
  Text unit;
  Text service;
  std::int64_t units = 0;
  model::WallTime expires = 0;  // 0: never

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "meter", self.meter);
    visit(3, "unit", self.unit);
    visit(4, "service", self.service);
    visit(5, "units", self.units);
    visit(6, "expires", self.expires);
  }
};

// Anything that moves money by somebody's word; `kind` says what: topup, withdrawal, payment,
// credit, correction, refund, transfer, purchase, closing. Administrators.
struct PostMoney {
  static constexpr MessageType kType = MessageType::post_money;
  Uid128 request_id;
  ledger::EntryKind kind = ledger::EntryKind::none;
  Text customer;
  ledger::Money amount = 0;  // of a purchase its price
  Text to;                   // of a transfer
  std::uint64_t refers_to = 0;
  Text note;
  PackageOrder package;  // of a purchase
  ledger::Month month;   // of a closing

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "kind", self.kind);
    visit(3, "customer", self.customer);
    visit(4, "amount", self.amount);
    visit(5, "to", self.to);
    visit(6, "refers_to", self.refers_to);
    visit(7, "note", self.note);
    visit(8, "package", self.package);
    visit(9, "month", self.month);
  }
};

// Of a closing the entries are left out but for invoices and the closing itself.
struct PostedReply {
  static constexpr MessageType kType = MessageType::posted_reply;
  std::vector<ledger::Entry> entries;
  std::uint64_t repeated = 0;  // the request was answered before, by this entry

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "entries", self.entries);
    visit(2, "repeated", self.repeated);
  }
};

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

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "customer", self.customer);
    visit(2, "month", self.month);
    visit(3, "from", self.from);
    visit(4, "to", self.to);
    visit(5, "job", self.job);
    visit(6, "account", self.account);
  }
};

struct EntriesReply {
  static constexpr MessageType kType = MessageType::entries_reply;
  std::vector<ledger::Entry> entries;
  bool partial = false;  // some that would belong here may not be seen by the asker
  bool last = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "entries", self.entries);
    visit(2, "partial", self.partial);
    visit(3, "last", self.last);
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

// What these would cost if they were submitted: the parts of a heterogeneous job, or one.
struct QuoteSubmit {
  static constexpr MessageType kType = MessageType::quote_submit;
  std::vector<Submit> parts;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "parts", self.parts);
  }
};

struct QuotedLine {
  ledger::PricedBy price;
  std::int64_t count = 0;
  model::WallTime from = 0;
  model::WallTime to = 0;
  ledger::Quantity priced;
  ledger::Money list = 0;
  ledger::Money contracted = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "price", self.price);
    visit(2, "count", self.count);
    visit(3, "from", self.from);
    visit(4, "to", self.to);
    visit(5, "priced", self.priced);
    visit(6, "list", self.list);
    visit(7, "contracted", self.contracted);
  }
};

struct QuotedPart {
  Text customer;  // empty: nobody is charged
  Text currency;
  Text account;
  Text book;
  std::uint32_t tasks = 1;  // each costs what is said here
  std::int64_t limit_s = 0;
  bool unlimited = false;
  std::vector<ledger::MeterCount> allotment;
  std::vector<QuotedLine> lines;  // if it started now
  ledger::Money list = 0;
  ledger::Money contracted = 0;
  ledger::Money most = 0;  // whenever it starts
  ledger::Money held = 0;  // at its start
  ledger::Money available = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "customer", self.customer);
    visit(2, "currency", self.currency);
    visit(3, "account", self.account);
    visit(4, "book", self.book);
    visit(5, "tasks", self.tasks);
    visit(6, "limit_s", self.limit_s);
    visit(7, "unlimited", self.unlimited);
    visit(8, "allotment", self.allotment);
    visit(9, "lines", self.lines);
    visit(10, "list", self.list);
    visit(11, "contracted", self.contracted);
    visit(12, "most", self.most);
    visit(13, "held", self.held);
    visit(14, "available", self.available);
  }
};

struct QuoteReply {
  static constexpr MessageType kType = MessageType::quote_reply;
  std::vector<QuotedPart> parts;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "parts", self.parts);
  }
};

}  // namespace sluice::wire
