// Accounts in the cluster: taking an edit, and what it means for jobs that wait.
//
// A job's association and QOS are settled when it is submitted or updated. An edit can give a
// waiting job the association that it lacked, or take its QOS off the list; only jobs of users whom
// the edit concerns are looked at again.
#include <algorithm>

#include "base/strings.hpp"
#include "core/cluster_state.hpp"
#include "core/job_standing.hpp"

namespace sluice::core {

namespace {

using Place = AccountTree::Place;

std::string_view first_of(std::string_view list) { return list.substr(0, list.find(',')); }

StandingRequest as_asked(const model::Request& request, std::string_view user) {
  return {.user = user,
          .account = request.account,
          .qos = request.qos,
          .partition = first_of(request.partitions)};
}

// Whether all who were there before stand where they stood, and have the QOS that they had.
bool same_lists(const AccountTree& before, const AccountTree& now) {
  if (!now.extends(before)) return false;
  for (Place place = 0; place < before.size(); ++place) {
    const model::Association& old = before.at(place);
    const model::Association& one = now.at(place);
    if (old.parent != one.parent || old.qos_own != one.qos_own || old.qos != one.qos) return false;
  }
  return true;
}

// Users who have an association that they didn't have, or may use other QOS than before.
std::set<Text> concerned_users(const AccountTree& before, const AccountTree& now) {
  std::set<Text> users;
  // Most edits change no list, and then only who is new.
  const Place first = same_lists(before, now) ? static_cast<Place>(before.size()) : 0;
  for (Place place = first; place < now.size(); ++place) {
    const model::Association& one = now.at(place);
    if (one.user.empty() || users.contains(one.user)) continue;
    const Place old = before.place_of(one.id);
    if (old == AccountTree::kNoPlace || before.qos_list(old) != now.qos_list(place)) {
      users.insert(one.user);
    }
  }
  return users;
}

// Whether the QOS let their jobs pass the same limits of partitions.
bool same_waivers(const AccountTree& before, const AccountTree& now) {
  const auto waives = [](const model::Qos* qos) {
    return qos == nullptr ? 0 : qos->flags & kWaivers;
  };
  return std::ranges::all_of(now.accounts().qos, [&](const model::Qos& qos) {
    return waives(before.qos(qos.id)) == waives(&qos);
  });
}

}  // namespace

void Cluster::State::restore_accounts(const StoredState& stored) {
  accounts_stored.reset();
  model::AccountsPtr kept = stored.accounts;
  if (!kept) kept = std::make_shared<const model::Accounts>(model::first_accounts());
  policies->usage.restore(stored.usage);
  tree = std::make_shared<const AccountTree>(std::move(kept));
  extend_tres();
}

// What the configuration wants to be counted has a number from then on. That is no answer to an
// event: it goes out with the next turn.
void Cluster::State::extend_tres() {
  model::TresTable table = tree->accounts().tres;
  for (const Text& kind : settings->accounting_tres) {
    Result<model::TresTable> wider = model::with_tres(table, kind);
    if (wider) table = std::move(*wider);
  }
  if (table == tree->accounts().tres) return;
  model::Accounts wider = tree->accounts();
  wider.tres = std::move(table);
  ++wider.generation;
  adopt(std::make_shared<const model::Accounts>(std::move(wider)));
}

void Cluster::State::adopt(model::AccountsPtr accounts) {
  if (!accounts_stored) accounts_stored = tree->pointer();
  tree = std::make_shared<const AccountTree>(std::move(accounts), tree.get());
}

void Cluster::State::publish_accounts() {
  if (!accounts_stored) return;
  turn.changes.accounts = tree->pointer();
  // The first accounts are stored with the first change.
  if (accounts_stored->generation != 0) turn.changes.accounts_before = accounts_stored;
  accounts_stored.reset();
}

void Cluster::State::on(const EditAccounts& event) {
  AccountsUse use;
  if (removes_something(event.edit)) use = accounts_use();
  Result<model::Accounts> edited = apply_edit(tree->accounts(), event.edit, use, turn.now.wall);
  if (!edited) {
    turn.changes.outcome = tl::unexpected(edited.error());
    return;
  }
  const AccountTreePtr before = tree;
  adopt(std::make_shared<const model::Accounts>(std::move(*edited)));
  refresh_policies();
  const bool reset = !event.edit.reset_usage.empty() || !event.edit.reset_qos_usage.empty();
  if (reset) reset_usage(event.edit);
  review_standings(*before);
  if (!same_waivers(*before, *tree)) reconsider_waiting();
  plan_needed = true;
}

AccountsUse Cluster::State::accounts_use() const {
  AccountsUse use;
  for (const auto& [id, entry] : jobs) {
    const model::Job& job = *entry.job;
    if (model::is_finished(job.state) && !is_completing(job)) continue;
    if (job.association != 0) use.associations.emplace(job.association, id);
    for (const std::string_view qos : base::split_nonempty(job.request->qos, ',')) {
      use.qos.emplace(Text(qos), id);
    }
    if (!job.qos.empty()) use.qos.emplace(job.qos, id);
  }
  for (const model::PartitionPtr& partition : partitions) {
    if (!partition->qos.empty()) use.partition_qos.emplace(partition->qos, partition->name);
  }
  return use;
}

// Fills in the account and QOS that are in force.
Status Cluster::State::fill_standing(model::Request& request, const AccessCheck& who) const {
  Result<Standing> standing = standing_of(*tree, as_asked(request, who.user), settings->enforce);
  if (!standing) return tl::unexpected(standing.error());
  request.account = standing->account;
  request.qos = standing->qos;
  return {};
}

// Association and QOS as the request, which has been settled, names them.
void Cluster::State::settle_standing(model::Job& job) const {
  const Place place =
      tree->find(job.request->account, job.spec->user, first_of(job.request->partitions));
  job.association = place == AccountTree::kNoPlace ? 0 : tree->at(place).id;
  job.qos = first_of(job.request->qos);
}

// The user's default where none is given, marked as Slurm marks it.
Status Cluster::State::settle_wckey(model::JobSpec& spec) const {
  if (!settings->enforce.wckeys) return {};
  const model::User* user = tree->user(spec.user);
  std::string_view wanted = spec.wckey;
  if (wanted.empty() && user != nullptr && !user->default_wckey.empty()) {
    spec.wckey = "*" + user->default_wckey.str();
    return {};
  }
  if (wanted.starts_with('*')) wanted.remove_prefix(1);
  const bool known =
      user != nullptr && std::ranges::find(user->wckeys, Text(wanted)) != user->wckeys.end();
  return known ? Status() : fail(ErrorCode::invalid_argument, "Invalid wckey specification");
}

// Unfinished jobs are found by user through the table of their names, which has all of one user
// together.
void Cluster::State::review_standings(const AccountTree& before) {
  const std::set<Text> users = concerned_users(before, *tree);
  if (users.empty()) return;
  std::vector<JobId> waiting;
  for (auto group = names.begin(); group != names.end();) {
    const NameGroup& jobs_so_called = group->second;
    const JobId some = jobs_so_called.waiting.empty() ? *jobs_so_called.active.begin()
                                                      : jobs_so_called.waiting.begin()->second;
    if (!users.contains(job(some).spec->user)) {
      const std::uint32_t uid = group->first.uid;
      group = uid == model::kNoTask ? names.end() : names.lower_bound(NameKey{uid + 1, {}});
      continue;
    }
    for (const auto& [order, id] : jobs_so_called.waiting) waiting.push_back(id);
    ++group;
  }
  for (const JobId id : waiting) {
    if (job(id).association == 0) find_standing(id);
    if (has_choice_of_guise(*job(id).request)) unqueue(id);  // it may have others than before
    turn.unsettled.insert(id);
  }
}

// As whom the job could run in each of those partitions: with the association that it has there,
// under each of its QOS, which stand in the order of their priority.
std::vector<Guise> Cluster::State::guises_of(const model::Job& job,
                                             const std::vector<PartitionIndex>& where) const {
  const model::EnforceSettings& enforce = settings->enforce;
  std::vector<std::string_view> asked = base::split_nonempty(job.request->qos, ',');
  if (asked.empty()) asked.push_back(job.qos);
  std::vector<Guise> guises;
  for (const PartitionIndex index : where) {
    const model::Partition& partition = *partitions[index.value];
    const Place place = tree->find(job.request->account, job.spec->user, partition.name);
    const bool known = place != AccountTree::kNoPlace;
    if (!known && enforce.associations) continue;
    for (const std::string_view qos : asked) {
      if (enforce.qos && known && !tree->allows_qos(place, qos)) continue;
      if (!permits_qos(partition, qos)) continue;
      guises.push_back({index, known ? tree->at(place).id : 0, qos_id(qos), waivers_of(qos)});
    }
  }
  return guises;
}

std::uint32_t Cluster::State::waivers_of(std::string_view qos) const {
  std::uint32_t waived = 0;
  if (!policies->waivers) return waived;
  for (const std::string_view name : base::split_nonempty(qos, ',')) {
    if (const model::Qos* one = tree->qos(name)) waived |= one->flags & kWaivers;
  }
  return waived;
}

// QOS with RequiresReservation are for jobs that name one.
Status Cluster::State::check_qos_use(const model::Request& request) const {
  if (!request.reservation.empty()) return {};
  for (const std::string_view name : base::Pieces(request.qos, ',')) {
    const model::Qos* qos = name.empty() ? nullptr : tree->qos(name);
    if (qos == nullptr || (qos->flags & model::kQosRequiresReservation) == 0) continue;
    return fail(ErrorCode::invalid_qos);
  }
  return {};
}

// For a job that had none.
void Cluster::State::find_standing(JobId id) {
  const model::Request& now = *job(id).request;
  const auto standing = standing_of(*tree, as_asked(now, job(id).spec->user), settings->enforce);
  if (!standing || standing->association == 0) return;
  model::Request request = now;
  request.account = standing->account;
  request.qos = standing->qos;
  model::Job& changed = edit(id);
  changed.request = requests.intern(std::move(request));
  settle_standing(changed);
}

// Only where it is enforced: the job waits until its user has the association, or the QOS again.
Obstacle Cluster::State::standing_obstacle(const model::Job& job) const {
  if (!settings->enforce.associations) return {};
  if (has_choice_of_guise(*job.request)) {
    const std::vector<PartitionIndex> open =
        open_partitions(*job.request, job.spec->uid).partitions;
    if (open.empty() || !guises_of(job, open).empty()) return {};
  }
  const Place place = tree->place_of(job.association);
  if (place == AccountTree::kNoPlace) return {model::Reason::invalid_account, {}};
  const bool allowed = !settings->enforce.qos ||
                       (!has_choice_of_guise(*job.request) && tree->allows_qos(place, job.qos));
  return allowed ? Obstacle{} : Obstacle{model::Reason::invalid_qos, {}};
}

}  // namespace sluice::core
