// See plan.hpp.
#include "cli/sacctmgr/plan.hpp"

#include <algorithm>
#include <map>

#include <fmt/core.h>

namespace sluice::cli::accounting {

namespace {

template <class Record>
Record* by_name(std::vector<Record>& records, std::string_view name) {
  const auto found =
      std::ranges::find_if(records, [&](const Record& r) { return r.name.view() == name; });
  return found == records.end() ? nullptr : &*found;
}

// Records by a key, for lists that may be long.
template <class Record, class Key>
std::map<Key, const Record*> index_of(const std::vector<Record>& records, Key Record::*key) {
  std::map<Key, const Record*> index;
  for (const Record& record : records) index.emplace(record.*key, &record);
  return index;
}

template <class Record>
std::vector<model::Edit<Record>> named_edits(const std::vector<Record>& before,
                                             const std::vector<Record>& after) {
  std::vector<model::Edit<Record>> edits;
  const auto old = index_of(before, &Record::name);
  const auto now = index_of(after, &Record::name);
  for (const Record& record : after) {
    const auto found = old.find(record.name);
    if (found == old.end() || *found->second != record) edits.push_back({record, false});
  }
  for (const Record& record : before) {
    if (!now.contains(record.name)) edits.push_back({record, true});
  }
  return edits;
}

std::vector<model::AssociationEdit> association_edits(const model::Accounts& before,
                                                      const model::Accounts& after) {
  std::vector<model::AssociationEdit> edits;
  const auto old = index_of(before.associations, &model::Association::id);
  const auto now = index_of(after.associations, &model::Association::id);
  for (const model::Association& record : after.associations) {
    const auto found = old.find(record.id);
    if (found != old.end() && *found->second == record) continue;
    model::AssociationEdit edit{record, {}, false};
    const auto parent = now.find(record.parent);
    if (record.user.empty() && parent != now.end()) edit.parent_account = parent->second->account;
    if (record.id >= before.next_association) edit.record.id = 0;
    if (record.parent >= before.next_association) edit.record.parent = 0;
    edits.push_back(std::move(edit));
  }
  for (const model::Association& record : before.associations) {
    if (!now.contains(record.id)) edits.push_back({record, {}, true});
  }
  return edits;
}

}  // namespace

// Slurm tells of unknown flags on standard output.
tl::unexpected<Refusal> refuse_setting(std::string text) {
  return text.starts_with(" Unknown QOS flag") ? nothing(std::move(text)) : refuse(std::move(text));
}

tl::unexpected<Refusal> unknown_option(const Spec& spec, std::string_view why) {
  return refuse(fmt::format("{} Unknown option: {}\n Use keyword 'where' to modify condition\n",
                            why, spec.text));
}

tl::unexpected<Refusal> unknown_condition(const Spec& spec) {
  return refuse(
      fmt::format(" Unknown condition: {}\n Use keyword 'set' to modify value\n", spec.text));
}

Planned<void> check_coordinators(model::Accounts& all, const std::vector<std::string>& users,
                                 const std::vector<std::string>& accounts) {
  std::string missing;
  for (const std::string& name : accounts) {
    if (find_account(all, name) != nullptr) continue;
    missing += fmt::format(" You specified a non-existent account '{}'.\n", name);
  }
  for (const std::string& name : users) {
    if (find_user(all, name) != nullptr) continue;
    missing += fmt::format(" You specified a non-existent user '{}'.\n", name);
  }
  if (!missing.empty()) return refuse(missing);
  return {};
}

model::Account* find_account(model::Accounts& all, std::string_view name) {
  return by_name(all.accounts, name);
}
model::User* find_user(model::Accounts& all, std::string_view name) {
  return by_name(all.users, name);
}
model::Qos* find_qos(model::Accounts& all, std::string_view name) { return by_name(all.qos, name); }

model::Association* find_association(model::Accounts& all, const AssociationName& name) {
  const auto found = std::ranges::find_if(all.associations, [&](const model::Association& a) {
    return a.account.view() == name.account && a.user.view() == name.user &&
           a.partition.view() == name.partition;
  });
  return found == all.associations.end() ? nullptr : &*found;
}

model::Association& add_association(model::Accounts& all, const AssociationName& name,
                                    std::uint32_t parent) {
  model::Association record;
  record.id = all.next_association++;
  record.parent = parent;
  record.account = name.account;
  record.user = name.user;
  record.partition = name.partition;
  return all.associations.emplace_back(std::move(record));
}

model::AccountsEdit edit_between(const model::Accounts& before, const Plan& plan) {
  const model::Accounts& after = plan.after;
  model::AccountsEdit edit;
  edit.generation = before.generation;
  edit.accounts = named_edits(before.accounts, after.accounts);
  edit.users = named_edits(before.users, after.users);
  edit.qos = named_edits(before.qos, after.qos);
  for (model::Edit<model::Qos>& entry : edit.qos) {
    if (entry.record.id >= before.next_qos) entry.record.id = 0;
  }
  edit.associations = association_edits(before, after);
  edit.reset_usage = plan.reset_usage;
  edit.reset_qos_usage = plan.reset_qos_usage;
  return edit;
}

}  // namespace sluice::cli::accounting
