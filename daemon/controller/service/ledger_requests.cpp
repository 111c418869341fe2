// Requests on money: prices and customers, movements, the books, quotes. The core decides; the
// entries, the answer and the request id are one commit.
#include <algorithm>
#include <map>
#include <utility>

#include "core/billing_request.hpp"
#include "daemon/controller/service/service.hpp"
#include "ledger/books.hpp"
#include "wire/books_messages.hpp"
#include "wire/ledger_messages.hpp"
#include "wire/quote_messages.hpp"

namespace sluice::controller {

namespace {

constexpr std::size_t kMaxText = 4096;

Status check_sizes(const wire::PostMoney& request) {
  for (const Text* text :
       {&request.customer, &request.to, &request.note, &request.package.name,
        &request.package.meter, &request.package.unit, &request.package.service}) {
    if (text->size() > kMaxText) {
      return fail(ErrorCode::invalid_argument, "a text of the request is too long");
    }
  }
  return {};
}

core::Bill bill(core::BillingRequest request) {
  return {std::make_shared<const core::BillingRequest>(std::move(request))};
}

wire::LoadPricesReply reply_of(const core::BillingAnswer& answer) {
  wire::LoadPricesReply message;
  message.entries = answer.entries;
  if (!answer.fault) return message;
  const ledger::LoadFault& fault = *answer.fault;
  message.refused = true;
  message.text = fault.text;
  if (fault.price) {
    message.book = static_cast<std::uint32_t>(fault.price->book + 1);
    if (fault.price->price) message.price = static_cast<std::uint32_t>(*fault.price->price + 1);
    message.key = fault.price->key;
    message.text = fault.price->text;
  }
  if (fault.customer) message.customer = static_cast<std::uint32_t>(*fault.customer + 1);
  return message;
}

// Closing a month may charge all that runs: who asked wants the invoices.
wire::PostedReply posted_reply(const core::BillingAnswer& answer, ledger::EntryKind kind) {
  wire::PostedReply message;
  message.repeated = answer.repeated;
  for (const ledger::Entry& entry : answer.entries) {
    const bool wanted = kind != ledger::EntryKind::closing ||
                        entry.kind == ledger::EntryKind::closing ||
                        entry.kind == ledger::EntryKind::invoice;
    if (wanted) message.entries.push_back(entry);
  }
  return message;
}

wire::QuotedPart part_of(const core::JobQuote& quoted) {
  wire::QuotedPart part;
  part.customer = quoted.customer;
  part.currency = quoted.currency;
  part.account = quoted.account;
  part.book = quoted.book;
  part.tasks = quoted.tasks;
  part.limit_s = quoted.limit_s;
  part.unlimited = quoted.unlimited;
  part.allotment = quoted.allotment;
  for (const ledger::QuoteLine& line : quoted.quote.lines) {
    part.lines.push_back(
        {line.price, line.count, line.from, line.to, line.priced, line.list, line.contracted});
  }
  part.list = quoted.quote.list;
  part.contracted = quoted.quote.contracted;
  part.most = quoted.quote.most;
  part.held = quoted.held;
  part.available = quoted.available;
  return part;
}

// What has been refunded of a charge, by entry, since this process started.
using Refunded = std::map<std::uint64_t, ledger::Money>;

// As stored, and what is on its way there.
Result<store::ChargeFacts> charge_facts(Env& env, const Refunded& refunded, std::uint64_t entry) {
  Result<store::ChargeFacts> facts = env.charge_facts(entry);
  if (!facts) return facts;
  const auto known = refunded.find(entry);
  if (known != refunded.end()) facts->refunded = std::max(facts->refunded, known->second);
  return facts;
}

// Refunds and corrections of an entry.
void name_subject(core::BillingRequest& asked, const wire::PostMoney& request,
                  const store::ChargeFacts& facts) {
  asked.subject = facts.entry;
  if (request.kind == ledger::EntryKind::refund) {
    asked.what = ledger::RefundRequest{asked.subject.get(), facts.refunded, facts.given_back,
                                       request.amount};
  } else {
    asked.what =
        core::MoveMoney{request.kind, {request.customer, request.amount, asked.subject.get()}};
  }
}

void fill(core::BillingRequest& asked, const wire::PostMoney& request) {
  const wire::PackageOrder& order = request.package;
  switch (request.kind) {
    case ledger::EntryKind::transfer:
      asked.what = ledger::TransferRequest{request.customer, request.to, request.amount};
      return;
    case ledger::EntryKind::purchase:
      asked.what = ledger::PackageRequest{.customer = request.customer,
                                          .name = order.name,
                                          .meter = order.meter,
                                          .unit = order.unit,
                                          .service = order.service,
                                          .units = order.units,
                                          .price = request.amount,
                                          .expires = order.expires};
      return;
    case ledger::EntryKind::closing: asked.what = core::CloseMonth{request.month}; return;
    default:
      asked.what = core::MoveMoney{request.kind, {request.customer, request.amount, nullptr}};
  }
}

}  // namespace

void Service::handle(const Call& call, wire::LoadPrices& request) {
  if (answer_again(call, request.request_id)) return;
  core::LoadPrices load;
  load.load.books = std::move(request.books);
  load.load.keep_books = request.keep_books;
  load.load.customers = std::move(request.customers);
  load.check_only = request.check_only;
  core::BillingRequest asked{.uid = call.peer.uid, .what = std::move(load)};
  core::Changes changes = cluster_.apply(bill(std::move(asked)), env_.now());
  if (!changes.outcome) return refuse(call, changes.outcome.error());
  const wire::LoadPricesReply message = reply_of(*changes.billed);
  // What changed nothing can be asked again.
  const bool nothing = message.refused || request.check_only;
  answer_stored(call, nothing ? Uid128() : request.request_id, std::move(changes),
                wire::LoadPricesReply::kType, wire::encode(message));
}

void Service::handle(const Call& call, wire::PostMoney& request) {
  if (answer_again(call, request.request_id)) return;
  if (Status sizes = check_sizes(request); !sizes) return refuse(call, sizes.error());
  core::BillingRequest asked{
      .uid = call.peer.uid, .request_id = request.request_id, .note = request.note, .what = {}};
  ledger::Money refunded = 0;
  if (request.kind == ledger::EntryKind::refund || request.refers_to != 0) {
    const Result<store::ChargeFacts> facts = charge_facts(env_, refunded_, request.refers_to);
    if (!facts) return refuse(call, facts.error());
    name_subject(asked, request, *facts);
    refunded = facts->refunded + request.amount;
  } else {
    fill(asked, request);
  }
  core::Changes changes = cluster_.apply(bill(std::move(asked)), env_.now());
  if (!changes.outcome) return refuse(call, changes.outcome.error());
  const bool is_new = changes.billed->repeated == 0;
  const bool is_refund = request.kind == ledger::EntryKind::refund;
  if (is_refund && is_new) refunded_[request.refers_to] = refunded;
  const wire::PostedReply message = posted_reply(*changes.billed, request.kind);
  answer_stored(call, request.request_id, std::move(changes), wire::PostedReply::kType,
                wire::encode(message));
}

LedgerSight Service::ledger_sight(const auth::Peer& peer) const {
  LedgerSight sight;
  const bool here = peer.trusted_host() || has_job_on_its_host(peer);
  const auth::Level level = auth::effective_level(peer, level_of(peer.uid), here);
  sight.all = level >= auth::Level::operator_;
  if (sight.all || level == auth::Level::none) return sight;
  sight.user = env_.user_facts(peer.uid).user;
  if (!peer.trusted_host()) return sight;
  const core::AccountTree& tree = cluster_.accounts();
  for (const model::Account& account : tree.accounts().accounts) {
    if (tree.is_coordinator(sight.user, account.name)) sight.coordinates.insert(account.name.str());
  }
  if (sight.coordinates.empty() || cluster_.books() == nullptr) return sight;
  for (const ledger::Customer* customer : cluster_.books()->customers()) {
    if (sight.coordinates.contains(customer->account.view())) sight.customers.insert(customer->id);
  }
  return sight;
}

// Everybody may know what use costs; whose customers there are, those who belong to them.
void Service::handle(const Call& call, wire::QueryBooks& request) {
  wire::BooksReply message;
  message.cluster = options_.settings->cluster_name;
  message.now = env_.now().wall;
  const ledger::Books* books = cluster_.books();
  if (books == nullptr) return reply(env_, call.session, call.id, message);
  const LedgerSight sight = ledger_sight(call.peer);
  const core::AccountTree& tree = cluster_.accounts();
  message.closed = books->closed();
  message.attempts = static_cast<std::uint32_t>(books->attempts());
  message.sequence = books->last_entry();
  for (const ledger::PriceBookPtr& book : books->prices().books()) message.prices.push_back(*book);
  const auto belongs = [&](const ledger::Customer& customer) {
    const core::AccountTree::Place root = tree.find_account(customer.account);
    return std::ranges::any_of(tree.of_user(sight.user), [&](core::AccountTree::Place own) {
      return root != core::AccountTree::kNoPlace && tree.is_within(own, root);
    });
  };
  for (const ledger::Customer* customer : books->customers()) {
    if (!request.customer.empty() && customer->name != request.customer) continue;
    const bool sees_money = sight.all || sight.customers.contains(customer->id);
    if (!sees_money && !belongs(*customer)) continue;
    message.customers.push_back(*customer);
    if (!sees_money) continue;
    message.balances.push_back(books->balance(customer->id));
    for (const ledger::Package* package : books->all_packages(customer->id)) {
      message.packages.push_back(*package);
    }
  }
  reply(env_, call.session, call.id, message);
}

void Service::handle(const Call& call, wire::QuoteSubmit& request) {
  store::Transaction unused;
  core::QuoteJob quote;
  for (wire::Submit& part : request.parts) {
    Result<core::SubmitJob> made = submission(call, part, unused);
    if (!made) return refuse(call, made.error());
    quote.parts.push_back(std::move(*made));
  }
  core::BillingRequest asked{.uid = call.peer.uid, .what = std::move(quote)};
  core::Changes changes = cluster_.apply(bill(std::move(asked)), env_.now());
  if (!changes.outcome) return refuse(call, changes.outcome.error());
  wire::QuoteReply message;
  for (const core::JobQuote& quoted : changes.billed->quotes) {
    message.parts.push_back(part_of(quoted));
  }
  commit(std::move(changes), {});
  reply(env_, call.session, call.id, message);
}

}  // namespace sluice::controller
