// See accounts_difference.hpp. All lists are in the order of their keys: one walk over both.
#include "model/accounts_difference.hpp"

#include <algorithm>
#include <utility>

namespace sluice::model {

namespace {

template <class Record, class Key>
std::vector<Edit<Record>> compare(const std::vector<Record>& before,
                                  const std::vector<Record>& after, Key key) {
  std::vector<Edit<Record>> edits;
  auto old = before.begin();
  for (const Record& now : after) {
    for (; old != before.end() && (*old).*key < now.*key; ++old) edits.push_back({*old, true});
    const bool known = old != before.end() && (*old).*key == now.*key;
    if (!known || *old != now) edits.push_back({now, false});
    if (known) ++old;
  }
  for (; old != before.end(); ++old) edits.push_back({*old, true});
  return edits;
}

template <class Record, class Key>
void merge(std::vector<Record>& records, std::vector<Edit<Record>> edits, Key key) {
  const auto by_key = [key](const auto& a, const auto& b) { return a.record.*key < b.record.*key; };
  std::sort(edits.begin(), edits.end(), by_key);
  std::vector<Record> merged;
  merged.reserve(records.size() + edits.size());
  auto old = records.begin();
  for (const Edit<Record>& edit : edits) {
    for (; old != records.end() && (*old).*key < edit.record.*key; ++old) {
      merged.push_back(std::move(*old));
    }
    if (old != records.end() && (*old).*key == edit.record.*key) ++old;
    if (!edit.removed) merged.push_back(edit.record);
  }
  std::move(old, records.end(), std::back_inserter(merged));
  records = std::move(merged);
}

}  // namespace

AccountsDifference difference(const Accounts& before, const Accounts& after) {
  AccountsDifference changed;
  changed.generation = after.generation;
  changed.next_association = after.next_association;
  changed.next_qos = after.next_qos;
  changed.tres = after.tres;
  changed.accounts = compare(before.accounts, after.accounts, &Account::name);
  changed.users = compare(before.users, after.users, &User::name);
  changed.associations = compare(before.associations, after.associations, &Association::id);
  changed.qos = compare(before.qos, after.qos, &Qos::id);
  return changed;
}

Accounts with_difference(Accounts before, const AccountsDifference& changed) {
  Accounts after = std::move(before);
  after.generation = changed.generation;
  after.next_association = changed.next_association;
  after.next_qos = changed.next_qos;
  after.tres = changed.tres;
  merge(after.accounts, changed.accounts, &Account::name);
  merge(after.users, changed.users, &User::name);
  merge(after.associations, changed.associations, &Association::id);
  merge(after.qos, changed.qos, &Qos::id);
  return after;
}

}  // namespace sluice::model
