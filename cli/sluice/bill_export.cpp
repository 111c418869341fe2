// See the header. Amounts are exact decimals, quantities TRES-seconds, times UTC.
#include "cli/sluice/bill_export.hpp"

#include <map>
#include <utility>

#include <fmt/core.h>

#include "report/json_writer.hpp"

namespace sluice::cli {

namespace {

using ledger::Entry;
using report::JsonWriter;

std::string time_text(ledger::WallTime when) {
  return when == 0 ? std::string() : ledger::utc_text(when);
}

std::string quoted(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

// One column: its name, and what an entry has there. Numbers are written bare in JSON.
struct Column {
  const char* name;
  bool number;
  std::string (*text)(const Entry& entry, const BillBooks& books);
};

std::string customer_name(const Entry& entry, const BillBooks& books) {
  const ledger::Customer* customer = books.customer(entry.customer);
  return customer == nullptr ? std::string() : customer->name.str();
}

std::string task_text(const Entry& entry) {
  return entry.job.array_task == model::kNoTask ? "" : std::to_string(entry.job.array_task);
}

std::string postings_text(const Entry& entry) {
  std::string text;
  for (const ledger::Posting& posting : entry.postings) {
    if (!text.empty()) text += ' ';
    text += fmt::format("{}:{}", ledger::account_name(posting.account),
                        ledger::decimal(posting.amount));
  }
  return text;
}

std::string uid_text(const Entry& entry) {
  return fmt::format("{:016x}{:016x}", entry.job.uid.high, entry.job.uid.low);
}

constexpr Column kColumns[] = {
    {"entry", true, [](const Entry& e, const BillBooks&) { return std::to_string(e.sequence); }},
    {"time", false, [](const Entry& e, const BillBooks&) { return time_text(e.time); }},
    {"kind", false,
     [](const Entry& e, const BillBooks&) { return std::string(ledger::kind_name(e.kind)); }},
    {"month", false, [](const Entry& e, const BillBooks&) { return ledger::month_text(e.month); }},
    {"customer", false, customer_name},
    {"currency", false, [](const Entry& e, const BillBooks&) { return e.currency.str(); }},
    {"job", true, [](const Entry& e, const BillBooks&) { return std::to_string(e.job.job.value); }},
    {"attempt", true,
     [](const Entry& e, const BillBooks&) { return std::to_string(e.job.attempt); }},
    {"uid128", false, [](const Entry& e, const BillBooks&) { return uid_text(e); }},
    {"array_job", true,
     [](const Entry& e, const BillBooks&) { return std::to_string(e.job.array_job.value); }},
    {"array_task", false, [](const Entry& e, const BillBooks&) { return task_text(e); }},
    {"het_job", true,
     [](const Entry& e, const BillBooks&) { return std::to_string(e.job.het_job.value); }},
    {"account", false, [](const Entry& e, const BillBooks&) { return e.job.account.str(); }},
    {"user", false, [](const Entry& e, const BillBooks&) { return e.job.user.str(); }},
    {"partition", false, [](const Entry& e, const BillBooks&) { return e.job.partition.str(); }},
    {"qos", false, [](const Entry& e, const BillBooks&) { return e.job.qos.str(); }},
    {"wckey", false, [](const Entry& e, const BillBooks&) { return e.job.wckey.str(); }},
    {"from", false, [](const Entry& e, const BillBooks&) { return time_text(e.from); }},
    {"to", false, [](const Entry& e, const BillBooks&) { return time_text(e.to); }},
    {"from_us", true, [](const Entry& e, const BillBooks&) { return std::to_string(e.from); }},
    {"to_us", true, [](const Entry& e, const BillBooks&) { return std::to_string(e.to); }},
    {"book", false, [](const Entry& e, const BillBooks&) { return e.price.book.str(); }},
    {"version", true,
     [](const Entry& e, const BillBooks&) { return std::to_string(e.price.version); }},
    {"sku", false, [](const Entry& e, const BillBooks&) { return e.price.sku.str(); }},
    {"meter", false, [](const Entry& e, const BillBooks&) { return e.price.meter.str(); }},
    {"unit", false, [](const Entry& e, const BillBooks&) { return e.price.unit.str(); }},
    {"unit_price", true,
     [](const Entry& e, const BillBooks&) { return ledger::decimal(e.price.unit_price); }},
    {"discount_permille", true,
     [](const Entry& e, const BillBooks&) { return std::to_string(e.price.discount); }},
    {"count", true, [](const Entry& e, const BillBooks&) { return std::to_string(e.count); }},
    {"consumed_seconds", true,
     [](const Entry& e, const BillBooks&) { return ledger::seconds_text(e.consumed); }},
    {"priced_seconds", true,
     [](const Entry& e, const BillBooks&) { return ledger::seconds_text(e.priced); }},
    {"amount", true, [](const Entry& e, const BillBooks&) { return ledger::decimal(e.amount); }},
    {"list", true, [](const Entry& e, const BillBooks&) { return ledger::decimal(e.list); }},
    {"contracted", true,
     [](const Entry& e, const BillBooks&) { return ledger::decimal(e.contracted); }},
    {"effective", true,
     [](const Entry& e, const BillBooks&) { return ledger::decimal(e.effective); }},
    {"billed", true, [](const Entry& e, const BillBooks&) { return ledger::decimal(e.billed); }},
    {"package", true, [](const Entry& e, const BillBooks&) { return std::to_string(e.package); }},
    {"refers_to", true,
     [](const Entry& e, const BillBooks&) { return std::to_string(e.refers_to); }},
    {"correction", true,
     [](const Entry& e, const BillBooks&) { return std::string(e.correction ? "1" : "0"); }},
    {"fate", false,
     [](const Entry& e, const BillBooks&) {
       return e.fate == ledger::Fate::none ? "" : std::string(ledger::fate_name(e.fate));
     }},
    {"postings", false, [](const Entry& e, const BillBooks&) { return postings_text(e); }},
    {"note", false, [](const Entry& e, const BillBooks&) { return e.note.str(); }},
};

std::string csv_head() {
  std::string text;
  for (const Column& column : kColumns)
    text += (text.empty() ? "" : ",") + std::string(column.name);
  return text + "\r\n";
}

void add_csv(std::string& text, const Entry& entry, const BillBooks& books) {
  bool first = true;
  for (const Column& column : kColumns) {
    if (!std::exchange(first, false)) text += ',';
    text += quoted(column.text(entry, books));
  }
  text += "\r\n";
}

// Decimals stay texts: they are exact.
void add_json(JsonWriter& json, const Entry& entry, const BillBooks& books) {
  json.open_object();
  for (const Column& column : kColumns) {
    const std::string text = column.text(entry, books);
    const bool whole =
        column.number && text.find('.') == std::string::npos && text.size() < 18 && !text.empty();
    if (whole) {
      json.member(column.name, std::int64_t{std::stoll(text)});
    } else {
      json.member(column.name, text);
    }
  }
  json.close();
}

Result<EntriesRead> read_plain(Client& client, const wire::QueryEntries& query,
                               const BillBooks& books, const ExportOptions& options,
                               std::string& text) {
  if (options.format == "csv") {
    text = csv_head();
    return read_entries(client, query, [&](const Entry& entry) { add_csv(text, entry, books); });
  }
  JsonWriter json(report::DocumentStyle::json);
  json.open_array();
  Result<EntriesRead> read =
      read_entries(client, query, [&](const Entry& entry) { add_json(json, entry, books); });
  json.close();
  text = json.take();
  return read;
}

Result<EntriesRead> read_focus(Client& client, const wire::QueryEntries& query,
                               const BillBooks& books, const ExportOptions& options,
                               std::string& text) {
  const ledger::FocusVersion version =
      options.focus_version == "1.4" ? ledger::FocusVersion::v1_4 : ledger::FocusVersion::v1_2;
  const ledger::FocusForm form =
      options.format == "focus" ? ledger::FocusForm::csv : ledger::FocusForm::json;
  ledger::FocusWriter writer(version, form, options.site);
  writer.head(text);
  Result<EntriesRead> read = read_entries(client, query, [&](const Entry& entry) {
    const ledger::Customer* customer = books.customer(entry.customer);
    if (customer == nullptr) return;
    const ledger::Package* package = books.package(entry.package);
    const auto row =
        ledger::focus_row(entry, {*customer, options.site, books.reply().closed, package});
    if (row) writer.row(text, *row);
  });
  writer.tail(text);
  return read;
}

}  // namespace

Status export_month(Client& client, ExportOptions options) {
  const Result<ledger::Month> month = ledger::parse_month(options.month);
  if (!month) return tl::unexpected(month.error());
  const Result<BillBooks> books = BillBooks::fetch(client);
  if (!books) return tl::unexpected(books.error());
  wire::QueryEntries query;
  query.month = *month;
  query.account = options.account;
  if (!options.customer.empty()) {
    const auto customer = books->customer(options.customer);
    if (!customer) return tl::unexpected(customer.error());
    query.customer = (*customer)->id;
  }
  options.site.cluster = books->reply().cluster;
  if (options.site.provider.empty()) options.site.provider = options.site.cluster;
  std::string text;
  const bool focus = options.format == "focus" || options.format == "focus-json";
  const Result<EntriesRead> read = focus ? read_focus(client, query, *books, options, text)
                                         : read_plain(client, query, *books, options, text);
  if (!read) return tl::unexpected(read.error());
  return write_result(options.output, text);
}

}  // namespace sluice::cli
