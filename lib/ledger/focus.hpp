// FOCUS: entries as rows of the FinOps cost and usage specification, 1.2 or 1.4.
//
// One entry that stands on an invoice is one row; the rows of an invoice add up to its amount.
//   charge                Usage; drawn from a package: BilledCost 0, Committed, Used
//   expiry of a package   Usage, Unused: EffectiveCost is what was paid and not used
//   top-up, package       Purchase, One-Time, EffectiveCost 0; a withdrawal the same below zero
//   credit                Credit
//   reversal, refund,     Adjustment; if it is of a month that was closed before: Usage with
//   correction            ChargeClass Correction
//   transfer, rounding    Adjustment
// Costs are exact decimals of six digits. Hours have twelve, so a unit price times PricingQuantity
// gives the cost to the micro-unit, but for the rounding of charges that cut one quantity; the
// exact quantities are in x_PricedSeconds and x_ConsumedSeconds, in TRES-seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ledger/entry.hpp"

namespace sluice::ledger {

enum class FocusVersion : std::uint8_t { v1_2, v1_4 };
enum class FocusForm : std::uint8_t { csv, json };

// Who sends the bill.
struct FocusSite {
  std::string provider;  // issuer of invoices and provider of the service
  std::string host;      // whose machines they are; empty: the provider's
  std::string cluster;
  std::string region_id;  // empty: none
  std::string region_name;
};

// Null where a column has no value.
using Nullable = std::optional<std::string>;

struct FocusRow {
  const Entry* entry = nullptr;  // as given to focus_row(): has to live as long
  const Customer* customer = nullptr;
  std::string category;  // ChargeCategory
  Nullable charge_class;
  std::string frequency;
  std::string description;
  WallTime from = 0;  // charge period
  WallTime to = 0;
  Nullable invoice;
  Nullable pricing_category;
  Nullable pricing_quantity;
  Nullable pricing_unit;
  Nullable list_unit_price;
  Nullable contracted_unit_price;
  Nullable consumed_quantity;
  Nullable consumed_unit;
  Nullable commitment;  // its id; what follows is null without
  Nullable commitment_name;
  Nullable commitment_status;
  Nullable commitment_quantity;
  Nullable commitment_unit;
  std::string service_category;
  std::string service_subcategory;
  std::string service;
  Nullable sku;
  Nullable sku_meter;
  Nullable sku_details;  // JSON
  Nullable resource;
  Nullable tags;  // JSON
};

struct FocusContext {
  const Customer& customer;
  const FocusSite& site;
  Month closed;                      // the last month that is; unset: none
  const Package* package = nullptr;  // the entry's, if it names one
};
// Nothing: the entry is on no invoice.
[[nodiscard]] std::optional<FocusRow> focus_row(const Entry& entry, const FocusContext& context);

// Writes rows into a text: `head`, rows, `tail`. Appends, so that a caller can write it out in
// parts. CSV as RFC 4180 has it (CRLF; null is an empty field), JSON an array of objects.
class FocusWriter {
 public:
  FocusWriter(FocusVersion version, FocusForm form, FocusSite site);
  void head(std::string& out);
  void row(std::string& out, const FocusRow& row);
  void tail(std::string& out);
  [[nodiscard]] const FocusSite& site() const { return site_; }

 private:
  FocusVersion version_;
  FocusForm form_;
  FocusSite site_;
  bool first_ = true;
};

// One column: its name, and whether 1.2 and 1.4 have it.
struct FocusColumn {
  std::string_view name;
  bool in_1_2 = true;
  bool in_1_4 = true;
};
[[nodiscard]] std::span<const FocusColumn> focus_columns();

}  // namespace sluice::ledger
