// See events_text.hpp.
#include "cli/sluice/events_text.hpp"

#include <fmt/core.h>

#include "base/timetext.hpp"
#include "event/text.hpp"
#include "ledger/money.hpp"

namespace sluice::cli {

namespace {

constexpr const char* kRow = "{:>10} {:<19} {:<16} {:<12} {:<9} {:<9} {}\n";

// "12", "12_3", "12_[4 tasks]", "12+1".
std::string job_label(const event::JobChange& job) {
  if (job.het_job.is_set()) return fmt::format("{}+{}", job.het_job.value, job.het_offset);
  if (!job.array_job.is_set()) return std::to_string(job.job.value);
  if (job.array_task != model::kNoTask) {
    return fmt::format("{}_{}", job.array_job.value, job.array_task);
  }
  return fmt::format("{}_[{}]", job.array_job.value, job.array_tasks);
}

std::string detail_of(const event::JobChange& job) {
  std::string text(model::long_name(job.state, 0));
  if (job.reason != model::Reason::none && !model::is_finished(job.state)) {
    text += fmt::format(" ({})", model::reason_name(job.reason));
  }
  if (model::is_finished(job.state)) {
    text += fmt::format(" {}:{}", job.exit_code >> 8U & 0xffU, job.exit_code & 0x7fU);
  }
  if (!job.nodes.empty()) text += " " + job.nodes.str();
  return text;
}

std::string detail_of(const event::NodeChange& node) {
  std::string text = node.before.str() + " -> " + node.state.str();
  if (!node.reason.empty()) text += ": " + node.reason.str();
  return text;
}

std::string detail_of(const ledger::Entry& entry) {
  std::string text = fmt::format("entry {}", entry.sequence);
  if (!entry.currency.empty()) {
    text += fmt::format(" {} {}", ledger::money_text(entry.amount, entry.currency),
                        entry.currency.view());
  }
  if (!entry.price.sku.empty()) text += " " + entry.price.sku.str();
  if (!entry.note.empty()) text += ": " + entry.note.str();
  return text;
}

}  // namespace

std::string events_header() {
  return fmt::format(kRow, "CURSOR", "TIME", "EVENT", "SUBJECT", "USER", "ACCOUNT", "DETAIL");
}

std::string event_row(const event::Event& event) {
  std::string subject;
  std::string_view user;
  std::string_view account;
  std::string detail;
  if (event.job) {
    subject = job_label(*event.job);
    user = event.job->user;
    account = event.job->account;
    detail = detail_of(*event.job);
  } else if (event.node) {
    subject = event.node->name.str();
    detail = detail_of(*event.node);
  } else if (event.entry) {
    if (event.entry->job.job.is_set()) subject = std::to_string(event.entry->job.job.value);
    user = event.entry->job.user;
    account = event.entry->job.account;
    detail = detail_of(*event.entry);
  }
  return fmt::format(kRow, event.cursor, base::format_time(event.time / model::kSecond),
                     event::event_name(event), subject, user, account, detail);
}

std::string event_line(const event::Event& event) { return event::event_json(event) + "\n"; }

}  // namespace sluice::cli
