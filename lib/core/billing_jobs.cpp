// Money in the cluster's turns: attempts that start are held for, those that run are charged from
// time to time, those that end are settled. Everything follows from comparing the jobs' records
// with the books, so it goes out in the same transaction as the records.
//
// Costs: nothing as long as there are no customers; else O(log n) for each edited record. Rounds of
// charges go over all that run in parts, one part a turn.
#include <algorithm>

#include "core/billing.hpp"
#include "core/cluster_state.hpp"

namespace sluice::core {

namespace {

constexpr std::size_t kChargesPerTurn = 1'000;
constexpr std::size_t kDuePerTurn = 250;  // who can't pay for all of it is dear to look at
// For what outlasts its time limit while it is being ended.
constexpr model::WallTime kAfterLimit = 60 * model::kSecond;

bool runs(const model::Job& job) {
  return job.state == model::JobState::running || job.state == model::JobState::suspended;
}

// The first full period after `now`.
model::WallTime next_period(model::WallTime now, std::uint32_t period_s) {
  const std::int64_t period = std::int64_t{std::max(period_s, 1U)} * model::kSecond;
  return (now / period + 1) * period;
}

ledger::JobRef ref_of(const model::Job& job) {
  ledger::JobRef ref;
  ref.job = job.id;
  ref.uid = job.uid;
  ref.attempt = job.attempt;
  ref.array_job = job.array_job;
  ref.array_task = job.array_task;
  ref.het_job = job.het_job;
  ref.het_offset = job.het_offset;
  ref.name = job.spec->name;
  ref.account = job.request->account;
  ref.user = job.spec->user;
  ref.partition = job.partition;
  ref.qos = job.qos;
  ref.wckey = job.spec->wckey;
  return ref;
}

Attempt attempt_of(const model::Job& job) { return {job.uid, job.attempt}; }

}  // namespace

void DeleteBilling::operator()(Billing* billing) const { delete billing; }

void Cluster::State::restore_billing(const StoredState& stored) {
  if (stored.books == nullptr) return;
  money.reset(new Billing);
  money->restore(*stored.books);
  money->set_time(turn.now.wall);
  refresh_billing();
  planner.add_gate(money.get());
  for (const ledger::OpenAttempt& open : stored.books->attempts) {
    const model::Job* job = find(open.job.job);
    Billing::Followed followed;
    followed.attempt = ledger::attempt_of(open.job);
    followed.due = open.held_until;
    if (open.grace_until != 0) {
      followed.due = open.grace_until;
      money->in_grace.insert(open.job.job);
    }
    if (job != nullptr && attempt_of(*job) == followed.attempt && runs(*job)) {
      followed.allocation = job->allocation.get();
      followed.asleep = open.suspended;
      followed.allowed_end = allowed_end(*job);
    } else {
      followed.due = turn.now.wall;  // it can't be, but nothing stays open for ever
    }
    money->follow(open.job.job, followed);
  }
  money->next_charge = turn.now.wall;
}

void Cluster::State::refresh_billing() {
  if (money == nullptr) return;
  Billing::Setup setup;
  setup.tree = tree;
  setup.priority_flags = settings->priority.flags;
  setup.limit_unit_ms = settings->limit_unit_ms;
  for (const model::PartitionPtr& partition : partitions) {
    auto weights = parse_tres_weights(tree->accounts().tres, partition->tres_billing_weights);
    setup.partitions.push_back({partition->name, weights ? std::move(*weights) : TresWeights()});
  }
  money->configure(std::move(setup));
}

ledger::AttemptStart Cluster::State::attempt_start(const model::Job& job) const {
  ledger::AttemptStart start;
  start.job = ref_of(job);
  start.accounts = money->accounts_of(job.association, job.request->account);
  start.allotment = allotment_of(*job.allocation, job.request->licenses,
                                 model::tres_count(job.tres, model::kTresBilling));
  start.start = job.start;
  start.limit_end = job.suspended_at != 0 ? 0 : allowed_end(job);
  return start;
}

// If it isn't suspended from now on.
model::WallTime Cluster::State::allowed_end(const model::Job& job) const {
  if (job.time_limit == model::kUnlimited) return 0;
  const model::WallTime asleep =
      job.suspended_at == 0 ? 0 : std::max<std::int64_t>(turn.now.wall - job.suspended_at, 0);
  return job.start + job.suspended_us + asleep + allowed_us(job);
}

// Before the turn ends.
void Cluster::State::follow_money() {
  if (money == nullptr) return;
  if (money->books().has_customers()) {
    for (const auto& [id, edit] : turn.jobs) follow_attempt(id, edit);
  }
  if (money->take_loosened()) plan_needed = true;
  // What a refused event did on the way goes out with the next turn.
  if (turn.changes.outcome) turn.changes.books = money->take_rows();
}

void Cluster::State::follow_attempt(JobId id, const JobEdit& edit) {
  const model::Job* now = find(id);
  const bool running = now != nullptr && runs(*now) && now->allocation != nullptr;
  const Billing::Followed* known = money->find(id);
  if (known != nullptr && (!running || known->attempt != attempt_of(*now))) {
    settle_attempt(id);
    known = nullptr;
  }
  if (!running) return;
  if (known != nullptr) return follow_running(id);
  const bool waited = !edit.before || edit.before->state == model::JobState::pending;
  if (waited && now->start == turn.now.wall) begin_attempt(id);
}

// If the next attempt waits already, the record of the last went out in this turn.
void Cluster::State::settle_attempt(JobId id) {
  const Attempt attempt = money->find(id)->attempt;
  const model::Job* past = find(id);
  for (const model::JobPtr& ended : turn.changes.ended) {
    if (ended->id == id && attempt_of(*ended) == attempt) past = ended.get();
  }
  ledger::AttemptEnd end{.at = turn.now.wall, .fate = ledger::Fate::completed};
  if (past != nullptr && attempt_of(*past) == attempt && past->end != 0) {
    end = {.at = past->end, .fate = fate_of(*past)};
  }
  money->add(money->books().end(attempt, end, {.now = turn.now.wall}));
  money->leave(id);
}

void Cluster::State::follow_running(JobId id) {
  const model::Job& now = job(id);
  Billing::Followed& known = *money->find(id);
  const ledger::OpenAttempt& open = *money->books().attempt(known.attempt);
  ledger::AttemptChange change{.at = turn.now.wall};
  if (known.allocation != now.allocation.get()) {
    known.allocation = now.allocation.get();
    change.allotment = attempt_start(now).allotment;
    if (*change.allotment == open.allotment) change.allotment.reset();
  }
  const bool asleep = now.suspended_at != 0;
  if (asleep != known.asleep) change.suspended = known.asleep = asleep;
  if (ledger::JobRef ref = ref_of(now); ref != open.job) change.job = std::move(ref);
  const model::WallTime end = allowed_end(now);
  if (const model::WallTime most = asleep ? 0 : end; most != open.limit_end) {
    change.limit_end = most;
  }
  if (change.allotment || change.suspended || change.job || change.limit_end) {
    money->add(money->books().change(known.attempt, change, {.now = turn.now.wall}));
  }
  if (!change.allotment && (asleep || end == known.allowed_end)) return;
  known.allowed_end = end;
  hold_anew(id);
}

void Cluster::State::begin_attempt(JobId id) {
  const model::Job& now = job(id);
  const ledger::Customer* customer = money->customer_of(now.association, now.request->account);
  if (customer == nullptr) return;
  const ledger::Stamp stamp{.now = turn.now.wall};
  const ledger::AttemptStart start = attempt_start(now);
  const model::WallTime end = allowed_end(now);
  model::WallTime until = ledger::hold_end(*customer, now.start, end);
  Result<ledger::Posted> opened = money->books().open(start, until, stamp);
  if (!opened) {
    // The gate let it start, so this is no more than a matter of rounding.
    until = now.start;
    opened = money->books().open(start, until, stamp);
  }
  if (!opened) return;
  money->add(std::move(*opened));
  money->follow(id, {.attempt = attempt_of(now),
                     .allocation = now.allocation.get(),
                     .asleep = now.suspended_at != 0,
                     .allowed_end = end,
                     .due = until});
}

// As far as the money goes; then the grace time runs. What has reached its time limit is about to
// be ended for that.
void Cluster::State::hold_anew(JobId id) {
  Billing::Followed& known = *money->find(id);
  ledger::Books& books = money->books();
  const ledger::OpenAttempt& open = *books.attempt(known.attempt);
  const ledger::Customer& customer = *books.customer(open.customer);
  const model::WallTime now = turn.now.wall;
  const ledger::Stamp stamp{.now = now};
  money->add(books.charge(known.attempt, now, stamp));
  if (known.allowed_end != 0 && known.allowed_end <= now) {
    return money->set_due(id, known, now + kAfterLimit);
  }
  const model::WallTime wanted = ledger::hold_end(customer, now, known.allowed_end);
  if (auto held = books.hold_most(known.attempt, wanted, stamp); held) {
    money->add(std::move(*held));
  }
  if (open.held_until > now) {
    books.end_grace(known.attempt);
    money->in_grace.erase(id);
    return money->set_due(id, known, open.held_until);
  }
  if (open.grace_until == 0 && customer.grace_s != 0) {
    money->add(books.begin_grace(known.attempt, stamp));
    money->in_grace.insert(id);
  }
  if (open.grace_until > now) return money->set_due(id, known, open.grace_until);
  money->set_due(id, known, now + kAfterLimit);
  end_unpaid(id);
}

void Cluster::State::end_unpaid(JobId id) {
  const model::Job* unpaid = find(id);
  if (unpaid == nullptr || !runs(*unpaid)) return;
  end(id, {.state = model::JobState::timeout,
           .reason = model::Reason::association_limit,
           .detail = "BillingFundsLimit"});
}

void Cluster::State::tend_billing() {
  if (money == nullptr) return;
  const model::WallTime now = turn.now.wall;
  const ledger::Stamp stamp{.now = now};
  const model::WallTime expiry = money->books().next_expiry();
  if (expiry != 0 && expiry <= now) money->add(money->books().expire(stamp));
  for (const JobId id : money->due(kDuePerTurn)) {
    Billing::Followed* known = money->find(id);
    if (known == nullptr) continue;  // ended with another component
    const model::Job* job = find(id);
    if (job != nullptr && runs(*job) && attempt_of(*job) == known->attempt) {
      known->allowed_end = allowed_end(*job);
      hold_anew(id);
    } else if (!edited(id)) {
      const ledger::AttemptEnd end{.at = now, .fate = ledger::Fate::completed};
      money->add(money->books().end(known->attempt, end, stamp));
      money->leave(id);
    }
  }
  if (now < money->next_charge && !money->charge_from) return;
  ledger::ChargeSlice slice{.most = kChargesPerTurn, .next = money->charge_from};
  money->add(money->books().charge_some(now, slice, stamp));
  money->charge_from = slice.next;
  if (slice.next) return;
  money->next_charge = next_period(now, settings->billing_period_s);
  money->loosen();  // prices may have changed with the hour
}

std::int64_t Cluster::State::billing_ms() const {
  if (money == nullptr) return std::numeric_limits<std::int64_t>::max();
  if (money->charge_from) return last.mono_ms;
  model::WallTime next = money->next_due();
  const auto sooner = [&next](model::WallTime when) {
    if (when != 0 && (next == 0 || when < next)) next = when;
  };
  if (money->books().has_customers()) sooner(money->next_charge);
  sooner(money->books().next_expiry());
  if (next == 0) return std::numeric_limits<std::int64_t>::max();
  return last.mono_ms + std::max<std::int64_t>((next - last.wall + 999) / 1000, 0);
}

}  // namespace sluice::core
