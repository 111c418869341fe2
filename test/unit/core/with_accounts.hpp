// What tests of policies share: a world whose accounts are edited by name, and jobs of ann and bob.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "test/support/account_builders.hpp"
#include "test/support/core_builders.hpp"

namespace sluice::test {

class WithAccounts : public ::testing::Test {
 protected:
  AccountsEditor editor() { return AccountsEditor(world->cluster->accounts().accounts()); }
  void take(AccountsEditor editor) {
    const core::Changes changes = world->apply(core::EditAccounts{editor.edit()});
    ASSERT_TRUE(changes.outcome) << changes.outcome.error().text;
  }
  template <class Change>
  void limit(const char* account, const char* user, Change&& change) {
    take(editor().change(account, user, std::forward<Change>(change)));
  }
  template <class Change>
  void change_qos(const char* name, Change&& change) {
    model::AccountsEdit edit;
    edit.generation = world->cluster->accounts().accounts().generation;
    edit.qos.push_back({*world->cluster->accounts().qos(name), false});
    change(edit.qos.back().record);
    const core::Changes changes = world->apply(core::EditAccounts{edit});
    ASSERT_TRUE(changes.outcome) << changes.outcome.error().text;
  }
  static JobBuilder job_of(const char* user, const char* qos = "") {
    return a_job()
        .by(*user == 'a' ? 1000 : 1001)
        .spec([&](model::JobSpec& spec) { spec.user = user; })
        .request([&](model::Request& request) { request.qos = qos; });
  }
  std::string detail(JobId id) { return world->job(id).reason_detail.str(); }

  std::optional<World> world;
};

}  // namespace sluice::test
