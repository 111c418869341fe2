// The columns of FOCUS and their writers. See focus.hpp.
#include <array>

#include <fmt/core.h>

#include "ledger/focus.hpp"
#include "ledger/json_text.hpp"

namespace sluice::ledger {

namespace {

enum class Form : std::uint8_t { text, number, json };

struct Cell {
  const FocusRow& row;
  const FocusSite& site;

  [[nodiscard]] const Entry& entry() const { return *row.entry; }
  [[nodiscard]] const Customer& customer() const { return *row.customer; }
};

struct Column {
  FocusColumn column;
  Form form = Form::text;
  Nullable (*value)(const Cell& cell) = nullptr;
};

Nullable unless_empty(std::string_view text) {
  return text.empty() ? Nullable() : Nullable(std::string(text));
}
Nullable unless_zero(std::uint64_t number) {
  return number == 0 ? Nullable() : Nullable(std::to_string(number));
}
Nullable with(const Nullable& condition, std::string_view text) {
  return condition ? Nullable(std::string(text)) : Nullable();
}
std::string_view host_of(const FocusSite& site) {
  return site.host.empty() ? site.provider : site.host;
}

std::string_view display_name(const Customer& customer) {
  return customer.display_name.empty() ? customer.name : customer.display_name;
}

// In the order of the specification's alphabet; our own at the end.
constexpr std::array<Column, 63> kColumns{{
    {{"BilledCost"},
     Form::number,
     [](const Cell& c) -> Nullable { return decimal(c.entry().billed); }},
    {{"BillingAccountId"},
     Form::text,
     [](const Cell& c) -> Nullable { return c.customer().name.str(); }},
    {{"BillingAccountName"},
     Form::text,
     [](const Cell& c) -> Nullable { return std::string(display_name(c.customer())); }},
    {{"BillingAccountType"},
     Form::text,
     [](const Cell& c) -> Nullable {
       return c.customer().kind == CustomerKind::prepaid ? "Prepaid" : "Postpaid";
     }},
    {{"BillingCurrency"},
     Form::text,
     [](const Cell& c) -> Nullable { return c.entry().currency.str(); }},
    {{"BillingPeriodEnd"},
     Form::text,
     [](const Cell& c) -> Nullable { return utc_text(month_start(next_month(c.entry().month))); }},
    {{"BillingPeriodStart"},
     Form::text,
     [](const Cell& c) -> Nullable { return utc_text(month_start(c.entry().month)); }},
    {{"ChargeCategory"}, Form::text, [](const Cell& c) -> Nullable { return c.row.category; }},
    {{"ChargeClass"}, Form::text, [](const Cell& c) { return c.row.charge_class; }},
    {{"ChargeDescription"},
     Form::text,
     [](const Cell& c) { return unless_empty(c.row.description); }},
    {{"ChargeFrequency"}, Form::text, [](const Cell& c) -> Nullable { return c.row.frequency; }},
    {{"ChargePeriodEnd"}, Form::text, [](const Cell& c) -> Nullable { return utc_text(c.row.to); }},
    {{"ChargePeriodStart"},
     Form::text,
     [](const Cell& c) -> Nullable { return utc_text(c.row.from); }},
    {{"CommitmentDiscountCategory"},
     Form::text,
     [](const Cell& c) { return with(c.row.commitment, "Usage"); }},
    {{"CommitmentDiscountId"}, Form::text, [](const Cell& c) { return c.row.commitment; }},
    {{"CommitmentDiscountName"}, Form::text, [](const Cell& c) { return c.row.commitment_name; }},
    {{"CommitmentDiscountQuantity"},
     Form::number,
     [](const Cell& c) { return c.row.commitment_quantity; }},
    {{"CommitmentDiscountStatus"},
     Form::text,
     [](const Cell& c) { return c.row.commitment_status; }},
    {{"CommitmentDiscountType"},
     Form::text,
     [](const Cell& c) { return with(c.row.commitment, "Prepaid package"); }},
    {{"CommitmentDiscountUnit"}, Form::text, [](const Cell& c) { return c.row.commitment_unit; }},
    {{"ConsumedQuantity"}, Form::number, [](const Cell& c) { return c.row.consumed_quantity; }},
    {{"ConsumedUnit"}, Form::text, [](const Cell& c) { return c.row.consumed_unit; }},
    {{"ContractedCost"},
     Form::number,
     [](const Cell& c) -> Nullable { return decimal(c.entry().contracted); }},
    {{"ContractedUnitPrice"},
     Form::number,
     [](const Cell& c) { return c.row.contracted_unit_price; }},
    {{"EffectiveCost"},
     Form::number,
     [](const Cell& c) -> Nullable { return decimal(c.entry().effective); }},
    {{"HostProviderName", false, true},
     Form::text,
     [](const Cell& c) -> Nullable { return std::string(host_of(c.site)); }},
    {{"InvoiceId"}, Form::text, [](const Cell& c) { return c.row.invoice; }},
    {{"InvoiceIssuerName"}, Form::text, [](const Cell& c) -> Nullable { return c.site.provider; }},
    {{"ListCost"}, Form::number, [](const Cell& c) -> Nullable { return decimal(c.entry().list); }},
    {{"ListUnitPrice"}, Form::number, [](const Cell& c) { return c.row.list_unit_price; }},
    {{"PricingCategory"}, Form::text, [](const Cell& c) { return c.row.pricing_category; }},
    {{"PricingQuantity"}, Form::number, [](const Cell& c) { return c.row.pricing_quantity; }},
    {{"PricingUnit"}, Form::text, [](const Cell& c) { return c.row.pricing_unit; }},
    {{"ProviderName", true, false},
     Form::text,
     [](const Cell& c) -> Nullable { return c.site.provider; }},
    {{"PublisherName", true, false},
     Form::text,
     [](const Cell& c) -> Nullable { return std::string(host_of(c.site)); }},
    {{"RegionId"}, Form::text, [](const Cell& c) { return unless_empty(c.site.region_id); }},
    {{"RegionName"}, Form::text, [](const Cell& c) { return unless_empty(c.site.region_name); }},
    {{"ResourceId"}, Form::text, [](const Cell& c) { return c.row.resource; }},
    {{"ResourceName"}, Form::text, [](const Cell& c) { return unless_empty(c.entry().job.name); }},
    {{"ResourceType"}, Form::text, [](const Cell& c) { return with(c.row.resource, "Job"); }},
    {{"ServiceCategory"},
     Form::text,
     [](const Cell& c) -> Nullable { return c.row.service_category; }},
    {{"ServiceName"}, Form::text, [](const Cell& c) -> Nullable { return c.row.service; }},
    {{"ServiceProviderName", false, true},
     Form::text,
     [](const Cell& c) -> Nullable { return c.site.provider; }},
    {{"ServiceSubcategory"},
     Form::text,
     [](const Cell& c) -> Nullable { return c.row.service_subcategory; }},
    {{"SkuId"}, Form::text, [](const Cell& c) { return c.row.sku; }},
    {{"SkuMeter"}, Form::text, [](const Cell& c) { return c.row.sku_meter; }},
    {{"SkuPriceDetails"}, Form::json, [](const Cell& c) { return c.row.sku_details; }},
    {{"SkuPriceId"}, Form::text, [](const Cell& c) { return c.row.sku; }},
    {{"SubAccountId"},
     Form::text,
     [](const Cell& c) { return unless_empty(c.entry().job.account); }},
    {{"SubAccountName"},
     Form::text,
     [](const Cell& c) { return unless_empty(c.entry().job.account); }},
    {{"SubAccountType"},
     Form::text,
     [](const Cell& c) { return with(unless_empty(c.entry().job.account), "Account"); }},
    {{"Tags"}, Form::json, [](const Cell& c) { return c.row.tags; }},
    {{"x_ClusterName"}, Form::text, [](const Cell& c) { return unless_empty(c.site.cluster); }},
    {{"x_ConsumedSeconds"},
     Form::number,
     [](const Cell& c) { return with(c.row.sku_details, seconds_text(c.entry().consumed)); }},
    {{"x_EntryId"}, Form::number, [](const Cell& c) { return unless_zero(c.entry().sequence); }},
    {{"x_EntryKind"},
     Form::text,
     [](const Cell& c) -> Nullable { return std::string(kind_name(c.entry().kind)); }},
    {{"x_JobAttempt"},
     Form::number,
     [](const Cell& c) { return with(c.row.resource, std::to_string(c.entry().job.attempt)); }},
    {{"x_JobId"}, Form::number, [](const Cell& c) { return unless_zero(c.entry().job.job.value); }},
    {{"x_Partition"},
     Form::text,
     [](const Cell& c) { return unless_empty(c.entry().job.partition); }},
    {{"x_PriceBook"},
     Form::text,
     [](const Cell& c) {
       const PricedBy& price = c.entry().price;
       return price.book.empty() ? Nullable()
                                 : fmt::format("{}:{}", price.book.view(), price.version);
     }},
    {{"x_PricedSeconds"},
     Form::number,
     [](const Cell& c) { return with(c.row.sku_details, seconds_text(c.entry().priced)); }},
    {{"x_QOS"}, Form::text, [](const Cell& c) { return unless_empty(c.entry().job.qos); }},
    {{"x_UserName"}, Form::text, [](const Cell& c) { return unless_empty(c.entry().job.user); }},
}};

constexpr auto make_names() {
  std::array<FocusColumn, kColumns.size()> names;
  for (std::size_t index = 0; index < names.size(); ++index) names[index] = kColumns[index].column;
  return names;
}
constexpr auto kNames = make_names();

bool has(const FocusColumn& column, FocusVersion version) {
  return version == FocusVersion::v1_2 ? column.in_1_2 : column.in_1_4;
}

std::string csv_field(std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

}  // namespace

std::span<const FocusColumn> focus_columns() { return kNames; }

FocusWriter::FocusWriter(FocusVersion version, FocusForm form, FocusSite site)
    : version_(version), form_(form), site_(std::move(site)) {}

void FocusWriter::head(std::string& out) {
  first_ = true;
  if (form_ == FocusForm::json) {
    out += "[";
    return;
  }
  bool first = true;
  for (const Column& column : kColumns) {
    if (!has(column.column, version_)) continue;
    if (!first) out += ",";
    first = false;
    out += column.column.name;
  }
  out += "\r\n";
}

void FocusWriter::row(std::string& out, const FocusRow& row) {
  const bool json = form_ == FocusForm::json;
  if (json) out += first_ ? "\n{" : ",\n{";
  first_ = false;
  bool first = true;
  for (const Column& column : kColumns) {
    if (!has(column.column, version_)) continue;
    if (!first) out += ",";
    first = false;
    const Nullable value = column.value({row, site_});
    if (!json) {
      if (value) out += csv_field(*value);
      continue;
    }
    out += json_string(column.column.name) + ":";
    out += !value ? "null" : column.form == Form::text ? json_string(*value) : *value;
  }
  out += json ? "}" : "\r\n";
}

void FocusWriter::tail(std::string& out) {
  if (form_ == FocusForm::json) out += first_ ? "]\n" : "\n]\n";
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string json_object(std::initializer_list<JsonMember> members) {
  std::string out = "{";
  for (const JsonMember& member : members) {
    if (out.size() > 1) out += ", ";
    out += json_string(member.name) + ": " + json_string(member.value);
  }
  return out + "}";
}

}  // namespace sluice::ledger
