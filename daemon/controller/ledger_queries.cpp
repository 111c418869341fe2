// See ledger_queries.hpp. A piece of entries goes on where the last one ended, by time and number,
// so a slow reader holds no transaction open.
#include "daemon/controller/ledger_queries.hpp"

#include <utility>

#include "wire/codec.hpp"

namespace sluice::controller {

namespace {

constexpr std::size_t kEntriesPerPiece = 2048;

Query::Piece failure(const Error& error) {
  wire::ErrorReply message;
  message.code = error.code;
  message.text = error.text;
  return {wire::ErrorReply::kType, wire::encode(message), true};
}

class EntriesQuery : public Query {
 public:
  EntriesQuery(store::LedgerReader reader, wire::QueryEntries request, LedgerSight sight)
      : reader_(std::move(reader)), request_(std::move(request)), sight_(std::move(sight)) {}

  Piece next() override {
    store::EntryFilter filter;
    filter.customer = request_.customer;
    filter.month = request_.month;
    filter.from = request_.from;
    filter.to = request_.to;
    filter.job = request_.job;
    filter.after = after_;
    wire::EntriesReply message;
    message.last = true;
    if (std::exchange(first_, false) && request_.with_opening &&
        sight_.sees_money(request_.customer)) {
      const auto opening = reader_.balance_before(request_.customer, request_.from);
      if (!opening) return failure(opening.error());
      message.opening = *opening;
      message.opened = true;
    }
    const Status read = reader_.entries(filter, [&](ledger::Entry entry) {
      if (message.entries.size() == kEntriesPerPiece) {
        message.last = false;
        return false;
      }
      after_ = entry.sequence;
      const bool wanted = request_.account.empty() || entry.job.account == request_.account;
      if (!wanted) return true;
      if (sight_.sees(entry)) {
        message.entries.push_back(std::move(entry));
      } else {
        message.partial = true;
      }
      return true;
    });
    if (!read) return failure(read.error());
    return {wire::EntriesReply::kType, wire::encode(message), message.last};
  }

 private:
  store::LedgerReader reader_;
  wire::QueryEntries request_;
  LedgerSight sight_;
  std::uint64_t after_ = 0;
  bool first_ = true;
};

class VerifyQuery : public Query {
 public:
  explicit VerifyQuery(store::LedgerReader reader) : reader_(std::move(reader)) {}

  Piece next() override {
    const Result<store::Verification> made = reader_.verify();
    if (!made) return failure(made.error());
    wire::VerifyBooksReply message;
    message.entries = made->entries;
    message.head = made->head;
    message.sound = !made->finding;
    if (made->finding) {
      message.entry = made->finding->entry;
      message.finding = made->finding->text;
    }
    return {wire::VerifyBooksReply::kType, wire::encode(message), true};
  }

 private:
  store::LedgerReader reader_;
};

}  // namespace

std::unique_ptr<Query> query_entries(store::LedgerReader reader, wire::QueryEntries request,
                                     LedgerSight sight) {
  return std::make_unique<EntriesQuery>(std::move(reader), std::move(request), std::move(sight));
}

std::unique_ptr<Query> verify_books(store::LedgerReader reader) {
  return std::make_unique<VerifyQuery>(std::move(reader));
}

}  // namespace sluice::controller
