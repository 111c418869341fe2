// See invoice.hpp.
#include "ledger/invoice.hpp"

#include <fmt/core.h>

namespace sluice::ledger {

std::string invoice_id(std::uint32_t customer, Month month) {
  const std::string text = month_text(month);
  return fmt::format("{}{}-{:04}", text.substr(0, text.size() - 3), text.substr(text.size() - 2),
                     customer);
}

StatementBuilder::StatementBuilder(std::uint32_t customer, WallTime from, WallTime to) {
  statement_.customer = statement_.before.customer = statement_.after.customer = customer;
  statement_.from = from;
  statement_.to = to;
}

void StatementBuilder::add(const Entry& entry) {
  if (entry.customer != statement_.customer) return;
  if (statement_.to != 0 && entry.time >= statement_.to) return;
  post(entry, statement_.after);
  if (entry.time < statement_.from) {
    post(entry, statement_.before);
  } else {
    lines_.add(entry);
  }
}

Statement StatementBuilder::take() const {
  Statement statement = statement_;
  statement.usage = lines_.usage();
  statement.money = lines_.money();
  statement.totals = lines_.totals();
  return statement;
}

InvoiceBuilder::InvoiceBuilder(const Customer& customer, Month month) {
  invoice_.id = invoice_id(customer.id, month);
  invoice_.customer = customer.id;
  invoice_.kind = customer.kind;
  invoice_.name = customer.display_name.empty() ? customer.name : customer.display_name;
  invoice_.address = customer.address;
  invoice_.currency = customer.currency;
  invoice_.month = month;
}

void InvoiceBuilder::add(const Entry& entry) {
  if (entry.customer != invoice_.customer || entry.month != invoice_.month) return;
  if (entry.kind == EntryKind::payment) return;  // of an earlier invoice
  if (entry.kind == EntryKind::notice) return;
  if (entry.kind != EntryKind::invoice) return lines_.add(entry);
  invoice_.issued = true;
  invoice_.issued_at = entry.time;
  invoice_.entry = entry.sequence;
  said_ = entry.amount;
}

Result<Invoice> InvoiceBuilder::take() const {
  Invoice invoice = invoice_;
  invoice.usage = lines_.usage();
  invoice.money = lines_.money();
  invoice.totals = lines_.totals();
  invoice.amount = invoice.totals.billed;
  invoice.due = invoice.kind == CustomerKind::postpaid ? invoice.amount : 0;
  if (invoice.issued && said_ != invoice.amount) {
    return fail(ErrorCode::internal, "invoice " + invoice.id + " says " + decimal(said_) +
                                         ", its lines add up to " + decimal(invoice.amount));
  }
  return invoice;
}

}  // namespace sluice::ledger
