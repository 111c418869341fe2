// sreport cluster …Utilization…, and sreport user TopUsage: who used how much.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "cli/sreport/reports.hpp"
#include "report/account_views.hpp"
#include "rollup/attempt.hpp"

namespace sluice::cli::reporting {

namespace {

using report::AssociationView;

// What somebody used, under whatever name the report has for them.
struct Person {
  std::string account;
  std::string login;
  std::string wckey;
  model::TresCounts used;
};
using Names = std::tuple<std::string, std::string, std::string>;

std::int64_t first_of(const ReportInput& in, const model::TresCounts& used) {
  return model::tres_count(used, in.style.tres.front().id);
}

bool used_anything(const ReportInput& in, const model::TresCounts& used) {
  return std::ranges::any_of(in.style.tres, [&](const model::TresKind& kind) {
    return model::tres_count(used, kind.id) != 0;
  });
}

enum class By : std::uint8_t { account, wckey };

// By name; what was used under several QOS, keys or associations of one name is one.
std::vector<Person> people(const ReportInput& in, By by) {
  std::map<Names, Person> sums;
  for (const model::UseRow& row : in.answer.use.rows) {
    const model::UseKey& key = row.key;
    if (by == By::wckey && key.wckey.empty()) continue;
    if (!listed(in.conditions.users, key.user.view())) continue;
    if (!listed(in.conditions.wckeys, key.wckey.view())) continue;
    Person who;
    who.login = key.user.str();
    (by == By::wckey ? who.wckey : who.account) =
        by == By::wckey ? key.wckey.str() : key.account.str();
    Person& sum = sums.try_emplace({who.account, who.login, who.wckey}, who).first->second;
    rollup::add_use(sum.used, row.seconds);
  }
  std::vector<Person> list;
  for (auto& [names, person] : sums) {
    if (used_anything(in, person.used)) list.push_back(std::move(person));
  }
  return list;
}

void sort_by_use(const ReportInput& in, std::vector<Person>& list) {
  std::ranges::stable_sort(list, [&](const Person& a, const Person& b) {
    return first_of(in, a.used) > first_of(in, b.used);
  });
}

// A row for each TRES.
void add_rows(const ReportInput& in, const Person& who, std::vector<Row>& rows) {
  for (const model::TresKind& kind : in.style.tres) {
    Row row;
    row[Column::cluster] = in.answer.use.cluster.str();
    row[Column::account] = who.account;
    row[Column::login] = who.login;
    row[Column::wckey] = who.wckey;
    row[Column::proper] = who.login.empty() ? "" : proper_name(who.login);
    row[Column::tres] = model::tres_name(kind);
    const std::int64_t total = reported(in.answer, kind.id);
    const std::int64_t count = in.answer.use.whole.empty()
                                   ? 0
                                   : model::tres_count(in.answer.use.whole.front().counts, kind.id);
    row[Column::count] = std::to_string(count);
    row[Column::used] = amount_text(in.style.unit, model::tres_count(who.used, kind.id), total);
    row[Column::energy] =
        amount_text(in.style.unit, model::tres_count(who.used, model::kTresEnergy),
                    reported(in.answer, model::kTresEnergy));
    rows.push_back(std::move(row));
  }
}

// "Cluster,Login,Proper" and what follows in all of them.
std::string usual_columns(const ReportInput& in, std::string_view first, bool energy) {
  std::string columns(first);
  if (in.style.tres_named) return columns + ",TresName,Used";
  return columns + (energy ? ",Used,Energy" : ",Used");
}

void print_people(const ReportInput& in, std::string_view title, const std::string& usual,
                  const std::vector<Row>& rows, Printed& printed) {
  TableWish wish;
  wish.usual = usual;
  wish.format = in.conditions.format;
  wish.tree = in.conditions.tree;
  Table table(wish, in.style, printed);
  table.print(fmt::format("{} {}\nUsage reported in {}", title, long_period_text(in.conditions),
                          usage_title(in.style)),
              rows, printed);
}

// The accounts' tree with what was used in each.
class AccountRows {
 public:
  explicit AccountRows(const ReportInput& in)
      : in_(in), views_(report::association_views(in.answer.accounts)) {
    for (Person& who : people(in, By::account)) {
      used_[{who.account, who.login}] = std::move(who.used);
    }
    sum_up();
  }
  [[nodiscard]] std::vector<Row> rows();

 private:
  using Names = std::pair<std::string, std::string>;  // account, user

  void sum_up();
  // What was used under the account itself: by(user, amounts).
  template <class Visit>
  void each_of(const std::string& account, const Visit& visit) const;
  void add(const std::string& account, const std::string& login, std::uint32_t depth,
           const model::TresCounts& used);
  void add_user(const std::string& account, const std::string& login, std::uint32_t depth);
  void add_view(const AssociationView& view);
  void add_strangers();

  const ReportInput& in_;
  std::vector<AssociationView> views_;
  std::map<Names, model::TresCounts> used_;
  std::map<std::string, model::TresCounts> sums_;  // by account, with those below
  std::set<Names> members_;                        // that have an association
  std::set<Names> done_;
  std::vector<Row> rows_;
  const AssociationView* shown_ = nullptr;  // the account asked for that what follows is below of
};

template <class Visit>
void AccountRows::each_of(const std::string& account, const Visit& visit) const {
  for (auto at = used_.lower_bound({account, ""}); at != used_.end(); ++at) {
    if (at->first.first != account) return;
    visit(at->first.second, at->second);
  }
}

// Parents stand before their children. What belongs to no account that there is belongs to root.
void AccountRows::sum_up() {
  std::map<std::uint32_t, const AssociationView*> by_id;
  for (const AssociationView& view : views_) {
    by_id[view.record->id] = &view;
    const std::string account = view.record->account.str();
    if (!view.record->user.empty()) {
      members_.insert({account, view.record->user.str()});
      continue;
    }
    model::TresCounts own;
    each_of(account,
            [&](const std::string&, const model::TresCounts& used) { rollup::add_use(own, used); });
    for (const AssociationView* at = &view; at != nullptr;) {
      rollup::add_use(sums_[at->record->account.str()], own);
      const auto above = by_id.find(at->record->parent);
      at = above == by_id.end() ? nullptr : above->second;
    }
  }
  for (const auto& [names, used] : used_) {
    if (!sums_.contains(names.first) && !views_.empty()) {
      rollup::add_use(sums_[views_.front().record->account.str()], used);
    }
  }
}

void AccountRows::add(const std::string& account, const std::string& login, std::uint32_t depth,
                      const model::TresCounts& used) {
  if (!used_anything(in_, used)) return;
  const std::string indent(in_.conditions.tree ? depth : 0, ' ');
  add_rows(in_, {indent + account, login, "", used}, rows_);
}

void AccountRows::add_user(const std::string& account, const std::string& login,
                           std::uint32_t depth) {
  const auto found = used_.find({account, login});
  if (found == used_.end() || !done_.insert(found->first).second) return;
  add(account, login, depth, found->second);
}

void AccountRows::add_view(const AssociationView& view) {
  const model::Association& one = *view.record;
  const bool inside = shown_ != nullptr && view.left > shown_->left && view.right < shown_->right;
  if (!inside) {
    shown_ = nullptr;
    const bool begins = one.user.empty() && (in_.conditions.accounts.empty() ||
                                             listed(in_.conditions.accounts, one.account.view()));
    if (!begins) return;
    shown_ = &view;
  }
  const std::uint32_t depth = view.depth - shown_->depth;
  const std::string account = one.account.str();
  if (!one.user.empty()) return add_user(account, one.user.str(), depth);
  add(account, "", depth, sums_[account]);
  // Users whose association is gone stand where it was.
  each_of(account, [&](const std::string& user, const model::TresCounts&) {
    if (!members_.contains({account, user})) add_user(account, user, depth + 1);
  });
}

// Use in accounts that are gone, or without any.
void AccountRows::add_strangers() {
  std::set<std::string> known;
  for (const AssociationView& view : views_) known.insert(view.record->account.str());
  std::map<std::string, model::TresCounts> accounts;
  for (const auto& [names, used] : used_) {
    if (known.contains(names.first) || !listed(in_.conditions.accounts, names.first)) continue;
    rollup::add_use(accounts[names.first], used);
  }
  for (const auto& [account, sum] : accounts) {
    add(account, "", 1, sum);
    each_of(account,
            [&](const std::string& user, const model::TresCounts&) { add_user(account, user, 2); });
  }
}

std::vector<Row> AccountRows::rows() {
  for (const AssociationView& view : views_) add_view(view);
  add_strangers();
  return std::move(rows_);
}

// By key, with a line for the sum of each.
std::vector<Person> with_sums(std::vector<Person> list) {
  std::ranges::stable_sort(list, {}, &Person::login);
  std::ranges::stable_sort(list, {}, &Person::wckey);
  std::vector<Person> lines;
  std::size_t sum = 0;
  for (Person& who : list) {
    if (lines.empty() || lines.back().wckey != who.wckey) {
      sum = lines.size();
      lines.push_back({"", "", who.wckey, {}});
    }
    rollup::add_use(lines[sum].used, who.used);
    lines.push_back(std::move(who));
  }
  return lines;
}

// Of some users only: no sums of accounts.
std::vector<Row> rows_of_users(const ReportInput& in) {
  std::vector<Person> list = people(in, By::account);
  sort_by_use(in, list);
  std::vector<Row> rows;
  for (const Person& who : list) {
    if (listed(in.conditions.accounts, who.account)) add_rows(in, who, rows);
  }
  return rows;
}

}  // namespace

void account_utilization(const ReportInput& in, Printed& printed) {
  std::vector<Row> rows;
  if (names_cluster(in)) {
    rows = in.conditions.users.empty() ? AccountRows(in).rows() : rows_of_users(in);
  }
  print_people(in, "Cluster/Account/User Utilization",
               usual_columns(in, "Cluster,Accounts,Login,Proper", true), rows, printed);
}

void user_utilization(ReportKind kind, const ReportInput& in, Printed& printed) {
  const bool by_account = kind == ReportKind::user_utilization_by_account;
  const bool by_user = kind == ReportKind::user_utilization_by_wckey;
  std::vector<Row> rows;
  if (names_cluster(in) && by_account) rows = rows_of_users(in);
  if (names_cluster(in) && !by_account) {
    std::vector<Person> list = people(in, By::wckey);
    sort_by_use(in, list);
    if (!by_user) list = with_sums(std::move(list));
    for (const Person& who : list) add_rows(in, who, rows);
  }
  if (by_account) {
    return print_people(in, "Cluster/User/Account Utilization",
                        usual_columns(in, "Cluster,Login,Proper,Accounts", true), rows, printed);
  }
  print_people(
      in, by_user ? "Cluster/User/WCKey Utilization" : "Cluster/WCKey/User Utilization",
      usual_columns(in, by_user ? "Cluster,Login,Proper,WCKey" : "Cluster,WCKey,Login,Proper",
                    false),
      rows, printed);
}

void top_usage(const ReportInput& in, Printed& printed) {
  std::vector<Person> list = people(in, By::account);
  std::erase_if(list, [&](const Person& who) {
    return !names_cluster(in) || !listed(in.conditions.accounts, who.account);
  });
  if (in.conditions.group) {
    std::map<std::string, Person> users;
    for (const Person& who : list) {  // the last account first, as Slurm has them
      Person& sum = users.try_emplace(who.login, Person{"", who.login, "", {}}).first->second;
      sum.account = who.account + (sum.account.empty() ? "" : ", ") + sum.account;
      rollup::add_use(sum.used, who.used);
    }
    list.clear();
    for (auto& [login, sum] : users) list.push_back(std::move(sum));
  }
  sort_by_use(in, list);
  if (list.size() > in.conditions.top_count) list.resize(in.conditions.top_count);
  std::vector<Row> rows;
  for (const Person& who : list) add_rows(in, who, rows);
  print_people(in, fmt::format("Top {} Users", in.conditions.top_count),
               usual_columns(in, "Cluster,Login,Proper,Accounts", true), rows, printed);
}

}  // namespace sluice::cli::reporting
