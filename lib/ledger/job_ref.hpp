// What an entry says about its subject: the attempt of a job that used something, and the price
// that it was charged by.
#pragma once

#include <cstdint>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "ledger/money.hpp"
#include "model/types.hpp"

namespace sluice::ledger {

// Which attempt of which job, and on whose account.
struct JobRef {
  JobId job;
  Uid128 uid;
  std::uint32_t attempt = 0;
  JobId array_job;  // 0: not of an array
  std::uint32_t array_task = model::kNoTask;
  JobId het_job;  // 0: not heterogeneous
  std::uint32_t het_offset = 0;
  Text name;
  Text account;
  Text user;
  Text partition;
  Text qos;
  Text wckey;

  bool operator==(const JobRef&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "job", self.job);
    visit(2, "uid", self.uid);
    visit(3, "attempt", self.attempt);
    visit(4, "array_job", self.array_job);
    visit(5, "array_task", self.array_task);
    visit(6, "het_job", self.het_job);
    visit(7, "het_offset", self.het_offset);
    visit(8, "name", self.name);
    visit(9, "account", self.account);
    visit(10, "user", self.user);
    visit(11, "partition", self.partition);
    visit(12, "qos", self.qos);
    visit(13, "wckey", self.wckey);
  }
};
[[nodiscard]] inline Attempt attempt_of(const JobRef& job) { return {job.uid, job.attempt}; }

// By which price something was charged.
struct PricedBy {
  Text book;
  std::uint32_t version = 0;
  Text sku;
  Text meter;
  Text unit;
  Text service;
  Money unit_price = 0;
  std::uint32_t discount = 0;  // thousandths

  bool operator==(const PricedBy&) const = default;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "book", self.book);
    visit(2, "version", self.version);
    visit(3, "sku", self.sku);
    visit(4, "meter", self.meter);
    visit(5, "unit", self.unit);
    visit(6, "service", self.service);
    visit(7, "unit_price", self.unit_price);
    visit(8, "discount", self.discount);
  }
};

}  // namespace sluice::ledger
