// The authorisation table: every kind of rule against every kind of peer.

#include "auth/policy.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

struct Cancel {};
struct Forgotten {};

}  // namespace

template <>
struct Policy<Cancel> {
  static constexpr Rule rule{.least = Need::owner};
};

namespace {

static_assert(HasPolicy<Cancel>);
static_assert(!HasPolicy<Forgotten>, "a request without an entry must not compile into a handler");

constexpr uid_t kAlice = 1000;
constexpr uid_t kBob = 1001;
constexpr Need kEveryNeed[] = {Need::any_user,  Need::owner, Need::owner_or_admin,
                               Need::operator_, Need::admin, Need::root};

Peer user_at(uid_t uid, Roles roles) {
  return Peer{.uid = uid, .gid = 100, .pid = 1, .host = "h", .roles = roles};
}

// What a case expects: one letter for each of kEveryNeed, y or n.
struct Case {
  const char* name;
  Peer peer;
  Facts facts;
  std::string expected;
};

std::string verdicts(const Case& c, FromNodes from_nodes) {
  std::string text;
  for (const Need need : kEveryNeed) {
    const Rule rule{.least = need, .roles = kAnyRole, .from_nodes = from_nodes};
    text += decide(rule, c.peer, c.facts) ? 'y' : 'n';
  }
  return text;
}

Facts facts(uid_t owner, Level level, bool job = false) {
  return Facts{.owner = owner, .level = level, .user_has_job_on_host = job};
}

TEST(Policy, TrustedHostsSpeakForTheirUsers) {
  for (const Role role : {Role::controller, Role::login}) {
    const std::vector<Case> cases{
        {"stranger", user_at(kAlice, role), facts(kBob, Level::user), "ynnnnn"},
        {"owner", user_at(kAlice, role), facts(kAlice, Level::user), "yyynnn"},
        {"operator", user_at(kAlice, role), facts(kBob, Level::operator_), "yynynn"},
        {"admin", user_at(kAlice, role), facts(kBob, Level::admin), "yyyyyn"},
        {"root", user_at(0, role), facts(kBob, Level::user), "yyyyyy"},
        {"banned owner", user_at(kAlice, role), facts(kAlice, Level::none), "nnnnnn"},
    };
    for (const Case& c : cases) {
      EXPECT_EQ(verdicts(c, FromNodes::with_job), c.expected) << c.name;
      EXPECT_EQ(verdicts(c, FromNodes::never), c.expected) << c.name;
    }
  }
}

TEST(Policy, CoordinatorsAreBelievedWhereTheirHostIs) {
  const Rule rule{.least = Need::owner_or_coordinator};
  Facts of_bob = facts(kBob, Level::user, true);
  EXPECT_FALSE(decide(rule, user_at(kAlice, Role::login), of_bob));
  of_bob.coordinates = true;
  EXPECT_TRUE(decide(rule, user_at(kAlice, Role::login), of_bob));
  EXPECT_FALSE(decide(rule, user_at(kAlice, Role::node), of_bob));
  of_bob.level = Level::none;
  EXPECT_FALSE(decide(rule, user_at(kAlice, Role::login), of_bob));
  EXPECT_TRUE(decide(rule, user_at(kAlice, Role::login), facts(kAlice, Level::user)));
  EXPECT_TRUE(decide(rule, user_at(kAlice, Role::login), facts(kBob, Level::operator_)));
  EXPECT_TRUE(decide(rule, user_at(kAlice, Role::node), facts(kAlice, Level::user, true)));
}

TEST(Policy, ComputeNodesSpeakOnlyForUsersWithAJobThere) {
  const Peer alice = user_at(kAlice, Role::node);
  const std::vector<Case> cases{
      {"stranger with a job", alice, facts(kBob, Level::user, true), "ynnnnn"},
      {"owner with a job", alice, facts(kAlice, Level::user, true), "yyynnn"},
      {"owner without a job", alice, facts(kAlice, Level::user, false), "nnnnnn"},
      {"an operator is a plain user there", alice, facts(kBob, Level::operator_, true), "ynnnnn"},
      {"an admin is a plain user there", alice, facts(kBob, Level::admin, true), "ynnnnn"},
      {"root is nobody", user_at(0, Role::node), facts(kBob, Level::root, true), "nnnnnn"},
      {"root isn't even root's jobs' owner", user_at(0, Role::node), facts(0, Level::root, true),
       "nnnnnn"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(verdicts(c, FromNodes::with_job), c.expected) << c.name;
    EXPECT_EQ(verdicts(c, FromNodes::never), "nnnnnn") << c.name;
  }
}

TEST(Policy, HarmlessReadingIsOpenToEveryNode) {
  const Rule rule{.least = Need::any_user, .from_nodes = FromNodes::anybody};
  EXPECT_TRUE(decide(rule, user_at(kAlice, Role::node), facts(kBob, Level::user)));
  EXPECT_TRUE(decide(rule, user_at(0, Role::node), facts(kBob, Level::user)));
  const Rule own{.least = Need::owner, .from_nodes = FromNodes::anybody};
  EXPECT_FALSE(decide(own, user_at(kAlice, Role::node), facts(kAlice, Level::user)));
}

TEST(Policy, AGatewayIsNoMoreTrustedThanANode) {
  const Peer alice = user_at(kAlice, Role::gateway);
  EXPECT_EQ(verdicts({"", alice, facts(kBob, Level::admin), ""}, FromNodes::with_job), "nnnnnn");
}

TEST(Policy, SaysWhyANodeWasRefused) {
  const auto refused =
      decide(Policy<Cancel>::rule, user_at(kAlice, Role::node), facts(kAlice, Level::user, false));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::not_on_this_host);
}

TEST(Policy, RolesOutsideTheRuleAreRefusedWhoeverSpeaks) {
  const Rule rule{.least = Need::any_user, .roles = Role::controller};
  EXPECT_TRUE(decide(rule, user_at(0, Role::controller), {}));
  EXPECT_FALSE(decide(rule, user_at(0, Role::login), {}));
  EXPECT_FALSE(decide(rule, user_at(0, Roles()), {}));
}

TEST(Policy, HostMessagesAreForHostsAndNothingElseIs) {
  const Rule rule{.least = Need::host, .roles = Role::node};
  const Peer node{.host = "n1", .roles = Role::node};
  const Peer login{.host = "l1", .roles = Role::login};
  EXPECT_TRUE(decide(rule, node, {}));
  EXPECT_FALSE(decide(rule, login, {}));
  EXPECT_FALSE(decide(rule, user_at(0, Role::node), facts(0, Level::root, true)));
  EXPECT_EQ(verdicts({"", node, facts(Peer::kNoUid, Level::root, true), ""}, FromNodes::anybody),
            "nnnnnn");
}

TEST(Policy, NobodyGrantsARankAtOrAboveTheirOwn) {
  EXPECT_TRUE(may_grant(Level::root, Level::admin));
  EXPECT_TRUE(may_grant(Level::admin, Level::operator_));
  EXPECT_FALSE(may_grant(Level::admin, Level::admin));
  EXPECT_FALSE(may_grant(Level::operator_, Level::user));
  EXPECT_FALSE(may_grant(Level::root, Level::root));
}

TEST(Role, HasNames) {
  EXPECT_EQ(roles_text(Role::node | Role::login), "node,login");
  EXPECT_EQ(roles_text(Roles()), "none");
  EXPECT_EQ(parse_role("gateway"), Role::gateway);
  EXPECT_FALSE(parse_role("root"));
  EXPECT_EQ(role_name(Role::controller), "controller");
}

}  // namespace
}  // namespace sluice::auth
