// What `sluice bill` prints: books, entries, statements. Pure.
#pragma once

#include <string>

#include "cli/sluice/bill_books.hpp"
#include "ledger/invoice.hpp"

namespace sluice::cli {

[[nodiscard]] std::string customers_text(const BillBooks& books);
[[nodiscard]] std::string customers_json(const BillBooks& books);
// Of all whose money may be seen, or of one.
[[nodiscard]] std::string balances_text(const BillBooks& books, std::uint32_t customer);
[[nodiscard]] std::string balances_json(const BillBooks& books, std::uint32_t customer);
[[nodiscard]] std::string prices_text(const BillBooks& books);
[[nodiscard]] std::string prices_json(const BillBooks& books);
// A line for each: what has been done.
[[nodiscard]] std::string posted_text(const wire::PostedReply& reply);
// `whole` false: without balances, since only a part of the entries may be seen.
[[nodiscard]] std::string statement_text(const ledger::Statement& statement,
                                         const ledger::Customer& customer, bool whole);
[[nodiscard]] std::string statement_json(const ledger::Statement& statement,
                                         const ledger::Customer& customer, bool whole);

}  // namespace sluice::cli
