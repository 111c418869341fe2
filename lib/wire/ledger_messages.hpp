// Money between commands and the controller: prices and customers, movements. What is read of it is
// in books_messages.hpp, quotes are in quote_messages.hpp. Whoever changes something makes a
// request id: a retry gets the first answer.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "ledger/entry.hpp"
#include "wire/message_types.hpp"

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

}  // namespace sluice::wire
