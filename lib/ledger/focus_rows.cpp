// Entries as rows: which category, which quantities, which prices. See focus.hpp.
#include <algorithm>

#include <fmt/core.h>

#include "base/uid_text.hpp"
#include "ledger/focus.hpp"
#include "ledger/invoice.hpp"
#include "ledger/json_text.hpp"

namespace sluice::ledger {

namespace {

const MeterUnit& unit_of(const PricedBy& price) { return *find_unit(price.meter, price.unit); }

// What a thousandth part leaves of a price: micro-units have three more digits then.
std::string discounted_text(Money price, std::uint32_t discount) {
  const Wide thousandths = Wide{price} * (1000 - discount);
  const auto whole = static_cast<Money>(thousandths / 1000);
  const auto rest = static_cast<int>(thousandths % 1000);
  if (rest == 0) return decimal(whole);
  std::string text = fmt::format("{}.{:06}{:03}", whole / kMicro, whole % kMicro, rest);
  while (text.back() == '0') text.pop_back();
  return text;
}

// The period of what happens at a moment: its second, inside the month that it is billed in.
void set_moment(FocusRow& row) {
  const Entry& entry = *row.entry;
  row.from = entry.time;
  if (month_of(row.from) != entry.month) {
    row.from = entry.time < month_start(entry.month)
                   ? month_start(entry.month)
                   : month_start(next_month(entry.month)) - kSecond;
  }
  row.to = row.from + kSecond;
}

void set_period(FocusRow& row) {
  row.from = row.entry->from;
  // Times are written in seconds; a period of less is its second.
  row.to = std::max(row.entry->to, row.from / kSecond * kSecond + kSecond);
}

void set_commitment(FocusRow& row, const Package& package, Quantity quantity) {
  const MeterUnit& unit = *find_unit(package.meter, package.unit);
  row.commitment = fmt::format("package-{}", package.id);
  row.commitment_name = package.name.str();
  row.commitment_unit = std::string(unit.plural);
  row.commitment_quantity = units_text(quantity, unit.per_hour);
}

void set_compute(FocusRow& row, std::string_view service) {
  row.service_category = "Compute";
  row.service_subcategory = "Other (Compute)";
  row.service = service;
}

void set_other(FocusRow& row, std::string_view service) {
  row.service_category = "Other";
  row.service_subcategory = "Other (Other)";
  row.service = service;
}

void set_job(FocusRow& row, const FocusContext& context) {
  const JobRef& job = row.entry->job;
  row.resource = context.site.cluster + "/" + base::uid_text(job.uid);
  if (!job.wckey.empty()) row.tags = json_object({{"wckey", job.wckey.str()}});
}

void set_sku(FocusRow& row) {
  const PricedBy& price = row.entry->price;
  row.sku = price.sku.str();
  row.sku_meter = price.meter.str();
  row.sku_details =
      json_object({{"Meter", price.meter.str()}, {"Unit", std::string(unit_of(price).label)}});
}

void set_prices(FocusRow& row) {
  const PricedBy& price = row.entry->price;
  row.pricing_unit = std::string(unit_of(price).plural);
  row.pricing_quantity = units_text(row.entry->priced, unit_of(price).per_hour);
  row.list_unit_price = decimal(price.unit_price);
  row.contracted_unit_price = discounted_text(price.unit_price, price.discount);
}

void usage_row(FocusRow& row, const FocusContext& context) {
  const Entry& entry = *row.entry;
  row.category = "Usage";
  row.frequency = "Usage-Based";
  row.pricing_category = entry.package != 0 ? "Committed" : "Standard";
  set_compute(row, entry.price.service);
  set_period(row);
  set_job(row, context);
  set_sku(row);
  set_prices(row);
  row.consumed_unit = std::string(unit_of(entry.price).plural);
  row.consumed_quantity = units_text(entry.consumed, unit_of(entry.price).per_hour);
  if (entry.package != 0 && context.package != nullptr) {
    set_commitment(row, *context.package, entry.priced);
    row.commitment_status = "Used";
  }
  row.description =
      fmt::format("{} x {} for job {}, {} in account {}", entry.count, entry.price.meter.view(),
                  entry.job.job.value, entry.job.user.view(), entry.job.account.view());
}

// Taken back, in part or whole.
void given_back_row(FocusRow& row, const FocusContext& context) {
  const Entry& entry = *row.entry;
  const bool of_job = entry.job.job.is_set();
  row.category = entry.correction ? "Usage" : "Adjustment";
  row.frequency = entry.correction ? "Usage-Based" : "One-Time";
  if (of_job) {
    set_compute(row, entry.price.service);
    set_job(row, context);
    set_sku(row);
  } else {
    set_other(row, "Adjustments");
  }
  if (entry.from != 0) {
    set_period(row);
  } else {
    set_moment(row);
  }
  if (entry.kind == EntryKind::reversal) {
    set_prices(row);
    if (entry.package != 0 && context.package != nullptr) {
      set_commitment(row, *context.package, entry.priced);
      row.commitment_quantity.reset();
      row.commitment_unit.reset();
      if (entry.correction) row.commitment_status = "Used";
    }
  }
  row.description = fmt::format("{} of entry {}", kind_name(entry.kind), entry.refers_to);
  if (!entry.note.empty()) row.description += ": " + entry.note.str();
}

void purchase_row(FocusRow& row, const FocusContext& context) {
  const Entry& entry = *row.entry;
  row.category = "Purchase";
  row.frequency = "One-Time";
  row.pricing_category = "Standard";
  set_moment(row);
  const bool package = entry.kind == EntryKind::purchase;
  const bool out = entry.kind == EntryKind::withdrawal;
  row.pricing_quantity = out ? "-1" : "1";
  row.pricing_unit = package ? "Packages" : "Payments";
  row.list_unit_price = row.contracted_unit_price = decimal(entry.amount);
  if (package && context.package != nullptr) {
    set_compute(row, context.package->service);
    set_commitment(row, *context.package, entry.priced);
    row.sku = "package:" + context.package->name.str();
    row.sku_meter = context.package->meter.str();
    row.description = fmt::format("Package {}: {} {}", context.package->name.view(),
                                  *row.commitment_quantity, *row.commitment_unit);
  } else {
    set_other(row, "Prepaid balance");
    row.sku = std::string(kind_name(entry.kind));
    row.sku_meter = "balance";
    row.description = out ? "Withdrawal from the balance" : "Top-up of the balance";
    if (!entry.note.empty()) row.description += ": " + entry.note.str();
  }
}

void unused_row(FocusRow& row, const FocusContext& context) {
  const Entry& entry = *row.entry;
  row.category = "Usage";
  row.frequency = "Usage-Based";
  row.pricing_category = "Committed";
  set_period(row);
  const Package& package = *context.package;
  set_compute(row, package.service);
  set_commitment(row, package, entry.priced);
  row.commitment_status = "Unused";
  row.sku = "package:" + package.name.str();
  row.sku_meter = package.meter.str();
  row.pricing_quantity = "0";
  row.pricing_unit = row.commitment_unit;
  row.list_unit_price = row.contracted_unit_price = "0";
  row.description = "Unused part of package " + package.name.str() + ", which has expired";
}

void money_row(FocusRow& row) {
  const Entry& entry = *row.entry;
  const bool credit = entry.kind == EntryKind::credit;
  row.category = credit ? "Credit" : "Adjustment";
  row.frequency = "One-Time";
  set_moment(row);
  set_other(row, credit ? "Credits" : "Adjustments");
  row.description = kind_name(entry.kind);
  if (entry.kind == EntryKind::rounding) row.description = "Rounding to a payable amount";
  if (entry.kind == EntryKind::transfer) row.description = "Transfer between customers";
  if (!entry.note.empty()) row.description += ": " + entry.note.str();
}

}  // namespace

std::optional<FocusRow> focus_row(const Entry& entry, const FocusContext& context) {
  FocusRow row;
  row.entry = &entry;
  row.customer = &context.customer;
  if (entry.correction) row.charge_class = "Correction";
  if (context.closed.is_set() && entry.month <= context.closed) {
    row.invoice = invoice_id(entry.customer, entry.month);
  }
  switch (entry.kind) {
    case EntryKind::charge: usage_row(row, context); return row;
    case EntryKind::reversal:
    case EntryKind::refund: given_back_row(row, context); return row;
    case EntryKind::correction:
      if (entry.refers_to != 0) {
        given_back_row(row, context);
      } else {
        money_row(row);
      }
      return row;
    case EntryKind::topup:
    case EntryKind::withdrawal:
    case EntryKind::purchase: purchase_row(row, context); return row;
    case EntryKind::expiry:
      if (context.package == nullptr || entry.priced == Quantity{}) return std::nullopt;
      unused_row(row, context);
      return row;
    case EntryKind::credit:
    case EntryKind::transfer:
    case EntryKind::rounding: money_row(row); return row;
    default: return std::nullopt;
  }
}

}  // namespace sluice::ledger
