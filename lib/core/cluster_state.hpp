// Cluster::State: everything behind the door of Cluster, in one place, with its operations grouped
// by the files that define them.
//
// How a turn works. An event's handler only edits records (edit) and hands out orders. Before the
// turn ends, settle() looks at each edited record once: it brings the books up to date (arrays,
// names, dependents), decides whether a waiting job may go to the planner (review), and sets its
// timers. So no handler has to know who waits for what, and a job's place follows from its record
// alone; that is also why a restart can rebuild everything.
//
// Invariants (check.cpp): a job holds nodes if and only if it is in `active`; the planner has
// exactly the waiting jobs that nothing but resources keeps back.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.hpp"
#include "core/accounts_edit.hpp"
#include "core/cluster.hpp"
#include "core/dependency_spec.hpp"
#include "core/intern.hpp"
#include "core/judgements.hpp"
#include "core/policies.hpp"
#include "core/records.hpp"
#include "core/request_rules.hpp"
#include "core/reservation_rules.hpp"
#include "core/reservation_table.hpp"
#include "core/settled_requests.hpp"
#include "core/why.hpp"

namespace sluice::ledger {
struct AttemptStart;
}

namespace sluice::core {

class Billing;
struct DeleteBilling {
  void operator()(Billing* billing) const;
};

struct Cluster::State {
  explicit State(SettingsPtr given);
  State(SettingsPtr given, const StoredState& stored, Now when);

  // The turn (turn.cpp)
  void begin(Now now);
  [[nodiscard]] Changes finish();
  [[nodiscard]] const model::Job* find(JobId id) const;
  [[nodiscard]] const model::Job& job(JobId id) const;
  [[nodiscard]] Entry& entry_of(JobId id);
  model::Job& edit(JobId id);
  model::Job& edit_quietly(JobId id);  // changes nothing that books or planner look at
  model::Job& insert(model::Job job);
  model::Node& edit_node(NodeIndex node);
  model::Partition& edit_partition(PartitionIndex partition);
  void settle();
  void settle_one(JobId id);
  void set_timers(JobId id);
  void array_over(JobId array);
  void count(const model::Job& job, const Tally& tally, std::int32_t sign);
  void count_name(const model::Job& job, const Tally& tally, std::int32_t sign);
  void touch_group(const NameKey& key);
  [[nodiscard]] bool edited(JobId id) const { return turn.jobs.contains(id); }

  // Submitting (submit.cpp)
  void on(const SubmitJob& event);
  struct Entrant {
    model::Job job;  // without an id
    DependencySpec dependency;
  };
  [[nodiscard]] Result<Entrant> admit(const SubmitJob& event);
  void enter(Entrant entrant, JobId id);
  [[nodiscard]] JobId take_job_id();
  [[nodiscard]] std::uint32_t start_priority(const model::Job& job) const;
  [[nodiscard]] Status describe_array(model::Job& job) const;
  [[nodiscard]] Status check_possible(const model::Job& job) const;
  [[nodiscard]] Error no_partition(const model::Job& job) const;
  [[nodiscard]] Result<model::RequestPtr> settle_submitted(const SubmitJob& event);
  [[nodiscard]] Result<model::RequestPtr> settle_request(const model::Request& asked,
                                                         const AccessCheck& who);
  [[nodiscard]] std::uint32_t shown_time_limit(const model::Request& request) const;

  // Accounts (accounts.cpp)
  void on(const EditAccounts& event);
  void restore_accounts(const StoredState& stored);
  void adopt(model::AccountsPtr accounts);
  void extend_tres();
  void publish_accounts();
  [[nodiscard]] AccountsUse accounts_use() const;
  void review_standings(const AccountTree& before);
  void find_standing(JobId id);
  [[nodiscard]] Status fill_standing(model::Request& request, const AccessCheck& who) const;
  void settle_standing(model::Job& job) const;
  [[nodiscard]] Status settle_wckey(model::JobSpec& spec) const;
  [[nodiscard]] std::uint32_t qos_id(std::string_view name) const;
  // The limits of partitions that some of those QOS let a job pass (kWaivers).
  [[nodiscard]] std::uint32_t waivers_of(std::string_view qos) const;
  [[nodiscard]] Status check_qos_use(const model::Request& request) const;
  [[nodiscard]] Obstacle standing_obstacle(const model::Job& job) const;
  [[nodiscard]] std::vector<Guise> guises_of(const model::Job& job,
                                             const std::vector<PartitionIndex>& where) const;

  // Priorities, usage and limits (policies.cpp)
  void refresh_policies();
  void forget_removed(const AccountTree& before);
  void reset_usage(const model::AccountsEdit& edit);
  [[nodiscard]] std::int64_t calculation_ms() const;
  [[nodiscard]] std::int64_t calculation_period_ms() const;
  void calculate();
  void end_used_up();
  void start_aging();
  void publish_priorities();
  void note_crowds(PriorityInputs& inputs) const;
  [[nodiscard]] model::TresCounts partition_totals(const model::Partition& partition,
                                                   const TresWeights& weights) const;
  [[nodiscard]] std::vector<model::UsageRecord> usage_shown() const;
  [[nodiscard]] Status admit_to_limits(model::Job& job);
  [[nodiscard]] std::vector<std::pair<PartitionIndex, LimitClaim>> claims_at_submit(
      const model::Job& job) const;
  [[nodiscard]] bool ranks_by_factors() const;
  [[nodiscard]] std::uint32_t computed_priority(const model::Job& job) const;
  // Charging and counting jobs (accrual.cpp)
  [[nodiscard]] LimitClaim claimant(const model::Job& job) const;
  [[nodiscard]] LimitClaim claim_of(const model::Job& job) const;
  [[nodiscard]] std::int64_t run_us(const model::Job& job) const;
  [[nodiscard]] std::int64_t allowed_us(const model::Job& job) const;
  [[nodiscard]] model::TresCounts tres_of(const model::Job& job) const;
  void follow_job(JobId id);
  void follow_run(JobId id);
  [[nodiscard]] std::int64_t final_run_us(JobId id, std::uint32_t attempt) const;
  void charge_from(const model::Job& job, std::int64_t charged_us);
  [[nodiscard]] Meter meter_of(const LimitClaim& whose) const;
  void stop_charging(JobId id);
  void commit(JobId id);
  void charge_all();
  void commit_all();
  void restore_charges();
  void recount();
  void count_apart(Limits& fresh) const;
  [[nodiscard]] std::optional<std::string> check_counts() const;
  void set_accrue(JobId id, const Obstacle& keeps);

  // Money (billing_jobs.cpp, billing_requests.cpp)
  void on(const Bill& event);
  void quote(const BillingRequest& request, BillingAnswer& answer);
  void restore_billing(const StoredState& stored);
  void refresh_billing();
  void follow_money();
  void follow_attempt(JobId id, const JobEdit& edit);
  void begin_attempt(JobId id);
  void follow_running(JobId id);
  void settle_attempt(JobId id);
  void hold_anew(JobId id);
  void tend_billing();
  void end_unpaid(JobId id);
  [[nodiscard]] std::int64_t billing_ms() const;
  [[nodiscard]] ledger::AttemptStart attempt_start(const model::Job& job) const;
  [[nodiscard]] model::WallTime allowed_end(const model::Job& job) const;  // 0: no time limit

  // Reservations (reservation_edits.cpp)
  void on(const EditReservation& event);
  [[nodiscard]] Status create_reservation(const EditReservation& event);
  [[nodiscard]] Status update_reservation(const EditReservation& event);
  [[nodiscard]] Status remove_reservation(const EditReservation& event);
  [[nodiscard]] Status skip_occurrence(const model::Reservation& before);
  [[nodiscard]] bool may_remove(const EditReservation& event,
                                const model::Reservation& reservation) const;
  [[nodiscard]] Status arrange(model::Reservation& made, const model::ReservationPatch& patch,
                               const model::Reservation* before);
  [[nodiscard]] Status arrange_times(model::Reservation& made, const model::ReservationPatch& patch,
                                     const model::Reservation* before);
  [[nodiscard]] Status arrange_names(model::Reservation& made,
                                     const model::ReservationPatch& patch);
  [[nodiscard]] Status arrange_licenses(model::Reservation& made,
                                        const model::ReservationPatch& patch);
  // Their nodes (reservation_nodes.cpp)
  using ReservedParts = std::vector<StandingReservation::Part>;
  [[nodiscard]] Status arrange_nodes(model::Reservation& made, const model::ReservationPatch& patch,
                                     const model::Reservation* before);
  [[nodiscard]] ReservableNode reservable(const model::Reservation& wanted,
                                          std::uint32_t index) const;
  [[nodiscard]] Status check_named(const model::Reservation& wanted,
                                   const ReservedParts& parts) const;
  [[nodiscard]] Result<std::vector<std::uint32_t>> reservable_nodes(
      const model::Reservation& wanted) const;
  [[nodiscard]] Result<ReservedParts> pick_counted(const model::Reservation& wanted,
                                                   std::uint32_t count,
                                                   const std::vector<std::uint32_t>& cores,
                                                   const std::vector<std::uint32_t>& kept);
  [[nodiscard]] Result<std::vector<std::uint32_t>> named_nodes(
      const model::Reservation& made, const model::ReservationPatch& patch) const;
  [[nodiscard]] ReservedParts present_parts(const model::Reservation& made) const;
  [[nodiscard]] Result<ReservedParts> parts_by_name(model::Reservation& made,
                                                    const model::ReservationPatch& patch) const;
  [[nodiscard]] Result<ReservedParts> parts_by_count(model::Reservation& made,
                                                     const model::ReservationPatch& patch);
  void set_parts(model::Reservation& made, const ReservedParts& parts) const;
  void replenish(const ReservationEntry& entry);
  void follow_partition(const ReservationEntry& entry);
  // As time goes by (reservation_time.cpp)
  void keep_reservation(model::Reservation made);
  void drop_reservation(std::uint32_t id);
  void reservation_changed(std::uint32_t id);
  void tend_reservations();
  void tend_one(std::uint32_t id);
  [[nodiscard]] bool purge(ReservationEntry& entry);
  void end_occurrence(std::uint32_t id);
  [[nodiscard]] model::WallTime reservations_due() const;
  [[nodiscard]] std::int64_t reservation_tick_ms() const;
  void refresh_reservation_marks();
  void publish_reservations();
  // And jobs (reservation_jobs.cpp)
  void fill_ancestors(ReservationUser& who) const;
  [[nodiscard]] ReservationUser reservation_user(const model::JobSpec& spec,
                                                 const model::Request& request,
                                                 const Text& qos) const;
  [[nodiscard]] Status check_reservations(const model::JobSpec& spec,
                                          const model::Request& request) const;
  [[nodiscard]] std::vector<std::uint32_t> open_reservations(const model::Job& job) const;
  [[nodiscard]] std::vector<std::uint32_t> lanes_of(const model::Job& job) const;
  void gate_licenses();
  [[nodiscard]] Candidate tested_candidate(const model::Job& job) const;
  [[nodiscard]] std::int64_t reservation_limit_of(const model::Job& job) const;
  [[nodiscard]] bool runs_in(const Text& name) const;
  [[nodiscard]] bool waits_for(const Text& name) const;
  void reconsider_reserved(const model::Reservation& reservation);
  void release_waiting(const model::Reservation& gone);
  void restore_reservations(const std::vector<model::ReservationPtr>& stored);

  // Heterogeneous jobs (het_jobs.cpp)
  void on(const SubmitHetJob& event);
  void test_whole(const std::vector<Entrant>& entrants);
  [[nodiscard]] JobId take_job_ids(std::uint32_t count);
  [[nodiscard]] std::vector<JobId> other_components(JobId id) const;
  [[nodiscard]] bool is_led(const model::Job& job) const;
  void review_component(JobId id, const Obstacle& keeps);
  [[nodiscard]] bool whole_is_ready(JobId leader) const;
  void queue_whole(JobId leader);
  void mirror_reason(JobId leader);
  void end_others(JobId id, const Ending& ending);
  [[nodiscard]] Status may_act(const ActOnJob& event, JobId id) const;
  void follow(const ActOnJob& event, JobId leader);
  [[nodiscard]] std::vector<Candidate> companions_of(const model::Job& leader) const;
  struct StepManager {
    Attempt attempt;
    JobId job;
    NodeIndex node;
  };
  [[nodiscard]] StepManager step_manager(const model::Job& job) const;

  // Waiting (waiting.cpp)
  void review(JobId id);
  [[nodiscard]] Obstacle obstacle(const model::Job& job) const;
  void queue(JobId id, std::uint32_t startable);
  void unqueue(JobId id);
  void share_slots(JobId array);
  void not_ready(const model::Job& job);
  void set_reason(JobId id, const Obstacle& obstacle);
  // What the planner is asked for: once it has waited long enough for --switches, any number does.
  [[nodiscard]] model::RequestPtr planned_request(const model::Job& job) const;
  [[nodiscard]] Candidate candidate(const model::Job& job, std::uint32_t startable) const;
  [[nodiscard]] Placeable placeable(const model::Request& request, std::uint32_t uid) const;
  [[nodiscard]] Placeable open_partitions(const model::Request& request, std::uint32_t uid) const;

  // Starting (starts.cpp)
  void take(const PassResult& pass);
  void start(const Start& start);
  void write_reasons();
  void explain_in_record(JobId id);
  [[nodiscard]] std::int64_t limit_of(const model::Job& job) const;
  [[nodiscard]] std::int64_t preempted_limit(const model::Job& job) const;  // preempting.cpp
  void hold_nodes(const model::Job& job, Active active);

  // Preemption (preempting.cpp)
  void refresh_preemption();
  void carry_out(const Preemption& preemption);
  void end_preempted(JobId id);
  void wake_displaced();
  void let_sleep(JobId id);
  [[nodiscard]] bool may_wake(JobId id) const;
  void let_wake(JobId id);
  [[nodiscard]] PreemptParty party_of(const model::Job& job) const;
  [[nodiscard]] RunningFacts facts_of(const model::Job& job) const;

  // Explaining (why.cpp)
  [[nodiscard]] model::Explanation why(JobId id, bool sooner) const;
  void explain_lanes(JobId id, model::Explanation& why) const;
  void name_guise(const LaneView& view, const model::Job& asked, model::ExplainedLane& lane) const;
  void explain_until(const LaneView& lane, model::Explanation& why) const;
  void explain_limit(const GateBlock& gate, model::Explanation& why) const;
  [[nodiscard]] std::optional<Candidate> as_changed(const model::Job& waiting,
                                                    model::Request request) const;
  bool try_changes(const model::Job& waiting, std::vector<ChangedRequest> changes,
                   model::Explanation& why) const;
  [[nodiscard]] model::WallTime earliest_start(const model::Job& waiting) const;
  void explain_sooner(const model::Job& waiting, model::Explanation& why) const;
  void explain_placement(const model::Job& job, model::Explanation& why) const;
  [[nodiscard]] bool counts_for(const GateBlock& gate, const model::Job& running) const;
  [[nodiscard]] model::ExplainedJob named(const model::Job& job) const;
  [[nodiscard]] model::WallTime expected_end(const model::Job& job) const;
  [[nodiscard]] ChangeHints change_hints(const model::Job& job) const;

  // Arrays (arrays.cpp)
  JobId split(JobId rest, std::uint32_t task);
  [[nodiscard]] bool is_array(JobId id) const { return arrays.contains(id); }
  [[nodiscard]] JobSelection select(const JobSelector& selector);

  // Dependencies (dependencies.cpp)
  [[nodiscard]] Result<DependencySpec> resolve(std::string_view text, JobId self) const;
  void name_target(DependencyClause& clause) const;
  [[nodiscard]] bool may_be_gone(const DependencyClause& clause) const;
  [[nodiscard]] std::vector<PastTarget> past_targets(std::string_view text) const;
  void set_dependency(JobId id, DependencySpec spec);
  void drop_dependency(JobId id);
  [[nodiscard]] DependencyState evaluate(JobId id);
  void split_corresponding(JobId target_base, std::uint32_t task);
  [[nodiscard]] TargetView target_view(const DependencyClause& clause) const;
  void add_components(const model::Job& leader, TargetView& view) const;
  [[nodiscard]] TargetView past_view(const DependencyClause& clause) const;
  [[nodiscard]] std::set<std::uint32_t> ended_tasks(JobId array) const;
  [[nodiscard]] DependencyState clause_state(const DependencyClause& clause) const;
  [[nodiscard]] bool alone(const model::Job& job) const;
  [[nodiscard]] bool leads_to(JobId from, JobId goal) const;
  void notify_dependents(JobId base);

  // Actions and updates (job_actions.cpp, job_update.cpp)
  void on(const ActOnJob& event);
  [[nodiscard]] Status act(const ActOnJob& event, JobId id);
  [[nodiscard]] Status act_on_one(const ActOnJob& event, JobId id);
  [[nodiscard]] Status cancel(const ActOnJob& event, JobId id);
  [[nodiscard]] Status signal(const ActOnJob& event, JobId id);
  [[nodiscard]] Status hold(const ActOnJob& event, JobId id);
  [[nodiscard]] Status release(const ActOnJob& event, JobId id);
  [[nodiscard]] Status requeue(const ActOnJob& event, JobId id);
  [[nodiscard]] Status put_first(const ActOnJob& event, JobId id);
  void move_to(JobId id, std::uint32_t priority);
  [[nodiscard]] Status suspend(JobId id);
  [[nodiscard]] Status resume(JobId id);
  [[nodiscard]] Status complete(const ActOnJob& event, JobId id);
  void report(const JobSelection& selection, std::vector<JobOutcome> outcomes);
  void on(const UpdateJob& event);
  [[nodiscard]] Status update(const UpdateJob& event, JobId id);
  [[nodiscard]] Status update_others(const UpdateJob& event, JobId leader);
  [[nodiscard]] Result<model::RequestPtr> settle_update(model::Request asked, const model::Job& job,
                                                        const JobPatch& patch);
  void apply_limits(model::Job& changed, const JobPatch& patch);
  void apply_priority(model::Job& changed, const UpdateJob& event);
  void reconsider_array(JobId array);

  // Ending (job_end.cpp)
  void end(JobId id, const Ending& ending);
  void release_node(JobId id, NodeIndex node);
  void note_released(JobId id, std::vector<model::NodeRelease>& released) const;
  [[nodiscard]] std::vector<model::NodeRelease> released() const;
  void finalize(JobId id);
  void run_again(JobId id, const Ending& ending);
  void start_again(model::Job& job);
  void mark_special(model::Job& job, const model::Job& past);
  void put_off(model::Job& job);
  void close_steps(const model::Job& job);
  void give_up(JobId id);
  void forget(JobId id);
  void end_by_launch_failure(JobId id, const Text& error);
  void lose_node(JobId id, NodeIndex node);
  [[nodiscard]] bool requeueable(const model::Job& job) const;

  // Reports of nodes (job_reports.cpp)
  [[nodiscard]] std::optional<JobId> attempt_job(const Attempt& attempt) const;
  void on(const JobPrepared& event);
  void on(const BatchEnded& event);
  void on(const NodeReleased& event);
  void on(const StepStarted& event);
  void on(const StepEnded& event);

  // Nodes and partitions (node_events.cpp, node_update.cpp, configure.cpp)
  void on(const NodeRegistered& event);
  void on(const NodeSilent& event);
  void on(const NodeLost& event);
  void on(const NodeLoad& event);
  void on(const NodeFault& event);
  void on(const DevicesFaulty& event);
  void on(const UpdateNode& event);
  void on(const UpdatePartition& event);
  void on(const Configure& event);
  [[nodiscard]] bool known_node(NodeIndex node);
  void refresh_use(NodeIndex node);
  void refresh_available(NodeIndex node);
  void drain(NodeIndex node, const Text& reason, std::uint32_t uid);
  void compare_holds(const NodeRegistered& event, bool rebooted);
  void still_again(NodeIndex node, const std::set<Attempt>& holds);
  void lose_jobs(NodeIndex node);
  void estrange(NodeIndex node, JobId job);
  bool stranger_left(NodeIndex node, const Attempt& attempt);
  void learn_facts(NodeIndex node, model::NodeFacts facts);
  [[nodiscard]] Status check_update(const UpdateNode& event, NodeIndex node) const;
  void update_node(const UpdateNode& event, NodeIndex node);
  [[nodiscard]] Status check_partition(const model::Partition& partition) const;
  void reconsider_waiting();
  void fill_partition(model::Partition& partition);
  void publish_partitions();
  void list_partitions();
  [[nodiscard]] std::vector<std::uint32_t> nodes_of(const model::Partition& partition) const;

  // Devices out of service (device_faults.cpp)
  void treat_faults(NodeIndex node, const std::vector<model::NodeGres>& before);
  void lose_device(JobId id, NodeIndex node, const Text& detail);

  // Time (tick.cpp)
  void on(const Tick& event);
  void ring(JobId id);
  void warn(JobId id);
  [[nodiscard]] std::int64_t replan_at_ms() const;
  [[nodiscard]] model::WallTime still_wanted(const model::Job& job) const;
  [[nodiscard]] DueTimes due_times(const model::Job& job) const;
  // Until when it waits for few enough switches; 0: it doesn't.
  [[nodiscard]] model::WallTime switches_until(const model::Job& job) const;
  [[nodiscard]] model::WallTime missed_at(const model::Job& job) const;  // its deadline
  [[nodiscard]] bool misses_deadline(const model::Job& job) const;

  // Restart (restore.cpp)
  void make_tables();
  void restore_nodes(const StoredState& stored);
  void restore_partitions(const StoredState& stored);
  using LeftNodes = std::set<Text>;  // that a completing job has given back, by name
  void restore_job(const model::JobPtr& job, const LeftNodes& left);
  void restore_active(const model::Job& job, const LeftNodes& left);
  void restore_arrays();
  void restore_waits(const model::Job& job);
  void refill_partitions();
  void take_over(const State& from);
  void publish_edits();
  [[nodiscard]] Status check_configuration(const Settings& wanted) const;
  void review_restored();

  // Invariants (check.cpp)
  struct Inspection;

  SettingsPtr settings;
  NodePool pool;
  Planner planner;
  std::map<JobId, Entry> jobs;
  mutable JobId last_found_id;          // find()'s last answer
  mutable Entry* last_found = nullptr;  // null: none
  std::map<JobId, Active> active;
  std::unordered_map<Uid128, JobId> attempts;  // of active jobs
  std::map<JobId, ArrayInfo> arrays;
  std::map<NameKey, NameGroup> names;
  std::map<JobId, DependencySpec> dependencies;
  std::map<JobId, std::set<JobId>> dependents;  // by the target's base id
  std::map<std::pair<JobId, StepNumber>, model::StepPtr> steps;
  std::vector<NodeInfo> nodes;
  std::unordered_map<std::string, std::uint32_t, base::TextHash, std::equal_to<>> node_names;
  std::vector<model::PartitionPtr> partitions;
  std::vector<std::uint64_t> partition_memory;  // MiB of all nodes, by partition
  AccountTreePtr tree;
  std::unique_ptr<Policies> policies = std::make_unique<Policies>();
  std::unique_ptr<Billing, DeleteBilling> money;  // null: nothing was ever billed
  model::AccountsPtr accounts_stored;  // set: `tree` has changes that haven't gone out yet
  Interner<model::JobSpec> specs;
  mutable Interner<model::Request> requests;
  SettledRequests settled_requests;
  std::uint32_t singletons = 0;  // jobs with such a dependency
  ReservationTable reservations;
  bool tend_when_restored = false;
  bool reservations_moved = false;             // the planner and the marks are out of date
  model::WallTime reservations_published = 0;  // when the planner was told
  std::map<std::uint32_t, std::vector<Text>> known_groups;  // by uid, as of the latest submit
  bool licenses_gated = false;                              // the planner asks the book
  std::unique_ptr<LicenseBook> licenses = std::make_unique<LicenseBook>();
  Timers timers;
  Turn turn;
  bool turn_is_new = false;  // nothing has been done in it yet
  Now last;                  // of the latest turn
  std::uint32_t next_job_id = 1;
  std::uint32_t unknown_nodes = 0;  // whose facts are not known yet
  PreemptRulesPtr preempt_rules;    // null: preemption is off
  SettingsPtr preempt_settings;     // that they were made from
  AccountTreePtr preempt_tree;
  std::vector<model::PartitionPtr> preempt_partitions;
  std::set<JobId> displaced;  // suspended to make room: they go on as soon as they can
  bool plan_needed = false;
  std::int64_t last_pass_ms = 0;
  std::set<JobId> unexplained;  // queued, with a reason that isn't written down yet
  std::int64_t explain_at_ms = std::numeric_limits<std::int64_t>::min();  // not before
  std::set<JobId> unreviewed;  // restored and not looked at yet
};

}  // namespace sluice::core
