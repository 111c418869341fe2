// See the header. Here: the words of the command line.
#include "cli/sluice/bill.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/env.hpp"
#include "base/fd.hpp"
#include "cli/sluice/bill_actions.hpp"
#include "cli/sluice/bill_export.hpp"
#include "cli/sluice/bill_text.hpp"
#include "cli/sluice/cluster_dir.hpp"

namespace sluice::cli {

namespace {

using ledger::EntryKind;
using Action = std::function<Result<std::string>(Client&)>;

// Each subcommand sets what is to be done; the last one parsed is.
struct Commands {
  Action action;
  CustomerOptions customer;
  PricesOptions prices;
  MoneyOptions money;
  StatementOptions statement;
  InvoiceOptions invoice;
  ExportOptions exported;
  std::string name;
  std::string output;
  bool json = false;
};

void add_customers(CLI::App& app, Commands& c) {
  CLI::App* customer = app.add_subcommand("customer", "who pays: add, set, list");
  customer->require_subcommand(1);
  CLI::App* list = customer->add_subcommand("list", "all customers");
  list->add_flag("--json", c.json, "print JSON");
  list->callback([&c] {
    c.action = [&c](Client& client) -> Result<std::string> {
      const Result<BillBooks> books = BillBooks::fetch(client);
      if (!books) return tl::unexpected(books.error());
      return c.json ? customers_json(*books) : customers_text(*books);
    };
  });
  for (const bool is_new : {true, false}) {
    CLI::App* edit = is_new ? customer->add_subcommand("add", "a new customer")
                            : customer->add_subcommand("set", "change a customer");
    CustomerOptions& o = c.customer;
    edit->add_option("name", o.name, "the customer")->required();
    edit->add_option("--account", o.account, "its account: all below it is its too")
        ->required(is_new);
    edit->add_option("--currency", o.currency, "of ISO 4217")->required(is_new);
    edit->add_option("--book", o.book, "its price book")->required(is_new);
    edit->add_option("--kind", o.kind, "prepaid (the default) or postpaid");
    edit->add_option("--discount", o.discount, "percent off the list price");
    edit->add_option("--credit-limit", o.credit_limit, "of postpaid customers");
    edit->add_option("--overdraft", o.overdraft, "how far running jobs may go below zero");
    edit->add_option("--grace", o.grace, "seconds until they end then");
    edit->add_option("--hold-hours", o.hold_hours, "hold so much ahead; 0: the time limit");
    edit->add_option("--warn-at", o.warn_at, "amounts, as 100,10");
    edit->add_option("--closed", o.closed, "yes: starts nothing more");
    edit->add_option("--display-name", o.display_name, "on invoices");
    edit->add_option("--address", o.address, "on invoices");
    edit->callback([&c, is_new] {
      c.action = [&c, is_new](Client& client) {
        return is_new ? add_customer(client, c.customer) : set_customer(client, c.customer);
      };
    });
  }
}

void add_prices(CLI::App& app, Commands& c) {
  CLI::App* prices = app.add_subcommand("prices", "price books: load, check, show");
  prices->require_subcommand(1);
  for (const bool check : {false, true}) {
    CLI::App* load = check ? prices->add_subcommand("check", "say what is wrong with a file")
                           : prices->add_subcommand("load", "take over a file, all or nothing");
    load->add_option("file", c.prices.file, "the price file")->required();
    load->callback([&c, check] {
      c.prices.check_only = check;
      c.action = [&c](Client& client) { return load_prices(client, c.prices); };
    });
  }
  CLI::App* show = prices->add_subcommand("show", "all price books");
  show->add_flag("--json", c.json, "print JSON");
  show->callback([&c] {
    c.action = [&c](Client& client) -> Result<std::string> {
      const Result<BillBooks> books = BillBooks::fetch(client);
      if (!books) return tl::unexpected(books.error());
      return c.json ? prices_json(*books) : prices_text(*books);
    };
  });
}

CLI::App* money_command(CLI::App& app, Commands& c, const char* name, const char* help,
                        EntryKind kind) {
  CLI::App* command = app.add_subcommand(name, help);
  command->add_option("--note", c.money.note, "kept with the entry");
  command->add_option("--request-id", c.money.request_id,
                      "32 hexadecimal digits: repeated with the same id it is done once");
  command->callback([&c, kind] {
    c.money.kind = kind;
    c.action = [&c](Client& client) { return move_money(client, c.money); };
  });
  return command;
}

void add_money(CLI::App& app, Commands& c) {
  struct Simple {
    const char* name;
    const char* help;
    EntryKind kind;
  };
  constexpr Simple kSimple[] = {
      {"topup", "money comes in", EntryKind::topup},
      {"withdraw", "money is paid back", EntryKind::withdrawal},
      {"pay", "an invoice is paid", EntryKind::payment},
      {"credit", "a gift", EntryKind::credit},
      {"adjust", "a correction, which may be below zero", EntryKind::correction},
  };
  MoneyOptions& o = c.money;
  for (const Simple& one : kSimple) {
    CLI::App* command = money_command(app, c, one.name, one.help, one.kind);
    command->add_option("customer", o.customer, "the customer")->required();
    command->add_option("amount", o.amount, "in the customer's currency")->required();
    if (one.kind == EntryKind::correction) {
      command->add_option("--entry", o.entry, "the entry that was wrong");
    }
  }
  CLI::App* refund = money_command(app, c, "refund", "give a charge back", EntryKind::refund);
  refund->add_option("entry", o.entry, "the charge")->required();
  refund->add_option("amount", o.amount, "at most what it cost")->required();
  CLI::App* move = money_command(app, c, "transfer", "to another customer", EntryKind::transfer);
  move->add_option("from", o.customer, "who gives")->required();
  move->add_option("to", o.to, "who gets")->required();
  move->add_option("amount", o.amount, "how much")->required();
  CLI::App* buy = money_command(app, c, "buy", "a package of hours", EntryKind::purchase);
  buy->add_option("customer", o.customer, "the customer")->required();
  buy->add_option("name", o.name, "of the package")->required();
  buy->add_option("--meter", o.meter, "cpu, mem, node, gres/gpu:a100, ...")->required();
  buy->add_option("--units", o.units, "how many hours of it")->required();
  buy->add_option("--price", o.amount, "of all of them")->required();
  buy->add_option("--unit", o.unit, "as in price files");
  buy->add_option("--service", o.service, "as invoices name it");
  buy->add_option("--until", o.until, "a date; what is left then is gone");
  CLI::App* close = money_command(app, c, "close", "a month: invoices, and no change after that",
                                  EntryKind::closing);
  close->add_option("month", o.month, "2026-11")->required();
}

void add_readings(CLI::App& app, Commands& c) {
  CLI::App* balance = app.add_subcommand("balance", "what is left");
  balance->add_option("customer", c.name, "default: all that you may see");
  balance->add_flag("--json", c.json, "print JSON");
  balance->callback([&c] {
    c.action = [&c](Client& client) -> Result<std::string> {
      const Result<BillBooks> books = BillBooks::fetch(client);
      if (!books) return tl::unexpected(books.error());
      std::uint32_t id = 0;
      if (!c.name.empty()) {
        const auto customer = books->customer(c.name);
        if (!customer) return tl::unexpected(customer.error());
        id = (*customer)->id;
        if (books->balance(id) == nullptr) return fail(ErrorCode::access_denied);
      }
      return c.json ? balances_json(*books, id) : balances_text(*books, id);
    };
  });
  CLI::App* statement_of = app.add_subcommand("statement", "what happened");
  statement_of->add_option("customer", c.statement.customer, "default: the only one");
  statement_of->add_option("--from", c.statement.from, "a date, or a time (UTC)");
  statement_of->add_option("--to", c.statement.to, "before this");
  statement_of->add_flag("--by-job", c.statement.by_job, "a line for each job");
  statement_of->add_flag("--json", c.statement.json, "print JSON");
  statement_of->callback(
      [&c] { c.action = [&c](Client& client) { return statement(client, c.statement); }; });
  CLI::App* invoice_of = app.add_subcommand("invoice", "of a month");
  invoice_of->add_option("customer", c.invoice.customer, "default: the only one");
  invoice_of->add_option("--month", c.invoice.month, "2026-11")->required();
  invoice_of->add_option("--format", c.invoice.format, "text, csv, json or html");
  invoice_of->add_option("--issuer", c.invoice.issuer, "who sends it");
  invoice_of->add_option("--output", c.output, "a file");
  invoice_of->callback(
      [&c] { c.action = [&c](Client& client) { return invoice(client, c.invoice); }; });
  CLI::App* verify_all = app.add_subcommand("verify", "recompute everything from the entries");
  verify_all->callback([&c] { c.action = [](Client& client) { return verify(client); }; });
}

void add_export(CLI::App& app, Commands& c) {
  ExportOptions& o = c.exported;
  CLI::App* exported = app.add_subcommand("export", "a month's entries for other programs");
  exported->add_option("--format", o.format, "focus, focus-json, csv or json")
      ->check(CLI::IsMember({"focus", "focus-json", "csv", "json"}));
  exported->add_option("--month", o.month, "2026-11")->required();
  exported->add_option("--customer", o.customer, "default: all");
  exported->add_option("--account", o.account, "only what its jobs used");
  exported->add_option("--focus-version", o.focus_version, "1.2 or 1.4")
      ->check(CLI::IsMember({"1.2", "1.4"}));
  exported->add_option("--output", o.output, "a file (default: standard output)");
  exported->add_option("--provider", o.site.provider, "who sends the bill");
  exported->add_option("--host", o.site.host, "whose machines they are");
  exported->add_option("--region-id", o.site.region_id, "where they stand");
  exported->add_option("--region-name", o.site.region_name, "its name");
  exported->callback([&c] {
    c.action = [&c](Client& client) -> Result<std::string> {
      if (Status done = export_month(client, c.exported); !done) {
        return tl::unexpected(done.error());
      }
      return std::string();
    };
  });
}

// The options are sbatch's own.
int run_quote(int argc, char** argv) {
  std::string program = program_folder() + "/sbatch";
  std::string option = "--quote";
  std::vector<char*> words{program.data(), option.data()};
  for (int i = 2; i < argc; ++i) words.push_back(argv[i]);
  words.push_back(nullptr);
  ::execv(program.c_str(), words.data());
  const Error error = base::errno_error(program, errno);
  std::fprintf(stderr, "sluice: error: %s\n", error.text.c_str());
  return 1;
}

Status carry_out(Commands& commands) {
  Result<Client> client = Client::create(base::Environment::of_process());
  if (!client) return tl::unexpected(client.error());
  const Result<std::string> text = commands.action(*client);
  if (!text) return tl::unexpected(text.error());
  return text->empty() ? Status() : write_result(commands.output, *text);
}

}  // namespace

int run_bill(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "quote") return run_quote(argc, argv);
  CLI::App app{"Customers, prices, money, invoices; see sluice-bill(1)", "sluice bill"};
  app.require_subcommand(1);
  app.add_subcommand("quote", "what a job would cost; options as sbatch's");
  Commands commands;
  add_customers(app, commands);
  add_prices(app, commands);
  add_money(app, commands);
  add_readings(app, commands);
  add_export(app, commands);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    if (wrong.get_exit_code() == 0) return app.exit(wrong);  // --help
    std::fprintf(stderr, "sluice: error: %s\n", wrong.what());
    return 1;
  }
  const Status done = carry_out(commands);
  if (done) return 0;
  std::fprintf(stderr, "sluice: error: %s\n", as_seen_by_user(done.error()).text.c_str());
  return 1;
}

}  // namespace sluice::cli
