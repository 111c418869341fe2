// See the header.
#include "cli/sluice/bill_actions.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/file.hpp"
#include "base/strings.hpp"
#include "cli/sluice/bill_invoice.hpp"
#include "cli/sluice/bill_text.hpp"
#include "config/price_file.hpp"

namespace sluice::cli {

namespace {

using ledger::EntryKind;
using ledger::Money;

constexpr std::size_t kMaxPriceFile = 16 * 1024 * 1024;
constexpr CallOptions kLong{.answer_ms = 15 * 60'000};  // what reads the whole ledger

tl::unexpected<Error> wrong(std::string text) {
  return fail(ErrorCode::invalid_argument, std::move(text));
}

Result<Money> amount_of(const char* what, const std::string& text) {
  Result<Money> amount = ledger::parse_money(text);
  if (amount) return amount;
  return wrong(fmt::format("{}: expected an amount like 12.50, not \"{}\"", what, text));
}

Result<std::uint32_t> number_of(const char* what, const std::string& text) {
  const bool digits = !text.empty() && text.size() < 10 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  if (digits) return static_cast<std::uint32_t>(std::stoul(text));
  return wrong(fmt::format("{}: expected a number, not \"{}\"", what, text));
}

// Percent with one decimal: thousandths.
Result<std::uint32_t> discount_of(const std::string& text) {
  const Result<Money> percent = ledger::parse_money(text);
  constexpr Money kThousandth = ledger::kMicro / 10;
  if (percent && *percent >= 0 && *percent <= 100 * ledger::kMicro && *percent % kThousandth == 0) {
    return static_cast<std::uint32_t>(*percent / kThousandth);
  }
  return wrong("--discount: expected percent, with one decimal");
}

template <class Value>
Status put(Result<Value> from, Value& to) {
  if (!from) return tl::unexpected(from.error());
  to = std::move(*from);
  return {};
}

Status put_warnings(const std::string& text, std::vector<Money>& to) {
  to.clear();
  for (const std::string_view piece : base::split_nonempty(text, ',')) {
    const Result<Money> one = amount_of("--warn-at", std::string(base::trim(piece)));
    if (!one) return tl::unexpected(one.error());
    to.push_back(*one);
  }
  std::ranges::sort(to, std::greater{});
  return {};
}

Status put_amounts(const CustomerOptions& options, ledger::Customer& customer) {
  if (!options.discount.empty()) {
    if (Status done = put(discount_of(options.discount), customer.discount); !done) return done;
  }
  if (!options.credit_limit.empty()) {
    const auto given = amount_of("--credit-limit", options.credit_limit);
    if (Status done = put(given, customer.credit_limit); !done) return done;
  }
  if (base::iequals(options.overdraft, "unlimited")) {
    customer.overdraft = ledger::kUnlimitedMoney;
  } else if (!options.overdraft.empty()) {
    const auto given = amount_of("--overdraft", options.overdraft);
    if (Status done = put(given, customer.overdraft); !done) return done;
  }
  if (!options.grace.empty()) {
    if (Status done = put(number_of("--grace", options.grace), customer.grace_s); !done)
      return done;
  }
  if (!options.hold_hours.empty()) {
    const auto given = number_of("--hold-hours", options.hold_hours);
    if (Status done = put(given, customer.hold_hours); !done) return done;
  }
  return options.warn_at.empty() ? Status() : put_warnings(options.warn_at, customer.warn_at);
}

Status put_all(const CustomerOptions& options, ledger::Customer& customer) {
  const auto take = [](const std::string& from, Text& to) {
    if (!from.empty()) to = from;
  };
  take(options.account, customer.account);
  take(options.currency, customer.currency);
  take(options.book, customer.book);
  take(options.display_name, customer.display_name);
  take(options.address, customer.address);
  if (!options.kind.empty()) {
    const bool postpaid = options.kind == "postpaid";
    if (!postpaid && options.kind != "prepaid") return wrong("--kind: prepaid or postpaid");
    customer.kind = postpaid ? ledger::CustomerKind::postpaid : ledger::CustomerKind::prepaid;
  }
  if (!options.closed.empty()) {
    if (options.closed != "yes" && options.closed != "no") return wrong("--closed: yes or no");
    customer.closed = options.closed == "yes";
  }
  return put_amounts(options, customer);
}

Result<std::string> send_customer(Client& client, const CustomerOptions& options,
                                  ledger::Customer customer) {
  if (Status filled = put_all(options, customer); !filled) return tl::unexpected(filled.error());
  wire::LoadPrices request;
  request.request_id = *request_id_of("");
  request.keep_books = true;
  request.customers.push_back(std::move(customer));
  const auto reply = client.call<wire::LoadPricesReply>(request);
  if (!reply) return tl::unexpected(reply.error());
  if (reply->refused) return wrong("customer " + options.name + ": " + reply->text.str());
  return std::string(reply->entries.empty() ? "Nothing to change.\n"
                                            : "Customer " + options.name + ": done.\n");
}

// Where it is wrong, by file and line.
Error refusal(const config::PriceFile& file, const wire::LoadPricesReply& reply) {
  ledger::LoadFault fault;
  fault.text = reply.text;
  if (reply.book != 0) {
    ledger::PriceFault price;
    price.book = reply.book - 1;
    if (reply.price != 0) price.price = reply.price - 1;
    price.key = reply.key;
    price.text = reply.text;
    fault.price = std::move(price);
  }
  if (reply.customer != 0) fault.customer = reply.customer - 1;
  return {ErrorCode::invalid_argument, file.say(fault)};
}

Status fill_package(const MoneyOptions& options, wire::PackageOrder& package) {
  package.name = options.name;
  package.meter = options.meter;
  package.unit = options.unit;
  package.service = options.service;
  const Result<std::uint32_t> units = number_of("--units", options.units);
  if (!units) return tl::unexpected(units.error());
  package.units = *units;
  if (options.until.empty()) return {};
  return put(ledger::parse_utc(options.until), package.expires);
}

Result<std::pair<ledger::WallTime, ledger::WallTime>> times_of(const StatementOptions& options) {
  std::pair<ledger::WallTime, ledger::WallTime> times{0, 0};
  if (!options.from.empty()) {
    if (Status done = put(ledger::parse_utc(options.from), times.first); !done) {
      return tl::unexpected(done.error());
    }
  }
  if (!options.to.empty()) {
    if (Status done = put(ledger::parse_utc(options.to), times.second); !done) {
      return tl::unexpected(done.error());
    }
  }
  return times;
}

}  // namespace

Result<std::string> add_customer(Client& client, const CustomerOptions& options) {
  const Result<BillBooks> books = BillBooks::fetch(client);
  if (!books) return tl::unexpected(books.error());
  if (books->customer(options.name)) return wrong("customer " + options.name + " exists already");
  ledger::Customer made;
  made.name = options.name;
  return send_customer(client, options, std::move(made));
}

Result<std::string> set_customer(Client& client, const CustomerOptions& options) {
  const Result<BillBooks> books = BillBooks::fetch(client);
  if (!books) return tl::unexpected(books.error());
  const auto known = books->customer(options.name);
  if (!known) return tl::unexpected(known.error());
  return send_customer(client, options, **known);
}

Result<std::string> load_prices(Client& client, const PricesOptions& options) {
  const Result<std::string> text = base::read_file(options.file, kMaxPriceFile);
  if (!text) return tl::unexpected(text.error());
  const Result<config::PriceFile> file = config::parse_price_file(*text, options.file);
  if (!file) return tl::unexpected(file.error());
  wire::LoadPrices request;
  request.request_id = *request_id_of("");
  request.books = file->load.books;
  request.keep_books = file->load.keep_books;
  request.customers = file->load.customers;
  request.check_only = options.check_only;
  const auto reply = client.call<wire::LoadPricesReply>(request);
  if (!reply) return tl::unexpected(reply.error());
  if (reply->refused) return tl::unexpected(refusal(*file, *reply));
  if (options.check_only) return options.file + ": no fault\n";
  const auto count = [&](EntryKind kind) {
    return std::ranges::count(reply->entries, kind, &ledger::Entry::kind);
  };
  return fmt::format("{}: {} price books and {} customers are new or changed\n", options.file,
                     count(EntryKind::prices), count(EntryKind::customer));
}

Result<std::string> move_money(Client& client, const MoneyOptions& options) {
  wire::PostMoney request;
  request.kind = options.kind;
  request.customer = options.customer;
  request.to = options.to;
  request.note = options.note;
  request.refers_to = options.entry;
  const Result<Uid128> id = request_id_of(options.request_id);
  if (!id) return tl::unexpected(id.error());
  request.request_id = *id;
  if (options.kind == EntryKind::closing) {
    const Result<ledger::Month> month = ledger::parse_month(options.month);
    if (!month) return tl::unexpected(month.error());
    request.month = *month;
  } else {
    const Result<Money> amount = amount_of("amount", options.amount);
    if (!amount) return tl::unexpected(amount.error());
    request.amount = *amount;
  }
  if (options.kind == EntryKind::purchase) {
    if (Status filled = fill_package(options, request.package); !filled) {
      return tl::unexpected(filled.error());
    }
  }
  const auto reply = client.call<wire::PostedReply>(request, kLong);
  if (!reply) return tl::unexpected(reply.error());
  return posted_text(*reply);
}

Result<std::string> statement(Client& client, const StatementOptions& options) {
  const auto times = times_of(options);
  if (!times) return tl::unexpected(times.error());
  const Result<BillBooks> books = BillBooks::fetch(client);
  if (!books) return tl::unexpected(books.error());
  const auto customer = books->customer(options.customer);
  if (!customer) return tl::unexpected(customer.error());
  ledger::StatementBuilder builder((*customer)->id, times->first, times->second);
  if (options.by_job) builder.by_job();
  wire::QueryEntries query;
  query.customer = (*customer)->id;
  query.from = times->first;
  query.to = times->second;
  query.with_opening = true;
  bool whole = false;
  const auto read = read_entries(
      client, query, [&](const ledger::Entry& entry) { builder.add(entry); },
      [&](const ledger::Balance& before) {
        builder.opening(before);
        whole = true;
      });
  if (!read) return tl::unexpected(read.error());
  const ledger::Statement made = builder.take();
  return options.json ? statement_json(made, **customer, whole)
                      : statement_text(made, **customer, whole);
}

Result<std::string> invoice(Client& client, const InvoiceOptions& options) {
  const auto form = find_invoice_form(options.format);
  if (!form) return wrong("--format: text, csv, json or html");
  const Result<ledger::Month> month = ledger::parse_month(options.month);
  if (!month) return tl::unexpected(month.error());
  const Result<BillBooks> books = BillBooks::fetch(client);
  if (!books) return tl::unexpected(books.error());
  const auto customer = books->customer(options.customer);
  if (!customer) return tl::unexpected(customer.error());
  ledger::InvoiceBuilder builder(**customer, *month);
  wire::QueryEntries query;
  query.customer = (*customer)->id;
  query.month = *month;
  const auto read =
      read_entries(client, query, [&](const ledger::Entry& entry) { builder.add(entry); });
  if (!read) return tl::unexpected(read.error());
  if (read->partial) {
    return fail(
        ErrorCode::access_denied,
        "the invoice has entries that you may not see; `sluice bill statement` shows yours");
  }
  const Result<ledger::Invoice> made = builder.take();
  if (!made) return tl::unexpected(made.error());
  const std::string issuer = options.issuer.empty() ? books->reply().cluster.str() : options.issuer;
  return invoice_document(*made, issuer, *form);
}

Result<std::string> verify(Client& client) {
  const auto reply = client.call<wire::VerifyBooksReply>(wire::VerifyBooks{}, kLong);
  if (!reply) return tl::unexpected(reply.error());
  if (reply->sound) {
    return fmt::format("{} entries, all sound; the chain ends with {}\n", reply->entries,
                       reply->head.view());
  }
  return fail(ErrorCode::storage,
              reply->entry == 0
                  ? "the ledger is wrong: " + reply->finding.str()
                  : fmt::format("entry {} is wrong: {}", reply->entry, reply->finding.view()));
}

}  // namespace sluice::cli
