// The account tree, and edits of the accounts: what is taken, what is refused and with which words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/account_tree.hpp"
#include "core/accounts_edit.hpp"
#include "core/job_standing.hpp"
#include "test/support/account_builders.hpp"

namespace sluice::test {
namespace {

using core::AccountsUse;
using core::AccountTree;
using model::Accounts;
using model::Association;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr model::WallTime kWhen = 1'700'000'000 * model::kSecond;

class AccountsTest : public ::testing::Test {
 protected:
  void take(AccountsEditor editor) {
    auto edited = core::apply_edit(accounts, editor.edit(), use, kWhen);
    ASSERT_TRUE(edited) << edited.error().text;
    EXPECT_EQ(edited->generation, accounts.generation + 1);
    accounts = std::move(*edited);
  }
  std::string refusal(AccountsEditor editor) {
    const auto edited = core::apply_edit(accounts, editor.edit(), use, kWhen);
    return edited ? "taken" : edited.error().text;
  }
  AccountsEditor editor() { return AccountsEditor(accounts); }
  AccountTree tree() { return AccountTree(std::make_shared<const Accounts>(accounts)); }
  const Association& one(std::string_view account, std::string_view user = "",
                         std::string_view partition = "") {
    for (const Association& known : accounts.associations) {
      if (known.account == Text(account) && known.user == Text(user) &&
          known.partition == Text(partition)) {
        return known;
      }
    }
    ADD_FAILURE() << account << '/' << user;
    return accounts.associations.front();
  }
  // root -> science -> physics (ann, bob, ann in gpu), chemistry (ann); qos high, low
  void usual() {
    take(editor()
             .qos("high")
             .qos("low")
             .account("science")
             .account("physics", "science")
             .account("chemistry", "science")
             .user("ann", "physics")
             .user("bob", "physics")
             .user("ann", "physics", "gpu")
             .user("ann", "chemistry"));
  }

  Accounts accounts = model::first_accounts();
  AccountsUse use;
};

TEST_F(AccountsTest, TheFirstOnesAreGood) { EXPECT_TRUE(core::check_accounts(accounts).empty()); }

TEST_F(AccountsTest, AnEditAddsATree) {
  usual();
  EXPECT_EQ(one("physics").parent, one("science").id);
  EXPECT_EQ(one("physics", "ann").parent, one("physics").id);
  EXPECT_EQ(one("physics", "ann").created, kWhen);
  EXPECT_TRUE(one("physics", "ann").is_default) << "the first one is the default";
  EXPECT_FALSE(one("chemistry", "ann").is_default);
  const AccountTree all = tree();
  EXPECT_EQ(all.default_account("ann"), Text("physics"));
  EXPECT_EQ(all.default_account("nobody"), Text());
  EXPECT_TRUE(all.is_within(all.find("physics", "bob", ""), all.find_account("science")));
  EXPECT_FALSE(all.is_within(all.find_account("science"), all.find_account("physics")));
  EXPECT_EQ(all.chain(all.find("physics", "bob", "")).size(), 4U);
  EXPECT_EQ(all.children(all.find_account("science")).size(), 2U);
}

TEST_F(AccountsTest, ThePartitionsAssociationComesFirst) {
  usual();
  const AccountTree all = tree();
  EXPECT_EQ(all.at(all.find("PHYSICS", "ann", "gpu")).partition, Text("gpu"));
  EXPECT_EQ(all.at(all.find("physics", "ann", "batch")).partition, Text());
  EXPECT_EQ(all.find("physics", "", ""), AccountTree::kNoPlace);
  EXPECT_EQ(all.find("chemistry", "bob", ""), AccountTree::kNoPlace);
}

TEST_F(AccountsTest, LimitsComeFromAbove) {
  usual();
  take(editor()
           .change("science", "",
                   [](Association& a) {
                     a.limits.max_jobs = 10;
                     a.limits.max_tres_per_job = {{model::kTresCpu, 8}, {model::kTresNode, 2}};
                     a.limits.grp_jobs = 5;
                     a.priority = 7;
                   })
           .change("physics", "ann", [](Association& a) {
             a.limits.max_tres_per_job = {{model::kTresCpu, 4}};
           }));
  const AccountTree all = tree();
  const auto limits = all.limits(all.find("physics", "ann", ""));
  EXPECT_EQ(limits.max_jobs, 10U);
  EXPECT_EQ(limits.max_tres_per_job,
            (model::TresCounts{{model::kTresCpu, 4}, {model::kTresNode, 2}}));
  EXPECT_EQ(limits.grp_jobs, model::kNoLimit) << "holds where it stands";
  EXPECT_EQ(all.priority(all.find("chemistry", "ann", "")), 7U);
}

TEST_F(AccountsTest, QosListsComeFromAbove) {
  usual();
  take(editor()
           .change("physics", "",
                   [](Association& a) {
                     a.qos = {Text("high"), Text("low")};
                     a.qos_own = true;
                     a.default_qos = "low";
                   })
           .change("physics", "bob", [](Association& a) {
             a.qos = {Text("high")};
             a.qos_own = true;
           }));
  const AccountTree all = tree();
  EXPECT_TRUE(all.allows_qos(all.find("physics", "ann", ""), "HIGH"));
  EXPECT_FALSE(all.allows_qos(all.find("physics", "ann", ""), "normal"));
  EXPECT_TRUE(all.allows_qos(all.find("chemistry", "ann", ""), "normal"));
  EXPECT_EQ(all.default_qos(all.find("physics", "ann", "")), Text("low"));
  EXPECT_EQ(all.default_qos(all.find("physics", "bob", "")), Text("high")) << "the only one";
  EXPECT_EQ(all.default_qos(all.find("chemistry", "ann", "")), Text("normal"));
}

TEST_F(AccountsTest, CoordinatorsReachBelow) {
  usual();
  take(editor().coordinator("bob", "science"));
  EXPECT_TRUE(tree().is_coordinator("bob", "physics"));
  EXPECT_FALSE(tree().is_coordinator("bob", "root"));
  EXPECT_FALSE(tree().is_coordinator("ann", "physics"));
  take(editor().remove_user("bob"));
  EXPECT_FALSE(tree().is_coordinator("bob", "physics"));
}

TEST_F(AccountsTest, AccountsCantBeBelowThemselves) {
  usual();
  const Accounts before = accounts;
  EXPECT_THAT(refusal(editor().move("science", "physics")), HasSubstr("below itself"));
  EXPECT_THAT(refusal(editor().move("science", "science")), HasSubstr("below itself"));
  EXPECT_THAT(refusal(editor().move("science", "nowhere")), HasSubstr("nowhere doesn't exist"));
  take(editor().move("physics", "root"));
  EXPECT_EQ(one("physics").parent, 1U);
  EXPECT_EQ(before.generation + 1, accounts.generation);
}

TEST_F(AccountsTest, EachThingWrongHasALine) {
  usual();
  EXPECT_THAT(refusal(editor().user("ann", "physics").user("carl", "biology")),
              AllOf(HasSubstr("user ann in account physics: it exists already"),
                    HasSubstr("user carl in account biology: the account doesn't exist\n")));
  EXPECT_THAT(refusal(editor().account("Physics")), HasSubstr("capital letters"));
  EXPECT_THAT(refusal(editor().account("a b")), HasSubstr("not a valid name"));
  EXPECT_THAT(refusal(editor().qos("high")), HasSubstr("QOS high: exists twice"));
  EXPECT_THAT(refusal(editor().user("carl", "physics").with([](Association& a) {
                a.shares = 0x80000000U;
              })),
              HasSubstr("the fairshare is out of range"));
  EXPECT_THAT(refusal(editor().user("carl", "physics").with([](Association& a) {
                a.limits.grp_tres = {{model::kTresCpu, -3}};
              })),
              HasSubstr("grp_tres is negative"));
  EXPECT_THAT(refusal(editor().user("carl", "physics").with([](Association& a) {
                a.limits.grp_tres = {{77, 3}};
              })),
              HasSubstr("TRES 77, which doesn't exist"));
  EXPECT_THAT(refusal(editor().user("carl", "physics").with([](Association& a) {
                a.qos = {Text("nope")};
                a.qos_own = true;
              })),
              HasSubstr("QOS nope doesn't exist"));
  EXPECT_THAT(refusal(editor().user("carl", "physics").with([](Association& a) {
                a.default_qos = "high";
              })),
              HasSubstr("no access to its default QOS high"));
  EXPECT_THAT(refusal(editor().coordinator("zoe", "physics")), HasSubstr("not a known user"));
}

TEST_F(AccountsTest, AnotherGenerationIsRefused) {
  AccountsEditor old = editor();
  usual();
  const auto edited = core::apply_edit(accounts, old.account("late").edit(), use, kWhen);
  ASSERT_FALSE(edited);
  EXPECT_EQ(edited.error().code, ErrorCode::busy);
}

TEST_F(AccountsTest, RemovingAnAccountTakesWhatIsBelow) {
  usual();
  take(editor().remove_account("science"));
  EXPECT_EQ(accounts.accounts.size(), 1U);
  EXPECT_EQ(accounts.associations.size(), 2U);
  EXPECT_EQ(accounts.users.size(), 3U) << "users stay";
  EXPECT_THAT(refusal(editor().remove_account("root")), HasSubstr("it can't be removed"));
  EXPECT_THAT(refusal(editor().remove_account("nope")), HasSubstr("it doesn't exist"));
}

TEST_F(AccountsTest, IdsAreNeverUsedAgain) {
  usual();
  const std::uint32_t last = accounts.next_association;
  take(editor().remove_account("science"));
  take(editor().account("science"));
  EXPECT_EQ(one("science").id, last);
}

TEST_F(AccountsTest, WhatIsInUseStays) {
  usual();
  use.associations.emplace(one("physics", "bob").id, JobId(12));
  use.qos.emplace("high", JobId(13));
  use.partition_qos.emplace("low", "batch");
  EXPECT_THAT(refusal(editor().remove("physics", "bob")),
              HasSubstr("user bob in account physics: Job(s) active"));
  EXPECT_THAT(refusal(editor().remove_account("science")), HasSubstr("JobId=12"));
  EXPECT_THAT(refusal(editor().remove_user("bob")), HasSubstr("JobId=12"));
  EXPECT_THAT(refusal(editor().remove_qos("high")), HasSubstr("JobId=13"));
  EXPECT_THAT(refusal(editor().remove_qos("low")), HasSubstr("partition batch uses it"));
}

TEST_F(AccountsTest, ADefaultAccountStaysWhileThereAreOthers) {
  usual();
  EXPECT_THAT(refusal(editor().remove_account("physics")),
              HasSubstr("user ann: it would be left without a default account"));
  take(editor().change("chemistry", "ann", [](Association& a) { a.is_default = true; }));
  EXPECT_EQ(tree().default_account("ann"), Text("chemistry"));
  EXPECT_FALSE(one("physics", "ann").is_default);
  take(editor().remove_account("physics"));
  EXPECT_EQ(tree().default_account("bob"), Text()) << "has no association left";
}

TEST_F(AccountsTest, ARemovedQosLeavesTheLists) {
  usual();
  take(editor().change("physics", "", [](Association& a) {
    a.qos = {Text("high"), Text("normal")};
    a.qos_own = true;
    a.default_qos = "high";
  }));
  EXPECT_THAT(refusal(editor().remove_qos("high")),
              HasSubstr("QOS high: it is the default QOS of account physics"));
  take(editor().change("physics", "", [](Association& a) { a.default_qos = Text(); }));
  take(editor().remove_qos("high"));
  EXPECT_EQ(one("physics").qos, std::vector<Text>{Text("normal")});
  take(editor().remove_qos("normal"));
  EXPECT_TRUE(one("physics").qos.empty()) << "a site may do without the first one";
}

TEST_F(AccountsTest, StandingWithoutEnforcementTakesAnything) {
  usual();
  const AccountTree all = tree();
  const auto stray = core::standing_of(
      all, {.user = "zoe", .account = "Any", .qos = "what", .partition = "batch"}, {});
  ASSERT_TRUE(stray);
  EXPECT_EQ(stray->association, 0U);
  EXPECT_EQ(stray->account, Text("Any"));
  EXPECT_EQ(stray->qos, Text("what"));
  const auto plain = core::standing_of(all, {.user = "ann"}, {});
  EXPECT_EQ(plain->account, Text("physics"));
  EXPECT_EQ(plain->qos, Text("normal"));
  EXPECT_EQ(plain->association, one("physics", "ann").id);
}

TEST_F(AccountsTest, StandingAsEnforced) {
  usual();
  const AccountTree all = tree();
  const model::EnforceSettings enforce{.associations = true, .qos = true};
  const auto code = [&](const core::StandingRequest& asked) {
    const auto standing = core::standing_of(all, asked, enforce);
    return standing ? ErrorCode::ok : standing.error().code;
  };
  EXPECT_EQ(code({.user = "ann"}), ErrorCode::ok);
  EXPECT_EQ(code({.user = "zoe"}), ErrorCode::invalid_account);
  EXPECT_EQ(code({.user = "bob", .account = "chemistry"}), ErrorCode::invalid_account);
  EXPECT_EQ(code({.user = "bob", .qos = "high"}), ErrorCode::invalid_qos);
  EXPECT_EQ(code({.user = "bob", .qos = "nope"}), ErrorCode::invalid_qos);
  EXPECT_EQ(code({.user = "bob", .qos = "NORMAL"}), ErrorCode::ok);
}

}  // namespace
}  // namespace sluice::test
