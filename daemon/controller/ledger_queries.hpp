// Readings of the ledger: its entries, and whether they are all right. Both go over the database on
// a query thread.
#pragma once

#include <memory>

#include "daemon/controller/queries.hpp"
#include "daemon/controller/service/ledger_sight.hpp"
#include "store/ledger_reader.hpp"
#include "wire/books_messages.hpp"

namespace sluice::controller {

[[nodiscard]] std::unique_ptr<Query> query_entries(store::LedgerReader reader,
                                                   wire::QueryEntries request, LedgerSight sight);
[[nodiscard]] std::unique_ptr<Query> verify_books(store::LedgerReader reader);

}  // namespace sluice::controller
