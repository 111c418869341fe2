// Who may change what in the accounts: by rank, as coordinator, for oneself; and that the service
// takes an edit once, keeps it, and counts AdminLevel as a rank.
#include "daemon/controller/service/account_rights.hpp"

#include <gtest/gtest.h>

#include "core/accounts_edit.hpp"
#include "daemon/controller/service/service.hpp"
#include "test/support/account_builders.hpp"
#include "test/unit/controller/fake_env.hpp"

namespace sluice::controller {
namespace {

using model::Accounts;
using model::AdminLevel;
using model::Association;
using test::AccountsEditor;

// root -> a -> b, and c; cora coordinates a; users ann in a and b, cora in a, zoe in c; opal is an
// operator, adam an administrator. QOS high is allowed in a.
Accounts usual() {
  const auto with = [](const Accounts& before, AccountsEditor editor) {
    return core::apply_edit(before, editor.edit(), {}, 1).value();
  };
  Accounts all = model::first_accounts();
  all = with(all, AccountsEditor(all)
                      .qos("high")
                      .qos("top")
                      .account("a")
                      .with([](Association& one) {
                        one.qos = {Text("normal"), Text("high")};
                        one.qos_own = true;
                      })
                      .account("b", "a")
                      .account("c")
                      .user("ann", "a")
                      .user("ann", "b")
                      .user("cora", "a")
                      .user("zoe", "c")
                      .user("opal", "c")
                      .user("adam", "c"));
  AccountsEditor ranks(all);
  ranks.coordinator("cora", "a");
  for (const auto& [name, level] :
       {std::pair("opal", AdminLevel::operator_), std::pair("adam", AdminLevel::administrator)}) {
    model::User user;
    user.name = name;
    user.admin_level = level;
    ranks.edit().users.push_back({user, false});
  }
  return with(all, ranks);
}

class AccountRightsTest : public ::testing::Test {
 protected:
  AccountsEditor editor() { return AccountsEditor(accounts); }
  bool may(std::string_view user, AccountsEditor wanted, auth::Level level = auth::Level::user) {
    const AccountEditor who{level, user, true};
    return may_edit(who, tree, wanted.edit()).has_value();
  }
  bool operator_may(AccountsEditor wanted) {
    return may("opal", std::move(wanted), auth::Level::operator_);
  }
  bool admin_may(AccountsEditor wanted) {
    return may("adam", std::move(wanted), auth::Level::admin);
  }
  bool root_may(AccountsEditor wanted) { return may("root", std::move(wanted), auth::Level::root); }
  AccountsEditor rank(std::string_view name, AdminLevel level) {
    AccountsEditor wanted = editor();
    model::User user;
    user.name = name;
    user.admin_level = level;
    wanted.edit().users.push_back({user, false});
    return wanted;
  }

  Accounts accounts = usual();
  core::AccountTree tree{std::make_shared<const Accounts>(accounts)};
};

TEST_F(AccountRightsTest, NobodyGrantsARankAtOrAboveTheirOwn) {
  EXPECT_FALSE(operator_may(rank("zoe", AdminLevel::operator_)));
  EXPECT_TRUE(admin_may(rank("zoe", AdminLevel::operator_)));
  EXPECT_FALSE(admin_may(rank("zoe", AdminLevel::administrator)));
  EXPECT_FALSE(admin_may(rank("adam", AdminLevel::none)));
  EXPECT_FALSE(admin_may(editor().remove_user("adam")));
  EXPECT_TRUE(admin_may(editor().remove_user("opal")));
  EXPECT_FALSE(operator_may(editor().remove_user("opal")));
  EXPECT_TRUE(root_may(rank("zoe", AdminLevel::administrator)));
  EXPECT_TRUE(root_may(editor().remove_user("adam")));
  EXPECT_FALSE(may("zoe", rank("zoe", AdminLevel::operator_)));
  EXPECT_FALSE(may("cora", rank("new", AdminLevel::operator_)));
}

TEST_F(AccountRightsTest, OperatorsChangeAllButQosAndTres) {
  EXPECT_TRUE(operator_may(editor().account("d").user("new", "d")));
  EXPECT_TRUE(operator_may(editor().remove_account("c")));
  EXPECT_TRUE(operator_may(editor().change("root", "", [](auto& a) { a.limits.grp_jobs = 5; })));
  EXPECT_TRUE(operator_may(editor().coordinator("zoe", "c")));
  EXPECT_FALSE(operator_may(editor().qos("new")));
  EXPECT_FALSE(operator_may(editor().remove_qos("high")));
  AccountsEditor tres = editor();
  tres.edit().add_tres.emplace_back("gres/gpu");
  EXPECT_FALSE(operator_may(tres));
  EXPECT_TRUE(admin_may(tres));
}

TEST_F(AccountRightsTest, CoordinatorsChangeWhatIsTheirs) {
  EXPECT_TRUE(may("cora", editor().user("new", "a")));
  EXPECT_TRUE(may("cora", editor().user("new", "b")));
  EXPECT_FALSE(may("cora", editor().user("new", "c")));
  EXPECT_TRUE(may("cora", editor().change("b", "ann", [](auto& a) { a.shares = 9; })));
  EXPECT_FALSE(may("cora", editor().change("c", "zoe", [](auto& a) { a.shares = 9; })));
  EXPECT_TRUE(may("cora", editor().change("b", "", [](auto& a) { a.shares = 9; })));
  EXPECT_FALSE(may("cora", editor().change("a", "", [](auto& a) { a.shares = 9; })));
  EXPECT_TRUE(may("cora", editor().account("new", "a")));
  EXPECT_FALSE(may("cora", editor().account("new", "c")));
  EXPECT_FALSE(may("cora", editor().account("new")));
  EXPECT_FALSE(may("cora", editor().remove_account("b")));
  EXPECT_FALSE(may("cora", editor().move("b", "c")));
  EXPECT_FALSE(may("cora", editor().move("c", "a")));
  EXPECT_TRUE(may("cora", editor().remove("b", "ann")));
  EXPECT_TRUE(may("cora", editor().remove_user("ann")));
  EXPECT_FALSE(may("cora", editor().remove_user("zoe")));
  EXPECT_TRUE(may("cora", editor().coordinator("ann", "b")));
  EXPECT_FALSE(may("cora", editor().coordinator("cora", "c")));
  EXPECT_FALSE(may("cora", editor().qos("new")));
  EXPECT_FALSE(may("ann", editor().user("new", "a")));
}

TEST_F(AccountRightsTest, CoordinatorsGiveOnlyTheQosOfTheAccount) {
  const auto with_qos = [this](const char* qos) {
    return editor().change("b", "ann", [&](Association& a) {
      a.qos = {Text(qos)};
      a.qos_own = true;
    });
  };
  EXPECT_TRUE(may("cora", with_qos("high")));
  EXPECT_FALSE(may("cora", with_qos("top")));
}

TEST_F(AccountRightsTest, FromAHostThatIsNotBelievedNobodyCoordinates) {
  AccountsEditor wanted = editor().user("new", "a");
  EXPECT_FALSE(may_edit({auth::Level::user, "cora", false}, tree, wanted.edit()));
}

TEST_F(AccountRightsTest, EverybodyChoosesTheirDefault) {
  const auto mine = [](Association& a) { a.is_default = true; };
  EXPECT_TRUE(may("ann", editor().change("b", "ann", mine)));
  EXPECT_FALSE(may("zoe", editor().change("b", "ann", mine)));
  EXPECT_FALSE(may("ann", editor().change("b", "ann", [](Association& a) {
    a.is_default = true;
    a.shares = 100;
  })));
  EXPECT_FALSE(may("", editor().change("root", "", mine)));
}

// --- Through the service -----------------------------------------------------------------------

class AccountRequestsTest : public ::testing::Test {
 protected:
  static ServiceOptions options() {
    auto settings = std::make_shared<model::Settings>();
    model::NodeSetting node;
    node.name = "n1";
    node.facts.sockets = 1;
    node.facts.cores_per_socket = 4;
    node.facts.threads_per_core = 1;
    node.facts_fixed = true;
    settings->nodes.push_back(node);
    model::Partition partition;
    partition.name = "batch";
    partition.nodes = "n1";
    partition.is_default = true;
    settings->partitions.push_back(partition);
    ServiceOptions options;
    options.settings = settings;
    options.service_uid = 500;
    return options;
  }
  static auth::Peer peer_of(std::uint32_t uid) {
    auth::Peer peer;
    peer.uid = uid;
    peer.gid = uid;
    peer.host = "login";
    peer.roles = auth::Role::login;
    return peer;
  }
  // The type of the answer.
  wire::MessageType ask(AccountsEditor editor, std::uint32_t uid, std::uint64_t request) {
    wire::EditAccounts message;
    message.request_id = {7, request};
    message.edit = editor.edit();
    service.on_request({1, 3, peer_of(uid)}, {static_cast<std::uint16_t>(wire::EditAccounts::kType),
                                              3, wire::encode(message)});
    service.on_turn_end();
    return env.replies.back().type;
  }
  AccountsEditor editor() { return AccountsEditor(service.cluster().accounts().accounts()); }

  FakeEnv env;
  Service service{env, options(), store::LoadedState{}};
};

TEST_F(AccountRequestsTest, AnEditIsStoredAndTakenOnce) {
  const AccountsEditor wanted = editor().account("a");
  EXPECT_EQ(ask(wanted, 500, 1), wire::MessageType::done_reply);
  ASSERT_FALSE(env.committed.empty());
  ASSERT_NE(env.committed.back().accounts, nullptr);
  EXPECT_EQ(env.committed.back().accounts->accounts.size(), 2U) << "root with the first change";
  EXPECT_EQ(ask(wanted, 500, 1), wire::MessageType::done_reply) << "the same request again";
  EXPECT_EQ(service.cluster().accounts().accounts().generation, 1U);
  EXPECT_EQ(ask(wanted, 500, 2), wire::MessageType::error_reply) << "of another generation";
}

TEST_F(AccountRequestsTest, AnAdminLevelIsARank) {
  EXPECT_EQ(ask(editor().qos("mine"), 1001, 1), wire::MessageType::error_reply);
  AccountsEditor rank = editor();
  model::User user;
  user.name = "u1001";
  user.admin_level = AdminLevel::administrator;
  rank.edit().users.push_back({user, false});
  EXPECT_EQ(ask(rank, 500, 2), wire::MessageType::done_reply);
  EXPECT_EQ(ask(editor().qos("mine"), 1001, 3), wire::MessageType::done_reply);
  EXPECT_EQ(ask(editor().qos("other"), 1002, 4), wire::MessageType::error_reply);
}

}  // namespace
}  // namespace sluice::controller
