// See accounts_edit.hpp.
#include "core/accounts_edit.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::core {

namespace {

using model::Account;
using model::Accounts;
using model::AccountsEdit;
using model::Association;
using model::AssociationEdit;
using model::Edit;
using model::Qos;
using model::User;

// A limit of -1 is none.
struct LimitCleaner {
  void operator()(int, const char*, model::TresCounts& counts) {
    std::erase_if(counts, [](const model::TresCount& count) { return count.count == -1; });
  }
  void operator()(int, const char*, std::uint32_t&) {}
};

template <class Limits>
void clean(Limits& limits) {
  LimitCleaner cleaner;
  Limits::fields(limits, cleaner);
}

// With more, checking everything costs less.
constexpr std::size_t kSmallEdit = 64;

class Editor {
 public:
  Editor(const Accounts& accounts, const AccountsEdit& edit, const AccountsUse& use,
         model::WallTime when)
      : before_(accounts), all_(accounts), edit_(edit), use_(use), when_(when) {}

  [[nodiscard]] Result<Accounts> run();

 private:
  void say(std::string line) { complaints_.push_back(std::move(line)); }
  void add_tres();
  void put_qos();
  void put_accounts();
  void put_users();
  void put_associations();
  void put_association(const AssociationEdit& edit);
  [[nodiscard]] Association* existing(const Association& wanted);
  void settle_parents();
  void settle_defaults();
  void remove();
  void doom_accounts(const std::set<Text>& accounts, std::set<std::uint32_t>& doomed) const;
  void remove_associations(const std::set<std::uint32_t>& doomed);
  void remove_users(const std::set<Text>& users);
  void remove_qos();
  [[nodiscard]] bool check_use(const Association& association);
  [[nodiscard]] std::size_t place_of(std::uint32_t id) const;  // npos: unknown
  [[nodiscard]] bool moves_nothing(const Association& now) const;
  [[nodiscard]] std::optional<SmallEdit> as_small() const;

  static constexpr std::size_t kNoPlace = static_cast<std::size_t>(-1);
  const Accounts& before_;
  Accounts all_;
  const std::uint32_t first_new_ = all_.next_association;
  const AccountsEdit& edit_;
  const AccountsUse& use_;
  model::WallTime when_;
  Complaints complaints_;
  std::set<std::uint32_t> touched_;            // associations that were put
  std::map<std::uint32_t, Text> new_parents_;  // by id: the account above
};

void Editor::add_tres() {
  for (const Text& kind : edit_.add_tres) {
    Result<model::TresTable> table = model::with_tres(all_.tres, kind);
    if (table) {
      all_.tres = std::move(*table);
    } else {
      say(table.error().text);
    }
  }
}

void Editor::put_qos() {
  std::set<std::uint32_t> seen;
  for (const Edit<Qos>& edit : edit_.qos) {
    if (edit.removed) continue;
    Qos qos = edit.record;
    clean(qos.limits);
    if (qos.id == 0) {
      qos.id = all_.next_qos++;
      all_.qos.push_back(std::move(qos));
      continue;
    }
    const auto known = std::ranges::lower_bound(all_.qos, qos.id, {}, &Qos::id);
    const bool there = known != all_.qos.end() && known->id == qos.id;
    if (!there) {
      say(fmt::format("QOS {}: it doesn't exist", base::escape(qos.name)));
    } else if (known->name != qos.name) {
      say(fmt::format("QOS {}: its name can't be changed", known->name.view()));
    } else if (!seen.insert(qos.id).second) {
      say(fmt::format("QOS {}: it is edited twice", known->name.view()));
    } else {
      *known = std::move(qos);
    }
  }
}

// Records that are known by their names: a known one is replaced, another is added.
template <class Record>
void put_named(std::vector<Record>& records, const std::vector<Edit<Record>>& edits,
               std::string_view kind, Complaints& complaints) {
  const std::size_t known = records.size();
  std::set<Text> seen;
  for (const Edit<Record>& edit : edits) {
    if (!seen.insert(edit.record.name).second) {
      complaints.push_back(
          fmt::format("{} {}: it is edited twice", kind, base::escape(edit.record.name.view())));
      continue;
    }
    if (edit.removed) continue;
    const auto end = records.begin() + static_cast<std::ptrdiff_t>(known);
    const auto place =
        std::ranges::lower_bound(records.begin(), end, edit.record.name, {}, &Record::name);
    if (place != end && place->name == edit.record.name) {
      *place = edit.record;
    } else {
      records.push_back(edit.record);
    }
  }
  std::ranges::sort(records, {}, &Record::name);
}

void Editor::put_accounts() { put_named(all_.accounts, edit_.accounts, "account", complaints_); }

void Editor::put_users() { put_named(all_.users, edit_.users, "user", complaints_); }

// Ids only grow, and new ones come last.
std::size_t Editor::place_of(std::uint32_t id) const {
  const auto found = std::ranges::lower_bound(all_.associations, id, {}, &Association::id);
  if (found == all_.associations.end() || found->id != id) return kNoPlace;
  return static_cast<std::size_t>(found - all_.associations.begin());
}

Association* Editor::existing(const Association& wanted) {
  const std::size_t place = place_of(wanted.id);
  if (place == kNoPlace) {
    say(fmt::format("{}: it doesn't exist", association_label(wanted)));
    return nullptr;
  }
  Association& known = all_.associations[place];
  if (known.account != wanted.account || known.user != wanted.user ||
      known.partition != wanted.partition) {
    say(fmt::format("{}: account, user and partition can't be changed", association_label(known)));
    return nullptr;
  }
  if (!touched_.insert(wanted.id).second) {
    say(fmt::format("{}: it is edited twice", association_label(known)));
    return nullptr;
  }
  return &known;
}

void Editor::put_association(const AssociationEdit& edit) {
  Association record = edit.record;
  clean(record.limits);
  record.modified = when_;
  if (record.id != 0) {
    Association* known = existing(record);
    if (known == nullptr) return;
    record.created = known->created;
    *known = record;
  } else {
    record.id = all_.next_association++;
    record.created = when_;
    touched_.insert(record.id);
    all_.associations.push_back(record);
  }
  if (record.user.empty() && !edit.parent_account.empty()) {
    new_parents_.insert_or_assign(record.id, edit.parent_account);
  }
}

void Editor::put_associations() {
  if (edit_.associations.empty()) return;
  for (const AssociationEdit& edit : edit_.associations) {
    if (!edit.removed) put_association(edit);
  }
  settle_parents();
  settle_defaults();
}

// A user's association stands below its account's; an account's where the edit wants it.
void Editor::settle_parents() {
  std::map<Text, std::uint32_t> own;
  for (const Association& one : all_.associations) {
    if (one.user.empty()) own.emplace(one.account, one.id);
  }
  for (const std::uint32_t id : touched_) {
    Association& one = all_.associations[place_of(id)];
    const auto wanted = new_parents_.find(id);
    if (one.user.empty() && wanted == new_parents_.end()) continue;
    const auto parent = own.find(one.user.empty() ? wanted->second : one.account);
    if (parent != own.end()) {
      one.parent = parent->second;
    } else if (one.user.empty()) {
      say(fmt::format("{}: its parent account {} doesn't exist", association_label(one),
                      base::escape(wanted->second.view())));
    }
  }
}

void Editor::settle_defaults() {
  struct Chosen {
    Text account;       // that the edit marks
    bool some = false;  // has some default
    bool had = false;   // has associations that the edit didn't put
  };
  std::map<Text, Chosen> users;
  for (const std::uint32_t id : touched_) {
    const Association& one = all_.associations[place_of(id)];
    if (one.user.empty()) continue;
    Chosen& user = users[one.user];
    if (one.is_default) user.account = one.account;
  }
  if (users.empty()) return;
  for (Association& one : all_.associations) {
    const auto user = one.user.empty() ? users.end() : users.find(one.user);
    if (user == users.end()) continue;
    const bool was_put = touched_.contains(one.id);
    if (!user->second.account.empty()) {
      const bool meant = one.account == user->second.account;
      if (meant) one.is_default = true;
      if (!meant && !was_put) one.is_default = false;
    }
    user->second.some |= one.is_default;
    user->second.had |= !was_put;
  }
  for (const std::uint32_t id : touched_) {  // by id: the first one added
    Association& one = all_.associations[place_of(id)];
    if (one.user.empty() || one.id < first_new_) continue;
    Chosen& user = users[one.user];
    if (user.some || user.had) continue;
    one.is_default = user.some = true;
  }
}

bool Editor::check_use(const Association& association) {
  if (association.id == 1) {
    say(fmt::format("{}: it can't be removed", association_label(association)));
    return false;
  }
  const auto used = use_.associations.find(association.id);
  if (used == use_.associations.end()) return true;
  say(fmt::format("{}: Job(s) active, cancel job(s) before remove (JobId={})",
                  association_label(association), used->second.value));
  return false;
}

// The accounts' own associations and all below them.
void Editor::doom_accounts(const std::set<Text>& accounts, std::set<std::uint32_t>& doomed) const {
  if (accounts.empty() && doomed.empty()) return;
  std::map<std::uint32_t, std::vector<std::uint32_t>> children;
  std::vector<std::uint32_t> open(doomed.begin(), doomed.end());
  for (const Association& one : all_.associations) {
    if (one.parent != 0) children[one.parent].push_back(one.id);
    if (one.user.empty() && accounts.contains(one.account)) open.push_back(one.id);
  }
  while (!open.empty()) {
    const std::uint32_t id = open.back();
    open.pop_back();
    doomed.insert(id);
    const auto below = children.find(id);
    if (below == children.end()) continue;
    for (const std::uint32_t child : below->second) {
      if (!doomed.contains(child)) open.push_back(child);
    }
  }
}

void Editor::remove_associations(const std::set<std::uint32_t>& doomed) {
  std::set<Text> accounts;
  for (const std::uint32_t id : doomed) {
    const Association& one = all_.associations[place_of(id)];
    if (check_use(one) && one.user.empty()) accounts.insert(one.account);
  }
  std::erase_if(all_.associations, [&](const Association& one) { return doomed.contains(one.id); });
  std::erase_if(all_.accounts,
                [&](const Account& account) { return accounts.contains(account.name); });
}

void Editor::remove_users(const std::set<Text>& users) {
  std::erase_if(all_.users, [&](const User& user) { return users.contains(user.name); });
  for (Account& account : all_.accounts) {
    std::erase_if(account.coordinators, [&](const Text& name) { return users.contains(name); });
  }
}

void Editor::remove_qos() {
  std::set<Text> gone;
  for (const Edit<Qos>& edit : edit_.qos) {
    if (!edit.removed) continue;
    const Text& name = edit.record.name;
    const std::string label = fmt::format("QOS {}", base::escape(name.view()));
    const bool known = std::ranges::find(all_.qos, name, &Qos::name) != all_.qos.end();
    const auto job = use_.qos.find(name);
    const auto partition = use_.partition_qos.find(name);
    if (!known) say(label + ": it doesn't exist");
    if (job != use_.qos.end()) {
      say(fmt::format("{}: Job(s) active, cancel job(s) before remove (JobId={})", label,
                      job->second.value));
    }
    if (partition != use_.partition_qos.end()) {
      say(fmt::format("{}: partition {} uses it", label, partition->second.view()));
    }
    gone.insert(name);
  }
  if (gone.empty()) return;
  const auto drop = [&](std::vector<Text>& names) {
    return std::erase_if(names, [&](const Text& name) { return gone.contains(name); });
  };
  std::erase_if(all_.qos, [&](const Qos& qos) { return gone.contains(qos.name); });
  for (Qos& qos : all_.qos) drop(qos.preempt);
  for (Association& one : all_.associations) {
    if (gone.contains(one.default_qos)) {
      say(fmt::format("QOS {}: it is the default QOS of {}", one.default_qos.view(),
                      association_label(one)));
    }
    if (drop(one.qos) != 0) one.modified = when_;
  }
}

void Editor::remove() {
  std::set<std::uint32_t> doomed;
  for (const AssociationEdit& edit : edit_.associations) {
    if (!edit.removed) continue;
    if (existing(edit.record) != nullptr) doomed.insert(edit.record.id);
  }
  std::set<Text> users;
  for (const Edit<User>& edit : edit_.users) {
    if (!edit.removed) continue;
    users.insert(edit.record.name);
    const bool known = std::ranges::binary_search(all_.users, edit.record.name, {}, &User::name);
    if (!known) say(fmt::format("user {}: it doesn't exist", base::escape(edit.record.name)));
  }
  std::set<Text> accounts;
  for (const Edit<Account>& edit : edit_.accounts) {
    if (!edit.removed) continue;
    accounts.insert(edit.record.name);
    const bool known =
        std::ranges::binary_search(all_.accounts, edit.record.name, {}, &Account::name);
    if (!known) say(fmt::format("account {}: it doesn't exist", base::escape(edit.record.name)));
  }
  doom_accounts(accounts, doomed);
  if (!users.empty()) {
    for (const Association& one : all_.associations) {
      if (users.contains(one.user)) doomed.insert(one.id);
    }
  }
  if (!doomed.empty()) remove_associations(doomed);
  if (!users.empty()) remove_users(users);
  remove_qos();
}

// Neither its place in the tree, nor what others inherit or have as the one of several.
bool Editor::moves_nothing(const Association& now) const {
  const auto was = std::ranges::lower_bound(before_.associations, now.id, {}, &Association::id);
  return was->parent == now.parent && was->qos_own == now.qos_own && was->qos == now.qos &&
         was->default_qos == now.default_qos && was->is_default == now.is_default;
}

// What has to be looked at of a small edit; none: everything has.
std::optional<SmallEdit> Editor::as_small() const {
  const std::size_t edits = edit_.associations.size() + edit_.accounts.size() + edit_.users.size();
  const bool same = all_.accounts.size() == before_.accounts.size() &&
                    all_.qos.size() == before_.qos.size() && !removes_something(edit_);
  if (edits > kSmallEdit || !same) return std::nullopt;
  SmallEdit small;
  small.first_new = before_.associations.size();
  for (const std::uint32_t id : touched_) {
    const Association& now = all_.associations[place_of(id)];
    if (id >= first_new_) continue;
    if (!moves_nothing(now)) return std::nullopt;
    small.associations.push_back(&now);
  }
  const auto find = [](const auto& records, const auto& edits_of, auto& found, auto key) {
    for (const auto& edit : edits_of) {
      found.push_back(&*std::ranges::lower_bound(records, edit.record.*key, {}, key));
    }
  };
  find(all_.accounts, edit_.accounts, small.accounts, &Account::name);
  find(all_.users, edit_.users, small.users, &User::name);
  find(all_.qos, edit_.qos, small.qos, &Qos::id);
  return small;
}

Result<Accounts> Editor::run() {
  if (edit_.generation != all_.generation) {
    return fail(ErrorCode::busy, "the accounts were changed meanwhile; read them again");
  }
  add_tres();
  put_qos();
  put_accounts();
  put_users();
  put_associations();
  remove();
  for (const std::uint32_t id : edit_.reset_usage) {
    if (place_of(id) == kNoPlace) say(fmt::format("association {} doesn't exist", id));
  }
  for (const std::uint32_t id : edit_.reset_qos_usage) {
    const bool known = std::ranges::binary_search(all_.qos, id, {}, &Qos::id);
    if (!known) say(fmt::format("QOS {} doesn't exist", id));
  }
  if (complaints_.empty()) {
    const std::optional<SmallEdit> small = as_small();
    complaints_ = small ? check_small_edit(all_, *small) : check_accounts(all_);
  }
  if (complaints_.empty()) {
    ++all_.generation;
    return std::move(all_);
  }
  const std::size_t more =
      complaints_.size() > kMaxComplaints ? complaints_.size() - kMaxComplaints : 0;
  if (more != 0) {
    complaints_.resize(kMaxComplaints);
    complaints_.push_back(fmt::format("and {} more", more));
  }
  return fail(ErrorCode::invalid_argument, base::join(complaints_, "\n"));
}

}  // namespace

bool removes_something(const AccountsEdit& edit) {
  const auto removed = [](const auto& one) { return one.removed; };
  return std::ranges::any_of(edit.qos, removed) || std::ranges::any_of(edit.accounts, removed) ||
         std::ranges::any_of(edit.users, removed) ||
         std::ranges::any_of(edit.associations, removed);
}

Result<Accounts> apply_edit(const Accounts& accounts, const AccountsEdit& edit,
                            const AccountsUse& use, model::WallTime when) {
  return Editor(accounts, edit, use, when).run();
}

}  // namespace sluice::core
