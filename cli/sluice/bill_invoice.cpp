// See the header. All forms go over the same lines, so they can't differ but in looks.
#include "cli/sluice/bill_invoice.hpp"

#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "cli/sluice/bill_books.hpp"
#include "report/json_writer.hpp"

namespace sluice::cli {

namespace {

using ledger::Invoice;
using ledger::Money;

struct Line {
  std::string what;
  std::string account;
  std::string user;
  std::string quantity;
  std::string price;
  Money list = 0;
  Money billed = 0;
};

std::vector<Line> lines_of(const Invoice& invoice) {
  std::vector<Line> lines;
  for (const ledger::UsageLine& use : invoice.usage) {
    Line line;
    line.what = use.price.service.str() + ", " + use.price.sku.str();
    if (use.package != 0) line.what += fmt::format(" (package {})", use.package);
    if (use.correction) line.what += " (correction)";
    line.account = use.account;
    line.user = use.user;
    line.quantity = use_text(use.price, use.priced);
    line.price = ledger::decimal(use.price.unit_price);
    line.list = use.list;
    line.billed = use.billed;
    lines.push_back(std::move(line));
  }
  for (const ledger::MoneyLine& one : invoice.money) {
    Line line;
    line.what = std::string(ledger::kind_name(one.kind));
    if (!one.note.empty()) line.what += ": " + one.note.str();
    if (one.correction) line.what += " (correction)";
    line.list = one.billed;
    line.billed = one.billed;
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string name_of(const Invoice& invoice) { return invoice.name.str(); }

std::string title_of(const Invoice& invoice) {
  return invoice.issued ? "Invoice " + invoice.id : "Draft of invoice " + invoice.id;
}

std::string address_lines(const Invoice& invoice, std::string_view separator) {
  std::string text;
  for (const std::string_view line : base::split_nonempty(invoice.address, '\n')) {
    if (!text.empty()) text += separator;
    text += line;
  }
  return text;
}

std::string as_text(const Invoice& invoice, const std::string& issuer) {
  const auto money = [&](Money amount) { return ledger::money_text(amount, invoice.currency); };
  std::string text =
      fmt::format("{}\n{}\n\nTo:    {}\n", issuer, title_of(invoice), name_of(invoice));
  if (!invoice.address.empty()) text += "       " + address_lines(invoice, "\n       ") + '\n';
  text += fmt::format("Month: {}\n", ledger::month_text(invoice.month));
  if (invoice.issued) text += fmt::format("Date:  {}\n", ledger::utc_text(invoice.issued_at));
  text += fmt::format("\n{:<36} {:<12} {:<10} {:>24} {:>10} {:>14}\n", "What", "Account", "User",
                      "Quantity", "Price", invoice.currency.view());
  for (const Line& line : lines_of(invoice)) {
    text += fmt::format("{:<36} {:<12} {:<10} {:>24} {:>10} {:>14}\n", line.what, line.account,
                        line.user, line.quantity, line.price, money(line.billed));
  }
  text += fmt::format("\nAmount {:>14} {}\nDue    {:>14} {}\n", money(invoice.amount),
                      invoice.currency.view(), money(invoice.due), invoice.currency.view());
  return text;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

// Exact amounts; the last line is the sum.
std::string as_csv(const Invoice& invoice) {
  std::string text =
      "Invoice,Month,Currency,What,Account,User,Quantity,UnitPrice,ListCost,Billed\r\n";
  const auto row = [&](const Line& line) {
    text += fmt::format("{},{},{},{},{},{},{},{},{},{}\r\n", invoice.id,
                        ledger::month_text(invoice.month), invoice.currency.view(),
                        csv_field(line.what), csv_field(line.account), csv_field(line.user),
                        csv_field(line.quantity), line.price, ledger::decimal(line.list),
                        ledger::decimal(line.billed));
  };
  for (const Line& line : lines_of(invoice)) row(line);
  Line sum;
  sum.what = "Total";
  sum.list = invoice.totals.list;
  sum.billed = invoice.amount;
  row(sum);
  return text;
}

std::string as_json(const Invoice& invoice, const std::string& issuer) {
  report::JsonWriter json(report::DocumentStyle::json);
  json.open_object();
  json.member("invoice", invoice.id);
  json.member("issuer", issuer);
  json.member("customer", name_of(invoice));
  json.member("kind", ledger::kind_name(invoice.kind));
  json.member("address", invoice.address);
  json.member("month", ledger::month_text(invoice.month));
  json.member("currency", invoice.currency);
  json.member("issued", invoice.issued);
  json.member("issued_at", invoice.issued ? ledger::utc_text(invoice.issued_at) : "");
  json.member("entry", invoice.entry);
  json.key("lines");
  json.open_array();
  for (const Line& line : lines_of(invoice)) {
    json.open_object();
    json.member("what", line.what);
    json.member("account", line.account);
    json.member("user", line.user);
    json.member("quantity", line.quantity);
    json.member("unit_price", line.price);
    json.member("list", ledger::decimal(line.list));
    json.member("billed", ledger::decimal(line.billed));
    json.close();
  }
  json.close();
  json.member("list", ledger::decimal(invoice.totals.list));
  json.member("contracted", ledger::decimal(invoice.totals.contracted));
  json.member("effective", ledger::decimal(invoice.totals.effective));
  json.member("amount", ledger::decimal(invoice.amount));
  json.member("due", ledger::decimal(invoice.due));
  json.close();
  return json.take();
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string address_html(const Invoice& invoice) {
  std::string text;
  for (const std::string_view line : base::split_nonempty(invoice.address, '\n')) {
    text += escaped(line) + "<br>";
  }
  return text;
}

constexpr std::string_view kStyle =
    "@page{size:A4;margin:20mm}body{font:11pt/1.4 sans-serif;color:#111;max-width:170mm;"
    "margin:auto}h1{font-size:16pt}table{width:100%;border-collapse:collapse}"
    "th,td{padding:3pt 4pt;text-align:left;border-bottom:0.5pt solid #bbb}"
    "thead{display:table-header-group}tr{page-break-inside:avoid}"
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".sum td{border-top:1pt solid #111;font-weight:bold}.draft{color:#a00}";

// One page style for screen and paper; nothing is loaded from elsewhere.
std::string as_html(const Invoice& invoice, const std::string& issuer) {
  const auto money = [&](Money amount) { return ledger::money_text(amount, invoice.currency); };
  std::string rows;
  for (const Line& line : lines_of(invoice)) {
    rows += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td class=n>{}</td><td class=n>{}</td>"
        "<td class=n>{}</td></tr>\n",
        escaped(line.what), escaped(line.account), escaped(line.user), escaped(line.quantity),
        line.price, money(line.billed));
  }
  const auto sum = [&](const char* name, Money amount) {
    return fmt::format("<tr class=sum><td colspan=5>{}</td><td class=n>{}</td></tr>\n", name,
                       money(amount));
  };
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>{0}</title>"
      "<style>{1}</style></head><body>\n<p>{2}</p>\n<h1{3}>{0}</h1>\n<p>{4}<br>{5}</p>\n"
      "<p>Month {6}{7}</p>\n<table><thead><tr><th>What<th>Account<th>User<th class=n>Quantity"
      "<th class=n>Price<th class=n>{8}</tr></thead><tbody>\n{9}{10}{11}</tbody></table>\n"
      "</body></html>\n",
      escaped(title_of(invoice)), kStyle, escaped(issuer), invoice.issued ? "" : " class=draft",
      escaped(name_of(invoice)), address_html(invoice), ledger::month_text(invoice.month),
      invoice.issued ? ", issued " + ledger::utc_text(invoice.issued_at) : "",
      escaped(invoice.currency), rows, sum("Amount", invoice.amount), sum("Due", invoice.due));
}

}  // namespace

std::optional<InvoiceForm> find_invoice_form(std::string_view name) {
  for (const auto& [word, form] : {std::pair{"text", InvoiceForm::text},
                                   {"csv", InvoiceForm::csv},
                                   {"json", InvoiceForm::json},
                                   {"html", InvoiceForm::html}}) {
    if (name == word) return form;
  }
  return std::nullopt;
}

std::string invoice_document(const Invoice& invoice, const std::string& issuer, InvoiceForm form) {
  switch (form) {
    case InvoiceForm::csv: return as_csv(invoice);
    case InvoiceForm::json: return as_json(invoice, issuer);
    case InvoiceForm::html: return as_html(invoice, issuer);
    default: return as_text(invoice, issuer);
  }
}

}  // namespace sluice::cli
