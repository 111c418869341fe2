// See lines.hpp.
#include "ledger/lines.hpp"

namespace sluice::ledger {

void Lines::add(const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::none:
    case EntryKind::hold:
    case EntryKind::release:
    case EntryKind::closing:
    case EntryKind::prices:
    case EntryKind::customer: return;
    default: break;
  }
  totals_.list += entry.list;
  totals_.contracted += entry.contracted;
  totals_.effective += entry.effective;
  totals_.billed += entry.billed;
  if (entry.kind != EntryKind::charge && entry.kind != EntryKind::reversal) {
    money_.push_back({entry.sequence, entry.time, entry.kind, entry.amount, entry.effective,
                      entry.billed, entry.package, entry.refers_to, entry.correction, entry.note});
    return;
  }
  const PricedBy& price = entry.price;
  const JobId job = detail_ == LineDetail::by_job ? entry.job.job : JobId();
  UsageLine& line =
      usage_[Key(entry.job.account, entry.job.user, job, price.service, price.sku, price.book,
                 price.version, price.discount, entry.package, entry.correction)];
  line.account = entry.job.account;
  line.user = entry.job.user;
  line.job = job;
  line.price = price;
  line.package = entry.package;
  line.correction = entry.correction;
  line.consumed = line.consumed + entry.consumed;
  line.priced = line.priced + entry.priced;
  line.list += entry.list;
  line.contracted += entry.contracted;
  line.effective += entry.effective;
  line.billed += entry.billed;
  ++line.entries;
}

std::vector<UsageLine> Lines::usage() const {
  std::vector<UsageLine> lines;
  for (const auto& [key, line] : usage_) lines.push_back(line);
  return lines;
}

}  // namespace sluice::ledger
