// Quotes: what a job would cost, before it is submitted.
#pragma once

#include <cstdint>
#include <vector>

#include "base/text.hpp"
#include "ledger/job_ref.hpp"
#include "ledger/quantity.hpp"
#include "ledger/tariff.hpp"
#include "wire/message_types.hpp"
#include "wire/submit_messages.hpp"

namespace sluice::wire {

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
