// See flat_file.hpp.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <fmt/core.h>

#include "base/strings.hpp"
#include "cli/sacctmgr/change.hpp"
#include "cli/sacctmgr/conditions.hpp"
#include "cli/sacctmgr/flat_file.hpp"
#include "report/account_fields.hpp"
#include "report/account_views.hpp"
#include "report/limit_fields.hpp"

namespace sluice::cli::accounting {

namespace {

constexpr std::string_view kProblem = " Problem with requests: Unspecified error\n";

struct Line {
  std::size_t number = 0;
  std::string text;
  std::string title;
  std::string name;
  std::vector<Spec> options;
};

tl::unexpected<Refusal> misformatted(const Line& line) {
  return refuse(fmt::format(" Misformatted line({}): {}\n{}", line.number, line.text, kProblem));
}
tl::unexpected<Refusal> problem_with(const Line& line, std::string_view what) {
  return refuse(fmt::format("{} Problem with line({})\n{}", what, line.number, kProblem));
}

// "Title - 'name':Key='value':..."; fails on anything else.
Planned<Line> parse_line(std::size_t number, std::string_view text) {
  Line line;
  line.number = number;
  line.text = text;
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return misformatted(line);
  line.title = base::to_lower(base::trim(text.substr(0, dash)));
  const auto pieces = base::split_quoted(base::trim(text.substr(dash + 1)), ':');
  if (!pieces) {
    return problem_with(line, " There is a problem with the quotes.\n");
  }
  line.name = base::trim(pieces->front());
  if (line.name.empty()) return misformatted(line);
  for (std::size_t i = 1; i < pieces->size(); ++i) {
    const std::string piece(base::trim((*pieces)[i]));
    if (!piece.empty()) line.options.push_back(parse_spec(piece));
  }
  return line;
}

std::string or_null(std::string_view text) {
  return text.empty() ? std::string("(null)") : std::string(text);
}

// As files can hold it again.
std::string without_quotes(std::string text) {
  std::ranges::replace(text, '"', '`');
  std::ranges::replace(text, '\'', '`');
  return text;
}

class Loader {
 public:
  Loader(const World& world, const LoadOptions& options)
      : world_(world), options_(options), after_(world.accounts) {
    for (const report::AssociationView& view : report::association_views(world.accounts)) {
      if (view.record->user.empty()) account_ids_.emplace(view.record->account, view.record->id);
    }
    for (std::size_t i = 0; i < after_.associations.size(); ++i) {
      const model::Association& one = after_.associations[i];
      places_.emplace(Key{one.account, one.user, one.partition}, i);
    }
  }

  Planned<void> take(const Line& line);
  [[nodiscard]] bool has_cluster() const { return has_cluster_; }
  Planned<Plan> finish();

 private:
  struct Key {
    Text account;
    Text user;
    Text partition;
    auto operator<=>(const Key&) const = default;
  };
  struct UserOptions {
    std::size_t line = 0;
    std::string default_account;
    std::vector<std::string> coordinates;
  };

  Planned<void> cluster(const Line& line);
  Planned<void> parent(const Line& line);
  Planned<void> account(const Line& line);
  Planned<void> user(const Line& line);
  Planned<void> user_option(const Line& line, const Spec& spec, model::User& user,
                            AssociationChange& change);
  Planned<void> setting(const Line& line, const Spec& spec, AssociationChange& change);
  model::Association& place(const Key& key, std::uint32_t parent);
  void settle(const AssociationChange& change, model::Association& one);
  Planned<void> settle_users();
  void drop_absent();
  [[nodiscard]] std::string notes() const;
  [[nodiscard]] std::string changes() const;
  [[nodiscard]] std::string record_changes() const;
  [[nodiscard]] std::string tables() const;

  const World& world_;
  const LoadOptions& options_;
  model::Accounts after_;
  bool has_cluster_ = false;
  bool has_parent_ = false;
  bool warned_ = false;
  Text parent_ = "root";
  std::map<Text, std::uint32_t> account_ids_;
  std::map<Key, std::size_t> places_;  // in after_.associations
  std::set<Key> seen_;
  std::set<Text> seen_accounts_{"root"};
  std::set<Text> seen_users_{"root"};
  std::map<Text, UserOptions> users_;
  std::string questions_;
};

Planned<void> Loader::take(const Line& line) {
  if (line.title == "cluster") return cluster(line);
  if (!has_cluster_) {
    return refuse(
        " You need to specify a cluster name first with 'Cluster - $NAME' in your file\n");
  }
  if (line.title == "parent") return parent(line);
  if (line.title == "account" || line.title == "project") return account(line);
  if (line.title == "user") return user(line);
  return misformatted(line);
}

Planned<void> Loader::setting(const Line& line, const Spec& spec, AssociationChange& change) {
  const std::optional<Status> read = read_setting(spec, world_.accounts, change);
  if (read && *read) return {};
  const std::string why = read ? read->error().text : std::string();
  return problem_with(line, fmt::format("{} Unknown option: {}\n", why, spec.text));
}

// What the record has: with "clean" only what the file says.
void Loader::settle(const AssociationChange& change, model::Association& one) {
  if (options_.mode == LoadMode::clean &&
      seen_.insert({one.account, one.user, one.partition}).second) {
    model::Association fresh;
    fresh.id = one.id;
    fresh.parent = one.parent;
    fresh.account = one.account;
    fresh.user = one.user;
    fresh.partition = one.partition;
    fresh.created = one.created;
    fresh.modified = one.modified;
    if (one.parent == 0) {
      fresh.qos = {Text("normal")};
      fresh.qos_own = true;
    }
    one = fresh;
  }
  seen_.insert({one.account, one.user, one.partition});
  std::vector<Text> in_force = one.qos;
  if (!one.qos_own && change.qos.given && !change.qos.replace) {
    for (const report::AssociationView& view : report::association_views(after_)) {
      if (view.record->id == one.id) in_force = view.qos;
    }
  }
  apply(change, std::move(in_force), one);
}

Planned<void> Loader::cluster(const Line& line) {
  if (has_cluster_)
    return refuse(fmt::format(" You can only add one cluster at a time.\n{}", kProblem));
  const std::string name = options_.cluster.empty() ? line.name : options_.cluster;
  if (name != world_.cluster) {
    return refuse(
        fmt::format("sacctmgr: error: the file is of cluster {}; cluster={} loads it "
                    "into this one\n",
                    name, world_.cluster));
  }
  has_cluster_ = true;
  AssociationChange change;
  for (const Spec& spec : line.options) {
    if (spec.is("Classification", 3)) continue;  // of no use with a single cluster
    if (auto done = setting(line, spec, change); !done) return done;
  }
  settle(change, place({Text("root"), {}, {}}, 0));
  return {};
}

Planned<void> Loader::parent(const Line& line) {
  const Text name(base::to_lower(line.name));
  const bool known = account_ids_.contains(name) &&
                     (options_.mode == LoadMode::merge || seen_accounts_.contains(name));
  if (!known) {
    return refuse(
        fmt::format(" line({}) You need to add this parent ({}) as a child before you "
                    "can add children to it.\n",
                    line.number, line.name));
  }
  parent_ = name;
  has_parent_ = true;
  return {};
}

model::Association& Loader::place(const Key& key, std::uint32_t parent) {
  const auto known = places_.find(key);
  if (known != places_.end()) return after_.associations[known->second];
  places_.emplace(key, after_.associations.size());
  model::Association& one = add_association(after_, {key.account, key.user, key.partition}, parent);
  if (key.user.empty()) account_ids_.insert_or_assign(key.account, one.id);
  return one;
}

Planned<void> Loader::account(const Line& line) {
  warned_ |= !has_parent_;
  const std::string name = base::to_lower(line.name);
  model::Account* account = find_account(after_, name);
  if (account == nullptr) {
    model::Account fresh;
    fresh.name = name;
    fresh.description = name;
    fresh.organization = parent_ == Text("root") ? Text(name) : parent_;
    account = &after_.accounts.emplace_back(std::move(fresh));
  }
  AssociationChange change;
  for (const Spec& spec : line.options) {
    if (spec.is("Description", 3)) {
      account->description = without_quotes(spec.value);
    } else if (spec.is("Organization", 1)) {
      account->organization = without_quotes(spec.value);
    } else if (auto done = setting(line, spec, change); !done) {
      return done;
    }
  }
  if (options_.mode == LoadMode::clean && seen_accounts_.insert(name).second) {
    account->coordinators.clear();
  }
  const std::uint32_t above = account_ids_.at(parent_);
  model::Association& one = place({Text(name), {}, {}}, above);
  if (one.parent != 0) one.parent = above;
  settle(change, one);
  return {};
}

Planned<void> Loader::user_option(const Line& line, const Spec& spec, model::User& user,
                                  AssociationChange& change) {
  if (spec.is("AdminLevel", 2)) {
    const auto level = parse_admin_level(spec.value);
    if (!level) return problem_with(line, fmt::format(" Unknown option: {}\n", spec.text));
    user.admin_level = *level;
  } else if (spec.is("DefaultAccount", 8)) {
    users_[user.name].default_account = base::to_lower(spec.value);
  } else if (spec.is("DefaultWCKey", 8)) {
    user.default_wckey = spec.value;
    const auto known = std::ranges::find(user.wckeys, user.default_wckey);
    if (known == user.wckeys.end()) user.wckeys.push_back(user.default_wckey);
  } else if (spec.is("WCKeys", 2)) {
    for (const std::string& key : name_list(spec.value)) {
      if (std::ranges::find(user.wckeys, Text(key)) == user.wckeys.end()) {
        user.wckeys.emplace_back(key);
      }
    }
  } else if (spec.is("Coordinator", 3)) {
    users_[user.name].coordinates = lower_name_list(spec.value);
  } else {
    return setting(line, spec, change);
  }
  return {};
}

Planned<void> Loader::user(const Line& line) {
  warned_ |= !has_parent_;
  model::User* user = find_user(after_, line.name);
  if (user == nullptr) {
    model::User fresh;
    fresh.name = line.name;
    user = &after_.users.emplace_back(std::move(fresh));
    if (!world_.user_exists(line.name)) {
      questions_ += fmt::format("There is no uid for user '{}'\n", line.name);
    }
  }
  if (options_.mode == LoadMode::clean && seen_users_.insert(user->name).second) {
    user->admin_level = model::AdminLevel::none;
    user->wckeys.clear();
    user->default_wckey = {};
  }
  users_[user->name].line = line.number;
  Text partition;
  AssociationChange change;
  for (const Spec& spec : line.options) {
    if (spec.is("Partition", 3)) {
      partition = spec.value;
    } else if (auto done = user_option(line, spec, *user, change); !done) {
      return done;
    }
  }
  settle(change, place({parent_, user->name, partition}, account_ids_.at(parent_)));
  return {};
}

// Defaults and offices may name accounts of later lines.
Planned<void> Loader::settle_users() {
  for (const auto& [name, options] : users_) {
    std::string wanted = options.default_account;
    const model::Association* first = nullptr;
    bool found = false;
    for (const model::Association& one : after_.associations) {
      const bool there =
          one.user == name && (options_.mode == LoadMode::merge ||
                               seen_.contains({one.account, one.user, one.partition}));
      if (!there) continue;
      if (first == nullptr) first = &one;
      if (wanted.empty() && one.is_default) wanted = one.account.str();
      found |= one.account.view() == wanted;
    }
    if (wanted.empty() && first != nullptr) {
      wanted = first->account.str();
      found = true;
    }
    if (!found) {
      return refuse(
          fmt::format(" line({}) User {} has no association with the default account "
                      "{}.\n{}",
                      options.line, name.view(), wanted, kProblem));
    }
    for (model::Association& one : after_.associations) {
      if (one.user == name) one.is_default = one.account.view() == wanted;
    }
    for (const std::string& office : options.coordinates) {
      model::Account* account = find_account(after_, office);
      if (account == nullptr) {
        return refuse(fmt::format(" line({}) You specified a non-existent account '{}'.\n{}",
                                  options.line, office, kProblem));
      }
      std::vector<Text>& list = account->coordinators;
      if (std::ranges::find(list, name) == list.end()) list.push_back(name);
      std::ranges::sort(list);
    }
  }
  return {};
}

void Loader::drop_absent() {
  if (options_.mode != LoadMode::clean) return;
  const Text root("root");
  std::erase_if(after_.associations, [&](const model::Association& one) {
    const bool kept = one.parent == 0 || (one.account == root && one.user == root);
    return !kept && !seen_.contains({one.account, one.user, one.partition});
  });
  std::erase_if(after_.accounts,
                [&](const model::Account& a) { return !seen_accounts_.contains(a.name); });
  std::erase_if(after_.users, [&](const model::User& u) { return !seen_users_.contains(u.name); });
  for (model::Account& account : after_.accounts) {
    std::erase_if(account.coordinators,
                  [&](const Text& user) { return !seen_users_.contains(user); });
  }
}

std::string change_line(std::string_view what, std::string_view kind, std::string_view name,
                        std::pair<std::string_view, std::string_view> values) {
  if (values.first == values.second) return {};
  return fmt::format(" Changed {:<21} for {:<7} {:<10} {:>8} -> {}\n", what, kind, name,
                     or_null(values.first), or_null(values.second));
}

// " Changed fairshare             for User    ann               7 -> 99"
std::string Loader::changes() const {
  std::map<std::uint32_t, const model::Association*> old;
  for (const model::Association& one : world_.accounts.associations) old.emplace(one.id, &one);
  std::string out;
  for (const model::Association& now : after_.associations) {
    const auto found = old.find(now.id);
    if (found == old.end()) continue;
    const model::Association& was = *found->second;
    const std::string_view kind = was.parent == 0    ? "Cluster"
                                  : was.user.empty() ? "Account"
                                                     : "User";
    const std::string_view name = was.parent == 0
                                      ? std::string_view(world_.cluster)
                                      : (was.user.empty() ? was.account.view() : was.user.view());
    const auto changed = [&](std::string_view what, std::string_view from, std::string_view to) {
      out += change_line(what, kind, name, {from, to});
    };
    const auto shares = [](const model::Association& one) {
      return one.shares == model::kShareOfParent ? std::string("parent")
                                                 : std::to_string(one.shares);
    };
    changed("fairshare", shares(was), shares(now));
    for (const report::AssociationLimit& field : report::association_limits()) {
      if (field.file_name.empty()) continue;
      if (field.kind == report::LimitKind::tres) {
        changed(field.label, model::tres_text(after_.tres, was.limits.*(field.tres)),
                model::tres_text(after_.tres, now.limits.*(field.tres)));
      } else {
        changed(field.label, report::limit_number(was.limits.*(field.number)),
                report::limit_number(now.limits.*(field.number)));
      }
    }
    changed("Priority", report::limit_number(was.priority), report::limit_number(now.priority));
    changed("QOS", report::join_texts(was.qos), report::join_texts(now.qos));
    changed("DefaultQOS", was.default_qos, now.default_qos);
    if (was.parent != now.parent)
      changed("parent", std::to_string(was.parent), std::to_string(now.parent));
    if (was.is_default != now.is_default && now.is_default) {
      changed("Default Account", report::default_account(world_.accounts, was.user), now.account);
    }
  }
  return out + record_changes();
}

// Of accounts and users themselves.
std::string Loader::record_changes() const {
  std::string out;
  for (const model::Account& now : after_.accounts) {
    const auto was = std::ranges::find(world_.accounts.accounts, now.name, &model::Account::name);
    if (was == world_.accounts.accounts.end()) continue;
    const auto changed = [&](std::string_view what, std::string_view from, std::string_view to) {
      out += change_line(what, "Account", now.name, {from, to});
    };
    changed("description", was->description, now.description);
    changed("organization", was->organization, now.organization);
    changed("coordinators", report::join_texts(was->coordinators),
            report::join_texts(now.coordinators));
  }
  for (const model::User& now : after_.users) {
    const auto was = std::ranges::find(world_.accounts.users, now.name, &model::User::name);
    if (was == world_.accounts.users.end()) continue;
    const auto changed = [&](std::string_view what, std::string_view from, std::string_view to) {
      out += change_line(what, "User", now.name, {from, to});
    };
    changed("Admin Level", report::admin_level_name(was->admin_level),
            report::admin_level_name(now.admin_level));
    changed("Default WCKey", was->default_wckey, now.default_wckey);
    changed("WCKeys", report::join_texts(was->wckeys), report::join_texts(now.wckeys));
  }
  return out;
}

std::string table(std::string_view title, std::string_view columns,
                  const std::vector<report::AccountingRow>& rows, std::size_t dashes) {
  auto layout =
      report::ListTable<report::AccountingRow>::parse(columns, report::accounting_fields());
  if (rows.empty() || !layout) return {};
  std::string out = fmt::format("{}\n", title);
  layout->header(out);
  for (const report::AccountingRow& row : rows) layout->row(row, out);
  out.append(dashes, '-');
  return out + "\n\n";
}

// What is new.
std::string Loader::tables() const {
  constexpr std::string_view kLimits =
      "share,grptresmins,grptresrunmins,grptres,grpjobs,grpjobsaccrue,grpmemory,grpnodes,"
      "grpsubmit,grpwall,maxtresmins,maxtres,maxtrespernode,maxjobs,maxsubmit,maxnodes,maxwall,"
      "qos,defaultqos";
  constexpr std::size_t kShort = 51;
  constexpr std::size_t kLong = 62;
  std::vector<report::AccountingRow> accounts, account_rows, users, user_rows;
  const std::vector<report::AssociationView> views =
      report::association_views(after_, report::Inherit::no);
  const std::map<Text, Text> defaults = report::default_accounts(after_);
  for (const model::Account& account : after_.accounts) {
    const auto known =
        std::ranges::find(world_.accounts.accounts, account.name, &model::Account::name);
    if (known != world_.accounts.accounts.end()) continue;
    report::AccountingRow row;
    row.all = &after_;
    row.account = &account;
    accounts.push_back(std::move(row));
  }
  for (const model::User& user : after_.users) {
    const auto known = std::ranges::find(world_.accounts.users, user.name, &model::User::name);
    if (known != world_.accounts.users.end()) continue;
    report::AccountingRow row;
    row.all = &after_;
    row.user = &user;
    if (const auto own = defaults.find(user.name); own != defaults.end()) {
      row.default_account = own->second.str();
    }
    users.push_back(std::move(row));
  }
  for (const report::AssociationView& view : views) {
    if (view.record->id < world_.accounts.next_association) continue;
    report::AccountingRow row;
    row.all = &after_;
    row.view = &view;
    (view.record->user.empty() ? account_rows : user_rows).push_back(std::move(row));
  }
  return table("Accounts", "name,description,organization,qoslevel", accounts, kShort) +
         table("Account Associations", fmt::format("account,parentname,{}", kLimits), account_rows,
               kLong) +
         table("Users", "name,defaultaccount,defaultwckey,qoslevel,adminlevel,coordinators", users,
               kShort) +
         table("User Associations", fmt::format("user,account,{}", kLimits), user_rows, kLong);
}

std::string Loader::notes() const {
  std::string out = fmt::format("For cluster {}\n", world_.cluster);
  if (warned_) {
    out +=
        " No parent given creating off root, If incorrect specify 'Parent - name' before any "
        "children in your file\n";
  }
  out += changes() + tables();
  std::string gone;
  std::set<std::uint32_t> kept;
  for (const model::Association& one : after_.associations) kept.insert(one.id);
  for (const model::Association& one : world_.accounts.associations) {
    if (kept.contains(one.id)) continue;
    gone += fmt::format("  A = {:<10}", one.account.view());
    if (!one.user.empty()) gone += fmt::format(" U = {:<9}", one.user.view());
    if (!one.partition.empty()) gone += fmt::format(" P = {}", one.partition.view());
    gone += "\n";
  }
  if (!gone.empty()) out += " Removing associations that are not in the file\n" + gone;
  return out;
}

Planned<Plan> Loader::finish() {
  if (!has_cluster_) {
    return refuse(
        " You need to specify a cluster name first with 'Cluster - $NAME' in your file\n");
  }
  drop_absent();
  if (auto done = settle_users(); !done) return tl::unexpected<Refusal>(done.error());
  Plan plan;
  plan.questions = questions_;
  Plan probe;
  probe.after = after_;
  const model::AccountsEdit edit = edit_between(world_.accounts, probe);
  const bool changed = !edit.accounts.empty() || !edit.users.empty() || !edit.associations.empty();
  if (changed) plan.notes = notes();
  plan.after = std::move(after_);
  return plan;
}

}  // namespace

Planned<Plan> load_lines(const World& world, std::string_view text, const LoadOptions& options) {
  Loader loader(world, options);
  // A refusal also says how far the file was read.
  const auto refused = [&](Refusal refusal) {
    if (loader.has_cluster()) refusal.out = fmt::format("For cluster {}\n", world.cluster);
    const bool misplaced = refusal.err.starts_with(" line(") || !loader.has_cluster();
    if (misplaced) refusal.out += " Nothing new added.\n";
    return tl::unexpected<Refusal>(std::move(refusal));
  };
  std::size_t number = 0;
  for (const std::string_view raw : base::split(text, '\n')) {
    ++number;
    const std::string_view trimmed = base::trim(raw);
    if (trimmed.empty() || trimmed.starts_with('#')) continue;
    const Planned<Line> line = parse_line(number, trimmed);
    if (!line) return refused(line.error());
    if (auto taken = loader.take(*line); !taken) return refused(taken.error());
  }
  Planned<Plan> plan = loader.finish();
  return plan ? plan : Planned<Plan>(refused(plan.error()));
}

}  // namespace sluice::cli::accounting
