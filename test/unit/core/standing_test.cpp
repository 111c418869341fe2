// Jobs and accounts together: what a submit fills in and refuses, what an edit means for waiting
// jobs, and that all of it is there after a restart.
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/account_builders.hpp"
#include "test/support/core_builders.hpp"

namespace sluice::test {
namespace {

using core::JobPatch;
using model::Association;
using ::testing::HasSubstr;

JobBuilder job_of(const char* user, const char* account = "", const char* qos = "") {
  return a_job()
      .spec([&](model::JobSpec& spec) { spec.user = user; })
      .request([&](model::Request& request) {
        request.account = account;
        request.qos = qos;
      });
}

class StandingTest : public ::testing::Test {
 protected:
  void build(const model::EnforceSettings& enforce) {
    model::Settings settings = some_settings();
    settings.enforce = enforce;
    settings.accounting_tres = {Text("gres/gpu")};
    model::Partition closed = settings.partitions.front();
    closed.name = "science";
    closed.is_default = false;
    closed.allow_accounts = "science";
    closed.deny_qos = "low";
    closed.tres_billing_weights = "CPU=2.5,Mem=1G";
    settings.partitions.push_back(closed);
    world.emplace(settings);
    world->register_all();
    take(editor()
             .qos("high")
             .qos("low")
             .account("science")
             .account("physics", "science")
             .user("ann", "physics")
             .user("bob", "root")
             .change("root", "", [](Association& a) { a.qos.emplace_back("low"); }));
  }
  AccountsEditor editor() { return AccountsEditor(world->cluster->accounts().accounts()); }
  core::Changes apply(AccountsEditor editor) {
    return world->apply(core::EditAccounts{editor.edit()});
  }
  void take(const AccountsEditor& editor) {
    const core::Changes changes = apply(editor);
    ASSERT_TRUE(changes.outcome) << changes.outcome.error().text;
  }
  std::string refusal(const JobBuilder& job) {
    const Status status = world->try_submit(job);
    return status ? "taken" : status.error().text;
  }
  std::uint32_t association(std::string_view account, std::string_view user) {
    const core::AccountTree& tree = world->cluster->accounts();
    return tree.at(tree.find(account, user, "")).id;
  }

  std::optional<World> world;
};

TEST_F(StandingTest, DefaultsAreFilledIn) {
  build({});
  const JobId id = world->submit(job_of("ann"));
  EXPECT_EQ(world->job(id).association, association("physics", "ann"));
  EXPECT_EQ(world->job(id).request->account, Text("physics"));
  EXPECT_EQ(world->job(id).qos, Text("normal"));
  const JobId stray = world->submit(job_of("zoe", "anything", "whatever"));
  EXPECT_EQ(world->job(stray).association, 0U);
  EXPECT_EQ(world->job(stray).qos, Text("whatever"));
}

TEST_F(StandingTest, WhatIsEnforcedIsRefusedInSlurmsWords) {
  build({.associations = true, .qos = true});
  constexpr const char* kAccount = "Invalid account or account/partition combination specified";
  EXPECT_EQ(refusal(job_of("zoe")), kAccount);
  EXPECT_EQ(refusal(job_of("ann", "science")), kAccount);
  EXPECT_EQ(refusal(job_of("ann", "", "nope")), "Invalid qos specification");
  EXPECT_EQ(refusal(job_of("ann", "", "high")), "Invalid qos specification");
  EXPECT_EQ(refusal(job_of("ann", "PHYSICS", "Low")), "taken");
}

TEST_F(StandingTest, PartitionsListAccountsAndQos) {
  build({});
  EXPECT_EQ(refusal(job_of("ann").on("science")), "taken") << "physics is below science";
  EXPECT_THAT(refusal(job_of("bob").on("science")), HasSubstr("allows science not root"));
  EXPECT_THAT(refusal(job_of("ann", "", "low").on("science")), HasSubstr("denies low not low"));
}

TEST_F(StandingTest, WckeysAsEnforced) {
  build({.associations = true, .wckeys = true});
  EXPECT_EQ(refusal(job_of("ann")), "Invalid wckey specification");
  AccountsEditor edit = editor();
  model::User ann = *world->cluster->accounts().user("ann");
  ann.wckeys = {Text("k1"), Text("k2")};
  ann.default_wckey = "k2";
  edit.edit().users.push_back({ann, false});
  take(edit);
  const JobId id = world->submit(job_of("ann"));
  EXPECT_EQ(world->job(id).spec->wckey, Text("*k2"));
  EXPECT_EQ(refusal(job_of("ann").spec([](auto& spec) { spec.wckey = "k1"; })), "taken");
  EXPECT_EQ(refusal(job_of("ann").spec([](auto& spec) { spec.wckey = "k3"; })),
            "Invalid wckey specification");
}

TEST_F(StandingTest, AnUpdateIsCheckedTheSameWay) {
  build({.associations = true, .qos = true});
  take(editor().account("chemistry").user("ann", "chemistry").with([](Association& a) {
    a.qos = {Text("high")};
    a.qos_own = true;
  }));
  const JobId waiting = world->submit(job_of("ann").held());
  JobPatch patch;
  patch.account = "nowhere";
  EXPECT_FALSE(world->update(waiting, patch).outcomes.front().status);
  patch.account = "chemistry";
  EXPECT_TRUE(world->update(waiting, patch).outcomes.front().status);
  EXPECT_EQ(world->job(waiting).association, association("chemistry", "ann"));
  EXPECT_EQ(world->job(waiting).qos, Text("high")) << "the only one that is allowed there";
  JobPatch qos;
  qos.qos = "low";
  EXPECT_EQ(world->update(waiting, qos).outcomes.front().status.error().code,
            ErrorCode::invalid_qos);
}

TEST_F(StandingTest, AJobGetsTheAssociationThatItLacked) {
  build({});
  const JobId id = world->submit(job_of("zoe", "physics").held());
  EXPECT_EQ(world->job(id).association, 0U);
  take(editor().user("zoe", "physics"));
  EXPECT_EQ(world->job(id).association, association("physics", "zoe"));
}

TEST_F(StandingTest, WithoutItsQosAJobWaits) {
  build({.associations = true, .qos = true});
  world->planning = false;
  const JobId id = world->submit(job_of("ann", "", "low"));
  take(editor().change("physics", "", [](Association& a) {
    a.qos = {Text("normal")};
    a.qos_own = true;
  }));
  world->planning = true;
  world->plan();
  EXPECT_EQ(world->state(id), "PENDING/InvalidQOS");
  take(editor().change("physics", "", [](Association& a) { a.qos.emplace_back("low"); }));
  EXPECT_EQ(world->job(id).state, model::JobState::running);
}

TEST_F(StandingTest, WhatJobsUseIsNotRemoved) {
  build({});
  const JobId id = world->submit(job_of("ann", "", "low").held());
  EXPECT_THAT(apply(editor().remove_account("science")).outcome.error().text,
              HasSubstr("Job(s) active"));
  EXPECT_THAT(apply(editor().remove_qos("low")).outcome.error().text, HasSubstr("Job(s) active"));
  world->act(core::JobVerb::cancel, id);
  take(editor().remove_account("science"));
  take(editor().remove_qos("low"));
}

TEST_F(StandingTest, ARestartKeepsTheAccounts) {
  build({});
  const model::Accounts before = world->cluster->accounts().accounts();
  world->restart();
  EXPECT_EQ(world->cluster->accounts().accounts(), before);
  EXPECT_EQ(before.tres.back().id, model::kFirstConfiguredTres);
}

TEST_F(StandingTest, StartedJobsAreBilledByTheirPartition) {
  build({});
  const JobId plain = world->submit(job_of("ann").cpus(3).memory(2048));
  EXPECT_EQ(model::tres_count(world->job(plain).tres, model::kTresBilling), 3);
  EXPECT_EQ(model::tres_count(world->job(plain).tres, model::kTresNode), 1);
  const JobId weighted = world->submit(job_of("ann").cpus(3).memory(1024).on("science"));
  EXPECT_EQ(model::tres_count(world->job(weighted).tres, model::kTresBilling), 8) << "7.5 + 1";
}

}  // namespace
}  // namespace sluice::test
