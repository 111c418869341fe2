// See account_views.hpp.
#include "report/account_views.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace sluice::report {

namespace {

using model::AssociationLimits;
using model::TresCounts;

void inherit(TresCounts& own, const TresCounts& above) {
  for (const model::TresCount& entry : above) {
    if (model::find_tres(own, entry.id) == nullptr) model::set_tres(own, entry.id, entry.count);
  }
}

void inherit(std::uint32_t& own, std::uint32_t above) {
  if (own == model::kNoLimit) own = above;
}

void inherit(AssociationView& own, const AssociationView& above) {
  AssociationLimits& limits = own.limits;
  inherit(limits.max_tres_per_job, above.limits.max_tres_per_job);
  inherit(limits.max_tres_per_node, above.limits.max_tres_per_node);
  inherit(limits.max_tres_mins_per_job, above.limits.max_tres_mins_per_job);
  inherit(limits.max_tres_run_mins, above.limits.max_tres_run_mins);
  inherit(limits.max_jobs, above.limits.max_jobs);
  inherit(limits.max_jobs_accrue, above.limits.max_jobs_accrue);
  inherit(limits.max_submit_jobs, above.limits.max_submit_jobs);
  inherit(limits.max_wall_per_job, above.limits.max_wall_per_job);
  inherit(limits.min_prio_threshold, above.limits.min_prio_threshold);
  inherit(own.priority, above.priority);
  if (own.default_qos.empty()) own.default_qos = above.default_qos;
  if (!own.record->qos_own) own.qos = above.qos;
}

using Children = std::map<std::uint32_t, std::vector<const model::Association*>>;

Children children_of(const model::Accounts& accounts) {
  Children children;
  for (const model::Association& entry : accounts.associations) {
    children[entry.parent].push_back(&entry);
  }
  const auto rank = [](const model::Association* a) {
    return std::tuple(a->user.empty(), a->user.empty() ? a->account.view() : a->user.view(),
                      a->partition.view(), a->id);
  };
  for (auto& [parent, list] : children) {
    std::ranges::sort(list, [&](const auto* a, const auto* b) { return rank(a) < rank(b); });
  }
  return children;
}

AssociationView view_of(const model::Association& record) {
  AssociationView view;
  view.record = &record;
  view.limits = record.limits;
  view.qos = record.qos;
  std::ranges::sort(view.qos);
  view.default_qos = record.default_qos;
  view.priority = record.priority;
  return view;
}

// An association that has been opened, with the child to be looked at next.
struct Open {
  std::size_t view = 0;
  std::size_t next = 0;
};

}  // namespace

std::vector<AssociationView> association_views(const model::Accounts& accounts, Inherit mode) {
  const Children children = children_of(accounts);
  std::vector<AssociationView> views;
  std::vector<Open> open;
  std::uint32_t position = 0;
  const auto enter = [&](const model::Association& record) {
    AssociationView view = view_of(record);
    if (!open.empty()) {
      const AssociationView& above = views[open.back().view];
      view.parent = above.record;
      view.depth = above.depth + 1;
      if (mode == Inherit::yes) inherit(view, above);
    }
    view.left = ++position;
    open.push_back({views.size(), 0});
    views.push_back(std::move(view));
  };
  const auto roots = children.find(0);
  if (roots == children.end()) return views;
  for (const model::Association* root : roots->second) {
    enter(*root);
    while (!open.empty()) {
      Open& top = open.back();
      const auto below = children.find(views[top.view].record->id);
      if (below != children.end() && top.next < below->second.size()) {
        enter(*below->second[top.next++]);
        continue;
      }
      views[top.view].right = ++position;
      open.pop_back();
    }
  }
  return views;
}

Text default_account(const model::Accounts& accounts, std::string_view user) {
  for (const model::Association& entry : accounts.associations) {
    if (entry.is_default && !entry.user.empty() && entry.user.view() == user) return entry.account;
  }
  return {};
}

std::map<Text, Text> default_accounts(const model::Accounts& accounts) {
  std::map<Text, Text> defaults;
  for (const model::Association& entry : accounts.associations) {
    if (entry.is_default && !entry.user.empty()) defaults.emplace(entry.user, entry.account);
  }
  return defaults;
}

}  // namespace sluice::report
