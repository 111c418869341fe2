// Billing: the books (ledger/books.hpp) inside the cluster, and what they need to know of it: who
// pays for which job, what a job has that prices are for, until when it is paid for.
//
// As a gate of the planner it keeps jobs from starting whose cost can't be held: the customer waits
// with the reason BillingFundsLimit. What starts in the same pass counts at once.
//
// Running attempts are followed by comparing job records with the books at the end of each turn
// (billing_jobs.cpp), so whoever changes a record needn't think of money. An attempt is charged if
// its account had a customer when it started, and by that customer until its end.
//
// What is held is what the whole time limit costs, or the customer's hold_hours, held anew before
// they are over, and by the new prices when a price book is loaded. If no more can be held, down to
// the overdraft, the job ends once what was held is used and the grace time is over.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "core/account_tree.hpp"
#include "core/billing_request.hpp"
#include "core/start_gate.hpp"
#include "core/tres_use.hpp"
#include "ledger/books.hpp"
#include "model/job.hpp"
#include "model/partition.hpp"

namespace sluice::core {

// What the meters of prices count of an allocation. `billing`: billing units.
[[nodiscard]] ledger::Allotment allotment_of(const model::Allocation& allocation,
                                             std::string_view licenses, std::int64_t billing);
// What any allocation for the request has at least.
[[nodiscard]] ledger::Allotment least_allotment(const model::TresCounts& counts,
                                                const model::TresTable& table);

// As the books name it: an end that is not the job's doing may be free.
[[nodiscard]] ledger::Fate fate_of(const model::Job& ended);

class Billing : public StartGate {
 public:
  struct Partition {
    Text name;
    TresWeights weights;
  };
  struct Setup {
    AccountTreePtr tree;
    std::vector<Partition> partitions;  // by index
    std::uint32_t priority_flags = 0;
    std::int64_t limit_unit_ms = 60'000;
  };
  void configure(Setup setup);
  void set_time(model::WallTime now) { now_ = now; }

  [[nodiscard]] const ledger::Books& books() const { return books_; }
  [[nodiscard]] ledger::Books& books() { return books_; }
  // Entries gather here until they go out with the turn.
  void add(ledger::Posted posted);
  // Null: nothing has changed.
  [[nodiscard]] std::shared_ptr<const ledger::BooksRows> take_rows();
  void restore(const ledger::BooksState& state);
  // All of the other's, with what it has not given out yet.
  void take_books(Billing& other);

  // Who pays; null: nobody.
  [[nodiscard]] const ledger::Customer* customer_of(std::uint32_t association,
                                                    const Text& account) const;
  // The account, and those above it.
  [[nodiscard]] std::vector<Text> accounts_of(std::uint32_t association, const Text& account) const;
  [[nodiscard]] std::int64_t billing_units(const model::Allocation& allocation,
                                           PartitionIndex partition) const;

  // The gate
  [[nodiscard]] std::optional<GateBlock> refuses(const GateQuestion& question) const override;
  void started(JobId id, const GateQuestion& question) override;
  void taken_back(const GateQuestion& question) override;
  [[nodiscard]] std::uint64_t loosened() const override { return loosened_; }
  void forget_started();  // each is held for from now on
  void loosen() { ++loosened_; }
  // Whether it has risen since it was asked.
  [[nodiscard]] bool take_loosened() { return std::exchange(told_, loosened_) != loosened_; }

  // Jobs whose attempts are charged.
  struct Followed {
    Attempt attempt;
    const model::Allocation* allocation = nullptr;  // only compared
    bool asleep = false;
    model::WallTime allowed_end = 0;  // 0: no time limit
    model::WallTime due = 0;          // what is held is used up, or the grace time over
  };
  [[nodiscard]] Followed* find(JobId id);
  Followed& follow(JobId id, Followed followed);
  void set_due(JobId id, Followed& followed, model::WallTime due);
  void leave(JobId id);
  // Those that pay by one of these books are due now: prices have changed.
  void look_again(const std::vector<ledger::Entry>& loaded);
  // The first so many that are due, by time.
  [[nodiscard]] std::vector<JobId> due(std::size_t most) const;
  [[nodiscard]] model::WallTime next_due() const;  // 0: never
  [[nodiscard]] const std::map<JobId, Followed>& followed() const { return followed_; }

  // The books as a canonical text, for comparing states.
  [[nodiscard]] std::string fingerprint() const;

  std::set<JobId> in_grace;            // those whose grace time runs
  model::WallTime next_charge = 0;     // of all that run; 0: not known yet
  std::optional<Attempt> charge_from;  // set: a round of charges goes on there

 private:
  // What starts of this pass will hold.
  struct Promised {
    ledger::Money money = 0;
    std::vector<ledger::PackageHold> packages;  // each once
    void add(const ledger::HoldPlan& plan, std::int32_t sign);
  };
  [[nodiscard]] ledger::AttemptStart start_of(const GateQuestion& question) const;
  [[nodiscard]] ledger::HoldPlan plan(const ledger::Customer& customer,
                                      const GateQuestion& question) const;

  ledger::Books books_;
  ledger::BooksRows rows_;
  Setup setup_;
  model::WallTime now_ = 0;
  std::uint64_t loosened_ = 1;
  std::uint64_t told_ = 0;                                 // `loosened_` as taken last
  std::vector<ledger::HoldPlan> promises_;                 // of starts in this pass, in order
  std::map<std::uint32_t, Promised> promised_;             // their sums, by customer
  mutable std::map<std::uint32_t, std::uint32_t> payers_;  // by association; 0: nobody
  std::map<JobId, Followed> followed_;
  std::set<std::pair<model::WallTime, JobId>> due_;
};

}  // namespace sluice::core
