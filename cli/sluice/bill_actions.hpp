// The commands of `sluice bill`, once their words are parsed. What they print is returned.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/common/client.hpp"
#include "cli/sluice/bill_books.hpp"

namespace sluice::cli {

// Texts as typed; empty: not given.
struct CustomerOptions {
  std::string name;
  std::string account;
  std::string kind;
  std::string currency;
  std::string book;
  std::string discount;
  std::string credit_limit;
  std::string overdraft;
  std::string grace;
  std::string hold_hours;
  std::string warn_at;
  std::string closed;
  std::string display_name;
  std::string address;
};
[[nodiscard]] Result<std::string> add_customer(Client& client, const CustomerOptions& options);
[[nodiscard]] Result<std::string> set_customer(Client& client, const CustomerOptions& options);

struct PricesOptions {
  std::string file;
  bool check_only = false;
};
// An error names file and line.
[[nodiscard]] Result<std::string> load_prices(Client& client, const PricesOptions& options);

struct MoneyOptions {
  ledger::EntryKind kind = ledger::EntryKind::none;
  std::string customer;
  std::string to;
  std::string amount;
  std::uint64_t entry = 0;  // of refunds and adjustments
  std::string note;
  std::string request_id;
  std::string month;
  std::string name;  // of a package
  std::string meter;
  std::string unit;
  std::string service;
  std::string units;
  std::string until;
};
[[nodiscard]] Result<std::string> move_money(Client& client, const MoneyOptions& options);

struct StatementOptions {
  std::string customer;
  std::string from;
  std::string to;
  bool by_job = false;
  bool json = false;
};
[[nodiscard]] Result<std::string> statement(Client& client, const StatementOptions& options);

struct InvoiceOptions {
  std::string customer;
  std::string month;
  std::string format = "text";
  std::string issuer;
};
[[nodiscard]] Result<std::string> invoice(Client& client, const InvoiceOptions& options);

// Fails with the first wrong entry.
[[nodiscard]] Result<std::string> verify(Client& client);

}  // namespace sluice::cli
