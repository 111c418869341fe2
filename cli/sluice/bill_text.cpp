// See the header.
#include "cli/sluice/bill_text.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "report/json_writer.hpp"

namespace sluice::cli {

namespace {

using ledger::Money;
using report::DocumentStyle;
using report::JsonWriter;

std::string limit_text(Money limit) {
  return limit == ledger::kUnlimitedMoney ? "unlimited" : ledger::decimal(limit);
}

std::string day(ledger::WallTime when) {
  return when == 0 ? std::string("-") : ledger::utc_text(when).substr(0, 10);
}

void json_usage(JsonWriter& json, const ledger::UsageLine& line) {
  json.open_object();
  json.member("account", line.account);
  json.member("user", line.user);
  if (line.job.is_set()) json.member("job", line.job.value);
  json.member("sku", line.price.sku);
  json.member("service", line.price.service);
  json.member("book", line.price.book);
  json.member("version", line.price.version);
  json.member("unit_price", ledger::decimal(line.price.unit_price));
  json.member("unit", line.price.unit);
  json.member("package", line.package);
  json.member("correction", line.correction);
  json.member("consumed_seconds", ledger::seconds_text(line.consumed));
  json.member("priced_seconds", ledger::seconds_text(line.priced));
  json.member("list", ledger::decimal(line.list));
  json.member("contracted", ledger::decimal(line.contracted));
  json.member("effective", ledger::decimal(line.effective));
  json.member("billed", ledger::decimal(line.billed));
  json.close();
}

void json_money(JsonWriter& json, const ledger::MoneyLine& line) {
  json.open_object();
  json.member("entry", line.entry);
  json.member("time", ledger::utc_text(line.time));
  json.member("kind", ledger::kind_name(line.kind));
  json.member("amount", ledger::decimal(line.amount));
  json.member("billed", ledger::decimal(line.billed));
  json.member("package", line.package);
  json.member("refers_to", line.refers_to);
  json.member("correction", line.correction);
  json.member("note", line.note);
  json.close();
}

void json_balance(JsonWriter& json, const ledger::Customer& customer,
                  const ledger::Balance& balance) {
  json.member("balance", ledger::decimal(balance.balance));
  json.member("held", ledger::decimal(balance.held));
  json.member("receivable", ledger::decimal(balance.receivable));
  json.member("available", ledger::decimal(ledger::available(customer, balance)));
  json.member("packages", ledger::decimal(balance.packages));
  json.member("received", ledger::decimal(-balance.cash));
  json.member("used", ledger::decimal(balance.earnings));
}

void add_balance(std::string& text, const ledger::Customer& customer,
                 const ledger::Balance& balance) {
  const auto line = [&](const char* name, Money amount) {
    text += fmt::format("  {:<28} {:>16}\n", name, amount_text(amount, customer.currency));
  };
  text += fmt::format("{} ({}, account {})\n", customer.name.view(),
                      ledger::kind_name(customer.kind), customer.account.view());
  line("Balance", balance.balance);
  line("Held for running jobs", balance.held);
  if (balance.receivable != 0) line("Invoices to be paid", -balance.receivable);
  if (customer.credit_limit != 0) line("Credit limit", customer.credit_limit);
  line("Available", ledger::available(customer, balance));
  const auto passed = std::min<std::size_t>(balance.warned, customer.warn_at.size());
  if (passed > 0) line("Below the threshold of", customer.warn_at[passed - 1]);
}

}  // namespace

std::string customers_text(const BillBooks& books) {
  std::string text = fmt::format("{:<16} {:<16} {:<9} {:<4} {:<12} {:>9} {:>14} {:>12} {}\n",
                                 "Customer", "Account", "Kind", "Cur", "Prices", "Discount",
                                 "CreditLimit", "Overdraft", "Closed");
  for (const ledger::Customer& one : books.reply().customers) {
    text += fmt::format(
        "{:<16} {:<16} {:<9} {:<4} {:<12} {:>8}% {:>14} {:>12} {}\n", one.name.view(),
        one.account.view(), ledger::kind_name(one.kind), one.currency.view(), one.book.view(),
        fmt::format("{}.{}", one.discount / 10, one.discount % 10), limit_text(one.credit_limit),
        limit_text(one.overdraft), one.closed ? "yes" : "no");
  }
  return text;
}

std::string customers_json(const BillBooks& books) {
  JsonWriter json(DocumentStyle::json);
  json.open_array();
  for (const ledger::Customer& one : books.reply().customers) {
    json.open_object();
    json.member("id", one.id);
    json.member("name", one.name);
    json.member("account", one.account);
    json.member("kind", ledger::kind_name(one.kind));
    json.member("currency", one.currency);
    json.member("book", one.book);
    json.member("discount_permille", one.discount);
    json.member("credit_limit", limit_text(one.credit_limit));
    json.member("overdraft", limit_text(one.overdraft));
    json.member("grace_seconds", one.grace_s);
    json.member("hold_hours", one.hold_hours);
    json.key("warn_at");
    json.open_array();
    for (const Money at : one.warn_at) json.value(ledger::decimal(at));
    json.close();
    json.member("closed", one.closed);
    json.member("display_name", one.display_name);
    json.member("address", one.address);
    json.close();
  }
  json.close();
  return json.take();
}

std::string balances_text(const BillBooks& books, std::uint32_t customer) {
  std::string text;
  for (const ledger::Balance& balance : books.reply().balances) {
    if (customer != 0 && balance.customer != customer) continue;
    if (!text.empty()) text += '\n';
    const ledger::Customer& owner = *books.customer(balance.customer);
    add_balance(text, owner, balance);
    for (const ledger::Package& package : books.reply().packages) {
      if (package.customer != balance.customer || package.ended) continue;
      const ledger::PricedBy unit{.meter = package.meter, .unit = package.unit};
      text += fmt::format("  Package {} {}: {} of {} left, until {}\n", package.id,
                          package.name.view(), use_text(unit, package.total - package.used),
                          use_text(unit, package.total), day(package.expires));
    }
  }
  return text;
}

std::string balances_json(const BillBooks& books, std::uint32_t customer) {
  JsonWriter json(DocumentStyle::json);
  json.open_array();
  for (const ledger::Balance& balance : books.reply().balances) {
    if (customer != 0 && balance.customer != customer) continue;
    const ledger::Customer& owner = *books.customer(balance.customer);
    json.open_object();
    json.member("customer", owner.name);
    json.member("account", owner.account);
    json.member("currency", owner.currency);
    json_balance(json, owner, balance);
    json.member("thresholds_passed", balance.warned);
    json.key("prepaid");
    json.open_array();
    for (const ledger::Package& package : books.reply().packages) {
      if (package.customer != balance.customer) continue;
      json.open_object();
      json.member("id", package.id);
      json.member("name", package.name);
      json.member("meter", package.meter);
      json.member("unit", package.unit);
      json.member("total_seconds", ledger::seconds_text(package.total));
      json.member("used_seconds", ledger::seconds_text(package.used));
      json.member("held_seconds", ledger::seconds_text(package.held));
      json.member("price", ledger::decimal(package.price));
      json.member("amortised", ledger::decimal(package.amortised));
      json.member("expires", package.expires == 0 ? "" : ledger::utc_text(package.expires));
      json.member("ended", package.ended);
      json.close();
    }
    json.close();
    json.close();
  }
  json.close();
  return json.take();
}

std::string prices_text(const BillBooks& books) {
  std::string text;
  for (const ledger::PriceBook& book : books.reply().prices) {
    if (!text.empty()) text += '\n';
    text +=
        fmt::format("{} version {}, {}, from {} to {}\n", book.name.view(), book.version,
                    book.currency.view(), ledger::utc_text(book.from),
                    book.until == 0 ? std::string("further notice") : ledger::utc_text(book.until));
    for (const ledger::Price& price : book.prices) {
      text += fmt::format("  {:<20} {:<18} {:>14} per {:<14} {}\n", price.sku.view(),
                          price.meter.view(), amount_text(price.unit_price, book.currency),
                          price.unit.view(), price.service.view());
    }
  }
  return text;
}

std::string prices_json(const BillBooks& books) {
  JsonWriter json(DocumentStyle::json);
  json.open_array();
  for (const ledger::PriceBook& book : books.reply().prices) {
    json.open_object();
    json.member("name", book.name);
    json.member("version", book.version);
    json.member("currency", book.currency);
    json.member("valid_from", ledger::utc_text(book.from));
    json.member("valid_until", book.until == 0 ? "" : ledger::utc_text(book.until));
    json.member("granularity", book.granularity_s);
    json.member("minimum", book.minimum_s);
    json.member("combine", book.combine == ledger::Combine::max ? "max" : "sum");
    json.key("prices");
    json.open_array();
    for (const ledger::Price& price : book.prices) {
      json.open_object();
      json.member("sku", price.sku);
      json.member("meter", price.meter);
      json.member("unit", price.unit);
      json.member("service", price.service);
      json.member("price", ledger::decimal(price.unit_price));
      json.close();
    }
    json.close();
    json.close();
  }
  json.close();
  return json.take();
}

std::string posted_text(const wire::PostedReply& reply) {
  std::string text;
  if (reply.repeated != 0 && reply.entries.empty()) {
    return fmt::format("Done before: entry {}\n", reply.repeated);
  }
  for (const ledger::Entry& entry : reply.entries) {
    text += fmt::format("Entry {}: {}", entry.sequence, ledger::kind_name(entry.kind));
    if (entry.customer != 0) text += ' ' + amount_text(entry.amount, entry.currency);
    if (entry.kind == ledger::EntryKind::invoice) text += ' ' + entry.note.str();
    if (entry.kind == ledger::EntryKind::closing) text += ' ' + ledger::month_text(entry.month);
    text += '\n';
  }
  return text;
}

std::string statement_text(const ledger::Statement& statement, const ledger::Customer& customer,
                           bool whole) {
  const Text& currency = customer.currency;
  std::string text = fmt::format("{}, {} to {}\n", customer.name.view(), day(statement.from),
                                 statement.to == 0 ? "now" : day(statement.to));
  if (whole) {
    text += fmt::format("  Before: {} available, {} held\n",
                        amount_text(ledger::available(customer, statement.before), currency),
                        amount_text(statement.before.held, currency));
  }
  ledger::LineTotals used;
  for (const ledger::UsageLine& line : statement.usage) {
    used.effective += line.effective;
    used.list += line.list;
    const std::string job = line.job.is_set() ? fmt::format(" job {}", line.job.value) : "";
    text +=
        fmt::format("  {:<12} {:<10}{} {:<18} {:>24} {:>16}{}\n", line.account.view(),
                    line.user.view(), job, line.price.sku.view(), use_text(line.price, line.priced),
                    amount_text(line.effective, currency), line.package != 0 ? " (package)" : "");
  }
  for (const ledger::MoneyLine& line : statement.money) {
    text += fmt::format("  {} {:<12} {:>16} {}\n", ledger::utc_text(line.time),
                        ledger::kind_name(line.kind), amount_text(line.amount, currency),
                        line.note.view());
  }
  text += fmt::format("  Used: {} (list price {})\n", amount_text(used.effective, currency),
                      amount_text(used.list, currency));
  if (whole) {
    text += fmt::format("  After:  {} available, {} held\n",
                        amount_text(ledger::available(customer, statement.after), currency),
                        amount_text(statement.after.held, currency));
  }
  return text;
}

std::string statement_json(const ledger::Statement& statement, const ledger::Customer& customer,
                           bool whole) {
  JsonWriter json(DocumentStyle::json);
  json.open_object();
  json.member("customer", customer.name);
  json.member("currency", customer.currency);
  json.member("from", statement.from == 0 ? "" : ledger::utc_text(statement.from));
  json.member("to", statement.to == 0 ? "" : ledger::utc_text(statement.to));
  if (whole) {
    json.key("before");
    json.open_object();
    json_balance(json, customer, statement.before);
    json.close();
    json.key("after");
    json.open_object();
    json_balance(json, customer, statement.after);
    json.close();
  }
  json.key("usage");
  json.open_array();
  for (const ledger::UsageLine& line : statement.usage) json_usage(json, line);
  json.close();
  json.key("money");
  json.open_array();
  for (const ledger::MoneyLine& line : statement.money) json_money(json, line);
  json.close();
  json.member("list", ledger::decimal(statement.totals.list));
  json.member("contracted", ledger::decimal(statement.totals.contracted));
  json.member("effective", ledger::decimal(statement.totals.effective));
  json.member("billed", ledger::decimal(statement.totals.billed));
  json.close();
  return json.take();
}

}  // namespace sluice::cli
