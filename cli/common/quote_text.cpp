// See the header.
#include "cli/common/quote_text.hpp"

#include <map>
#include <utility>

#include <fmt/core.h>

#include "base/timetext.hpp"
#include "ledger/money.hpp"

namespace sluice::cli {

namespace {

std::string amount(ledger::Money money, const Text& currency) {
  return ledger::money_text(money, currency) + ' ' + currency.str();
}

std::string duration(std::int64_t seconds) {
  return fmt::format("{}-{:02}:{:02}:{:02}", seconds / 86'400, seconds / 3600 % 24,
                     seconds / 60 % 60, seconds % 60);
}

std::string resources(const std::vector<ledger::MeterCount>& allotment) {
  std::string text;
  for (const ledger::MeterCount& one : allotment) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", one.meter.view(), one.count);
    if (one.meter.view() == "mem") text += " MiB";
  }
  return text;
}

void add_part(std::string& text, const wire::QuotedPart& part) {
  if (part.customer.empty()) {
    text += fmt::format("Nothing: account {} has no customer.\n", part.account.view());
    return;
  }
  text += fmt::format("Customer:   {} (account {}), prices {}\n", part.customer.view(),
                      part.account.view(), part.book.view());
  text += fmt::format("At most:    {} for {}\n", resources(part.allotment), duration(part.limit_s));
  for (const wire::QuotedLine& line : part.lines) {
    text += fmt::format("  {:<20} {:>8} x {} per {}  {}\n", line.price.sku.view(), line.count,
                        amount(line.price.unit_price, part.currency), line.price.unit.view(),
                        amount(line.contracted, part.currency));
  }
  const std::string each = part.tasks > 1 ? " (each task)" : "";
  if (part.list != part.contracted) {
    text += fmt::format("List price: {}{}\n", amount(part.list, part.currency), each);
  }
  text += fmt::format("Starts now: {}{}\n", amount(part.contracted, part.currency), each);
  text +=
      fmt::format("The most:   {}{}, whenever it starts\n", amount(part.most, part.currency), each);
  if (part.unlimited) {
    text += "            It has no time limit, so this is what a day costs.\n";
  }
  text += fmt::format("Held then:  {}{}; available now: {}\n", amount(part.held, part.currency),
                      each, amount(part.available, part.currency));
}

}  // namespace

Result<wire::QuoteReply> ask_quote(Client& client, std::vector<wire::Submit> parts) {
  wire::QuoteSubmit question;
  question.parts = std::move(parts);
  for (wire::Submit& part : question.parts) {
    part.script.clear();
    part.environment.clear();
  }
  return client.call<wire::QuoteReply>(question);
}

std::string quote_text(const wire::QuoteReply& reply) {
  std::string text;
  __extension__ using Wide = __int128;
  std::map<Text, Wide> most;  // by currency
  std::uint64_t jobs = 0;
  for (const wire::QuotedPart& part : reply.parts) {
    if (!text.empty()) text += '\n';
    add_part(text, part);
    jobs += part.tasks;
    if (!part.customer.empty()) most[part.currency] += Wide{part.most} * part.tasks;
  }
  for (const auto& [currency, sum] : most) {
    if (jobs < 2) continue;
    const Wide bounded = std::min(sum, Wide{ledger::kMaxMoney});
    text += fmt::format("All {}:     {} at most\n", jobs,
                        amount(static_cast<ledger::Money>(bounded), currency));
  }
  return text;
}

}  // namespace sluice::cli
