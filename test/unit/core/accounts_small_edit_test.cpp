// Small edits are checked, and the tree made, from what was there before. By seed: whatever is
// taken would pass the whole check, what the whole check refuses is refused, and the tree made from
// the one before answers as one made anew.
#include <random>

#include <gtest/gtest.h>

#include "core/account_tree.hpp"
#include "core/accounts_edit.hpp"
#include "test/support/account_builders.hpp"

namespace sluice::test {
namespace {

using core::AccountTree;
using model::Accounts;
using model::AccountsEdit;
using model::Association;

class SmallEdits : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
  static std::string name(const char* kind, std::uint32_t number) {
    return kind + std::to_string(number);
  }
  Association& some_association(AccountsEdit& edit) {
    model::AssociationEdit one;
    one.record =
        accounts_.associations[pick(static_cast<std::uint32_t>(accounts_.associations.size()))];
    edit.associations.push_back(one);
    return edit.associations.back().record;
  }
  void change_association(AccountsEdit& edit) {
    Association& one = some_association(edit);
    switch (pick(8)) {
      case 0: one.limits.max_jobs = pick(9); break;
      case 1: one.shares = pick(2) == 0 ? pick(100) : 0x80000000U + pick(2); break;
      case 2: one.limits.grp_tres = {{pick(2) == 0 ? model::kTresCpu : 77U, 5}}; break;
      case 3: one.default_qos = pick(2) == 0 ? "high" : "normal"; break;
      case 4:
        one.qos_own = pick(2) == 0;
        one.qos =
            one.qos_own ? std::vector<Text>{pick(2) == 0 ? "high" : "normal"} : std::vector<Text>{};
        break;
      case 5: one.is_default = pick(2) == 0; break;
      case 6: edit.associations.back().parent_account = name("account", pick(8)); break;
      default: one.comment = pick(9) == 0 ? "a\tb" : "words"; break;
    }
  }
  void add_user(AccountsEdit& edit) {
    model::User user;
    user.name = pick(12) == 0 ? "not a name" : name("user", pick(30));
    edit.users.push_back({user, false});
    for (std::uint32_t more = pick(3); more-- > 0;) {
      model::AssociationEdit one;
      one.record.user = user.name;
      one.record.account = name("account", pick(9));
      if (pick(3) == 0) one.record.partition = "batch";
      one.record.is_default = pick(3) == 0;
      if (pick(6) == 0) one.record.default_qos = "high";
      edit.associations.push_back(one);
    }
  }
  AccountsEdit some_edit() {
    AccountsEdit edit;
    edit.generation = accounts_.generation;
    for (std::uint32_t more = 1 + pick(3); more-- > 0;) {
      switch (pick(6)) {
        case 0:
        case 1: change_association(edit); break;
        case 2:
        case 3: add_user(edit); break;
        case 4: {
          edit.qos.push_back(
              {accounts_.qos[pick(static_cast<std::uint32_t>(accounts_.qos.size()))], false});
          if (pick(3) == 0) edit.qos.back().record.preempt = {Text(pick(2) == 0 ? "high" : "nope")};
          break;
        }
        default: {
          edit.accounts.push_back(
              {accounts_.accounts[pick(static_cast<std::uint32_t>(accounts_.accounts.size()))],
               false});
          edit.accounts.back().record.coordinators = {name("user", pick(40))};
          break;
        }
      }
    }
    return edit;
  }
  void build() {
    AccountsEditor editor(accounts_);
    editor.qos("high");
    for (std::uint32_t n = 0; n < 8; ++n) {
      editor.account(name("account", n), n == 0 ? "root" : name("account", pick(n)));
    }
    for (std::uint32_t n = 0; n < 10; ++n) editor.user(name("user", n), name("account", pick(8)));
    accounts_ = core::apply_edit(accounts_, editor.edit(), {}, 1).value();
  }

  std::mt19937 random_{GetParam()};
  Accounts accounts_ = model::first_accounts();
};

void expect_same(const AccountTree& a, const AccountTree& b) {
  ASSERT_EQ(a.size(), b.size());
  for (AccountTree::Place place = 0; place < a.size(); ++place) {
    const Association& one = a.at(place);
    ASSERT_EQ(a.chain(place), b.chain(place));
    const auto children = a.children(place);
    const auto others = b.children(place);
    ASSERT_TRUE(std::equal(children.begin(), children.end(), others.begin(), others.end()));
    ASSERT_EQ(a.find_account(one.account), b.find_account(one.account));
    ASSERT_EQ(a.find(one.account, one.user, one.partition),
              b.find(one.account, one.user, one.partition));
    ASSERT_EQ(a.of_user(one.user), b.of_user(one.user));
    ASSERT_EQ(a.default_account(one.user), b.default_account(one.user));
  }
}

TEST_P(SmallEdits, AreCheckedAsAWholeWouldBe) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  build();
  auto tree = std::make_shared<const AccountTree>(std::make_shared<const Accounts>(accounts_));
  std::size_t taken = 0;
  for (int round = 0; round < 200; ++round) {
    const AccountsEdit edit = some_edit();
    const auto after = core::apply_edit(accounts_, edit, {}, 2);
    if (!after) continue;
    ++taken;
    const core::Complaints complaints = core::check_accounts(*after);
    ASSERT_TRUE(complaints.empty()) << complaints.front();
    accounts_ = *after;
    const auto all = std::make_shared<const Accounts>(accounts_);
    auto next = std::make_shared<const AccountTree>(all, tree.get());
    EXPECT_TRUE(next->extends(*tree));
    ASSERT_NO_FATAL_FAILURE(expect_same(*next, AccountTree(all)));
    tree = next;
  }
  EXPECT_GT(taken, 20U);
}

TEST_P(SmallEdits, OfWhatIsRightAreTaken) {
  build();
  for (int round = 0; round < 50; ++round) {
    AccountsEdit edit;
    edit.generation = accounts_.generation;
    some_association(edit).limits.max_jobs = pick(100);
    model::User user;
    user.name = name("late", static_cast<std::uint32_t>(round));
    edit.users.push_back({user, false});
    model::AssociationEdit one;
    one.record.user = user.name;
    one.record.account = name("account", pick(8));
    edit.associations.push_back(one);
    const auto after = core::apply_edit(accounts_, edit, {}, 2);
    ASSERT_TRUE(after) << after.error().text;
    accounts_ = *after;
    EXPECT_TRUE(accounts_.associations.back().is_default);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SmallEdits, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace sluice::test
