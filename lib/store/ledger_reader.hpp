// Reads the ledger, on a connection of its own and any thread, one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "ledger/audit.hpp"
#include "ledger/entry.hpp"

namespace sluice::store {

// Entries come in the order of their making.
struct EntryFilter {
  std::uint32_t customer = 0;  // 0: any
  ledger::Month month;         // unset: any
  model::WallTime from = 0;    // by the time of entries, [from, to)
  model::WallTime to = 0;      // 0: open
  JobId job;                   // 0: any
  std::uint64_t after = 0;     // only entries with a higher number
};

// What a refund has to know of its charge.
struct ChargeFacts {
  std::shared_ptr<const ledger::Entry> entry;
  ledger::Money refunded = 0;
  bool given_back = false;
};

struct Verification {
  std::uint64_t entries = 0;
  std::string head;  // of the chain, in hex
  std::optional<ledger::Finding> finding;
};

class LedgerReader {
 public:
  [[nodiscard]] static Result<LedgerReader> open(const std::string& path);
  LedgerReader(LedgerReader&&) noexcept;
  LedgerReader& operator=(LedgerReader&&) noexcept;
  ~LedgerReader();

  // Until `found` says false.
  [[nodiscard]] Status entries(const EntryFilter& filter,
                               const std::function<bool(ledger::Entry)>& found);
  // What a customer had before this time.
  [[nodiscard]] Result<ledger::Balance> balance_before(std::uint32_t customer,
                                                       model::WallTime when);
  // Fails: there is no such entry.
  [[nodiscard]] Result<ChargeFacts> charge(std::uint64_t sequence);
  // All entries, each held against the chain and the rules, and marks and books against the
  // entries. The first that is wrong is named.
  [[nodiscard]] Result<Verification> verify();

 private:
  struct State;
  explicit LedgerReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::store
