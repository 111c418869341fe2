// See statistics.hpp.
#include "daemon/controller/service/statistics.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "model/task_set.hpp"

namespace sluice::controller {

namespace {

constexpr model::WallTime kDay = 86'400 * model::kSecond;
constexpr std::size_t kMostUsers = 4096;  // whom else is counted by type alone

using wire::MessageType;

struct Named {
  MessageType type;
  std::string_view name;
};
constexpr Named kNames[] = {
    {MessageType::hello, "HELLO"},
    {MessageType::route, "ROUTE"},
    {MessageType::submit, "SUBMIT"},
    {MessageType::submit_heterogeneous, "SUBMIT_HETEROGENEOUS"},
    {MessageType::job_action, "JOB_ACTION"},
    {MessageType::update_job, "UPDATE_JOB"},
    {MessageType::update_node, "UPDATE_NODE"},
    {MessageType::update_partition, "UPDATE_PARTITION"},
    {MessageType::wait_job, "WAIT_JOB"},
    {MessageType::query_jobs, "QUERY_JOBS"},
    {MessageType::query_nodes, "QUERY_NODES"},
    {MessageType::query_partitions, "QUERY_PARTITIONS"},
    {MessageType::query_steps, "QUERY_STEPS"},
    {MessageType::query_config, "QUERY_CONFIG"},
    {MessageType::query_history, "QUERY_HISTORY"},
    {MessageType::query_script, "QUERY_SCRIPT"},
    {MessageType::ping, "PING"},
    {MessageType::reconfigure, "RECONFIGURE"},
    {MessageType::make_token, "MAKE_TOKEN"},
    {MessageType::query_stats, "QUERY_STATS"},
    {MessageType::join, "JOIN"},
    {MessageType::query_hosts, "QUERY_HOSTS"},
    {MessageType::query_use, "QUERY_USE"},
    {MessageType::edit_history, "EDIT_HISTORY"},
    {MessageType::load_prices, "LOAD_PRICES"},
    {MessageType::post_money, "POST_MONEY"},
    {MessageType::query_books, "QUERY_BOOKS"},
    {MessageType::query_entries, "QUERY_ENTRIES"},
    {MessageType::verify_books, "VERIFY_BOOKS"},
    {MessageType::quote_submit, "QUOTE_SUBMIT"},
    {MessageType::query_events, "QUERY_EVENTS"},
    {MessageType::query_accounts, "QUERY_ACCOUNTS"},
    {MessageType::edit_accounts, "EDIT_ACCOUNTS"},
    {MessageType::query_priorities, "QUERY_PRIORITIES"},
    {MessageType::query_reservations, "QUERY_RESERVATIONS"},
    {MessageType::edit_reservation, "EDIT_RESERVATION"},
    {MessageType::query_licenses, "QUERY_LICENSES"},
    {MessageType::query_plan, "QUERY_PLAN"},
    {MessageType::query_topology, "QUERY_TOPOLOGY"},
    {MessageType::node_hello, "NODE_HELLO"},
    {MessageType::node_report, "NODE_REPORT"},
    {MessageType::job_prepared, "JOB_PREPARED"},
    {MessageType::batch_ended, "BATCH_ENDED"},
    {MessageType::node_released, "NODE_RELEASED"},
    {MessageType::step_record, "STEP_RECORD"},
    {MessageType::node_fault, "NODE_FAULT"},
};

// In the order of core::Order.
constexpr Named kOrders[] = {
    {MessageType::launch_job, "LAUNCH_JOB"},       {MessageType::signal_job, "SIGNAL_JOB"},
    {MessageType::terminate_job, "TERMINATE_JOB"}, {MessageType::lose_node, "LOSE_NODE"},
    {MessageType::suspend_job, "SUSPEND_JOB"},     {MessageType::resume_job, "RESUME_JOB"},
};
static_assert(std::size(kOrders) == std::variant_size_v<core::Order>);

std::string_view name_of(std::uint16_t type) {
  for (const Named& known : kNames) {
    if (static_cast<std::uint16_t>(known.type) == type) return known.name;
  }
  return {};
}

// How many jobs, as users count them, the record stands for.
std::uint64_t tasks_of(const model::Job& job) {
  return job.array_rest ? model::task_count(*job.array_rest) : 1;
}

void note_figure(wire::CycleFigure& figure, std::uint64_t value) {
  figure.last = value;
  figure.most = std::max(figure.most, value);
  figure.all += value;
}

void note_cycle(wire::CycleStats& cycles, const core::PassFigures& pass, std::uint64_t us,
                model::WallTime now) {
  ++cycles.count;
  cycles.when = now;
  note_figure(cycles.us, us);
  note_figure(cycles.depth, pass.examined);
  note_figure(cycles.tried, pass.tried);
  note_figure(cycles.queue, pass.queued);
  note_figure(cycles.table, pass.planned);
}

// What the last cycle was like stays to be seen; the rest begins anew.
void clear_cycles(wire::CycleStats& cycles) {
  cycles.count = 0;
  for (wire::CycleFigure* figure :
       {&cycles.us, &cycles.depth, &cycles.tried, &cycles.queue, &cycles.table}) {
    figure->most = figure->all = 0;
  }
}

void note_request_in(wire::RequestStats& stats, std::uint64_t us) {
  ++stats.count;
  stats.us_most = std::max(stats.us_most, us);
  stats.us_all += us;
}

std::uint64_t unsigned_us(std::int64_t us) {  // a clock that was set back is no time at all
  return static_cast<std::uint64_t>(std::max<std::int64_t>(us, 0));
}

}  // namespace

Statistics::Statistics(model::WallTime now) { counts_.since = now; }

void Statistics::begin_day(model::WallTime now) {
  const model::WallTime midnight = now - now % kDay;
  if (counts_.since < midnight) clear(midnight);
}

void Statistics::clear(model::WallTime since) {
  counts_.since = since;
  counts_.jobs = {};
  clear_cycles(counts_.main);
  clear_cycles(counts_.backfill);
  counts_.backfilled = 0;
}

void Statistics::reset(model::WallTime now) {
  clear(now);
  counts_.backfilled_ever = 0;
  counts_.backfilled_parts = 0;
  by_type_.clear();
  by_user_.clear();
}

void Statistics::note_submit(const core::Changes& changes, model::WallTime now) {
  begin_day(now);
  for (const model::JobPtr& job : changes.jobs) {
    const bool new_one = job->id == changes.job || job->het_job == changes.job;
    if (new_one) counts_.jobs.submitted += tasks_of(*job);
  }
}

void Statistics::note(const core::Changes& changes, model::WallTime now) {
  begin_day(now);
  for (const core::Order& order : changes.orders) {
    const auto* launch = std::get_if<core::LaunchJob>(&order);
    if (launch == nullptr) continue;
    const bool first = launch->job->allocation->shares.front().node == launch->node;
    if (first) ++counts_.jobs.started;
  }
  for (const model::JobPtr& job : changes.ended) {
    switch (job->state) {
      case model::JobState::cancelled: counts_.jobs.cancelled += tasks_of(*job); break;
      case model::JobState::node_fail:
      case model::JobState::boot_fail: counts_.jobs.failed += tasks_of(*job); break;
      default: counts_.jobs.completed += tasks_of(*job);
    }
  }
}

void Statistics::note_slice(const core::PassFigures& figures, std::int64_t us, Slice slice,
                            model::WallTime now) {
  begin_day(now);
  pass_us_ += us;
  pass_.examined += figures.examined;
  pass_.tried += figures.tried;
  pass_.blocked += figures.blocked;
  pass_.ahead += figures.ahead;
  pass_.queued = figures.queued;
  pass_.planned = figures.planned;
  counts_.backfilled += figures.ahead;
  counts_.backfilled_ever += figures.ahead;
  counts_.backfilled_parts += figures.ahead_parts;
  if (slice != Slice::whole) return;
  note_cycle(counts_.main, pass_, unsigned_us(pass_us_), now);
  if (pass_.blocked != 0 || pass_.ahead != 0) {
    note_cycle(counts_.backfill, pass_, unsigned_us(pass_us_), now);
  }
  pass_ = {};
  pass_us_ = 0;
}

void Statistics::note_request(std::uint16_t type, std::optional<std::uint32_t> uid,
                              std::int64_t us) {
  const std::string_view name = name_of(type);
  wire::RequestStats& kind = by_type_[name.empty() ? 0 : type];
  kind.name = Text(name.empty() ? "UNKNOWN" : name);
  kind.id = name.empty() ? 0 : type;
  note_request_in(kind, unsigned_us(us));
  if (!uid || (by_user_.size() >= kMostUsers && !by_user_.contains(*uid))) return;
  wire::RequestStats& user = by_user_[*uid];
  user.id = *uid;
  note_request_in(user, unsigned_us(us));
}

void Statistics::orders_wait(const std::vector<core::Order>& orders) {
  for (const core::Order& order : orders) ++waiting_[order.index()];
}

void Statistics::orders_given(const std::vector<core::Order>& orders) {
  for (const core::Order& order : orders) --waiting_[order.index()];
}

wire::SchedulerStats Statistics::figures(model::WallTime now) {
  begin_day(now);
  wire::SchedulerStats shown = counts_;
  shown.now = now;
  for (const auto& [type, stats] : by_type_) shown.by_type.push_back(stats);
  for (const auto& [uid, stats] : by_user_) shown.by_user.push_back(stats);
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i] == 0) continue;
    shown.orders_waiting += waiting_[i];
    wire::RequestStats stats;
    stats.id = static_cast<std::uint32_t>(kOrders[i].type);
    stats.name = Text(kOrders[i].name);
    stats.count = waiting_[i];
    shown.pending.push_back(std::move(stats));
  }
  return shown;
}

}  // namespace sluice::controller
