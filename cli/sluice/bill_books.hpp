// What `sluice bill` reads from the controller and asks of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "cli/common/client.hpp"
#include "wire/books_messages.hpp"
#include "wire/ledger_messages.hpp"

namespace sluice::cli {

// The books, with everything that the asker may see of them.
class BillBooks {
 public:
  [[nodiscard]] static Result<BillBooks> fetch(Client& client);
  explicit BillBooks(wire::BooksReply reply) : reply_(std::move(reply)) {}

  [[nodiscard]] const wire::BooksReply& reply() const { return reply_; }
  // By name; if that is empty the only one there is.
  [[nodiscard]] Result<const ledger::Customer*> customer(std::string_view name) const;
  [[nodiscard]] const ledger::Customer* customer(std::uint32_t id) const;      // null: unknown
  [[nodiscard]] const ledger::Balance* balance(std::uint32_t customer) const;  // null: not seen
  [[nodiscard]] const ledger::Package* package(std::uint32_t id) const;        // null: unknown

 private:
  wire::BooksReply reply_;
};

struct EntriesRead {
  std::uint64_t count = 0;
  bool partial = false;  // some may not be seen by who asks
};
// In their order. `opened`: before the first one, if the query is with_opening and who asks may see
// the customer's money.
[[nodiscard]] Result<EntriesRead> read_entries(
    Client& client, const wire::QueryEntries& query,
    const std::function<void(const ledger::Entry&)>& found,
    const std::function<void(const ledger::Balance&)>& opened = {});

// 32 hexadecimal digits; empty: a new one.
[[nodiscard]] Result<Uid128> request_id_of(std::string_view text);

// "12.50 CHF".
[[nodiscard]] std::string amount_text(ledger::Money amount, const Text& currency);
// Hours of the unit: "12.345 core-hour".
[[nodiscard]] std::string use_text(const ledger::PricedBy& price, ledger::Quantity quantity);

// To a file, at once and whole, or to standard output if `path` is empty or "-".
[[nodiscard]] Status write_result(const std::string& path, const std::string& text);

}  // namespace sluice::cli
