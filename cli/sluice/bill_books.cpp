// See the header.
#include "cli/sluice/bill_books.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/entropy.hpp"
#include "base/file.hpp"
#include "cli/common/output.hpp"

namespace sluice::cli {

Result<BillBooks> BillBooks::fetch(Client& client) {
  Result<wire::BooksReply> reply = client.call<wire::BooksReply>(wire::QueryBooks{});
  if (!reply) return tl::unexpected(reply.error());
  return BillBooks(std::move(*reply));
}

Result<const ledger::Customer*> BillBooks::customer(std::string_view name) const {
  if (name.empty() && reply_.customers.size() == 1) return &reply_.customers.front();
  if (name.empty()) {
    return fail(ErrorCode::invalid_argument,
                reply_.customers.empty() ? "there is no customer" : "name a customer");
  }
  const auto found = std::ranges::find(reply_.customers, Text(name), &ledger::Customer::name);
  if (found != reply_.customers.end()) return &*found;
  return fail(ErrorCode::not_found, "there is no customer " + std::string(name));
}

const ledger::Customer* BillBooks::customer(std::uint32_t id) const {
  const auto found = std::ranges::find(reply_.customers, id, &ledger::Customer::id);
  return found == reply_.customers.end() ? nullptr : &*found;
}

const ledger::Balance* BillBooks::balance(std::uint32_t customer) const {
  const auto found = std::ranges::find(reply_.balances, customer, &ledger::Balance::customer);
  return found == reply_.balances.end() ? nullptr : &*found;
}

const ledger::Package* BillBooks::package(std::uint32_t id) const {
  const auto found = std::ranges::find(reply_.packages, id, &ledger::Package::id);
  return found == reply_.packages.end() ? nullptr : &*found;
}

Result<EntriesRead> read_entries(Client& client, const wire::QueryEntries& query,
                                 const std::function<void(const ledger::Entry&)>& found,
                                 const std::function<void(const ledger::Balance&)>& opened) {
  Result<Session> session = client.session();
  if (!session) return tl::unexpected(session.error());
  if (Status sent = session->send(query); !sent) return tl::unexpected(sent.error());
  EntriesRead read;
  while (true) {
    const auto piece = session->receive_as<wire::EntriesReply>(kAnswerMs);
    if (!piece) return tl::unexpected(piece.error());
    if (piece->opened && opened) opened(piece->opening);
    for (const ledger::Entry& entry : piece->entries) found(entry);
    read.count += piece->entries.size();
    read.partial = read.partial || piece->partial;
    if (piece->last) return read;
  }
}

Result<Uid128> request_id_of(std::string_view text) {
  if (text.empty()) return base::random_uid();
  const bool digits = text.size() == 32 &&
                      text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  if (!digits) {
    return fail(ErrorCode::invalid_argument, "--request-id: expected 32 hexadecimal digits");
  }
  const auto part = [&](std::size_t from) {
    return std::stoull(std::string(text.substr(from, 16)), nullptr, 16);
  };
  const Uid128 id{part(0), part(16)};
  if (!id.is_set()) return fail(ErrorCode::invalid_argument, "--request-id: it can't be zero");
  return id;
}

std::string amount_text(ledger::Money amount, const Text& currency) {
  return ledger::money_text(amount, currency) + ' ' + currency.str();
}

std::string use_text(const ledger::PricedBy& price, ledger::Quantity quantity) {
  const ledger::MeterUnit* unit = ledger::find_unit(price.meter, price.unit);
  if (unit == nullptr) return ledger::seconds_text(quantity);
  std::string text = ledger::units_text(quantity, unit->per_hour);
  if (const std::size_t point = text.find('.'); point != std::string::npos) {
    text.resize(std::min(text.size(), point + 5));  // for people; exports have all digits
  }
  return text + ' ' + std::string(unit->label);
}

Status write_result(const std::string& path, const std::string& text) {
  if (!path.empty() && path != "-") return base::write_file_atomic(path, text);
  return write_out(text) ? Status() : fail(ErrorCode::io, "standard output can't be written");
}

}  // namespace sluice::cli
