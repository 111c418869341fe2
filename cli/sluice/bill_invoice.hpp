// Invoices as text, CSV, JSON, and HTML that prints well. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "ledger/invoice.hpp"

namespace sluice::cli {

enum class InvoiceForm : std::uint8_t { text, csv, json, html };
[[nodiscard]] std::optional<InvoiceForm> find_invoice_form(std::string_view name);

// `issuer`: who sends it.
[[nodiscard]] std::string invoice_document(const ledger::Invoice& invoice,
                                           const std::string& issuer, InvoiceForm form);

}  // namespace sluice::cli
