// See billing.hpp. Here: whose a job is, what it has that is charged, and the gate. What a whole
// cluster does with it is in billing_jobs.cpp and billing_requests.cpp.
#include "core/billing.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "core/field_text.hpp"
#include "model/reservation.hpp"

namespace sluice::core {

namespace {

void count(ledger::Allotment& all, std::string_view meter, std::uint64_t number) {
  if (number == 0) return;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 44;
  const auto more = static_cast<std::int64_t>(std::min(number, kMost));
  const auto known =
      std::ranges::find(all, meter, [](const auto& one) { return one.meter.view(); });
  if (known != all.end()) {
    known->count += more;
  } else {
    all.push_back({Text(meter), more});
  }
}

void count_licenses(ledger::Allotment& all, std::string_view text) {
  const Result<model::LicenseRequest> licenses = model::parse_licenses(text);
  if (!licenses) return;
  for (const model::LicenseNeed& need : licenses->needs) {
    count(all, "license/" + need.name.str(), need.count);
    if (licenses->any) return;  // one of them; which one is only known at the start
  }
}

}  // namespace

ledger::Allotment allotment_of(const model::Allocation& allocation, std::string_view licenses,
                               std::int64_t billing) {
  ledger::Allotment all;
  for (const model::NodeShare& share : allocation.shares) {
    count(all, "cpu", share.cpu_count);
    count(all, "mem", share.memory);
    count(all, "node", 1);
    for (const model::GresShare& gres : share.gres) {
      const std::string name = "gres/" + gres.name.str();
      count(all, name, gres.count);
      if (!gres.type.empty()) count(all, name + ':' + gres.type.str(), gres.count);
    }
  }
  count(all, "billing", static_cast<std::uint64_t>(std::max<std::int64_t>(billing, 0)));
  count_licenses(all, allocation.licenses.empty() ? licenses : allocation.licenses.view());
  return all;
}

ledger::Allotment least_allotment(const model::TresCounts& counts, const model::TresTable& table) {
  ledger::Allotment all;
  for (const model::TresCount& one : counts) {
    const auto kind = std::ranges::find(table, one.id, &model::TresKind::id);
    if (kind == table.end() || one.count <= 0) continue;
    count(all, model::tres_name(*kind), static_cast<std::uint64_t>(one.count));
  }
  return all;
}

ledger::Fate fate_of(const model::Job& ended) {
  using ledger::Fate;
  switch (ended.state) {
    case model::JobState::completed: return Fate::completed;
    case model::JobState::timeout: return Fate::timeout;
    case model::JobState::node_fail: return Fate::node_fail;
    case model::JobState::preempted: return Fate::preempted;
    case model::JobState::boot_fail: return Fate::boot_fail;
    case model::JobState::deadline: return Fate::deadline;
    case model::JobState::out_of_memory: return Fate::out_of_memory;
    case model::JobState::failed:
      return ended.reason == model::Reason::job_launch_failure ? Fate::launch_failed : Fate::failed;
    default: return (ended.flags & model::kFlagRequeued) != 0 ? Fate::requeued : Fate::cancelled;
  }
}

void Billing::configure(Setup setup) {
  setup_ = std::move(setup);
  payers_.clear();
  loosen();
}

void Billing::add(ledger::Posted posted) {
  for (ledger::Entry& entry : posted.entries) {
    const bool gives = ledger::posted(entry, ledger::LedgerAccount::balance) > 0 ||
                       ledger::posted(entry, ledger::LedgerAccount::receivable) > 0;
    const bool changes = entry.kind == ledger::EntryKind::prices ||
                         entry.kind == ledger::EntryKind::customer ||
                         entry.kind == ledger::EntryKind::purchase || entry.package != 0;
    if (gives || changes) loosen();
    if (entry.kind == ledger::EntryKind::customer) payers_.clear();
    rows_.entries.push_back(std::move(entry));
  }
}

std::shared_ptr<const ledger::BooksRows> Billing::take_rows() {
  ledger::BooksChanges changed = books_.take_changed();
  const bool nothing = rows_.entries.empty() && !changed.head && !changed.prices &&
                       changed.customers.empty() && changed.balances.empty() &&
                       changed.packages.empty() && changed.attempts.empty() &&
                       changed.gone.empty() && changed.requests.empty();
  if (nothing) return nullptr;
  rows_.changed = std::move(changed);
  return std::make_shared<const ledger::BooksRows>(std::exchange(rows_, {}));
}

void Billing::take_books(Billing& other) {
  books_ = std::move(other.books_);
  rows_ = std::exchange(other.rows_, {});
}

void Billing::restore(const ledger::BooksState& state) {
  books_.restore(state);
  payers_.clear();
}

std::vector<Text> Billing::accounts_of(std::uint32_t association, const Text& account) const {
  std::vector<Text> names;
  AccountTree::Place place = setup_.tree->place_of(association);
  if (place == AccountTree::kNoPlace) place = setup_.tree->find_account(account);
  if (place == AccountTree::kNoPlace) {
    if (!account.empty()) names.push_back(account);
    return names;
  }
  for (const AccountTree::Place above : setup_.tree->chain(place)) {
    const Text& name = setup_.tree->at(above).account;
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names;
}

const ledger::Customer* Billing::customer_of(std::uint32_t association, const Text& account) const {
  if (!books_.has_customers()) return nullptr;
  if (association == 0) return books_.customer_of(accounts_of(association, account));
  auto known = payers_.find(association);
  if (known == payers_.end()) {
    const ledger::Customer* payer = books_.customer_of(accounts_of(association, account));
    known = payers_.emplace(association, payer == nullptr ? 0 : payer->id).first;
  }
  return books_.customer(known->second);
}

std::int64_t Billing::billing_units(const model::Allocation& allocation,
                                    PartitionIndex partition) const {
  const model::TresTable& table = setup_.tree->accounts().tres;
  return billed(allocated_tres(allocation, table), setup_.partitions[partition.value].weights,
                table, setup_.priority_flags);
}

ledger::AttemptStart Billing::start_of(const GateQuestion& question) const {
  const RankedJob& job = question.job;
  ledger::AttemptStart start;
  start.accounts = accounts_of(job.association, job.request->account);
  start.job.partition = setup_.partitions[question.partition.value].name;
  if (const model::Qos* qos = setup_.tree->qos(job.qos)) start.job.qos = qos->name;
  start.start = now_;
  const model::TresTable& table = setup_.tree->accounts().tres;
  if (question.allocation != nullptr) {
    start.allotment = allotment_of(*question.allocation, job.request->licenses,
                                   billing_units(*question.allocation, question.partition));
  } else {
    start.allotment = least_allotment(requested_tres(*job.request, table), table);
  }
  return start;
}

ledger::HoldPlan Billing::plan(const ledger::Customer& customer,
                               const GateQuestion& question) const {
  model::WallTime end = 0;
  if (question.time_limit != model::kUnlimited) {
    end = now_ + std::int64_t{question.time_limit} * setup_.limit_unit_ms * 1000;
  }
  const auto taken = promised_.find(customer.id);
  return books_.plan(
      customer, start_of(question), ledger::hold_end(customer, now_, end),
      taken == promised_.end() ? std::span<const ledger::PackageHold>() : taken->second.packages);
}

void Billing::Promised::add(const ledger::HoldPlan& plan, std::int32_t sign) {
  money += sign * plan.money;
  for (const ledger::PackageHold& hold : plan.packages) {
    auto at = std::ranges::find(packages, hold.package, &ledger::PackageHold::package);
    if (at == packages.end()) at = packages.insert(at, {hold.package, {}});
    at->quantity = sign > 0 ? at->quantity + hold.quantity : at->quantity - hold.quantity;
  }
}

std::optional<GateBlock> Billing::refuses(const GateQuestion& question) const {
  const ledger::Customer* customer =
      customer_of(question.job.association, question.job.request->account);
  if (customer == nullptr) return std::nullopt;
  GateBlock block;
  block.reason = model::Reason::association_limit;
  block.holder = fmt::format("customer {}", customer->name.view());
  if (customer->closed) {
    block.detail = "BillingCustomerClosed";
    block.resource = "starts";
    return block;
  }
  const ledger::HoldPlan plan = this->plan(*customer, question);
  const ledger::Money there = ledger::available(*customer, books_.balance(customer->id));
  const auto promised = promised_.find(customer->id);
  const ledger::Money left = there - (promised == promised_.end() ? 0 : promised->second.money);
  if (plan.money <= 0 || plan.money <= left) return std::nullopt;
  block.detail = "BillingFundsLimit";
  block.resource = fmt::format("money/{}", customer->currency.view());
  block.used = books_.balance(customer->id).held + there - left;
  block.wanted = plan.money;
  block.limit = block.used + left;
  return block;
}

void Billing::started(JobId /*id*/, const GateQuestion& question) {
  const ledger::Customer* customer =
      customer_of(question.job.association, question.job.request->account);
  if (customer == nullptr) return;
  promises_.push_back(plan(*customer, question));
  promised_[customer->id].add(promises_.back(), 1);
}

// What is left now was left when the pass began: nobody need be asked again.
void Billing::taken_back(const GateQuestion& question) {
  if (promises_.empty()) return;
  const ledger::Customer* customer =
      customer_of(question.job.association, question.job.request->account);
  if (customer == nullptr) return;
  promised_[customer->id].add(promises_.back(), -1);
  promises_.pop_back();
}

void Billing::forget_started() {
  promises_.clear();
  promised_.clear();
}

Billing::Followed* Billing::find(JobId id) {
  const auto found = followed_.find(id);
  return found == followed_.end() ? nullptr : &found->second;
}

Billing::Followed& Billing::follow(JobId id, Followed followed) {
  const auto [place, is_new] = followed_.emplace(id, followed);
  SLUICE_ASSERT(is_new, "job {} is followed already", id.value);
  due_.emplace(followed.due, id);
  return place->second;
}

void Billing::set_due(JobId id, Followed& followed, model::WallTime due) {
  due_.erase({followed.due, id});
  followed.due = due;
  due_.emplace(due, id);
}

void Billing::leave(JobId id) {
  const auto found = followed_.find(id);
  if (found == followed_.end()) return;
  due_.erase({found->second.due, id});
  in_grace.erase(id);
  followed_.erase(found);
}

void Billing::look_again(const std::vector<ledger::Entry>& loaded) {
  std::set<Text> changed;
  for (const ledger::Entry& entry : loaded) {
    if (entry.kind == ledger::EntryKind::prices) changed.insert(entry.price.book);
  }
  if (changed.empty()) return;
  for (auto& [id, followed] : followed_) {
    const ledger::OpenAttempt* open = books_.attempt(followed.attempt);
    if (open != nullptr && changed.contains(open->book)) set_due(id, followed, now_);
  }
}

std::vector<JobId> Billing::due(std::size_t most) const {
  std::vector<JobId> ids;
  for (const auto& [when, id] : due_) {
    if (when > now_ || ids.size() == most) break;
    ids.push_back(id);
  }
  return ids;
}

std::string Billing::fingerprint() const {
  const ledger::BooksState state = books_.state();
  std::string text = "books " + field_text(state.head) + '\n';
  for (const ledger::PriceBookPtr& book : state.prices)
    text += "prices " + field_text(*book) + '\n';
  for (const auto& one : state.customers) text += "customer " + field_text(one) + '\n';
  for (const auto& one : state.balances) text += "balance " + field_text(one) + '\n';
  for (const auto& one : state.packages) text += "package " + field_text(one) + '\n';
  for (const auto& one : state.attempts) text += "attempt " + field_text(one) + '\n';
  return text;
}

model::WallTime Billing::next_due() const { return due_.empty() ? 0 : due_.begin()->first; }

}  // namespace sluice::core
