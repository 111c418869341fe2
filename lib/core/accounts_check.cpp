// See accounts_check.hpp.
#include "core/accounts_check.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::core {

namespace {

using model::Account;
using model::Accounts;
using model::Association;
using model::kNoLimit;
using model::Qos;
using model::TresCounts;
using model::User;

constexpr std::uint32_t kMostShares = 0x7fffffff;
constexpr std::uint32_t kMostLimit = 0x7fffffff;
// Relative limits are not known.
constexpr std::uint32_t kAllQosFlags = model::kQosRelative - 1;

bool is_plain(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// Names stand in lists, in dump files and on command lines.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxEntityName && is_plain(text) &&
         text.find_first_of(" ,=:;|'\"*()") == std::string_view::npos;
}

using Names = std::vector<std::string_view>;  // ascending

bool has(const Names& names, std::string_view name) {
  return std::ranges::binary_search(names, name);
}

class Check {
 public:
  explicit Check(const Accounts& accounts) : all_(accounts) {}

  Complaints run();
  Complaints run(const SmallEdit& edit);

 private:
  // What is being looked at: its label is made only if there is something to say of it.
  void about(std::string_view kind, std::string_view name) {
    kind_ = kind;
    name_ = name;
    subject_ = nullptr;
  }
  void about(const Association& one) { subject_ = &one; }
  void say(std::string_view what) {
    const std::string label = subject_ != nullptr
                                  ? association_label(*subject_)
                                  : fmt::format("{} {}", kind_, base::escape(name_));
    complaints_.push_back(fmt::format("{}: {}", label, what));
  }
  void names();
  void accounts();
  void one_account(const Account& account);
  void users();
  void one_user(const User& user);
  void qos();
  void one_qos(const Qos& qos);
  void associations();
  void places();
  void one_association(const Association& one);
  void values_of(const Association& one);
  void new_ones(std::string_view user, const SmallEdit& edit);
  [[nodiscard]] const Association* by_id(std::uint32_t id) const;  // null: unknown
  void one_parent(const Association& one);
  void depths();
  void defaults();
  void qos_lists(const Association& one);
  void tres(std::string_view limit, const TresCounts& counts);
  void count(std::string_view limit, std::uint32_t value);
  void text(std::string_view what, const Text& value);
  template <class Limits>
  void limits(const Limits& limits);

  const Accounts& all_;
  std::string_view kind_;
  std::string_view name_;
  const Association* subject_ = nullptr;
  Complaints complaints_;
  Names account_names_;
  Names user_names_;
  Names qos_names_;
  std::map<std::string_view, const Association*> own_;  // accounts' own associations
};

// Walks a limits record by its field table: every list of TRES and every number in it.
template <class Limits>
void Check::limits(const Limits& limits) {
  struct Visitor {
    Check& check;
    void operator()(int, const char* name, const TresCounts& counts) { check.tres(name, counts); }
    void operator()(int, const char* name, const std::uint32_t& value) { check.count(name, value); }
  };
  Visitor visitor{*this};
  Limits::fields(limits, visitor);
}

void Check::tres(std::string_view limit, const TresCounts& counts) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (i > 0 && counts[i - 1].id >= counts[i].id)
      return say(fmt::format("{} is out of order", limit));
    if (counts[i].count < 0) say(fmt::format("{} is negative", limit));
    const bool known =
        std::ranges::binary_search(all_.tres, counts[i].id, {}, &model::TresKind::id);
    if (!known) say(fmt::format("{} names TRES {}, which doesn't exist", limit, counts[i].id));
  }
}

void Check::count(std::string_view limit, std::uint32_t value) {
  if (value != kNoLimit && value > kMostLimit) say(fmt::format("{} is out of range", limit));
}

void Check::text(std::string_view what, const Text& value) {
  if (value.size() > kMaxEntityText) say(fmt::format("{} is too long", what));
  if (!is_plain(value)) say(fmt::format("{} has control characters", what));
}

void Check::names() {
  const auto add = [this](Names& names, const auto& list, std::string_view kind, bool lower) {
    names.reserve(list.size());
    for (const auto& record : list) {
      const std::string_view name = record.name;
      about(kind, name);
      if (!is_name(name)) say("not a valid name");
      if (lower && base::to_lower(name) != name) say("the name has capital letters");
      names.push_back(name);
    }
    if (!std::ranges::is_sorted(names)) std::ranges::sort(names);
    for (std::size_t i = 1; i < names.size(); ++i) {
      about(kind, names[i]);
      if (names[i] == names[i - 1]) say("exists twice");
    }
  };
  add(account_names_, all_.accounts, "account", true);
  add(user_names_, all_.users, "user", false);
  add(qos_names_, all_.qos, "QOS", true);
  for (const Association& one : all_.associations) {
    if (one.user.empty()) own_.emplace(one.account, &one);
  }
}

void Check::accounts() {
  about("account", "root");
  if (!has(account_names_, "root")) say("it can't be removed");
  for (const Account& account : all_.accounts) {
    one_account(account);
    if (!own_.contains(account.name)) say("it has no association");
  }
}

void Check::one_account(const Account& account) {
  about("account", account.name);
  text("the description", account.description);
  text("the organization", account.organization);
  text("the comment", account.comment);
  std::set<std::string_view> seen;
  for (const Text& name : account.coordinators) {
    if (!std::ranges::binary_search(all_.users, name, {}, &User::name)) {
      say(fmt::format("its coordinator {} is not a known user", name.view()));
    }
    if (!seen.insert(name).second) say(fmt::format("coordinator {} twice", name.view()));
  }
}

void Check::users() {
  for (const User& user : all_.users) one_user(user);
}

void Check::one_user(const User& user) {
  about("user", user.name);
  if (user.admin_level > model::AdminLevel::administrator) say("unknown AdminLevel");
  text("the comment", user.comment);
  for (const Text& key : user.wckeys) {
    if (!is_name(key)) say(fmt::format("wckey '{}' is not a valid name", base::escape(key)));
  }
  const bool known = user.default_wckey.empty() ||
                     std::ranges::find(user.wckeys, user.default_wckey) != user.wckeys.end();
  if (!known) say("the default wckey is not among the user's wckeys");
}

const Association* Check::by_id(std::uint32_t id) const {
  const auto found = std::ranges::lower_bound(all_.associations, id, {}, &Association::id);
  return found != all_.associations.end() && found->id == id ? &*found : nullptr;
}

void Check::one_qos(const Qos& qos) {
  about("QOS", qos.name);
  text("the description", qos.description);
  if (qos.id == 0 || qos.id >= all_.next_qos) say("its id is out of range");
  if ((qos.flags & ~kAllQosFlags) != 0) say("unknown flags");
  if (qos.priority > kMostLimit) say("the priority is out of range");
  if (qos.grace_time > kMostLimit) say("the grace time is out of range");
  if (qos.preempt_mode > model::PreemptMode::within) say("unknown preempt mode");
  if (qos.usage_factor < 0) say("the usage factor is negative");
  if (qos.usage_threshold < -1) say("the usage threshold is negative");
  if (qos.limit_factor < -1) say("the limit factor is negative");
  count("the exempt time", qos.exempt_time);
  for (const Text& name : qos.preempt) {
    if (!has(qos_names_, name)) {
      say(fmt::format("it preempts {}, which doesn't exist", name.view()));
    }
  }
  limits(qos.limits);
}

void Check::qos() {
  for (std::size_t i = 0; i < all_.qos.size(); ++i) {
    one_qos(all_.qos[i]);
    if (i > 0 && all_.qos[i - 1].id >= all_.qos[i].id) say("ids are out of order");
  }
}

void Check::one_parent(const Association& one) {
  about(one);
  if (one.id == 1) {
    if (one.parent != 0 || one.account != Text("root") || !one.user.empty()) {
      say("root's association must stay at the top");
    }
    return;
  }
  const Association* parent = by_id(one.parent);
  if (parent == nullptr) return say("its parent account doesn't exist");
  if (!parent->user.empty()) return say("its parent is not an account");
  if (!one.user.empty() && parent->account != one.account) {
    say("it doesn't stand below its account");
  }
}

void Check::one_association(const Association& one) {
  about(one);
  if (!has(account_names_, one.account)) say("the account doesn't exist");
  if (!one.user.empty() && !has(user_names_, one.user)) say("the user doesn't exist");
  if (one.id >= all_.next_association) say("its id is out of range");
  if (one.user.empty() && !one.partition.empty()) say("only users have partitions");
  if (one.user.empty() && one.is_default) say("only users have a default account");
  if (!one.partition.empty() && !is_name(one.partition)) say("not a valid partition name");
  values_of(one);
  one_parent(one);
}

void Check::values_of(const Association& one) {
  about(one);
  if (one.shares != model::kShareOfParent && one.shares > kMostShares) {
    say("the fairshare is out of range");
  }
  if (one.priority != kNoLimit && one.priority > kMostLimit) {
    say("the priority is out of range");
  }
  text("the comment", one.comment);
  limits(one.limits);
}

void Check::places() {
  using Name = std::array<std::string_view, 3>;
  std::vector<std::pair<Name, const Association*>> names;
  names.reserve(all_.associations.size());
  for (std::size_t i = 0; i < all_.associations.size(); ++i) {
    const Association& one = all_.associations[i];
    about(one);
    if (i > 0 && all_.associations[i - 1].id >= one.id) say("ids are out of order");
    names.emplace_back(Name{one.user, one.account, one.partition}, &one);
  }
  std::sort(names.begin(), names.end());
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (names[i].first != names[i - 1].first) continue;
    about(*names[i].second);
    say("it exists already");
  }
}

// Cycles show as accounts that never come to root.
void Check::depths() {
  std::unordered_map<std::uint32_t, bool> reaches{{1, true}};
  for (const auto& [name, association] : own_) {
    std::vector<std::uint32_t> path;
    std::uint32_t at = association->id;
    while (!reaches.contains(at) && path.size() <= kMaxAccountDepth) {
      path.push_back(at);
      const Association* known = by_id(at);
      if (known == nullptr) break;
      at = known->parent;
      if (std::ranges::find(path, at) != path.end()) break;
    }
    const auto end = reaches.find(at);
    const bool good = end != reaches.end() && end->second;
    for (const std::uint32_t id : path) reaches[id] = good;
    if (!good && by_id(at) != nullptr) {
      about(*association);
      say("it would be below itself, or the tree would be too deep");
    }
  }
}

void Check::associations() {
  if (all_.associations.size() > kMaxAssociations) {
    about("account", "root");
    say("there are too many associations");
  }
  if (by_id(1) == nullptr) {
    about("account", "root");
    say("its association can't be removed");
  }
  places();
  for (const Association& one : all_.associations) one_association(one);
  depths();
  if (!complaints_.empty()) return;  // what follows walks the tree
  defaults();
  for (const Association& one : all_.associations) qos_lists(one);
}

void Check::defaults() {
  struct Marked {
    std::string_view user;
    std::string_view account;  // empty: not the default
    auto operator<=>(const Marked&) const = default;
  };
  std::vector<Marked> all;
  all.reserve(all_.associations.size());
  for (const Association& one : all_.associations) {
    if (one.user.empty()) continue;
    all.push_back({one.user, one.is_default ? one.account.view() : std::string_view()});
  }
  std::ranges::sort(all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool is_last = i + 1 == all.size() || all[i + 1].user != all[i].user;
    about("user", all[i].user);
    if (is_last && all[i].account.empty()) say("it would be left without a default account");
    if (is_last || all[i].account.empty()) continue;
    if (all[i].account != all[i + 1].account) say("it would have more than one default account");
  }
}

void Check::qos_lists(const Association& one) {
  about(one);
  if (!one.qos_own && !one.qos.empty()) say("a list of QOS that isn't its own");
  std::set<std::string_view> seen;
  for (const Text& name : one.qos) {
    if (!has(qos_names_, name)) say(fmt::format("QOS {} doesn't exist", name.view()));
    if (!seen.insert(name).second) say(fmt::format("QOS {} twice", name.view()));
  }
  if (one.default_qos.empty()) return;
  const Association* holder = &one;
  while (!holder->qos_own && holder->parent != 0) holder = by_id(holder->parent);
  if (std::ranges::find(holder->qos, one.default_qos) == holder->qos.end()) {
    say(fmt::format("it has no access to its default QOS {}", one.default_qos.view()));
  }
}

Complaints Check::run() {
  names();
  accounts();
  users();
  qos();
  associations();
  return std::move(complaints_);
}

// Associations of a user, some of which are new.
void Check::new_ones(std::string_view user, const SmallEdit& edit) {
  const std::size_t before = complaints_.size();
  std::set<std::pair<std::string_view, std::string_view>> places;
  std::string_view default_account;
  for (std::size_t i = 0; i < all_.associations.size(); ++i) {
    const Association& one = all_.associations[i];
    if (one.user.view() != user) continue;
    if (i >= edit.first_new) one_association(one);
    about(one);
    if (!places.insert({one.account, one.partition}).second) say("it exists already");
    if (!one.is_default) continue;
    about("user", user);
    const bool other = !default_account.empty() && default_account != one.account.view();
    if (other) say("it would have more than one default account");
    default_account = one.account;
  }
  about("user", user);
  if (default_account.empty()) say("it would be left without a default account");
  if (complaints_.size() != before) return;
  for (std::size_t i = edit.first_new; i < all_.associations.size(); ++i) {
    if (all_.associations[i].user.view() == user) qos_lists(all_.associations[i]);
  }
}

Complaints Check::run(const SmallEdit& edit) {
  for (const Qos& qos : all_.qos) qos_names_.push_back(qos.name);
  std::ranges::sort(qos_names_);
  for (const Account* account : edit.accounts) one_account(*account);
  for (const User* user : edit.users) {
    one_user(*user);
    if (!is_name(user->name)) say("not a valid name");
  }
  for (const Qos* qos : edit.qos) one_qos(*qos);
  for (const Association* one : edit.associations) values_of(*one);
  if (all_.associations.size() > kMaxAssociations) {
    about("account", "root");
    say("there are too many associations");
  }
  if (edit.first_new == all_.associations.size()) return std::move(complaints_);
  for (const Account& account : all_.accounts) account_names_.push_back(account.name);
  user_names_.reserve(all_.users.size());
  for (const User& user : all_.users) user_names_.push_back(user.name);
  std::set<std::string_view> users;
  for (std::size_t i = edit.first_new; i < all_.associations.size(); ++i) {
    users.insert(all_.associations[i].user);
  }
  for (const std::string_view user : users) new_ones(user, edit);
  return std::move(complaints_);
}

}  // namespace

std::string association_label(const Association& association) {
  const std::string_view account = association.account;
  if (association.user.empty()) return fmt::format("account {}", base::escape(account));
  std::string label = fmt::format("user {} in account {}", base::escape(association.user.view()),
                                  base::escape(account));
  if (!association.partition.empty()) {
    label += fmt::format(" ({})", base::escape(association.partition.view()));
  }
  return label;
}

Complaints check_accounts(const Accounts& accounts) { return Check(accounts).run(); }

Complaints check_small_edit(const Accounts& accounts, const SmallEdit& edit) {
  return Check(accounts).run(edit);
}

}  // namespace sluice::core
