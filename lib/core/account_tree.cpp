// See account_tree.hpp.
#include "core/account_tree.hpp"

#include <algorithm>
#include <compare>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "base/strings.hpp"

namespace sluice::core {

namespace {

using model::Association;
using model::AssociationLimits;
using model::kNoLimit;

// A tree that was checked is never deeper; one that wasn't must not make us go round for ever.
constexpr std::size_t kMaxDepth = 1024;

void inherit(std::uint32_t& limit, std::uint32_t above) {
  if (limit == kNoLimit) limit = above;
}

void inherit(model::TresCounts& limits, const model::TresCounts& above) {
  for (const model::TresCount& count : above) {
    if (model::find_tres(limits, count.id) == nullptr) {
      model::set_tres(limits, count.id, count.count);
    }
  }
}

void inherit(AssociationLimits& limits, const AssociationLimits& above) {
  inherit(limits.max_tres_per_job, above.max_tres_per_job);
  inherit(limits.max_tres_per_node, above.max_tres_per_node);
  inherit(limits.max_tres_mins_per_job, above.max_tres_mins_per_job);
  inherit(limits.max_tres_run_mins, above.max_tres_run_mins);
  inherit(limits.max_jobs, above.max_jobs);
  inherit(limits.max_jobs_accrue, above.max_jobs_accrue);
  inherit(limits.max_submit_jobs, above.max_submit_jobs);
  inherit(limits.max_wall_per_job, above.max_wall_per_job);
  inherit(limits.min_prio_threshold, above.min_prio_threshold);
}

}  // namespace

// Ids are never used twice: none is missing if as many were added as numbers were given.
bool AccountTree::extends(const AccountTree& before) const {
  return accounts_->next_association >= before.accounts_->next_association &&
         size() ==
             before.size() + (accounts_->next_association - before.accounts_->next_association);
}

void AccountTree::find_parents(const AccountTree* before) {
  const std::vector<Association>& all = accounts_->associations;
  for (Place place = 0; place < all.size(); ++place) {
    if (all[place].parent == 0) continue;
    const bool known = before != nullptr && place < before->size() &&
                       all[place].parent == before->at(place).parent;
    parents_[place] = known ? before->parents_[place] : place_of(all[place].parent);
  }
}

// A few new names are put between those that were in order before.
void AccountTree::order_names(const AccountTree* before) {
  constexpr std::size_t kFew = 64;
  const auto by_name = [this](Place a, Place b) { return is_before(name(a), name(b)); };
  if (before != nullptr && size() - before->size() <= kFew) {
    by_name_.reserve(size());
    by_name_ = before->by_name_;
    for (auto place = static_cast<Place>(before->size()); place < size(); ++place) {
      by_name_.insert(std::upper_bound(by_name_.begin(), by_name_.end(), place, by_name), place);
    }
    return;
  }
  by_name_.resize(size());
  std::iota(by_name_.begin(), by_name_.end(), Place{0});
  std::sort(by_name_.begin(), by_name_.end(), by_name);
}

AccountTree::AccountTree(model::AccountsPtr accounts, const AccountTree* before)
    : accounts_(std::move(accounts)) {
  parents_.assign(accounts_->associations.size(), kNoPlace);
  if (before != nullptr && !extends(*before)) before = nullptr;
  find_parents(before);
  std::vector<Place> counts(size() + 1, 0);
  for (const Place parent : parents_) {
    if (parent != kNoPlace) ++counts[parent + 1];
  }
  std::partial_sum(counts.begin(), counts.end(), counts.begin());
  child_begin_ = counts;
  child_list_.resize(child_begin_.back());
  for (Place place = 0; place < size(); ++place) {
    if (parents_[place] != kNoPlace) child_list_[counts[parents_[place]]++] = place;
  }
  order_names(before);
  qos_by_name_.resize(accounts_->qos.size());
  std::iota(qos_by_name_.begin(), qos_by_name_.end(), 0U);
  std::sort(qos_by_name_.begin(), qos_by_name_.end(), [this](std::uint32_t a, std::uint32_t b) {
    return accounts_->qos[a].name < accounts_->qos[b].name;
  });
}

AccountTree::Place AccountTree::place_of(std::uint32_t association) const {
  const std::vector<Association>& all = accounts_->associations;
  const auto found = std::ranges::lower_bound(all, association, {}, &Association::id);
  if (found == all.end() || found->id != association) return kNoPlace;
  return static_cast<Place>(found - all.begin());
}

std::span<const AccountTree::Place> AccountTree::children(Place place) const {
  const Place first = child_begin_[place];
  return std::span(child_list_).subspan(first, child_begin_[place + 1] - first);
}

std::vector<AccountTree::Place> AccountTree::chain(Place place) const {
  std::vector<Place> chain;
  for (; place != kNoPlace && chain.size() < kMaxDepth; place = parents_[place]) {
    chain.push_back(place);
  }
  return chain;
}

AccountTree::Name AccountTree::name(Place place) const {
  const Association& one = accounts_->associations[place];
  return {one.account, one.user, one.partition};
}

bool AccountTree::is_before(const Name& a, const Name& b) {
  const std::strong_ordering by_user = a.user <=> b.user;
  return by_user != 0 ? by_user < 0 : a < b;
}

AccountTree::Place AccountTree::find_exactly(const Name& wanted) const {
  const auto found = std::lower_bound(
      by_name_.begin(), by_name_.end(), wanted,
      [this](Place place, const Name& asked) { return is_before(name(place), asked); });
  return found != by_name_.end() && name(*found) == wanted ? *found : kNoPlace;
}

AccountTree::Place AccountTree::find(std::string_view account, std::string_view user,
                                     std::string_view partition) const {
  if (user.empty()) return kNoPlace;
  const std::string lower = base::to_lower(account);
  if (!partition.empty()) {
    const Place exact = find_exactly({lower, user, partition});
    if (exact != kNoPlace) return exact;
  }
  return find_exactly({lower, user, {}});
}

AccountTree::Place AccountTree::find_account(std::string_view account) const {
  const std::string lower = base::to_lower(account);
  return find_exactly({lower, {}, {}});
}

std::vector<AccountTree::Place> AccountTree::of_user(std::string_view user) const {
  if (user.empty()) return {};
  const auto first = std::lower_bound(
      by_name_.begin(), by_name_.end(), user,
      [this](Place place, std::string_view asked) { return name(place).user < asked; });
  auto last = first;
  while (last != by_name_.end() && name(*last).user == user) ++last;
  return {first, last};
}

bool AccountTree::is_member(std::string_view account, std::string_view user) const {
  const std::vector<Place> all = of_user(user);
  return std::ranges::any_of(
      all, [&](Place place) { return base::iequals(name(place).account, account); });
}

Text AccountTree::default_account(std::string_view user) const {
  for (const Place place : of_user(user)) {
    if (at(place).is_default) return at(place).account;
  }
  return {};
}

const model::User* AccountTree::user(std::string_view name) const {
  const std::vector<model::User>& all = accounts_->users;
  const auto view = [](const model::User& user) { return user.name.view(); };
  const auto found = std::ranges::lower_bound(all, name, {}, view);
  return found != all.end() && found->name.view() == name ? &*found : nullptr;
}

const model::Account* AccountTree::account(std::string_view name) const {
  const std::vector<model::Account>& all = accounts_->accounts;
  const std::string lower = base::to_lower(name);
  const auto view = [](const model::Account& account) { return account.name.view(); };
  const auto found = std::ranges::lower_bound(all, std::string_view(lower), {}, view);
  return found != all.end() && found->name.view() == lower ? &*found : nullptr;
}

bool AccountTree::is_coordinator(std::string_view user, std::string_view account_name) const {
  if (user.empty()) return false;
  for (const Place place : chain(find_account(account_name))) {
    const model::Account* one = account(at(place).account);
    if (one != nullptr &&
        std::ranges::find(one->coordinators, Text(user)) != one->coordinators.end()) {
      return true;
    }
  }
  return false;
}

bool AccountTree::is_within(Place below, Place above) const {
  const std::vector<Place> up = chain(below);
  return std::ranges::find(up, above) != up.end();
}

const model::Qos* AccountTree::qos(std::string_view name) const {
  constexpr std::size_t kFew = 4;
  for (const std::uint32_t at :
       std::span(qos_by_name_).first(std::min(kFew, qos_by_name_.size()))) {
    if (accounts_->qos[at].name.view() == name) return &accounts_->qos[at];
  }
  const bool as_kept = std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
  const std::string lower = as_kept ? std::string() : base::to_lower(name);
  const std::string_view wanted = as_kept ? name : lower;
  const auto view = [this](std::uint32_t at) { return accounts_->qos[at].name.view(); };
  const auto found = std::ranges::lower_bound(qos_by_name_, wanted, {}, view);
  if (found == qos_by_name_.end() || view(*found) != wanted) return nullptr;
  return &accounts_->qos[*found];
}

const model::Qos* AccountTree::qos(std::uint32_t id) const {
  const auto found = std::ranges::lower_bound(accounts_->qos, id, {}, &model::Qos::id);
  return found != accounts_->qos.end() && found->id == id ? &*found : nullptr;
}

AssociationLimits AccountTree::limits(Place place) const {
  AssociationLimits limits;
  for (const Place above : chain(place)) inherit(limits, at(above).limits);
  return limits;
}

const std::vector<Text>& AccountTree::qos_list(Place place) const {
  static const std::vector<Text> kNothing;
  for (const Place above : chain(place)) {
    if (at(above).qos_own) return at(above).qos;
  }
  return kNothing;
}

bool AccountTree::allows_qos(Place place, std::string_view qos) const {
  return std::ranges::any_of(qos_list(place),
                             [&](const Text& name) { return base::iequals(name, qos); });
}

Text AccountTree::default_qos(Place place) const {
  const std::vector<Text>& allowed = qos_list(place);
  for (const Place above : chain(place)) {
    const Text& wanted = at(above).default_qos;
    if (wanted.empty()) continue;
    if (std::ranges::find(allowed, wanted) != allowed.end()) return wanted;
    break;
  }
  return allowed.size() == 1 ? allowed.front() : Text("normal");
}

std::uint32_t AccountTree::priority(Place place) const {
  for (const Place above : chain(place)) {
    if (at(above).priority != kNoLimit) return at(above).priority;
  }
  return 0;
}

}  // namespace sluice::core
